"""Hypothesis strategies for NIR graphs that convert to a chip.

All numbers are small multiples of 2**-6, thresholds that differ between channels are powers of two, and pooling factors
too: float64 is exact in everything that reading, the passes and the float run do with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import nir
import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from nirdynap.chips.chip import load_chip
from nirdynap.ir.units import Pair, Shape, conv_output
from nirdynap.testing.build import CHIP

_Draw = Callable[[st.SearchStrategy[Any]], Any]
_Array = npt.NDArray[Any]

_UNIT = 64  # numbers are whole multiples of 1 / _UNIT
_DENSE = 64  # most inputs of a linear layer
_SIDE = 10  # largest side of an output map


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
    divide; Scale nodes in all places that fold; float32 and float64.

    Args:
        min_layers, max_layers: number of weight layers, up to the cores of a Speck 2f.
        branches: layers may have several sources and targets, hidden layers may be outputs.
        nested: some layers are graphs of their own.
        biases: some layers have biases.

    Shrinks towards one 1x1 convolution of one weight, one neuron with threshold 1 and r = 1, and one Output.

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


@final
class _Sketch:
    """A graph while it is drawn."""

    def __init__(self, shape: Shape, dtype: npt.DTypeLike) -> None:
        self.dtype = dtype
        self.nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array(shape)})}
        self.edges: list[tuple[str, str]] = []

    def add(self, kind: str, node: nir.NIRNode, sources: Sequence[str]) -> str:
        """Name of the new node, fed by `sources`."""
        name = f"{kind}{sum(n.startswith(kind) for n in self.nodes)}"
        self.nodes[name] = node
        self.edges += [(source, name) for source in sources]
        return name

    def output(self, tap: _Tap) -> None:
        self.add("output", nir.Output({"output": np.array(tap.shape)}), [tap.name])

    def graph(self) -> nir.NIRGraph:
        return nir.NIRGraph(nodes=self.nodes, edges=self.edges, type_check=False)


@st.composite
def _graphs(draw: _Draw, min_layers: int, max_layers: int, options: _Options) -> nir.NIRGraph:
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    sketch = _Sketch(shape, draw(st.sampled_from([np.float64, np.float32])))
    taps = [_Tap("input", shape)]
    links = {"input": -max_layers * 2}  # copies that each tap sends; a core has two slots
    for _ in range(draw(st.integers(min_layers, max_layers))):
        free = [tap for tap in reversed(taps) if links[tap.name] < 2] if options.branches else taps[-1:]
        sources, chosen = _sources(draw, sketch, free, options)
        for tap in chosen:
            links[tap.name] += 1
        taps.append(_layer(draw, sketch, sources, options))
        links[taps[-1].name] = 0
    for tap in taps[1:]:
        if links[tap.name] == 0 or (options.branches and draw(st.booleans())):
            sketch.output(_output_path(draw, sketch, tap))
    return sketch.graph()


def _sources(draw: _Draw, sketch: _Sketch, free: list[_Tap], options: _Options) -> tuple[list[_Tap], list[_Tap]]:
    """What feeds the next layer (all of one shape), and the taps that it comes from."""
    first = draw(st.sampled_from(free))
    pooling = draw(st.sampled_from(first.pools()))
    shape = first.pooled(pooling)
    sources, chosen = [_path(draw, sketch, first, pooling)], [first]
    others = [(tap, p) for tap in free for p in tap.pools() if tap.pooled(p) == shape and (tap, p) != (first, pooling)]
    if options.branches and others and draw(st.booleans()):
        second, pooling = draw(st.sampled_from(others))
        once = first.name == second.name and first.name != "input"
        if not once or len(free) > 1 or draw(st.booleans()):
            sources.append(_path(draw, sketch, second, pooling))
            chosen.append(second)
    return sources, chosen


def _path(draw: _Draw, sketch: _Sketch, tap: _Tap, pooling: int) -> _Tap:
    """Pools of `pooling` in all, and scales between them."""
    for size in draw(st.sampled_from({1: [[], [], [1]], 2: [[2]], 4: [[4], [2, 2]]}[pooling])):
        tap = _scaled(draw, sketch, tap)
        kind = draw(st.sampled_from([nir.SumPool2d, nir.AvgPool2d]))
        form = draw(st.sampled_from([np.array(size), np.array([size, size])]))
        name = sketch.add("pool", kind(form, form, np.zeros_like(form)), [tap.name])
        tap = _Tap(name, tap.pooled(size))
    return _scaled(draw, sketch, tap)


def _scaled(draw: _Draw, sketch: _Sketch, tap: _Tap, *, per_pixel: bool = False) -> _Tap:
    """Seldom a Scale behind `tap`: of one factor, one for each channel, or (where that folds) one for each pixel."""
    if not draw(st.integers(0, 5)) == 5:
        return tap
    forms: list[tuple[int, ...]] = [(), (1,), (tap.shape[0], 1, 1), *([tap.shape] if per_pixel else [])]
    form = draw(st.sampled_from(forms))
    factors = np.array([0.5, 1, 2, -1, 0.75, 3, 1.5])
    scale = factors[_bytes(draw, form, 0) % len(factors)].astype(sketch.dtype)
    return _Tap(sketch.add("scale", nir.Scale(scale), [tap.name]), tap.shape)


def _output_path(draw: _Draw, sketch: _Sketch, tap: _Tap) -> _Tap:
    size = draw(st.sampled_from(tap.pools()))
    if size > 1:
        window = np.array([size, size])
        pool = nir.SumPool2d(window, window, np.array([0, 0]))
        tap = _Tap(sketch.add("pool", pool, [tap.name]), tap.pooled(size))
    if draw(st.integers(0, 3)) == 3:
        tap = _flattened(sketch, [tap])
    return tap


def _flattened(sketch: _Sketch, sources: list[_Tap]) -> _Tap:
    shape = sources[0].shape
    node = nir.Flatten({"input": np.array(shape)}, 0, -1)
    return _Tap(sketch.add("flatten", node, [s.name for s in sources]), (int(np.prod(shape)), 1, 1))


def _layer(draw: _Draw, sketch: _Sketch, sources: list[_Tap], options: _Options) -> _Tap:
    """Weights and neurons behind `sources`, perhaps as a graph of their own."""
    if not (options.nested and draw(st.integers(0, 4)) == 4):
        return _neurons(draw, sketch, _weights(draw, sketch, sources, options))
    inner = _Sketch(sources[0].shape, sketch.dtype)
    tap = _layer(draw, inner, [_Tap("input", sources[0].shape)], options)
    inner.output(tap)
    return _Tap(sketch.add("block", inner.graph(), [s.name for s in sources]), tap.shape)


def _weights(draw: _Draw, sketch: _Sketch, sources: list[_Tap], options: _Options) -> _Tap:
    biased = options.biases and draw(st.booleans())
    if np.prod(sources[0].shape) <= _DENSE and draw(st.booleans()):
        return _linear(draw, sketch, sources, biased)
    conv = _conv(draw, sketch.dtype, sources[0].shape, biased)
    kernel = (conv.weight.shape[2], conv.weight.shape[3])
    pairs: list[Pair] = [tuple(np.broadcast_to(v, 2).tolist()) for v in (conv.stride, conv.padding, conv.dilation)]
    shape = (conv.weight.shape[0], *conv_output(sources[0].shape[1:], kernel, *pairs))
    return _scaled(draw, sketch, _Tap(sketch.add("conv", conv, [s.name for s in sources]), shape))


def _linear(draw: _Draw, sketch: _Sketch, sources: list[_Tap], biased: bool) -> _Tap:
    if len(sources) == 1 and draw(st.booleans()):
        sources = [_scaled(draw, sketch, sources[0], per_pixel=True)]
    if sources[0].shape[1:] != (1, 1) or draw(st.booleans()):
        sources = [_scaled(draw, sketch, _flattened(sketch, sources), per_pixel=True)]
    features = draw(st.integers(1, 4))
    weight = _numbers(draw, (features, sources[0].shape[0]), sketch.dtype)
    linear = nir.Affine(weight, _bias(draw, features, sketch.dtype)) if biased else nir.Linear(weight)
    return _Tap(sketch.add("linear", linear, [s.name for s in sources]), (features, 1, 1))


def _conv(draw: _Draw, dtype: npt.DTypeLike, shape: Shape, biased: bool) -> nir.Conv2d:
    axes = [_axis(draw, size) for size in shape[1:]]
    kernel, stride, padding, dilation = zip(*axes, strict=True)
    groups = draw(st.sampled_from([g for g in range(1, shape[0] + 1) if shape[0] % g == 0]))
    features = groups * draw(st.integers(1, 3 if groups == 1 else 1))
    padded: str | Pair = "valid" if padding == (0, 0) and draw(st.integers(0, 4)) == 4 else padding
    return nir.Conv2d(
        input_shape=(shape[1], shape[2]),
        weight=_numbers(draw, (features, shape[0] // groups, *kernel), dtype),
        stride=stride[0] if stride[0] == stride[1] else stride,
        padding=padded,
        dilation=dilation,
        groups=groups,
        bias=_bias(draw, features, dtype) if biased else np.zeros(features, dtype),
    )


def _axis(draw: _Draw, size: int) -> tuple[int, int, int, int]:
    """Kernel, stride, padding and dilation along one axis of `size` pixels, such that some are left."""
    padding = draw(st.integers(0, 2 if size < _SIDE - 2 else 0))
    kernel = draw(st.integers(1, min(3, size + 2 * padding)))
    dilation = draw(st.integers(1, 2)) if 2 * kernel - 1 <= size + 2 * padding else 1
    return kernel, draw(st.sampled_from([1, 1, 2, 4])), padding, dilation


def _neurons(draw: _Draw, sketch: _Sketch, tap: _Tap) -> _Tap:
    c, h, w = tap.shape
    form = draw(st.sampled_from([(), (1,), (c,), (c, 1, 1), (c, h, w)]))
    r = _per_channel(draw, c, form, [1, 0.5, 2, 0.75, 3])
    threshold = _per_channel(draw, c, form, [1, 0.5, 2, 4, 0.25])
    if draw(st.booleans()):
        threshold = np.full(form, draw(st.integers(16, 4 * _UNIT)) / _UNIT)
    return _Tap(sketch.add("if", nir.IF(r.astype(sketch.dtype), threshold.astype(sketch.dtype)), [tap.name]), tap.shape)


def _per_channel(draw: _Draw, channels: int, form: tuple[int, ...], choices: Sequence[float]) -> _Array:
    """Values of shape `form`, equal within each channel."""
    varied = form[:1] == (channels,) and draw(st.booleans())
    values = np.array(choices)[_bytes(draw, (channels if varied else 1,), 0) % len(choices)]
    return (
        np.array(np.broadcast_to(values if len(form) < 2 else values[:, None, None], form)) if form else values[0:1][0]
    )


def _numbers(draw: _Draw, shape: tuple[int, ...], dtype: npt.DTypeLike) -> _Array:
    """Weights, not all of them zero, more of them positive: deep layers seldom fire otherwise."""
    whole = np.trunc(_bytes(draw, shape, 1).astype(np.int8) / draw(st.sampled_from([1, 8, 40])))
    if draw(st.booleans()):
        whole = np.maximum(whole, -np.trunc(whole / 2))
    if not whole.any():
        whole.flat[0] = _UNIT
    return (whole / _UNIT).astype(dtype)


def _bias(draw: _Draw, features: int, dtype: npt.DTypeLike) -> _Array:
    return (np.trunc(_bytes(draw, (features,), 0).astype(np.int8) / 4) / _UNIT).astype(dtype)


def _bytes(draw: _Draw, shape: tuple[int, ...], least: int) -> npt.NDArray[np.uint8]:
    # One draw of bytes instead of one for each number.
    size = int(np.prod(shape))
    drawn = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), dtype=np.uint8)
    return np.maximum(drawn, least).astype(np.uint8).reshape(shape)
