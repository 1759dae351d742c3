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

GROUP = 32  # lanes that a clocked step ends together; bits of a bit map stand for groups
_CACHE_LINE = 64  # bytes
# Picoseconds, measured where the two ways of a clocked step cost the same: what a spike adds to the one, and what a
# product adds to the other. Only their ratios decide anything.
_SPIKE_PS, _ADDITION_PS = 400, 37
_POINT_SPIKE_PS, _POINT_ADDITION_PS = 1500, 30
PRODUCT_PS = 10  # 0: always as a whole frame; very many: never, unless sums might leave int16


def _record(*names: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names])


_CORE = _record(
    *("first", "neurons", "size"),  # its first neuron without and with padding lanes; its lanes
    *("pixels", "height", "width", "row"),  # `row` in lanes
    *("features", "channels", "lanes", "vectors", "bits"),  # `vectors` of `lanes` make a pixel
    *("threshold_high", "threshold_low", "return_to_zero", "decimator"),
    *("has_bias", "largest_bias", "largest_weight", "largest_sum", "calm"),
    *("groups", "reach_y", "reach_x"),  # further rows and columns reached
    *("first_wire", "wires"),
    *("frame", "line", "step_y", "step_x", "kernel_y", "run", "dense"),  # see `Layout`
    *("spike_cost", "frame_cost"),  # of one spike, and of all neurons in one step: see `_costs`
)
_WIRE = _record("source", "bits", "channels", "table", "windows")
_BLOCK = np.dtype(
    [
        ("pixel", np.int32),  # first pixel of the block
        ("weights", np.int32),  # first weight of channel 0
        ("stride", np.int32),  # weights from one channel to the next
        ("cell", np.int32),  # where it stands in a frame
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
        weights: int16, for spikes one by one.
        bias: int16, for every core flat [y, x, lane], or one group of zeros where it has none.
        pairs: int16, for whole frames: from `dense` on [vector, ky, pair of kx and input channel, lane, 2].

    A frame holds the counts of one step's spikes at one core: int16 [y, x, input channel], with the padding of the
    convolution as a border and an even number of channels. It has `frame` entries, `line` in one row, `step_y` and
    `step_x` from one neuron to the next; a neuron reads `run` entries in each of `kernel_y` rows.
    """

    cores: IntArray
    wires: IntArray
    blocks: IntArray
    weights: IntArray
    bias: IntArray
    pairs: IntArray


class Inputs(NamedTuple):
    """Spikes from outside: int32 [n] each, and what makes codes of them: width of the input, bits of its channels."""

    c: IntArray
    y: IntArray
    x: IntArray
    counts: IntArray
    width: int
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Targets:
    """One core as a target: the block of each pixel of its input (flat [y, x]) and its weights, as in `Layout`."""

    blocks: npt.NDArray[np.void]
    weights: IntArray
    reach: tuple[int, int]


def code_bits(channels: int) -> int:
    """Bits of a spike code that hold the channel."""
    return (channels - 1).bit_length()


def padded(channels: int) -> int:
    """Lanes of one pixel: a power of two, so that a spike's code is the index of its lane."""
    return max(8, 1 << code_bits(channels))


def lay_out(spec: Spec) -> Layout:
    """The layout of a spec; that of the last few specs is kept."""
    return _kept(Same(spec))


def forget() -> None:
    """Forget the layouts that are kept."""
    _kept.cache_clear()


def _lay_out(key: Same[Spec]) -> Layout:
    spec = key.value
    cores = np.zeros(len(spec.cores), dtype=_CORE)
    wires: list[tuple[int, ...]] = []
    blocks: list[npt.NDArray[np.void]] = []
    weights: list[IntArray] = []
    biases: list[IntArray] = []
    pairs: list[IntArray] = []
    first = neurons = features = tables = 0
    for index, core in enumerate(spec.cores):
        channels, height, width = core.neuron_shape
        lanes, pixels = padded(channels), height * width
        size = -(-pixels * lanes // GROUP) * GROUP
        targets = _targets(core, sum(map(len, weights)))
        weights.append(targets.weights)
        incoming = _incoming(spec, core, targets)
        cores[index] = (
            *(first, neurons, size, pixels, height, width, width * lanes),
            *(features, channels, min(lanes, 32), -(-lanes // 32), code_bits(lanes)),
            *(core.threshold_high, core.threshold_low, core.return_to_zero, core.decimator),
            *_bounds(core),
            *(size // GROUP, *targets.reach),
            *(len(wires), len(incoming)),
            *_frame(core),
            sum(map(len, pairs)),
            *_costs(core),
        )
        biases.append(_lane_bias(core, size))
        pairs.append(_pairs(core))
        for source, bits, limit, pooling, table in incoming:
            wires.append((source, bits, limit, tables, pooling**2))
            blocks.append(table)
            tables += len(table)
        first, neurons, features = first + pixels * channels, neurons + size, features + len(biases[-1])
    return Layout(
        cores=cores,
        wires=np.array(wires, dtype=_WIRE),
        blocks=np.concatenate(blocks),
        weights=_aligned(np.concatenate(weights)),
        bias=_aligned(np.concatenate(biases)),
        pairs=_aligned(np.concatenate(pairs)),
    )


_kept = lru_cache(maxsize=8)(_lay_out)  # a decorated function is one that mutmut does not change


def _aligned(array: IntArray) -> IntArray:
    """A copy that begins with a cache line, so that few vectors lie across two."""
    room = np.empty(array.nbytes + _CACHE_LINE, dtype=np.uint8)
    first = -room.ctypes.data % _CACHE_LINE
    copy = room[first : first + array.nbytes].view(array.dtype)
    copy[:] = array
    return copy


def _lane_bias(core: CoreSpec, size: int) -> IntArray:
    """As in `Layout`; padding lanes have none."""
    bias = np.zeros(size if core.bias is not None else GROUP, dtype=np.int16)
    if core.bias is not None:
        channels, height, width = core.neuron_shape
        lanes = np.zeros((height * width, padded(channels)), dtype=np.int16)
        lanes[:, :channels] = core.bias
        bias[: lanes.size] = lanes.ravel()
    return bias


def _frame(core: CoreSpec) -> tuple[int, int, int, int, int, int]:
    """frame, line, step_y, step_x, kernel_y, run, as in `Layout`."""
    _, height, width = core.input_shape
    line = (width + 2 * core.padding[1]) * _even(core)
    size = (height + 2 * core.padding[0]) * line
    # An odd number of cache lines: frames that lie a power of two apart would compete for the same part of the cache.
    size = (-(-size // GROUP) | 1) * GROUP
    kernel_y, kernel_x = core.weights.shape[2:]
    return (size, line, core.stride[0] * line, core.stride[1] * _even(core), kernel_y, kernel_x * _even(core))


def _costs(core: CoreSpec) -> tuple[int, int]:
    """Picoseconds of one spike by itself, and of one step as a whole frame."""
    out, _, kernel_y, kernel_x = core.weights.shape
    _, height, width = core.neuron_shape
    lanes = padded(out)
    products = height * width * lanes * kernel_y * kernel_x * _even(core)
    if height * width == 1:
        spike = _POINT_SPIKE_PS + lanes * _POINT_ADDITION_PS
    else:
        reached = max(lanes, 16) * -(-kernel_y // core.stride[0]) * -(-kernel_x // core.stride[1])
        spike = _SPIKE_PS + reached * _ADDITION_PS
    return spike, products * PRODUCT_PS


def _even(core: CoreSpec) -> int:
    """Input channels in a frame."""
    return core.input_shape[0] + core.input_shape[0] % 2


def _pairs(core: CoreSpec) -> IntArray:
    """The weights for frames."""
    out, channels, kernel_y, kernel_x = core.weights.shape
    table = np.zeros((padded(out), kernel_y, kernel_x, _even(core)), dtype=np.int16)
    table[:out, :, :, :channels] = core.weights.transpose(0, 2, 3, 1)
    lanes = min(padded(out), GROUP)
    table = table.reshape(-1, lanes, kernel_y, kernel_x * _even(core) // 2, 2)
    flat: IntArray = table.transpose(0, 2, 3, 1, 4).ravel()
    return flat


def _bounds(core: CoreSpec) -> tuple[int, int, int, int, int]:
    """Has it biases; the largest bias, weight, and sum of weights of one sign of one neuron; is it calm.

    In an event run, nothing saturates in a calm core, and all neurons stay between the thresholds: they begin there, no
    weight is larger than the upper one, there is no bias clock, and both are a weight away from the ends of int16.
    """
    w = core.weights.astype(np.int64)
    sums = [np.maximum(sign * w, 0).sum(axis=(1, 2, 3)).max() for sign in (1, -1)]
    bias = 0 if core.bias is None else np.abs(core.bias.astype(np.int64)).max()
    start = np.zeros(1) if core.initial_state is None else core.initial_state
    between = core.threshold_low <= start.min() and start.max() < core.threshold_high
    room = core.threshold_low + w.min() >= INT16_MIN and core.threshold_high + w.max() <= INT16_MAX
    calm = between and room and w.max() <= core.threshold_high and core.bias is None
    return (int(core.bias is not None), int(bias), int(np.abs(w).max()), int(max(sums)), int(calm))


def _incoming(spec: Spec, core: CoreSpec, targets: _Targets) -> list[tuple[int, int, int, int, npt.NDArray[np.void]]]:
    """(source, bits, channels that arrive, pooling, table) of every wire into a core: ports, then cores in order."""
    input_bits = code_bits(spec.port_shape[0])
    ends = [(0, input_bits, spec.port_shape, 1, port.feature_shift) for port in spec.inputs if port.core == core.core]
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
    table["cell"] += shift
    return table


def _targets(core: CoreSpec, first_weight: int) -> _Targets:
    """Blocks and weights of a core whose weights begin at the place given."""
    _, height, width = core.input_shape
    rows, columns = core.neuron_shape[1:]
    kernel = _whole_strides(core)
    kernel_y, kernel_x = kernel.shape[2:]
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
        part = np.zeros((kernel.shape[1], kernel_y, n, lanes), dtype=np.int16)
        taps = kernel[:, :, order][:, :, :, kx - np.arange(n) * core.stride[1]]
        part[..., : len(kernel)] = taps.transpose(1, 2, 3, 0)
        parts.append(part.ravel())
        first_weight += part.size
    y, x = np.divmod(np.arange(height * width), width)
    which = which.reshape(-1)[x]
    blocks = np.zeros(height * width, dtype=_BLOCK)
    blocks["pixel"] = top[y] * columns + left[x]
    blocks["weights"] = np.array(starts)[which] + place[np.maximum(first_ky, 0)][y] * wide[x] * lanes
    blocks["stride"] = kernel_y * wide[x] * lanes
    blocks["cell"] = ((y + core.padding[0]) * (width + 2 * core.padding[1]) + x + core.padding[1]) * _even(core)
    blocks["rows"], blocks["columns"] = np.where(wide[x] > 0, high[y], 0), wide[x]
    reach = (max(int(high.max()) - 1, 0), max(int(wide.max()) - 1, 0))
    return _Targets(blocks=blocks, weights=np.concatenate(parts), reach=reach)


def _whole_strides(core: CoreSpec) -> IntArray:
    """The weights, with zeros behind kernels that reach now more, now fewer neurons: that cannot be foreseen."""
    more = [-k % s if k > s else 0 for k, s in zip(core.weights.shape[2:], core.stride, strict=True)]
    return np.pad(core.weights, [(0, 0), (0, 0), (0, more[0]), (0, more[1])])


def _reach(size: int, padding: int, stride: int, kernel: int, neurons: int) -> tuple[IntArray, IntArray]:
    """First and last neuron along one axis that each input position reaches; last < first where there is none."""
    along = np.arange(size) + padding
    first = -((kernel - 1 - along) // stride)  # rounded up
    return np.maximum(first, 0), np.minimum(along // stride, neurons - 1)


def inputs_of(stimulus: Stimulus, shape: Shape) -> Inputs:
    """The spikes of a stimulus into an input (C, H, W)."""
    s = stimulus
    return Inputs(s.c, s.y, s.x, s.count, shape[2], code_bits(shape[0]))
