"""Layers that break one rule each: what `networks(breaks=...)` puts first or last into a chain of good ones.

A rule goes by the name of its diagnostic in `nirdynap.errors`, in lower case. Everything else about such a layer is
legal, so that it is the only finding.
"""

from __future__ import annotations

from collections.abc import Callable

import nir
import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from nirdynap import errors
from nirdynap.chips.chip import Chip
from nirdynap.ir.units import Pair, conv_output
from nirdynap.testing.sketch import Array, Bundle, Draw, Sketch, Tap, draw_weights

_ONE = (1, 1)
_NONE = (0, 0)

First = Callable[[Draw, Chip], tuple[Sketch, Tap]]
"""A graph that begins with the broken layer, and what a good layer behind it may listen to."""

Last = Callable[[Draw, Chip, Sketch, Bundle], Tap]
"""A broken layer behind good ones, and what feeds the Output."""


def rule_name(rule: str) -> str:
    """The name of a rule, of its name or of its diagnostic's code.

    Raises:
        InvalidArgument: no network can be drawn that breaks it.
    """
    codes = {getattr(errors, name.upper()).code: name for name in RULES}
    name = codes.get(rule, rule)
    if name not in RULES:
        raise InvalidArgument(f"expected breaks to be one of {', '.join(RULES)}, or its code; got {rule!r}")
    return name


# --- building blocks --------------------------------------------------------------------------------------------------


def _sketch(draw: Draw, channels: int, height: int, width: int) -> Sketch:
    return Sketch((channels, height, width), draw(st.sampled_from([np.float64, np.float32])))


def _size(draw: Draw, least: int = 1) -> Pair:
    return draw(st.integers(least, 9)), draw(st.integers(least, 9))


def _conv(
    draw: Draw,
    sketch: Sketch,
    bundle: Bundle,
    features: int,
    *,
    kernel: Pair = _ONE,
    stride: Pair = _ONE,
    padding: Pair = _NONE,
    spare: int = 0,
) -> Tap:
    """A convolution; `spare` is by how many channels its weights are too many."""
    channels, height, width = bundle[0].shape
    weights = draw_weights(draw, (features, channels + spare, *kernel), sketch.dtype)
    node = nir.Conv2d((height, width), weights, stride, padding, 1, 1, np.zeros(features, sketch.dtype))
    maps = conv_output((height, width), kernel, stride, padding)
    return sketch.add("conv", node, bundle, (features, *maps))


def _fire(sketch: Sketch, tap: Tap, *, threshold: Array | float = 1.0, r: Array | float = 1.0) -> Tap:
    gain, theta = np.broadcast_arrays(np.array(r, sketch.dtype), np.array(threshold, sketch.dtype))
    node = nir.IF(gain.copy(), theta.copy())
    return sketch.add("if", node, [tap], tap.shape)


def _pool(sketch: Sketch, tap: Tap, window: Pair, stride: Pair | None = None) -> Tap:
    stride = stride or window
    node = nir.SumPool2d(np.array(window), np.array(stride), np.zeros(2, dtype=int))
    rows, columns = ((n - k) // s + 1 for n, k, s in zip(tap.shape[1:], window, stride, strict=True))
    return sketch.add("pool", node, [tap], (tap.shape[0], rows, columns))


def _plain(draw: Draw, least: int = 1) -> tuple[Sketch, Tap]:
    """A graph of one good convolution, without its neurons yet, on maps of at least so many pixels a side."""
    sketch = _sketch(draw, draw(st.integers(1, 3)), *_size(draw, least))
    return sketch, _conv(draw, sketch, [sketch.input], draw(st.integers(1, 3)))


def _either_axis(draw: Draw, bad: int, good: int = 1) -> Pair:
    """`bad` along y, along x or along both."""
    both: Pair = draw(st.sampled_from([(bad, bad), (bad, good), (good, bad)]))
    return both


# --- limits of a core -------------------------------------------------------------------------------------------------


def _kernel_size(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    side = draw(st.integers(chip.limits.kernel_size + 1, chip.limits.kernel_size + 4))
    height, width = _size(draw)
    sketch = _sketch(draw, draw(st.integers(1, 3)), height + side - 1, width + side - 1)
    return sketch, _fire(sketch, _conv(draw, sketch, [sketch.input], 1, kernel=(side, side)))


def _stride(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    wrong = [n for n in range(1, max(chip.limits.strides) + 3) if n not in chip.limits.strides]
    sketch = _sketch(draw, draw(st.integers(1, 3)), *_size(draw))
    stride = _either_axis(draw, draw(st.sampled_from(wrong)))
    return sketch, _fire(sketch, _conv(draw, sketch, [sketch.input], draw(st.integers(1, 3)), stride=stride))


def _padding(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    padding = _either_axis(draw, draw(st.integers(chip.limits.padding + 1, chip.limits.padding + 3)), 0)
    sketch = _sketch(draw, draw(st.integers(1, 3)), *_size(draw))
    features = draw(st.integers(1, 3))  # the stride leaves a map that a kernel can cover
    return sketch, _fire(sketch, _conv(draw, sketch, [sketch.input], features, padding=padding, stride=(2, 2)))


def _pooling(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    wrong = [n for n in range(1, max(chip.limits.poolings) + 3) if n not in chip.limits.poolings]
    unequal = [(1, 2), (4, 2)]
    window = draw(st.sampled_from([*((n, n) for n in wrong), *unequal]))
    height, width = _size(draw)
    sketch = _sketch(draw, draw(st.integers(1, 3)), height * window[0], width * window[1])
    fired = _fire(sketch, _conv(draw, sketch, [sketch.input], draw(st.integers(1, 3))))
    return sketch, _pool(sketch, fired, window)


def _input_map(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    side = draw(st.integers(chip.limits.input_map + 1, chip.limits.input_map + 8))
    sketch = _sketch(draw, draw(st.integers(1, 2)), *draw(st.sampled_from([(side, 32), (32, side), (side, side)])))
    return sketch, _pool(sketch, _fire(sketch, _conv(draw, sketch, [sketch.input], 1, stride=(8, 8))), (4, 4))


def _output_map(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    side = draw(st.integers(chip.limits.output_map + 1, chip.limits.output_map + 3))  # 16 pixels behind the pool
    sketch = _sketch(draw, draw(st.integers(1, 2)), *draw(st.sampled_from([(side, 4), (4, side), (side, side)])))
    return sketch, _pool(sketch, _fire(sketch, _conv(draw, sketch, [sketch.input], 1)), (4, 4))


def _input_features(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    channels = draw(st.integers(chip.limits.features + 1, chip.limits.features + 8))
    sketch = _sketch(draw, channels, *draw(st.sampled_from([(1, 1), (2, 2), (1, 3)])))
    return sketch, _fire(sketch, _conv(draw, sketch, [sketch.input], draw(st.integers(1, 3))))


def _output_features(draw: Draw, chip: Chip, sketch: Sketch, bundle: Bundle) -> Tap:
    features = draw(st.integers(chip.limits.features + 1, chip.limits.features + 8))
    return _fire(sketch, _conv(draw, sketch, bundle, features, stride=(8, 8)))


def _kernel_memory(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    side = chip.limits.kernel_size
    least = max(core.kernel for core in chip.cores) // side**2 + 1  # channels, with which one feature is too much
    sketch = _sketch(draw, draw(st.integers(least, least + 8)), side, side)
    return sketch, _fire(sketch, _conv(draw, sketch, [sketch.input], draw(st.integers(1, 2)), kernel=(side, side)))


# --- what reading and the passes refuse -------------------------------------------------------------------------------


def _per_pixel(draw: Draw, shape: tuple[int, int, int]) -> Array:
    """Ones, and another value at one pixel."""
    values = np.ones(shape)
    values[tuple(draw(st.integers(0, n - 1)) for n in shape)] = draw(st.sampled_from([2, 0.5, 4]))
    return values


def _threshold_per_pixel(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    sketch, tap = _plain(draw, least=2)
    return sketch, _fire(sketch, tap, threshold=_per_pixel(draw, tap.shape))


def _gain_per_pixel(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    sketch, tap = _plain(draw, least=2)
    return sketch, _fire(sketch, tap, r=_per_pixel(draw, tap.shape))


def _bad_threshold(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    sketch, tap = _plain(draw)
    return sketch, _fire(sketch, tap, threshold=draw(st.sampled_from([0.0, -1.0])))


def _not_finite(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    sketch, tap = _plain(draw)
    sketch.nodes[tap.name].weight[0, 0, 0, 0] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    return sketch, _fire(sketch, tap)


def _shape_mismatch(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    sketch = _sketch(draw, draw(st.integers(1, 3)), *_size(draw))
    return sketch, _fire(sketch, _conv(draw, sketch, [sketch.input], draw(st.integers(1, 3)), spare=1))


def _recurrent(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    channels = draw(st.integers(1, 3))
    sketch = _sketch(draw, channels, *_size(draw))
    tap = _conv(draw, sketch, [sketch.input], channels)
    fired = _fire(sketch, tap)
    sketch.edges.append((fired.name, tap.name))
    return sketch, fired


def _edge_to_nowhere(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    sketch, tap = _plain(draw)
    fired = _fire(sketch, tap)
    sketch.edges.append((fired.name, "nowhere"))
    return sketch, fired


def _overlapping_pool(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    sketch, tap = _plain(draw, least=2)
    return sketch, _pool(sketch, _fire(sketch, tap), (2, 2), stride=_ONE)


def _unsupported_node(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    sketch, tap = _plain(draw)
    fired = _fire(sketch, tap)
    ones = np.ones(tap.shape)
    node = draw(st.sampled_from([nir.Delay(ones), nir.Threshold(ones), nir.I(ones)]))
    return sketch, sketch.add("other", node, [fired], tap.shape)


def _no_weights(draw: Draw, chip: Chip) -> tuple[Sketch, Tap]:
    sketch = _sketch(draw, draw(st.integers(1, 3)), *_size(draw))
    return sketch, _fire(sketch, sketch.input)


def _no_neuron(draw: Draw, chip: Chip, sketch: Sketch, bundle: Bundle) -> Tap:
    return _conv(draw, sketch, bundle, draw(st.integers(1, 3)))


def _scaled_output(draw: Draw, chip: Chip, sketch: Sketch, bundle: Bundle) -> Tap:
    fired = _fire(sketch, _conv(draw, sketch, bundle, draw(st.integers(1, 3))))
    factor = np.array(draw(st.sampled_from([2, 0.5, -1])), sketch.dtype)
    return sketch.add("scale", nir.Scale(factor), [fired], fired.shape)


FIRST: dict[str, First] = {
    "kernel_size": _kernel_size,
    "stride": _stride,
    "padding": _padding,
    "pooling": _pooling,
    "input_map": _input_map,
    "output_map": _output_map,
    "input_features": _input_features,
    "kernel_memory": _kernel_memory,
    "threshold_per_pixel": _threshold_per_pixel,
    "gain_per_pixel": _gain_per_pixel,
    "bad_threshold": _bad_threshold,
    "not_finite": _not_finite,
    "shape_mismatch": _shape_mismatch,
    "recurrent": _recurrent,
    "edge_to_nowhere": _edge_to_nowhere,
    "overlapping_pool": _overlapping_pool,
    "unsupported_node": _unsupported_node,
    "no_weights": _no_weights,
}
LAST: dict[str, Last] = {
    "output_features": _output_features,
    "no_neuron": _no_neuron,
    "scaled_output": _scaled_output,
}
RULES = (*FIRST, *LAST, "too_many_layers")
"""What `networks(breaks=...)` can break."""
