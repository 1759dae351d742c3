"""What a network did on some recordings: a table of facts, kept as JSON, and what has changed since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nirdynap.atomic import write_atomically
from nirdynap.errors import BAD_SNAPSHOT, BEHAVIOUR_CHANGED, NO_SNAPSHOT, NOTHING_FIRES, Diagnostic, InputError
from nirdynap.ir.digest import digest
from nirdynap.ir.events import Events
from nirdynap.ir.result import Result
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import DEFAULT_DT_US, shape_text
from nirdynap.sim import simulate

_FORMAT = "nirdynap-snapshot-1"
_FIELDS = ("t", "c", "y", "x")
_SHORT = 12  # digits of a digest: enough to see that two differ
_SAMPLES = 2
_DURATION_US = 20_000
_EVENTS = (500, 2000, 8000)  # of a sample that is drawn; the fewest with which the outputs fire


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Recordings, and what a network did on them.

    Attributes:
        inputs: one Events for each sample.
        facts: by place ("$.layers.conv1") and name ("clocked spikes"): words, or a number for each sample.
    """

    inputs: tuple[Events, ...]
    facts: Mapping[str, Mapping[str, Any]]


def take(spec: Spec, inputs: Sequence[Events]) -> Snapshot:
    """What `spec` does on `inputs`, in a clocked and in an event run; without a clock of its own it ticks each step."""
    clocked = simulate(spec, inputs)
    event = simulate(spec, inputs, "event", bias_clock_us=DEFAULT_DT_US if spec.slow_clock is None else None)
    facts: dict[str, dict[str, Any]] = {
        "$": {
            "chip": spec.chip,
            "convention": spec.convention.name,
            "spec": spec.digest()[:_SHORT],
            "inputs": digest(tuple(inputs))[:_SHORT],
        }
    }
    for cores in spec.layers:
        name = cores[0].name
        facts[f"$.layers.{name}"] = {**_integers(cores), **_spikes("clocked", clocked, name)}
        facts[f"$.layers.{name}"] |= _spikes("event", event, name)
    for name in spec.output_names:
        facts[f"$.outputs.{name}"] = {**_decisions("clocked", clocked, name), **_decisions("event", event, name)}
    return Snapshot(inputs=tuple(inputs), facts=facts)


def _integers(cores: tuple[CoreSpec, ...]) -> dict[str, Any]:
    weights = np.concatenate([core.weights for core in cores])
    bias = [core.bias for core in cores if core.bias is not None]
    first = cores[0]
    return {
        "cores": ", ".join(str(core.core) for core in cores),
        "weights": f"{shape_text(weights.shape)} {_numbers(weights)}",
        "bias": _numbers(np.concatenate(bias)) if bias else "none",
        "threshold": f"{first.threshold_high}, lower bound {first.threshold_low}",
        "reset": "to zero" if first.return_to_zero else "by subtraction",
    }


def _numbers(array: Any) -> str:
    total = int(array.sum(dtype=np.int64))
    return f"from {array.min()} to {array.max()}, sum {total}, digest {digest(array)[:_SHORT]}"


def _spikes(run: str, result: Result, layer: str) -> dict[str, Any]:
    counts = result[layer].counts
    per_sample = counts.reshape(len(counts), -1).sum(axis=1).tolist()
    return {f"{run} spikes": per_sample, f"{run} spikes of each neuron": digest(counts)[:_SHORT]}


def _decisions(run: str, result: Result, output: str) -> dict[str, Any]:
    return {
        f"{run} decisions": result.decisions[output].tolist(),
        f"{run} spikes": digest(result.output_events[output])[:_SHORT],
    }


def draw_inputs(spec: Spec) -> tuple[Events, ...]:
    """Random recordings, with as many events as it takes for every output to fire in each.

    Raises:
        InputError: ND772 where the outputs stay silent.
    """
    for number in _EVENTS:
        random = np.random.default_rng(0)
        inputs = tuple(_drawn(random, spec, number) for _ in range(_SAMPLES))
        result = simulate(spec, inputs)
        if all((decisions >= 0).all() for decisions in result.decisions.values()):
            return inputs
    raise InputError([NOTHING_FIRES.at("$.inputs", value=_EVENTS[-1], limit=_DURATION_US // 1000)])


def _drawn(random: np.random.Generator, spec: Spec, number: int) -> Events:
    c, y, x = (random.integers(0, n, number) for n in spec.input_shape)
    return Events(t=np.sort(random.integers(0, _DURATION_US, number)), c=c, y=y, x=x)


def changes(before: Snapshot, now: Snapshot) -> Iterator[Diagnostic]:
    """ND773 for each layer or output that is not as it was: what was measured there, and what it was."""
    remedy = "pytest --nirdynap-update, if that was meant"
    for place in dict.fromkeys((*before.facts, *now.facts)):
        old, new = before.facts.get(place, {}), now.facts.get(place, {})
        names = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
        # Where sums differ, the digest of what is summed ("clocked spikes of each neuron") tells nothing more.
        told = [_told(n, old.get(n), new.get(n)) for n in names if not any(n.startswith(f"{m} ") for m in names)]
        if told:
            yield BEHAVIOUR_CHANGED.at(place, value="; ".join(told), remedy=remedy)
            remedy = ""  # once is enough


def _told(name: str, old: Any, new: Any) -> str:
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        samples = [i for i, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]]
        first, others = samples[0], f" and {len(samples) - 1} more" if len(samples) > 1 else ""
        return f"{name} of sample {first}{others}: {new[first]}, was {old[first]}"
    return f"{name}: {'none' if new is None else new}, was {'none' if old is None else old}"


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """One line for each sample and each fact, so that a review shows what has changed."""
    samples = [json.dumps({name: getattr(e, name).tolist() for name in _FIELDS}) for e in snapshot.inputs]
    facts = [f"{json.dumps(place)}: {_lines(table)}" for place, table in snapshot.facts.items()]
    document = f'{{"format": "{_FORMAT}",\n "inputs": [\n  ' + ",\n  ".join(samples)
    document += '],\n "facts": {\n  ' + ",\n  ".join(facts) + "}}\n"
    write_atomically(path, document.encode())


def _lines(table: Mapping[str, Any]) -> str:
    return "{\n   " + ",\n   ".join(f"{json.dumps(name)}: {json.dumps(fact)}" for name, fact in table.items()) + "}"


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot in that file.

    Raises:
        InputError: ND770 if there is none, ND771 if the file holds something else.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise KeyError(document["format"])
        inputs = tuple(Events(**{name: sample[name] for name in _FIELDS}) for sample in document["inputs"])
        return Snapshot(inputs=inputs, facts={place: dict(table) for place, table in document["facts"].items()})
    except FileNotFoundError:
        raise InputError([NO_SNAPSHOT.at(str(path))]) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        raise InputError([BAD_SNAPSHOT.at(str(path), value=f"{type(error).__name__}: {error}")]) from None
