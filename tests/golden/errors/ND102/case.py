"""Readable, but no graph."""

import h5py
import nir

from by_hand import simple
from nirdynap.frontend import read
from nirdynap.store import save
from nirdynap.testing.build import build_core, build_spec


def hdf5_of_something_else(folder):
    path = folder / "data.nir"
    with h5py.File(path, "w") as file:
        file["events"] = [1, 2, 3]
    return path


def half_written(folder):
    path = folder / "half.nir"
    nir.write(path, simple(out_shape=(2, 6, 6), input_shape=(8, 8)), compression=None)
    with h5py.File(path, "r+") as file:
        del file["node/nodes/if/type"]
    return path


def edges_that_are_no_pairs(folder):
    path = folder / "edges.nir"
    nir.write(path, simple(out_shape=(2, 6, 6), input_shape=(8, 8)), compression=None)
    with h5py.File(path, "r+") as file:
        del file["node/edges"]
        file["node/edges"] = [1, 2, 3]
    return path


def a_single_node(folder):
    return simple().nodes["conv"]


def a_node_that_its_exporter_dropped(folder):
    graph = simple()
    graph.nodes["if"] = None
    return graph


def two_names_that_are_one(folder):
    graph = simple()
    graph.nodes[1] = graph.nodes["1"] = graph.nodes["if"]
    return graph


def a_graph_inside_itself(folder):
    graph = simple()
    graph.nodes["again"] = graph
    return graph


def a_spec(folder):
    return build_spec(build_core(0, [[[[5]]]], (1, 1, 1), threshold_high=10))


def the_file_of_a_spec(folder):
    save(a_spec(folder), folder / "net.h5")
    return folder / "net.h5"


def a_network(folder):
    return read(simple(), "torch", reset="subtract")
