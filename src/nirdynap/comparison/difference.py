"""`nirdynap.diff`: two networks, each a NIR graph or a spec, compared at every level that both have."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nirdynap.comparison.behaviour import Behaviour, behaviour_of
from nirdynap.comparison.findings import Comparison, Setting, compared
from nirdynap.comparison.graph import graph_of_file, graph_of_network, graph_of_spec
from nirdynap.comparison.text import as_text
from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import NOTHING_TO_LOWER, CompileError, Diagnostic, InputError, errors_of, raise_errors
from nirdynap.frontend import read
from nirdynap.frontend.nested import unfold
from nirdynap.frontend.nir_reader import ReadOptions
from nirdynap.frontend.raw import RawGraph, raw_from_graph
from nirdynap.frontend.safe_hdf5 import read_hdf5
from nirdynap.ir.convention import AUTO
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import DEFAULT_DT_US
from nirdynap.sim.protocol import Recording
from nirdynap.store import load


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Diff:
    """Answer of `nirdynap.diff`; `str` of it is all there is to see.

    Attributes:
        a, b: what was compared: path, or type of what was given.
        networks: the float networks side by side, where both are NIR graphs (where one of them cannot be read, nodes
            and fields as they were found); else None.
        specs: the integers on the chip side by side; None where one of two graphs does not fit the chip.
        behaviour: both specs on the recording, if one was given.
        refused: why there is no spec, of whichever of two graphs has none.
    """

    a: str
    b: str
    networks: Comparison | None
    specs: Comparison | None
    behaviour: Behaviour | None
    refused: tuple[Diagnostic, ...] = ()

    @property
    def same(self) -> bool:
        """Is there no difference on any level that was compared, of names either?"""
        levels = (self.networks, self.specs, self.behaviour)
        return all(level is None or level.same for level in levels)

    def __str__(self) -> str:
        return as_text(self)

    def __repr__(self) -> str:
        return f"<Diff: {as_text(self).splitlines()[0]}>"


def diff(
    a: str | os.PathLike[str] | Spec | Any,
    b: str | os.PathLike[str] | Spec | Any,
    recording: Recording | None = None,
    *,
    dt_us: int = DEFAULT_DT_US,
    duration_us: int | None = None,
    **lowering: Any,
) -> Diff:
    """What differs between two networks: nodes and wires, parameters, integers and placement, spikes.

    Nodes are found again under other names where place, shapes or parameters tell which they are. The order in which a
    file lists its nodes makes no difference.

    Args:
        a, b: each the path of a `.nir` file or of a spec, a `nir.NIRGraph`, or a Spec.
        recording: run both on it, in time steps; see `nirdynap.simulate`.
        dt_us: length of a time step in microseconds.
        duration_us: length of event recordings in microseconds; default: up to each one's last event.
        **lowering: how graphs become specs, as in `nirdynap.nir_to_dynapcnn`. Default: of two graphs as there; of a
            graph beside a spec the spec's chip, convention, spikes per step, decimators, clock and readout, and a
            camera if it has one.

    Returns:
        Two graphs are compared as read, or as found if one is refused; and as specs if both fit the chip. Anything
        else is compared as specs.

    Raises:
        CompileError: a file is no NIR graph; or a graph has to be a spec, because the other side is one or because of
            a recording, and cannot be one.
        StoreError: a file that holds no spec.
        InputError: ND5xx for the recording; ND780 for options of lowering where nothing is lowered.

    Example:
        >>> from nirdynap.shipped import shipped
        >>> digits = shipped("digits", "digits.nir")
        >>> print(diff(nir_to_dynapcnn(digits), nir_to_dynapcnn(digits, placement={"conv1": 1})))
        Spec and Spec differ in integers and placement
        <BLANKLINE>
        chip: settings
        where  what  a  b
        conv1  core  0  1
        conv2  core  1  0
    """
    sides = (_opened(a), _opened(b))
    graphs = not any(isinstance(side, Spec) for side in sides)
    if all(isinstance(side, Spec) for side in sides) and lowering:
        raise InputError([NOTHING_TO_LOWER.at("$", value=", ".join(lowering))])
    first, second = (_lowered(side, _options(sides, lowering)) for side in sides)
    refused = tuple(dict.fromkeys((*first.refused, *second.refused)))
    if recording is not None or not graphs:
        raise_errors(refused)
    specs, behaviour = None, None
    if first.spec is not None and second.spec is not None:
        specs = _compared_specs(first.spec, second.spec)
        if recording is not None:
            behaviour = behaviour_of(first.spec, second.spec, recording, dt_us=dt_us, duration_us=duration_us)
    networks = _compared_graphs(*sides, lowering) if graphs else None
    return Diff(a=_title(a), b=_title(b), networks=networks, specs=specs, behaviour=behaviour, refused=refused)


def _opened(source: Any) -> Any:
    """A Spec, or something that `read` takes."""
    is_path = isinstance(source, (str, os.PathLike))
    return load(source) if is_path and Path(source).suffix.lower() != ".nir" else source


def _title(source: Any) -> str:
    return str(source) if isinstance(source, (str, os.PathLike)) else type(source).__name__


class _Lowered(NamedTuple):
    spec: Spec | None
    refused: tuple[Diagnostic, ...]


def _lowered(side: Any, options: dict[str, Any]) -> _Lowered:
    if isinstance(side, Spec):
        return _Lowered(side, ())
    try:
        return _Lowered(nir_to_dynapcnn(side, **options), ())
    except CompileError as error:
        return _Lowered(None, errors_of(error.diagnostics))


def _options(sides: tuple[Any, Any], lowering: dict[str, Any]) -> dict[str, Any]:
    """How a graph is lowered: beside a spec as that was."""
    specs = [side for side in sides if isinstance(side, Spec)]
    return {**_as_in(specs[0]), **lowering} if specs else lowering


def _as_in(spec: Spec) -> dict[str, Any]:
    """How a graph is lowered, for a comparison with `spec`; of a camera only that there is one."""
    return {
        "chip": spec.chip,
        "convention": spec.convention,
        "spikes_per_step": spec.spikes_per_step,
        "dvs": spec.dvs is not None,
        "decimator": {cores[0].name: cores[0].decimator for cores in spec.layers if cores[0].decimator > 1},
        "slow_clock": spec.slow_clock,
        "readout": spec.readout or False,
    }


def _compared_graphs(a: Any, b: Any, lowering: dict[str, Any]) -> Comparison:
    """As read; as the files have them, where one of them cannot be read."""
    options = {name: value for name, value in lowering.items() if name in ReadOptions.__annotations__}
    convention = lowering.get("convention", AUTO)
    try:
        return compared(*(graph_of_network(read(side, convention, **options)) for side in (a, b)))
    except CompileError:
        return compared(*(graph_of_file(unfold(_raw(side))) for side in (a, b)))


def _raw(side: Any) -> RawGraph:
    return read_hdf5(Path(side)) if isinstance(side, (str, os.PathLike)) else raw_from_graph(side)


def _compared_specs(a: Spec, b: Spec) -> Comparison:
    found = compared(graph_of_spec(a), graph_of_spec(b))
    if found.differs_beyond_names or a.digest() == b.digest():
        return found
    # The order of cores and of slots: it decides in which order a chip's spikes go on, and nothing else does.
    order = Setting(name="order of cores, inputs or destinations", a=a.digest()[:12], b=b.digest()[:12])
    return dataclasses.replace(found, settings=(order,))
