"""A factor per pixel in front of a kernel that slides."""

import numpy as np

from by_hand import chain, conv, neurons, scale, sink, source


def a_vignette(folder):
    brightness = scale(np.arange(1.0, 65.0).reshape(1, 8, 8))
    return chain(**{"in": source(), "vignette": brightness, "conv": conv(), "if": neurons(), "out": sink()})
