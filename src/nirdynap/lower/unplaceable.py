"""Why layers cannot be placed: those that compete, what each needs, and the nearest changes that are known to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from nirdynap.chips.chip import Chip
from nirdynap.errors import DESTINATIONS, NO_PLACEMENT, Diagnostic, node_place
from nirdynap.ir.digest import frozen
from nirdynap.ir.layers import AnyLayer, Link
from nirdynap.lower.arrange import Plan, arrange, destinations_of
from nirdynap.lower.rules import candidates, ki, memory_findings, memory_of_layer, smaller_layer
from nirdynap.lower.wishes import Wishes

_Layers = tuple[AnyLayer, ...]


def plan_or_findings(layers: _Layers, chip: Chip, wishes: Wishes) -> tuple[Plan | None, tuple[Diagnostic, ...]]:
    """The plan of `arrange`, or what stands against one. More layers than cores are a finding of the rules."""
    everything = _Case(layers=layers, wishes=wishes)
    hopeless = [
        i
        for i, layer in enumerate(layers)
        if not candidates(memory_of_layer(layer, None if wishes.parts[i] == 1 else 1), chip)
    ]
    alone = tuple(_too_large(everything, hopeless, chip))
    if len(layers) > len(chip.cores):
        return None, alone
    case = everything.only([i for i in range(len(layers)) if i not in hopeless])
    plan = arrange(case.layers, chip, case.wishes)
    if plan is not None:
        return (None if alone else plan), alone
    roomy = dataclasses.replace(chip, limits=dataclasses.replace(chip.limits, destinations=len(layers) ** 2 + 1))
    wired = arrange(case.layers, roomy, case.wishes)
    if wired is not None:
        return None, (*alone, *_crowded(case.layers, wired, chip.limits.destinations))
    return None, (*alone, _competing(case, chip))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    layers: _Layers
    wishes: Wishes

    def only(self, keep: list[int]) -> _Case:
        """The same for some of the layers, as if the others were not there."""
        number = {i: n for n, i in enumerate(keep)}
        wishes = dataclasses.replace(
            self.wishes,
            parts=tuple(self.wishes.parts[i] for i in keep),
            pins=tuple(self.wishes.pins[i] for i in keep),
        )
        return _Case(layers=tuple(_relinked(self.layers[i], number) for i in keep), wishes=wishes)

    def with_layer(self, i: int, layer: AnyLayer) -> _Case:
        return dataclasses.replace(self, layers=(*self.layers[:i], layer, *self.layers[i + 1 :]))

    def splitting(self, chosen: list[int]) -> Wishes:
        """The wishes, but that these layers may have any number of parts."""
        parts = tuple(None if i in chosen else asked for i, asked in enumerate(self.wishes.parts))
        return dataclasses.replace(self.wishes, parts=parts)

    def fits(self, chip: Chip) -> bool:
        return arrange(self.layers, chip, self.wishes) is not None


def _too_large(case: _Case, hopeless: list[int], chip: Chip) -> Iterator[Diagnostic]:
    """What is said of layers that no core holds, whoever else there is."""
    split = _split(case, hopeless, chip)
    for i in hopeless:
        smaller = smaller_layer(case.layers[i], chip)
        yield from memory_findings(case.layers[i], chip, f"{split}, or {smaller}" if split else smaller)


def _relinked(layer: AnyLayer, number: dict[int, int]) -> AnyLayer:
    links = tuple(
        Link(target=number[link.target], pooling=link.pooling, feature_shift=link.feature_shift)
        for link in layer.links
        if link.target in number
    )
    return dataclasses.replace(layer, links=links)


def _crowded(layers: _Layers, plan: Plan, slots: int) -> Iterator[Diagnostic]:
    """The layers that feed more destinations than a core has slots for, in a plan that asks for as many as it wants."""
    for layer, copies in zip(layers, plan, strict=True):
        fed = destinations_of(layer, copies[0], plan)
        if fed > slots:
            yield DESTINATIONS.at(node_place(layer.name), value=fed, limit=slots)


def _competing(case: _Case, chip: Chip) -> Diagnostic:
    """A smallest set of layers that do not fit together: without any one of them the others would."""
    stuck = list(range(len(case.layers)))
    for i in range(len(case.layers)):
        rest = [j for j in stuck if j != i]
        if not case.only(rest).fits(chip):
            stuck = rest
    cores = sorted({core for i in stuck for core in _cores(case, i, chip)})
    changes = _changes(case, stuck, chip)
    together = " at once" if len(stuck) > 1 else ""
    in_parts = any(case.wishes.parts[i] != 1 for i in stuck)
    return NO_PLACEMENT.at(
        "$.nodes",
        value=len(stuck),
        limit=len(cores),
        layers=", ".join(_need(case.layers[i]) for i in stuck),
        cores=f"core{'s' if len(cores) > 1 else ''} {', '.join(map(str, cores))}",
        how=together + (", not even in parts" if in_parts else ""),
        remedy=", or ".join(changes) or "one layer less, or smaller layers: no change to a single one is enough",
    )


def _cores(case: _Case, i: int, chip: Chip) -> tuple[int, ...]:
    """The cores that a layer, or one channel of it, could have."""
    features = None if case.wishes.parts[i] == 1 else 1
    fitting = candidates(memory_of_layer(case.layers[i], features), chip)
    return case.wishes.pins[i] or tuple(core for core in fitting if core in case.wishes.cores)


def _need(layer: AnyLayer) -> str:
    need = memory_of_layer(layer)
    biases = f", bias {ki(need.bias)}" if need.bias else ""
    return f"{layer.name} (kernel {ki(need.kernel)}, neuron {ki(need.neuron)}{biases} words)"


def _changes(case: _Case, stuck: list[int], chip: Chip) -> list[str]:
    """The nearest changes to one layer, at most one of each sort; each was tried, and everything fits with it."""
    free = dataclasses.replace(case.wishes, pins=(None,) * len(case.layers), cores=tuple(range(len(chip.cores))))
    if free != case.wishes and _Case(layers=case.layers, wishes=free).fits(chip):
        return ["other cores in placement or avoid: on free choice all of it fits"]
    split = (text for i in stuck if (text := _split(case, [i], chip)))
    features = [(share, text) for i in stuck for share, text in _fewer(case, i, chip, _features)]
    kernels = [(share, text) for i in stuck for share, text in _fewer(case, i, chip, _kernel)]
    best = [max(found, key=lambda change: change[0])[1] for found in (features, kernels) if found]
    return [*[text for text in [next(split, None)] if text], *best]


def _split(case: _Case, whole: list[int], chip: Chip) -> str | None:
    """In how many parts each would be, if layers that are to stay whole and others then fit."""
    if not whole or any(case.wishes.parts[i] != 1 for i in whole):
        return None
    plan = arrange(case.layers, chip, case.splitting(whole))
    if plan is None:
        return None
    return f"split={ {case.layers[i].name: len(plan[i][0].channels) for i in whole} }"


_Shrunk = Callable[[AnyLayer, int], AnyLayer]


def _fewer(case: _Case, i: int, chip: Chip, shrunk: _Shrunk) -> Iterator[tuple[float, str]]:
    """The largest number of features, or size of the kernel, with which all fits: its share of what there is."""
    layer = case.layers[i]
    most = layer.neuron_shape[0] if shrunk is _features else layer.weights.shape[2]
    if shrunk is _kernel and most == max(layer.input_shape[1:]):
        return  # a dense layer: its kernel is the whole map
    low, high = 0, most - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if case.with_layer(i, shrunk(layer, middle)).fits(chip) else (low, middle - 1)
    if low:
        what = "output features" if shrunk is _features else f"x {most} as its kernel"
        size = f"{low} instead of {most}" if shrunk is _features else f"{low} x {low} instead of {most}"
        yield low / most, f"{layer.name} with at most {size} {what}"


def _features(layer: AnyLayer, number: int) -> AnyLayer:
    return dataclasses.replace(
        layer,
        neuron_shape=(number, *layer.neuron_shape[1:]),
        weights=frozen(layer.weights[:number], layer.weights.dtype),
        bias=None if layer.bias is None else frozen(layer.bias[:number], layer.bias.dtype),
    )


def _kernel(layer: AnyLayer, size: int) -> AnyLayer:
    """A kernel cut down, with a padding that keeps the output map."""
    return dataclasses.replace(layer, weights=frozen(layer.weights[:, :, :size, :size], layer.weights.dtype))
