"""The test kit, public: strategies, an oracle, suites and comparisons for networks and simulators of your own.

The names below are loaded on first use; what Hypothesis or pytest is needed for comes with the extra "testing".
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nirdynap.testing.broken import RULES as RULES
    from nirdynap.testing.build import build_core as build_core
    from nirdynap.testing.build import build_spec as build_spec
    from nirdynap.testing.conformance import Abilities as Abilities
    from nirdynap.testing.conformance import ClockedConformance as ClockedConformance
    from nirdynap.testing.conformance import EventConformance as EventConformance
    from nirdynap.testing.conformance import SimulatorConformance as SimulatorConformance
    from nirdynap.testing.equivalence import assert_equivalent as assert_equivalent
    from nirdynap.testing.graphs import networks as networks
    from nirdynap.testing.same import assert_same_result as assert_same_result
    from nirdynap.testing.samna_stand_in import samna_stand_in as samna_stand_in
    from nirdynap.testing.strategies import events as events
    from nirdynap.testing.strategies import rasters as rasters
    from nirdynap.testing.strategies import specs as specs
    from nirdynap.testing.strategies import weights as weights

_FILES = {
    "broken": ("RULES",),
    "build": ("build_core", "build_spec"),
    "conformance": ("Abilities", "ClockedConformance", "EventConformance", "SimulatorConformance"),
    "equivalence": ("assert_equivalent",),
    "graphs": ("networks",),
    "same": ("assert_same_result",),
    "samna_stand_in": ("samna_stand_in",),
    "strategies": ("events", "rasters", "specs", "weights"),
}
_HOME = {name: file for file, names in _FILES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'nirdynap.testing' has no attribute {name!r}")
    try:
        value = getattr(import_module(f"nirdynap.testing.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        guest = (error.name or "").partition(".")[0]
        if guest not in ("hypothesis", "pytest"):
            raise
        from nirdynap.errors import EXTRA_MISSING, InputError  # not above: pytest loads this file in every run

        raise InputError([EXTRA_MISSING.at(f"$.testing.{name}", value=guest, limit="testing")]) from None
    # `samna_stand_in` is a file as well: the import has bound its name to the file.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
