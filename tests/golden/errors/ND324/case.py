"""Chips that there are not."""

from by_hand import simple


def a_slip(folder):
    return simple(), {"chip": "speck3f"}
