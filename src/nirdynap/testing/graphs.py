"""Hypothesis strategies for NIR graphs that convert to a chip.

All numbers are small multiples of 2**-6, thresholds that differ between channels are powers of two, and pooling factors
too: float64 is exact in everything that reading, the passes and the float run do with them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import nir
import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from nirdynap.chips.chip import load_chip
from nirdynap.ir.units import Shape, conv_output
from nirdynap.testing.build import CHIP

_Draw = Callable[[st.SearchStrategy[Any]], Any]
_Array = npt.NDArray[Any]

_UNIT = 64  # numbers are whole multiples of 1 / _UNIT
_DENSE = 64  # most inputs of a linear layer
_SIDE = 10  # largest side of an output map
_SLOTS = 2  # destinations of a core


def nir_graphs(
    *,
    min_layers: int = 1,
    max_layers: int = 4,
    branches: bool = True,
    nested: bool = True,
    biases: bool = True,
) -> st.SearchStrategy[nir.NIRGraph]:
    """Valid graphs that a Speck 2f can hold, with every node and every form of parameter that is read.

    Convolutions with strides, paddings, groups, dilation and unequal sides; linear layers behind a Flatten; thresholds
    and r as scalars, per channel or per neuron; sum and average pools, several in a row, on maps that they do not
    divide; Scale nodes in all places that fold; normalisation as a layer behind the weights; float32 and float64.

    Args:
        min_layers, max_layers: number of weight layers, up to the cores of a Speck 2f.
        branches: layers may have several sources and targets, hidden layers may be outputs.
        nested: some layers are graphs of their own.
        biases: some layers have biases.

    Shrinks towards one Input, one linear layer with a single weight of 1, one neuron with threshold 1, and one Output.

    Raises:
        InvalidArgument: an argument is out of range.
    """
    most = len(load_chip(CHIP).cores)
    if not 1 <= min_layers <= max_layers <= most:
        raise InvalidArgument(f"expected 1 <= min_layers <= max_layers <= {most}, got {min_layers=}, {max_layers=}")
    return _graphs(min_layers, max_layers, _Options(branches=branches, nested=nested, biases=biases))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    branches: bool
    nested: bool
    biases: bool


@dataclass(frozen=True, slots=True)
class _Tap:
    """A node that others can listen to, and the shape of what it sends."""

    name: str
    shape: Shape

    def pools(self) -> list[int]:
        """Poolings that leave a pixel; the input is not pooled."""
        return [1] if self.name == "input" else [p for p in (1, 2, 4) if p <= min(self.shape[1:])]

    def pooled(self, pooling: int) -> Shape:
        return (self.shape[0], self.shape[1] // pooling, self.shape[2] // pooling)


_Bundle = list[_Tap]
"""Nodes that send maps of one shape, to be added up."""


@final
class _Sketch:
    """A graph while it is drawn."""

    def __init__(self, shape: Shape, dtype: npt.DTypeLike) -> None:
        self.dtype = dtype
        self.nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array(shape)})}
        self.edges: list[tuple[str, str]] = []

    def add(self, kind: str, node: nir.NIRNode, bundle: _Bundle, shape: Shape) -> _Tap:
        """The new node, which adds up `bundle` and sends maps of `shape`."""
        name = f"{kind}{sum(n.startswith(kind) for n in self.nodes)}"
        self.nodes[name] = node
        self.edges += [(source.name, name) for source in bundle]
        return _Tap(name, shape)

    def output(self, tap: _Tap) -> None:
        self.add("output", nir.Output({"output": np.array(tap.shape)}), [tap], tap.shape)

    def graph(self) -> nir.NIRGraph:
        return nir.NIRGraph(nodes=self.nodes, edges=self.edges, type_check=False)


@st.composite
def _graphs(draw: _Draw, min_layers: int, max_layers: int, options: _Options) -> nir.NIRGraph:
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    sketch = _Sketch(shape, draw(st.sampled_from([np.float64, np.float32])))
    taps = [_Tap("input", shape)]
    slots = {"input": 4 * max_layers}  # how often each tap can still be listened to
    for _ in range(draw(st.integers(min_layers, max_layers))):
        bundle = _sources(draw, sketch, taps, slots, options)
        taps.append(_layer(draw, sketch, bundle, options))
        slots[taps[-1].name] = _SLOTS
    for tap in taps[1:]:
        if slots[tap.name] == _SLOTS or (options.branches and draw(st.booleans())):
            sketch.output(_output_path(draw, sketch, tap))
    return sketch.graph()


def _sources(draw: _Draw, sketch: _Sketch, taps: list[_Tap], slots: dict[str, int], options: _Options) -> _Bundle:
    """What feeds the next layer: one or two paths from a tap or two."""
    if not options.branches:
        slots[taps[-1].name] -= 1
        return _path(draw, sketch, taps[-1:], draw(st.sampled_from(taps[-1].pools())))
    bundle: _Bundle = []
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


def _path(draw: _Draw, sketch: _Sketch, bundle: _Bundle, pooling: int) -> _Bundle:
    """Pools of `pooling` in all, and scales between them."""
    for size in draw(st.sampled_from({1: [[], [], [1]], 2: [[2], [2], [2, 1]], 4: [[4], [2, 2]]}[pooling])):
        bundle = _scaled(draw, sketch, bundle)
        kind = draw(st.sampled_from([nir.SumPool2d, nir.AvgPool2d]))
        window = draw(st.sampled_from([np.array(size), np.array([size, size])]))
        pool = kind(window, window, np.zeros_like(window))
        bundle = [sketch.add("pool", pool, bundle, bundle[0].pooled(size))]
    return _scaled(draw, sketch, bundle)


def _scaled(draw: _Draw, sketch: _Sketch, bundle: _Bundle, *, per_pixel: bool = False) -> _Bundle:
    """Seldom a Scale behind `bundle`: of one factor, one per channel, or (where that folds) one per pixel."""
    if draw(st.integers(0, 5)) != 5:
        return bundle
    shape = bundle[0].shape
    forms: list[tuple[int, ...]] = [(), (1,), (shape[0], 1, 1), *([shape] if per_pixel else [])]
    form = draw(st.sampled_from(forms))
    factors = np.array([0.5, 1, 2, -1, 0.75, 3, 1.5], sketch.dtype)
    return [sketch.add("scale", nir.Scale(factors[_bytes(draw, form) % len(factors)]), bundle, shape)]


def _output_path(draw: _Draw, sketch: _Sketch, tap: _Tap) -> _Tap:
    size = draw(st.sampled_from(tap.pools()))
    if size > 1:
        window = np.array([size, size])
        pool = nir.SumPool2d(window, window, np.array([0, 0]))
        tap = sketch.add("pool", pool, [tap], tap.pooled(size))
    return _flattened(sketch, [tap]) if draw(st.integers(0, 3)) == 3 else tap


def _flattened(sketch: _Sketch, bundle: _Bundle) -> _Tap:
    shape = bundle[0].shape
    return sketch.add("flatten", nir.Flatten({"input": np.array(shape)}, 0, -1), bundle, (math.prod(shape), 1, 1))


def _layer(draw: _Draw, sketch: _Sketch, bundle: _Bundle, options: _Options) -> _Tap:
    """Weights and neurons behind `bundle`, perhaps as a graph of their own."""
    shape = bundle[0].shape
    if options.nested and draw(st.integers(0, 4)) == 4:
        inner = _Sketch(shape, sketch.dtype)
        tap = _layer(draw, inner, [_Tap("input", shape)], options)
        inner.output(tap)
        return sketch.add("block", inner.graph(), bundle, tap.shape)
    sliding = math.prod(shape) > _DENSE or draw(st.booleans())
    biased = options.biases and draw(st.booleans())
    tap = (_conv if sliding else _linear)(draw, sketch, bundle, biased)
    if options.biases and draw(st.integers(0, 7)) == 7:
        tap = _normed(draw, sketch, tap, sliding)
    return _neurons(draw, sketch, _scaled(draw, sketch, [tap]))


def _normed(draw: _Draw, sketch: _Sketch, tap: _Tap, sliding: bool) -> _Tap:
    """A BatchNorm behind the weights, written as a layer of its own: a depthwise convolution or a diagonal matrix."""
    features = tap.shape[0]
    factors = np.array([0.5, 1, 2, -1], sketch.dtype)[_bytes(draw, (features,)) % 4]
    shift = _bias(draw, features, sketch.dtype)
    if sliding:
        kernel = factors.reshape(features, 1, 1, 1)
        return sketch.add("norm", nir.Conv2d(tap.shape[1:], kernel, 1, 0, 1, features, shift), [tap], tap.shape)
    return sketch.add("norm", nir.Affine(np.diag(factors), shift), [tap], tap.shape)


def _linear(draw: _Draw, sketch: _Sketch, bundle: _Bundle, biased: bool) -> _Tap:
    if draw(st.booleans()):
        bundle = _scaled(draw, sketch, bundle, per_pixel=len(bundle) == 1)
    if bundle[0].shape[1:] != (1, 1) or draw(st.booleans()):
        bundle = _scaled(draw, sketch, [_flattened(sketch, bundle)], per_pixel=True)
    features = draw(st.integers(1, 4))
    weight = _weights(draw, (features, bundle[0].shape[0]), sketch.dtype)
    node = nir.Affine(weight, _bias(draw, features, sketch.dtype)) if biased else nir.Linear(weight)
    return sketch.add("linear", node, bundle, (features, 1, 1))


def _conv(draw: _Draw, sketch: _Sketch, bundle: _Bundle, biased: bool) -> _Tap:
    channels, *size = bundle[0].shape
    (ky, kx), (sy, sx), (py, px), (dy, dx) = zip(*(_axis(draw, n) for n in size), strict=True)
    groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
    features = groups * draw(st.integers(1, 3 if groups == 1 else 1))
    unpadded = (py, px) == (0, 0) and draw(st.integers(0, 4)) == 4
    node = nir.Conv2d(
        input_shape=(size[0], size[1]),
        weight=_weights(draw, (features, channels // groups, ky, kx), sketch.dtype),
        stride=sy if sy == sx else (sy, sx),
        padding="valid" if unpadded else (py, px),
        dilation=(dy, dx),
        groups=groups,
        bias=_bias(draw, features, sketch.dtype) if biased else np.zeros(features, sketch.dtype),
    )
    maps = conv_output((size[0], size[1]), (ky, kx), (sy, sx), (py, px), (dy, dx))
    return sketch.add("conv", node, bundle, (features, *maps))


def _axis(draw: _Draw, size: int) -> tuple[int, int, int, int]:
    """Kernel, stride, padding and dilation along one axis of `size` pixels, such that some are left."""
    padding = draw(st.integers(0, 2 if size < _SIDE - 2 else 0))
    kernel = draw(st.integers(1, min(3, size + 2 * padding)))
    dilation = draw(st.integers(1, 2)) if 2 * kernel - 1 <= size + 2 * padding else 1
    return kernel, draw(st.sampled_from([1, 1, 1, 2, 4])), padding, dilation


def _neurons(draw: _Draw, sketch: _Sketch, bundle: _Bundle) -> _Tap:
    c, h, w = bundle[0].shape
    form = draw(st.sampled_from([(), (1,), (c,), (c, 1, 1), (c, h, w)]))
    r = _per_channel(draw, form, c, [1, 0.5, 2, 0.75, 3])
    threshold = _per_channel(draw, form, c, [1, 0.5, 2, 4, 0.25])
    if draw(st.booleans()):
        threshold = np.full(form, draw(st.integers(16, 4 * _UNIT)) / _UNIT)
    node = nir.IF(r.astype(sketch.dtype), threshold.astype(sketch.dtype))
    return sketch.add("if", node, bundle, bundle[0].shape)


def _per_channel(draw: _Draw, form: tuple[int, ...], channels: int, choices: Sequence[float]) -> _Array:
    """Values of shape `form` that are equal within each channel, or everywhere."""
    varied = form[:1] == (channels,) and draw(st.booleans())
    values = np.array(choices)[_bytes(draw, (channels,) if varied else ()) % len(choices)]
    return np.array(np.broadcast_to(values[:, None, None] if varied and len(form) == 3 else values, form))


def _weights(draw: _Draw, shape: tuple[int, ...], dtype: npt.DTypeLike) -> _Array:
    """One of them at least a quarter, and mostly more of them positive: deep layers seldom fire otherwise."""
    whole = np.trunc(_bytes(draw, shape).astype(np.int8) / draw(st.sampled_from([1, 8, 40])))
    if draw(st.booleans()):
        whole = np.maximum(whole, -np.trunc(whole / 2))
    if np.abs(whole).max() < _UNIT / 4:
        whole.flat[0] = _UNIT
    return np.array(whole / _UNIT, dtype)


def _bias(draw: _Draw, features: int, dtype: npt.DTypeLike) -> _Array:
    return np.array(np.trunc(_bytes(draw, (features,)).astype(np.int8) / 8) / _UNIT, dtype)


def _bytes(draw: _Draw, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    # One draw of bytes instead of one for each number.
    size = math.prod(shape)
    return np.frombuffer(draw(st.binary(min_size=size, max_size=size)), dtype=np.uint8).reshape(shape)
