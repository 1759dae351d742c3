"""A network behind the camera: the DVS layer takes over what it can, and the spikes stay the same."""

import dataclasses

import numpy as np
import pytest
from float_layers import build_layer

from by_hand import avg_pool, conv, graph, neurons, sink, source, sum_pool
from nirdynap import DvsOptions, Events, check, nir_to_dynapcnn, simulate, verify
from nirdynap.chips.chip import load_chip
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.ir.dvs import DvsLayer
from nirdynap.lower.arrange import Copy
from nirdynap.lower.camera import behind_camera, camera_findings, in_front

CONVENTION = {"convention": "torch", "reset": "subtract", "spikes_per_step": "many"}
SPECK = load_chip("speck2f")


def network(*pools, shape=(2, 34, 34), branch=()):
    """Pools in a row behind the input, then a convolution; and another one behind the pools of `branch`."""
    nodes = {"in": source(*shape)}
    chains = []
    for name, row in (("a", pools), ("b", branch)):
        if name == "a" or row:
            nodes |= {f"pool{name}{i}": pool for i, pool in enumerate(row)}
            nodes |= {f"conv_{name}": conv(channels=shape[0], kernel=2 + (name == "b"))}
            nodes |= {f"if_{name}": neurons(), f"out_{name}": sink()}
            through = "".join(f"pool{name}{i} -> " for i in range(len(row)))
            chains.append(f"in -> {through}conv_{name} -> if_{name} -> out_{name}")
    return graph(nodes, *chains)


def recording(shape, n=3000):
    rng = np.random.default_rng(3)
    c, y, x = (rng.integers(0, side, n) for side in shape)
    return Events(t=np.sort(rng.integers(0, 30_000, n)), c=c, y=y, x=x)


def assert_same_spikes(plain, behind, events, seen):
    for semantics in ("clocked", "event"):
        a, b = (simulate(s, e, semantics) for s, e in ((plain, events), (behind, seen)))
        assert sum(a.counts[core.core].sum() for core in plain.layers[0]) > 50
        for name in a.output_events:
            assert a.output_events[name] == b.output_events[name]


@pytest.mark.parametrize(
    ("pools", "pooling", "kernel"),
    [
        ((), (1, 1), 2),
        ((sum_pool(2),), (2, 2), 2),
        ((avg_pool(4),), (4, 4), 2),
        ((sum_pool(2), sum_pool(2)), (4, 4), 2),
        ((sum_pool(8),), (4, 4), 4),  # half of it stays with the convolution
        ((sum_pool(2), avg_pool(2), sum_pool(2)), (4, 4), 4),
    ],
)
def test_pools_behind_the_input_become_pooling_of_the_camera(pools, pooling, kernel):
    drawn = network(*pools)
    plain, behind = (nir_to_dynapcnn(drawn, **CONVENTION, dvs=dvs) for dvs in (False, True))
    assert (behind.input_shape, plain.input_shape) == ((2, 128, 128), (2, 34, 34))
    assert behind.dvs.pooling == pooling
    assert behind.cores[0].weights.shape[2:] == (kernel, kernel)
    assert behind.cores[0].input_shape == behind.port_shape
    assert {f"poola{i}" for i in range(len(pools))} <= set(behind.cores[0].origin)
    events = recording((2, 34, 34))
    assert_same_spikes(plain, behind, events, events)


def test_two_branches_share_the_pooling_that_both_begin_with():
    drawn = network(sum_pool(4), branch=(avg_pool(2),))
    plain, behind = (nir_to_dynapcnn(drawn, **CONVENTION, dvs=dvs) for dvs in (False, True))
    assert behind.dvs.pooling == (2, 2)
    assert len(behind.inputs) == 2
    events = recording((2, 34, 34))
    assert_same_spikes(plain, behind, events, events)


def test_windows_that_are_not_square_are_no_trouble_for_the_camera():
    pair = np.array([2, 4])
    drawn = network(sum_pool(2, kernel_size=pair, stride=pair))
    behind = nir_to_dynapcnn(drawn, **CONVENTION, dvs=True)
    assert (behind.dvs.pooling, behind.port_shape) == ((2, 4), (2, 17, 8))
    assert nir_to_dynapcnn(drawn, **CONVENTION, dvs=DvsOptions(mirror_diagonal=True)).dvs.pooling == (4, 2)


def test_a_window_of_which_no_square_would_be_left_stays_with_the_network():
    """One row and eight columns: of its eight the camera could do four, and then one and two would be left."""
    for size, pooling in (((1, 8), (1, 1)), ((2, 8), (1, 4)), ((8, 4), (4, 2))):
        pair = np.array(size)
        drawn = read(network(sum_pool(2, kernel_size=pair, stride=pair)), **CONVENTION)
        behind, layer = behind_camera(drawn, SPECK, True)
        assert layer.pooling == pooling
        assert behind.node("poola0").size == (size[0] // pooling[0], size[1] // pooling[1])


@pytest.mark.parametrize("mirror", ["mirror_y", "mirror_x"])
@pytest.mark.parametrize("mirror_diagonal", [False, True])
@pytest.mark.parametrize("shape", [(13, 16), (16, 13)])
def test_rows_that_the_network_drops_are_not_the_first_of_a_mirrored_camera(mirror, mirror_diagonal, shape):
    """The last of 13 is in no window of the network; a camera that begins there would have windows of its own."""
    options = DvsOptions(mirror_diagonal=mirror_diagonal, **{mirror: True})
    _, layer = behind_camera(read(network(sum_pool(2), shape=(2, *shape)), **CONVENTION), SPECK, options)
    mirrored = shape[(mirror == "mirror_x") != mirror_diagonal]
    assert layer.pooling == ((1, 1) if mirrored == 13 else (2, 2))


def test_parts_of_the_first_layer_take_a_slot_each():
    drawn = network(sum_pool(2))
    plain, behind = (nir_to_dynapcnn(drawn, **CONVENTION, dvs=dvs, split={"conv_a": 2}) for dvs in (False, True))
    assert (len(behind.cores), len(behind.inputs)) == (2, 2)
    events = recording((2, 34, 34))
    assert_same_spikes(plain, behind, events, events)
    branched = network(sum_pool(2), branch=(sum_pool(2),))
    report = check(branched, **CONVENTION, dvs=True, split={"conv_a": 2})
    assert [(d.code, d.value) for d in report.diagnostics if d.severity == "error"] == [("ND394", 3)]


def test_where_one_branch_has_no_pool_the_other_keeps_its_own():
    drawn = network(sum_pool(2), branch=(sum_pool(1),))
    assert nir_to_dynapcnn(drawn, **CONVENTION, dvs=True).dvs.pooling == (1, 1)


@pytest.mark.parametrize("mirror_y", [False, True])
@pytest.mark.parametrize("mirror_diagonal", [False, True])
@pytest.mark.parametrize("pool", [1, 2, 4])
@pytest.mark.parametrize("top", [5, 8])  # with 5, nothing can be pooled along y
def test_the_network_sees_the_region_pooled_and_turned(mirror_y, mirror_diagonal, pool, top):
    """What it gets is the scene; the camera's events are where options say that the scene lies on the camera."""
    height, width = 18, 28  # pool 4 leaves a remainder of 2 rows
    options = DvsOptions(pooling=(1, 2), origin=(top, 8), mirror_y=mirror_y, mirror_diagonal=mirror_diagonal)
    drawn = network(sum_pool(pool), shape=(2, height, width))
    plain, behind = (nir_to_dynapcnn(drawn, **CONVENTION, dvs=dvs) for dvs in (False, options))
    scene = recording((2, height, width))
    y, x = (scene.x, scene.y) if mirror_diagonal else (scene.y, scene.x)
    rows = width if mirror_diagonal else height
    y = rows - 1 - y if mirror_y else y
    assert_same_spikes(plain, behind, scene, Events(t=scene.t, c=scene.c, y=top + y, x=8 + 2 * x + scene.t % 2))


def test_one_channel_merges_and_a_polarity_can_be_chosen():
    drawn = network(shape=(1, 12, 12))
    plain = nir_to_dynapcnn(drawn, **CONVENTION)
    events = recording((2, 12, 12))
    for polarity, kept in (("both", events.c >= 0), ("on", events.c == 1), ("off", events.c == 0)):
        behind = nir_to_dynapcnn(drawn, **CONVENTION, dvs=DvsOptions(polarity=polarity))
        assert behind.dvs.merge
        merged = Events(t=events.t[kept], c=np.zeros(kept.sum(), dtype=int), y=events.y[kept], x=events.x[kept])
        assert_same_spikes(plain, behind, merged, events)
        assert simulate(behind, events).dvs_dropped == (~kept).sum()


def test_the_digest_holds_the_camera():
    drawn = network()
    options = (False, True, DvsOptions(mirror_x=True), DvsOptions(pass_sensor_events=False))
    assert len({nir_to_dynapcnn(drawn, **CONVENTION, dvs=dvs).digest() for dvs in options}) == len(options)


def told(findings):
    return [(d.code, d.place, d.value, d.limit) for d in findings]


def refused(drawn, options, chip=SPECK):
    with pytest.raises(CompileError) as caught:
        behind_camera(read(drawn, **CONVENTION), chip, options)
    return told(caught.value.diagnostics)


ORIGIN, POOLING = ("two whole numbers (y, x) from 0 up", "two whole numbers (y, x) from 1 up")


@pytest.mark.parametrize(
    ("options", "path", "value", "limit"),
    [
        (None, "", None, "True, False or DvsOptions"),
        (DvsOptions(polarity="none"), ".polarity", "none", "both, on or off"),
        (DvsOptions(mirror_y=None), ".mirror_y", None, "True or False"),
        (DvsOptions(mirror_x=1), ".mirror_x", 1, "True or False"),
        (DvsOptions(mirror_diagonal="no"), ".mirror_diagonal", "no", "True or False"),
        (DvsOptions(pass_sensor_events=0), ".pass_sensor_events", 0, "True or False"),
        (DvsOptions(pooling=2), ".pooling", 2, POOLING),
        (DvsOptions(pooling=(2, 2, 2)), ".pooling", "(2, 2, 2)", POOLING),
        (DvsOptions(origin=[0, 0]), ".origin", "[0, 0]", ORIGIN),
        (DvsOptions(origin=(-1, 0)), ".origin", "(-1, 0)", ORIGIN),
        (DvsOptions(origin=(0, True)), ".origin", "(0, True)", ORIGIN),
        (DvsOptions(origin=(3, 0), pooling=(2, 1)), ".origin", "(3, 0)", "multiples of the pooling (2, 1)"),
        (DvsOptions(origin=(2, 2), pooling=(2, 4)), ".origin", "(2, 2)", "multiples of the pooling (2, 4)"),
    ],
)
def test_bad_options(options, path, value, limit):
    with pytest.raises(CompileError) as caught:
        nir_to_dynapcnn(network(), **CONVENTION, dvs=options)
    assert told(caught.value.diagnostics) == [("ND126", f"$.dvs{path}", value, limit)]
    assert caught.value.diagnostics[0].found == f"dvs{path} = {value!r} is not possible"
    assert check(network(), **CONVENTION, dvs=options).diagnostics == caught.value.diagnostics


def test_all_options_that_are_bad_come_at_once():
    bad = DvsOptions(polarity="", mirror_y=1, mirror_x=1, mirror_diagonal=1, pass_sensor_events=1, pooling=1, origin=1)
    words = ("polarity", "mirror_y", "mirror_x", "mirror_diagonal", "pass_sensor_events", "pooling", "origin")
    assert [place for _, place, _, _ in refused(network(), bad)] == [f"$.dvs.{word}" for word in words]


@pytest.mark.parametrize("pooling", [(1, 3), (8, 1), (0, 1)])
def test_a_pooling_that_the_camera_does_not_have(pooling):
    shown = f"{pooling[0]}x{pooling[1]}"
    assert refused(network(), DvsOptions(pooling=pooling)) == [("ND392", "$.dvs.pooling", shown, "1, 2, 4")]


def test_networks_that_look_at_what_no_camera_has():
    """At the same time: the number of channels, the region, and a pool that neither camera nor stride can do."""
    drawn = network(sum_pool(3), shape=(3, 129, 128))
    assert refused(drawn, True) == [
        ("ND393", "$.nodes.in", 3, "2, or 1 when merged"),
        ("ND391", "$.dvs", "129x128", "128x128"),
        ("ND392", "$.nodes.poola0", "3x3", "1, 2, 4"),
    ]
    assert refused(network(shape=(2, 20, 20)), DvsOptions(origin=(108, 109))) == [
        ("ND391", "$.dvs", "128x129", "128x128")
    ]
    assert behind_camera(read(network(shape=(2, 20, 20)), **CONVENTION), SPECK, DvsOptions(origin=(108, 108)))
    assert refused(network(), True, load_chip("dynapcnndevkit")) == [
        ("ND390", "$.dvs", None, "speck2b, speck2e, speck2f")
    ]


def test_what_goes_into_the_first_stride_is_no_trouble():
    """A pool of 8 is half the camera's and half a stride; one of 16 leaves a stride of 4, and one of 3 leaves none."""
    for size, left in ((8, 2), (16, 4), (32, 8)):
        behind, layer = behind_camera(read(network(sum_pool(size), shape=(2, 128, 128)), **CONVENTION), SPECK, True)
        assert (layer.pooling, behind.node("poola0").size) == ((4, 4), (left, left))
    narrow = dataclasses.replace(SPECK, limits=dataclasses.replace(SPECK.limits, strides=(1, 2, 4)))
    drawn = network(sum_pool(32), shape=(2, 128, 128))
    assert refused(drawn, True, narrow) == [("ND392", "$.nodes.poola0", "8x8", "1, 2, 4")]


def test_cores_that_the_camera_feeds():
    """Each part of each layer takes a slot for each way in, and each takes in just what the camera gives."""
    layer = in_front(read(network(shape=(2, 8, 8)), **CONVENTION), True)
    takes = {"input_shape": (2, 8, 8), "input_shifts": (0,)}
    one, other, behind = build_layer("a", **takes), build_layer("b", **takes), build_layer("c", input_shifts=())
    assert told(camera_findings((one, other, behind), None, layer, SPECK)) == []
    assert told(camera_findings((one, other, one), None, layer, SPECK)) == [("ND394", "$.dvs", 3, 2)]
    assert told(camera_findings((one, other, one), None, None, SPECK)) == []
    part, parts = Copy(links=(), channels=(2,)), Copy(links=(), channels=(1, 1))
    for plan, slots in (
        (((part,), (part,), (part,)), None),
        (((part,), (parts,), (part,)), 3),
        (((part,), (part, part), (parts,)), 3),
        (((parts,), (part, parts), (part,)), 5),
    ):
        found = told(camera_findings((one, other, behind), plan, layer, SPECK))
        assert found == ([] if slots is None else [("ND394", "$.dvs", slots, 2)])
    wide = build_layer("wide", input_shape=(3, 8, 8), input_shifts=(0, 1))
    assert told(camera_findings((wide,), None, layer, SPECK)) == [
        ("ND395", "$.nodes.wide", "2x8x8", "3x8x8"),
        ("ND395", "$.nodes.wide", "2x8x8 from channel 1 on", "3x8x8"),
    ]


def test_a_network_without_a_camera_is_left_as_it_is():
    drawn = read(network(sum_pool(2)), **CONVENTION)
    assert behind_camera(drawn, SPECK, False) == (drawn, None)
    assert behind_camera(drawn, load_chip("dynapcnndevkit"), False) == (drawn, None)
    assert in_front(drawn, False) is None


def test_the_layer_has_what_the_options_say():
    """In front of the network as it is; behind the camera with what is taken out of it."""
    options = DvsOptions(
        polarity="off", pooling=(2, 1), origin=(6, 3), mirror_y=True, mirror_diagonal=True, pass_sensor_events=False
    )
    expected = DvsLayer(
        polarity="off",
        merge=False,
        pooling=(2, 1),
        origin=(3, 3),
        size=(20, 12),
        mirror_y=True,
        mirror_x=False,
        mirror_diagonal=True,
        pass_sensor_events=False,
    )
    drawn = read(network(shape=(2, 12, 20)), **CONVENTION)
    assert in_front(drawn, options) == expected == behind_camera(drawn, SPECK, options)[1]
    assert in_front(drawn, True) == dataclasses.replace(
        expected,
        polarity="both",
        pooling=(1, 1),
        origin=(0, 0),
        size=(12, 20),
        mirror_y=False,
        mirror_diagonal=False,
        pass_sensor_events=True,
    )


@pytest.mark.parametrize("mirror_y", [False, True])
def test_every_rung_sees_what_the_layer_makes_of_a_recording(mirror_y):
    """The float network pools by itself what the DVS layer pools for the chip; both see the same region."""
    options = DvsOptions(polarity="on", pooling=(1, 2), origin=(8, 8), mirror_y=mirror_y, mirror_diagonal=True)
    drawn = network(sum_pool(2), shape=(2, 12, 16))
    spec = nir_to_dynapcnn(drawn, **CONVENTION, dvs=options)
    assert spec.dvs.pooling == (2, 4)
    recordings = [recording((2, 40, 48), n) for n in (4000, 1000)]
    checked = verify(drawn, "speck2f", recordings, **CONVENTION, dvs=options)
    assert checked.spec == spec
    rungs = {rung.name: rung for rung in checked.rungs}
    assert rungs["float"].layers[0].spikes > 100
    assert checked.comparisons[0].first_difference is None
    alone = simulate(spec, recordings, "clocked")
    assert rungs["clocked"].layers[0].spikes == alone.counts[spec.cores[0].core].sum()
    assert checked.dvs_dropped == alone.dvs_dropped > 0
    assert f"{alone.dvs_dropped} events dropped by the DVS layer" in str(checked)
