import copy
import doctest

import numpy as np
import pytest
import torch
from hypothesis import reject

from nirdynap.errors import InputError
from nirdynap.ir.spec import OutputPort
from nirdynap.nn import dynapcnn_to_torch
from nirdynap.nn import model as module
from nirdynap.nn.model import EXACT_BELOW
from nirdynap.testing import oracle
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.conformance import ClockedConformance
from nirdynap.testing.same import assert_same_result


class TestDynapcnnModel(ClockedConformance):
    def run_clocked(self, spec, raster, *, saturate, spikes_per_step):
        model = dynapcnn_to_torch(spec, saturate=saturate, spikes_per_step=spikes_per_step, record="all")
        try:
            return model.run(torch.from_numpy(raster.copy()))
        except InputError as error:  # counts that float32 does not hold exactly are refused: nothing to compare
            if [finding.code for finding in error.diagnostics] != ["ND508"]:
                raise
            reject()


ONE = build_spec(build_core(3, [[[[4]]]], (1, 1, 1), threshold_high=10, threshold_low=-6, decimator=2))


def counts(*steps, batch=1):
    return torch.tensor(steps).reshape(-1, 1, 1, 1, 1).expand(-1, batch, -1, -1, -1)


def test_the_example_in_the_docstring_runs():
    tried = doctest.testmod(module)
    assert tried.attempted > 0
    assert tried.failed == 0


# --- what comes out ---------------------------------------------------------------------------------------------------


def test_forward_gives_the_raster_of_the_only_output():
    spec = build_spec(build_core(0, [[[[1]]]], (1, 4, 5)), outputs=[OutputPort(0, 2, "out")])
    out = dynapcnn_to_torch(spec)(torch.ones(3, 2, 1, 4, 5))
    assert (out.shape, out.dtype) == ((3, 2, 1, 2, 2), torch.float32)
    assert (out == 4).all()


def test_forward_gives_each_output_by_name_where_there_are_several():
    spec = build_spec(build_core(0, [[[[1]]]], (1, 4, 4)), outputs=[OutputPort(0, 1, "fine"), OutputPort(0, 4, "sum")])
    out = dynapcnn_to_torch(spec)(torch.ones(1, 1, 1, 4, 4))
    assert {name: raster.sum().item() for name, raster in out.items()} == {"fine": 16, "sum": 16}
    assert out["sum"].shape == (1, 1, 1, 1, 1)


def test_run_records_rasters_only_when_asked():
    assert dict(dynapcnn_to_torch(ONE).run(counts(1)).rasters) == {}
    assert list(dynapcnn_to_torch(ONE, record="all").run(counts(1)).rasters) == [3]


def test_inputs_of_any_dtype():
    expected = oracle.clocked(ONE, counts(7, 2).numpy())
    for dtype in (torch.uint8, torch.int64, torch.float64):
        assert_same_result(dynapcnn_to_torch(ONE).run(counts(7, 2).to(dtype)), expected)


# --- states -----------------------------------------------------------------------------------------------------------


def test_states_live_on_until_reset():
    model = dynapcnn_to_torch(ONE)
    # 4, 8, 12 -> 2 with a spike the decimator keeps, 6, 10 -> 0 with one that passes.
    assert [model(counts(1)).item() for _ in range(5)] == [0, 0, 0, 0, 1]
    model.reset_states()
    assert model.run(counts(1)).membranes[3].item() == 4


def test_halves_are_the_whole():
    raster = counts(3, 1, 0, 5, 2)
    model = dynapcnn_to_torch(ONE)
    whole = model(raster)
    model.reset_states()
    assert torch.equal(torch.cat([model(raster[:2]), model(raster[2:])]), whole)


def test_a_state_is_kept_for_each_sample():
    model = dynapcnn_to_torch(ONE)
    model(counts(1))
    with pytest.raises(InputError, match=r"ND507.*samples = 2 is not possible; try 1"):
        model(counts(1, batch=2))
    model.reset_states()
    assert model(counts(1, batch=2)).shape[1] == 2


def test_random_states_lie_between_the_bounds_and_obey_the_seed():
    spec = build_spec(
        build_core(0, np.zeros((4, 1, 1, 1)), (1, 16, 16), threshold_high=5, threshold_low=-32768),
        build_core(1, np.zeros((4, 1, 1, 1)), (1, 16, 16), threshold_high=5, threshold_low=-2),
    )
    silence = torch.zeros(0, 3, 1, 16, 16)

    def drawn(seed):
        model = dynapcnn_to_torch(spec)
        model.reset_states(randomize=True, seed=seed)
        return model.run(silence).membranes

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert np.unique(first[0]).tolist() == [*range(-5, 5)]
    assert np.unique(first[1]).tolist() == [*range(-2, 5)]
    assert all(np.array_equal(first[k], again[k]) for k in (0, 1))
    assert not any(np.array_equal(first[k], other[k]) for k in (0, 1))
    assert not np.array_equal(first[0][0], first[0][1])


def test_random_states_without_a_seed_follow_torch():
    def drawn():
        torch.manual_seed(7)
        model = dynapcnn_to_torch(ONE)
        model.reset_states(randomize=True)
        return model.run(counts(0)).membranes[3].item()

    assert drawn() == drawn()


def test_weights_and_states_are_buffers_and_nothing_is_trained():
    model = dynapcnn_to_torch(ONE)
    fresh = set(model.state_dict())
    model(counts(1))
    assert list(model.parameters()) == []
    assert set(model.state_dict()) == fresh
    # `to` moves all buffers; the one device without memory is enough to see it.
    moved = copy.deepcopy(model).to("meta")
    assert {buffer.device.type for buffer in moved.buffers()} == {"meta"}
    assert sum(buffer.ndim == 4 for buffer in moved.buffers()) == 2  # weights and membranes


# --- exactness --------------------------------------------------------------------------------------------------------


def test_the_bound_of_float32_is_watched_and_the_state_left_alone():
    spec = build_spec(build_core(3, [[[[1]]]], (1, 1, 1), threshold_high=10, bias=[3]))
    model = dynapcnn_to_torch(spec, saturate=False)
    most = EXACT_BELOW - 1 - 3
    expected = oracle.clocked(spec, counts(most).numpy(), saturate=False)
    assert_same_result(model.run(counts(most)), expected)
    model.reset_states()
    kept = model.run(counts(1)).membranes[3].item()
    with pytest.raises(InputError, match=r"ND508.*core 3, float32 is exact below 16777216"):
        model(counts(0, most + 1, 0))
    assert model.run(counts(0)).membranes[3].item() == kept + 3


def test_a_bound_passed_by_the_membrane_alone():
    # One spike per step: what is left over grows by 2**22 - 1 a step.
    spec = build_spec(build_core(3, [[[[1]]]], (1, 1, 1)), spikes_per_step="one")
    model = dynapcnn_to_torch(spec, saturate=False)
    model(counts(*[2**22] * 3))
    with pytest.raises(InputError, match="ND508"):
        model(counts(2**22, 2**22))


def test_sums_at_an_output_are_watched():
    spec = build_spec(build_core(0, [[[[1]]]], (1, 4, 4)), outputs=[OutputPort(0, 4, "out")])
    raster = torch.full((1, 1, 1, 4, 4), 2**20 - 1)
    assert dynapcnn_to_torch(spec, saturate=False)(raster).item() == 16 * (2**20 - 1)
    with pytest.raises(InputError, match="ND508"):
        dynapcnn_to_torch(spec, saturate=False)(raster + 1)


def test_large_quotients_do_not_round_up():
    # v = k * threshold - 1 is closest to a whole quotient from below.
    for threshold, k in [(1, 2**24 - 5), (3, 5592405), (4097, 4095), (32767, 511)]:
        spec = build_spec(build_core(0, [[[[1]]]], (1, 1, 1), threshold_high=threshold))
        assert (
            dynapcnn_to_torch(spec, saturate=False)(counts(k * threshold - 1)).item()
            == (k * threshold - 1) // threshold
        )


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"saturate": "no"}, {"spikes_per_step": "two"}, {"record": "none"}, {"record": None}]
)
def test_bad_options(options):
    with pytest.raises(InputError, match="ND507"):
        dynapcnn_to_torch(ONE, **options)


def test_bad_options_come_at_once():
    with pytest.raises(InputError) as caught:
        dynapcnn_to_torch(ONE, saturate=3, spikes_per_step=2, record=1)
    assert len(caught.value.diagnostics) == 3


@pytest.mark.parametrize(
    "raster",
    [
        torch.zeros(3, 1, 1, 1),
        torch.zeros(3, 1, 2, 1, 1),
        torch.zeros(3, 0, 1, 1, 1),
        torch.full((1, 1, 1, 1, 1), -1),
        torch.full((1, 1, 1, 1, 1), 0.5),
        torch.full((1, 1, 1, 1, 1), float("nan")),
        torch.full((1, 1, 1, 1, 1), float("inf")),
    ],
)
def test_bad_rasters(raster):
    with pytest.raises(InputError, match="ND504"):
        dynapcnn_to_torch(ONE)(raster)


def test_bad_time_step():
    with pytest.raises(InputError, match="ND507"):
        dynapcnn_to_torch(ONE).run(counts(1), dt_us=0)


def test_other_precisions_are_refused():
    with pytest.raises(InputError, match=r"ND507.*dtype = 'torch.float16'"):
        dynapcnn_to_torch(ONE).half()(counts(1))
    torch.set_float32_matmul_precision("medium")
    try:
        with pytest.raises(InputError, match=r"ND507.*float32_matmul_precision"):
            dynapcnn_to_torch(ONE)(counts(1))
    finally:
        torch.set_float32_matmul_precision("highest")
