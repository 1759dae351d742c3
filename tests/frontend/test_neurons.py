"""IF and LIF nodes are neurons that differ in their leak; what the file leaves open is said."""

import math

import nir
import numpy as np
import pytest

import nirdynap
from by_hand import chain, conv, neurons, sink, source
from nirdynap.errors import CompileError

INF = np.array([np.inf])


def lif(tau, r, v_leak=0.0, **changed):
    fields = {"tau": tau, "r": r, "v_leak": v_leak, "v_threshold": 1.0, "v_reset": 0.0} | changed
    return nir.LIF(**{k: np.full(1, v, dtype=float) for k, v in fields.items()})


def network(neuron, convention="snntorch", **options):
    graph = chain(**{"in": source(), "conv": conv(), "lif": neuron, "out": sink()})
    return nirdynap.read(graph, convention, **options)


def test_infinite_tau_and_r_are_a_gain_of_one():
    node = network(lif(np.inf, np.inf)).node("lif")
    assert type(node).__name__ == "IF"
    assert (node.gain == 1).all()
    assert (node.decay, node.drift, node.reset_time) == (None, None, "now")


def test_a_leak_that_no_step_notices_is_none():
    node = network(lif(1e9, 4e9), dt=0.5).node("lif")
    assert (node.gain == 2).all()
    assert node.decay is None


@pytest.mark.parametrize(
    ("integration", "decay", "gain"),
    [
        ("euler", 0.75, 0.25 * 3),
        ("euler-raw", 0.75, 1.0),
        ("exp", math.exp(-0.25), (1 - math.exp(-0.25)) * 3),
        ("exp-raw", math.exp(-0.25), 1.0),
    ],
)
def test_each_integration_has_its_decay_gain_and_drift(integration, decay, gain):
    node = network(lif(0.02, 3.0, v_leak=0.5), dt=0.005, integration=integration).node("lif")
    assert np.allclose(node.decay, decay, rtol=1e-15)
    assert np.allclose(node.gain, gain, rtol=1e-15)
    assert np.allclose(node.drift, (1 - decay) * 0.5, rtol=1e-14)
    assert node.reset_time == "next", "as snnTorch does"


def test_parameters_of_different_forms_meet_at_the_neurons():
    tau, r = np.array([0.01, 0.02]), np.array([2.0, 4.0]).reshape(2, 1, 1)
    neuron = lif(1.0, 1.0)
    neuron.tau, neuron.r = tau, r  # nir's constructor refuses what files do hold
    node = network(neuron, dt=0.001).node("lif")
    assert node.decay.shape == node.gain.shape == (2, 6, 6)
    assert np.allclose(node.decay[:, 0, 0], [0.9, 0.95])
    assert np.allclose(node.gain[:, 3, 2], [0.2, 0.2])


@pytest.mark.parametrize(
    ("neuron", "options", "code"),
    [
        (lif(0.02, 1.0), {"convention": "torch"}, "ND131"),
        (lif(1e9, 1e9), {"convention": "norse"}, "ND131"),
        (lif(0.02, 1.0), {"dt": 0.03}, "ND132"),
        (lif(-1.0, 1.0), {}, "ND106"),
        (lif(0.0, 1.0), {}, "ND106"),
        (lif(np.inf, 1.0), {}, "ND106"),
        (lif(1.0, np.inf), {}, "ND106"),
        (lif(np.nan, np.inf), {}, "ND107"),
    ],
)
def test_dynamics_that_cannot_be_told_are_refused(neuron, options, code):
    with pytest.raises(CompileError, match=code) as caught:
        network(neuron, **options)
    assert caught.value.diagnostics[0].place == "$.nodes.lif"


def test_a_long_step_is_no_trouble_for_the_exponential():
    node = network(lif(0.02, 1.0), dt=0.1, integration="exp").node("lif")
    assert np.allclose(node.decay, math.exp(-5))


@pytest.mark.parametrize(
    ("convention", "options", "metadata", "code"),
    [
        ("torch", {}, {}, set()),
        ("norse", {}, {}, set()),
        ("nir", {}, {"dynapcnn": {"reset": "subtract"}}, set()),
        ("nir", {}, {}, {"ND124"}),
        ("sinabs", {"spikes_per_step": "many"}, {}, {"ND129"}),
        ("sinabs", {}, {}, {"ND129", "ND134"}),
        ("sinabs", {"spikes_per_step": "many", "v_min": -1.0}, {}, set()),
        ("sinabs", {}, {"dynapcnn": {"v_min": "-threshold", "spikes_per_step": "many"}}, set()),
        ("snntorch", {}, {}, {"ND134"}),
        ("snntorch", {"reset": "zero"}, {}, set()),
    ],
)
def test_what_the_file_leaves_open_is_named(convention, options, metadata, code):
    neuron = neurons(2.0, metadata=metadata)
    graph = chain(**{"in": source(), "conv": conv(), "if": neuron, "out": sink()})
    assert {d.code for d in nirdynap.read(graph, convention, **options).notes} == code


def test_a_value_to_reset_to_is_told_where_the_neuron_subtracts():
    graph = chain(**{"in": source(), "conv": conv(), "if": neurons(v_reset=np.array(-0.5)), "out": sink()})
    network = nirdynap.read(graph, "torch")
    assert [(d.code, d.severity) for d in network.notes] == [("ND130", "warning")]
    assert network.node("if").reset == "subtract"


def test_the_whole_networks_setting_is_read_from_every_kind_of_neuron():
    neuron = lif(np.inf, np.inf)
    neuron.metadata = {"dynapcnn": {"spikes_per_step": "many"}}
    assert network(neuron).convention.spikes_per_step == "many"


def test_a_bad_setting_is_found_once():
    graph = chain(
        **{"in": source(), "conv": conv(), "if": neurons(2.0, metadata={"dynapcnn": {"v_min": 5.0}})}, out=sink()
    )
    with pytest.raises(CompileError) as caught:
        nirdynap.read(graph, "sinabs", reset="subtract")
    assert [d.code for d in caught.value.diagnostics] == ["ND126"]


def test_spikingjellys_r_is_one_over_dt_or_another_dt_was_used():
    def with_r(r, **options):
        spikes = neurons(1.0, r, v_reset=np.zeros(()))
        return nirdynap.read(chain(**{"in": source(), "conv": conv(), "if": spikes, "out": sink()}), **options)

    assert (with_r(1e4, convention="spikingjelly").node("if").gain == 1).all()
    assert (with_r(1.0, convention="spikingjelly").node("if").gain == 1).all()
    with pytest.raises(CompileError, match="ND136"):
        with_r(1000.0, convention="spikingjelly")
    assert (with_r(1000.0, convention="spikingjelly", dt=1e-3).node("if").gain == 1).all()


@pytest.mark.parametrize(
    ("convention", "law"),
    [
        ("snntorch", lambda tau, dt: tau / dt),
        ("rockpool", lambda tau, dt: tau * math.exp(-dt / tau) / dt),
        ("spyx", lambda tau, dt: 1 - dt / tau),
    ],
)
def test_an_r_of_another_time_step_is_told(convention, law):
    step = nirdynap.CONVENTIONS[convention].dt

    def codes(meant, **options):
        return {d.code for d in network(lif(20 * step, law(20 * step, meant)), convention, **options).notes}

    assert "ND137" not in codes(step)
    assert "ND137" in codes(step / 10)
    assert "ND137" not in codes(step / 10, dt=step / 10), "the caller has said it"


@pytest.mark.parametrize("tau", [1e12, 1e16, 1e17, 1e30])
def test_a_gain_near_no_leak_is_not_lost_to_cancellation(tau):
    node = network(lif(tau, tau), "sinabs").node("lif")
    assert node.decay is None
    assert np.allclose(node.gain, 1, rtol=1e-9)


def test_minus_infinity_is_no_resistance():
    with pytest.raises(CompileError, match="ND106"):
        network(lif(np.inf, -np.inf))
