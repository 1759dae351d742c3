"""Files that cannot be opened."""

import h5py
import nir

from by_hand import simple


def no_such_file(folder):
    return folder / "none.nir"


def a_folder(folder):
    return folder


def empty(folder):
    path = folder / "empty.nir"
    path.write_bytes(b"")
    return path


def not_hdf5(folder):
    path = folder / "weights.nir"
    path.write_text("conv1.weight = [1, 2, 3]")
    return path


def truncated(folder):
    path = folder / "short.nir"
    nir.write(path, simple(out_shape=(2, 6, 6), input_shape=(8, 8)), compression=None)
    path.write_bytes(path.read_bytes()[:3000])
    return path


def a_group_inside_itself(folder):
    path = folder / "ring.nir"
    nir.write(path, simple(out_shape=(2, 6, 6), input_shape=(8, 8)), compression=None)
    with h5py.File(path, "r+") as file:
        file["node/nodes/again"] = file["node"]
    return path
