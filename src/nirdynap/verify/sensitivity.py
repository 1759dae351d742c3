"""How much a network's decisions hang on what nobody controls: order, times, and the last bit of its parameters."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nirdynap.errors import BAD_RUN_OPTION, Diagnostic, InputError, raise_errors
from nirdynap.ir.arguments import check_spec, label_findings
from nirdynap.ir.digest import frozen
from nirdynap.ir.events import Events
from nirdynap.ir.result import Result
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import DEFAULT_DT_US, INT16_MAX, WEIGHT_MAX, WEIGHT_MIN, IntArray, is_positive
from nirdynap.sim import simulate
from nirdynap.sim.asynchronous import Emission, Order
from nirdynap.sim.protocol import Progress, Recording
from nirdynap.sim.stimulus import Stimulus, read_recording
from nirdynap.verify.text import aligned

Disturbance = Literal["order", "times", "weights", "thresholds"]
_NORMAL_95 = 1.959964  # half of the normal distribution's central 95 %, in standard deviations


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share, or a mean of shares, and the ends of its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChange:
    """What a disturbance does to one layer.

    Attributes:
        layer: the user's weight node.
        spikes: of the undisturbed run, over all samples.
        more: by which share the number of spikes grew, mean over the repeats; negative where it fell.
        moved: of the undisturbed spikes as many as neurons have more or less now, mean over the repeats: the measure
            in which two copies of a chip differ by some 3 %.
    """

    layer: str
    spikes: int
    more: float
    moved: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbed:
    """One disturbance, over all repeats.

    Attributes:
        name: which one; about: what it does.
        changed: samples decided otherwise than without it. The interval is Wilson's, for as many trials as there are
            samples, since repeats on one sample are no new samples.
        correct: samples decided as their label says, or None without labels.
        layers: in topological order.
    """

    name: Disturbance
    about: str
    changed: Share
    correct: Share | None
    layers: tuple[LayerChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sensitivity:
    """What `nirdynap.sensitivity` found; `print` shows it.

    Attributes:
        digest: of the spec; semantics: of the runs.
        samples, repeats, seed: as given.
        correct: samples decided as their label says without any disturbance, or None without labels.
        disturbed: each disturbance.
    """

    digest: str
    semantics: Literal["clocked", "event"]
    samples: int
    repeats: int
    seed: int
    correct: Share | None
    disturbed: tuple[Disturbed, ...]

    def __repr__(self) -> str:
        return f"Sensitivity({', '.join(f'{d.name}: {d.changed} of decisions changed' for d in self.disturbed)})"

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in _lines(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strength:
    jitter_us: int
    weight_share: float


def sensitivity(
    spec: Spec,
    recordings: Recording,
    labels: npt.ArrayLike | None = None,
    *,
    seed: int = 0,
    repeats: int = 10,
    jitter_us: int = 100,
    weight_share: float = 0.1,
    semantics: Literal["clocked", "event"] = "event",
    order: Order = "depth",
    emission: Emission = "raster",
    bias_clock_us: int | None = None,
    dt_us: int = DEFAULT_DT_US,
    duration_us: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Sensitivity:
    """How many decisions change, and how many spikes of each layer move, under small disturbances.

    order: simultaneous events come in a random order. times: each event is up to `jitter_us` early or late. weights: a
    `weight_share` of those that are not zero is off by one least significant bit. thresholds: each core's is off by
    one. Each is drawn `repeats` times; the same seed draws the same, whatever the number of threads.

    Args:
        spec: what to run.
        recordings: one Events, several (a batch), or counts [time, channel, y, x] or [time, batch, channel, y, x].
        labels: whole numbers [sample], the right output of each, for a spec with one output.
        seed: of the random numbers, from 0 up.
        repeats: draws of each disturbance, from 2 up.
        jitter_us: largest shift of a time stamp in microseconds; no event leaves the recording.
        weight_share: share of the weights that are off by one, 0 to 1.
        semantics, order, emission, dt_us, duration_us, threads: as in `nirdynap.simulate`.
        bias_clock_us: of event runs; default `dt_us`.
        progress: called with (runs done, runs in all).

    Raises:
        InputError: every ND5xx finding about options, labels and recordings.

    Example:
        >>> import numpy as np
        >>> from nirdynap.testing.build import build_core, build_spec
        >>> spec = build_spec(build_core(0, [[[[5]]], [[[4]]]], (1, 1, 1), threshold_high=20))
        >>> found = sensitivity(spec, np.ones((40, 1, 1, 1), int), repeats=4)
        >>> [d.name for d in found.disturbed if d.changed.value == 0]
        ['order', 'times', 'weights', 'thresholds']
    """
    check_spec(spec)
    stimuli, truth = _checked(spec, recordings, labels, seed, repeats, jitter_us, weight_share, (dt_us, duration_us))
    options: dict[str, Any] = {"dt_us": dt_us, "duration_us": duration_us, "threads": threads}
    if semantics == "event":
        clock = dt_us if bias_clock_us is None else bias_clock_us
        options |= {"order": order, "emission": emission, "bias_clock_us": clock}

    def run(spec: Spec, samples: list[Events]) -> Result:
        return simulate(spec, samples, semantics, **options)

    samples = [Events(t=s.t, c=s.c, y=s.y, x=s.x) for s in stimuli]
    base = run(spec, samples)
    strength = _Strength(jitter_us=jitter_us, weight_share=weight_share)
    disturbed = []
    for number, (name, (about, disturb)) in enumerate(_DISTURBANCES.items()):
        results = []
        for repeat in range(repeats):
            rng = np.random.default_rng([seed, number, repeat])
            results.append(run(*disturb(spec, samples, rng, strength)))
            if progress is not None:
                progress(number * repeats + repeat + 1, len(_DISTURBANCES) * repeats)
        said = about.format(jitter_us=jitter_us, percent=100 * weight_share)
        disturbed.append(_compared(name, said, base, results, truth))
    return Sensitivity(
        digest=spec.digest(),
        semantics=semantics,
        samples=len(samples),
        repeats=repeats,
        seed=seed,
        correct=None if truth is None else _wilson(_right(base, truth), len(samples)),
        disturbed=tuple(disturbed),
    )


def _checked(
    spec: Spec,
    recordings: Recording,
    labels: npt.ArrayLike | None,
    seed: object,
    repeats: object,
    jitter_us: object,
    weight_share: object,
    times: tuple[int, int | None],
) -> tuple[tuple[Stimulus, ...], IntArray | None]:
    findings: list[Diagnostic] = []
    limits = (
        ("seed", seed, "a whole number from 0 up", seed == 0 or is_positive(seed)),
        ("repeats", repeats, "a whole number from 2 up", is_positive(repeats) and repeats != 1),
        ("jitter_us", jitter_us, "a whole number of microseconds from 0 up", jitter_us == 0 or is_positive(jitter_us)),
        ("weight_share", weight_share, "a number from 0 to 1", _is_share(weight_share)),
    )
    for name, value, limit, fine in limits:
        if not fine:
            findings.append(BAD_RUN_OPTION.at(f"$.{name}", parameter=name, value=str(value), limit=limit))
    stimuli: tuple[Stimulus, ...] = ()
    try:
        stimuli = read_recording(recordings, spec.input_shape, dt_us=times[0], duration_us=times[1])
    except InputError as error:
        findings += error.diagnostics
    truth = None if labels is None else np.asarray(labels)
    if truth is not None and stimuli:
        if truth.shape != (len(stimuli),) or truth.dtype.kind not in "iu" or len(spec.output_names) > 1:
            limit = f"one whole number for each of {len(stimuli)} samples, for a spec with one output"
            value = f"{truth.dtype} {truth.shape}, {len(spec.output_names)} outputs"
            findings.append(BAD_RUN_OPTION.at("$.labels", parameter="labels", value=value, limit=limit))
        else:
            findings += label_findings(spec, truth)
    raise_errors(findings, InputError)
    return tuple(s.single() for s in stimuli), truth


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


# --- disturbances -----------------------------------------------------------------------------------------------------

_Drawn = tuple[Spec, list[Events]]


def _shuffled(spec: Spec, samples: list[Events], rng: np.random.Generator, _: _Strength) -> _Drawn:
    return spec, [events[np.lexsort((rng.random(len(events)), events.t))] for events in samples]


def _jittered(spec: Spec, samples: list[Events], rng: np.random.Generator, strength: _Strength) -> _Drawn:
    def one(events: Events) -> Events:
        shift = rng.integers(-strength.jitter_us, strength.jitter_us, size=len(events), endpoint=True)
        t = np.clip(events.t + shift, 0, events.t.max(initial=0))
        by_time = np.argsort(t, kind="stable")
        return Events(t=t[by_time], c=events.c[by_time], y=events.y[by_time], x=events.x[by_time])

    return spec, [one(events) for events in samples]


def _reweighed(spec: Spec, samples: list[Events], rng: np.random.Generator, strength: _Strength) -> _Drawn:
    def one(core: CoreSpec) -> CoreSpec:
        hit = (rng.random(core.weights.shape) < strength.weight_share) & (core.weights != 0)
        off = core.weights + np.where(hit, rng.choice((-1, 1), size=core.weights.shape), 0)
        return dataclasses.replace(core, weights=frozen(np.clip(off, WEIGHT_MIN, WEIGHT_MAX), np.int8))

    return _with(spec, one), samples


def _rethresholded(spec: Spec, samples: list[Events], rng: np.random.Generator, _: _Strength) -> _Drawn:
    def one(core: CoreSpec) -> CoreSpec:
        off = core.threshold_high + int(rng.choice((-1, 1)))
        return dataclasses.replace(core, threshold_high=min(max(off, 1), INT16_MAX))

    return _with(spec, one), samples


def _with(spec: Spec, change: Callable[[CoreSpec], CoreSpec]) -> Spec:
    """Copies and relays are left alone: they hold what their layer does, or pass spikes on."""
    cores = tuple(change(core) if core.origin else core for core in spec.cores)
    return dataclasses.replace(spec, cores=cores)


_DISTURBANCES: dict[Disturbance, tuple[str, Callable[[Spec, list[Events], np.random.Generator, _Strength], _Drawn]]] = {
    "order": ("simultaneous events in a random order", _shuffled),
    "times": ("each event up to {jitter_us} us early or late", _jittered),
    "weights": ("{percent:g} % of the weights off by one", _reweighed),
    "thresholds": ("each core's threshold off by one", _rethresholded),
}


# --- what came of them ------------------------------------------------------------------------------------------------


def _compared(name: Disturbance, about: str, base: Result, results: list[Result], truth: IntArray | None) -> Disturbed:
    decided = np.stack(list(base.decisions.values()))
    samples = decided.shape[1]
    changed = [np.any(np.stack(list(r.decisions.values())) != decided, axis=0).sum() for r in results]
    right = None if truth is None else float(np.mean([_right(r, truth) for r in results]))
    return Disturbed(
        name=name,
        about=about,
        changed=_wilson(float(np.mean(changed)), samples),
        correct=None if right is None else _wilson(right, samples),
        layers=tuple(_layer(cores, base, results) for cores in base.spec.layers),
    )


def _layer(cores: tuple[CoreSpec, ...], base: Result, results: list[Result]) -> LayerChange:
    before = base[cores[0].name].counts
    spikes = int(before.sum())
    moved = [np.abs(r[cores[0].name].counts - before).sum() / max(spikes, 1) for r in results]
    more = [(r[cores[0].name].counts.sum() - spikes) / max(spikes, 1) for r in results]
    return LayerChange(layer=cores[0].name, spikes=spikes, more=float(np.mean(more)), moved=_mean(moved))


def _right(result: Result, truth: IntArray) -> int:
    (decisions,) = result.decisions.values()
    return int(np.count_nonzero(decisions == truth))


def _wilson(hits: float, trials: int) -> Share:
    """The score interval of a proportion (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    p, z2 = hits / trials, _NORMAL_95**2
    middle = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _NORMAL_95 * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return Share(value=p, low=min(max(middle - half, 0.0), p), high=max(min(middle + half, 1.0), p))


def _mean(values: list[float]) -> Share:
    """Mean of some draws, give or take two standard errors (a normal distribution's 95 %)."""
    middle = float(np.mean(values))
    half = _NORMAL_95 * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Share(value=middle, low=max(middle - half, 0.0), high=middle + half)


def _lines(found: Sensitivity) -> Iterator[str]:
    yield f"{found.samples} samples, {found.semantics} runs, {found.repeats} draws of each, seed {found.seed}"
    if found.correct is not None:
        yield f"undisturbed: {found.correct} correct"
    for d in found.disturbed:
        yield f"{d.name}: {d.about}"
    yield ""
    yield from aligned(_rows(found))


def _rows(found: Sensitivity) -> Iterator[list[str]]:
    graded = found.correct is not None
    layers = [layer.layer for layer in found.disturbed[0].layers]
    yield ["disturbed", "decisions changed", *["correct"] * graded, *(f"spikes moved in {name}" for name in layers)]
    for d in found.disturbed:
        yield [d.name, str(d.changed), *[str(d.correct)] * graded, *(str(layer.moved) for layer in d.layers)]
