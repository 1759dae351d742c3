"""The wires that lead to each core, against a walk along every path."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from one_spike import wires

from nirdynap.ir.spec import Destination, InputPort
from nirdynap.sim.routes import find_routes
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.strategies import specs

PROPERTY = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])


def exits(spec):
    """For the input and each core: (wire, core it leads to), in slot order."""
    order = {core.core: k for k, core in enumerate(spec.cores)}
    slots = [[port.core for port in spec.inputs], *([d.core for d in core.destinations] for core in spec.cores)]
    every = list(wires(spec))
    found = []
    for source, there in enumerate(slots):
        used = []
        for core in there:
            ways = [w for w, wire in enumerate(every) if (wire.source, wire.target) == (source, order[core])]
            used.append((ways[[target for _, target in used].count(order[core])], order[core]))
        found.append(used)
    return found


def beyond(found, k):
    """The core itself, and all that its spikes may reach."""
    return {k}.union(*(beyond(found, target) for _, target in found[k + 1]))


def assert_routes(spec):
    routes, found = find_routes(spec), exits(spec)
    assert routes.targets.tolist() == [wire.target for wire in wires(spec)]
    joins = [len({wire.source for wire in wires(spec) if wire.target == k}) > 1 for k in range(len(spec.cores))]
    assert routes.joins.tolist() == joins
    for k in range(len(spec.cores)):
        assert routes.first[k, 0] == 0
        for source, some in enumerate(found):
            here = routes.ways[k, routes.first[k, source] : routes.first[k, source + 1]]
            assert here.tolist() == [wire for wire, target in some if k in beyond(found, target)]
        assert routes.traced[k] == any(joins[other] for other in beyond(found, k) - {k})
    assert {array.dtype for array in routes} == {np.dtype(np.int64)}


@PROPERTY
@given(specs(min_cores=2, max_cores=7))
def test_the_ways_to_each_core(spec):
    assert_routes(spec)


def test_slots_and_ports_out_of_the_order_of_the_cores():
    """Two slots to one core with another between them; the input reaches several cores, one of them twice."""

    def to(*cores):
        return [Destination(core=core, pooling=1, feature_shift=i) for i, core in enumerate(cores)]

    def core(index, *destinations):
        return build_core(index, np.ones((1, 3, 1, 1)), (3, 2, 2), destinations=to(*destinations))

    ports = [InputPort(7, 0), InputPort(5, 0), InputPort(2, 1), InputPort(5, 1)]
    assert_routes(build_spec(core(5, 7, 2, 7), core(2, 8, 7), core(7, 8), core(8), core(1), inputs=ports))


def test_the_routes_of_a_spec_are_kept():
    spec = build_spec(build_core(0, [[[[1]]]], (1, 1, 1)))
    assert find_routes(spec) is find_routes(spec)
