"""A network behind the camera: the DVS layer takes over what it can, and the spikes stay the same."""

import numpy as np
import pytest

from by_hand import avg_pool, conv, graph, neurons, sink, source, sum_pool
from nirdynap import DvsOptions, Events, check, nir_to_dynapcnn, simulate, verify
from nirdynap.errors import CompileError

CONVENTION = {"convention": "torch", "reset": "subtract", "spikes_per_step": "many"}


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


@pytest.mark.parametrize(
    ("options", "place"),
    [
        (None, "$.dvs"),
        (DvsOptions(polarity="none"), "$.dvs.polarity"),
        (DvsOptions(mirror_x=1), "$.dvs.mirror_x"),
        (DvsOptions(pooling=2), "$.dvs.pooling"),
        (DvsOptions(origin=(-1, 0)), "$.dvs.origin"),
        (DvsOptions(origin=(3, 0), pooling=(2, 1)), "$.dvs.origin"),
    ],
)
def test_bad_options(options, place):
    with pytest.raises(CompileError) as caught:
        nir_to_dynapcnn(network(), **CONVENTION, dvs=options)
    assert [(d.code, d.place) for d in caught.value.diagnostics] == [("ND126", place)]
    assert check(network(), **CONVENTION, dvs=options).diagnostics == caught.value.diagnostics


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
