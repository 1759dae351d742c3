"""The arrays of the vector kernels, read as the kernels read them, against the definition of a spike."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from one_spike import added, some_spikes, wires

from nirdynap.ir.spec import Destination
from nirdynap.ir.units import INT16_MAX, INT16_MIN
from nirdynap.sim.layout import GROUP, _record, code_bits, forget, inputs_of, lay_out, padded
from nirdynap.sim.stimulus import Stimulus
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.strategies import specs

PROPERTY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
ANY = specs(square_kernels=False, decimators=True) | specs(dvs=True)


def as_map(lanes, core):
    """[pixel, lane] of a core as [out, y, x]; the lanes of no channel must be empty."""
    out, height, width = core.neuron_shape
    assert not lanes[:, out:].any()
    return lanes[:, :out].T.reshape(out, height, width)


def by_blocks(net, k, block, channel):
    """What one spike adds, as a kernel adds it: rows of weights that lie one after the other."""
    core, lanes = net.cores[k], int(net.cores[k]["lanes"] * net.cores[k]["vectors"])
    flat = np.zeros(int(core["pixels"]) * lanes, dtype=np.int64)
    run = int(block["columns"]) * lanes
    for row in range(block["rows"]):
        first = int(block["pixel"]) * lanes + row * int(core["row"])
        weight = int(block["weights"]) + channel * int(block["stride"]) + row * run
        assert first + run <= flat.size
        assert weight + run <= len(net.weights)
        flat[first : first + run] += net.weights[weight : weight + run]
    return flat.reshape(-1, lanes)


def by_frame(net, k, cells):
    """What spikes at these entries of a frame add, each neuron reading its rows of it."""
    core = {name: int(net.cores[k][name]) for name in net.cores.dtype.names}
    frame = np.zeros(core["frame"], dtype=np.int64)
    frame[cells] = 1
    result = np.zeros((core["pixels"], core["vectors"], core["lanes"]), dtype=np.int64)
    size = core["vectors"] * core["kernel_y"] * core["run"] * core["lanes"]
    pairs = net.pairs[core["dense"] : core["dense"] + size]
    pairs = pairs.reshape(core["vectors"], core["kernel_y"], core["run"] // 2, core["lanes"], 2)
    for i, j in np.ndindex(core["height"], core["width"]):
        for ky in range(core["kernel_y"]):
            first = i * core["step_y"] + j * core["step_x"] + ky * core["line"]
            assert first + core["run"] <= core["frame"]
            seen = frame[first : first + core["run"]].reshape(-1, 2)
            result[i * core["width"] + j] += np.einsum("vplt,pt->vl", pairs[:, ky], seen)
    return result.reshape(core["pixels"], -1)


@PROPERTY
@given(spec=ANY, seed=st.integers(0, 99))
def test_a_spike_adds_its_weights_alone_and_in_a_frame(spec, seed):
    net = lay_out(spec)
    for wire, drawn in zip(net.wires, wires(spec), strict=True):
        core = spec.cores[drawn.target]
        pixels = drawn.shape[1] * drawn.shape[2]
        table = net.blocks[wire["table"] : wire["table"] + pixels]
        assert len(table) == pixels
        assert (wire["source"], wire["windows"]) == (drawn.source, drawn.pooling**2)
        for c, y, x in some_spikes(drawn.shape, seed):
            there, block = drawn.arrives(core, c, y, x), table[y * drawn.shape[2] + x]
            heard = c < wire["channels"]
            assert heard or there is None
            alone = by_blocks(net, drawn.target, block, c) * heard
            np.testing.assert_array_equal(as_map(alone, core), added(core, there))
            if there is not None:
                framed = by_frame(net, drawn.target, int(block["cell"]) + c)
                np.testing.assert_array_equal(as_map(framed, core), added(core, there))


def test_channels_beyond_those_of_the_target_are_dropped():
    shifted = Destination(core=1, pooling=1, feature_shift=2)
    first = build_core(0, np.ones((5, 1, 1, 1)), (1, 2, 2), destinations=[shifted])
    spec = build_spec(first, build_core(1, np.ones((1, 4, 1, 1)), (4, 2, 2)))
    (wire,) = (wire for wire in lay_out(spec).wires if wire["source"])
    (drawn,) = (wire for wire in wires(spec) if wire.source)
    heard = [drawn.arrives(spec.cores[1], c, 0, 0) is not None for c in range(5)]
    assert heard == [c < wire["channels"] for c in range(5)] == [True, True, False, False, False]


@PROPERTY
@given(ANY)
def test_no_block_reaches_further_than_the_core_says(spec):
    net = lay_out(spec)
    for k, core in enumerate(spec.cores):
        here = [
            net.blocks[w["table"] :][: d.shape[1] * d.shape[2]]
            for w, d in zip(net.wires, wires(spec), strict=True)
            if d.target == k
        ]
        rows, columns = (np.concatenate([blocks[name] for blocks in here]) for name in ("rows", "columns"))
        assert not rows[columns == 0].any()
        most = [-(-n // s) for n, s in zip(core.weights.shape[2:], core.stride, strict=True)]
        assert rows.max(initial=1) - 1 <= net.cores[k]["reach_y"] < min(core.neuron_shape[1], most[0])
        assert columns.max(initial=1) - 1 <= net.cores[k]["reach_x"] < min(core.neuron_shape[2], most[1])


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 4), (4, 2), (2, 4), (3, 1)])
def test_every_pixel_far_from_the_border_reaches_as_many_neurons(kernel, stride):
    """Where the stride is no longer than the kernel. Loops of one length are those that a processor foresees."""
    net = lay_out(one_core(3, (1, 41, 41), (kernel, kernel), stride=(stride, stride)))
    blocks = net.blocks[: 41 * 41].reshape(41, 41)[10:30, 10:30]
    expected = {-(-kernel // stride)} if kernel > stride else {0, 1}
    assert set(blocks["rows"].ravel().tolist()) == set(blocks["columns"].ravel().tolist()) == expected


@PROPERTY
@given(ANY)
def test_the_records_are_those_of_the_cores_and_lie_one_behind_the_other(spec):
    net = lay_out(spec)
    drawn = list(wires(spec))
    neurons = lanes = features = dense = 0
    for k, (core, record) in enumerate(zip(spec.cores, net.cores, strict=True)):
        channels, height, width = core.neuron_shape
        here = {name: int(record[name]) for name in record.dtype.names}
        per_pixel = padded(channels)
        assert here["lanes"] * here["vectors"] == per_pixel == 1 << here["bits"]
        assert here["lanes"] == min(per_pixel, 32)
        assert (here["channels"], here["height"], here["width"]) == core.neuron_shape
        assert (here["pixels"], here["row"]) == (height * width, width * per_pixel)
        assert (here["first"], here["neurons"], here["features"], here["dense"]) == (neurons, lanes, features, dense)
        assert here["size"] % GROUP == 0
        assert 0 <= here["size"] - height * width * per_pixel < GROUP
        assert here["groups"] == here["size"] // GROUP
        names = ("threshold_high", "threshold_low", "return_to_zero", "decimator")
        assert [here[name] for name in names] == [getattr(core, name) for name in names]
        assert here["has_bias"] == (core.bias is not None)
        bias = np.zeros((height * width, per_pixel), dtype=int)
        if core.bias is not None:
            bias[:, :channels] = core.bias
        found = net.bias[features:][: here["size"] if here["has_bias"] else GROUP]
        np.testing.assert_array_equal(found[: bias.size], bias.ravel()[: found.size])
        assert not found[bias.size :].any()
        assert here["first_wire"] == sum(wire.target < k for wire in drawn)
        assert here["wires"] == sum(wire.target == k for wire in drawn)
        neurons, lanes, features = neurons + channels * height * width, lanes + here["size"], features + len(found)
        dense += per_pixel * here["kernel_y"] * here["run"]
    assert (len(net.bias), len(net.pairs)) == (features, dense)
    for wire, place in zip(net.wires, drawn, strict=True):
        source = spec.cores[place.source - 1].neuron_shape[0] if place.source else 0
        assert wire["bits"] == (code_bits(padded(source)) if place.source else code_bits(spec.port_shape[0]))


@PROPERTY
@given(ANY)
def test_what_a_core_may_add_is_known(spec):
    for core, record in zip(spec.cores, lay_out(spec).cores, strict=True):
        weights = core.weights.astype(int).reshape(len(core.weights), -1)
        sums = [abs(row[row * sign > 0].sum()) for row in weights for sign in (1, -1)]
        assert record["largest_weight"] == abs(weights).max()
        assert record["largest_sum"] == max(sums)
        assert record["largest_bias"] == (0 if core.bias is None else abs(core.bias.astype(int)).max())


CALM = {"weights": [[[[5]], [[-4]]]], "threshold_high": 5, "threshold_low": -9}


@pytest.mark.parametrize(
    ("changed", "calm"),
    [
        ({}, True),
        ({"threshold_high": 4}, False),  # one weight takes a neuron beyond the next threshold
        ({"bias": [0]}, False),
        ({"initial_state": [[[4]]]}, True),
        ({"initial_state": [[[5]]]}, False),
        ({"initial_state": [[[-9]]]}, True),
        ({"initial_state": [[[-10]]]}, False),
        ({"initial_state": [[[0, -10, 0]]]}, False),
        ({"initial_state": [[[0, 5, 0]]]}, False),
        ({"threshold_high": INT16_MAX - 5}, True),
        ({"threshold_high": INT16_MAX - 4}, False),
        ({"threshold_low": INT16_MIN + 4}, True),
        ({"threshold_low": INT16_MIN + 3}, False),
    ],
)
def test_nothing_saturates_and_nothing_leaves_the_thresholds_in_a_calm_core(changed, calm):
    options = CALM | changed
    width = np.shape(options.get("initial_state", [[[0]]]))[2]
    core = build_core(0, options.pop("weights"), (2, 1, width), **options)
    assert lay_out(build_spec(core)).cores["calm"].tolist() == [calm]


def one_core(out, shape, kernel, **options):
    return build_spec(build_core(0, np.ones((out, shape[0], *kernel)), shape, **options))


@pytest.mark.parametrize(
    ("spec", "spike", "frame"),
    [
        # 400 ps and 37 for each of (16 lanes at least) x rows x columns reached; 10 ps for each product of a frame
        (one_core(3, (2, 6, 5), (3, 2)), 400 + 37 * 16 * 3 * 2, 10 * (4 * 4 * 8) * (3 * 2 * 2)),
        (one_core(20, (3, 9, 9), (5, 3), stride=(2, 2)), 400 + 37 * 32 * 3 * 2, 10 * (3 * 4 * 32) * (5 * 3 * 4)),
        # a map of one pixel: 1500 ps and 30 for each lane
        (one_core(10, (4, 3, 3), (3, 3)), 1500 + 30 * 16, 10 * 16 * 3 * 3 * 4),
    ],
)
def test_what_a_spike_and_a_frame_cost(spec, spike, frame):
    (core,) = lay_out(spec).cores
    assert (core["spike_cost"], core["frame_cost"]) == (spike, frame)


@PROPERTY
@given(ANY)
def test_frames_take_an_odd_number_of_cache_lines_and_arrays_begin_with_one(spec):
    net = lay_out(spec)
    for core, record in zip(spec.cores, net.cores, strict=True):
        _, height, width = core.input_shape
        assert record["line"] == (width + 2 * core.padding[1]) * (core.input_shape[0] + core.input_shape[0] % 2)
        needed = (height + 2 * core.padding[0]) * record["line"]
        assert record["frame"] % 64 == 32
        assert 0 <= record["frame"] - needed < 64
    for array in (net.weights, net.bias, net.pairs):
        assert array.dtype == np.int16
        assert array.size == 0 or array.ctypes.data % 64 == 0


@given(st.integers(1, 2000))
def test_lanes_are_a_power_of_two_that_holds_the_channels(channels):
    assert code_bits(channels) == next(b for b in range(12) if 2**b >= channels)
    assert padded(channels) == next(2**b for b in range(3, 12) if 2**b >= channels)


def test_all_fields_of_cores_and_wires_are_int64():
    """Kernels are compiled for exactly that."""
    net = lay_out(one_core(3, (2, 6, 7), (3, 2)))
    for records in (net.cores, net.wires):
        assert {records.dtype[name] for name in records.dtype.names} == {np.dtype(np.int64)}
        assert records.dtype == _record(*records.dtype.names)


def test_the_layout_of_a_spec_is_kept_until_it_is_forgotten():
    spec = one_core(3, (2, 6, 7), (3, 2))
    first = lay_out(spec)
    assert lay_out(spec) is first
    forget()
    assert lay_out(spec) is not first


def test_inputs_are_the_columns_of_a_stimulus():
    t, c, y, x, count = np.arange(15, dtype=np.int32).reshape(5, 3)
    stimulus = Stimulus(t=t, c=c, y=y, x=x, count=count, steps=1, end_us=1)
    inputs = inputs_of(stimulus, (5, 30, 40))
    assert [array.tolist() for array in inputs[:4]] == [array.tolist() for array in (c, y, x, count)]
    assert (inputs.width, inputs.bits) == (40, 3)
