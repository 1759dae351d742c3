"""The corridor: from a NIR graph to the spec of a chip, one step after the other. Read this file first.

Each step takes one frozen thing and hands out the next; what a step finds wrong is collected and raised together.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nirdynap.chips.chip import Chip, load_chip
from nirdynap.errors import BAD_OPTION, CompileError, Diagnostic, errors_of, raise_errors
from nirdynap.frontend import read
from nirdynap.ir.convention import AUTO, Convention
from nirdynap.ir.layers import Layer
from nirdynap.ir.network import Network
from nirdynap.ir.report import CoreRow, LayerRow, Report
from nirdynap.ir.spec import Spec
from nirdynap.lower.assemble import assemble
from nirdynap.lower.camera import DvsOptions, behind_camera, camera_findings
from nirdynap.lower.discretize import discretize
from nirdynap.lower.group import group
from nirdynap.lower.place import place, placement_findings
from nirdynap.lower.rules import candidates, memory_of_layer, rule_findings
from nirdynap.lower.timing import timing_findings
from nirdynap.passes import approximate_leak, normalise

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from nirdynap.frontend.nir_reader import ReadOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    layers: tuple[Layer, ...]
    findings: tuple[Diagnostic, ...]
    spec: Spec | None


def nir_to_dynapcnn(
    source: str | os.PathLike[str] | Any,
    chip: str | Path | Chip = "speck2f",
    *,
    convention: str | Convention = AUTO,
    bias_bits: int = 8,
    dvs: bool | DvsOptions = False,
    **reading: Unpack[ReadOptions],
) -> Spec:
    """Lower a NIR graph to the integers and cores of a chip.

    Args:
        source: path of a `.nir` file, or a `nir.NIRGraph`.
        chip: name of a chip or sinabs device, or path of a chip file.
        convention: what the file leaves open, by name; see `nirdynap.read`.
        bias_bits: 8 includes biases in the scale (as sinabs), 16 uses the whole bias word of the chip.
        dvs: the chip's event camera feeds the network through its DVS layer, which takes over pools right behind the
            input; True, or options. The spec's input is then the whole camera.
        **reading: overrides of the convention, see `nirdynap.read`.

    Returns:
        The spec, the only input of simulators and exporters. Approximations are in `spec.notes`.

    Raises:
        CompileError: everything that stands against it, at once.

    Example:
        >>> from nirdynap.shipped import shipped
        >>> spec = nir_to_dynapcnn(shipped("digits", "digits.nir"), "speck2f")
        >>> spec.chip, spec.input_shape
        ('speck2f', (1, 8, 8))
    """
    outcome = _corridor(read(source, convention, **reading), load_chip(chip), bias_bits, dvs)
    raise_errors(outcome.findings)
    assert outcome.spec is not None
    return outcome.spec


def _corridor(network: Network, chip: Chip, bias_bits: int, dvs: bool | DvsOptions) -> _Outcome:
    """From what `read` made of a foreign graph: frozen, with shapes."""
    if bias_bits not in (8, 16):
        raise CompileError([BAD_OPTION.at("$.bias_bits", parameter="bias_bits", value=bias_bits, limit="8 or 16")])
    network = approximate_leak(network)  # refused, unless the caller asks for another network
    network, camera = behind_camera(network, chip, dvs)  # what the DVS layer does is taken out of the network
    network = normalise(network)  # -> convolutions, neurons, sum pools; the same spikes
    layers = group(network)  # -> one core's work each
    findings = [
        *network.notes,
        *timing_findings(network),
        *rule_findings(layers, chip),  # every limit of the chip
        *camera_findings(layers, camera, chip),
        *placement_findings(layers, chip),  # every layer has a core of its own
    ]
    integers, rounding = discretize(layers, bias_bits=bias_bits, spikes_per_step=network.convention.spikes_per_step)
    findings += rounding
    if errors_of(findings):
        return _Outcome(layers=layers, findings=tuple(findings), spec=None)
    placement = place(integers, chip)
    spec = assemble(network, integers, placement, chip, notes=tuple(findings), dvs=camera)
    return _Outcome(layers=layers, findings=tuple(findings), spec=spec)


def check(
    source: str | os.PathLike[str] | Any,
    chip: str | Path | Chip = "speck2f",
    *,
    convention: str | Convention = AUTO,
    bias_bits: int = 8,
    dvs: bool | DvsOptions = False,
    **reading: Unpack[ReadOptions],
) -> Report:
    """Does it fit? Every finding, the memory of each layer and the map of the cores, without raising.

    Args: as `nir_to_dynapcnn`.

    Example:
        >>> from nirdynap.shipped import shipped
        >>> check(shipped("digits", "digits.nir")).fits
        True
    """
    cores: tuple[CoreRow, ...] = ()
    settings: Convention | None = None
    try:
        chip = load_chip(chip)
        cores = tuple(CoreRow(core=i, capacity=c, layer=None) for i, c in enumerate(chip.cores))
        network = read(source, convention, **reading)
        settings = network.convention
        outcome = _corridor(network, chip, bias_bits, dvs)
    except CompileError as error:
        outcome = _Outcome(layers=(), findings=error.diagnostics, spec=None)
    held = {} if outcome.spec is None else {c.name: c.core for c in outcome.spec.cores}
    names = {core: name for name, core in held.items()}
    used = settings or convention
    return Report(
        fits=outcome.spec is not None,
        chip=chip.name if isinstance(chip, Chip) else str(chip),
        convention=used.name if isinstance(used, Convention) else str(used),
        settings=settings,
        diagnostics=CompileError(outcome.findings).diagnostics,
        layers=tuple(_row(layer, chip, held.get(layer.name)) for layer in outcome.layers if isinstance(chip, Chip)),
        cores=tuple(CoreRow(core=c.core, capacity=c.capacity, layer=names.get(c.core)) for c in cores),
        digest=None if outcome.spec is None else outcome.spec.digest(),
    )


def _row(layer: Layer, chip: Chip, core: int | None) -> LayerRow:
    need = memory_of_layer(layer)
    return LayerRow(
        name=layer.name,
        origin=layer.origin,
        input_shape=layer.input_shape,
        neuron_shape=layer.neuron_shape,
        memory=need,
        candidates=candidates(need, chip),
        core=core,
    )
