"""The DVS layer as a map of addresses, against numpy's slices, flips and transposes of a camera of numbered pixels."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nirdynap.ir.dvs import DvsLayer

PLAIN = DvsLayer(
    polarity="both",
    merge=False,
    pooling=(1, 1),
    origin=(0, 0),
    size=(6, 8),
    mirror_y=False,
    mirror_x=False,
    mirror_diagonal=False,
    pass_sensor_events=True,
)


def counts_behind(dvs, counts):
    """Counts [c, y, x] that the layer makes of camera counts [polarity, y, x], address by address."""
    address = np.nonzero(counts)
    passed, *behind = dvs.passed(*address)
    seen = np.zeros(dvs.output_shape, dtype=np.int64)
    np.add.at(seen, tuple(behind), counts[address][passed])
    return seen


@st.composite
def layers(draw):
    switch = st.booleans()
    pooling = draw(st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4])))
    origin = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    size = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return DvsLayer(
        polarity=draw(st.sampled_from(["both", "on", "off"])),
        merge=draw(switch),
        pooling=pooling,
        origin=origin,
        size=size,
        mirror_y=draw(switch),
        mirror_x=draw(switch),
        mirror_diagonal=draw(switch),
        pass_sensor_events=draw(switch),
    )


@given(layers(), st.integers(0, 2**32 - 1))
def test_the_map_is_select_merge_pool_crop_flip_transpose(dvs, seed):
    counts = np.random.default_rng(seed).integers(0, 4, (2, 20, 20))
    seen = counts * np.array([dvs.polarity != "on", dvs.polarity != "off"])[:, None, None]
    seen = seen.sum(axis=0, keepdims=True) if dvs.merge else seen
    (py, px), (top, left), (rows, columns) = dvs.pooling, dvs.origin, dvs.size
    seen = np.add.reduceat(np.add.reduceat(seen, np.arange(0, 20, py), axis=1), np.arange(0, 20, px), axis=2)
    seen = seen[:, top : top + rows, left : left + columns]
    seen = seen[:, ::-1] if dvs.mirror_y else seen
    seen = seen[:, :, ::-1] if dvs.mirror_x else seen
    seen = seen.transpose(0, 2, 1) if dvs.mirror_diagonal else seen
    np.testing.assert_array_equal(counts_behind(dvs, counts), seen)


@pytest.mark.parametrize("mirror", ["mirror_y", "mirror_x", "mirror_diagonal"])
def test_a_mirror_twice_is_none(mirror):
    dvs = dataclasses.replace(PLAIN, size=(6, 6), **{mirror: True})
    counts = np.arange(72).reshape(2, 6, 6)
    assert (counts_behind(dvs, counts) != counts).any()
    np.testing.assert_array_equal(counts_behind(dvs, counts_behind(dvs, counts)), counts)


@given(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_a_region_sees_what_a_shifted_scene_shows(origin, shift):
    scene = np.arange(2 * 12 * 12).reshape(2, 12, 12)
    shifted = np.zeros((2, 16, 16), dtype=np.int64)
    shifted[:, shift[0] : shift[0] + 12, shift[1] : shift[1] + 12] = scene
    here = dataclasses.replace(PLAIN, origin=origin)
    there = dataclasses.replace(PLAIN, origin=(origin[0] + shift[0], origin[1] + shift[1]))
    np.testing.assert_array_equal(counts_behind(here, scene), counts_behind(there, shifted))


def test_off_and_on_are_the_channels_and_both_are_channel_0_when_merged():
    counts = np.zeros((2, 6, 8), dtype=np.int64)
    counts[:, 1, 2] = 3, 5
    assert counts_behind(PLAIN, counts)[:, 1, 2].tolist() == [3, 5]
    assert counts_behind(dataclasses.replace(PLAIN, polarity="on"), counts)[:, 1, 2].tolist() == [0, 5]
    assert counts_behind(dataclasses.replace(PLAIN, polarity="off"), counts)[:, 1, 2].tolist() == [3, 0]
    assert counts_behind(dataclasses.replace(PLAIN, merge=True), counts)[:, 1, 2].tolist() == [8]
    assert counts_behind(dataclasses.replace(PLAIN, merge=True, polarity="on"), counts)[:, 1, 2].tolist() == [5]


def test_shapes():
    turned = dataclasses.replace(PLAIN, mirror_diagonal=True, pooling=(2, 4), origin=(1, 2))
    assert turned.output_shape == (2, 8, 6)
    assert turned.reach == (14, 40)
