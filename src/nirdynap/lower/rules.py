"""The structural limits of a chip, one small rule each. `RULES` is all of them; all findings come at once.

Memory and destinations are not among them, because a layer may be split and its spikes relayed: see `arrange`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from nirdynap.chips.chip import Chip
from nirdynap.chips.memory import memory_of
from nirdynap.errors import (
    BIAS_MEMORY,
    EMPTY_MAP,
    INPUT_FEATURES,
    INPUT_MAP,
    KERNEL_MEMORY,
    KERNEL_SIZE,
    NEURON_MEMORY,
    NO_SINGLE_CORE,
    OUTPUT_FEATURES,
    OUTPUT_MAP,
    PADDING,
    POOLING,
    STRIDE,
    TOO_MANY_LAYERS,
    Diagnostic,
    node_place,
)
from nirdynap.ir.layers import AnyLayer
from nirdynap.ir.spec import CoreSpec, Memory
from nirdynap.ir.units import Pair, shape_text

Rule = Callable[[AnyLayer, Chip], Iterator[Diagnostic]]
ShapeRule = Callable[[AnyLayer | CoreSpec, Chip], Iterator[Diagnostic]]


MEMORY_KINDS = (KERNEL_MEMORY, NEURON_MEMORY, BIAS_MEMORY)  # in the order of the fields of Memory


def kernel_fits(layer: AnyLayer | CoreSpec, chip: Chip) -> Iterator[Diagnostic]:
    """Kernels are square up to a largest size."""
    size = max(layer.weights.shape[2:])
    if size > chip.limits.kernel_size:
        yield KERNEL_SIZE.at(node_place(layer.name), value=size, limit=chip.limits.kernel_size)


def stride_is_legal(layer: AnyLayer | CoreSpec, chip: Chip) -> Iterator[Diagnostic]:
    """Strides are powers of two, y and x independent."""
    if any(s not in chip.limits.strides for s in layer.stride):
        yield STRIDE.at(node_place(layer.name), value=shape_text(layer.stride), limit=_options(chip.limits.strides))


def padding_is_legal(layer: AnyLayer | CoreSpec, chip: Chip) -> Iterator[Diagnostic]:
    """Padding has a largest size, y and x independent."""
    if max(layer.padding) > chip.limits.padding:
        yield PADDING.at(node_place(layer.name), value=shape_text(layer.padding), limit=chip.limits.padding)


def pooling_is_legal(layer: AnyLayer, chip: Chip) -> Iterator[Diagnostic]:
    """One size per destination, equal in y and x; at least one pooled pixel is left."""
    poolings = (*(link.pooling for link in layer.links), *(readout.pooling for readout in layer.readouts))
    yield from pooling_findings(layer, poolings, chip)


def pooling_findings(layer: AnyLayer | CoreSpec, poolings: Iterable[Pair], chip: Chip) -> Iterator[Diagnostic]:
    """What is wrong with `poolings` (y, x) behind the neurons of the layer."""
    for pooling in dict.fromkeys(poolings):
        if pooling[0] != pooling[1] or pooling[0] not in chip.limits.poolings:
            limit = _options(chip.limits.poolings)
            yield POOLING.at(node_place(layer.name), value=shape_text(pooling), limit=limit)
        if pooling[0] > layer.neuron_shape[1] or pooling[1] > layer.neuron_shape[2]:
            size = shape_text(layer.neuron_shape[1:])
            yield EMPTY_MAP.at(node_place(layer.name), parameter="pooling", value=shape_text(pooling), limit=size)


def maps_fit(layer: AnyLayer | CoreSpec, chip: Chip) -> Iterator[Diagnostic]:
    """Input and output maps have a largest side; the output's is before pooling."""
    if max(layer.input_shape[1:]) > chip.limits.input_map:
        limit = shape_text((chip.limits.input_map,) * 2)
        yield INPUT_MAP.at(node_place(layer.name), value=shape_text(layer.input_shape[1:]), limit=limit)
    if max(layer.neuron_shape[1:]) > chip.limits.output_map:
        limit = shape_text((chip.limits.output_map,) * 2)
        yield OUTPUT_MAP.at(node_place(layer.name), value=shape_text(layer.neuron_shape[1:]), limit=limit)


def features_fit(layer: AnyLayer | CoreSpec, chip: Chip) -> Iterator[Diagnostic]:
    """Features in and out have a largest number."""
    if layer.input_shape[0] > chip.limits.features:
        yield INPUT_FEATURES.at(node_place(layer.name), value=layer.input_shape[0], limit=chip.limits.features)
    if layer.neuron_shape[0] > chip.limits.features:
        yield OUTPUT_FEATURES.at(node_place(layer.name), value=layer.neuron_shape[0], limit=chip.limits.features)


def memory_findings(layer: AnyLayer, chip: Chip, remedy: str) -> Iterator[Diagnostic]:
    """Which memory is too small for a layer that no core has room for."""
    need = memory_of_layer(layer)
    place = node_place(layer.name)
    alone = False
    for kind, field in zip(MEMORY_KINDS, Memory._fields, strict=True):
        room, core = max((getattr(c, field), -i) for i, c in enumerate(chip.cores))
        words = getattr(need, field)
        if words > room:
            alone = True
            texts = {"need": ki(words), "room": ki(room), "core": -core, "remedy": remedy}
            yield kind.at(place, value=words, limit=room, **texts)
    if not alone:
        closest = " or ".join(f"core {i} lacks {lacks}" for i, lacks in _lacking(need, chip))
        words_ = {"kernel": ki(need.kernel), "neuron": ki(need.neuron), "bias": ki(need.bias)}
        yield NO_SINGLE_CORE.at(place, chip=chip.name, closest=closest, remedy=remedy, **words_)


# What a float layer and a finished core have in common: lower/validate.py asks it again of the finished spec.
SHAPE_RULES: tuple[ShapeRule, ...] = (kernel_fits, stride_is_legal, padding_is_legal, maps_fit, features_fit)
RULES: tuple[Rule, ...] = (
    kernel_fits,
    stride_is_legal,
    padding_is_legal,
    pooling_is_legal,
    maps_fit,
    features_fit,
)


def rule_findings(layers: tuple[AnyLayer, ...], chip: Chip) -> Iterator[Diagnostic]:
    """What every rule finds in every layer, and whether there are too many of them."""
    if len(layers) > len(chip.cores):
        yield TOO_MANY_LAYERS.at("$.nodes", value=len(layers), limit=len(chip.cores), chip=chip.name)
    for layer in layers:
        for rule in RULES:
            yield from rule(layer, chip)


def memory_of_layer(layer: AnyLayer | CoreSpec, features: int | None = None) -> Memory:
    """Words the layer needs, or would need with that many output channels."""
    out = ((features or layer.neuron_shape[0]) - 1) * layer.spacing + 1
    _, channels, ky, kx = layer.weights.shape
    return memory_of(
        weights_shape=(out, channels, ky, kx),
        neuron_shape=(out, *layer.neuron_shape[1:]),
        has_bias=layer.bias is not None,
    )


def fits(need: Memory, room: Memory) -> bool:
    """Is there enough of each memory?"""
    return all(n <= r for n, r in zip(need, room, strict=True))


def candidates(need: Memory, chip: Chip) -> tuple[int, ...]:
    """Cores with room for `need`."""
    return tuple(i for i, has in enumerate(chip.cores) if fits(need, has))


def most_features(layer: AnyLayer, chip: Chip) -> int:
    """With how many output features some core would hold the layer; 0 if with none."""
    features = range(layer.neuron_shape[0], 0, -1)
    return next((n for n in features if candidates(memory_of_layer(layer, n), chip)), 0)


def ki(words: int) -> str:
    """A number of words as people say it: 65536 is 64 Ki."""
    return f"{words // 1024} Ki" if words >= 1024 and words % 1024 == 0 else str(words)


def _lacking(need: Memory, chip: Chip) -> Iterator[tuple[int, str]]:
    """Per kind of core (the first of each), which memories are too small."""
    seen: set[Memory] = set()
    for i, has in enumerate(chip.cores):
        if has not in seen:
            seen.add(has)
            yield i, " and ".join(f for f in Memory._fields if getattr(need, f) > getattr(has, f))


def _options(values: tuple[int, ...]) -> str:
    return ", ".join(map(str, values))
