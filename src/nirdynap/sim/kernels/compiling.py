"""Says that the loops are being compiled, while they are: half a minute of silence would be taken for a hang.

To import this module is enough. The message is a warning of the logger "nirdynap", for one of a lower level is not
shown to somebody who has set up no logging: it comes on stderr, and can be turned off like any other.
"""

from __future__ import annotations

import logging
from typing import final

from numba.core.event import Event, Listener, register

_LOGGER = logging.getLogger("nirdynap")


@final
class _Announcer(Listener):  # type: ignore[misc]
    """Hears of every function that Numba compiles, but of none that it finds in its cache or that is compiled already.

    Numba holds a lock meanwhile, so threads that need the same function wait, and only the first is heard of.
    """

    def on_start(self, event: Event) -> None:
        dispatcher = event.data["dispatcher"]
        function = dispatcher.py_func
        # What they call is compiled with them, and not told once more.
        if function.__module__.startswith(f"{__package__}.") and function.__name__.startswith("run_"):
            told = "compiling the simulator for this machine: some half a minute, once; it is kept in %s"
            _LOGGER.warning(told, dispatcher.stats.cache_path)

    def on_end(self, event: Event) -> None:
        pass


register("numba:compile", _Announcer())
