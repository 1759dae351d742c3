"""Lower bounds that the chip does not have."""

from by_hand import simple


def zero(folder):
    return simple(), {"v_min": 0.0}


def far_below(folder):
    return simple(), {"v_min": -1e4}
