import dataclasses
import math

import nir
import numpy as np
import pytest
from same_run import assert_same_run, raster

from by_hand import chain, conv, neurons, simple, sink, source
from nirdynap.compile import check, nir_to_dynapcnn
from nirdynap.frontend import read
from nirdynap.interpret import interpret
from nirdynap.passes import approximate_leak
from nirdynap.passes.rewrite import replaced


def leaky(tau=0.01, threshold=2.0, v_leak=0.0):
    full = (np.full(2, value) for value in (tau, 1.0, v_leak, threshold))
    return chain(**{"in": source(), "conv": conv(), "lif": nir.LIF(*full), "out": sink()})


def network(graph, leak, **options):
    return read(graph, "torch", reset="subtract", dt=1e-3, leak=leak, **options)


@pytest.mark.parametrize(
    ("decay", "shown"),
    [
        ([0.9, 0.9], "0.9"),
        ([0.25, 0.5], "0.25..0.5"),
        ([2 / 3, 2 / 3], "0.6667"),
        ([1 - 2**-20] * 2, "0.9999990463"),
    ],
)
@pytest.mark.parametrize("leak", ["refuse", "drop", "linear"])
def test_the_note_shows_the_decay_of_a_step_and_never_as_none(decay, shown, leak):
    neuron = network(leaky(), leak).node("lif")
    decay = np.broadcast_to(np.array(decay)[:, None, None], neuron.input_shape)
    after = approximate_leak(replaced(network(leaky(), leak), dataclasses.replace(neuron, decay=decay)))
    (note,) = after.notes
    assert note.value == shown


def test_dropped_or_linear_neither_drift_nor_the_later_reset_stays():
    """Of a leaky neuron the rest is in `drift`; the reset in the next step is for a leak to come first."""
    graph = leaky(v_leak=0.5)
    for leak in ("drop", "linear"):
        before = read(graph, "snntorch", dt=1e-3, leak=leak)
        assert before.node("lif").reset_time == "next"
        assert before.node("lif").drift is not None
        after = approximate_leak(before).node("lif")
        assert after.reset_time == "now"
        assert (after.drift is None) == (leak == "drop")


def test_a_membrane_that_forgets_at_once_has_lost_half_of_it_after_no_step():
    (note,) = approximate_leak(network(leaky(tau=1e-3), "drop")).notes
    assert (note.value, note.limit) == ("0", "0")


def test_without_leak_nothing_changes():
    before = read(simple(), "torch", leak="drop")
    assert approximate_leak(before) is before


def test_refusal_is_an_error_and_the_rest_is_still_looked_at():
    after = approximate_leak(network(leaky(), "refuse"))
    assert [(d.code, d.severity, d.value) for d in after.notes] == [("ND212", "error", "0.9")]
    graph = chain(**{"in": source(), "conv": conv(groups=3), "lif": leaky().nodes["lif"], "out": sink()})
    assert not check(graph, convention="torch", dt=1e-3).fits
    wide = leaky()
    wide.nodes["conv"] = conv(kernel=3, weight=np.ones((2, 1, 3, 3)), stride=7, padding=3)
    codes = {d.code for d in check(wide, convention="torch", dt=1e-3).diagnostics}
    assert codes >= {"ND212", "ND312"}


def test_dropped_the_neurons_integrate_with_the_same_gain():
    before = network(leaky(), "drop")
    after = approximate_leak(before)
    same = dataclasses.replace(before.node("lif"), decay=None)
    assert after.node("lif") == same
    (note,) = after.notes
    assert (note.code, note.severity, note.value) == ("ND213", "warning", "0.9")
    assert float(note.limit) == pytest.approx(math.log(0.5) / math.log(0.9), rel=1e-2)


@pytest.mark.parametrize("v_leak", [0.0, 0.5])
def test_linear_is_the_constant_of_least_squares(v_leak):
    """Against a numerical fit: what a step of the leak takes off, over membranes from 0 to the threshold."""
    before = network(leaky(v_leak=v_leak), "linear")
    neuron = before.node("lif")
    v = np.linspace(0, 2.0, 20_001)
    change = neuron.decay.flat[0] * v + (0.0 if neuron.drift is None else neuron.drift.flat[0]) - v
    after = approximate_leak(before)
    assert after.node("lif").decay is None
    assert np.allclose(after.node("lif").drift, change.mean(), rtol=1e-9)
    (note,) = after.notes
    assert note.code == "ND220"
    error = math.sqrt(((change - change.mean()) ** 2).mean()) / 2.0
    assert f"off by {error:.3g} thresholds" in note.found


@pytest.mark.parametrize("v_min", ["none", "-threshold", -0.25, 0.0])
def test_a_linear_leak_stops_at_rest(v_min):
    after = approximate_leak(network(leaky(), "linear", v_min=v_min))
    assert (after.node("lif").v_min == 0).all()
    silent = interpret(after, np.zeros((50, 1, 8, 8), dtype=int))
    assert (silent.membranes["lif"] == 0).all()


def test_a_linear_leak_becomes_the_bias_of_the_core():
    spec = nir_to_dynapcnn(leaky(), convention="torch", reset="subtract", dt=1e-3, leak="linear")
    (core,) = spec.cores
    assert core.bias is not None
    assert (core.bias < 0).all()
    assert core.threshold_low == -1
    assert {"ND220", "ND405"} <= {d.code for d in spec.notes}
    assert spec.convention.leak == "linear"


@pytest.mark.parametrize("leak", ["drop", "linear"])
def test_the_slower_the_leak_the_less_it_matters(leak):
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 2, (200, 1, 1, 8, 8))
    wrong = []
    for tau in (0.004, 0.4, 4e6):
        graph = leaky(tau)
        graph.nodes["conv"] = conv(weight=rng.normal(0.3, 0.2, (2, 1, 3, 3)))
        before = network(graph, leak, v_min=0.0, integration="euler-raw")
        runs = [interpret(n, counts).counts["lif"] for n in (before, approximate_leak(before))]
        wrong.append(int(np.abs(runs[0] - runs[1]).sum()))
    assert wrong[0] > 0
    assert wrong[0] > wrong[1] >= wrong[2] == 0


def test_neurons_without_leak_are_left_alone():
    graph = chain(
        **{"in": source(), "conv": conv(), "lif": leaky().nodes["lif"]},
        conv2=conv(channels=2),
        fast=neurons(),
        out=sink(),
    )
    before = network(graph, "drop")
    after = approximate_leak(before)
    assert after.node("fast") == before.node("fast")
    assert_same_run(after, approximate_leak(after), raster(after, 1))
