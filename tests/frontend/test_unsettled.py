"""What only the convention says is told, and nothing that file or caller say."""

import nir
import numpy as np
import pytest

import nirdynap
from by_hand import chain, conv, flatten, neurons, sink, source

ALL = {"tie": "fires", "v_min": "none", "spikes_per_step": "one"}


def told(graph, *convention, **options):
    notes = nirdynap.read(graph, *convention, **options).notes
    found = [d for d in notes if d.code == "ND134"]
    assert len(found) <= 1
    return found[0].found if found else ""


def one_layer(**metadata):
    return chain(**{"in": source(), "conv": conv(), "if": neurons(metadata={"dynapcnn": metadata}), "out": sink()})


def with_flatten(out=4, channels=2, **changed):
    return chain(
        **{"in": source(channels, 4, 4), "flat": nir.Flatten({"input": None}, 0, -1, **changed)},
        fc=nir.Linear(np.ones((out, 16 * channels))),
        spike=neurons(metadata={"dynapcnn": ALL}),
        out=sink(),
    )


def test_a_file_of_unknown_origin_leaves_all_of_it_open():
    text = told(one_layer())
    for setting in ("tie = fires (or waits)", "v_min = none (or", "spikes_per_step = one (or many)"):
        assert setting in text
    assert "flatten" not in text
    assert "integration" not in text


@pytest.mark.parametrize("setting", ALL)
def test_what_the_node_or_the_caller_says_is_settled(setting):
    assert f"{setting} =" not in told(one_layer(**{setting: ALL[setting]}))
    assert f"{setting} =" not in told(one_layer(), **{setting: ALL[setting]})
    others = {k: v for k, v in ALL.items() if k != setting}
    assert f"{setting} =" in told(one_layer(**others), **others)


def test_nothing_is_told_when_all_is_said():
    assert told(one_layer(**ALL)) == ""
    assert told(one_layer(), **ALL) == ""


def test_whoever_asks_for_nir_has_chosen():
    assert told(one_layer(), "nir") == ""
    assert told(one_layer(), "torch") == ""


def test_flatten_matters_where_the_order_can_differ():
    assert "flatten = chw (or hwc)" in told(with_flatten())
    assert told(with_flatten(channels=1)) == ""
    assert told(with_flatten(metadata={"dynapcnn": {"flatten": "chw"}})) == ""
    assert told(with_flatten(), flatten="hwc") == ""


def test_a_leak_leaves_its_integration_open():
    one = np.ones(1)
    leaky = nir.LIF(0.02 * one, one, 0 * one, one, metadata={"dynapcnn": ALL})
    graph = chain(**{"in": source(), "conv": conv(), "lif": leaky, "out": sink()})
    assert "integration = euler (or exp, euler-raw or exp-raw)" in told(graph, dt=1e-3)
    assert told(graph, dt=1e-3, integration="exp") == ""


def test_models_of_one_framework_differ_in_some_settings():
    graph = chain(**{"in": source(), "conv": conv(), "if": neurons(), "out": sink()})
    assert "reset = subtract (or zero)" in told(graph, "snntorch")
    assert told(graph, "snntorch", reset="zero") == ""
    assert "spikes_per_step = many (or one)" in told(graph, "sinabs")
    assert "v_min" not in told(
        chain(**{"in": source(), "conv": conv(), "if": neurons(2.0), "out": sink()}), "sinabs"
    ), "ND129 says it"


def test_suspicions_are_told_with_their_evidence():
    graph = chain(**{"in": source(), "layer_0": conv(), "layer_1": neurons(), "layer_2": flatten(), "out": sink()})
    (note,) = (d for d in nirdynap.read(graph).notes if d.code == "ND135")
    assert (note.severity, note.value) == ("note", "spyx")
    assert 'nodes are named "layer_0"' in note.found
    assert "--convention spyx" in note.hint
    assert all(d.code != "ND135" for d in nirdynap.read(graph, "torch").notes)
