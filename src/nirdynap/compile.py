"""The corridor: from a NIR graph to the spec of a chip, one step after the other. Read this file first.

Each step takes one frozen thing and hands out the next; what a step finds wrong is collected and raised together.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nirdynap.calibrate.network import calibrated
from nirdynap.calibrate.options import Calibrate, option_findings
from nirdynap.calibrate.recordings import read_samples
from nirdynap.chips.chip import Chip, load_chip
from nirdynap.errors import BAD_OPTION, CompileError, Diagnostic, InputError, errors_of, in_words, raise_errors
from nirdynap.frontend import read
from nirdynap.ir.clock import SlowClock
from nirdynap.ir.convention import AUTO, Convention
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.layers import AnyLayer, Layer
from nirdynap.ir.network import Network
from nirdynap.ir.readout import ReadoutOptions
from nirdynap.ir.report import CoreRow, LayerRow, Report
from nirdynap.ir.result import Result
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import is_positive
from nirdynap.lower.assemble import assemble
from nirdynap.lower.camera import DvsOptions, behind_camera, camera_findings, camera_shape
from nirdynap.lower.clock import clock_findings
from nirdynap.lower.decimate import EVERY_SPIKE, Decimator, decimated, split_findings
from nirdynap.lower.group import group
from nirdynap.lower.integers import Choice
from nirdynap.lower.integers import discretize as in_integers
from nirdynap.lower.place import loads_of, place
from nirdynap.lower.readout import spread
from nirdynap.lower.rules import candidates, memory_of_layer, rule_findings
from nirdynap.lower.scale_search import threshold_aware
from nirdynap.lower.split import cut
from nirdynap.lower.thin import thin
from nirdynap.lower.timing import timing_findings
from nirdynap.lower.trim import trim as trim_channels
from nirdynap.lower.unplaceable import plan_or_findings
from nirdynap.lower.validate import validate
from nirdynap.lower.wishes import ANYWHERE, Pins, Split, wishes_of
from nirdynap.passes import approximate_leak, normalise

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from nirdynap.frontend.nir_reader import ReadOptions


Discretize: TypeAlias = Literal["max-abs", "threshold-aware"] | Calibrate


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arranging:
    """What the caller says of integers and cores, as in `nir_to_dynapcnn`."""

    bias_bits: int
    discretize: Discretize
    split: Split
    placement: Pins
    avoid: Collection[int]
    activity: Result | None
    trim: bool
    dvs: bool | DvsOptions
    decimator: Decimator
    slow_clock: SlowClock | None
    readout: bool | ReadoutOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    layers: tuple[AnyLayer, ...]
    findings: tuple[Diagnostic, ...]
    spec: Spec | None


def nir_to_dynapcnn(
    source: str | os.PathLike[str] | Any,
    chip: str | Path | Chip = "speck2f",
    *,
    convention: str | Convention = AUTO,
    bias_bits: int = 8,
    discretize: Discretize = "max-abs",
    split: Split = "auto",
    placement: Pins = ANYWHERE,
    avoid: Collection[int] = (),
    activity: Result | None = None,
    trim: bool = False,
    dvs: bool | DvsOptions = False,
    decimator: Decimator = EVERY_SPIKE,
    slow_clock: SlowClock | None = None,
    readout: bool | ReadoutOptions = False,
    **reading: Unpack[ReadOptions],
) -> Spec:
    """Lower a NIR graph to the integers and cores of a chip.

    Args:
        source: path of a `.nir` file, or a `nir.NIRGraph`.
        chip: name of a chip or sinabs device, or path of a chip file.
        convention: what the file leaves open, by name; see `nirdynap.read`.
        bias_bits: 8 includes biases in the scale (as sinabs), 16 uses the whole bias word of the chip; a rule other
            than "max-abs" always does.
        discretize: the rule for integers: "max-abs" (as sinabs), or "threshold-aware", which looks for the scale whose
            integers are nearest to the floats, threshold included (docs/integers.md); or `nirdynap.Calibrate`, which
            chooses them by what neurons do on recordings (docs/calibrate.md).
        split: layers too large for a core are split by output channels over several ("auto") or refused ("never");
            or the number of parts by node name, all other layers staying whole. No output changes (docs/placement.md).
        placement: core by node name; of a layer that is split the core of each part, lower channels first.
        avoid: cores that stay unused.
        activity: a run of this network; cores are then chosen for the lowest peak load.
        trim: leave out channels of hidden layers that never fire or feed zero weights only, and neurons that no stride
            reads; the outputs stay the same.
        dvs: the chip's event camera feeds the network through its DVS layer, which takes over pools right behind the
            input; True, or options. The spec's input is then the whole camera.
        decimator: N by node name: of the spikes of its layer, which has to fit one core, each Nth passes on.
        slow_clock: when the chip adds biases: `ExternalClock(hz=...)` of the board, or `InternalClock(divider=...)`, a
            tick for 2**divider events of its camera. Event runs and exports take it, unless they are told otherwise.
        readout: the chip's readout block counts the spikes of an output, which changes none of them; True, or options.
            `nirdynap.Result.readout` says what it reports.
        **reading: overrides of the convention, see `nirdynap.read`.

    Returns:
        The spec, the only input of simulators and exporters. Approximations are in `spec.notes`.

    Raises:
        CompileError: everything that stands against it, at once.
        InputError: recordings to calibrate on that cannot be used.

    Example:
        >>> from nirdynap.shipped import shipped
        >>> spec = nir_to_dynapcnn(shipped("digits", "digits.nir"), "speck2f")
        >>> spec.chip, spec.input_shape
        ('speck2f', (1, 8, 8))
    """
    _check_names("nir_to_dynapcnn", reading)
    arranging = _Arranging(
        bias_bits=bias_bits,
        discretize=discretize,
        split=split,
        placement=placement,
        avoid=avoid,
        activity=activity,
        trim=trim,
        dvs=dvs,
        decimator=decimator,
        slow_clock=slow_clock,
        readout=readout,
    )
    outcome = _corridor(read(source, convention, **reading), load_chip(chip), arranging)
    raise_errors(outcome.findings)
    assert outcome.spec is not None
    return outcome.spec


def _corridor(network: Network, chip: Chip, arranging: _Arranging) -> _Outcome:
    """From what `read` made of a foreign graph: frozen, with shapes."""
    raise_errors(_option_findings(arranging))
    network = approximate_leak(network)  # refused, unless the caller asks for another network
    network, camera = behind_camera(network, chip, arranging.dvs)  # what the DVS layer does is taken out of the network
    network = normalise(network)  # -> convolutions, neurons, sum pools; the same spikes
    floats = group(network)  # -> one core's work each
    floats, undone = decimated(floats, chip, arranging.decimator)
    floats, readout, unread = spread(floats, arranging.readout, chip)  # room for the features between its channels
    findings = [*network.notes, *timing_findings(network), *undone, *unread]
    choices, untried = _choices(floats, network, chip, camera, arranging)
    findings += untried
    integers, rounding = in_integers(
        floats,
        bias_bits=arranging.bias_bits,
        spikes_per_step=network.convention.spikes_per_step,
        choices=choices,
    )
    layers: tuple[AnyLayer, ...] = floats
    if arranging.trim and not errors_of(rounding):
        integers, left_out = trim_channels(integers, network.input.input_shape[0])
        integers, unread = thin(integers, chip.limits.strides)
        layers, rounding = integers, (*rounding, *left_out, *unread)
    findings += rule_findings(layers, chip)  # every limit of the chip
    wishes, unclear = wishes_of(layers, chip, arranging.split, arranging.placement, arranging.avoid)
    plan, misfits = plan_or_findings(layers, chip, wishes)  # how many cores each layer takes
    findings += (*camera_findings(layers, plan, camera, chip), *unclear, *misfits, *rounding)
    findings += (*split_findings(layers, plan), *clock_findings(arranging.slow_clock, camera, chip))
    if plan is None or errors_of(findings):
        return _Outcome(layers=layers, findings=tuple(findings), spec=None)
    pieces = cut(integers, plan, chip.limits.destinations)  # parts, copies and relays: one core's work each
    loads = None if arranging.activity is None else loads_of(pieces, arranging.activity)
    spec = assemble(
        network,
        pieces,
        place(pieces, chip, wishes, loads),
        chip,
        notes=tuple(findings),
        dvs=camera,
        slow_clock=arranging.slow_clock,
        readout=readout,
    )
    assert not errors_of(validate(spec, chip)), "what is made here obeys every rule"
    return _Outcome(layers=layers, findings=spec.notes, spec=spec)


def _choices(
    floats: tuple[Layer, ...], network: Network, chip: Chip, camera: DvsLayer | None, arranging: _Arranging
) -> tuple[tuple[Choice | None, ...] | None, tuple[Diagnostic, ...]]:
    """What the rule chooses for each layer, None for "max-abs"; and notes of what it could not do."""
    rule = arranging.discretize
    if rule == "max-abs":
        return None, ()
    aware = threshold_aware(floats, arranging.bias_bits)
    refused = (*rule_findings(floats, chip), *clock_findings(arranging.slow_clock, camera, chip))
    if not isinstance(rule, Calibrate) or errors_of(refused):  # whatever the integers are: no need to search for them
        return aware, ()
    shape = network.input.input_shape if camera is None else camera_shape(chip)
    return calibrated(
        floats,
        read_samples(rule, shape, camera, arranging.slow_clock),
        aware,
        bias_bits=arranging.bias_bits,
        spikes_per_step=network.convention.spikes_per_step,
        options=rule,
    )


def _option_findings(arranging: _Arranging) -> Iterator[Diagnostic]:
    """ND126 for what no later step looks at; 1 is not True here."""
    bias_bits: object = arranging.bias_bits
    trim: object = arranging.trim
    rule: object = arranging.discretize
    if isinstance(rule, Calibrate):
        yield from option_findings(rule)
    elif rule not in ("max-abs", "threshold-aware"):
        value, limit = in_words(rule), "max-abs, threshold-aware, or Calibrate(recordings)"
        yield BAD_OPTION.at("$.discretize", parameter="discretize", value=value, limit=limit)
    if bias_bits not in (8, 16) or not is_positive(bias_bits):
        yield BAD_OPTION.at("$.bias_bits", parameter="bias_bits", value=in_words(bias_bits), limit="8 or 16")
    if not isinstance(trim, bool):
        yield BAD_OPTION.at("$.trim", parameter="trim", value=str(trim), limit="True or False")


def _check_names(function: str, reading: Mapping[str, object]) -> None:
    """TypeError, as Python words it, for a keyword that neither `function` nor `read` knows."""
    if unknown := [name for name in reading if name not in (read.__kwdefaults__ or {})]:
        raise TypeError(f"{function}() got an unexpected keyword argument {unknown[0]!r}")


def check(
    source: str | os.PathLike[str] | Any,
    chip: str | Path | Chip = "speck2f",
    *,
    convention: str | Convention = AUTO,
    bias_bits: int = 8,
    discretize: Discretize = "max-abs",
    split: Split = "auto",
    placement: Pins = ANYWHERE,
    avoid: Collection[int] = (),
    activity: Result | None = None,
    trim: bool = False,
    dvs: bool | DvsOptions = False,
    decimator: Decimator = EVERY_SPIKE,
    slow_clock: SlowClock | None = None,
    readout: bool | ReadoutOptions = False,
    **reading: Unpack[ReadOptions],
) -> Report:
    """Does it fit? Every finding, the memory of each layer and the map of the cores, without raising.

    Args: as `nir_to_dynapcnn`.

    Example:
        >>> from nirdynap.shipped import shipped
        >>> check(shipped("digits", "digits.nir")).fits
        True
    """
    _check_names("check", reading)
    cores: tuple[CoreRow, ...] = ()
    settings: Convention | None = None
    try:
        chip = load_chip(chip)
        cores = tuple(CoreRow(core=i, capacity=c, layer=None) for i, c in enumerate(chip.cores))
        network = read(source, convention, **reading)
        settings = network.convention
        arranging = _Arranging(
            bias_bits=bias_bits,
            discretize=discretize,
            split=split,
            placement=placement,
            avoid=avoid,
            activity=activity,
            trim=trim,
            dvs=dvs,
            decimator=decimator,
            slow_clock=slow_clock,
            readout=readout,
        )
        outcome = _corridor(network, chip, arranging)
    except (CompileError, InputError) as error:
        outcome = _Outcome(layers=(), findings=error.diagnostics, spec=None)
    rows: tuple[AnyLayer | CoreSpec, ...] = outcome.layers if outcome.spec is None else outcome.spec.cores
    names = {} if outcome.spec is None else {core.core: core.name for core in outcome.spec.cores}
    used = settings or convention
    return Report(
        fits=outcome.spec is not None,
        chip=chip.name if isinstance(chip, Chip) else str(chip),
        convention=used.name if isinstance(used, Convention) else str(used),
        settings=settings,
        diagnostics=CompileError(outcome.findings).diagnostics,
        layers=tuple(_row(row, chip) for row in rows if isinstance(chip, Chip)),
        cores=tuple(CoreRow(core=c.core, capacity=c.capacity, layer=names.get(c.core)) for c in cores),
        digest=None if outcome.spec is None else outcome.spec.digest(),
    )


def _row(layer: AnyLayer | CoreSpec, chip: Chip) -> LayerRow:
    need = memory_of_layer(layer)
    return LayerRow(
        name=layer.name,
        origin=layer.origin,
        input_shape=layer.input_shape,
        neuron_shape=layer.neuron_shape,
        memory=need,
        candidates=candidates(need, chip),
        core=layer.core if isinstance(layer, CoreSpec) else None,
    )
