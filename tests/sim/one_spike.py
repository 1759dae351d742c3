"""What one spike does, neuron by neuron from the definition: what the tests of the kernels' arrays compare with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A port or a destination: from source 0, the input, or k + 1, core k, to a core, both in the order of the spec."""

    source: int
    target: int
    shape: Shape
    pooling: int
    shift: int

    def arrives(self, core: CoreSpec, c: int, y: int, x: int) -> tuple[int, int, int] | None:
        """Where a spike of the source arrives at `core`, the target; None if it is dropped."""
        features, rows, columns = (self.shape[0], *(n // self.pooling * self.pooling for n in self.shape[1:]))
        channels, height, width = core.input_shape
        there = (c + self.shift, y // self.pooling, x // self.pooling)
        inside = c < features and y < rows and x < columns and all(np.less(there, (channels, height, width)))
        return there if inside else None


def wires(spec: Spec) -> Iterator[Wire]:
    """Every wire, target after target: ports first, then sources in order, each one's slots in order."""
    order = {core.core: k for k, core in enumerate(spec.cores)}
    for target, core in enumerate(spec.cores):
        for port in spec.inputs:
            if port.core == core.core:
                yield Wire(source=0, target=target, shape=spec.port_shape, pooling=1, shift=port.feature_shift)
        for source in spec.cores:
            for slot in source.destinations:
                if slot.core == core.core:
                    where = {"source": order[source.core] + 1, "target": target, "shape": source.neuron_shape}
                    yield Wire(**where, pooling=slot.pooling, shift=slot.feature_shift)


def added(core: CoreSpec, at: tuple[int, int, int] | None) -> np.ndarray:
    """What a spike at an address of the input of `core` adds to each membrane, int64 [out, y, x]."""
    result = np.zeros(core.neuron_shape, dtype=np.int64)
    if at is not None:
        c, y, x = at
        for i, j in np.ndindex(core.neuron_shape[1:]):
            ky, kx = y + core.padding[0] - i * core.stride[0], x + core.padding[1] - j * core.stride[1]
            if 0 <= ky < core.weights.shape[2] and 0 <= kx < core.weights.shape[3]:
                result[:, i, j] = core.weights[:, c, ky, kx]
    return result


def some_spikes(shape: Shape, seed: int, number: int = 12) -> list[tuple[int, int, int]]:
    """Addresses of a source: some, with its corners among them."""
    rng = np.random.default_rng(seed)
    corners = [(0, 0, 0), tuple(n - 1 for n in shape), (shape[0] - 1, 0, shape[2] - 1), (0, shape[1] - 1, 0)]
    return [*corners, *(tuple(int(rng.integers(n)) for n in shape) for _ in range(number))]
