"""A file of a nir that is not out yet."""

import h5py
import nir

from by_hand import simple


def version_2(folder):
    path = folder / "new.nir"
    nir.write(path, simple(out_shape=(2, 6, 6), input_shape=(8, 8)), compression=None)
    with h5py.File(path, "r+") as file:
        file["version"][()] = "2.0.0"
    return path
