"""The oracle against examples worked out on paper from docs/semantics.md."""

import numpy as np
import pytest

from nirdynap.ir.events import Events
from nirdynap.ir.spec import Destination, InputPort, OutputPort
from nirdynap.ir.units import INT16_MAX, INT16_MIN
from nirdynap.testing import oracle
from nirdynap.testing.build import build_core, build_spec


def single(*weights, **options):
    """One neuron with one input channel for each weight."""
    return build_spec(build_core(0, [[[[w]] for w in weights]], (len(weights), 1, 1), **options))


def at(*events):
    """Events of (time, channel, y, x), or of (time, channel) at (0, 0)."""
    t, c, y, x = np.array([(*e, 0, 0)[:4] for e in events], dtype=int).reshape(-1, 4).T
    return Events(t=t, c=c, y=y, x=x)


def listed(events):
    return [*zip(*(getattr(events, name).tolist() for name in ("t", "c", "y", "x")), strict=True)]


def steps(*channels):
    """A raster of 1x1 maps: one list of channel counts for each step."""
    return np.array(channels)[:, :, None, None]


# --- event run, one neuron --------------------------------------------------------------------------------------------


def test_fires_when_the_threshold_is_met_exactly():
    # 5 + 5 = 10 >= 10: the second event fires, and nothing is left.
    result = oracle.event(single(5, threshold_high=10), at((1, 0), (2, 0), (3, 0)))
    assert listed(result.events) == [(2, 0, 0, 0)]
    assert result.membranes[0].item() == 5


def test_one_spike_per_update_and_the_rest_fires_at_the_next_event_even_a_negative_one():
    # 10 -> spike, 7 left; 7 - 2 = 5 >= 3 -> spike, 2 left; 2 - 2 = 0.
    result = oracle.event(single(10, -2, threshold_high=3), at((1, 0), (2, 1), (3, 1)))
    assert [t for t, *_ in listed(result.events)] == [1, 2]
    assert result.membranes[0].item() == 0


def test_zero_weight_touches_nothing():
    # 7 is left over, well above 3, but no weight reaches the neuron again.
    result = oracle.event(single(10, 0, threshold_high=3), at((1, 0), (2, 1)))
    assert [t for t, *_ in listed(result.events)] == [1]
    assert result.membranes[0].item() == 7
    assert result.stats[0].synaptic_operations == 1


def test_reset_to_zero_forgets_the_rest():
    result = oracle.event(single(10, threshold_high=3, return_to_zero=True), at((1, 0)))
    assert result.membranes[0].item() == 0


def test_lower_bound_holds_after_each_update():
    # -6 -> -8 would be -12; 4 above the bound again.
    result = oracle.event(single(-6, 4, threshold_high=100, threshold_low=-8), at((1, 0), (2, 0), (3, 1)))
    assert result.membranes[0].item() == -4


@pytest.mark.parametrize(
    ("start", "weight", "threshold", "spikes", "end"),
    [
        # 32760 + 127 = 32887 becomes 32767, which is >= 32767: it fires and 0 is left.
        (32760, 127, INT16_MAX, 1, 0),
        # -32760 - 128 = -32888 becomes -32768.
        (-32760, -128, INT16_MAX, 0, INT16_MIN),
    ],
)
def test_sums_saturate_at_16_bits_before_they_are_compared(start, weight, threshold, spikes, end):
    spec = single(weight, threshold_high=threshold, initial_state=[[[start]]])
    result = oracle.event(spec, at((1, 0)))
    assert len(result.events) == spikes
    assert result.membranes[0].item() == end
    assert result.stats[0].saturated == 1


def test_decimator_passes_each_third_spike():
    result = oracle.event(single(1, decimator=3), at(*((t, 0) for t in range(7))))
    assert [t for t, *_ in listed(result.events)] == [2, 5]
    assert result.counts[0].item() == result.stats[0].spikes == 2


# --- event run, bias clock --------------------------------------------------------------------------------------------


def test_bias_tick_does_not_fire_but_the_next_update_does():
    # Ticks at 10 and 20 add 4 each: 8 >= 3 and silent. At 25: 8 - 1 = 7 -> spike, 4 left. Tick at 30: 8.
    spec = single(-1, threshold_high=3, bias=[4])
    result = oracle.event(spec, at((25, 0)), bias_clock_us=10, duration_us=30)
    assert [t for t, *_ in listed(result.events)] == [25]
    assert result.membranes[0].item() == 8


def test_tick_comes_after_events_of_the_same_time_and_default_duration_is_the_last_event():
    # Event at 10: 2 < 3. Tick at 10: 2 + 4 = 6. Event at 15: 8 -> spike, 5 left. No tick at 20.
    spec = single(2, threshold_high=3, bias=[4])
    result = oracle.event(spec, at((10, 0), (15, 0)), bias_clock_us=10)
    assert [t for t, *_ in listed(result.events)] == [15]
    assert result.membranes[0].item() == 5


def test_ticks_saturate_and_respect_the_lower_bound():
    spec = single(1, threshold_high=5, threshold_low=-7, bias=[-5])
    assert oracle.event(spec, at(), bias_clock_us=1, duration_us=3).membranes[0].item() == -7
    spec = single(1, threshold_high=5, bias=[INT16_MAX])
    result = oracle.event(spec, at(), bias_clock_us=1, duration_us=3)
    assert result.membranes[0].item() == INT16_MAX
    assert result.stats[0].saturated == 2


# --- event run, geometry and order ------------------------------------------------------------------------------------


def test_targets_of_an_event_with_stride_and_padding():
    # 1-D along x: kernel (1, 2, 3), stride 2, padding 1, input 5 wide -> 3 outputs, which see the inputs
    # (-, 0, 1), (1, 2, 3), (3, 4, -). An event at 1 reaches output 0 by weight 3 and output 1 by weight 1;
    # an event at 4 reaches output 2 by weight 2.
    spec = build_spec(
        build_core(0, [[[[1, 2, 3]]]], (1, 1, 5), stride=(1, 2), padding=(0, 1), threshold_high=100, threshold_low=-1)
    )
    assert oracle.event(spec, at((0, 0, 0, 1))).membranes[0].ravel().tolist() == [3, 1, 0]
    assert oracle.event(spec, at((0, 0, 0, 4))).membranes[0].ravel().tolist() == [0, 0, 2]


def test_emission_orders():
    # One event reaches 2 channels x 2 columns, all fire.
    spec = build_spec(build_core(0, np.ones((2, 1, 1, 2)), (1, 1, 3)))
    event = at((0, 0, 0, 1))
    by_place = [(0, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 1), (0, 1, 0, 1)]
    by_channel = [(0, 0, 0, 0), (0, 0, 0, 1), (0, 1, 0, 0), (0, 1, 0, 1)]
    assert listed(oracle.event(spec, event, emission="raster").events) == by_place
    assert listed(oracle.event(spec, event, emission="channel").events) == by_channel


def test_remainder_of_a_pooling_is_dropped_and_counted():
    # Three columns pooled by 2: columns 0 and 1 arrive at 0, column 2 does not, neither at core 1 nor at the output.
    spec = build_spec(
        build_core(0, [[[[1]]]], (1, 2, 3), destinations=[Destination(core=1, pooling=2)]),
        build_core(1, [[[[1]]]], (1, 1, 1), threshold_high=10),
        outputs=[OutputPort(0, 2, "out")],
    )
    for result in (
        oracle.event(spec, at((0, 0, 0, 0), (0, 0, 1, 1), (0, 0, 1, 2))),
        oracle.clocked(spec, np.array([[[[1, 0, 0], [0, 1, 1]]]])),
    ):
        assert result.membranes[1].item() == 2
        assert listed(result.events) == [(0, 0, 0, 0), (0, 0, 0, 0)]
        assert result.counts[0].sum() == 3
        assert (result.stats[0].dropped, result.stats[1].dropped) == (2, 0)


def test_spikes_outside_the_target_are_dropped():
    # The target has one channel; a shift of 1 puts everything behind it. The port's second channel is outside too.
    spec = build_spec(
        build_core(0, [[[[1]], [[1]]]], (2, 1, 1), destinations=[Destination(core=1, pooling=1, feature_shift=1)]),
        build_core(1, [[[[1]]]], (1, 1, 1)),
        inputs=[InputPort(0, 0), InputPort(1, 0)],
    )
    result = oracle.event(spec, at((0, 1)))
    assert (result.stats[0].dropped, result.stats[1].dropped) == (1, 1)
    assert result.counts[1].sum() == 0


def diamond(**options):
    """Core 0 feeds 3 directly (weight -1) and through 1 and 2 (weight 1); core 3 fires at 1."""
    one, minus = [[[[1]]]], [[[[1]], [[-1]]]]
    return build_spec(
        build_core(0, one, (1, 1, 1), destinations=[Destination(core=1, pooling=1), to(3, 1)]),
        build_core(1, one, (1, 1, 1), destinations=[Destination(core=2, pooling=1)]),
        build_core(2, one, (1, 1, 1), destinations=[to(3, 0)]),
        build_core(3, minus, (2, 1, 1), threshold_low=-1, **options),
    )


def to(core, shift):
    return Destination(core=core, pooling=1, feature_shift=shift)


def test_depth_and_breadth_differ_where_branches_meet():
    # Depth: slot 0 goes 0 -> 1 -> 2 -> 3 first, +1 fires, then -1 leaves -1.
    depth = oracle.event(diamond(), at((5, 0)), order="depth")
    assert (len(depth.events), depth.membranes[3].item()) == (1, -1)
    # Breadth: core 0's spike waits at 3 before core 2's: -1, then 0, silent.
    breadth = oracle.event(diamond(), at((5, 0)), order="breadth")
    assert (len(breadth.events), breadth.membranes[3].item()) == (0, 0)


def test_external_events_go_to_the_inputs_in_their_order():
    # Both cores feed core 2: +1 from core 0, -1 from core 1; bound at -1. Plus first fires, minus first does not.
    cores = [
        build_core(0, [[[[1]]]], (1, 1, 1), destinations=[to(2, 0)]),
        build_core(1, [[[[1]]]], (1, 1, 1), destinations=[to(2, 1)]),
        build_core(2, [[[[1]], [[-1]]]], (2, 1, 1), threshold_low=-1),
    ]
    plus_first = build_spec(*cores, inputs=[InputPort(0, 0), InputPort(1, 0)])
    minus_first = build_spec(*cores, inputs=[InputPort(1, 0), InputPort(0, 0)])
    assert len(oracle.event(plus_first, at((0, 0))).events) == 1
    assert len(oracle.event(minus_first, at((0, 0))).events) == 0


# --- clocked run ------------------------------------------------------------------------------------------------------


def test_many_spikes_per_step_or_one():
    # 3 * 5 = 15 = 3 * 4 + 3: three spikes and 3 left, or one spike and 11 left, which fires twice more.
    spec = single(5, threshold_high=4)
    raster = steps([3], [0], [0], [0])
    many = oracle.clocked(spec, raster)
    assert many.raster.ravel().tolist() == [3, 0, 0, 0]
    assert many.membranes[0].item() == 3
    one = oracle.clocked(spec, raster, spikes_per_step="one")
    assert one.raster.ravel().tolist() == [1, 1, 1, 0]
    assert one.membranes[0].item() == 3


def test_clocked_reset_to_zero_and_lower_bound_after_it():
    zero = oracle.clocked(single(5, threshold_high=4, return_to_zero=True), steps([3]))
    assert (zero.raster.item(), zero.membranes[0].item()) == (3, 0)
    low = oracle.clocked(single(-5, threshold_high=4, threshold_low=-7), steps([3]))
    assert low.membranes[0].item() == -7


def test_clocked_bias_once_per_step():
    # 3, 6 -> spike and 1 left, 4.
    result = oracle.clocked(single(1, threshold_high=5, bias=[3]), steps([0], [0], [0]))
    assert result.raster.ravel().tolist() == [0, 1, 0]
    assert result.membranes[0].item() == 4


def test_clocked_saturation_can_be_switched_off():
    # 300 * 127 = 38100: saturated 32767 fires once at 32767; unsaturated 5333 is left.
    spec = single(127, threshold_high=INT16_MAX)
    held = oracle.clocked(spec, steps([300]))
    assert (held.raster.item(), held.membranes[0].item(), held.membranes[0].dtype) == (1, 0, np.int16)
    wide = oracle.clocked(spec, steps([300]), saturate=False)
    assert (wide.raster.item(), wide.membranes[0].item(), wide.membranes[0].dtype) == (1, 5333, np.int32)
    assert held.stats[0].saturated == wide.stats[0].saturated == 1


def test_clocked_counts_pass_on_within_the_step_and_operations_count_spikes():
    # Core 0 fires twice, pooled with itself into core 1 of weight 3 and threshold 6: one spike in the same step.
    spec = build_spec(
        build_core(0, [[[[2]]]], (1, 1, 1), threshold_high=1, destinations=[Destination(core=1, pooling=1)]),
        build_core(1, [[[[3]]]], (1, 1, 1), threshold_high=6),
    )
    result = oracle.clocked(spec, steps([1], [0]))
    assert result.raster.ravel().tolist() == [1, 0]
    assert [result.stats[k].synaptic_operations for k in (0, 1)] == [1, 2]


def test_clocked_decimator_counts_in_the_order_of_channel_and_row():
    # Counts per step 2 and 1: spikes number 1, 2 | 3; each second passes: number 2, of channel 0.
    spec = build_spec(build_core(0, [[[[2]]], [[[1]]]], (1, 1, 1), decimator=2))
    result = oracle.clocked(spec, steps([1], [1]))
    # Second step: numbers 4, 5 of channel 0 and 6 of channel 1: 4 and 6 pass.
    assert result.raster[:, 0, :, 0, 0].tolist() == [[1, 0], [1, 1]]
