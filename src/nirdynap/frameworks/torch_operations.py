"""Torch functions and methods: those that a graph can take, and what is said of others."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import functional

from nirdynap.errors import UNKNOWN_MODULE, Diagnostic, node_place
from nirdynap.frameworks.torch_nodes import POOLS, SPIKES, Size

PER_STEP = (
    "a forward of one step, with the loop outside; or for step in range(len(x)), with x[step] in and torch.stack of "
    "each step's spikes out, whose sums are taken outside (docs/from-your-framework.md)"
)
"""What is said of a forward that does not hand on one step after the other."""

STACKS = (torch.stack, torch.cat, torch.concat)
SUMS = (operator.add, operator.iadd, torch.add, "add", "add_")
PARTS = (operator.getitem, torch.select, "select")
RESHAPING = (
    *PARTS,
    *(torch.flatten, torch.reshape, torch.squeeze, torch.unsqueeze, torch.permute, torch.transpose, torch.movedim),
    *("flatten", "unflatten", "reshape", "view", "squeeze", "unsqueeze", "permute", "transpose", "movedim"),
)
SAME = (
    *(functional.dropout, functional.dropout2d, torch.clone),
    *("clone", "contiguous", "detach", "double", "float", "to", "type"),
)
UNBIND = (torch.unbind, "unbind")
SIZES = (int, float, bool, str, torch.Size, torch.dtype, torch.device, type(None))

_LAYER = "is a function, and layers are looked for among modules"
_FUNCTIONS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("max_pool1d", "max_pool2d", "adaptive_max_pool2d"), "takes the largest of a window", POOLS),
    (("avg_pool2d", "adaptive_avg_pool2d"), _LAYER, "nn.AvgPool2d"),
    (("lp_pool2d",), _LAYER, "nn.LPPool2d"),
    (("conv2d",), _LAYER, "nn.Conv2d"),
    (("linear", "matmul", "mm"), _LAYER, "nn.Linear"),
    (("batch_norm",), _LAYER, "nn.BatchNorm2d"),
    (("relu", "relu_", "leaky_relu", "gelu", "sigmoid", "tanh", "softmax"), "is not a spiking neuron", SPIKES),
    (("sum", "mean", "cumsum", "max", "argmax"), "adds up or compares, over time or over neurons",
     "returning each step's spikes, and doing that outside the model"),
    (("mul", "imul", "truediv", "div", "mul_", "div_"), "scales, and a spike is 1", "a factor in the weights"),
    (("cat", "concat", "stack"), "puts maps side by side", "`a + b` of maps of one shape"),
)  # fmt: skip
"""Names of functions and methods, why they are not taken, and what to take instead."""


def is_same(node: fx.Node, source: fx.Node, results: Mapping[fx.Node, Any]) -> bool:
    """Does the operation hand on whatever `source` gives it? On the sample alone, a cast or a dropout could seem to."""
    target: Any = node.target
    if not results[source].is_floating_point():
        return False
    run = getattr(Tensor, target) if isinstance(target, str) else target
    probe = 4 * torch.rand_like(results[source])
    args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: probe if n is source else results[n])
    made = run(*args, **kwargs)
    return bool(made.dtype == probe.dtype and torch.equal(made, probe))


def untaken(name: str, target: Any) -> Diagnostic:
    """That a function or method on spikes or currents is not known, and what to take instead."""
    operation = target if isinstance(target, str) else getattr(target, "__name__", str(target))
    place, value = node_place(name), f"the operation {operation!r}"
    for names, reason, remedy in _FUNCTIONS:
        if operation in names:
            return UNKNOWN_MODULE.at(place, value=value, why=reason, remedy=remedy)
    why = "on spikes, currents or membranes is nothing that a core computes"
    remedy = "modules for layers, `a + b` for merges; a constant factor belongs into the weights"
    return UNKNOWN_MODULE.at(place, value=value, why=why, remedy=remedy)


def misshapen(name: str, target: Any, step: Size, given: Size, made: Size) -> Diagnostic:
    """That an operation makes something else of a step than a step: `made` of `given`, which holds the step."""
    if target in PARTS:
        value, why = f"takes {made} out of {given}", "and a graph hands on whole maps, step by step"
        return UNKNOWN_MODULE.at(node_place(name), value=value, why=why, remedy=PER_STEP)
    value, why = f"makes {step} for each step into {made}", "which is neither time and batch nor a whole map made flat"
    return UNKNOWN_MODULE.at(node_place(name), value=value, why=why, remedy="Flatten")
