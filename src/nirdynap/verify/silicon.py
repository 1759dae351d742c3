"""The last rung: the spikes that a chip itself has fired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nirdynap.errors import BAD_CHIP_RECORDINGS, Diagnostic, InputError, raise_errors
from nirdynap.ir.chip_recordings import ChipRecordings
from nirdynap.ir.events import Events, whole_counts
from nirdynap.ir.result import output_counts
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import IntArray, Shape, decide
from nirdynap.verify.rungs import LayerTrace, Trace


def silicon_trace(spec: Spec, recorded: ChipRecordings) -> Trace:
    """The chip's spikes, and its decisions where all of an output's layers were listened to.

    Raises:
        InputError: ND705 for a layer that is none, or that has other neurons than were recorded.
    """
    found: dict[str, IntArray] = {}
    findings: list[Diagnostic] = []
    for name, spikes in recorded.spikes.items():
        place = "$.recorded" if name is None else f"$.recorded.{name}"
        try:
            cores = spec.find_cores(spec.core(spec.inputs[0].core).name if name is None else name)
        except KeyError as error:
            findings.append(BAD_CHIP_RECORDINGS.at(place, value=str(error.args[0])))
            continue
        counts, problems = _counts(spikes, _shape_of(cores), len(recorded.samples), place)
        findings += problems
        if counts is not None:
            found[cores[0].name] = counts
    if not findings and not found:
        findings.append(BAD_CHIP_RECORDINGS.at("$.recorded", value="no layer was recorded"))
    raise_errors(findings, InputError)
    layers = {cores[0].name: found[cores[0].name] for cores in spec.layers if cores[0].name in found}
    return Trace(
        name="silicon",
        layers={name: LayerTrace(counts=counts, raster=None) for name, counts in layers.items()},
        decisions=_decisions(spec, layers),
    )


def _shape_of(cores: tuple[CoreSpec, ...]) -> Shape:
    return (sum(core.neuron_shape[0] for core in cores), *cores[0].neuron_shape[1:])


def _counts(
    spikes: IntArray | Sequence[Events], shape: Shape, samples: int, place: str
) -> tuple[IntArray | None, tuple[Diagnostic, ...]]:
    """Counts int64 [sample, c, y, x] of a layer, or what keeps them from being that."""
    try:
        if isinstance(spikes, Sequence):
            for events in spikes:
                events.check_inside(shape)
            counts = np.zeros((len(spikes), *shape), dtype=np.int64)
            for sample, events in zip(counts, spikes, strict=True):
                np.add.at(sample, (events.c, events.y, events.x), 1)
        else:
            counts = whole_counts(spikes)
    except InputError as error:
        return None, tuple(BAD_CHIP_RECORDINGS.at(place, value=d.found) for d in error.diagnostics)
    if counts.shape != (samples, *shape):
        value = f"spikes have shape {counts.shape}, and {samples} samples of this layer are {(samples, *shape)}"
        return None, (BAD_CHIP_RECORDINGS.at(place, value=value),)
    return counts, ()


def _decisions(spec: Spec, layers: Mapping[str, IntArray]) -> dict[str, IntArray]:
    by_core = dict(_by_core(spec, layers))
    known = [name for name in spec.output_names if all(port.core in by_core for port in spec.ports(name))]
    totals = {name: output_counts(spec, by_core, name) for name in known}
    return {name: decide(counts.reshape(len(counts), -1)) for name, counts in totals.items()}


def _by_core(spec: Spec, layers: Mapping[str, IntArray]) -> Iterator[tuple[int, IntArray]]:
    for cores in spec.layers:
        for core in cores if cores[0].name in layers else ():
            end = core.first_channel + core.neuron_shape[0]
            yield core.core, layers[core.name][:, core.first_channel : end]
