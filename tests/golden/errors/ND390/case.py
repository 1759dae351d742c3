"""A chip without an event camera is asked to use one."""

from by_hand import conv, graph, neurons, sink, source


def no_camera(folder):
    nodes = {"in": source(2, 8, 8), "conv": conv(channels=2), "if": neurons(), "out": sink()}
    return graph(nodes, "in -> conv -> if -> out"), {"chip": "dynapcnndevkit", "dvs": True}


def camera_of_unknown_size(folder):
    return no_camera(folder)[0], {"chip": "speck2cmini", "dvs": True}
