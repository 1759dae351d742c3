"""A file that does not say which nir wrote it is read."""

import h5py
import nir

from by_hand import simple


def no_version(folder):
    path = folder / "old.nir"
    nir.write(path, simple(out_shape=(2, 6, 6), input_shape=(8, 8)), compression=None)
    with h5py.File(path, "r+") as file:
        del file["version"]
    return path
