"""The DVS layer: what a chip does to the events of its camera before a core sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nirdynap.ir.units import IntArray, Pair, Shape

Polarity = Literal["both", "on", "off"]
"""Which events of a camera pass; an OFF event has polarity 0, an ON event polarity 1."""

DVS_DROPPED = "events dropped by the DVS layer, outside its region or of the other polarity"
"""What a run tells behind the number of them, if there were any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DvsLayer:
    """The steps of the layer, in the order in which they are taken (docs/semantics.md, section DVS layer).

    Attributes:
        polarity: the events that pass.
        merge: all become channel 0; otherwise the channel is the polarity.
        pooling: (y, x) in camera pixels, sums over windows.
        origin, size: (y, x) in pooled pixels, the region that passes; its first pixel moves to (0, 0).
        mirror_y, mirror_x: the rows, the columns of the region change their order.
        mirror_diagonal: then y and x change places.
        pass_sensor_events: the chip's camera feeds the layer; without it only events that are sent to the chip do.
            No run depends on it.
    """

    polarity: Polarity
    merge: bool
    pooling: Pair
    origin: Pair
    size: Pair
    mirror_y: bool
    mirror_x: bool
    mirror_diagonal: bool
    pass_sensor_events: bool

    @property
    def output_shape(self) -> Shape:
        """(C, H, W) of what the cores see."""
        height, width = self.size[::-1] if self.mirror_diagonal else self.size
        return (1 if self.merge else 2, height, width)

    @property
    def reach(self) -> Pair:
        """Rows and columns of the camera from (0, 0) up to the end of the region."""
        y, x = ((o + s) * p for o, s, p in zip(self.origin, self.size, self.pooling, strict=True))
        return (y, x)

    def passed(self, c: IntArray, y: IntArray, x: IntArray) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Which of some events [n] pass, as a mask, and the addresses (c, y, x) at the cores of those that do."""
        y, x = y // self.pooling[0] - self.origin[0], x // self.pooling[1] - self.origin[1]
        inside = (y >= 0) & (y < self.size[0]) & (x >= 0) & (x < self.size[1])
        if self.polarity != "both":
            inside &= c == (self.polarity == "on")
        c, y, x = c[inside], y[inside], x[inside]
        c = np.zeros_like(c) if self.merge else c
        y = self.size[0] - 1 - y if self.mirror_y else y
        x = self.size[1] - 1 - x if self.mirror_x else x
        return (inside, c, x, y) if self.mirror_diagonal else (inside, c, y, x)
