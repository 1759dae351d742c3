"""Elementwise factors go into the weights in front of or behind them.

A Scale travels toward the next convolution: two in a row multiply, a pool lets it pass (a sum of scaled values is the
scaled sum), a convolution right in front of it takes it into its output channels. What arrives at a convolution is
taken into its input channels. Sources with different factors at one convolution get input channels of their own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from nirdynap.errors import (
    SCALE_PER_PIXEL,
    SCALED_INPUT_MIX,
    SCALED_OUTPUT,
    CompileError,
    Diagnostic,
    node_place,
)
from nirdynap.ir.digest import frozen
from nirdynap.ir.network import IF, Conv, Edge, Network, Output, Pool, Scale
from nirdynap.ir.units import FloatArray
from nirdynap.passes.per_channel import channel_values, odd_channel, scaled_output
from nirdynap.passes.rewrite import bypassed, credited, fresh_name, inserted, replaced, with_edges


def fold_scales(network: Network) -> Network:
    """The network without Scale nodes; one that feeds a neuron directly is left for the last pass to refuse.

    Raises:
        CompileError: ND204 for factors that differ within a channel where a kernel slides, ND205 for a factor
            between the last neuron and an Output.
    """
    while (simpler := _step(network)) is not None:
        network = simpler
    findings: list[Diagnostic] = []
    for conv in network.nodes:
        if isinstance(conv, Conv) and any(isinstance(s, Scale) for s in network.sources(conv.name)):
            try:
                network = _into_inputs(network, conv)
            except CompileError as error:
                findings += error.diagnostics
    findings += [f for node in network.nodes if isinstance(node, Scale) for f in _refusals(network, node)]
    if findings:
        raise CompileError(findings)
    return network


def _step(network: Network) -> Network | None:
    """One Scale brought one step further, or None when all have arrived."""
    for scale in network.nodes:
        if not isinstance(scale, Scale):
            continue
        into, out_of = network.edges_into(scale.name), network.edges_from(scale.name)
        if len(into) > 1 or len(out_of) > 1:
            return _one_to_one(network, scale)
        source, target = network.node(into[0].source), network.node(out_of[0].target)
        factors = channel_values(scale.factor)
        if factors is not None and isinstance(source, Conv) and len(network.edges_from(source.name)) == 1:
            return _into_outputs(network, source, scale, factors)
        if factors is not None and isinstance(target, Pool):
            return _past_pool(network, scale, target, factors)
        if isinstance(target, Scale) and len(network.edges_into(target.name)) == 1:
            product = frozen(scale.factor * target.factor)
            merged = credited(dataclasses.replace(target, factor=product), scale.origin)
            return bypassed(replaced(network, merged), scale.name)
    return None


def _one_to_one(network: Network, scale: Scale) -> Network:
    """A copy of `scale` for each pair of a source and a target."""
    into, out_of = network.edges_into(scale.name), network.edges_from(scale.name)
    edges = [e for e in network.edges if scale.name not in (e.source, e.target)]
    pairs = [(a, b) for a in into for b in out_of]
    name = scale.name
    for i, (a, b) in enumerate(pairs):
        if i:
            name = fresh_name(network, f"{scale.name}.{i}")
            network = inserted(network, dataclasses.replace(scale, name=name), scale.name)
        edges += [dataclasses.replace(a, target=name), dataclasses.replace(b, source=name)]
    return with_edges(network, tuple(edges))


def _into_outputs(network: Network, conv: Conv, scale: Scale, factors: FloatArray) -> Network:
    weights, bias = scaled_output(conv, factors)
    conv = dataclasses.replace(conv, weights=weights, bias=bias)
    return bypassed(replaced(network, credited(conv, scale.origin)), scale.name)


def _past_pool(network: Network, scale: Scale, pool: Pool, factors: FloatArray) -> Network:
    behind = dataclasses.replace(
        scale,
        name=fresh_name(network, f"{scale.name}.pooled"),
        input_shape=pool.output_shape,
        factor=frozen(np.broadcast_to(factors[:, None, None], pool.output_shape)),
    )
    own_pool = dataclasses.replace(pool, name=fresh_name(network, f"{pool.name}.scaled"))
    network = inserted(inserted(network, behind, pool.name), own_pool, pool.name)
    moved = [
        *(dataclasses.replace(e, target=own_pool.name) for e in network.edges_into(scale.name)),
        Edge(source=own_pool.name, target=behind.name),
        *(dataclasses.replace(e, source=behind.name) for e in network.edges_from(pool.name)),
    ]
    left = tuple(e for e in network.edges if scale.name not in (e.source, e.target))
    network = dataclasses.replace(network, nodes=tuple(n for n in network.nodes if n.name != scale.name))
    if not any(e.target == pool.name for e in left):  # nothing else came through this pool
        left = tuple(e for e in left if e.source != pool.name)
        network = dataclasses.replace(network, nodes=tuple(n for n in network.nodes if n.name != pool.name))
    return with_edges(network, (*left, *moved))


def _into_inputs(network: Network, conv: Conv) -> Network:
    """Take the factors of all sources of `conv` into its weights, a block of input channels per distinct factor."""
    blocks: list[tuple[FloatArray, FloatArray]] = []  # (factor, weights)
    edges = [e for e in network.edges if e.target != conv.name]
    channels = conv.input_shape[0]
    scales: list[Scale] = []
    for edge in network.edges_into(conv.name):
        source = network.node(edge.source)
        factor = source.factor if isinstance(source, Scale) else np.ones(conv.input_shape)
        block = next((i for i, (f, _) in enumerate(blocks) if np.array_equal(f, factor)), len(blocks))
        if block == len(blocks):
            blocks.append((factor, _weighted(conv, factor, source)))
        if isinstance(source, Scale):
            scales.append(source)
            (edge,) = network.edges_into(source.name)
        edges.append(dataclasses.replace(edge, target=conv.name, feature_shift=block * channels))
    weights = frozen(np.concatenate([w for _, w in blocks], axis=1))
    shape = (channels * len(blocks), *conv.input_shape[1:])
    origin = tuple(o for s in scales for o in s.origin)
    network = replaced(network, credited(dataclasses.replace(conv, weights=weights, input_shape=shape), origin))
    gone = {s.name for s in scales}
    network = dataclasses.replace(network, nodes=tuple(n for n in network.nodes if n.name not in gone))
    if len(blocks) > 1:
        found = ", ".join(f"{f.min():g}" if f.min() == f.max() else f"{f.min():g}..{f.max():g}" for f, _ in blocks)
        note = SCALED_INPUT_MIX.at(node_place(conv.name), value=found, limit=shape[0])
        network = dataclasses.replace(network, notes=(*network.notes, note))
    return with_edges(network, tuple(e for e in edges if not gone & {e.source, e.target}))


def _weighted(conv: Conv, factor: FloatArray, source: object) -> FloatArray:
    factors = channel_values(factor)
    if factors is not None:
        return conv.weights * factors[None, :, None, None]
    if conv.output_shape[1:] == (1, 1) and conv.weights.shape[1:] == conv.input_shape and conv.padding == (0, 0):
        return conv.weights * factor[None]  # each tap meets one pixel only
    assert isinstance(source, Scale)
    raise CompileError([_per_pixel(source)])


def _per_pixel(scale: Scale) -> Diagnostic:
    return SCALE_PER_PIXEL.at(node_place(scale.origin[0]), value=odd_channel(scale.factor))


def _refusals(network: Network, scale: Scale) -> Iterator[Diagnostic]:
    """Why `scale` is still there; nothing where a convolution or another pass says it."""
    (target,) = network.targets(scale.name)
    if isinstance(target, Output):
        found = f"a factor of {scale.factor.flat[0]:g} stands"
        yield SCALED_OUTPUT.at(node_place(scale.origin[0]), value=found)
    elif isinstance(target, (IF, Pool)) and channel_values(scale.factor) is None:
        yield _per_pixel(scale)
