import pickle

import numpy as np
import pytest

from nirdynap.ir.result import LazyMapping
from nirdynap.ir.spec import OutputPort
from nirdynap.sim import simulate
from nirdynap.testing import oracle
from nirdynap.testing.build import build_core, build_spec


def result_of(raster, **options):
    raster = np.asarray(raster)
    spec = build_spec(build_core(4, np.eye(raster.shape[2])[:, :, None, None], raster.shape[2:]), **options)
    return oracle.clocked(spec, raster)


def test_one_output_needs_no_name():
    raster = np.zeros((2, 1, 1, 2, 3), dtype=int)
    raster[1, 0, 0, 1, 2] = 2
    result = result_of(raster)
    np.testing.assert_array_equal(result.raster, raster)
    assert result.events.t.tolist() == [1000, 1000]


def test_a_batch_has_a_list_for_each_sample():
    result = result_of(np.ones((1, 3, 1, 1, 1)))
    assert [len(events) for events in result.events] == [1, 1, 1]


def test_several_outputs_go_by_name():
    outputs = [OutputPort(4, 1, "fine"), OutputPort(4, 2, "coarse")]
    result = result_of(np.ones((1, 2, 1, 2, 2)), outputs=outputs)
    assert {name: raster.shape for name, raster in result.raster.items()} == {
        "fine": (1, 2, 1, 2, 2),
        "coarse": (1, 2, 1, 1, 1),
    }
    assert {name: len(lists) for name, lists in result.events.items()} == {"fine": 2, "coarse": 2}
    assert {name: decided.tolist() for name, decided in result.decision.items()} == {"fine": [0, 0], "coarse": [0, 0]}


def test_decision_is_the_most_active_output_and_the_first_of_equals():
    raster = np.zeros((2, 3, 4, 1, 1), dtype=int)
    raster[:, 0, 2] = 1
    raster[0, 1, 3] = raster[1, 1, 1] = 5
    assert result_of(raster).decision.tolist() == [2, 1, -1]


def test_decision_counts_pooled_windows_in_channel_major_order():
    # Windows of 2x2: the last column is a remainder, however active it is.
    raster = np.zeros((1, 1, 2, 2, 5), dtype=int)
    raster[0, 0, 1, :, 2:4] = 1
    raster[0, 0, 0, :, 4] = 9
    result = result_of(raster, outputs=[OutputPort(4, 2, "out")])
    assert result.decision.tolist() == [3]
    assert np.argmax(result.raster.sum(axis=0).ravel()) == 3


def test_a_node_name_finds_its_core():
    result = result_of(np.ones((1, 1, 1, 1, 1)))
    for name in ("conv4", "if4"):
        record = result[name]
        assert (record.cores, record.counts.item(), record.membrane.item()) == ((4,), 1, 0)
        assert record.stats.spikes == 1
    with pytest.raises(KeyError, match="conv4, if4"):
        result["conv5"]


def test_lazy_mapping_makes_each_value_once_and_only_when_used():
    made = []

    def maker(key):
        return lambda: made.append(key) or [key]

    mapping = LazyMapping({key: maker(key) for key in "ab"})
    assert (list(mapping), len(mapping), "a" in mapping) == (["a", "b"], 2, True)
    assert made == []
    assert mapping["a"] is mapping["a"]
    assert made == ["a"]
    assert dict(mapping) == {"a": ["a"], "b": ["b"]}
    with pytest.raises(KeyError):
        mapping["c"]


def test_lazy_mapping_travels_between_processes():
    mapping = LazyMapping({1: list, 2: tuple})
    assert dict(pickle.loads(pickle.dumps(mapping))) == {1: [], 2: ()}


def test_a_record_of_thousands_of_numbers_says_in_one_line_what_it_is():
    result = result_of(np.ones((2, 3, 1, 2, 2)))
    assert repr(result) == "Result('clocked', 3 samples, spikes {'conv4': 24})"
    assert repr(result.events[0]) == "Events(8 events, 0 to 1000 us)"
    assert repr(result.spec).startswith("Spec(chip='speck2f', 1 cores: conv4; digest ")
    assert repr(result.spec.cores[0]) == "CoreSpec(core=4, name='conv4', weights 1x1x1x1, threshold_high=1)"


def test_results_are_compared_by_identity():
    result, other = result_of(np.ones((1, 1, 1, 1, 1))), result_of(np.ones((1, 1, 1, 1, 1)))
    assert result == result
    assert result != other
    assert result["conv4"] != other["conv4"]
    assert len({result, other}) == 2


def test_keys_that_there_are_not():
    spec = build_spec(build_core(4, [[[[5]]]], (1, 1, 1), threshold_high=10))
    raster = np.ones((1, 1, 1, 1), dtype=int)
    for semantics, name in (("clocked", "rasters"), ("event", "spikes")):
        with pytest.raises(KeyError, match='record="all"'):
            getattr(simulate(spec, raster, semantics), name)[4]
        with pytest.raises(KeyError, match="there are 4"):
            getattr(simulate(spec, raster, semantics, record="all"), name)[0]
    with pytest.raises(KeyError, match="in use are 4"):
        spec.core(7)
    for ask in (spec.ports, spec.output_shape):
        with pytest.raises(KeyError, match="there are out4"):
            ask("x")


def test_what_was_lost_is_told():
    spec = build_spec(build_core(4, [[[[127]]]], (1, 3, 3), threshold_high=32767), outputs=[OutputPort(4, 2, "out")])
    quiet, loud = (simulate(spec, np.full((2, 1, 3, 3), n)) for n in (1, 300))
    assert "saturated" not in repr(quiet)
    assert "dropped" not in repr(quiet)
    assert "9 saturated updates, 5 spikes dropped at the edges of maps" in repr(
        simulate(spec, np.full((1, 1, 3, 3), 300))
    )
    assert "saturated" in repr(loud)
    assert repr(loud.output_rasters) == "LazyMapping({'out'}, each made at first use)"
