import dataclasses
import itertools

import numpy as np
import pytest

from nirdynap.ir.digest import Digested, digest, frozen


@dataclasses.dataclass(frozen=True, eq=False)
class Pair(Digested):
    left: object
    right: object


@dataclasses.dataclass(frozen=True, eq=False)
class Twin(Digested):
    left: object
    right: object


DIFFERENT = [
    None, True, False, 0, 1, 1.0, 0.0, -0.0, "", "1", "none", (), (1,), ((1,),), (1, 1), {"a": 1}, {"a": 2},
    np.array([1, 2], np.int8), np.array([1, 2], np.int16), np.array([[1, 2]], np.int8), np.array([1.0, 2.0]),
    np.array([1.0, 2.0], np.float32), np.array([], np.int8), np.array([[]], np.int8), Pair(1, 2), Twin(1, 2),
]  # fmt: skip


def test_different_values_have_different_digests():
    for one, two in itertools.combinations(DIFFERENT, 2):
        assert digest(one) != digest(two), (one, two)


def test_equal_content_has_one_digest_whatever_its_layout_or_order():
    array = np.arange(24, dtype=np.int32).reshape(2, 3, 4)
    assert digest(array) == digest(np.asfortranarray(array)) == digest(array.astype(">i4")) == digest(array[::1])
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest([1, 2]) == digest((1, 2))
    assert digest(np.int64(3)) == digest(3)


def test_the_digest_is_a_published_number():
    assert digest(("spec-v1", 1, np.arange(3, dtype=np.int8))).startswith("cde328cce9b7")


def test_equality_and_hash_are_by_content():
    assert Pair(1, np.arange(3)) == Pair(1, np.arange(3))
    assert hash(Pair(1, "x")) == hash(Pair(1, "x"))
    assert Pair(1, 2) != Twin(1, 2)
    assert Pair(1, 2) != (1, 2)


def test_what_has_no_digest_is_refused():
    with pytest.raises(TypeError, match="no digest for set"):
        digest({1, 2})


def test_frozen_is_a_read_only_copy():
    array = np.ones((2, 3))[:, ::-1]
    copy = frozen(array, np.float64)
    array[0, 0] = 5
    assert copy[0, 0] == 1
    assert copy.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        copy[0, 0] = 2
