"""The finished spec holds what the pieces hold, on the cores where they were placed."""

import dataclasses

import numpy as np

from by_hand import avg_pool, chain, conv, graph, neurons, sink, source, sum_pool, three_branches
from nirdynap import DvsOptions, ExternalClock, ReadoutOptions
from nirdynap.chips.chip import load_chip
from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import ALL_ZERO_WEIGHTS
from nirdynap.frontend import read
from nirdynap.ir.layers import IntLayer
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, Memory, OutputPort
from nirdynap.lower.arrange import Copy
from nirdynap.lower.assemble import assemble
from nirdynap.lower.camera import in_front
from nirdynap.lower.group import group
from nirdynap.lower.integers import discretize
from nirdynap.lower.rules import memory_of_layer
from nirdynap.lower.split import cut
from nirdynap.passes import normalise


def test_links_become_destinations_of_hardware_cores():
    nodes = {"in": source(), "fine": conv(), "if_fine": neurons(), "pool": avg_pool(2)}
    nodes |= {
        "coarse": conv(stride=2),
        "if_coarse": neurons(),
        "last": conv(channels=2, kernel=2),
        "if_last": neurons(),
    }
    nodes |= {"quarter": sum_pool(2), "out": sink(), "hidden": sink()}
    edges = ("in -> fine -> if_fine -> pool -> last -> if_last -> out", "in -> coarse -> if_coarse -> last")
    spec = nir_to_dynapcnn(graph(nodes, *edges, "if_fine -> quarter -> hidden"), convention="torch")
    core = {name: spec.find_core(name) for name in ("fine", "coarse", "last")}
    last = core["last"].core
    shift = {name: c.destinations[0].feature_shift for name, c in core.items() if c.destinations}
    assert sorted(shift.values()) == [0, 2]
    assert core["fine"].destinations == (Destination(core=last, pooling=2, feature_shift=shift["fine"]),)
    assert core["coarse"].destinations == (Destination(core=last, pooling=1, feature_shift=shift["coarse"]),)
    assert sorted(spec.inputs) == sorted(InputPort(core[n].core, 0) for n in ("fine", "coarse"))
    assert set(spec.outputs) == {OutputPort(last, 1, "out"), OutputPort(core["fine"].core, 2, "hidden")}
    assert core["last"].memory == Memory(kernel=4 * 4 * 2, neuron=2 * 2 * 2, bias=0)
    assert [d.code for d in spec.notes] == ["ND217"]
    assert core["fine"].capacity == Memory(16384, 65536, 1024)


def test_a_core_is_the_piece_that_it_was_given():
    """Each field that both have; two layers that differ in all of them, the second one in two parts."""
    first = conv(4, 2, bias=np.array([0.5, 0, -0.5, 1]), stride=(2, 1), padding=(1, 2))
    nodes = {"input": source(2, 8, 8), "first": first, "if1": neurons(0.5), "pool": sum_pool(2)}
    nodes |= {"last": conv(3, 4, kernel=1), "if2": neurons(2.0), "pool2": sum_pool(1), "out": sink()}
    network = normalise(read(chain(**nodes), "torch", reset="zero", v_min="-threshold", spikes_per_step="many"))
    integers, _ = discretize(group(network), bias_bits=8, spikes_per_step="many")
    integers = tuple(
        dataclasses.replace(n, decimator=2, spacing=4, return_to_zero=i == 0) for i, n in enumerate(integers)
    )
    chip = load_chip("speck2f")
    plan = ((Copy(links=(0,), channels=(4,)),), (Copy(links=(), channels=(2, 1)),))
    pieces = cut(integers, plan, chip.limits.destinations)
    note = ALL_ZERO_WEIGHTS.at("$.nodes.first")
    dvs, clock, readout = in_front(network, DvsOptions()), ExternalClock(hz=100), ReadoutOptions(output="out")
    spec = assemble(network, pieces, (7, 0, 3), chip, (note,), dvs, clock, readout)
    assert [core.core for core in spec.cores] == [7, 0, 3]
    both = {f.name for f in dataclasses.fields(CoreSpec)} & {f.name for f in dataclasses.fields(IntLayer)}
    assert len(both) >= 15
    for core, piece in zip(spec.cores, pieces.pieces, strict=True):
        for name in both:
            np.testing.assert_array_equal(getattr(core, name), getattr(piece.layer, name), name)
        assert core.memory == memory_of_layer(piece.layer)
        assert core.capacity == chip.cores[core.core]
        assert core.initial_state is None
    assert spec.cores[0].destinations == (
        Destination(core=0, pooling=2, feature_shift=0),
        Destination(core=3, pooling=2, feature_shift=0),
    )
    assert (spec.inputs, spec.outputs) == ((InputPort(7, 0),), (OutputPort(0, 1, "out", 0), OutputPort(3, 1, "out", 2)))
    assert (spec.chip, spec.convention, spec.spikes_per_step) == ("speck2f", network.convention, "many")
    assert (spec.dvs, spec.slow_clock, spec.readout) == (dvs, clock, readout)
    assert spec.input_shape == (2, 128, 128)
    assert assemble(network, pieces, (7, 0, 3), chip, ()).input_shape == (2, 8, 8)
    added = spec.notes[1:]
    assert spec.notes[0] is note
    assert [(d.code, d.place, d.value) for d in added] == [("ND320", "$.nodes.last", 2)]
    assert "core 0 channels 0 to 1, core 3 channels 2 to 2" in added[0].found


def test_cores_that_hold_no_layer_of_the_network_are_told():
    for channels, what in ((2, "passes its spikes on (1 x 1 kernel, threshold 1)"), (64, "holds a copy of it")):
        spec = nir_to_dynapcnn(three_branches(channels), convention="torch", reset="subtract")
        (extra,) = (core for core in spec.cores if not core.origin)
        (note,) = (d for d in spec.notes if d.code == "ND322")
        assert (note.place, note.value, note.limit) == ("$.nodes.conv", extra.core, 2)
        assert note.found == f"a core has 2 slots for destinations, so core {extra.core} {what}"
