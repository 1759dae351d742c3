"""Spike by spike, as whole frames, or in int64: whichever way a clocked step is taken, the bits are the same."""

from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
from test_vectors import VARIANTS, network, plain, recording

from nirdynap.ir.spec import Destination
from nirdynap.sim import ClockedSimulator, layout, simulate
from nirdynap.testing import oracle
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.conformance import ClockedConformance
from nirdynap.testing.same import assert_same_result

FRAMES, SPIKES = 0, 10**9  # picoseconds for a product


@contextmanager
def product_costs(picoseconds):
    """Inside, a whole frame costs what is said, so it is always or never taken."""
    layout.forget()
    with mock.patch.object(layout, "PRODUCT_PS", picoseconds):
        yield
    layout.forget()


class Way(ClockedConformance):
    cost = None

    def run_clocked(self, spec, raster, *, saturate, spikes_per_step):
        with product_costs(self.cost):
            return ClockedSimulator(spec, saturate=saturate, spikes_per_step=spikes_per_step).run(raster, record="all")


class TestFrames(Way):
    cost = FRAMES


class TestSpikes(Way):
    cost = SPIKES


del Way  # is none itself


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("options", [{}, {"spikes_per_step": "one"}, {"saturate": False}])
def test_ways_give_the_same_bits(variant, options):
    spec = network(1, **variant)
    events = recording(2, spec.input_shape)
    with plain()[0]:
        expected = simulate(spec, events, record="all", **options)
    for cost in (FRAMES, SPIKES):
        with product_costs(cost):
            assert_same_result(simulate(spec, events, record="all", **options), expected)


@pytest.mark.parametrize("spikes_per_step", ["one", "many"])
def test_ways_that_change_from_step_to_step(spikes_per_step):
    """Silence, single spikes and storms in turn, each longer than the steps that are taken together."""
    rng = np.random.default_rng(3)
    activity = np.repeat(rng.choice([0, 0.01, 0.2, 0.9], 40), rng.integers(1, 20, 40))
    raster = rng.random((len(activity), 12, 9, 9)) < activity[:, None, None, None]
    first = build_core(
        0,
        rng.integers(-60, 90, (12, 12, 3, 3)),
        (12, 9, 9),
        threshold_high=700,
        threshold_low=-300,
        destinations=[Destination(core=1, pooling=1)],
    )
    spec = build_spec(first, build_core(1, rng.integers(-60, 90, (150, 12, 7, 7)), (12, 7, 7), threshold_high=70))
    options = {"spikes_per_step": spikes_per_step, "record": "all"}
    with plain()[0]:
        expected = simulate(spec, raster, **options)
    assert_same_result(simulate(spec, raster, **options), expected)


@pytest.mark.parametrize("count", [40_000, 3_000_000])
def test_counts_that_no_frame_holds(count):
    """40,000 spikes of one address leave int16; a few weights more, and their sum leaves what int32 holds safely."""
    spec = build_spec(build_core(0, [[[[2]], [[1]]], [[[100]], [[-100]]]], (2, 1, 1), threshold_high=30_000))
    raster = np.zeros((20, 2, 1, 1), dtype=int)
    raster[3], raster[9, 0], raster[10, 1] = count, count, count
    expected = oracle.clocked(spec, raster, saturate=True, spikes_per_step="many", record="all")
    assert expected.stats[0].saturated > 0
    assert_same_result(simulate(spec, raster, record="all"), expected)


@pytest.mark.parametrize("spikes_per_step", ["one", "many"])
@pytest.mark.parametrize("options", [{"threshold_high": 32_767, "threshold_low": -32_768}, {"threshold_high": 40}])
def test_membranes_at_the_ends_of_int16(spikes_per_step, options):
    """Membranes wander to one end and to the other: where they might pass it, steps must not add to them directly."""
    rng = np.random.default_rng(5)
    weights = rng.integers(20, 128, (10, 2, 3, 3)) * np.array([1, -1])[:, None, None]
    raster = np.zeros((360, 2, 12, 12), dtype=int)
    for first, channel in ((0, 0), (120, 1), (300, 0)):
        here = raster[first : first + 120, channel]
        here[:] = rng.random(here.shape) < 0.9
    spec = build_spec(build_core(0, weights, (2, 12, 12), **options))
    options = {"spikes_per_step": spikes_per_step, "record": "all"}
    with plain()[0]:
        expected = simulate(spec, raster, **options)
    assert (expected.stats[0].saturated > 0) == (spec.cores[0].threshold_low < -1 or spikes_per_step == "one")
    with product_costs(SPIKES):
        assert_same_result(simulate(spec, raster, **options), expected)
