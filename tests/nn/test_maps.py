import numpy as np
import pytest
import torch

from nirdynap.errors import InputError
from nirdynap.nn import Crop2d, InputPlaceholder


@pytest.mark.parametrize("cropping", [((0, 0), (0, 0)), ((1, 2), (3, 0)), ((0, 3), (0, 4)), [[2, 1], [0, 1]]])
def test_a_crop_leaves_out_rows_and_columns(cropping):
    maps = np.arange(3 * 2 * 5 * 7).reshape(3, 2, 5, 7)
    (top, bottom), (left, right) = cropping
    kept = np.delete(maps, [*range(top), *range(5 - bottom, 5)], axis=2)
    kept = np.delete(kept, [*range(left), *range(7 - right, 7)], axis=3)
    assert np.array_equal(Crop2d(cropping)(torch.from_numpy(maps)).numpy(), kept)


def test_a_crop_of_all_is_refused():
    for cropping in (((3, 2), (0, 0)), ((0, 0), (0, 9))):
        with pytest.raises(InputError, match=r"ND513 .*shape \(2, 5, 7\) was given where maps of more than"):
            Crop2d(cropping)(torch.zeros(2, 5, 7))


@pytest.mark.parametrize("cropping", [1, (1, 1), ((1, 1),), ((1, 1), (1,)), ((1, -1), (0, 0)), ((1, 1.0), (0, 0))])
def test_what_is_no_crop_is_refused(cropping):
    with pytest.raises(InputError, match=r"ND507 .*\$\.cropping.*\(\(top, bottom\), \(left, right\)\)"):
        Crop2d(cropping)


def test_a_placeholder_hands_on_what_it_declares():
    for shape in ((2, 3, 4), (5,)):
        x = torch.zeros(7, 1, *shape)
        assert InputPlaceholder(shape)(x) is x
        with pytest.raises(InputError, match=r"ND513 .*where \[time, batch, "):
            InputPlaceholder(shape)(torch.zeros(7, 1, 3, 2, 4))
    with pytest.raises(InputError, match="ND513"):
        InputPlaceholder((2, 3, 4))(torch.zeros(4))


@pytest.mark.parametrize("shape", [(), (2, 3), (0,), (1, 2, 2.0), 4])
def test_what_is_no_shape_is_refused(shape):
    with pytest.raises(InputError, match=r"ND507 .*\$\.shape"):
        InputPlaceholder(shape)


def test_settings_are_printed():
    assert repr(Crop2d(((1, 2), (3, 4)))) == "Crop2d(((1, 2), (3, 4)))"
    assert repr(InputPlaceholder((2, 3, 4))) == "InputPlaceholder((2, 3, 4))"
