"""What was played to a chip, and the spikes that came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nirdynap.ir.events import Events
from nirdynap.ir.units import IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChipRecordings:
    """Recordings that were played to a chip, with the spikes of those layers that were listened to.

    Attributes:
        samples: what was played.
        spikes: by a node of the layer that fired (its convolution or neurons), or by None for the layer that the input
            goes to: whole counts [sample, c, y, x] over the run, or the Events of each sample.

    Example:
        >>> import numpy as np
        >>> played = Events(t=[0, 500], c=[0, 1], y=[3, 3], x=[4, 5])
        >>> ChipRecordings(samples=(played,), spikes={"conv1": np.zeros((1, 2, 8, 8), int)}).samples
        (Events(2 events, 0 to 500 us),)
    """

    samples: tuple[Events, ...]
    spikes: Mapping[str | None, IntArray | Sequence[Events]]
