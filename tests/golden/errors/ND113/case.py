"""An edge written twice."""

from by_hand import simple


def twice(folder):
    graph = simple()
    graph.edges.append(("conv", "if"))
    return graph
