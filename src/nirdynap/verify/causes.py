"""Why two runs part at one neuron: what would have to be otherwise in one of them to do what the other did."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nirdynap.errors import (
    OTHER_BIAS,
    OTHER_BIAS_CLOCK,
    OTHER_DECIMATOR,
    OTHER_INITIAL_STATE,
    OTHER_INPUT,
    OTHER_LOWER_BOUND,
    OTHER_ORDER,
    OTHER_REMAINDER,
    OTHER_RESET,
    OTHER_SATURATION,
    OTHER_SPIKE_NUMBER,
    OTHER_THRESHOLD,
    OTHER_TIE,
    ROUNDED_APART,
    Diagnostic,
    Kind,
)
from nirdynap.verify.edges import input_cause
from nirdynap.verify.history import Side, Update
from nirdynap.verify.pushes import Push
from nirdynap.verify.replay import Rule, State, replay
from nirdynap.verify.runs import Run, SimulatorRun

_ROUNDED = 0.5 + 1e-6  # a weight in integers, give or take float32

_BY_FIELD = {
    "threshold": OTHER_THRESHOLD,
    "waits": OTHER_TIE,
    "zero": OTHER_RESET,
    "low": OTHER_LOWER_BOUND,
    "clamp_first": OTHER_LOWER_BOUND,
    "saturate": OTHER_SATURATION,
    "many": OTHER_SPIKE_NUMBER,
    "bias": OTHER_BIAS,
    "clock_us": OTHER_BIAS_CLOCK,
}
_WORDS = {
    ("waits", False): "fires",
    ("waits", True): "waits",
    ("zero", False): "subtracts the threshold",
    ("zero", True): "resets to zero",
    ("low", None): "no lower bound",
    ("clamp_first", True): "applied before the bias",
    ("clamp_first", False): "applied behind it",
    ("saturate", True): "16 bits",
    ("saturate", False): "no bounds",
    ("many", True): "as many as thresholds fit",
    ("many", False): "one at most",
    ("clock_us", 0): "never",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the causes are searched in; membranes, weights and rules of both runs in the same numbers.

    Attributes:
        a, b: the runs; layers: number of the layer in each; neuron: its index there.
        names: of the layers of `a` by those of `b`.
        rules: of the neuron in each run.
        update: where the membranes part, or the spikes if the membranes did not before.
        tolerance: by how much the membranes of the two may differ in any moment; place: the layer.
    """

    a: Run
    b: Run
    layers: tuple[int, int]
    neuron: int
    names: Mapping[str, str]
    rules: tuple[Rule, Rule]
    update: Update
    tolerance: float
    place: str

    @property
    def mixed(self) -> bool:
        """Is one of them in floats and the other in integers?"""
        return (self.a.semantics == "float") != (self.b.semantics == "float")


def cause_of(case: Case) -> Diagnostic | None:
    """The first change of one run that makes it do as the other did."""
    yes = (found for search in _SEARCHES for found in search(case))
    return next(yes, None)


def _first_membranes(case: Case) -> Iterator[Diagnostic]:
    before_a, before_b = case.update.a.before, case.update.b.before
    if abs(before_a - before_b) > case.tolerance:
        yield OTHER_INITIAL_STATE.at(case.place, value=_number(before_b), limit=_number(before_a))


def _decimators(case: Case) -> Iterator[Diagnostic]:
    """The membranes agree, and so do the decisions; what passes on does not."""
    if isinstance(case.a, SimulatorRun) and isinstance(case.b, SimulatorRun):
        a, b = (run.core_of(layer, case.neuron)[0] for run, layer in zip((case.a, case.b), case.layers, strict=True))
        same = case.update.a.after == case.update.b.after
        if same and max(a.decimator, b.decimator) > 1 and case.update.a.spikes != case.update.b.spikes:
            yield OTHER_DECIMATOR.at(case.place, value=b.decimator, limit=a.decimator)


def _differing_rules(case: Case) -> Iterator[Diagnostic]:
    """One setting in which the two differ, and which alone makes `a` do as `b`, or `b` as `a`."""
    a, b = case.rules
    if a.single == b.single:
        for field, kind in _BY_FIELD.items():
            value, limit = getattr(b, field), getattr(a, field)
            if value != limit and _one_does_as_the_other(case, field):
                yield _finding(case, kind, field, value, limit)


def _one_does_as_the_other(case: Case, field: str) -> bool:
    a, b = case.rules
    return _explains(case, 0, {field: getattr(b, field)}) or _explains(case, 1, {field: getattr(a, field)})


def _inputs(case: Case) -> Iterator[Diagnostic]:
    """Other spikes touch the neuron, or with other weights, or in another order."""
    a, b = case.update.a, case.update.b
    if case.mixed and _rounded_alike(a.pushes, b.pushes, case.names):
        return
    if _explains(case, 0, {}, b.pushes) or _explains(case, 1, {}, a.pushes):
        renamed = tuple(p._replace(source=case.names.get(p.source, p.source)) for p in b.pushes)
        same = Counter(p._replace(t_us=0) for p in a.pushes) == Counter(p._replace(t_us=0) for p in renamed)
        if same and case.rules[0].single and a.pushes != renamed:
            yield OTHER_ORDER.at(case.place, value="the same spikes arrive in another order")
        elif not same:
            cores = (case.a, case.b, case.layers, case.neuron)
            yield from input_cause(*cores, (a.pushes, renamed), case.names, case.place)


def _rounded_alike(a: tuple[Push, ...], b: tuple[Push, ...], names: Mapping[str, str]) -> bool:
    """Do the same spikes touch the neuron, with weights that are the same but for rounding?"""
    here = {(p.source, p.neuron): p.weight for p in a}
    there = {(names.get(p.source, p.source), p.neuron): p.weight for p in b}
    return here.keys() == there.keys() and all(abs(there[key] - w) <= _ROUNDED for key, w in here.items())


def _steps_and_events(case: Case) -> Iterator[Diagnostic]:
    """A time step on one side, its spikes one after the other on the other side."""
    (a, b), update = case.rules, case.update
    if a.single == b.single:
        return
    (step, sum_side), (event, event_side) = (
        ((b, update.b), (a, update.a)) if a.single else ((a, update.a), (b, update.b))
    )
    goal = State(sum_side.after, sum_side.spikes)
    tries = {
        OTHER_SPIKE_NUMBER: (
            _like(case, dataclasses.replace(event, many=True), event_side, goal)
            or (not step.many and _like(case, dataclasses.replace(step, many=True), sum_side, _state(event_side)))
        ),
        OTHER_LOWER_BOUND: _like(case, dataclasses.replace(event, low=None), event_side, goal),
        OTHER_BIAS_CLOCK: step.bias != 0
        and _like(case, dataclasses.replace(step, bias=0), sum_side, _state(event_side)),
        OTHER_ORDER: True,
    }
    words = {
        OTHER_SPIKE_NUMBER: ("one for each arriving spike", "those of a step at once"),
        OTHER_LOWER_BOUND: ("held between the spikes of a step", "held at the end of a step"),
        OTHER_BIAS_CLOCK: ("added by a tick, which fires no neuron", "added in each step before the decision"),
        OTHER_ORDER: ("the spikes of a step act one after the other, and as a sum in time steps", ""),
    }
    kind = next(kind for kind, found in tries.items() if found)
    value, limit = words[kind] if b.single or kind is OTHER_ORDER else words[kind][::-1]
    yield kind.at(case.place, value=value, limit=limit, how="")


def _like(case: Case, rule: Rule, side: Side, goal: State) -> bool:
    """Does the neuron spike as `goal` under this rule? (Its membrane in the middle of a step may be another.)"""
    state = replay(rule, side.before, side.pushes, case.update.since_us, case.update.end_us)
    spot = case.update.a.spikes != case.update.b.spikes
    return state.spikes == goal.spikes if spot else state.membrane == goal.membrane


def _behaviours(case: Case) -> Iterator[Diagnostic]:
    """What no setting says: a simulator of foreign make that follows another rule than its spec."""
    a, b = case.rules
    if a.single == b.single and not case.mixed:
        for field, kind in _BY_FIELD.items():
            for value in _others(field, a, integers=case.a.semantics != "float"):
                if _explains(case, 0, {field: value}):
                    yield _finding(case, kind, field, value, getattr(a, field))
                if _explains(case, 1, {field: value}):
                    yield _finding(case, kind, field, getattr(b, field), value)


def _foreign_inputs(case: Case) -> Iterator[Diagnostic]:
    """The same for its inputs: one that is lost, one that pooling should have dropped, one that weighs otherwise."""
    for which, name, side in () if case.mixed else ((0, "b", case.update.a), (1, "a", case.update.b)):
        for key in {(p.source, p.neuron): None for p in side.pushes}:
            if _explains(case, which, {}, tuple(p for p in side.pushes if (p.source, p.neuron) != key)):
                yield OTHER_INPUT.at(case.place, value=f"a spike of {key[0]} {key[1]} is lost in {name}")
        for source in {p.source: None for p in side.pushes}:
            if _explains(case, which, {}, tuple(p for p in side.pushes if p.source != source)):
                yield OTHER_INPUT.at(case.place, value=f"the spikes of {source} are lost in {name}")
        for channel in {(p.source, p.neuron[0]): None for p in side.pushes}:
            if _explains(case, which, {}, tuple(p for p in side.pushes if (p.source, p.neuron[0]) != channel)):
                value = f"the spikes of {channel[0]} in channel {channel[1]} are lost in {name}"
                yield OTHER_INPUT.at(case.place, value=value)
        if side.remainder and _explains(case, which, {}, (*side.pushes, *side.remainder)):
            dropped = side.remainder[0]
            value = f"a spike of {dropped.source} {dropped.neuron} in a pooling's remainder acts in {name}"
            yield OTHER_REMAINDER.at(case.place, value=value)
        if _explains(case, which, {}, side.pushes[::-1]):
            yield OTHER_ORDER.at(case.place, value="the same spikes act in the opposite order")


def _others(field: str, rule: Rule, *, integers: bool) -> tuple[Any, ...]:
    """What a run could do instead of what the rule says."""
    value = getattr(rule, field)
    if isinstance(value, bool):
        return (not value,)
    near = tuple(v for v in (rule.threshold + 1, rule.threshold - 1) if v > 0 and integers)
    return {"low": (None,), "bias": (0, 2 * rule.bias), "threshold": near}.get(field, ())


def _rounding(case: Case) -> Iterator[Diagnostic]:
    """Floats on one side, integers on the other: what is left is rounding, of this update or of those before."""
    if case.mixed:
        update, threshold = case.update, case.rules[0].threshold
        apart = abs(update.a.before - update.b.before) / threshold
        yield ROUNDED_APART.at(case.place, value=round(apart, 4))


_SEARCHES = (
    _first_membranes,
    _decimators,
    _differing_rules,
    _inputs,
    _steps_and_events,
    _behaviours,
    _foreign_inputs,
    _rounding,
)


def _explains(case: Case, which: int, change: dict[str, Any], pushes: tuple[Push, ...] | None = None) -> bool:
    """Would run `which`, which follows its rule in this update, with this change have done what the other did?"""
    update, rule = case.update, case.rules[which]
    side, goal = (update.a, update.b) if which == 0 else (update.b, update.a)

    def comes_to(rule: Rule, seen: tuple[Push, ...], goal: Side) -> bool:
        state = replay(rule, side.before, seen, update.since_us, update.end_us)
        return state.spikes == goal.spikes and abs(state.membrane - goal.after) <= case.tolerance

    changed = dataclasses.replace(rule, **change)
    return comes_to(rule, side.pushes, side) and comes_to(changed, side.pushes if pushes is None else pushes, goal)


def _state(side: Side) -> State:
    return State(side.after, side.spikes)


def _finding(case: Case, kind: Kind, field: str, value: object, limit: object) -> Diagnostic:
    return kind.at(case.place, value=_words(field, value), limit=_words(field, limit), how=_how(value, limit))


def _words(field: str, value: Any) -> str:
    if field == "clock_us" and value:
        return f"every {value} us"
    return _WORDS.get((field, value), "") or (_number(value) if isinstance(value, (int, float)) else str(value))


def _number(value: float) -> str:
    return f"{value:g}"


def _how(value: object, limit: object) -> str:
    """A difference of at most one, or a factor of two, says where to look."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isinstance(limit, (int, float)):
        return ""
    if max(abs(value), abs(limit)) >= 2 and abs(value - limit) <= 1:
        return ", as if rounded otherwise"
    return ", twice as much" if value == 2 * limit else ""
