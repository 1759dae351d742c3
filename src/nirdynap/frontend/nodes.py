"""One parser per NIR node type: raw fields in; out comes a maker that builds our node once its input shape is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from nirdynap.errors import OVERLAPPING_POOL, SHAPE_MISMATCH, UNSUPPORTED_NODE, CompileError
from nirdynap.frontend.cuba import parse_cuba
from nirdynap.frontend.fields import Fields, misfit, spread
from nirdynap.frontend.neurons import Maker, parse_if, parse_lif
from nirdynap.ir.convention import Convention
from nirdynap.ir.digest import frozen
from nirdynap.ir.network import Conv, Flatten, Input, Linear, Node, Output, Pool, Scale
from nirdynap.ir.units import FloatArray, Pair, Shape, shape_text

Parser: TypeAlias = Callable[[Fields, Convention, frozenset[str]], Maker | None]

# What can't be lowered, why, and what to do instead.
_REFUSED = {
    "LI": ("leaks and never fires", "an IF node"),
    "CubaLI": ("has a synaptic filter and never fires", "an IF node"),
    "I": ("integrates and never fires", "an IF node"),
    "Delay": ("delays spikes, and the chip has no delay lines", "removing the delay"),
    "Threshold": ("has no memory, and the chip's neurons do", "an IF node"),
    "Conv1d": ("has one axis, and the chip's kernels have two", 'conv1d="1xk" (--conv1d 1xk) to read it as a Conv2d'),
}


def parse_node(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker | None:
    """The maker of a node, or None when the node can't be made; `fields.findings` says why.

    Args:
        fields: the raw node.
        convention: what the file leaves open, overrides included.
        given: names of the convention's fields that the caller set for this run; they win over a node's metadata.
    """
    parser = _PARSERS.get(fields.raw.type)
    if parser is None:
        why, remedy = _REFUSED.get(fields.raw.type, ("is not a node type of NIR", "one of " + ", ".join(_PARSERS)))
        fields.findings.append(UNSUPPORTED_NODE.at(fields.place, value=fields.raw.type, why=why, remedy=remedy))
        return None
    before = len(fields.findings)
    maker = parser(fields, convention, given)
    wrong = any(d.severity == "error" for d in fields.findings[before:])
    return None if wrong else maker


def _ports(kind: type[Input] | type[Output]) -> Parser:
    def parse(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker:
        fields.only("shape")
        name = fields.raw.name
        return lambda shape: kind(name=name, origin=(name,), input_shape=shape)

    return parse


def _conv(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker | None:
    fields.only("weight", "bias", "stride", "padding", "dilation", "groups", "input_shape")
    name, place = fields.raw.name, fields.place
    stride = fields.pair("stride", 1, least=1)
    dilation = fields.pair("dilation", 1, least=1)
    groups = fields.integer("groups", 1)
    weights = fields.numbers("weight", ndim=4)
    if weights is None:
        return None
    bias = _bias(fields, weights.shape[0])
    padding = _padding(fields, (weights.shape[2], weights.shape[3]), stride, dilation)
    if groups < 1 or weights.shape[0] % groups:
        fields.bad("groups", groups, f"a divisor of {weights.shape[0]} output channels")

    def make(shape: Shape) -> Node:
        needed = weights.shape[1] * groups
        if shape[0] != needed:
            raise CompileError(
                [SHAPE_MISMATCH.at(place, parameter="input", value=shape_text(shape), limit=f"{needed} channels")]
            )
        return Conv(
            name=name,
            origin=(name,),
            input_shape=shape,
            weights=weights,
            bias=bias,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
        )

    return make


def _padding(fields: Fields, kernel: Pair, stride: Pair, dilation: Pair) -> Pair:
    mode = fields.raw.fields.get("padding", 0)
    if not isinstance(mode, str):
        return fields.pair("padding", 0)
    if mode == "valid":
        return (0, 0)
    reach = (dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1))
    if mode == "same" and stride == (1, 1) and reach[0] % 2 == 0 and reach[1] % 2 == 0:
        return (reach[0] // 2, reach[1] // 2)
    fields.bad("padding", repr(mode), 'whole numbers, "valid", or "same" with stride 1 and an odd kernel')
    return (0, 0)


def _linear(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker | None:
    fields.only(*(("weight", "bias") if fields.raw.type == "Affine" else ("weight",)))
    name, place = fields.raw.name, fields.place
    weights = fields.numbers("weight", ndim=2)
    if weights is None:
        return None
    bias = _bias(fields, weights.shape[0]) if fields.raw.type == "Affine" else None

    def make(shape: Shape) -> Node:
        needed = (weights.shape[1], 1, 1)
        if shape != needed:
            limit = f"{needed[0]} features (a Flatten goes in front of a linear layer)"
            raise CompileError([SHAPE_MISMATCH.at(place, parameter="input", value=shape_text(shape), limit=limit)])
        return Linear(name=name, origin=(name,), input_shape=shape, weights=weights, bias=bias)

    return make


def _pool(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker:
    fields.only("kernel_size", "stride", "padding")
    name = fields.raw.name
    size = fields.pair("kernel_size", least=1)
    stride = fields.pair("stride", least=1) if "stride" in fields.raw.fields else size
    padding = fields.pair("padding", 0)
    if stride != size:
        fields.findings.append(
            OVERLAPPING_POOL.at(fields.place, parameter="stride", value=str(stride), limit=f"stride {size}")
        )
    if padding != (0, 0):
        fields.findings.append(
            OVERLAPPING_POOL.at(fields.place, parameter="padding", value=str(padding), limit="padding 0")
        )
    kind: Literal["sum", "avg"] = "sum" if fields.raw.type == "SumPool2d" else "avg"
    return lambda shape: Pool(name=name, origin=(name,), input_shape=shape, kind=kind, size=size)


def _flatten(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker:
    fields.only("start_dim", "end_dim", "input_type")
    name = fields.raw.name
    # Exporters count with or without the batch axis; both mean the whole (C, H, W).
    start, end = fields.integer("start_dim", 0), fields.integer("end_dim", -1)
    if start not in (0, 1) or end not in (-1, 2, 3):
        fields.bad("start_dim, end_dim", f"{start}, {end}", "a Flatten of all axes but the batch")
    order = fields.setting("flatten", convention, given)
    return lambda shape: Flatten(name=name, origin=(name,), input_shape=shape, order=order)


def _scale(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker | None:
    fields.only("scale")
    name, place = fields.raw.name, fields.place
    factor = fields.numbers("scale")
    if factor is None:
        return None

    def make(shape: Shape) -> Node:
        full = spread(factor, shape)
        if full is None:
            raise CompileError([misfit(place, "scale", factor.shape, shape)])
        return Scale(name=name, origin=(name,), input_shape=shape, factor=full)

    return make


def _identity(fields: Fields, convention: Convention, given: frozenset[str]) -> Maker:
    fields.only("shape")
    name = fields.raw.name
    return lambda shape: Scale(name=name, origin=(name,), input_shape=shape, factor=frozen(np.ones(shape), np.float64))


_PARSERS: dict[str, Parser] = {
    "Input": _ports(Input),
    "Output": _ports(Output),
    "Conv2d": _conv,
    "Linear": _linear,
    "Affine": _linear,
    "IF": parse_if,
    "LIF": parse_lif,
    "CubaLIF": parse_cuba,
    "SumPool2d": _pool,
    "AvgPool2d": _pool,
    "Flatten": _flatten,
    "Scale": _scale,
    "Identity": _identity,
}


def _bias(fields: Fields, features: int) -> FloatArray | None:
    bias = fields.numbers("bias", needed=False)
    if bias is None:
        return None
    full = spread(bias, (features, 1, 1))
    if full is None:
        fields.bad("bias", f"of shape {bias.shape}", f"{features} numbers")
        return None
    return frozen(full[:, 0, 0], np.float64)
