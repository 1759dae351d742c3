"""LIF nodes without leak are IF nodes; what the file leaves open is said."""

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


def test_a_leak_that_no_step_notices_is_none():
    node = network(lif(1e9, 4e9), dt=0.5).node("lif")
    assert (node.gain == 2).all()


@pytest.mark.parametrize(
    ("neuron", "options", "code"),
    [
        (lif(0.02, 1.0), {}, "ND105"),
        (lif(1e9, 1e9), {}, "ND105"),  # without a time step nobody knows
        (lif(1e3, 1e3), {"dt": 1e-3}, "ND105"),
        (lif(-1.0, 1.0), {"dt": 1e-3}, "ND105"),
        (lif(np.inf, np.inf, v_leak=0.5), {}, "ND106"),
        (lif(np.inf, 1.0), {}, "ND106"),
        (lif(np.nan, np.inf), {}, "ND107"),
    ],
)
def test_any_other_leak_is_refused(neuron, options, code):
    with pytest.raises(CompileError, match=code) as caught:
        network(neuron, **options)
    assert caught.value.diagnostics[0].place == "$.nodes.lif"


@pytest.mark.parametrize(
    ("convention", "options", "metadata", "code"),
    [
        ("torch", {}, {}, set()),
        ("norse", {}, {}, set()),
        ("nir", {}, {"dynapcnn": {"reset": "subtract"}}, set()),
        ("nir", {}, {}, {"ND124"}),
        ("sinabs", {"reset": "subtract"}, {}, {"ND129"}),
        ("sinabs", {"reset": "subtract", "v_min": -1.0}, {}, set()),
        ("sinabs", {"reset": "subtract"}, {"dynapcnn": {"v_min": "-threshold"}}, set()),
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
