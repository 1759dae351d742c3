"""Hypothesis strategies for NIR graphs: those that convert to a chip, and those that break one rule.

All numbers are small multiples of 2**-6, thresholds that differ between channels are powers of two, and pooling factors
too: float64 is exact in everything that reading, the passes and the float run do with them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nir
import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from nirdynap.chips.chip import Chip, load_chip
from nirdynap.ir.units import Shape, conv_output
from nirdynap.testing.broken import FIRST, LAST, rule_name
from nirdynap.testing.build import CHIP
from nirdynap.testing.sketch import (
    UNIT,
    Array,
    Bundle,
    Draw,
    Sketch,
    Tap,
    draw_bias,
    draw_bytes,
    draw_weights,
    flattened,
)

_DENSE = 64  # most inputs of a linear layer
_SIDE = 10  # largest side of an output map
_SLOTS = 2  # destinations of a core


def networks(
    *,
    chip: str | Path | Chip = CHIP,
    breaks: str | None = None,
    min_layers: int = 1,
    max_layers: int = 4,
    branches: bool = True,
    nested: bool = True,
    biases: bool = True,
) -> st.SearchStrategy[nir.NIRGraph]:
    """Graphs that a chip can hold, with every node and every form of parameter that is read; or that break one rule.

    Convolutions with strides, paddings, groups, dilation and unequal sides; linear layers behind a Flatten; thresholds
    and r as scalars, per channel or per neuron; sum and average pools, several in a row, on maps that they do not
    divide; Scale nodes in all places that fold; normalisation as a layer behind the weights; float32 and float64.

    Args:
        chip: name of a chip, path of a chip file, or a chip.
        breaks: name of the one rule that the graph breaks, such as "kernel_size", or its code, such as "ND311"; all
            are in `nirdynap.testing.RULES`. Read with convention "torch", the graph has that one error and no other.
            It is then a chain: `branches` has no effect.
        min_layers, max_layers: number of weight layers, up to the cores of the chip; where the rule is
            "too_many_layers", one to three more than that.
        branches: layers may have several sources and targets, hidden layers may be outputs.
        nested: some layers are graphs of their own.
        biases: some layers have biases, where every core of the chip has memory for them.

    Shrinks towards one Input, one linear layer with a single weight of 1, one neuron with threshold 1, and one Output;
    with `breaks` towards the broken layer alone.

    Raises:
        InvalidArgument: an argument is out of range.

    Example:
        >>> import nirdynap
        >>> from hypothesis import given, settings
        >>> @settings(max_examples=5, deadline=None)
        ... @given(networks(breaks="kernel_size"))
        ... def test(graph):
        ...     findings = nirdynap.check(graph, convention="torch").diagnostics
        ...     assert {finding.code for finding in findings if finding.severity == "error"} == {"ND311"}
        >>> test()
    """
    chip = load_chip(chip)
    most = len(chip.cores)
    if not 1 <= min_layers <= max_layers <= most:
        raise InvalidArgument(f"expected 1 <= min_layers <= max_layers <= {most}, got {min_layers=}, {max_layers=}")
    biases = biases and all(core.bias > 0 for core in chip.cores)
    options = _Options(branches=branches, nested=nested, biases=biases)
    if breaks is None:
        return _graphs(min_layers, max_layers, options)
    rule = rule_name(breaks)
    options = _Options(branches=False, nested=nested, biases=biases)
    if rule == "too_many_layers":
        return _graphs(most + 1, most + 3, options)
    return _broken(rule, chip, min_layers - 1, max_layers - 1, options)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    branches: bool
    nested: bool
    biases: bool


@st.composite
def _broken(draw: Draw, rule: str, chip: Chip, min_good: int, max_good: int, options: _Options) -> nir.NIRGraph:
    """A chain of a broken layer and good ones."""
    if rule in FIRST:
        sketch, tap = FIRST[rule](draw, chip)
    else:
        sketch = _begun(draw)
        tap = sketch.input
    for _ in range(draw(st.integers(min_good, max_good))):
        tap = _layer(draw, sketch, _path(draw, sketch, [tap], draw(st.sampled_from(tap.pools()))), options)
    sketch.output(LAST[rule](draw, chip, sketch, [tap]) if rule in LAST else tap)
    return sketch.graph()


def _begun(draw: Draw) -> Sketch:
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    return Sketch(shape, draw(st.sampled_from([np.float64, np.float32])))


@st.composite
def _graphs(draw: Draw, min_layers: int, max_layers: int, options: _Options) -> nir.NIRGraph:
    sketch = _begun(draw)
    taps = [sketch.input]
    slots = {"input": 4 * max_layers}  # how often each tap can still be listened to
    for _ in range(draw(st.integers(min_layers, max_layers))):
        bundle = _sources(draw, sketch, taps, slots, options)
        taps.append(_layer(draw, sketch, bundle, options))
        slots[taps[-1].name] = _SLOTS
    for tap in taps[1:]:
        if slots[tap.name] == _SLOTS or (options.branches and draw(st.booleans())):
            sketch.output(_output_path(draw, sketch, tap))
    return sketch.graph()


def _sources(draw: Draw, sketch: Sketch, taps: list[Tap], slots: dict[str, int], options: _Options) -> Bundle:
    """What feeds the next layer: one or two paths from a tap or two."""
    if not options.branches:
        slots[taps[-1].name] -= 1
        return _path(draw, sketch, taps[-1:], draw(st.sampled_from(taps[-1].pools())))
    bundle: Bundle = []
    wanted: Shape | None = None
    for _ in range(draw(st.integers(1, 2))):
        free = [tap for tap in reversed(taps) if slots[tap.name]]
        ways = [(tap, p) for tap in free for p in tap.pools() if wanted in (None, tap.pooled(p))]
        if not ways:
            break
        tap, pooling = draw(st.sampled_from(ways))
        slots[tap.name] -= 1
        start = [tap]
        twins = [t for t in free if t.shape == tap.shape and pooling in t.pools() and t.name != tap.name]
        if twins and draw(st.integers(0, 3)) == 3:
            start.append(draw(st.sampled_from(twins)))
            slots[start[1].name] -= 1
        wanted = tap.pooled(pooling)
        path = _path(draw, sketch, start, pooling)
        bundle += [end for end in path if end not in bundle]  # a second edge would be a duplicate
    return bundle


def _path(draw: Draw, sketch: Sketch, bundle: Bundle, pooling: int) -> Bundle:
    """Pools of `pooling` in all, and scales between them."""
    for size in draw(st.sampled_from({1: [[], [], [1]], 2: [[2], [2], [2, 1]], 4: [[4], [2, 2]]}[pooling])):
        bundle = _scaled(draw, sketch, bundle)
        kind = draw(st.sampled_from([nir.SumPool2d, nir.AvgPool2d]))
        window = draw(st.sampled_from([np.array(size), np.array([size, size])]))
        pool = kind(window, window, np.zeros_like(window))
        bundle = [sketch.add("pool", pool, bundle, bundle[0].pooled(size))]
    return _scaled(draw, sketch, bundle)


def _scaled(draw: Draw, sketch: Sketch, bundle: Bundle, *, per_pixel: bool = False) -> Bundle:
    """Seldom a Scale behind `bundle`: of one factor, one per channel, or (where that folds) one per pixel."""
    if draw(st.integers(0, 5)) != 5:
        return bundle
    shape = bundle[0].shape
    forms: list[tuple[int, ...]] = [(), (1,), (shape[0], 1, 1), *([shape] if per_pixel else [])]
    form = draw(st.sampled_from(forms))
    factors = np.array([0.5, 1, 2, -1, 0.75, 3, 1.5], sketch.dtype)
    return [sketch.add("scale", nir.Scale(factors[draw_bytes(draw, form) % len(factors)]), bundle, shape)]


def _output_path(draw: Draw, sketch: Sketch, tap: Tap) -> Tap:
    size = draw(st.sampled_from(tap.pools()))
    if size > 1:
        window = np.array([size, size])
        pool = nir.SumPool2d(window, window, np.array([0, 0]))
        tap = sketch.add("pool", pool, [tap], tap.pooled(size))
    return flattened(sketch, [tap]) if draw(st.integers(0, 3)) == 3 else tap


def _layer(draw: Draw, sketch: Sketch, bundle: Bundle, options: _Options) -> Tap:
    """Weights and neurons behind `bundle`, perhaps as a graph of their own."""
    shape = bundle[0].shape
    if options.nested and draw(st.integers(0, 4)) == 4:
        inner = Sketch(shape, sketch.dtype)
        tap = _layer(draw, inner, [inner.input], options)
        inner.output(tap)
        return sketch.add("block", inner.graph(), bundle, tap.shape)
    sliding = math.prod(shape) > _DENSE or draw(st.booleans())
    biased = options.biases and draw(st.booleans())
    tap = (_conv if sliding else _linear)(draw, sketch, bundle, biased)
    if options.biases and draw(st.integers(0, 7)) == 7:
        tap = _normed(draw, sketch, tap, sliding)
    return _neurons(draw, sketch, _scaled(draw, sketch, [tap]))


def _normed(draw: Draw, sketch: Sketch, tap: Tap, sliding: bool) -> Tap:
    """A BatchNorm behind the weights, written as a layer of its own: a depthwise convolution or a diagonal matrix."""
    features = tap.shape[0]
    factors = np.array([0.5, 1, 2, -1], sketch.dtype)[draw_bytes(draw, (features,)) % 4]
    shift = draw_bias(draw, features, sketch.dtype)
    if sliding:
        kernel = factors.reshape(features, 1, 1, 1)
        return sketch.add("norm", nir.Conv2d(tap.shape[1:], kernel, 1, 0, 1, features, shift), [tap], tap.shape)
    return sketch.add("norm", nir.Affine(np.diag(factors), shift), [tap], tap.shape)


def _linear(draw: Draw, sketch: Sketch, bundle: Bundle, biased: bool) -> Tap:
    if draw(st.booleans()):
        bundle = _scaled(draw, sketch, bundle, per_pixel=len(bundle) == 1)
    if bundle[0].shape[1:] != (1, 1) or draw(st.booleans()):
        bundle = _scaled(draw, sketch, [flattened(sketch, bundle)], per_pixel=True)
    features = draw(st.integers(1, 4))
    weight = draw_weights(draw, (features, bundle[0].shape[0]), sketch.dtype)
    node = nir.Affine(weight, draw_bias(draw, features, sketch.dtype)) if biased else nir.Linear(weight)
    return sketch.add("linear", node, bundle, (features, 1, 1))


def _conv(draw: Draw, sketch: Sketch, bundle: Bundle, biased: bool) -> Tap:
    channels, *size = bundle[0].shape
    (ky, kx), (sy, sx), (py, px), (dy, dx) = zip(*(_axis(draw, n) for n in size), strict=True)
    groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
    features = groups * draw(st.integers(1, 3 if groups == 1 else 1))
    unpadded = (py, px) == (0, 0) and draw(st.integers(0, 4)) == 4
    node = nir.Conv2d(
        input_shape=(size[0], size[1]),
        weight=draw_weights(draw, (features, channels // groups, ky, kx), sketch.dtype),
        stride=sy if sy == sx else (sy, sx),
        padding="valid" if unpadded else (py, px),
        dilation=(dy, dx),
        groups=groups,
        bias=draw_bias(draw, features, sketch.dtype) if biased else np.zeros(features, sketch.dtype),
    )
    maps = conv_output((size[0], size[1]), (ky, kx), (sy, sx), (py, px), (dy, dx))
    return sketch.add("conv", node, bundle, (features, *maps))


def _axis(draw: Draw, size: int) -> tuple[int, int, int, int]:
    """Kernel, stride, padding and dilation along one axis of `size` pixels, such that some are left."""
    padding = draw(st.integers(0, 2 if size < _SIDE - 2 else 0))
    kernel = draw(st.integers(1, min(3, size + 2 * padding)))
    dilation = draw(st.integers(1, 2)) if 2 * kernel - 1 <= size + 2 * padding else 1
    return kernel, draw(st.sampled_from([1, 1, 1, 2, 4])), padding, dilation


def _neurons(draw: Draw, sketch: Sketch, bundle: Bundle) -> Tap:
    c, h, w = bundle[0].shape
    form = draw(st.sampled_from([(), (1,), (c,), (c, 1, 1), (c, h, w)]))
    r = _per_channel(draw, form, c, [1, 0.5, 2, 0.75, 3])
    threshold = _per_channel(draw, form, c, [1, 0.5, 2, 4, 0.25])
    if draw(st.booleans()):
        threshold = np.full(form, draw(st.integers(16, 4 * UNIT)) / UNIT)
    node = nir.IF(r.astype(sketch.dtype), threshold.astype(sketch.dtype))
    return sketch.add("if", node, bundle, bundle[0].shape)


def _per_channel(draw: Draw, form: tuple[int, ...], channels: int, choices: Sequence[float]) -> Array:
    """Values of shape `form` that are equal within each channel, or everywhere."""
    varied = form[:1] == (channels,) and draw(st.booleans())
    values = np.array(choices)[draw_bytes(draw, (channels,) if varied else ()) % len(choices)]
    return np.array(np.broadcast_to(values[:, None, None] if varied and len(form) == 3 else values, form))
