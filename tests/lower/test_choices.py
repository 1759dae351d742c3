"""Whatever lowering chooses among things that should make no difference makes none, in any layer."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, reject, settings

from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import CompileError
from nirdynap.sim import ClockedSimulator, EventSimulator
from nirdynap.testing import assert_equivalent, networks, rasters
from nirdynap.verify import Ran

PROPERTY = settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))


@st.composite
def choices(draw):
    """A spec as chosen by default, and another one of the same network: split, moved, or with cores left empty."""
    drawn = draw(networks(max_layers=3))
    plain = nir_to_dynapcnn(drawn, convention="torch")
    options = {}
    if draw(st.booleans()):
        options["avoid"] = draw(st.sets(st.integers(0, 8), max_size=4))
    wide = [cores[0].name for cores in plain.layers if sum(core.neuron_shape[0] for core in cores) > 1]
    if wide and draw(st.booleans()):
        options["split"] = {draw(st.sampled_from(wide)): 2}
    try:
        return plain, nir_to_dynapcnn(drawn, convention="torch", **options)
    except CompileError:  # too few cores are left
        reject()


@PROPERTY
@given(specs=choices(), data=st.data())
def test_splitting_and_placing_change_no_spike_of_any_layer(specs, data):
    plain, other = specs
    raster = data.draw(rasters(plain, min_steps=1))
    assert_equivalent(plain, other, raster)
    assert_equivalent(Ran(plain, spikes_per_step="one"), Ran(other, spikes_per_step="one"), raster)
    channel = {"emission": "channel", "bias_clock_us": 700}  # the order in which parts are one layer again
    assert_equivalent(Ran(plain, "event", **channel), Ran(other, "event", **channel), raster)


@PROPERTY
@given(drawn=networks(max_layers=3), data=st.data())
def test_a_simulator_that_is_ready_is_the_run_of_its_spec(drawn, data):
    spec = nir_to_dynapcnn(drawn, convention="torch")
    raster = data.draw(rasters(spec, min_steps=1))
    assert_equivalent(spec, ClockedSimulator(spec), raster)
    assert_equivalent(Ran(spec, "event", bias_clock_us=700), EventSimulator(spec, bias_clock_us=700), raster)
