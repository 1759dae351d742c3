"""A spec laid out for the vector kernels: one spike is a few contiguous runs of weights added to membranes.

Membranes lie as [y, x, lane], the output channels padded to 8 lanes or the next power of two; a pixel is then a whole
number of vectors. An input pixel of a core reaches a block of its neurons: some rows, some columns. The weights of a
block lie as [row, column, lane] without gaps, in int16: kernel rows are sorted by the stride phase that they belong to
and flipped, and every set of kernel columns that some input column reaches has a copy of its own. So a block cut off
at the border of the map is a table entry like any other, and no neuron outside the map exists.

A spike is one integer: ``count << 32 | pixel << bits | channel`` in a clocked run, ``index of the external event << 32
| pixel << bits | channel`` in an event run. Pooling, feature shift and the borders of the target are in the table of
the wire that the spike takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nirdynap.ir.digest import Same
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import INT16_MAX, INT16_MIN, IntArray, Shape
from nirdynap.sim.stimulus import Stimulus

WORD = 64  # pixels of one row in one word of a bit map


def _record(*names: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names])


_CORE = _record(
    *("first", "neurons", "size"),  # its first neuron without and with padding lanes; its lanes
    *("pixels", "height", "width", "row"),  # `row` in lanes
    *("features", "channels", "lanes", "vectors", "bits"),  # `vectors` of `lanes` make a pixel
    *("threshold_high", "threshold_low", "return_to_zero", "decimator"),
    *("has_bias", "largest_bias", "largest_weight", "largest_sum", "calm"),
    *("words", "reach_y", "reach_x"),  # words of a row of the bit map; further rows and columns reached
    *("first_wire", "wires"),
)
_WIRE = _record("source", "bits", "channels", "table", "windows")
_BLOCK = np.dtype(
    [
        ("pixel", np.int32),  # first pixel of the block
        ("weights", np.int32),  # first weight of channel 0
        ("stride", np.int32),  # weights from one channel to the next
        ("anchor", np.int32),  # its place in the bit map
        ("rows", np.int16),
        ("columns", np.int16),
    ]
)


class Layout(NamedTuple):
    """What the vector kernels read.

    Attributes:
        cores: one record for each core, in topological order.
        wires: what each core listens to, core after core. `source` is 0 for the input of the network and k + 1 for
            core k; `windows` is the number of pixels that become one.
        blocks: for each wire, what a spike of each source pixel reaches.
        weights: int16; bias: int16, flat [lane] of every core.
    """

    cores: IntArray
    wires: IntArray
    blocks: IntArray
    weights: IntArray
    bias: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Targets:
    """One core as a target: the block of each pixel of its input (flat [y, x]) and its weights."""

    blocks: npt.NDArray[np.void]
    weights: IntArray
    reach: tuple[int, int]


def code_bits(channels: int) -> int:
    """Bits of a spike code that hold the channel."""
    return (channels - 1).bit_length()


def padded(channels: int) -> int:
    """Lanes of one pixel: a power of two, so that a spike's code is the index of its lane."""
    return max(8, 1 << code_bits(channels))


def is_tree(net: Layout) -> bool:
    """Does every core listen to one source (over any number of wires)."""
    wires = [net.wires[c["first_wire"] : c["first_wire"] + c["wires"]] for c in net.cores]
    return all(len(set(some["source"].tolist())) == 1 for some in wires)


def lay_out(spec: Spec) -> Layout:
    """The layout of a spec; that of the last few specs is kept."""
    return _lay_out(Same(spec))


@lru_cache(maxsize=8)
def _lay_out(key: Same[Spec]) -> Layout:
    spec = key.value
    cores = np.zeros(len(spec.cores), dtype=_CORE)
    wires: list[tuple[int, ...]] = []
    blocks: list[npt.NDArray[np.void]] = []
    weights: list[IntArray] = []
    first = neurons = features = tables = 0
    for index, core in enumerate(spec.cores):
        channels, height, width = core.neuron_shape
        lanes, pixels, row_words = padded(channels), height * width, -(-width // WORD)
        targets = _targets(core, sum(map(len, weights)))
        weights.append(targets.weights)
        incoming = _incoming(spec, core, targets)
        cores[index] = (
            *(first, neurons, pixels * lanes, pixels, height, width, width * lanes),
            *(features, channels, min(lanes, 32), -(-lanes // 32), code_bits(lanes)),
            *(core.threshold_high, core.threshold_low, core.return_to_zero, core.decimator),
            *_bounds(core),
            *(row_words, *targets.reach),
            *(len(wires), len(incoming)),
        )
        for source, bits, limit, pooling, table in incoming:
            wires.append((source, bits, limit, tables, pooling**2))
            blocks.append(table)
            tables += len(table)
        first, neurons, features = first + pixels * channels, neurons + pixels * lanes, features + lanes
    return Layout(
        cores=cores,
        wires=np.array(wires, dtype=_WIRE),
        blocks=np.concatenate(blocks),
        weights=_aligned(np.concatenate(weights)),
        bias=_aligned(np.concatenate([_lanes(core) for core in spec.cores])),
    )


def _aligned(array: IntArray) -> IntArray:
    """A copy that begins with a cache line, so that few vectors lie across two."""
    room = np.empty(array.nbytes + WORD, dtype=np.uint8)
    first = -room.ctypes.data % WORD
    copy = room[first : first + array.nbytes].view(array.dtype)
    copy[:] = array
    return copy


def _lanes(core: CoreSpec) -> IntArray:
    bias = np.zeros(padded(core.neuron_shape[0]), dtype=np.int16)
    if core.bias is not None:
        bias[: len(core.bias)] = core.bias
    return bias


def _bounds(core: CoreSpec) -> tuple[int, int, int, int, int]:
    """Has it biases; the largest bias, weight, and sum of weights of one sign of one neuron; is it calm.

    In an event run, nothing saturates in a calm core, and no neuron stays at or above the threshold: no weight is
    larger than it, there is no bias clock, and both thresholds are a weight away from the ends of int16.
    """
    w = core.weights.astype(np.int64)
    sums = [np.maximum(sign * w, 0).sum(axis=(1, 2, 3)).max() for sign in (1, -1)]
    bias = 0 if core.bias is None else np.abs(core.bias.astype(np.int64)).max()
    low_enough = core.initial_state is None or int(core.initial_state.max()) < core.threshold_high
    room = core.threshold_low + w.min() >= INT16_MIN and core.threshold_high + w.max() <= INT16_MAX
    calm = low_enough and room and w.max() <= core.threshold_high and core.bias is None
    return (int(core.bias is not None), int(bias), int(np.abs(w).max()), int(max(sums)), int(calm))


def _incoming(spec: Spec, core: CoreSpec, targets: _Targets) -> list[tuple[int, int, int, int, npt.NDArray[np.void]]]:
    """(source, bits, channels that arrive, pooling, table) of every wire into a core: ports, then cores in order."""
    input_bits = code_bits(spec.input_shape[0])
    ends = [(0, input_bits, spec.input_shape, 1, port.feature_shift) for port in spec.inputs if port.core == core.core]
    for k, source in enumerate(spec.cores):
        bits = code_bits(padded(source.neuron_shape[0]))
        slots = [d for d in source.destinations if d.core == core.core]
        ends += [(k + 1, bits, source.neuron_shape, d.pooling, d.feature_shift) for d in slots]
    return [
        (source, bits, core.input_shape[0] - shift, pooling, _table(core, targets, shape, pooling, shift))
        for source, bits, shape, pooling, shift in ends
    ]


def _table(core: CoreSpec, targets: _Targets, source: Shape, pooling: int, shift: int) -> npt.NDArray[np.void]:
    """The block that a spike of each source pixel reaches; no rows where it is dropped."""
    _, height, width = core.input_shape
    y, x = np.divmod(np.arange(source[1] * source[2]), source[2])
    ty, tx = y // pooling, x // pooling
    inside = (ty < min(height, source[1] // pooling)) & (tx < min(width, source[2] // pooling))
    table = np.zeros(len(y), dtype=_BLOCK)
    table[inside] = targets.blocks[(ty * width + tx)[inside]]
    table["weights"] += shift * table["stride"]
    return table


def _targets(core: CoreSpec, first_weight: int) -> _Targets:
    """Blocks and weights of a core whose weights begin at the place given."""
    _, height, width = core.input_shape
    rows, columns = core.neuron_shape[1:]
    kernel_y, kernel_x = core.weights.shape[2:]
    lanes = padded(core.neuron_shape[0])
    top, bottom = _reach(height, core.padding[0], core.stride[0], kernel_y, rows)
    left, right = _reach(width, core.padding[1], core.stride[1], kernel_x, columns)
    # Kernel rows by phase, each phase from the last row to the first: the rows of a block lie one after the other.
    order = sorted(range(kernel_y), key=lambda ky: (ky % core.stride[0], -ky))
    place = np.argsort(order)
    first_ky = np.arange(height) + core.padding[0] - top * core.stride[0]
    first_kx = np.arange(width) + core.padding[1] - left * core.stride[1]
    high, wide = np.maximum(bottom - top + 1, 0), np.maximum(right - left + 1, 0)
    windows, which = np.unique(np.stack([first_kx, wide]), axis=1, return_inverse=True)
    parts, starts = [], []
    for kx, n in windows.T:
        starts.append(first_weight)
        part = np.zeros((core.weights.shape[1], kernel_y, n, lanes), dtype=np.int16)
        taps = core.weights[:, :, order][:, :, :, kx - np.arange(n) * core.stride[1]]
        part[..., : len(core.weights)] = taps.transpose(1, 2, 3, 0)
        parts.append(part.ravel())
        first_weight += part.size
    y, x = np.divmod(np.arange(height * width), width)
    which = which.reshape(-1)[x]
    blocks = np.zeros(height * width, dtype=_BLOCK)
    blocks["pixel"] = top[y] * columns + left[x]
    blocks["weights"] = np.array(starts)[which] + place[np.clip(first_ky, 0, kernel_y - 1)][y] * wide[x] * lanes
    blocks["stride"] = kernel_y * wide[x] * lanes
    blocks["anchor"] = top[y] * -(-columns // WORD) * WORD + left[x]
    blocks["rows"], blocks["columns"] = np.where(wide[x] > 0, high[y], 0), wide[x]
    reach = (max(int(high.max()) - 1, 0), max(int(wide.max()) - 1, 0))
    return _Targets(blocks=blocks, weights=np.concatenate(parts), reach=reach)


def _reach(size: int, padding: int, stride: int, kernel: int, neurons: int) -> tuple[IntArray, IntArray]:
    """First and last neuron along one axis that each input position reaches; last < first where there is none."""
    along = np.arange(size) + padding
    first = -((kernel - 1 - along) // stride)  # rounded up
    return np.maximum(first, 0), np.minimum(along // stride, neurons - 1)


def spike_codes(stimulus: Stimulus, shape: Shape) -> IntArray:
    """The spikes of a stimulus into an input (C, H, W), as an address in the low half; int64 [n]."""
    codes: IntArray = (stimulus.y * shape[2] + stimulus.x) << code_bits(shape[0]) | stimulus.c
    return codes
