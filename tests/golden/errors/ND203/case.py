"""Thresholds per channel with a lower bound that does not follow them."""

from by_hand import neurons, simple


def one_bound_for_two_thresholds(folder):
    graph = simple()
    graph.nodes["if"] = neurons([1.0, 2.0])
    return graph, {"v_min": -1.0}
