"""Fills in what NIR graphs leave out in memory and what every nir from 1.0.4 to 1.0.8 insists on in a file.

Those readers want each field of a node to be there, the size of each convolution's input, and the parameters of
neurons in full shape. What is missing is filled in; what is there is never corrected.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nirdynap.errors import BAD_PARAMETER, UNKNOWN_SHAPE, UNSUPPORTED_NODE, Diagnostic
from nirdynap.frontend.fields import whole
from nirdynap.frontend.raw import NEURONS, RawGraph, RawNode

Size: TypeAlias = tuple[int, ...]
Fields: TypeAlias = dict[str, Any]

_ELEMENTWISE = (*NEURONS, "CubaLI", "Delay", "I", "LI", "Scale", "Threshold")
_CONV = ("weight", "bias", "stride", "padding", "dilation", "groups", "input_shape")
_POOL = ("kernel_size", "stride", "padding")
_NEEDED = {
    "Affine": ("weight", "bias"),
    "AvgPool2d": _POOL,
    "Conv1d": _CONV,
    "Conv2d": _CONV,
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "w_in"),
    "Delay": ("delay",),
    "Flatten": ("start_dim", "end_dim"),
    "I": ("r",),
    "IF": ("r", "v_threshold"),
    "Input": ("shape",),
    "LI": ("tau", "r", "v_leak"),
    "LIF": ("tau", "r", "v_leak", "v_threshold"),
    "Linear": ("weight",),
    "NIRGraph": (),
    "Output": ("shape",),
    "Scale": ("scale",),
    "SumPool2d": _POOL,
    "Threshold": ("threshold",),
}


_LEAST = dict.fromkeys(("stride", "dilation", "groups", "kernel_size", "input_shape", "shape", "input_type"), 1)
_LEAST |= {"padding": 0, "start_dim": -8, "end_dim": -8}  # axes count from behind where they are negative


def completed(
    graph: RawGraph, size: Size | None = None, place: str = "$"
) -> tuple[RawGraph, Size | None, list[Diagnostic]]:
    """The graph with every field that a reader needs, the size of what it puts out, and what stays missing.

    Args:
        graph: as found; not changed.
        size: what comes in, where the graph is nested in another.
        place: where the graph is, for the findings.
    """
    by_name = {n.name: n for n in graph.nodes}
    done: dict[str, RawNode] = {}
    findings: list[Diagnostic] = []
    result: Size | None = None
    # From the Inputs on, in order of distance; what cannot be reached from them comes last, with nothing known.
    waiting = deque((n.name, size) for n in graph.nodes if n.type == "Input")
    unreached = deque(by_name)
    while waiting or unreached:
        name, coming = waiting.popleft() if waiting else (unreached.popleft(), None)
        if name in done:
            continue
        done[name], going, found = _completed_node(by_name[name], coming, f"{place}.nodes.{name}")
        findings += found
        result = going if by_name[name].type == "Output" else result
        waiting.extend((b, going) for a, b in graph.edges if a == name and b in by_name)
    return dataclasses.replace(graph, nodes=tuple(done[n.name] for n in graph.nodes)), result, findings


def _completed_node(node: RawNode, size: Size | None, place: str) -> tuple[RawNode, Size | None, list[Diagnostic]]:
    if node.type not in _NEEDED:
        known = ", ".join(sorted(_NEEDED))
        return node, None, [UNSUPPORTED_NODE.at(place, value=node.type, why="is not a node type of NIR", remedy=known)]
    if node.graph is not None:
        graph, going, findings = completed(node.graph, size, place)
        return dataclasses.replace(node, graph=graph), going, findings
    odd = [*_odd_sizes(node, place)]
    if odd:
        return node, None, odd
    fields = dict(node.fields)
    complete = _elementwise if node.type in _ELEMENTWISE else _COMPLETE[node.type]
    going = complete(fields, size)
    findings = []
    for field in sorted(set(_NEEDED[node.type]) - set(fields)):
        if field in ("shape", "input_shape"):
            findings.append(UNKNOWN_SHAPE.at(place, value="of what comes in"))
        else:
            findings.append(BAD_PARAMETER.at(place, parameter=field, value="missing", limit="numbers"))
    return dataclasses.replace(node, fields=fields), going, findings


def _odd_sizes(node: RawNode, place: str) -> Iterator[Diagnostic]:
    """Sizes, steps and axes that are no whole numbers, or too small ones."""
    for name, least in _LEAST.items():
        value = node.fields.get(name)
        if value is None or (name == "padding" and isinstance(value, str)):
            continue
        array = np.asarray(value)
        if array.size == 0 or not whole(array) or array.min() < least:
            limit = "whole numbers" + ("" if least < 0 else f" from {least} up")
            yield BAD_PARAMETER.at(place, parameter=name, value=str(value), limit=limit)


# --- one function per node type: adds to `fields`, returns the size of what the node puts out ------------------------


def _port(fields: Fields, size: Size | None) -> Size | None:
    if size is not None:
        fields.setdefault("shape", np.array(size))
    return _as_size(fields.get("shape"))


def _elementwise(fields: Fields, size: Size | None) -> Size | None:
    if size is None:
        return max((np.shape(p) for p in fields.values()), key=len, default=None)
    for name, parameter in fields.items():
        fields[name] = _spread(np.asarray(parameter), size)
    return size


def _spread(parameter: npt.NDArray[Any], size: Size) -> npt.NDArray[Any]:
    """A number, or one number per channel, repeated to the full size; anything else as it is."""
    if parameter.size == 1:
        return np.full(size, parameter.ravel()[0])
    per_channel = (size[0], *(1 for _ in size[1:]))
    if parameter.shape in ((size[0],), per_channel):
        return np.tile(parameter.reshape(per_channel), (1, *size[1:]))
    return parameter


def _dense(fields: Fields, size: Size | None) -> Size | None:
    weight = fields.get("weight")
    return None if weight is None or np.ndim(weight) < 2 else (*np.shape(weight)[:-2], np.shape(weight)[-2])


def _affine(fields: Fields, size: Size | None) -> Size | None:
    going = _dense(fields, size)
    if going is not None:
        fields.setdefault("bias", np.zeros(going, dtype=np.asarray(fields["weight"]).dtype))
    return going


def _conv(fields: Fields, size: Size | None) -> Size | None:
    weight = fields.get("weight")
    if weight is None or np.ndim(weight) < 3:
        return None
    out, _, *kernel = np.shape(weight)
    fields.setdefault("bias", np.zeros(out, dtype=np.asarray(weight).dtype))
    fields.setdefault("groups", np.array(1))
    for name, default in (("stride", 1), ("padding", 0), ("dilation", 1)):
        fields[name] = _per_axis(fields.get(name, default), len(kernel))
    if size is not None and len(size) == len(kernel) + 1:
        # nir wants one number, not an array of one, for one axis
        fields.setdefault("input_shape", np.array(size[1:] if len(kernel) > 1 else size[1]))
    if "input_shape" not in fields:
        return None
    coming = tuple(int(n) for n in np.ravel(fields["input_shape"]))
    return (out, *_slide(coming, tuple(kernel), fields["stride"], fields["padding"], fields["dilation"]))


def _pool(fields: Fields, size: Size | None) -> Size | None:
    if "kernel_size" not in fields:
        return None
    fields["kernel_size"] = _per_axis(fields["kernel_size"], 2)
    fields["stride"] = _per_axis(fields.get("stride", fields["kernel_size"]), 2)
    fields["padding"] = _per_axis(fields.get("padding", 0), 2)
    if size is None or len(size) != 3:
        return None
    kernel = tuple(int(k) for k in fields["kernel_size"])
    return (size[0], *_slide(size[1:], kernel, fields["stride"], fields["padding"], np.ones(2, int)))


def _flatten(fields: Fields, size: Size | None) -> Size | None:
    if size is not None:
        fields.setdefault("input_type", np.array(size))
    coming = _as_size(fields.get("input_type"))
    if coming is None or "start_dim" not in fields or "end_dim" not in fields:
        return None
    first, last = (int(fields[name]) % len(coming) for name in ("start_dim", "end_dim"))
    return (*coming[:first], int(np.prod(coming[first : last + 1])), *coming[last + 1 :])


def _slide(coming: Size, kernel: Size, stride: Any, padding: Any, dilation: Any) -> Size:
    """Size of the map that a window leaves, per axis."""
    if isinstance(padding, str) and padding == "same":
        return tuple(-(-n // int(s)) for n, s in zip(coming, stride, strict=False))
    around = [0] * len(coming) if isinstance(padding, str) else padding
    axes = zip(coming, kernel, stride, around, dilation, strict=False)
    return tuple((n + 2 * int(p) - int(d) * (k - 1) - 1) // int(s) + 1 for n, k, s, p, d in axes)


def _per_axis(value: Any, axes: int) -> Any:
    """A single number repeated for each axis; anything else ("same", "valid", pairs) as it is."""
    return np.full(axes, value) if np.size(value) == 1 and not isinstance(value, str) else value


def _as_size(shape: Any) -> Size | None:
    return None if shape is None else tuple(int(n) for n in np.ravel(shape))


_COMPLETE: dict[str, Callable[[Fields, Size | None], Size | None]] = {
    "Affine": _affine,
    "AvgPool2d": _pool,
    "Conv1d": _conv,
    "Conv2d": _conv,
    "Flatten": _flatten,
    "Input": _port,
    "Linear": _dense,
    "Output": _port,
    "SumPool2d": _pool,
}
