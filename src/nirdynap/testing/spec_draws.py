"""How a spec is drawn: core by core, each from a piece of the choices of its own, which shrinking can leave out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from nirdynap.chips.chip import load_chip
from nirdynap.chips.memory import memory_of
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, OutputPort, Spec
from nirdynap.ir.units import INT16_MAX, INT16_MIN, IntArray, Pair, Shape, conv_output
from nirdynap.testing.build import CHIP, build_core, build_spec

Draw = Callable[[st.SearchStrategy[Any]], Any]

_POOLINGS = (1, 2, 4)
_STRIDES = (1, 1, 1, 1, 2, 4, 8)  # mostly 1, for few pixels are left to the cores behind a large one
_WIDE = (7, 8, 9, 16, 17, 32, 33, 40)  # channels: vectors of 8, 16 and 32 lanes, full and just not
_MAX_UPDATES = 400  # of one core, caused by one external event
_MAX_NEURONS = 200  # of one core, and addresses of the input, where there are many channels
MAX_COUNT = 3  # of an input address in one time step
_POOL = 127  # bytes drawn for an array of any size; a prime, so that equal ones do not come to lie side by side


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Added:
    """One more core, what can be heard of it, and how it is wired.

    `goes_first`: for each wire, before what is wired to the same source. `read`: is it an output although others
    listen to it. `pooling`: of the output.
    """

    core: CoreSpec
    source: _Source
    wires: list[_Wire]
    goes_first: list[bool]
    read: bool
    pooling: int


@st.composite
def drawn_specs(draw: Draw, min_cores: int, max_cores: int, options: Options) -> Spec:
    camera = draw(_dvs_layers()) if options.dvs else None
    spikes_per_step = draw(st.sampled_from(["one", "many"]))
    sources = [draw(_inputs(camera))]
    indices = draw(st.permutations(range(len(load_chip(CHIP).cores))))
    cores: list[CoreSpec] = []
    ports: list[InputPort] = []
    added: list[_Added] = []
    for k in range(max_cores):
        new = draw(_added(indices[k], sources, cores, max_cores - k, k < min_cores, options))
        if new is None:
            break
        for wire, first in zip(new.wires, new.goes_first, strict=True):
            if wire.source.index < 0:
                ports.insert(0 if first else len(ports), InputPort(new.core.core, wire.feature_shift))
            else:
                slot = Destination(core=new.core.core, pooling=wire.pooling, feature_shift=wire.feature_shift)
                before = cores[wire.source.index]
                slots = (slot, *before.destinations) if first else (*before.destinations, slot)
                cores[wire.source.index] = replace(before, destinations=slots)
        cores.append(new.core)
        sources.append(new.source)
        added.append(new)
    outputs = [
        OutputPort(core.core, new.pooling, f"out{core.core}")
        for core, new in zip(cores, added, strict=True)
        if not core.destinations or (new.read and not options.chains)
    ]
    spec = build_spec(*cores, inputs=ports, outputs=outputs, spikes_per_step=spikes_per_step)
    if camera is None:
        return replace(spec, input_shape=sources[0].shape)
    rows, columns = (n + draw(st.integers(0, 2)) for n in camera.reach)  # of a camera as small as the oracle likes it
    return replace(spec, input_shape=(2, rows, columns), dvs=camera)


@st.composite
def _added(
    draw: Draw, index: int, sources: list[_Source], cores: list[CoreSpec], left: int, needed: bool, options: Options
) -> _Added | None:
    """One more core, or None for no more; each number of cores is as likely as the others.

    All that belongs to a core is drawn here, in the same order for each, with nothing drawn before or behind that
    depends on how many there are: Hypothesis leaves out a core by leaving out this piece of what was drawn.
    """
    if draw(st.integers(1 if needed else 0, left)) == 0:
        return None
    wires = _wires(draw, _listeners(sources, cores, options), options.chains)
    core, source = _core(draw, index, len(cores), wires, options)
    return _Added(
        core=core,
        source=source,
        wires=wires,
        goes_first=[draw(st.booleans()) for _ in wires],
        read=draw(st.booleans()),
        pooling=draw(_poolings(core.neuron_shape)),
    )


@st.composite
def _dvs_layers(draw: Draw) -> DvsLayer:
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
def _inputs(draw: Draw, camera: DvsLayer | None) -> _Source:
    side = st.integers(1, 9)
    if camera is None:
        height, width = draw(side), draw(side)
        shape = (_channels(draw, height * width), height, width)
        return _Source(index=-1, shape=shape, spikes=1, count=MAX_COUNT)
    summed = camera.pooling[0] * camera.pooling[1] * (2 if camera.merge else 1)
    return _Source(index=-1, shape=camera.output_shape, spikes=1, count=MAX_COUNT * summed)


def _listeners(sources: list[_Source], cores: list[CoreSpec], options: Options) -> list[_Source]:
    """The sources that the next core may listen to, each as often as it has slots free."""
    if options.chains:
        return sources[-1:]
    free = [source for source in sources[1:] for _ in range(2 - len(cores[source.index].destinations))]
    return [*reversed(free), sources[0], sources[0]]


def _wires(draw: Draw, listeners: list[_Source], chain: bool) -> list[_Wire]:
    """One or two sources, merged or side by side on channels of their own."""
    chosen = draw(st.lists(st.sampled_from(range(len(listeners))), min_size=1, max_size=2, unique=True))
    wires: list[_Wire] = []
    for source in (listeners[i] for i in chosen):
        drawn = draw(_poolings(source.shape))  # also for the input, so that each wire takes as many draws
        pooling = 1 if source.index < 0 else drawn
        taken = max((wire.shape()[0] for wire in wires), default=0)
        shifts = [0] if chain else [0, taken, taken + 1]
        wires.append(_Wire(source=source, pooling=pooling, feature_shift=draw(st.sampled_from(shifts))))
    return wires


def _core(draw: Draw, index: int, k: int, wires: list[_Wire], options: Options) -> tuple[CoreSpec, _Source]:
    channels, height, width = (max(sizes) for sizes in zip(*(wire.shape() for wire in wires), strict=True))
    if draw(st.booleans()):  # what is cut off must be dropped
        height, width = max(1, height - 1), max(1, width - 1)
    arrivals = sum(wire.source.spikes for wire in wires)
    shape = (channels, height, width)
    kernel, stride, padding, features = _geometry(draw, index, shape, _MAX_UPDATES // arrivals, options)
    neurons = (features, *conv_output((height, width), kernel, stride, padding))
    weights = drawn_weights(draw, (features, channels, *kernel))
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
        decimator=draw(st.sampled_from([1, 2, 4, 8])) if options.decimators else 1,
    )
    count = (counts * _reach(weights) + 2 * top) // high + 1
    return core, _Source(index=k, shape=neurons, spikes=arrivals * _reached(neurons, kernel, stride), count=count)


def _geometry(draw: Draw, index: int, shape: Shape, budget: int, options: Options) -> tuple[Pair, Pair, Pair, int]:
    """Kernel, stride, padding (y, x) and features, that fit the core, and such that one event updates few neurons."""
    channels, *size = shape
    padding = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    whole = [n + 2 * p for n, p in zip(size, padding, strict=True)]
    rows = draw(_side(whole[0] if not options.square_kernels else min(whole)))
    columns = rows if options.square_kernels else draw(_side(whole[1]))
    strides = st.sampled_from(_STRIDES)
    stride = (draw(strides), draw(strides))
    neurons = conv_output((size[0], size[1]), (rows, columns), stride, padding)
    features = _channels(draw, neurons[0] * neurons[1])
    weights, capacity = (features, channels, rows, columns), load_chip(CHIP).cores[index]
    needed = memory_of(weights_shape=weights, neuron_shape=(features, *neurons), has_bias=True)
    fits = all(need <= room for need, room in zip(needed, capacity, strict=True))
    # An event at a map of one pixel updates as many neurons as a simulator that has them all in one vector.
    least = budget if neurons != (1, 1) else 4 * budget
    if not fits or _reached((features, *neurons), (rows, columns), stride) > least:
        return (1, 1), stride, padding, 1
    return (rows, columns), stride, padding, features


def _side(whole: int) -> st.SearchStrategy[int]:
    """Of a kernel: small, or as large as the padded map, and so perhaps larger than the map."""
    return st.sampled_from([min(side, whole) for side in (1, 2, 3, 3, whole)])


def _channels(draw: Draw, pixels: int) -> int:
    """Of a map of so many pixels: few, or so many that they fill vectors."""
    return int(draw(st.integers(1, 3) | st.sampled_from([n for n in _WIDE if n * pixels <= _MAX_NEURONS] or [1])))


def _reached(neurons: Shape, kernel: Pair, stride: Pair) -> int:
    """The most neurons that one event updates."""
    along = [min(n, -(-k // s)) for n, k, s in zip(neurons[1:], kernel, stride, strict=True)]
    return neurons[0] * along[0] * along[1]


def drawn_weights(draw: Draw, shape: tuple[int, ...]) -> IntArray:
    # The divisors make zeros and small weights common. The simplest bytes are no silent core.
    full = drawn_bytes(draw, int(np.prod(shape))).view(np.int8)
    weights = np.where(full == 0, 1, np.trunc(full / draw(st.sampled_from([60, 8, 1])))).astype(np.int8)
    positive = np.maximum(weights, -(weights // 2))  # deep layers seldom fire otherwise
    chosen: IntArray = (positive if draw(st.booleans()) else weights).reshape(shape)
    return chosen


def _thresholds(draw: Draw, weights: IntArray, counts: int, max_spikes: int | None) -> tuple[int, int, int]:
    """Both thresholds, and the largest bias and initial state that keep to the limit of spikes."""
    if max_spikes is None:
        least, usual, top = 1, 2 * int(np.abs(weights.astype(np.int64)).max()) + 1, INT16_MAX
        high = _threshold(draw, least, usual)
    else:
        least = min(max(1, counts * _reach(weights) // max_spikes), INT16_MAX)
        high = _threshold(draw, least, min(4 * least, INT16_MAX))
        top = min(max_spikes * high, INT16_MAX)
    low = draw(st.sampled_from([-1, -high, INT16_MIN]) | st.integers(-400, -1))
    return high, low, top


def _threshold(draw: Draw, least: int, usual: int) -> int:
    """Mostly low: a run tells little of a core that is silent, and of those behind it."""
    low, most = draw(st.sampled_from([(least, usual)] * 6 + [(least, INT16_MAX), (INT16_MAX, INT16_MAX)]))
    return int(draw(st.integers(low, most)))


def _reach(weights: IntArray) -> int:
    """The largest current of one neuron when every input address holds one spike."""
    return int(np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3)).max())


def _small_int16(draw: Draw, shape: tuple[int, ...], top: int) -> IntArray:
    full = drawn_bytes(draw, 2 * int(np.prod(shape))).view("<i2")
    values: IntArray = np.minimum(full // draw(st.sampled_from([256, 16, 1])), top).reshape(shape)
    return values


def drawn_bytes(draw: Draw, size: int) -> npt.NDArray[np.uint8]:
    """Bytes for an array: one draw, repeated.

    Always of one size: Hypothesis makes new examples from parts of old ones, and a part that is too long or too short
    here would come as zeros, and most networks would be silent.
    """
    return np.resize(np.frombuffer(draw(st.binary(min_size=_POOL, max_size=_POOL)), dtype=np.uint8), size)


def _poolings(shape: Shape) -> st.SearchStrategy[int]:
    return st.sampled_from([p for p in _POOLINGS if p <= min(shape[1:])])
