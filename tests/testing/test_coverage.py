"""What the conformance suite draws reaches every option of a spec and of a run, and everything that a run can meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from nirdynap.ir.result import Result
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import INT16_MAX, INT16_MIN
from nirdynap.testing import oracle
from nirdynap.testing.conformance import ClockedCase, EventCase, clocked_cases, event_cases

DRAWN = 400

Feature = Callable[[Any], bool]


def some(found: Callable[[CoreSpec], bool]) -> Feature:
    return lambda case: any(found(core) for core in case.spec.cores)


def lanes(least: int, most: int) -> Feature:
    return some(lambda core: least <= core.neuron_shape[0] <= most)


def targets(spec: Spec) -> list[int]:
    return [d.core for core in spec.cores for d in core.destinations]


def meeting(spec: Spec) -> bool:
    """Does a core listen to two others, both of which hear of one event?"""
    return any(sum(core.core in {d.core for d in k.destinations} for k in spec.cores) > 1 for core in spec.cores)


def larger_than_map(core: CoreSpec) -> bool:
    return any(k > n for k, n in zip(core.weights.shape[2:], core.input_shape[1:], strict=True))


def at_the_edge(core: CoreSpec) -> bool:
    """Are there neurons that see nothing but padding?"""
    return any(p >= k for k, p in zip(core.weights.shape[2:], core.padding, strict=True))


def beside(spec: Spec) -> bool:
    """Do two slots of one core differ in pooling or shift?"""
    return any(len(c.destinations) == 2 and len({d[1:] for d in map(_slot, c.destinations)}) == 2 for c in spec.cores)


def _slot(d: Any) -> tuple[int, int, int]:
    return d.core, d.pooling, d.feature_shift


def remainder(spec: Spec) -> bool:
    return any(n % d.pooling for core in spec.cores for d in core.destinations for n in core.neuron_shape[1:])


SPECS: dict[str, Feature] = {
    "one core": lambda case: len(case.spec.cores) == 1,
    "four cores": lambda case: len(case.spec.cores) == 4,
    "two destinations": some(lambda core: len(core.destinations) == 2),
    "two destinations that differ": lambda case: beside(case.spec),
    "both slots to one core": some(
        lambda core: len(core.destinations) == 2 and len({d.core for d in core.destinations}) == 1
    ),
    "pooling 2": lambda case: 2 in {d.pooling for core in case.spec.cores for d in core.destinations},
    "pooling 4": lambda case: 4 in {d.pooling for core in case.spec.cores for d in core.destinations},
    "pooling with a remainder": lambda case: remainder(case.spec),
    "feature shift": lambda case: any(d.feature_shift for core in case.spec.cores for d in core.destinations),
    "merge": lambda case: len(targets(case.spec)) > len(set(targets(case.spec))),
    "merge of two cores": lambda case: meeting(case.spec),
    "several ports": lambda case: len(case.spec.inputs) > 1,
    "ports into several cores": lambda case: len({port.core for port in case.spec.inputs}) > 1,
    "two ports into one core": lambda case: len({p.core for p in case.spec.inputs}) < len(case.spec.inputs),
    "port with a shift": lambda case: any(port.feature_shift for port in case.spec.inputs),
    "several outputs": lambda case: len(case.spec.outputs) > 1,
    "output of a core with destinations": lambda case: any(
        case.spec.core(p.core).destinations for p in case.spec.outputs
    ),
    "pooled output": lambda case: any(port.pooling > 1 for port in case.spec.outputs),
    "biases": some(lambda core: core.bias is not None),
    "reset to zero": some(lambda core: core.return_to_zero),
    "reset by subtraction": some(lambda core: not core.return_to_zero),
    "lower bound far below": some(lambda core: core.threshold_low == INT16_MIN),
    "lower bound just below 0": some(lambda core: core.threshold_low == -1),
    "lower bound of a threshold": some(lambda core: core.threshold_low == -core.threshold_high),
    "largest threshold": some(lambda core: core.threshold_high == INT16_MAX),
    "threshold 1": some(lambda core: core.threshold_high == 1),
    "weight above the threshold": some(lambda core: int(core.weights.max()) > core.threshold_high),
    "largest weights": some(lambda core: bool(core.weights.max() == 127 or core.weights.min() == -128)),
    "weights of 0": some(lambda core: bool((core.weights == 0).any())),
    "initial states": some(lambda core: core.initial_state is not None),
    "initial states above the threshold": some(
        lambda core: core.initial_state is not None and bool(core.initial_state.max() >= core.threshold_high)
    ),
    "initial states below the bound": some(
        lambda core: core.initial_state is not None and bool(core.initial_state.min() < core.threshold_low)
    ),
    "stride 2": some(lambda core: 2 in core.stride),
    "stride 4": some(lambda core: 4 in core.stride),
    "stride 8": some(lambda core: 8 in core.stride),
    "unequal strides": some(lambda core: core.stride[0] != core.stride[1]),
    "padding": some(lambda core: max(core.padding) > 0),
    "unequal paddings": some(lambda core: core.padding[0] != core.padding[1]),
    "neurons that see padding only": some(at_the_edge),
    "map of one row": some(lambda core: core.input_shape[1] == 1 and core.input_shape[2] > 1),
    "map of one column": some(lambda core: core.input_shape[2] == 1 and core.input_shape[1] > 1),
    "kernel larger than the map": some(larger_than_map),
    "dense layer": some(lambda core: core.neuron_shape[1:] == (1, 1) and core.weights[0].size > 8),
    "dense layer behind a core": lambda case: any(
        case.spec.core(target).weights.shape[2:] == case.spec.core(target).input_shape[1:]
        for target in targets(case.spec)
    ),
    "1 channel": lanes(1, 1),
    "2 to 7 channels": lanes(2, 7),
    "8 channels": lanes(8, 8),
    "9 to 16 channels": lanes(9, 16),
    "17 to 32 channels": lanes(17, 32),
    "33 to 40 channels": lanes(33, 40),
    "many channels on several pixels": some(lambda core: core.neuron_shape[0] > 16 and max(core.neuron_shape[1:]) > 1),
    "many input channels": some(lambda core: core.input_shape[0] > 16),
}
DECIMATED: dict[str, Feature] = {
    "decimator": some(lambda core: core.decimator > 1),
    "decimator before destinations": some(lambda core: core.decimator > 1 and len(core.destinations) > 0),
    "square kernels": lambda case: all(k.weights.shape[2] == k.weights.shape[3] for k in case.spec.cores),
}
CLOCKED: dict[str, Feature] = {
    "no steps": lambda case: len(case.raster) == 0,
    "several samples": lambda case: case.raster.shape[1] > 1,
    "sparse": lambda case: 0 < share(case) <= 0.1,
    "busy": lambda case: 0.2 < share(case) < 0.8,
    "no silent address": lambda case: share(case) == 1,
    "counts above 1": lambda case: bool(case.raster.max(initial=0) > 1),
    "counts above 3": lambda case: bool(case.raster.max(initial=0) > 3),
    "saturate": lambda case: case.saturate,
    "do not saturate": lambda case: not case.saturate,
    "one spike per step": lambda case: case.spikes_per_step == "one",
    "many spikes per step": lambda case: case.spikes_per_step == "many",
    "spikes per step as the spec says": lambda case: case.spikes_per_step is None,
    "spec of one spike per step": lambda case: case.spec.spikes_per_step == "one",
}
EVENT: dict[str, Feature] = {
    **{f"{order}, {emission}": (lambda case, o=order, e=emission: (case.order, case.emission) == (o, e))
       for order in ("depth", "breadth") for emission in ("raster", "channel")},
    "merge, depth": lambda case: meeting(case.spec) and case.order == "depth",
    "merge, breadth": lambda case: meeting(case.spec) and case.order == "breadth",
    "bias clock": lambda case: case.bias_clock_us is not None and any(k.bias is not None for k in case.spec.cores),
    "duration": lambda case: case.duration_us is not None,
    "several samples": lambda case: len(case.recording) > 1,
    "no events": lambda case: sum(map(len, case.recording)) == 0,
    "equal stamps": lambda case: any(bool((np.diff(events.t) == 0).any()) for events in case.recording),
}  # fmt: skip
RESULTS: dict[str, Callable[[Result], bool]] = {
    "spikes": lambda result: any(stats.spikes for stats in result.stats.values()),
    "every core spikes": lambda result: len(result.stats) > 1 and all(stats.spikes for stats in result.stats.values()),
    "saturated": lambda result: any(stats.saturated for stats in result.stats.values()),
    "dropped": lambda result: any(stats.dropped for stats in result.stats.values()),
    "output spikes": lambda result: any(raster.any() for raster in result.output_rasters.values()),
    "lower bound reached": lambda result: any(
        bool((result.membranes[core.core] == core.threshold_low).any()) for core in result.spec.cores
    ),
}


def share(case: ClockedCase) -> float:
    """Of input addresses and steps with a spike."""
    return float((case.raster > 0).mean()) if case.raster.size else 0.0


def clocked(case: ClockedCase) -> Result:
    return oracle.clocked(case.spec, case.raster, saturate=case.saturate, spikes_per_step=case.spikes_per_step)


def event(case: EventCase) -> Result:
    options: dict[str, Any] = {"order": case.order, "emission": case.emission}
    times = {"bias_clock_us": case.bias_clock_us, "duration_us": case.duration_us}
    return oracle.event(case.spec, case.recording, **options, **times)


def reached(
    cases: st.SearchStrategy[Any], features: dict[str, Feature], run: Callable[[Any], Result], drawn: int = DRAWN
) -> Counter[str]:
    """How many of the cases have each feature; always the same cases."""
    found: Counter[str] = Counter()

    @seed(4)
    @settings(
        max_examples=drawn,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def look(case: Any) -> None:
        result = run(case)
        found.update(name for name, feature in features.items() if feature(case))
        found.update(name for name, feature in RESULTS.items() if feature(result))

    look()
    return found


def missing(found: Counter[str], names: Iterable[str]) -> list[str]:
    return [name for name in names if not found[name]]


def test_clocked_cases_reach_everything() -> None:
    features = {**SPECS, **CLOCKED}
    found = reached(clocked_cases(), features, clocked)
    assert missing(found, [*features, *RESULTS]) == []


def test_clocked_cases_with_decimators_reach_everything() -> None:
    found = reached(clocked_cases(decimators=True), DECIMATED, clocked, DRAWN // 2)
    assert missing(found, [*DECIMATED, *RESULTS]) == []


def test_event_cases_reach_everything() -> None:
    features = {**SPECS, **EVENT}
    found = reached(event_cases(), features, event)
    assert missing(found, [*features, *RESULTS]) == []


def test_event_cases_with_decimators_reach_everything() -> None:
    found = reached(event_cases(decimators=True), DECIMATED, event, DRAWN // 2)
    assert missing(found, [*DECIMATED, *RESULTS]) == []
