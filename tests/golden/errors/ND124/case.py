"""Files in which v_reset does not say what the model did."""

from by_hand import simple


def v_reset_in_the_graph(folder):
    return simple(), {"convention": "nir"}
