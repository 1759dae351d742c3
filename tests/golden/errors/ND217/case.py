"""Sources of different factors: exact, and said."""

from by_hand import avg_pool, conv, graph, neurons, sink, source


def an_average_and_a_strided_branch(folder):
    nodes = {"in": source(), "fine": conv(), "if_fine": neurons(), "mean": avg_pool(2), "coarse": conv(stride=2)}
    nodes |= {"if_coarse": neurons(), "last": conv(channels=2, kernel=2), "if_last": neurons(), "out": sink()}
    return graph(nodes, "in -> fine -> if_fine -> mean -> last -> if_last -> out", "in -> coarse -> if_coarse -> last")
