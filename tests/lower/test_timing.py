import numpy as np
import pytest

from by_hand import chain, conv, graph, neurons, sink, source
from nirdynap.frontend import read
from nirdynap.lower.timing import timing_findings
from nirdynap.passes import normalise

SIMPLE = {"in": source(), "a": conv(), "if": neurons(), "out": sink()}


def findings(drawn, convention, **reading):
    return [(d.code, d.place) for d in timing_findings(normalise(read(drawn, convention, **reading)))]


@pytest.mark.parametrize(
    ("tie", "reset", "spikes", "exact"),
    [
        ("fires", "subtract", "many", True),
        ("waits", "zero", "one", True),
        ("waits", "subtract", "one", False),
        ("waits", "zero", "many", False),
    ],
)
def test_ties(tie, reset, spikes, exact):
    found = findings(chain(**SIMPLE), "torch", tie=tie, reset=reset, spikes_per_step=spikes)
    assert found == ([] if exact else [("ND209", "$.nodes.if")])


def skipping():
    """The Input and a spiking layer meet at b."""
    nodes = {**SIMPLE, "a": conv(out=1, kernel=1), "b": conv(), "if2": neurons()}
    return graph(nodes, "in -> a -> if -> b -> if2 -> out", "in -> b")


def test_a_delay_of_equal_paths_is_a_shift():
    assert findings(chain(**SIMPLE), "lava") == [("ND210", "$.convention")]
    (finding,) = timing_findings(normalise(read(chain(**SIMPLE), "lava")))
    assert finding.limit == 1


def test_a_delay_of_unequal_paths_is_refused_unless_dropped():
    assert findings(skipping(), "lava") == [("ND211", "$.nodes.b"), ("ND210", "$.convention")]
    assert findings(skipping(), "lava", delay="drop") == [("ND210", "$.convention")]
    assert findings(skipping(), "torch") == []


def test_a_bias_does_not_wait_for_late_spikes():
    def biased(first, second):
        nodes = {"a": conv(bias=np.full(2, first)), "if": neurons(), "b": conv(channels=2, bias=np.full(2, second))}
        return chain(**{"in": source()}, **nodes, if2=neurons(), out=sink())

    assert findings(biased(0.5, 0.0), "lava") == [("ND210", "$.convention")]
    assert findings(biased(0.0, 0.5), "lava") == [("ND222", "$.nodes.b"), ("ND210", "$.convention")]
    assert findings(biased(0.0, 0.5), "torch") == []
