"""Where branches meet, the order of arrival is part of the answer: small diamonds in which it shows."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import find, given, settings

from nirdynap import simulate
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Destination, OutputPort
from nirdynap.testing import oracle
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.same import assert_same_result


@st.composite
def diamonds(draw):
    """A core that feeds a second and a third, which the second feeds too; and a few events.

    Low thresholds make many spikes of one event, and tight lower bounds make their order felt.
    """
    signs = st.integers(-3, 3)

    def weights(out, channels, kernel):
        size = out * channels * kernel**2
        drawn = draw(st.lists(signs, min_size=size, max_size=size))
        return np.array(drawn).reshape(out, channels, kernel, kernel)

    def neuron():
        return {"threshold_high": draw(st.integers(1, 4)), "threshold_low": -draw(st.integers(1, 3))}

    to_both = (Destination(core=1, pooling=1), Destination(core=2, pooling=1))
    cores = (
        build_core(
            0,
            np.abs(weights(3, 1, 3)),
            (1, 4, 4),
            padding=(1, 1),
            destinations=draw(st.permutations(to_both)),
            **neuron(),
        ),
        build_core(1, weights(3, 3, 1), (3, 4, 4), destinations=(Destination(core=2, pooling=1),), **neuron()),
        build_core(2, weights(2, 3, 3), (3, 4, 4), return_to_zero=draw(st.booleans()), **neuron()),
    )
    n = draw(st.integers(1, 12))
    y, x = (draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)) for _ in "yx")
    return build_spec(*cores, outputs=[OutputPort(2, 1, "out")]), Events(t=np.arange(n), c=np.zeros(n), y=y, x=x)


@pytest.mark.parametrize("emission", ["raster", "channel"])
@pytest.mark.parametrize("order", ["depth", "breadth"])
@settings(max_examples=150, deadline=None)
@given(drawn=diamonds())
def test_the_engine_keeps_the_order_of_the_oracle(order, emission, drawn):
    spec, events = drawn
    options = {"order": order, "emission": emission}
    assert_same_result(
        simulate(spec, events, "event", record="all", **options), oracle.event(spec, events, record="all", **options)
    )


@pytest.mark.parametrize("other", [{"order": "breadth"}, {"emission": "channel"}])
def test_the_order_shows_in_these_networks(other):
    def differs(drawn):
        spec, events = drawn
        one, two = simulate(spec, events, "event"), simulate(spec, events, "event", **other)
        return one.events.digest() != two.events.digest()

    find(diamonds(), differs, settings=settings(max_examples=500, deadline=None, database=None))
