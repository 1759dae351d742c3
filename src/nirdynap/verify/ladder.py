"""The ladder: one input on every rung from the framework's model down to the chip."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nirdynap.chips.chip import Chip, load_chip
from nirdynap.compile import Discretize, nir_to_dynapcnn
from nirdynap.errors import BAD_RUN_OPTION, Diagnostic, InputError, raise_errors
from nirdynap.frontend import read
from nirdynap.ir.arguments import checked_path, label_findings
from nirdynap.ir.chip_recordings import ChipRecordings
from nirdynap.ir.clock import SlowClock
from nirdynap.ir.convention import AUTO, Convention
from nirdynap.ir.digest import frozen
from nirdynap.ir.layers import Layer
from nirdynap.ir.network import Network
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import DEFAULT_DT_US, IntArray
from nirdynap.lower.camera import DvsOptions, behind_camera, in_front
from nirdynap.lower.decimate import EVERY_SPIKE, Decimator
from nirdynap.lower.group import group
from nirdynap.lower.wishes import ANYWHERE, Pins, Split
from nirdynap.passes import approximate_leak, normalise
from nirdynap.sim.asynchronous import Emission, Order, event_findings
from nirdynap.sim.protocol import Progress, Recording
from nirdynap.sim.stimulus import Stimulus, read_recording
from nirdynap.store.chip_recordings import read_chip_recordings
from nirdynap.verify.climb import Ladder, Seeing
from nirdynap.verify.framework import Outputs, given_outputs
from nirdynap.verify.layers import compute_the_same, network_of_layers
from nirdynap.verify.rungs import Trace
from nirdynap.verify.silicon import silicon_trace
from nirdynap.verify.verification import Verification

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from nirdynap.frontend.nir_reader import ReadOptions


def verify(
    source: str | os.PathLike[str] | Any,
    chip: str | Path | Chip,
    input: Recording,  # noqa: A002
    *,
    convention: str | Convention = AUTO,
    bias_bits: int = 8,
    discretize: Discretize = "max-abs",
    split: Split = "auto",
    placement: Pins = ANYWHERE,
    avoid: Collection[int] = (),
    dvs: bool | DvsOptions = False,
    order: Order = "depth",
    emission: Emission = "raster",
    decimator: Decimator = EVERY_SPIKE,
    slow_clock: SlowClock | None = None,
    bias_clock_us: int | None = None,
    dt_us: int = DEFAULT_DT_US,
    duration_us: int | None = None,
    labels: npt.ArrayLike | None = None,
    framework: Any = None,
    recorded: ChipRecordings | str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    **reading: Unpack[ReadOptions],
) -> Verification:
    """Run the same input on every rung between the model and the chip, and say where the numbers first differ.

    The rungs are "framework" (what it gave itself, if that is handed over), "float", "leakless" (if the caller has a
    leak approximated: `leak=`), "normalised", "lowered", "clocked", "single", "event", "chip", and "silicon" (if a
    chip's own spikes are handed over): see docs/why-the-numbers-differ.md.

    Args:
        source: path of a `.nir` file, or a `nir.NIRGraph`.
        chip: name of a chip or sinabs device, or path of a chip file.
        input: one Events, a sequence of them (a batch), or non-negative counts [time, channel, y, x] or
            [time, batch, channel, y, x]. All samples run as long as the longest, in whole time steps. With `dvs` they
            are the camera's, and every rung sees what the DVS layer makes of them.
        convention, bias_bits, discretize, split, placement, avoid, dvs, decimator, slow_clock, **reading: as in
            `nirdynap.nir_to_dynapcnn`.
        order, emission: of the event run, as in `nirdynap.simulate`.
        bias_clock_us: period of the chip's bias clock in microseconds, on the rung "chip"; default `slow_clock`, or
            `dt_us`, one tick for each step, as on the rung "event".
        dt_us: length of a time step in microseconds.
        duration_us: length of event recordings in microseconds; default: up to the last event of all.
        labels: whole numbers [sample], the right output of each, for a network with one Output.
        framework: what the framework gave for this input: an array for the one Output, or arrays by IF or Output node,
            [sample, ...] summed over the run or [time, sample, ...]; or the live model, as `nirdynap.to_nir` takes it.
        recorded: recordings that were played to a chip, with its spikes, or the path of a file of them
            (`nirdynap.store.chip_recordings`). All rungs run on these, too, in a ladder of their own:
            `Verification.recorded`.
        progress: called with (runs done, runs in all): each sample is run on each of the rungs.

    Returns:
        Spikes, decisions and accuracy of each rung, and each rung compared with the one before it. `print` shows it.

    Raises:
        CompileError: the network does not fit.
        InputError: every ND5xx finding about input and options; ND705 or ND706 for chip recordings or framework
            outputs that do not fit.

    Example:
        The first of the shipped test digits:

        >>> import nirdynap, numpy as np
        >>> from nirdynap.shipped import shipped
        >>> test = np.load(shipped("digits", "digits_test.npz"))
        >>> events = nirdynap.Events(**{name: test[name][: test["start"][1]] for name in ("t", "c", "y", "x")})
        >>> checked = nirdynap.verify(shipped("digits", "digits.nir"), "speck2f", events, labels=test["label"][:1])
        >>> checked.accuracy
        {'float': 1.0, 'normalised': 1.0, 'lowered': 1.0, 'clocked': 1.0, 'single': 1.0, 'event': 1.0, 'chip': 1.0}
        >>> checked.comparisons[0].first_difference is None  # what was folded has the spikes of the float network
        True
    """
    spec = nir_to_dynapcnn(
        source,
        chip,
        convention=convention,
        bias_bits=bias_bits,
        discretize=discretize,
        split=split,
        placement=placement,
        avoid=avoid,
        decimator=decimator,
        slow_clock=slow_clock,
        dvs=dvs,
        **reading,
    )
    stimuli, truth = _checked(spec, input, labels, order, emission, bias_clock_us, dt_us, duration_us)
    layers, networks = _float_rungs(read(source, convention, **reading), load_chip(chip), dvs)
    ladder = Ladder(
        spec=spec,
        layers=layers,
        networks=networks,
        framework=framework,
        silicon=None,
        order=order,
        emission=emission,
        bias_clock_us=dt_us if bias_clock_us is None and slow_clock is None else bias_clock_us,
        dt_us=dt_us,
        steps=_longest(stimuli),
    )
    if _is_arrays(framework):
        given = given_outputs(framework, networks[0].network, len(stimuli), ladder.steps)
        ladder = dataclasses.replace(ladder, framework=given)
    if recorded is None:
        return ladder.climbed(stimuli, truth, progress)
    played, chips = _played(spec, recorded, dt_us)
    second = dataclasses.replace(ladder, silicon=chips, steps=_longest(played))
    if isinstance(ladder.framework, Outputs):
        second = dataclasses.replace(second, framework=None)  # its arrays are of the input alone
    runs = len(stimuli) * ladder.height, len(played) * second.height
    outcome = ladder.climbed(stimuli, truth, _share(progress, 0, sum(runs)))
    silicon = second.climbed(played, None, _share(progress, runs[0], sum(runs)))
    return dataclasses.replace(outcome, recorded=silicon)


def _share(progress: Progress | None, before: int, total: int) -> Progress | None:
    """A part of the runs tells what is done of all."""
    return None if progress is None else lambda done, _: progress(before + done, total)


def _longest(stimuli: tuple[Stimulus, ...]) -> int:
    return max(1, *(s.steps for s in stimuli))


def _float_rungs(network: Network, chip: Chip, dvs: bool | DvsOptions) -> tuple[tuple[Layer, ...], tuple[Seeing, ...]]:
    """What the network is grouped into, and the networks of the float rungs."""
    leakless = approximate_leak(network)
    behind, camera = behind_camera(leakless, chip, dvs)
    normalised = normalise(behind)
    layers = group(normalised)
    above = [Seeing(name="float", network=network, dvs=in_front(network, dvs))]
    if leakless is not network:
        above.append(Seeing(name="leakless", network=leakless, dvs=in_front(leakless, dvs)))
    above.append(Seeing(name="normalised", network=normalised, dvs=camera))
    lowered = network_of_layers(layers, normalised)
    same = compute_the_same(lowered, normalised)
    return layers, (*above, Seeing(name="lowered", network=lowered, dvs=camera, repeats=same))


def _is_arrays(framework: object) -> bool:
    """Is it what a framework gave, rather than a live model of it?"""
    return isinstance(framework, (Mapping, list, tuple)) or hasattr(framework, "__array__")


def _played(
    spec: Spec, recorded: ChipRecordings | str | os.PathLike[str], dt_us: int
) -> tuple[tuple[Stimulus, ...], Trace]:
    """What was played to a chip, and what came back."""
    if not isinstance(recorded, ChipRecordings):
        recorded = read_chip_recordings(checked_path(recorded, "recorded"))
    stimuli = read_recording(recorded.samples, spec.input_shape, dt_us=dt_us, duration_us=None)
    return stimuli, silicon_trace(spec, recorded)


def _checked(
    spec: Spec,
    recording: Recording,
    labels: npt.ArrayLike | None,
    order: str,
    emission: str,
    bias_clock_us: int | None,
    dt_us: int,
    duration_us: int | None,
) -> tuple[tuple[Stimulus, ...], IntArray | None]:
    """The samples and their labels; all that is wrong with input and options is raised at once."""
    findings = [*event_findings(order, emission, bias_clock_us)]
    truth = None if labels is None else np.asarray(labels)
    stimuli: tuple[Stimulus, ...] = ()
    try:
        stimuli = read_recording(recording, spec.input_shape, dt_us=dt_us, duration_us=duration_us)
    except InputError as error:
        findings += error.diagnostics
    else:
        findings += _label_findings(truth, len(stimuli), spec)
    raise_errors(findings, InputError)
    return stimuli, None if truth is None else frozen(truth, np.int64)


def _label_findings(labels: npt.NDArray[Any] | None, samples: int, spec: Spec) -> Iterator[Diagnostic]:
    if labels is None:
        return
    if labels.shape != (samples,) or labels.dtype.kind not in "iu":
        found, limit = f"{labels.dtype} {labels.shape}", f"one whole number for each of {samples} samples"
        yield BAD_RUN_OPTION.at("$.labels", parameter="labels", value=found, limit=limit)
    else:
        yield from label_findings(spec, labels)
    if len(spec.output_names) > 1:
        limit = f"None for a network with {len(spec.output_names)} outputs"
        yield BAD_RUN_OPTION.at("$.labels", parameter="labels", value="given", limit=limit)
