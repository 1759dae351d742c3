"""All rungs on networks small enough to know the answer, and on a real one."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from itertools import pairwise

import hypothesis.strategies as st
import nir
import numpy as np
import pytest
from hypothesis import assume, given, settings

import nirdynap
from nirdynap.errors import CompileError, InputError
from nirdynap.ir.clock import ExternalClock
from nirdynap.ir.convention import CONVENTIONS, Convention
from nirdynap.ir.events import Events
from nirdynap.verify import Comparison, RungLayer, Verification, climb, verify


def chain(shape: tuple[int, ...], **nodes: nir.NIRNode) -> nir.NIRGraph:
    """Input -> the given nodes, in order -> Output."""
    names = ["in", *nodes, "out"]
    graph = {"in": nir.Input({"input": np.array(shape)}), **nodes, "out": nir.Output({"output": np.array([1])})}
    return nir.NIRGraph(graph, list(pairwise(names)), type_check=False)


def neurons(*shape: int, threshold: float = 1.0) -> nir.IF:
    return nir.IF(r=np.ones(shape), v_threshold=np.full(shape, threshold))


def steps(*channels: list[int]) -> np.ndarray:
    """Counts [time, channel, 1, 1] from one list per channel."""
    return np.array(channels).T[:, :, None, None]


RUNGS = ["float", "normalised", "lowered", "clocked", "single", "event", "chip"]


def spikes(checked: Verification) -> dict[str, list[int]]:
    """Of the rungs that can differ, where no step holds two spikes of a neuron."""
    found = {rung.name: [layer.spikes for layer in rung.layers] for rung in checked.rungs}
    return {name: found[name] for name in ("float", "lowered", "clocked", "event")}


def layer(checked: Verification, rung: str, index: int = 0) -> RungLayer:
    return next(r for r in checked.rungs if r.name == rung).layers[index]


def step_to(checked: Verification, rung: str) -> Comparison:
    """The comparison of a rung with the one before it."""
    (found,) = (pair for pair in checked.comparisons if pair.rung == rung)
    return found


def differences(checked: Verification) -> list[object]:
    """Where what was folded, what was rounded and what runs by events depart from what they were made of."""
    for rung in ("lowered", "chip"):
        assert step_to(checked, rung).first_difference is None
    return [step_to(checked, rung).first_difference for rung in ("normalised", "clocked", "event")]


def place(difference: object) -> tuple[object, ...]:
    assert difference is not None
    names = ("layer", "sample", "step", "channel", "y", "x", "value", "reference")
    return tuple(getattr(difference, name) for name in names)


# --- what is known beforehand ---------------------------------------------------------------------------------------


def rounded_network() -> nir.NIRGraph:
    """Scale 127: 0.75 becomes 95 (95.25) and the threshold 286 (285.75): three spikes reach 2.25, but not 286."""
    return chain(
        (2,),
        fc1=nir.Linear(np.array([[1.0, 0.0], [0.0, 0.75]])),
        if1=neurons(2, threshold=2.25),
        fc2=nir.Linear(np.eye(2)),
        if2=neurons(2),
    )


def test_first_difference_made_by_rounding_is_found():
    silent, busy = np.zeros((6, 2, 1, 1), dtype=int), steps([0] * 6, [1] * 6)
    checked = verify(rounded_network(), "speck2f", np.stack([silent, busy], axis=1), convention="torch")
    assert spikes(checked) == {"float": [2, 2], "lowered": [2, 2], "clocked": [1, 1], "event": [1, 1]}
    lowering, rounding, asynchrony = differences(checked)
    assert lowering is None
    assert place(rounding) == ("fc1", 1, 2, 1, 0, 0, 0, 1)
    assert asynchrony is None
    first, _ = step_to(checked, "clocked").layers
    assert (first.layer, first.neurons, first.equal, first.within_one) == ("fc1", 4, 3, 4)
    assert (first.largest_difference, first.ratio) == (1, 0.5)
    assert step_to(checked, "clocked").same_decisions == {"out": 2}


def test_first_difference_made_by_event_order_is_found_in_its_bin():
    graph = chain((2,), fc=nir.Linear(np.array([[0.0, 0.0], [127.0, -127.0]])), neuron=neurons(2, threshold=127.0))
    both_in_step_3 = Events(t=[3100, 3200], c=[0, 1], y=[0, 0], x=[0, 0])
    checked = verify(graph, "speck2f", both_in_step_3, convention="torch")
    assert spikes(checked) == {"float": [0], "lowered": [0], "clocked": [0], "event": [1]}
    assert place(differences(checked)[2]) == ("fc", 0, 3, 1, 0, 0, 1, 0)
    assert step_to(checked, "event").layers[0].ratio == float("inf")
    assert [rung.decisions["out"].tolist() for rung in checked.rungs] == [[-1]] * 5 + [[1]] * 2
    assert step_to(checked, "event").same_decisions == {"out": 0}


LATE = Convention(name="late", delay=1)


@pytest.mark.parametrize("convention", [CONVENTIONS["torch"], LATE])
def test_a_spike_that_rounding_moves_in_the_lowered_network_is_told_apart(convention: Convention):
    # 0.3 three times falls short of 0.9 in float64; the thresholds differ, so the lowered network has 0.3 / 0.9
    graph = chain(
        (1,),
        fc1=nir.Linear(np.ones((1, 1))),
        if1=neurons(1),
        fc2=nir.Linear(np.array([[0.3], [1.0]])),
        if2=nir.IF(np.ones(2), np.array([0.9, 1.0])),
    )
    checked = verify(graph, "speck2f", steps([1] * 4), convention=convention)
    assert place(differences(checked)[0]) == ("fc2", 0, 2, 0, 0, 0, 1, 0)
    assert checked.notes[-1].code == "ND701"
    assert checked.notes[-1].place == "$.nodes.fc2"


def test_average_pools_of_different_factors_lower_exactly():
    rng = np.random.default_rng(1)

    def conv(out: int, ins: int, k: int, stride: int) -> nir.Conv2d:
        weights = rng.integers(-16, 64, (out, ins, k, k)) / 64
        return nir.Conv2d(None, weights, stride, 0, 1, 1, np.zeros(out))

    nodes = {
        "in": nir.Input({"input": np.array([1, 8, 8])}),
        "a": conv(2, 1, 1, 1),
        "a_if": neurons(2, 8, 8),
        "a_pool": nir.AvgPool2d(np.array([4, 4]), np.array([4, 4]), np.array([0, 0])),
        "b": conv(2, 1, 2, 2),
        "b_if": neurons(2, 4, 4),
        "b_pool": nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "c": conv(3, 2, 2, 1),
        "c_if": neurons(3, 1, 1, threshold=0.25),
        "out": nir.Output({"output": np.array([3, 1, 1])}),
    }
    edges = [("in", "a"), ("a", "a_if"), ("a_if", "a_pool"), ("a_pool", "c"), ("in", "b"), ("b", "b_if")]
    edges += [("b_if", "b_pool"), ("b_pool", "c"), ("c", "c_if"), ("c_if", "out")]
    raster = rng.poisson(0.3, (30, 2, 1, 8, 8))
    checked = verify(nir.NIRGraph(nodes, edges, type_check=False), "speck2f", raster, convention="sinabs")
    assert differences(checked)[0] is None
    assert all(layer.equal_fraction == 1 for layer in checked.comparisons[0].layers)
    assert spikes(checked)["float"][-1] > 10
    assert "ND217" in {note.code for note in checked.notes}  # each factor has input channels of its own


@pytest.mark.parametrize("convention", [LATE, CONVENTIONS["lava"]])
def test_layers_that_answer_late_are_compared_after_the_shift(convention: Convention):
    rng = np.random.default_rng(2)
    first = rng.integers(-60, 127, (4, 3)).astype(float)
    first[0, 0] = 127.0  # so that the scale is 1
    graph = chain(
        (3,),
        fc1=nir.Linear(first),
        if1=neurons(4, threshold=100.0),
        fc2=nir.Linear(np.full((2, 4), 127.0)),
        if2=neurons(2, threshold=300.0),
    )
    checked = verify(graph, "speck2f", rng.poisson(0.7, (40, 2, 3, 1, 1)), convention=convention)
    assert differences(checked)[:2] == [None, None]
    assert all(layer(checked, "clocked", index).spikes > 10 for index in (0, 1))
    assert "lags" in checked.rungs[0].about


def test_ties_are_counted_where_the_model_waits_and_the_chip_fires():
    graph = chain((1,), fc=nir.Linear(np.array([[1.0]])), neuron=neurons(1, threshold=2.0))
    waits = verify(graph, "speck2f", steps([1] * 6), convention="snntorch", reset="subtract")
    assert [rung.layers[0].ties for rung in waits.rungs] == [3, 3, 3, 0, 0, 0, 0]
    assert place(differences(waits)[1]) == ("fc", 0, 1, 0, 0, 0, 1, 0)
    assert [note.code for note in waits.notes] == ["ND209"]
    for same_on_chip in ("torch", "norse"):  # both fire; both wait
        checked = verify(graph, "speck2f", steps([1] * 6), convention=same_on_chip)
        assert [rung.layers[0].ties for rung in checked.rungs] == [0] * 7


def test_saturations_and_dropped_spikes_are_carried_along():
    conv = nir.Conv2d(None, np.full((1, 1, 1, 1), 127.0), 1, 0, 1, 1, np.zeros(1))
    pool = nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    graph = chain((1, 3, 3), conv=conv, neuron=neurons(1, 3, 3, threshold=32767.0), pool=pool)
    raster = np.zeros((2, 1, 3, 3), dtype=int)
    raster[0, 0, 2, 2] = 300
    checked = verify(graph, "speck2f", raster, convention="torch")
    # on "clocked" the membrane left the range of 16 bits, too, but was not held there
    assert [rung.layers[0].saturated for rung in checked.rungs] == [0, 0, 0, 1, 1, 1, 1]
    assert [rung.layers[0].dropped for rung in checked.rungs] == [0, 0, 0, 1, 1, 1, 1]


def test_labels_give_accuracies():
    graph = chain((2,), fc=nir.Linear(np.array([[127.0, -127.0], [0.0, 64.0]])), neuron=neurons(2, threshold=127.0))
    # channel 0 then channel 1 in one step: the event run fires neuron 0, the clocked run waits for the second neuron
    lone = Events(t=[100], c=[0], y=[0], x=[0])
    cancelled = Events(t=[100, 200, 300, 5000], c=[0, 1, 1, 1], y=[0] * 4, x=[0] * 4)
    checked = verify(graph, "speck2f", [lone, cancelled], convention="torch", labels=[0, 1])
    assert checked.correct == dict.fromkeys(RUNGS, 2) | {"event": 1, "chip": 1}
    assert checked.accuracy["event"] == 0.5
    assert checked.accuracy_interval["event"] == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert [loss.lost for loss in checked.waterfall.losses] == [0, 0, 0, 0, 1, 0]
    assert (checked.waterfall.first, checked.waterfall.last) == (2, 1)
    assert verify(graph, "speck2f", lone, convention="torch").accuracy == {}


# --- equal on all clocked rungs ---------------------------------------------------------------------------------------


@st.composite
def integer_networks(draw: st.DrawFn) -> tuple[nir.NIRGraph, np.ndarray, dict[str, str]]:
    """Networks whose scale is 1: the largest weight is 127, thresholds are integers; few of them saturate."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels, side = draw(st.integers(1, 2)), draw(st.sampled_from([2, 4, 6]))
    pool, stride, padding = draw(st.sampled_from([1, 2])), draw(st.sampled_from([1, 2])), draw(st.integers(0, 1))
    middle = (side + 2 * padding - 2) // stride + 1
    assert middle >= 1
    pool = pool if middle >= pool else 1

    def weights(*shape: int) -> np.ndarray:
        w = rng.integers(-127, 128, shape).astype(float)
        w.flat[0] = 127.0
        return w

    def bias(n: int) -> np.ndarray:
        return rng.integers(-127, 128, n).astype(float) if draw(st.booleans()) else np.zeros(n)

    threshold = st.integers(100, 400).map(float)
    pooled = middle // pool
    graph = chain(
        (channels, side, side),
        conv=nir.Conv2d(None, weights(2, channels, 2, 2), stride, padding, 1, 1, bias(2)),
        if1=neurons(2, middle, middle, threshold=draw(threshold)),
        pool=nir.SumPool2d(np.array([pool, pool]), np.array([pool, pool]), np.array([0, 0])),
        flat=nir.Flatten({"input": np.array([2, pooled, pooled])}, start_dim=0),
        fc=nir.Affine(weights(3, 2 * pooled * pooled), bias(3)),
        if2=neurons(3, threshold=draw(threshold)),
    )
    reading = {"reset": draw(st.sampled_from(["subtract", "zero"]))}
    reading["spikes_per_step"] = draw(st.sampled_from(["one", "many"]))
    return graph, rng.poisson(0.2, (5, 2, channels, side, side)), reading


@settings(deadline=None, max_examples=40)
@given(integer_networks())
def test_integer_networks_agree_on_all_clocked_rungs(case):
    graph, raster, reading = case
    checked = verify(graph, "speck2f", raster, convention="torch", **reading)
    assume(not any(row.saturated for row in checked.rungs[3].layers))  # a wide event rung is another matter
    assert {core.scale for core in checked.spec.cores} == {1.0}
    assert differences(checked)[:2] == [None, None]
    for comparison in checked.comparisons[:3]:
        assert all(a.equal == a.within_one == a.neurons and a.largest_difference == 0 for a in comparison.layers)
        assert comparison.same_decisions == {"out": 2}


# --- input ------------------------------------------------------------------------------------------------------------


def same(one: Verification, other: Verification) -> bool:
    np.testing.assert_equal([r.decisions for r in one.rungs], [r.decisions for r in other.rungs])
    return (
        [r.layers for r in one.rungs] == [r.layers for r in other.rungs]
        and one.comparisons == other.comparisons
        and one.notes == other.notes
    )


def test_events_and_their_raster_give_the_same():
    rng = np.random.default_rng(3)
    raster = rng.poisson(0.5, (12, 2, 1, 1))
    raster[-1] = 1  # so that the events last as long
    events = Events.from_raster(raster)
    one, other = (verify(rounded_network(), "speck2f", given, convention="torch") for given in (events, raster))
    assert same(one, other)
    assert (one.samples, one.steps) == (1, 12)


def test_a_batch_is_run_in_parts_where_memory_is_short(monkeypatch):
    raster = np.random.default_rng(4).poisson(0.6, (20, 7, 2, 1, 1))
    at_once = verify(rounded_network(), "speck2f", raster, convention="torch", labels=[1] * 7)
    monkeypatch.setattr(climb, "_BYTES_AT_ONCE", 3 * 2 * 8 * 20 * 6)  # three samples, then three, then one
    told: list[tuple[int, int]] = []
    in_parts = verify(
        rounded_network(),
        "speck2f",
        raster,
        convention="torch",
        labels=[1] * 7,
        progress=lambda done, total: told.append((done, total)),
    )
    assert {total for _, total in told} == {49}, "seven samples on seven rungs"
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (49, 49)
    assert same(at_once, in_parts)
    assert at_once.correct == in_parts.correct
    assert differences(at_once)[1] is not None


def test_all_samples_run_as_long_as_the_longest_and_biases_tick_once_a_step():
    fc = nir.Affine(np.array([[127.0]]), np.array([50.0]))
    graph = chain((1,), fc=fc, neuron=neurons(1, threshold=127.0))
    short, long = Events(t=[0], c=[0], y=[0], x=[0]), Events(t=[0, 9500], c=[0, 0], y=[0, 0], x=[0, 0])
    checked = verify(graph, "speck2f", [short, long], convention="torch")
    assert (checked.steps, checked.bias_clock_us) == (10, 1000)
    # sums 127 + 500 and 254 + 500; a tick fires no neuron, so the event run fires at events only
    assert spikes(checked) == {"float": [9], "lowered": [9], "clocked": [9], "event": [3]}
    assert "biases every 1000 us" in checked.rungs[-2].about
    assert checked.rungs[-1].repeats
    slow = verify(graph, "speck2f", [short, long], convention="torch", slow_clock=ExternalClock(hz=10))
    assert (slow.bias_clock_us, spikes(slow)["event"]) == (None, [3])
    assert "biases at the ticks of the slow clock" in slow.rungs[-1].about
    assert not slow.rungs[-1].repeats
    same = verify(graph, "speck2f", [short, long], convention="torch", slow_clock=ExternalClock(hz=1000))
    assert same.rungs[-1].layers == checked.rungs[-1].layers


def test_a_decimator_is_an_effect_of_the_chip():
    graph = chain((1,), fc=nir.Linear(np.ones((1, 1))), neuron=neurons(1))
    checked = verify(graph, "speck2f", steps([1] * 9), convention="torch", decimator={"fc": 4})
    assert [rung.layers[0].spikes for rung in checked.rungs] == [9, 9, 9, 9, 9, 9, 2]
    assert [rung.repeats for rung in checked.rungs] == [False, False, True, False, True, False, False]
    assert "each spike number 4 of fc passes" in checked.rungs[-1].about
    assert checked.spec.cores[0].decimator == 4


def test_a_recording_without_events_is_one_silent_step():
    nothing = Events(t=[], c=[], y=[], x=[])
    checked = verify(rounded_network(), "speck2f", nothing, convention="torch")
    assert checked.steps == 1
    assert spikes(checked) == {name: [0, 0] for name in ("float", "lowered", "clocked", "event")}
    assert checked.comparisons[0].layers[0].ratio == 1.0


def codes(**arguments: object) -> list[str]:
    with pytest.raises(InputError) as caught:
        verify(rounded_network(), "speck2f", convention="torch", **arguments)
    return [d.code for d in caught.value.diagnostics]


def test_bad_input_and_options_are_refused_together():
    assert codes(input=-np.ones((2, 2, 1, 1)), order="sideways", bias_clock_us=0) == ["ND507", "ND507", "ND504"]
    assert codes(input=()) == ["ND505"]  # no input at all
    assert codes(input=Events(t=[0], c=[2], y=[0], x=[0])) == ["ND503"]
    raster = np.ones((2, 3, 2, 1, 1))
    assert codes(input=raster, labels=[0, 1]) == ["ND507"]
    assert codes(input=raster, labels=[0.5, 1.0, 0.0]) == ["ND507"]


def test_labels_are_for_one_output():
    graph = chain((2,), fc=nir.Linear(np.eye(2)), neuron=neurons(2))
    graph.nodes["second"] = nir.Output({"output": np.array([2])})
    graph.edges.append(("neuron", "second"))
    with pytest.raises(InputError, match="2 outputs"):
        verify(graph, "speck2f", np.ones((2, 2, 1, 1)), convention="torch", labels=[0])
    checked = verify(graph, "speck2f", np.ones((2, 2, 1, 1)), convention="torch")
    assert all(set(rung.decisions) == {"out", "second"} for rung in checked.rungs)


def test_a_network_that_does_not_fit_is_refused():
    graph = chain((1, 4, 4), conv=nir.Conv2d(None, np.ones((1, 1, 1, 1)), 3, 0, 1, 1, np.zeros(1)), n=neurons(1, 2, 2))
    with pytest.raises(CompileError, match="ND312"):
        verify(graph, "speck2f", np.ones((1, 1, 4, 4)), convention="torch")


# --- the real thing ---------------------------------------------------------------------------------------------------


def test_a_real_network_on_a_real_recording(shared_data):
    with np.load(shared_data / "nmnist_speck" / "speck_digits_0_4.npz") as file:
        x, y, t, p = file["events_1"].T
    path = shared_data / "nmnist_speck" / "cnn_sinabs.nir"
    checked = verify(path, "speck2f", Events(t=t, c=p, y=y, x=x), convention="sinabs", labels=[1])
    assert differences(checked)[0] is None
    assert [core.name for core in checked.spec.cores] == [layer.name for layer in checked.rungs[0].layers]
    first = step_to(checked, "event").layers[0]
    assert first.neurons == 16 * 16 * 16
    assert first.equal_fraction > 0.9
    assert first.correlation is not None
    assert first.correlation > 0.99
    assert set(checked.accuracy.values()) == {1.0}


# --- room and function in one -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    ["import nirdynap.verify.metrics", "import nirdynap; nirdynap.verify", "from nirdynap.verify import Agreement"],
)
def test_the_room_can_be_called_whatever_was_imported_first(first: str):
    code = f"""
{first}
import nir, numpy as np, nirdynap
graph = nir.NIRGraph.from_list(
    nir.Input({{"input": np.array([1])}}), nir.Linear(np.ones((1, 1))),
    nir.IF(np.ones(1), np.ones(1)), nir.Output({{"output": np.array([1])}}))
checked = nirdynap.verify(graph, "speck2f", np.ones((3, 1, 1, 1)), convention="torch")
assert checked.rungs[3].layers[0].spikes == 3
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_public_name_is_this_function():
    assert inspect.signature(nirdynap.verify) == inspect.signature(verify)
    assert list(inspect.signature(nirdynap.verify).parameters)[:3] == ["source", "chip", "input"]
    told = pydoc.plain(pydoc.render_doc(nirdynap.verify))
    for words in ("verify(source: ", "Args:", "Returns:", "Raises:", ">>> checked = nirdynap.verify("):
        assert words in told
    with pytest.raises(TypeError, match="input"):
        nirdynap.verify(rounded_network(), "speck2f")


# --- a leak ---------------------------------------------------------------------------------------------------------


def leaky(tau: float) -> nir.NIRGraph:
    full = (np.full(1, value) for value in (tau, tau / 1e-3, 0.0, 1.0))
    return chain((1,), fc=nir.Linear(np.array([[0.4]])), neuron=nir.LIF(*full))


@pytest.mark.parametrize("leak", ["drop", "linear"])
def test_a_leak_has_a_rung_of_its_own(leak: str) -> None:
    outcome = verify(leaky(0.002), "speck2f", steps([1] * 20), convention="torch", reset="subtract", dt=1e-3, leak=leak)
    assert [rung.name for rung in outcome.rungs] == ["float", "leakless", *RUNGS[1:]]
    first, second, *_ = outcome.comparisons
    assert (first.reference, first.rung) == ("float", "leakless")
    assert first.first_difference is not None, "0.4 a step never gets to 1 where half is lost in each"
    assert (second.rung, second.first_difference) == ("normalised", None)
    code = {"drop": "ND213", "linear": "ND220"}[leak]
    assert code in {note.code for note in outcome.notes}
    assert repr(leak) in outcome.rungs[1].about


def test_without_a_leak_there_is_no_such_rung() -> None:
    outcome = verify(leaky(np.inf), "speck2f", steps([1] * 20), convention="snntorch", reset="subtract", leak="drop")
    assert [rung.name for rung in outcome.rungs] == RUNGS
