import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nirdynap.ir.events import Events
from nirdynap.ir.tally import arriving, fan_out
from nirdynap.ir.units import pool_counts
from nirdynap.testing import oracle
from nirdynap.testing.build import build_spec
from nirdynap.testing.strategies import specs


def test_pool_counts_leaves_out_the_remainder():
    counts = np.arange(15).reshape(1, 3, 5)
    assert pool_counts(counts, 1) is counts
    assert pool_counts(counts, 2).tolist() == [[[0 + 1 + 5 + 6, 2 + 3 + 7 + 8]]]
    assert pool_counts(counts, 4).shape == (1, 0, 1)
    # A sum of many small counts does not wrap around.
    assert pool_counts(np.full((4, 4), 100, dtype=np.int8), 4).item() == 1600


@pytest.mark.parametrize(
    ("shift", "shape", "kept"),
    [(0, (2, 2, 2), 8), (1, (3, 2, 2), 8), (1, (2, 2, 2), 4), (5, (2, 2, 2), 0), (0, (2, 1, 3), 4), (0, (9, 9, 9), 8)],
)
def test_arriving_drops_what_lies_outside(shift, shape, kept):
    arrived = arriving(np.ones((2, 2, 2), dtype=int), 1, shift, shape)
    assert (arrived.shape, arrived.sum()) == (shape, kept)
    assert not arrived[:shift].any()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_fan_out_counts_the_weights_that_an_event_touches(data):
    (core,) = data.draw(specs(max_cores=1, square_kernels=False, biases=False)).cores
    spec = build_spec(core)
    c, y, x = (data.draw(st.integers(0, n - 1)) for n in core.input_shape)
    stats = oracle.event(spec, Events(t=[0], c=[c], y=[y], x=[x])).stats[core.core]
    assert fan_out(core)[c, y, x] == stats.synaptic_operations
