"""What a simulator is: a spec with a state, run on recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeAlias

import numpy.typing as npt

from nirdynap.ir.events import Events
from nirdynap.ir.result import Result
from nirdynap.ir.units import DEFAULT_DT_US

Recording: TypeAlias = Events | Sequence[Events] | npt.ArrayLike
"""One Events, several (a batch), or counts [time, channel, y, x] (one sample) or [time, batch, channel, y, x]."""

Record = Literal["outputs", "all"]
Progress = Callable[[int, int], None]
"""Called with (samples done, samples in all) after each sample."""


class Simulator(Protocol):
    """Runs a spec. The state at the end of a run is the start of the next, until `reset_states`."""

    def run(
        self,
        recording: Recording,
        *,
        record: Record = "outputs",
        dt_us: int = DEFAULT_DT_US,
        duration_us: int | None = None,
        progress: Progress | None = None,
    ) -> Result:
        """The result of one more recording (or batch), which starts at time 0.

        Args:
            recording: see `Recording`; a batch keeps its size until `reset_states`.
            record: "outputs", or "all" to keep the spikes of every core.
            dt_us: length of a time step in microseconds: of the raster given, and of the rasters in the result.
            duration_us: length of an event recording in microseconds, behind its last event. Default: for time steps
                up to the last event's, for bias ticks up to the last event. A raster tells its own length.
            progress: called after each sample.

        Raises:
            InputError: ND5xx, all findings at once; the state is then as before.
        """
        ...

    def reset_states(self) -> None:
        """Membranes become the spec's initial states, decimators start anew."""
        ...
