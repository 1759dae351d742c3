"""Files give their framework away or they do not; none is ever taken for another's."""

import json
import runpy
from pathlib import Path

import nir
import numpy as np
import pytest

import nirdynap
from by_hand import chain, conv, neurons, simple, sink, source
from nirdynap.errors import CompileError
from nirdynap.frontend.habits import recognised
from nirdynap.frontend.nested import unfold
from nirdynap.frontend.raw import raw_from_graph
from nirdynap.frontend.safe_hdf5 import read_hdf5

PAGE = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "generate_exports.py"))
FOLDERS = {folder: name for folder, name in PAGE["CONVENTIONS"].items() if folder != "paper"}  # by several frameworks
ENDLESS, NONE, ONE = np.array([np.inf]), np.zeros(1), np.ones(1)


def lif(tau=np.inf, r=np.inf):
    return nir.LIF(np.array([tau]), np.array([r]), NONE, ONE)


def name_of(graph):
    return recognised(raw_from_graph(graph))[0]


def test_no_real_file_is_taken_for_another_frameworks(shared_data):
    found = {}
    for entry in json.loads((shared_data / "framework_exports" / "INDEX.json").read_text()):
        if entry["framework"] not in FOLDERS or not entry["exported"]:
            continue
        path = shared_data / "framework_exports" / entry["framework"] / f"{entry['name']}.nir"
        try:
            name, notes = recognised(unfold(read_hdf5(path)))
        except (CompileError, FileNotFoundError):
            continue
        assert name in ("nir", FOLDERS[entry["framework"]]), path
        assert ("ND133" in {d.code for d in notes}) == (name != "nir"), path
        found.setdefault(name, []).append(path.stem)
    assert len(found["snntorch"]) >= 18
    assert len(found["spikingjelly"]) >= 9
    assert len(found["rockpool"]) >= 12
    assert "lava" not in found, "snnTorch can write such files"


def test_each_habit():
    tenk = neurons(1.0, 1e4, v_reset=np.zeros(()))
    assert name_of(chain(input=source(), conv=conv(), spike=tenk, output=sink())) == "spikingjelly"
    assert name_of(chain(input=source(), conv=conv(), spike=lif(), output=sink())) == "snntorch"
    assert name_of(chain(**{"input": source(), "0_LinearTorch": conv(), "1_IFTorch": lif(), "output": sink()})) == (
        "rockpool"
    )
    spyx = {"layer_0": conv(), "layer_1": lif(10.0, 0.9)}
    assert name_of(chain(input=source(), **spyx, output=sink())) == "spyx"


@pytest.mark.parametrize(
    "nodes",
    [
        {"conv": conv(), "if": neurons()},
        {"conv": conv(), "if": neurons(1.0, 1e4)},
        {"conv": conv(), "lif": lif(), "conv2": conv(channels=2), "if": neurons()},
        {"layer_0": conv(), "layer_1": neurons()},
        {"0": conv(), "1": neurons()},
        {"_0": conv(), "_1": neurons()},
        {"conv": conv(), "lif": lif(0.002, 20.0)},
    ],
)
def test_what_others_do_too_settles_nothing(nodes):
    graph = chain(input=source(), **nodes, output=sink())
    if "if" in nodes and nodes["if"].v_reset is not None:
        nodes["if"].v_reset = None  # as older exporters write it
    assert name_of(graph) == "nir"


def test_contradicting_habits_settle_nothing():
    tenk = neurons(1.0, 1e4, v_reset=np.zeros(()))
    graph = chain(**{"input": source(), "0_LinearTorch": conv(), "1_IFTorch": tenk, "output": sink()})
    name, notes = recognised(raw_from_graph(graph))
    assert (name, [(d.code, d.value) for d in notes]) == ("nir", [("ND135", "spikingjelly"), ("ND135", "rockpool")])


def test_metadata_win_and_a_caller_wins_over_them():
    graph = chain(input=source(), conv=conv(), spike=lif(), output=sink())
    graph.metadata = {"dynapcnn": {"convention": "norse"}}
    assert nirdynap.read(graph).convention.name == "norse"
    assert nirdynap.read(graph, "torch").convention.name == "torch"
    graph.metadata = {"dynapcnn": {"convention": b"torch"}}
    assert nirdynap.read(graph).convention.name == "torch"
    graph.metadata = {"dynapcnn": {"convention": "nonsense"}}
    with pytest.raises(CompileError, match=r"ND125 .* \$\.metadata\.dynapcnn\.convention"):
        nirdynap.read(graph)


def test_the_note_holds_the_evidence():
    network = nirdynap.read(chain(input=source(), conv=conv(), spike=lif(), output=sink()), reset="subtract")
    (note,) = (d for d in network.notes if d.code == "ND133")
    assert (note.severity, note.value) == ("note", "snntorch")
    assert "tau = r = inf" in note.found
    assert network.convention.name == "snntorch"


def test_values_that_are_no_numbers_are_no_evidence():
    graph = simple()
    graph.nodes["if"].r = "many"
    assert name_of(graph) == "nir"


def rockpool_names(*names):
    layers = [nir.Linear(np.eye(4)), lif(), nir.Linear(np.eye(4)), lif()]
    return chain(input=source(4), **dict(zip(names, layers, strict=True)), output=sink())


def test_rockpool_writes_infinite_tau_too():
    """Nested and named modules of Rockpool are not taken for snnTorch, which means another run."""
    nested = rockpool_names(
        *(f"{i}_TorchSequential.{k}" for i in (0, 1) for k in ("0_LinearTorch", "1_LIFNeuronTorch"))
    )
    assert name_of(nested) == "rockpool"
    attributes = raw_from_graph(rockpool_names("l1", "n1", "l2", "n2"))
    name, notes = recognised(attributes)
    assert (name, [d.value for d in notes]) == ("nir", ["snntorch or rockpool"])
    assert name_of(rockpool_names("0", "1", "2", "3")) == "snntorch"


def test_snntorch_writes_infinite_synapses_too():
    cuba = nir.CubaLIF(ONE, ENDLESS, ENDLESS, NONE, ONE)
    name, notes = recognised(raw_from_graph(chain(input=source(), conv=conv(), spike=cuba, output=sink())))
    assert (name, [d.value for d in notes]) == ("nir", ["lava or snntorch"])


def test_another_time_step_of_spikingjelly_is_suspected():
    graph = chain(input=source(), conv=conv(), spike=neurons(1.0, 1000.0, v_reset=np.zeros(())), output=sink())
    name, notes = recognised(raw_from_graph(graph))
    assert (name, [d.value for d in notes]) == ("nir", ["spikingjelly"])
    assert "--dt is 1 / r" in notes[0].found
