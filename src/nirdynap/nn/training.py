"""A spec that learns: its clocked run in the chip's integers forward, gradients for its floats backward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nirdynap.errors import NOT_A_NUMBER, NOT_EXACT, InputError, raise_errors
from nirdynap.ir.convention import SpikesPerStep
from nirdynap.ir.digest import frozen
from nirdynap.ir.result import only
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import INT16_MAX, INT16_MIN, WEIGHT_MAX, WEIGHT_MIN
from nirdynap.lower.validate import check_coherent
from nirdynap.nn.arguments import bad_option
from nirdynap.nn.counts import EXACT_BELOW, checked_raster, decimate, exact_arithmetic, place, pool
from nirdynap.nn.dvs import through_dvs
from nirdynap.nn.straight_through import Firing, fired, nonzero, rounded

_COPY = " (copy)"


def trainable(spec: Spec, *, spikes_per_step: SpikesPerStep | None = None) -> TrainableDynapcnn:
    """A torch module that computes what the chip's integers do in time steps, and whose weights and biases learn.

    Its outputs, spikes and membranes are those of `simulate(spec, raster)` to the bit, whatever its parameters become:
    they are rounded to the chip's integers in each forward pass. Parameters are in the floats of the network that the
    spec was made from (integer / scale). Thresholds, scales and placement stay as they are; parts and copies of a
    layer on several cores share its parameters; relays stay relays.

    Args:
        spec: where to start from.
        spikes_per_step: "many" or "one" spike of a neuron in a time step; default: as the spec says.

    Raises:
        InputError: ND507 for an unknown option, ND513 for what is no Spec.

    Example:
        >>> from nirdynap.testing.build import build_core, build_spec
        >>> model = trainable(build_spec(build_core(0, [[[[5]]]], (1, 1, 1), threshold_high=10)))
        >>> output = model(torch.tensor([1, 3]).reshape(2, 1, 1, 1, 1))
        >>> output.flatten().tolist()
        [0.0, 2.0]
        >>> (output.sum() - 1).square().backward()
        >>> with torch.no_grad():
        ...     model.layers[0].weight -= 20 * model.layers[0].weight.grad
        >>> model.to_spec().cores[0].weights.item()
        4
    """
    check_coherent(spec)
    if spikes_per_step not in (None, "one", "many"):
        raise InputError([bad_option("spikes_per_step", spikes_per_step, "None, one, many")])
    return TrainableDynapcnn(spec, many=(spikes_per_step or spec.spikes_per_step) == "many")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Activity:
    """What happened in a run of a `TrainableDynapcnn`; gradients flow from all of it but the membranes.

    Attributes:
        outputs: by Output node, float32 [time, batch, c, y, x], after the output's pooling.
        spikes: by core, float32 [time, batch, c, y, x], after decimation and before pooling.
        membranes: by core, float32 [batch, c, y, x] behind the last step.
        synaptic_operations: by core, float64 [], non-zero weights that its input spikes touched in the whole batch: as
            in `Result.stats`. The gradient is that of the input spikes, at the weights that are not zero now, and that
            of the small weights, towards zero (`straight_through.nonzero`).
    """

    outputs: Mapping[str, Tensor]
    spikes: Mapping[int, Tensor]
    membranes: Mapping[int, Tensor]
    synaptic_operations: Mapping[int, Tensor]


@final
class TrainableDynapcnn(nn.Module):
    """The clocked run of a spec with parameters; made by `trainable`.

    Each call is a recording of its own, from the spec's initial states.

    Attributes:
        spec: what it was made from.
        layers: a `TrainableLayer` for each layer of the network, in topological order.
    """

    layers: nn.ModuleList

    def __init__(self, spec: Spec, *, many: bool) -> None:
        super().__init__()
        self.spec = spec
        groups, rows = _grouped(spec)
        self.layers = nn.ModuleList(TrainableLayer(parts) for parts in groups)
        self._cores = nn.ModuleList(_Core(core, rows.get(core.core), many=many) for core in spec.cores)

    def forward(self, raster: Tensor) -> Tensor | Mapping[str, Tensor]:
        """Output counts, float32 [time, batch, c, y, x] after the output's pooling; by Output node if several.

        Args:
            raster: non-negative whole counts [time, batch, channel, y, x], of any dtype.

        Raises:
            InputError: as `activity`.
        """
        return only(self.activity(raster).outputs)

    def activity(self, raster: Tensor) -> Activity:
        """As `forward`, with the spikes, membranes and synaptic operations of every core.

        Args:
            raster: non-negative whole counts [time, batch, channel, y, x], of any dtype.

        Raises:
            InputError: ND504 for a bad raster, ND507 for another precision, ND508 where float32 would not be exact,
                ND570 for parameters that are no numbers any more.
        """
        counts = checked_raster(raster, self.spec, self._in_order()[0].initial)
        with exact_arithmetic(counts.device):
            return self._run(counts if self.spec.dvs is None else through_dvs(counts, self.spec.dvs))

    def to_spec(self) -> Spec:
        """The spec with the integers that the parameters round to, and everything else as it was.

        What is known of how the first integers came about (notes ND4xx, `quantisation`) is left out.

        Raises:
            InputError: ND570 for parameters that are no numbers any more.
        """
        with torch.no_grad():
            numbers = self._integers()
        cores = []
        for core in self.spec.cores:
            weights, bias = numbers[core.core]
            chosen = frozen(weights.cpu().numpy(), np.int8)
            biases = None if bias is None else frozen(bias.cpu().numpy(), np.int16)
            cores.append(replace(core, weights=chosen, bias=biases, quantisation=None))
        notes = tuple(note for note in self.spec.notes if not note.code.startswith("ND4"))
        return replace(self.spec, cores=tuple(cores), notes=notes)

    def _layers(self) -> list[TrainableLayer]:
        return cast("list[TrainableLayer]", list(self.layers))

    def _in_order(self) -> list[_Core]:
        return cast("list[_Core]", list(self._cores))

    def _integers(self) -> dict[int, tuple[Tensor, Tensor | None]]:
        """Weights and bias by core."""
        broken = [(layer.name, n) for layer in self._layers() if (n := layer.not_finite())]
        raise_errors((NOT_A_NUMBER.at(f"$.layers.{name}", value=n) for name, n in broken), InputError)
        numbers = [layer.integers() for layer in self._layers()]
        return {core.spec.core: core.numbers(numbers) for core in self._in_order()}

    def _run(self, seen: Tensor) -> Activity:
        steps, batch = seen.shape[:2]
        numbers = self._integers()
        waiting = {core.core: seen.new_zeros((steps, batch, *core.input_shape)) for core in self.spec.cores}
        outputs = {
            name: seen.new_zeros((steps, batch, *self.spec.output_shape(name))) for name in self.spec.output_names
        }
        for entry in self.spec.inputs:
            place(seen, entry.feature_shift, waiting[entry.core])
        spikes, membranes, operations = {}, {}, {}
        for core in self._in_order():
            index, (weights, bias) = core.spec.core, numbers[core.spec.core]
            operations[index] = core.synaptic_operations(waiting[index], weights)
            spikes[index], membranes[index] = core.run(waiting[index], weights, bias)
            for d in core.spec.destinations:
                place(pool(spikes[index], d.pooling), d.feature_shift, waiting[d.core])
            for port in self.spec.outputs:
                if port.core == index:
                    place(pool(spikes[index], port.pooling), port.feature_shift, outputs[port.name])
                    _check_exact(index, _largest(outputs[port.name]))
        return Activity(outputs=outputs, spikes=spikes, membranes=membranes, synaptic_operations=operations)


@final
class TrainableLayer(nn.Module):
    """The parameters of a layer, in the floats of the user's network.

    Attributes:
        name: the user's weight node.
        weight: float32 [out, in, ky, kx].
        bias: float32 [out], or None.
        scale: float32 []; an integer is ``round(scale * float)``.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None
    scale: Tensor

    def __init__(self, parts: tuple[CoreSpec, ...]) -> None:
        super().__init__()
        first = parts[0]
        self.name = first.name
        self.weight = _floats([part.weights for part in parts], first.scale)
        biases = [part.bias for part in parts if part.bias is not None]
        self.register_parameter("bias", _floats(biases, first.scale) if biases else None)
        self.register_buffer("scale", torch.tensor(first.scale, dtype=torch.float32), persistent=False)

    def integers(self) -> tuple[Tensor, Tensor | None]:
        """Weights and bias as the chip has them, in float32; gradients pass (`straight_through.rounded`)."""
        weights = rounded(self.weight, self.scale, WEIGHT_MIN, WEIGHT_MAX)
        return weights, None if self.bias is None else rounded(self.bias, self.scale, INT16_MIN, INT16_MAX)

    def not_finite(self) -> int:
        """How many of the parameters are no numbers."""
        return sum(int((~parameter.isfinite()).sum()) for parameter in self.parameters())

    def extra_repr(self) -> str:
        """Name, shape and scale, as torch prints them."""
        return f"{self.name!r}, weight={tuple(self.weight.shape)}, scale={self.scale.item():g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Which output channels of which layer a core holds."""

    layer: int
    start: int
    stop: int


@final
class _Core(nn.Module):
    """One core: what is computed with its integers. A relay has integers of its own, which stay."""

    initial: Tensor
    weights: Tensor
    bias: Tensor | None

    def __init__(self, spec: CoreSpec, rows: _Rows | None, *, many: bool) -> None:
        super().__init__()
        self.spec = spec
        self._rows = rows
        self._firing = Firing(spec.threshold_high, spec.threshold_low, spec.return_to_zero, many)
        initial = np.zeros(spec.neuron_shape) if spec.initial_state is None else spec.initial_state
        self.register_buffer("initial", torch.from_numpy(initial.astype("float32")), persistent=False)
        fixed = spec.weights if rows is None else None
        self.register_buffer("weights", _tensor(fixed), persistent=False)
        self.register_buffer("bias", _tensor(spec.bias if rows is None else None), persistent=False)

    def numbers(self, layers: list[tuple[Tensor, Tensor | None]]) -> tuple[Tensor, Tensor | None]:
        """Weights [out, in, ky, kx] and bias [out] of this core."""
        if self._rows is None:
            return self.weights, self.bias
        (weights, bias), channels = layers[self._rows.layer], slice(self._rows.start, self._rows.stop)
        return weights[channels], None if bias is None else bias[channels]

    def run(self, counts: Tensor, weights: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        """Spikes [time, batch, c, y, x] of input counts of that shape, and the membranes behind the last step."""
        spec, front = self.spec, counts.shape[:2]
        with torch.no_grad():
            reach = float(weights.abs().sum(dim=(1, 2, 3)).amax()) * _largest(counts)
            _check_exact(spec.core, -INT16_MIN + reach + (0.0 if bias is None else float(bias.abs().amax())))
        flat = functional.conv2d(counts.flatten(0, 1), weights, bias, stride=spec.stride, padding=spec.padding)
        initial = self.initial.expand(front[1], *spec.neuron_shape)
        spikes, membranes = fired(flat.reshape(*front, *spec.neuron_shape), initial, self._firing)
        return self._decimated(spikes), membranes

    def _decimated(self, spikes: Tensor) -> Tensor:
        """Every Nth spike; the gradient is that of a share of each."""
        every = self.spec.decimator
        if every == 1:
            return spikes
        passed, phases = [], torch.zeros(spikes.shape[1], dtype=torch.int64, device=spikes.device)
        for step in spikes.detach():
            some, phases = decimate(step, phases, every)
            passed.append(some)
        share = spikes / every
        return torch.stack(passed) + (share - share.detach()) if passed else spikes

    def synaptic_operations(self, counts: Tensor, weights: Tensor) -> Tensor:
        """Non-zero weights that the input counts [time, batch, c, y, x] touch, float64 []."""
        spec, totals = self.spec, counts.sum(dim=(0, 1))
        _check_exact(spec.core, _largest(totals))
        touched = nonzero(weights).to(torch.float64)
        return functional.conv2d(totals[None].to(touched), touched, stride=spec.stride, padding=spec.padding).sum()


def _grouped(spec: Spec) -> tuple[list[tuple[CoreSpec, ...]], dict[int, _Rows]]:
    """The cores that hold each layer's parameters, and by core which of them it runs with; relays are left out."""
    groups: dict[object, list[CoreSpec]] = {}
    for core in (core for parts in spec.layers for core in parts):
        groups.setdefault(_alike(core, core.name), []).append(core)
    rows: dict[int, _Rows] = {}
    for layer, parts in enumerate(groups.values()):
        start = 0
        for part in parts:
            rows[part.core] = _Rows(layer=layer, start=start, stop=start + len(part.weights))
            start += len(part.weights)
    numbers = {key: layer for layer, key in enumerate(groups)}
    for core in spec.cores:
        key = _alike(core, core.name.removesuffix(_COPY))
        if not core.origin and core.name.endswith(_COPY) and key in groups:
            whole = np.concatenate([part.weights for part in groups[key]])
            channels = slice(core.first_channel, core.first_channel + len(core.weights))
            if np.array_equal(whole[channels], core.weights):
                rows[core.core] = _Rows(layer=numbers[key], start=channels.start, stop=channels.stop)
    return [tuple(parts) for parts in groups.values()], rows


def _alike(core: CoreSpec, name: str) -> object:
    """What parts of one layer have in common."""
    return (name, core.scale, core.weights.shape[1:], core.bias is None)


def _floats(parts: list[np.ndarray], scale: float) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy((np.concatenate(parts) / scale).astype("float32")))


def _tensor(integers: np.ndarray | None) -> Tensor | None:
    return None if integers is None else torch.from_numpy(integers.astype("float32"))


def _largest(counts: Tensor) -> float:
    return float(counts.detach().amax()) if counts.numel() else 0.0


def _check_exact(core: int, value: float) -> None:
    """Raise InputError ND508 unless float32 is exact up to `value`."""
    if not value < EXACT_BELOW:
        raise InputError([NOT_EXACT.at(f"$.cores.{core}", value=value, limit=EXACT_BELOW, core=core)])
