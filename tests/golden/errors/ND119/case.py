"""Fields that mean nothing to us."""

import h5py
import nir

from by_hand import simple


def in_a_file(folder):
    path = folder / "extra.nir"
    nir.write(path, simple(out_shape=(2, 6, 6), input_shape=(8, 8)), compression=None)
    with h5py.File(path, "r+") as file:
        file["node/nodes/if/surrogate"] = "atan"
        file["node/type_check"] = True
    return path


def a_setting_that_there_is_not(folder):
    graph = simple()
    graph.nodes["if"].metadata = {"dynapcnn": {"resett": "zero"}}
    return graph
