from by_hand import avg_pool, conv, graph, neurons, sink, source, sum_pool
from nirdynap.compile import nir_to_dynapcnn
from nirdynap.ir.spec import Destination, InputPort, Memory, OutputPort


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
