"""What `check` answers: does it fit, everything that stands against it, and where the memory goes."""

from __future__ import annotations

from dataclasses import dataclass

from nirdynap.errors import Diagnostic
from nirdynap.ir.convention import Convention
from nirdynap.ir.spec import Memory
from nirdynap.ir.units import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One row of the memory table: a layer; of a network that fits what each core holds, parts and relays too.

    `candidates` are the cores with room for it; `core` is where it was placed, None if the network does not fit.
    """

    name: str
    origin: tuple[str, ...]
    input_shape: Shape
    neuron_shape: Shape
    memory: Memory
    candidates: tuple[int, ...]
    core: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreRow:
    """One core of the chip: what it has, and the layer it holds (None if free)."""

    core: int
    capacity: Memory
    layer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Answer of `nirdynap.check`.

    Attributes:
        fits: the network can be converted for this chip.
        chip: name of what was asked for.
        convention: name of the one that the graph was read with, or of the one asked for if it could not be read.
        settings: that convention with what caller and graph say otherwise; None if it could not be read.
        diagnostics: every finding, errors first.
        layers: in topological order; empty when the network could not be brought that far.
        cores: every core of the chip.
        digest: digest of the spec, or None if the network does not fit.
    """

    fits: bool
    chip: str
    convention: str
    settings: Convention | None
    diagnostics: tuple[Diagnostic, ...]
    layers: tuple[LayerRow, ...]
    cores: tuple[CoreRow, ...]
    digest: str | None
