"""Models that wait at the threshold."""

from by_hand import simple


def subtracting(folder):
    return simple(), {"convention": "snntorch", "reset": "subtract"}
