"""The float run against loops that anyone can read, and against cases small enough to do by hand."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import nirdynap.interpret.run as run_module
from nirdynap.errors import InputError
from nirdynap.interpret import interpret
from nirdynap.ir.convention import CONVENTIONS
from nirdynap.ir.network import (
    IF,
    Conv,
    Edge,
    Flatten,
    Input,
    Linear,
    Network,
    Node,
    Output,
    Pool,
    Scale,
    build_network,
)

# --- the slow oracle: time outermost, one neuron at a time ----------------------------------------------------------


def slow_map(node: Node, x: np.ndarray) -> np.ndarray:
    """Output [c, y, x] of a node without state."""
    out = np.zeros(node.output_shape)
    if isinstance(node, Conv):
        kernels, per_group, height, width = node.weights.shape
        for o, oy, ox in np.ndindex(out.shape):
            total = 0.0 if node.bias is None else node.bias[o]
            for i, ky, kx in np.ndindex(per_group, height, width):
                c = o // (kernels // node.groups) * per_group + i
                y = oy * node.stride[0] - node.padding[0] + ky * node.dilation[0]
                z = ox * node.stride[1] - node.padding[1] + kx * node.dilation[1]
                if 0 <= y < x.shape[1] and 0 <= z < x.shape[2]:
                    total += node.weights[o, i, ky, kx] * x[c, y, z]
            out[o, oy, ox] = total
    elif isinstance(node, Linear):
        for o, i in np.ndindex(node.weights.shape):
            out[o, 0, 0] += node.weights[o, i] * x[i, 0, 0]
        out[:, 0, 0] += 0 if node.bias is None else node.bias
    elif isinstance(node, Pool):
        for c, y, z in np.ndindex(out.shape):
            for dy, dx in np.ndindex(node.size):
                out[c, y, z] += x[c, y * node.size[0] + dy, z * node.size[1] + dx]
            out[c, y, z] /= node.size[0] * node.size[1] if node.kind == "avg" else 1
    elif isinstance(node, Flatten):
        _, h, w = node.input_shape
        for c, y, z in np.ndindex(node.input_shape):
            at = (c * h + y) * w + z if node.order == "chw" else (y * w + z) * node.input_shape[0] + c
            out[at, 0, 0] = x[c, y, z]
    elif isinstance(node, Scale):
        out = x * node.factor
    else:
        out = x.copy()
    return out


def slow_neuron(node: IF, at: tuple[int, ...], v: float, drive: float, many: bool, delay: int) -> tuple[int, float]:
    """Spikes and membrane of one neuron in one step, found by counting up."""
    theta = node.threshold[at]
    kept = 1.0 if node.decay is None else node.decay[at]
    drive += 0.0 if node.drift is None else node.drift[at]
    floor = -math.inf if node.v_min is None else node.v_min[at]

    def count(level: float) -> int:
        n = 0
        while (many or n == 0) and (level - n * theta >= theta if node.tie == "fires" else level - n * theta > theta):
            n += 1
        return n

    if node.reset_time == "next":
        n = count(v)
        v = drive if n and node.reset == "zero" else kept * v + drive - n * theta
        v = max(v, floor)
        return (n, v) if delay else (count(v), v)
    if delay == 0:
        v = kept * v + drive
    n = count(v)
    if n:
        v = 0.0 if node.reset == "zero" else v - n * theta
    v = max(v, floor)
    return n, kept * v + drive if delay else v


def slow_run(network: Network, raster: np.ndarray) -> tuple[dict, dict]:
    """Values of every node [time, c, y, x] and the final membranes, for one sample."""
    how = network.convention
    values: dict[str, list[np.ndarray]] = defaultdict(list)
    membranes = {n.name: np.zeros(n.output_shape) for n in network.nodes if isinstance(n, IF)}
    for step in raster:
        for node in network.nodes:
            x = np.zeros(node.input_shape)
            if isinstance(node, Input):
                x += step
            for edge in network.edges:
                if edge.target == node.name:
                    value = values[edge.source][-1]
                    for c in range(len(value)):
                        x[c + edge.feature_shift] += value[c]
            if isinstance(node, IF):
                spikes = np.zeros(node.output_shape)
                v = membranes[node.name]
                for at in np.ndindex(v.shape):
                    drive = x[at] * node.gain[at]
                    spikes[at], v[at] = slow_neuron(node, at, v[at], drive, how.spikes_per_step == "many", how.delay)
                values[node.name].append(spikes)
            else:
                values[node.name].append(slow_map(node, x))
    return {k: np.array(v) for k, v in values.items()}, membranes


# --- generated networks: numbers are multiples of 1/8 or 1/16, so that float64 is exact in any order -----------------

eighths = st.integers(-12, 12).map(lambda n: n / 8)
pairs = st.tuples(st.integers(1, 2), st.integers(1, 2))


def arrays(shape: tuple[int, ...], elements: st.SearchStrategy[float]) -> st.SearchStrategy[np.ndarray]:
    return st.lists(elements, min_size=math.prod(shape), max_size=math.prod(shape)).map(
        lambda v: np.array(v, dtype=np.float64).reshape(shape)
    )


@st.composite
def convolutions(draw: st.DrawFn, shape: tuple[int, int, int], name: str) -> Conv:
    groups = draw(st.sampled_from([g for g in (1, 2) if shape[0] % g == 0]))
    kernel, padding, dilation = (draw(pairs) for _ in range(3))
    # A padding that is at least the reach of the kernel keeps the output map from being empty.
    padding = tuple(max(p, d * (k - 1)) for p, d, k in zip(padding, dilation, kernel, strict=True))
    out = groups * draw(st.integers(1, 2))
    return Conv(
        name=name,
        origin=(name,),
        input_shape=shape,
        weights=draw(arrays((out, shape[0] // groups, *kernel), eighths)),
        bias=draw(st.none() | arrays((out,), eighths)),
        stride=draw(pairs),
        padding=padding,
        dilation=dilation,
        groups=groups,
    )


@st.composite
def neurons(draw: st.DrawFn, shape: tuple[int, int, int], name: str) -> IF:
    leaks = draw(st.booleans())
    return IF(
        name=name,
        origin=(name,),
        input_shape=shape,
        threshold=draw(arrays(shape, st.integers(1, 12).map(lambda n: n / 8))),
        gain=draw(arrays(shape, st.sampled_from([0.5, 1.0, 2.0]))),
        v_min=draw(st.none() | arrays(shape, st.integers(-8, 0).map(lambda n: n / 8))),
        reset=draw(st.sampled_from(["subtract", "zero"])),
        tie=draw(st.sampled_from(["fires", "waits"])),
        decay=draw(arrays(shape, st.sampled_from([0.0, 0.5, 1.0]))) if leaks else None,
        drift=draw(st.none() | arrays(shape, eighths)),
        reset_time=draw(st.sampled_from(["now", "next"])) if leaks else "now",
    )


@st.composite
def other_nodes(draw: st.DrawFn, shape: tuple[int, int, int], name: str) -> Node:
    common = {"name": name, "origin": (name,), "input_shape": shape}
    kinds = ["conv", "scale", "flatten", *(["pool"] if min(shape[1:]) > 1 else [])]
    kinds += ["linear"] if shape[1:] == (1, 1) else []
    match draw(st.sampled_from(kinds)):
        case "conv":
            return draw(convolutions(shape, name))
        case "scale":
            return Scale(**common, factor=draw(arrays(shape, st.sampled_from([0.5, 1.0, 2.0]))))
        case "flatten":
            return Flatten(**common, order=draw(st.sampled_from(["chw", "hwc"])))
        case "linear":
            out = draw(st.integers(1, 3))
            bias = draw(st.none() | arrays((out,), eighths))
            return Linear(**common, weights=draw(arrays((out, shape[0]), eighths)), bias=bias)
        case _:
            return Pool(**common, kind=draw(st.sampled_from(["sum", "avg"])), size=draw(pairs))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """A stem, then two branches of the same start that meet behind one another's channels or on top of each other."""
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    nodes: list[Node] = [Input(name="in", origin=("in",), input_shape=shape)]
    edges: list[Edge] = []

    def add(node: Node, source: Node, feature_shift: int = 0) -> Node:
        nodes.append(node)
        edges.append(Edge(source=source.name, target=node.name, feature_shift=feature_shift))
        return node

    tip = nodes[0]
    for depth in range(draw(st.integers(1, 2))):
        tip = add(draw(other_nodes(tip.output_shape, f"a{depth}")), tip)
        tip = add(draw(neurons(tip.output_shape, f"n{depth}")), tip)
    left = add(draw(neurons(tip.output_shape, "left")), tip)
    c, h, w = tip.output_shape
    shift = draw(st.integers(0, c))
    meet = add(draw(neurons((c + shift, h, w), "meet")), tip)
    edges.append(Edge(source=left.name, target="meet", feature_shift=shift))
    add(Output(name="out", origin=("out",), input_shape=meet.output_shape), meet)
    add(Output(name="side", origin=("side",), input_shape=left.output_shape), left)
    convention = dataclasses.replace(
        CONVENTIONS["torch"],
        spikes_per_step=draw(st.sampled_from(["one", "many"])),
        delay=draw(st.integers(0, 1)),
    )
    return build_network(tuple(nodes), tuple(edges), convention)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_equals_the_slow_loops(data: st.DataObject) -> None:
    network = data.draw(networks())
    steps, batch = data.draw(st.integers(0, 4)), data.draw(st.integers(1, 2))
    shape = (steps, batch, *network.input.input_shape)
    raster = data.draw(arrays(shape, st.sampled_from([0, 1, 3]))).astype(int)
    result = interpret(network, raster, record="all")
    for sample in range(batch):
        values, membranes = slow_run(network, raster[:, sample])
        for name, spikes in result.rasters.items():
            slow = values.get(name, np.zeros((0, *spikes.shape[2:])))
            np.testing.assert_array_equal(spikes[:, sample], slow, err_msg=name)
            np.testing.assert_array_equal(result.counts[name][sample], slow.sum(axis=0), err_msg=name)
            np.testing.assert_array_equal(result.membranes[name][sample], membranes[name], err_msg=name)
        for name, output in result.outputs.items():
            np.testing.assert_array_equal(output[:, sample], values.get(name, output[:, sample]), err_msg=name)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_cutting_the_run_into_pieces_changes_nothing(data: st.DataObject) -> None:
    network = data.draw(networks())
    raster = data.draw(arrays((5, 2, *network.input.input_shape), st.sampled_from([0, 1, 2]))).astype(int)
    whole = interpret(network, raster, record="all")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "_ELEMENTS_AT_ONCE", 1)
        pieces = interpret(network, raster, record="all")
    assert pieces.ties == whole.ties
    for field in ("outputs", "counts", "membranes", "rasters"):
        for name, array in getattr(whole, field).items():
            np.testing.assert_array_equal(getattr(pieces, field)[name], array)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_delayed_layer_sends_the_same_spikes_one_step_later(data: st.DataObject) -> None:
    shape = (1, 2, 2)
    node = data.draw(neurons(shape, "n"))
    raster = data.draw(arrays((6, *shape), st.sampled_from([0, 1, 2]))).astype(int)
    prompt, late = (interpret(chain([node], delay=d), raster, record="all").rasters["n"] for d in (0, 1))
    np.testing.assert_array_equal(late[0], 0)
    np.testing.assert_array_equal(late[1:], prompt[:-1])


# --- by hand --------------------------------------------------------------------------------------------------------


def chain(layers: list[Node], **convention: object) -> Network:
    shape = layers[0].input_shape
    nodes: list[Node] = [Input(name="in", origin=("in",), input_shape=shape), *layers]
    nodes.append(Output(name="out", origin=("out",), input_shape=layers[-1].output_shape))
    edges = tuple(Edge(source=a.name, target=b.name) for a, b in pairwise(nodes))
    return build_network(tuple(nodes), edges, dataclasses.replace(CONVENTIONS["torch"], **convention))


def neuron(**changes: object) -> IF:
    one = {"threshold": 2.0, "gain": 1.0, "v_min": None, "reset": "subtract", "tie": "fires"} | changes
    full = {k: np.full((1, 1, 1), v) if isinstance(v, float) else v for k, v in one.items()}
    return IF(name="n", origin=("n",), input_shape=(1, 1, 1), **full)


def column(*counts: int) -> np.ndarray:
    return np.array(counts).reshape(-1, 1, 1, 1)


@pytest.mark.parametrize(
    ("node", "convention", "spikes", "membrane", "ties"),
    [
        (neuron(), {}, [0, 1, 1, 1], 1.0, 1),
        (neuron(), {"spikes_per_step": "many"}, [0, 1, 2, 0], 1.0, 2),
        (neuron(tie="waits"), {}, [0, 0, 1, 1], 3.0, 1),
        (neuron(tie="waits"), {"spikes_per_step": "many"}, [0, 0, 2, 1], 1.0, 2),
        (neuron(reset="zero"), {}, [0, 1, 1, 0], 1.0, 1),
        (neuron(reset="zero", tie="waits"), {}, [0, 0, 1, 0], 1.0, 1),
        (neuron(gain=0.5), {}, [0, 0, 1, 0], 1.5, 0),
        (neuron(gain=-1.0), {"spikes_per_step": "many"}, [0, 0, 0, 0], -7.0, 0),
        (neuron(), {"delay": 1}, [0, 0, 1, 1], 3.0, 1),
        (neuron(decay=0.5), {}, [0, 0, 1, 1], 0.375, 0),
        (neuron(decay=0.5, reset_time="next"), {}, [0, 0, 1, 0], 1.375, 0),
        (neuron(decay=0.5, reset_time="next"), {"delay": 1}, [0, 0, 0, 1], 1.375, 0),
        (neuron(drift=-0.5), {}, [0, 0, 1, 1], 1.0, 0),
    ],
)
def test_one_neuron(node: IF, convention: dict, spikes: list[int], membrane: float, ties: int) -> None:
    result = interpret(chain([node], **convention), column(1, 1, 4, 1), record="all")
    assert result.rasters["n"].ravel().tolist() == spikes
    assert result.membranes["n"].item() == membrane
    assert result.ties == {"n": ties}


def test_lower_bound_acts_after_the_spike() -> None:
    down = Linear(name="w", origin=("w",), input_shape=(1, 1, 1), weights=np.array([[-1.0]]), bias=np.array([2.0]))
    result = interpret(chain([down, neuron(v_min=-1.0)]), column(9, 1, 1), record="all")
    assert result.rasters["n"].ravel().tolist() == [0, 0, 0]
    assert result.membranes["n"].item() == 1.0


def test_many_spikes_are_the_rounded_quotient() -> None:
    # 0.5 is less than five times the float 0.1, but 0.5 / 0.1 rounds to 5: five spikes, and a tie.
    node = neuron(threshold=0.1, gain=0.5)
    result = interpret(chain([node], spikes_per_step="many"), column(1))
    assert result.counts["n"].item() == 5
    assert result.ties == {"n": 1}


def test_average_pool_drops_the_remainder() -> None:
    pool = Pool(name="p", origin=("p",), input_shape=(1, 4, 5), kind="avg", size=(3, 2))
    result = interpret(chain([pool]), np.arange(20).reshape(1, 1, 4, 5))
    np.testing.assert_allclose(result.raster.ravel(), [33 / 6, 45 / 6], rtol=1e-15)


def test_decision_is_the_first_of_the_largest() -> None:
    raster = np.zeros((3, 2, 4, 1, 1), dtype=int)
    raster[0, 0, 2] = raster[1, 0, 3] = raster[2, 1, 1] = 1
    pool = Scale(name="s", origin=("s",), input_shape=(4, 1, 1), factor=np.ones((4, 1, 1)))
    assert interpret(chain([pool]), raster).decision.tolist() == [2, 1]


def test_a_sample_without_batch_axis_is_a_batch_of_one() -> None:
    result = interpret(chain([neuron()]), column(1, 1))
    assert result.raster.shape == (2, 1, 1, 1, 1)
    assert result.rasters == {}
    assert not result.counts["n"].flags.writeable


@pytest.mark.parametrize(
    ("raster", "code"),
    [
        (np.zeros((2, 1, 1, 2), int), "ND504"),
        (np.zeros((2, 1), int), "ND504"),
        (column(-1), "ND504"),
        (column(1) / 2, "ND504"),
    ],
)
def test_bad_rasters_are_refused(raster: np.ndarray, code: str) -> None:
    with pytest.raises(InputError) as caught:
        interpret(chain([neuron()]), raster)
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_unknown_record_is_refused() -> None:
    with pytest.raises(InputError, match="ND507"):
        interpret(chain([neuron()]), column(1), record="some")  # type: ignore[arg-type]


def test_a_map_may_be_smaller_than_the_room_declared_for_it() -> None:
    """Kernels filled up to a square declare a row that no source reaches: it stays empty."""
    one = np.ones((1, 1, 1))
    conv = Conv(name="c", origin=("c",), input_shape=(1, 2, 1), weights=np.ones((1, 1, 2, 1)), bias=None)
    neuron = IF(
        name="n",
        origin=("n",),
        input_shape=(1, 1, 1),
        threshold=one,
        gain=one,
        v_min=None,
        reset="subtract",
        tie="fires",
    )
    entry = Input(name="i", origin=("i",), input_shape=(1, 1, 1))
    exit_ = Output(name="o", origin=("o",), input_shape=(1, 1, 1))
    edges = tuple(Edge(source=a, target=b) for a, b in pairwise("icno"))
    network = build_network((entry, conv, neuron, exit_), edges, CONVENTIONS["torch"])
    assert interpret(network, np.ones((3, 1, 1, 1))).counts["n"].tolist() == [[[[3]]]]
