"""One call: a spec and a recording in, a result out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nirdynap.errors import BAD_RUN_OPTION, Diagnostic, InputError
from nirdynap.ir.convention import SpikesPerStep
from nirdynap.ir.result import Result, Semantics
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import DEFAULT_DT_US
from nirdynap.lower.validate import check_coherent
from nirdynap.sim.asynchronous import Emission, EventSimulator, Order, bias_findings, event_findings
from nirdynap.sim.clocked import ClockedSimulator, clocked_findings
from nirdynap.sim.inputs import read_inputs
from nirdynap.sim.options import check_choice, check_record, check_threads
from nirdynap.sim.protocol import Progress, Record, Recording, Simulator


def simulate(
    spec: Spec,
    events_or_raster: Recording,
    semantics: Semantics = "clocked",
    *,
    order: Order = "depth",
    emission: Emission = "raster",
    record: Record = "outputs",
    saturate: bool = True,
    spikes_per_step: SpikesPerStep | None = None,
    bias_clock_us: int | None = None,
    dt_us: int = DEFAULT_DT_US,
    duration_us: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run a spec on one recording or a batch, from its initial states (docs/semantics.md).

    Args:
        spec: what to run.
        events_or_raster: one Events, a sequence of them (a batch), or non-negative counts [time, channel, y, x] or
            [time, batch, channel, y, x]. Either run takes either: events are binned at ``t // dt_us``, a raster is
            read by step, channel, y, x with ``t = step * dt_us``.
        semantics: "clocked" (time steps) or "event" (the asynchronous chip).
        order: event run: each spike's descendants first ("depth", as the chip), or core after core ("breadth").
        emission: event run: order of the spikes born of one event, by y, x, channel ("raster") or channel, y, x.
        record: "outputs", or "all" to keep the spikes of every core.
        saturate: clocked run: hold membranes in 16 bits.
        spikes_per_step: clocked run: "many" or "one" instead of what the spec says.
        bias_clock_us: event run: period of the bias clock in microseconds; default: the spec's slow clock. Biases need
            one of the two.
        dt_us: length of a time step in microseconds.
        duration_us: length of event recordings in microseconds; default: up to each one's last event.
        threads: samples of a batch that run side by side; default: as many as the machine has cores.
        progress: called with (samples done, samples in all).

    Raises:
        InputError: every ND5xx finding about options and recording; an option of the other run is one of them;
            ND513 for what is no Spec.

    Example:
        One neuron of weight 5 and threshold 10 in two steps of one and three spikes: 5, then 5 + 15 = 2 * 10.

        >>> from nirdynap.testing.build import build_core, build_spec
        >>> spec = build_spec(build_core(0, [[[[5]]]], (1, 1, 1), threshold_high=10))
        >>> simulate(spec, [[[[1]]], [[[3]]]]).raster.ravel().tolist()
        [0, 2]
        >>> simulate(spec, [[[[1]]], [[[3]]]], "event").events.t.tolist()
        [1000, 1000]
    """
    check_coherent(spec)
    findings = [
        *check_choice("semantics", semantics, ("clocked", "event")),
        *check_record(record),
        *check_threads(threads),
        *clocked_findings(saturate, spikes_per_step),
        *event_findings(order, emission, bias_clock_us),
    ]
    if semantics == "event":
        findings += [*bias_findings(spec, bias_clock_us)]
        clocked_options = {"saturate": (saturate, True), "spikes_per_step": (spikes_per_step, None)}
        findings += [*_foreign("an event run", clocked_options, findings)]
    else:
        event_options = {
            "order": (order, "depth"),
            "emission": (emission, "raster"),
            "bias_clock_us": (bias_clock_us, None),
        }
        findings += [*_foreign("a clocked run", event_options, findings)]
    if findings:
        findings += _recording_findings(spec, events_or_raster, dt_us, duration_us)
        raise InputError(findings)
    simulator: Simulator
    if semantics == "clocked":
        simulator = ClockedSimulator(spec, saturate=saturate, spikes_per_step=spikes_per_step, threads=threads)
    else:
        simulator = EventSimulator(spec, order=order, emission=emission, bias_clock_us=bias_clock_us, threads=threads)
    return simulator.run(events_or_raster, record=record, dt_us=dt_us, duration_us=duration_us, progress=progress)


def _foreign(
    run: str, options: Mapping[str, tuple[object, object]], findings: Iterable[Diagnostic]
) -> Iterator[Diagnostic]:
    """Options (value, default) that have no effect in this run, and are set all the same.

    A value that no run can take is in `findings` already.
    """
    bad = {finding.place for finding in findings}
    for parameter, (value, default) in options.items():
        if value != default and f"$.{parameter}" not in bad:
            limit = f"{default} in {run}, where it has no effect"
            yield BAD_RUN_OPTION.at(f"$.{parameter}", parameter=parameter, value=str(value), limit=limit)


def _recording_findings(
    spec: Spec, recording: Recording, dt_us: int, duration_us: int | None
) -> tuple[Diagnostic, ...]:
    try:
        read_inputs(spec, recording, dt_us=dt_us, duration_us=duration_us)
    except InputError as error:
        return error.diagnostics
    return ()
