"""Input maps are 128 pixels wide at most."""

from by_hand import chain, conv, neurons, sink, source


def an_event_camera_of_640_by_480(folder):
    return chain(**{"in": source(2, 480, 640), "conv": conv(2, 2, stride=8), "if": neurons(), "out": sink()})
