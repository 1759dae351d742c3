"""Rule "calibrated" for a whole network: layer by layer, each fed with the spikes of the integers before it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from nirdynap.calibrate.float_events import Arrivals, External, Spikes, arrivals, run_network
from nirdynap.calibrate.options import Calibrate
from nirdynap.calibrate.rounding import gather
from nirdynap.calibrate.scoring import Distance, distance, in_windows, rate_error
from nirdynap.calibrate.search import CANDIDATES, Found, search
from nirdynap.calibrate.trial import Budget, Task, candidate
from nirdynap.errors import CALIBRATION_SILENT, CALIBRATION_STOPPED, Diagnostic, node_place
from nirdynap.ir.layers import IntLayer, Layer
from nirdynap.ir.units import IntArray
from nirdynap.lower.integers import Choice, discretize
from nirdynap.sim.batch import each_sample

_Choices = tuple[Choice | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A network in floats and what it does on the recordings.

    Attributes:
        layers: in topological order; bias_bits, spikes_per_step: as in `nirdynap.lower.integers.discretize`.
        samples: the recordings.
        spikes: of each recording, of each layer.
    """

    layers: tuple[Layer, ...]
    bias_bits: int
    spikes_per_step: str
    samples: tuple[External, ...]
    spikes: tuple[tuple[Spikes, ...], ...]

    @property
    def events(self) -> tuple[int, ...]:
        """External events of each recording."""
        return tuple(len(sample.c) for sample in self.samples)

    def wanted(self, k: int) -> tuple[IntArray, ...]:
        """Counts [window, neuron] of a layer in each recording."""
        shape = self.layers[k].neuron_shape
        return tuple(in_windows(s[k], shape, n) for s, n in zip(self.spikes, self.events, strict=True))

    def arriving(self, k: int, done: Sequence[Sequence[Spikes]]) -> tuple[Arrivals, ...]:
        """What a layer gets in each recording when the layers before it have emitted `done`."""
        return tuple(arrivals(self.layers, k, d, s) for d, s in zip(done, self.samples, strict=True))

    def integers(self, choices: _Choices) -> tuple[IntLayer, ...] | None:
        """The layers as chosen; None if some of them cannot be."""
        done, _ = discretize(
            self.layers, bias_bits=self.bias_bits, spikes_per_step=self.spikes_per_step, choices=choices
        )
        return done if len(done) == len(self.layers) else None

    def distances(self, integers: Sequence[IntLayer]) -> tuple[Distance, ...]:
        """How far each layer of a network in integers is from the floats."""
        found = run_all(integers, self.samples)
        shapes = [layer.neuron_shape for layer in self.layers]
        return tuple(
            distance((in_windows(s[k], shape, n) for s, n in zip(found, self.events, strict=True)), self.wanted(k))
            for k, shape in enumerate(shapes)
        )


def run_all(layers: Sequence[Layer | IntLayer], samples: Sequence[External]) -> tuple[tuple[Spikes, ...], ...]:
    """The spikes of each recording, of each layer."""
    return tuple(each_sample(lambda i: run_network(layers, samples[i]), len(samples), None, None))


def calibrated(
    layers: tuple[Layer, ...],
    samples: tuple[External, ...],
    aware: _Choices,
    *,
    bias_bits: int,
    spikes_per_step: str,
    options: Calibrate,
) -> tuple[_Choices, tuple[Diagnostic, ...]]:
    """A choice for each layer, and what was left out on the way: ND590, ND591.

    The network in these integers is never further from the floats on the recordings than in those of rule "max-abs" or
    "threshold-aware", by `rate_error`. None is chosen where the node gives the scale, and for all layers if one of them
    is refused by every rule: whoever makes the integers then says why.

    Args:
        layers: in floats, in topological order.
        samples: the recordings.
        aware: what rule "threshold-aware" chooses.
        bias_bits: of rule "max-abs"; spikes_per_step: of the network.
        options: what the caller says.
    """
    known = Recorded(
        layers=layers,
        bias_bits=bias_bits,
        spikes_per_step=spikes_per_step,
        samples=samples,
        spikes=run_all(layers, samples),
    )
    plain = tuple(_as_max_abs(layer, bias_bits, spikes_per_step) for layer in layers)
    aware = tuple(choice and dataclasses.replace(choice, rule="calibrated") for choice in aware)
    found = _layer_by_layer(known, plain, aware, options)
    if found is None:
        return (None,) * len(layers), ()
    networks = (plain, aware, tuple(one.best.choice for one in found))
    before, after, best = _best_network(known, tuple(_but_given(layers, choices) for choices in networks))
    choices = tuple(
        choice
        and dataclasses.replace(
            choice,
            candidates=f.tried,
            before=None if before is None else before[k].rate_error,
            after=after[k].rate_error,
        )
        for k, (choice, f) in enumerate(zip(best, found, strict=True))
    )
    return choices, tuple(_notes(known, found, options))


def _as_max_abs(layer: Layer, bias_bits: int, spikes_per_step: str) -> Choice | None:
    """The integers of rule "max-abs", or of the node's own scale, as a choice; None where they are refused."""
    done, _ = discretize((layer,), bias_bits=bias_bits, spikes_per_step=spikes_per_step)
    return candidate(done[0].scale) if done else None


def _but_given(layers: tuple[Layer, ...], choices: _Choices) -> _Choices:
    """No choice where the node gives the scale."""
    return tuple(choice if layer.scale is None else None for layer, choice in zip(layers, choices, strict=True))


def _layer_by_layer(known: Recorded, plain: _Choices, aware: _Choices, options: Calibrate) -> tuple[Found, ...] | None:
    """What was found for each layer; None if one of them cannot become integers."""
    budget = Budget(seconds=options.budget_s, total=CANDIDATES * len(known.layers), progress=options.progress)
    done: list[tuple[Spikes, ...]] = [() for _ in known.samples]
    found: list[Found] = []
    for k, layer in enumerate(known.layers):
        task = Task(
            layer=layer,
            bias_bits=known.bias_bits,
            spikes_per_step=known.spikes_per_step,
            given=known.arriving(k, done),
            wanted=known.wanted(k),
            events=known.events,
        )
        first = [choice for choice in (plain[k], aware[k]) if choice]
        gathered = partial(gather, layer, task.given, known.arriving(k, known.spikes), task.wanted, task.events)
        one = search(task, first, gathered if options.rounding else None, budget, CANDIDATES * k)
        if one is None:
            return None
        done = [(*before, more) for before, more in zip(done, one.best.spikes, strict=True)]
        found.append(one)
        budget.tell(CANDIDATES * (k + 1))
    return tuple(found)


def _best_network(
    known: Recorded, networks: Sequence[_Choices]
) -> tuple[tuple[Distance, ...] | None, tuple[Distance, ...], _Choices]:
    """How far the first network is, if it can be; how far the nearest is, of equals the first; and that one."""
    integers = [known.integers(choices) for choices in networks]
    distances = [None if layers is None else known.distances(layers) for layers in integers]
    possible = [(rate_error(d), i) for i, d in enumerate(distances) if d is not None]
    best = min(possible)[1]
    nearest = distances[best]
    assert nearest is not None
    return distances[0], nearest, networks[best]


def _notes(known: Recorded, found: Sequence[Found], options: Calibrate) -> Iterator[Diagnostic]:
    for k, (layer, one) in enumerate(zip(known.layers, found, strict=True)):
        place = node_place(layer.name)
        if one.left:
            yield CALIBRATION_STOPPED.at(place, value=f"{options.budget_s:g}", limit=one.left)
        if not any(s[k].neuron.size for s in known.spikes):
            yield CALIBRATION_SILENT.at(place, value=len(known.samples))
