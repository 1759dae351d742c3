"""Why layers cannot be placed: those that compete, what each needs, and the nearest changes that are known to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from nirdynap.chips.chip import Chip
from nirdynap.errors import DESTINATIONS, NO_PLACEMENT, Diagnostic, node_place
from nirdynap.ir.layers import AnyLayer
from nirdynap.ir.units import Pair, conv_output, shape_text
from nirdynap.lower.arrange import Plan, arrange, destinations_of
from nirdynap.lower.rules import candidates, ki, memory_findings, memory_of_layer, most_features
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
    alone = tuple(_too_large(everything, hopeless, chip)) if hopeless else ()
    if len(layers) > len(chip.cores):
        return None, alone
    case = everything.only([i for i in range(len(layers)) if i not in hopeless])
    plan = arrange(case.layers, chip, case.wishes)
    if plan is not None:
        return (None if alone else plan), alone
    most = len(chip.cores) * max((len(layer.links) for layer in case.layers), default=0) + 2
    roomy = dataclasses.replace(chip, limits=dataclasses.replace(chip.limits, destinations=most))
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
    most = {i: most_features(case.layers[i], chip) for i in hopeless}
    shrunk = case
    for i, features in most.items():
        shrunk = shrunk.with_layer(i, _features(case.layers[i], max(features, 1)))
    beside = "" if shrunk.fits(chip) else " (a core holds it then, but not all layers fit together)"
    for i, features in most.items():
        fewer = f"at most {features} instead of {case.layers[i].neuron_shape[0]} output features{beside}"
        smaller = fewer if features else _NOT_BY_FEATURES
        yield from memory_findings(case.layers[i], chip, f"{split}, or {smaller}" if split else smaller)


_NOT_BY_FEATURES = (
    "fewer input features and a smaller map (pooling or a stride in front): output features alone do not do it"
)


def _relinked(layer: AnyLayer, number: dict[int, int]) -> AnyLayer:
    heard = (link for link in layer.links if link.target in number)
    return dataclasses.replace(
        layer, links=tuple(dataclasses.replace(link, target=number[link.target]) for link in heard)
    )


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
        layers=", ".join([*(_need(case.layers[i]) for i in stuck), *_helpers(case.only(stuck), chip)]),
        cores=f"core{'s' if len(cores) > 1 else ''} {', '.join(map(str, cores))}" if cores else "any core left to use",
        how=together + (", not even in parts" if in_parts else ""),
        remedy=", or ".join(changes) or "one layer less, or smaller layers: no change to a single one is enough",
    )


def _helpers(case: _Case, chip: Chip) -> Iterator[str]:
    """The relays or copies that these layers need besides, at the least: none of them in parts."""
    for layer in case.layers:
        helpers = (
            -(-len(layer.links) // chip.limits.destinations) - 1
        )  # copies, of which no more are needed than relays
        if helpers > 0:
            number = "a relay or copy" if helpers == 1 else f"{helpers} relays or copies"
            yield f"{number} of {layer.name}, which feeds {len(layer.links)}"


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
    features = [(share, text) for i in stuck for share, text in _fewer_features(case, i, chip)]
    kernels = [(share, text) for i in stuck for share, text in _smaller_kernel(case, i, chip)]
    best = [max(found, key=lambda change: change[0])[1] for found in (features, kernels) if found]
    return [*[text for text in [next(split, None)] if text], *best]


def _split(case: _Case, whole: list[int], chip: Chip) -> str | None:
    """In how many parts each would be, if layers that are to stay whole and others then fit."""
    if any(case.wishes.parts[i] != 1 for i in whole):
        return None
    plan = arrange(case.layers, chip, case.splitting(whole))
    if plan is None:
        return None
    parts = {case.layers[i].name: len(plan[i][0].channels) for i in whole}
    return f"split={parts} (--split {','.join(f'{name}={number}' for name, number in parts.items())})"


def _fewer_features(case: _Case, i: int, chip: Chip) -> Iterator[tuple[float, str]]:
    """The largest number of output features with which all fits: its share of what there is."""
    layer = case.layers[i]
    most = layer.neuron_shape[0]
    low, high = 0, most - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if case.with_layer(i, _features(layer, middle)).fits(chip) else (low, middle - 1)
    if low:
        yield low / most, f"{layer.name} with at most {low} instead of {most} output features"


def _smaller_kernel(case: _Case, i: int, chip: Chip) -> Iterator[tuple[float, str]]:
    """The largest kernel with which all fits, and a padding that leaves the output map as it is, if there is one."""
    layer = case.layers[i]
    most = layer.weights.shape[2]
    for size in range(most - 1, 0, -1):
        padding = _padding(layer, size)
        if padding is not None and case.with_layer(i, _kernel(layer, size, padding)).fits(chip):
            kernels = f"a {size}x{size} kernel and padding {shape_text(padding)} instead of {most}x{most}"
            yield size / most, f"{layer.name} with {kernels}"
            return


def _padding(layer: AnyLayer, size: int) -> Pair | None:
    """With which a kernel of another size makes the same map, if there is one."""
    y, x = (
        max(0, -(-((out - 1) * stride + size - into) // 2))
        for out, stride, into in zip(layer.neuron_shape[1:], layer.stride, layer.input_shape[1:], strict=True)
    )
    same = conv_output(layer.input_shape[1:], (size, size), layer.stride, (y, x)) == layer.neuron_shape[1:]
    return (y, x) if same else None


def _features(layer: AnyLayer, number: int) -> AnyLayer:
    """What it needs with so many: words are told from its shapes, and nothing looks at the weights any more."""
    return dataclasses.replace(layer, neuron_shape=(number, *layer.neuron_shape[1:]))


def _kernel(layer: AnyLayer, size: int, padding: Pair) -> AnyLayer:
    return dataclasses.replace(layer, weights=layer.weights[:, :, :size, :size], padding=padding)
