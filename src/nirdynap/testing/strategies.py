"""Hypothesis strategies for specs and what they are run on.

The arguments are keyword-only, checked, and bounds are inclusive. Networks stay small enough for `testing.oracle`:
maps of a few pixels, and thresholds and fan-outs such that one event causes some hundred updates at most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from nirdynap.chips.chip import load_chip
from nirdynap.ir.digest import frozen
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.events import Events
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, OutputPort, Spec
from nirdynap.ir.units import INT16_MAX, INT16_MIN, IntArray, Pair, Shape, conv_output
from nirdynap.testing.build import CHIP, build_core, build_spec

_Draw = Callable[[st.SearchStrategy[Any]], Any]

_POOLINGS = (1, 2, 4)
_MAX_UPDATES = 400  # of one core, caused by one external event
_MAX_COUNT = 3  # of an input address in one time step


def specs(
    *,
    min_cores: int = 1,
    max_cores: int = 4,
    chains: bool = False,
    square_kernels: bool = True,
    biases: bool = True,
    initial_states: bool = True,
    decimators: bool = False,
    dvs: bool = False,
    max_spikes: int | None = 24,
) -> st.SearchStrategy[Spec]:
    """Valid specs: strides, paddings, poolings that leave a remainder, branches, merges, several inputs and outputs.

    Args:
        min_cores, max_cores: number of cores, up to those of a Speck 2f.
        chains: only chains of cores with one input and one output.
        square_kernels: kernels as the chip has them; False: also with unequal sides, which simulators can run.
        biases: some cores have biases.
        initial_states: some membranes start elsewhere than at 0, thresholds and 16-bit limits included.
        decimators: some cores pass each Nth spike only.
        dvs: there is a DVS layer in front of the cores.
        max_spikes: thresholds are high enough that no neuron fires more often in one time step of `rasters`, but for
            the deepest; None: any threshold, for event runs, where the spikes of a step would be too many to list.

    Shrinks towards one core with one weight of 0, no bias and threshold 1.

    Raises:
        InvalidArgument: an argument is out of range.
    """
    most = len(load_chip(CHIP).cores)
    if not 1 <= min_cores <= max_cores <= most:
        raise InvalidArgument(f"expected 1 <= min_cores <= max_cores <= {most}, got {min_cores=}, {max_cores=}")
    if max_spikes is not None and max_spikes < 1:
        raise InvalidArgument(f"expected max_spikes >= 1 or None, got {max_spikes=}")
    options = _Options(
        chains=chains,
        square_kernels=square_kernels,
        biases=biases,
        initial_states=initial_states,
        decimators=decimators,
        dvs=dvs,
        max_spikes=max_spikes,
    )
    return _specs(min_cores, max_cores, options)


def rasters(
    spec: Spec, *, min_steps: int = 0, max_steps: int = 5, max_batch: int = 2, max_count: int = _MAX_COUNT
) -> st.SearchStrategy[IntArray]:
    """Input counts int64 [time, batch, channel, y, x] of a spec.

    Args:
        spec: whose input it is.
        min_steps, max_steps: number of time steps.
        max_batch: largest batch.
        max_count: largest count at one address; above 3 the runs of a spec may get long.

    Shrinks towards few steps, one sample and no spikes.

    Raises:
        InvalidArgument: an argument is out of range.
    """
    if not 0 <= min_steps <= max_steps or max_batch < 1 or not 0 <= max_count <= 127:
        raise InvalidArgument(f"cannot draw with {min_steps=}, {max_steps=}, {max_batch=}, {max_count=}")
    return _rasters(spec, min_steps, max_steps, max_batch, max_count)


def events(spec: Spec, *, max_events: int = 40, max_gap_us: int = 700) -> st.SearchStrategy[Events]:
    """Input events of a spec.

    Args:
        spec: whose input it is.
        max_events: most events.
        max_gap_us: longest time from one event to the next; equal stamps are common.

    Shrinks towards no events, at time and address 0.

    Raises:
        InvalidArgument: an argument is out of range.
    """
    if max_events < 0 or max_gap_us < 0:
        raise InvalidArgument(f"cannot draw with {max_events=}, {max_gap_us=}")
    return _events(spec.input_shape, max_events, max_gap_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    chains: bool
    square_kernels: bool
    biases: bool
    initial_states: bool
    decimators: bool
    dvs: bool
    max_spikes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Something that a core can listen to: the input (index -1) or an earlier core.

    `spikes` are the most that one external event causes there, `count` the most of one neuron in a time step.
    """

    index: int
    shape: Shape
    spikes: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wire:
    source: _Source
    pooling: int
    feature_shift: int

    def shape(self) -> Shape:
        channels, height, width = self.source.shape
        return (channels + self.feature_shift, height // self.pooling, width // self.pooling)


@st.composite
def _specs(draw: _Draw, min_cores: int, max_cores: int, options: _Options) -> Spec:
    camera = draw(_dvs_layers()) if options.dvs else None
    sources = [draw(_inputs(camera))]
    number = draw(st.integers(min_cores, max_cores))
    indices = draw(st.permutations(range(len(load_chip(CHIP).cores))))[:number]
    cores: list[CoreSpec] = []
    ports: list[InputPort] = []
    for k in range(number):
        wires = _wires(draw, _listeners(sources, cores, options))
        core, source = _core(draw, indices[k], k, wires, options)
        for wire in wires:
            if wire.source.index < 0:
                ports.append(InputPort(core.core, wire.feature_shift))
            else:
                slot = Destination(core=core.core, pooling=wire.pooling, feature_shift=wire.feature_shift)
                before = cores[wire.source.index]
                slots = (slot, *before.destinations) if draw(st.booleans()) else (*before.destinations, slot)
                cores[wire.source.index] = replace(before, destinations=slots)
        cores.append(core)
        sources.append(source)
    outputs = [
        OutputPort(core.core, draw(_poolings(core.neuron_shape)), f"out{core.core}")
        for core in cores
        if not core.destinations or (not options.chains and draw(st.booleans()))
    ]
    spikes_per_step = draw(st.sampled_from(["one", "many"]))
    spec = build_spec(*cores, inputs=draw(st.permutations(ports)), outputs=outputs, spikes_per_step=spikes_per_step)
    if camera is None:
        return replace(spec, input_shape=sources[0].shape)
    rows, columns = (n + draw(st.integers(0, 2)) for n in camera.reach)  # of a camera as small as the oracle likes it
    return replace(spec, input_shape=(2, rows, columns), dvs=camera)


@st.composite
def _dvs_layers(draw: _Draw) -> DvsLayer:
    pair, switch = st.tuples(st.integers(0, 3), st.integers(0, 3)), st.booleans()
    return DvsLayer(
        polarity=draw(st.sampled_from(["both", "on", "off"])),
        merge=draw(switch),
        pooling=draw(st.tuples(st.sampled_from(_POOLINGS), st.sampled_from(_POOLINGS))),
        origin=draw(pair),
        size=draw(st.tuples(st.integers(1, 4), st.integers(1, 4))),
        mirror_y=draw(switch),
        mirror_x=draw(switch),
        mirror_diagonal=draw(switch),
        pass_sensor_events=draw(switch),
    )


@st.composite
def _inputs(draw: _Draw, camera: DvsLayer | None) -> _Source:
    side = st.integers(1, 7)
    if camera is None:
        shape = (draw(st.integers(1, 2)), draw(side), draw(side))
        return _Source(index=-1, shape=shape, spikes=1, count=_MAX_COUNT)
    summed = camera.pooling[0] * camera.pooling[1] * (2 if camera.merge else 1)
    return _Source(index=-1, shape=camera.output_shape, spikes=1, count=_MAX_COUNT * summed)


def _listeners(sources: list[_Source], cores: list[CoreSpec], options: _Options) -> list[_Source]:
    """The sources that the next core may listen to, each as often as it has slots free."""
    if options.chains or not cores:
        return sources[-1:]
    free = [source for source in sources[1:] for _ in range(2 - len(cores[source.index].destinations))]
    return [*reversed(free), sources[0], sources[0]]


def _wires(draw: _Draw, listeners: list[_Source]) -> list[_Wire]:
    """One or two sources, merged or side by side on channels of their own."""
    chosen = draw(st.lists(st.sampled_from(range(len(listeners))), min_size=1, max_size=2, unique=True))
    wires: list[_Wire] = []
    for source in (listeners[i] for i in chosen):
        pooling = 1 if source.index < 0 else draw(_poolings(source.shape))
        taken = max((wire.shape()[0] for wire in wires), default=0)
        wires.append(_Wire(source=source, pooling=pooling, feature_shift=draw(st.sampled_from([0, taken]))))
    return wires


def _core(draw: _Draw, index: int, k: int, wires: list[_Wire], options: _Options) -> tuple[CoreSpec, _Source]:
    channels, height, width = (max(sizes) for sizes in zip(*(wire.shape() for wire in wires), strict=True))
    if draw(st.booleans()):  # what is cut off must be dropped
        height, width = max(1, height - 1), max(1, width - 1)
    arrivals = sum(wire.source.spikes for wire in wires)
    kernel, stride, padding, features = _geometry(draw, (height, width), _MAX_UPDATES // arrivals, options)
    shape = (channels, height, width)
    neurons = (features, *conv_output((height, width), kernel, stride, padding))
    weights = _weights(draw, (features, channels, *kernel))
    counts = sum(wire.source.count * wire.pooling**2 for wire in wires)
    high, low, top = _thresholds(draw, weights, counts, options.max_spikes)
    core = build_core(
        index,
        weights,
        shape,
        bias=_small_int16(draw, (features,), top) if options.biases and draw(st.booleans()) else None,
        stride=stride,
        padding=padding,
        threshold_high=high,
        threshold_low=low,
        return_to_zero=draw(st.booleans()),
        initial_state=_small_int16(draw, neurons, top) if options.initial_states and draw(st.booleans()) else None,
        decimator=draw(st.sampled_from([1, 2, 3])) if options.decimators else 1,
    )
    count = (counts * _reach(weights) + 2 * top) // high + 1
    return core, _Source(index=k, shape=neurons, spikes=arrivals * _targets(core), count=count)


def _geometry(draw: _Draw, size: Pair, budget: int, options: _Options) -> tuple[Pair, Pair, Pair, int]:
    """Kernel, stride, padding (y, x) and features, such that one event updates `budget` neurons at most."""
    padding = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    largest = [min(3, n + 2 * p) for n, p in zip(size, padding, strict=True)]
    rows = draw(st.integers(1, largest[0] if not options.square_kernels else min(largest)))
    columns = rows if options.square_kernels else draw(st.integers(1, largest[1]))
    strides = st.sampled_from([1, 2, 4])
    stride = (draw(strides), draw(strides))
    features = draw(st.integers(1, 3))
    if features * rows * columns > budget:
        return (1, 1), stride, padding, 1
    return (rows, columns), stride, padding, features


def _weights(draw: _Draw, shape: tuple[int, ...]) -> IntArray:
    # One draw of bytes instead of one for each weight; the divisors make zeros and small weights common.
    size = int(np.prod(shape))
    full = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), dtype=np.int8)
    weights = np.trunc(full / draw(st.sampled_from([60, 8, 1]))).astype(np.int8)
    positive = np.maximum(weights, -(weights // 2))  # deep layers seldom fire otherwise
    chosen: IntArray = (positive if draw(st.booleans()) else weights).reshape(shape)
    return chosen


def _thresholds(draw: _Draw, weights: IntArray, counts: int, max_spikes: int | None) -> tuple[int, int, int]:
    """Both thresholds, and the largest bias and initial state that keep to the limit of spikes."""
    if max_spikes is None:
        least, usual, top = 1, 2 * int(np.abs(weights.astype(np.int64)).max()) + 1, INT16_MAX
        high = draw(st.integers(least, usual) | st.integers(least, INT16_MAX))
    else:
        least = min(max(1, counts * _reach(weights) // max_spikes), INT16_MAX)
        high = draw(st.integers(least, min(4 * least, INT16_MAX)) | st.integers(least, INT16_MAX))
        top = min(max_spikes * high, INT16_MAX)
    low = draw(st.sampled_from([-1, -high, INT16_MIN]) | st.integers(-400, -1))
    return high, low, top


def _reach(weights: IntArray) -> int:
    """The largest current of one neuron when every input address holds one spike."""
    return int(np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3)).max())


def _small_int16(draw: _Draw, shape: tuple[int, ...], top: int) -> IntArray:
    size = 2 * int(np.prod(shape))
    full = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), dtype="<i2")
    values: IntArray = np.minimum(full // draw(st.sampled_from([256, 16, 1])), top).reshape(shape)
    return values


def _targets(core: CoreSpec) -> int:
    features, _, rows, columns = core.weights.shape
    return int(features * -(-rows // core.stride[0]) * -(-columns // core.stride[1]))


def _poolings(shape: Shape) -> st.SearchStrategy[int]:
    return st.sampled_from([p for p in _POOLINGS if p <= min(shape[1:])])


@st.composite
def _rasters(draw: _Draw, spec: Spec, min_steps: int, max_steps: int, max_batch: int, max_count: int) -> IntArray:
    shape = (draw(st.integers(min_steps, max_steps)), draw(st.integers(1, max_batch)), *spec.input_shape)
    size = int(np.prod(shape))
    full = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), dtype=np.uint8).astype(np.int64)
    return frozen(np.maximum(full % (2 * max_count + 1) - max_count, 0).reshape(shape), np.int64)


@st.composite
def _events(draw: _Draw, shape: Shape, max_events: int, max_gap_us: int) -> Events:
    size = draw(st.integers(0, max_events))
    gap, c, y, x = np.frombuffer(draw(st.binary(min_size=4 * size, max_size=4 * size)), dtype=np.uint8).reshape(4, -1)
    gaps = np.maximum(gap.astype(np.int64) - 127, 0) * max_gap_us // 128
    return Events(t=np.cumsum(gaps), c=c % shape[0], y=y % shape[1], x=x % shape[2])
