"""A linear layer behind a Flatten is a convolution whose kernel is the whole map."""

from __future__ import annotations

import dataclasses

from nirdynap.errors import MISPLACED_FLATTEN, SHAPE_MISMATCH, CompileError, Diagnostic, node_place
from nirdynap.ir.digest import frozen
from nirdynap.ir.network import Conv, Flatten, Linear, Network, Output, Scale
from nirdynap.ir.units import FloatArray, Shape, shape_text
from nirdynap.passes.rewrite import bypassed, credited, replaced


def linear_to_conv(network: Network) -> Network:
    """Every linear layer as a convolution, no Flatten left.

    Raises:
        CompileError: ND219 for a Flatten that feeds something else, ND116 for a sum of differently flattened sources.
    """
    findings: list[Diagnostic] = []
    network = _scales_before_flatten(network)
    for linear in network.nodes:
        if not isinstance(linear, Linear):
            continue
        sources = network.sources(linear.name)
        layouts = {(s.input_shape, s.order) if isinstance(s, Flatten) else (s.output_shape, "chw") for s in sources}
        if len(layouts) > 1:
            found = "of " + " and ".join(sorted(f"{shape_text(shape)} ({order})" for shape, order in layouts))
            limit = "one shape and order of the maps in front of Flatten"
            findings.append(SHAPE_MISMATCH.at(node_place(linear.name), parameter="the sum", value=found, limit=limit))
            continue
        shape, order = layouts.pop()
        conv = Conv(
            name=linear.name,
            origin=linear.origin,
            input_shape=shape,
            weights=frozen(_as_kernel(linear.weights, shape, order)),
            bias=linear.bias,
        )
        for flat in (s for s in sources if isinstance(s, Flatten)):
            conv = credited(conv, flat.origin)
        network = replaced(network, conv)
    return _without_flatten(network, findings)


def _as_kernel(weights: FloatArray, shape: Shape, order: str) -> FloatArray:
    c, h, w = shape
    hwc = weights.reshape(-1, h, w, c).transpose(0, 3, 1, 2)
    kernel: FloatArray = hwc if order == "hwc" else weights.reshape(-1, c, h, w)
    return kernel


def _scales_before_flatten(network: Network) -> Network:
    """A Scale behind a Flatten moves in front of it, so that the Flatten meets its linear layer."""
    for flat in network.nodes:
        while isinstance(flat, Flatten) and (scale := _lone_scale(network, flat)):
            c, h, w = flat.input_shape
            factor = scale.factor.reshape(c, h, w)
            if flat.order == "hwc":
                factor = scale.factor.reshape(h, w, c).transpose(2, 0, 1)
            # the two nodes change places by changing their contents: names are for people, the order stays
            first = dataclasses.replace(scale, name=flat.name, input_shape=flat.input_shape, factor=frozen(factor))
            flat = dataclasses.replace(flat, name=scale.name, origin=flat.origin)
            network = replaced(replaced(network, first), flat)
    return network


def _lone_scale(network: Network, flat: Flatten) -> Scale | None:
    targets = network.targets(flat.name)
    if len(targets) == 1 and isinstance(targets[0], Scale) and len(network.sources(targets[0].name)) == 1:
        return targets[0]
    return None


def _without_flatten(network: Network, findings: list[Diagnostic]) -> Network:
    for flat in network.nodes:
        if not isinstance(flat, Flatten):
            continue
        targets = network.targets(flat.name)
        # Counts of an Output in C-major order are the same numbers flat or not; a Linear still here is refused already.
        harmless = [
            isinstance(t, Linear)
            or (isinstance(t, Conv) and t.input_shape == flat.input_shape)
            or (isinstance(t, Output) and flat.order == "chw")
            for t in targets
        ]
        if all(harmless):
            for target in targets:
                if isinstance(target, Output):
                    network = replaced(network, dataclasses.replace(target, input_shape=flat.input_shape))
            network = bypassed(network, flat.name)
        else:
            wrong = ", ".join(t.name for t, ok in zip(targets, harmless, strict=True) if not ok)
            findings.append(MISPLACED_FLATTEN.at(node_place(flat.name), value=wrong, limit=flat.order))
    if findings:
        raise CompileError(findings)
    return network
