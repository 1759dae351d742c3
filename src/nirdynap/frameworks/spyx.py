"""Spyx: `spyx.nn.Sequential` of Flax layers and `IF` or `LIF` neurons, channels last.

A step (spyx 1.0, `nn.py`): spike = [v > theta]; v = beta * v + x - theta * spike. The decision is made on the membrane
that the step finds, so that each spiking layer answers one step late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import nir
import numpy as np

from nirdynap.errors import (
    BATCH_NORM_STAYS,
    CANNOT_FOLLOW,
    MODEL_FAILED,
    NO_COUNTERPART,
    SHAPE_MISMATCH,
    UNKNOWN_MODULE,
    CompileError,
    Diagnostic,
    node_place,
    raise_errors,
)
from nirdynap.frameworks.neuron_nodes import full, leaky_node
from nirdynap.frameworks.traced import Traced, brief, graph_of, settings
from nirdynap.ir.units import FloatArray, IntArray

_KNOWN = "spyx.nn.IF, LIF, SumPool, Flatten and nnx.Conv, Linear, BatchNorm, Dropout"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What a layer becomes, and what it hands on.

    Attributes:
        name: of the node.
        node: None for a layer that does nothing in eval mode.
        shape: (C, H, W) or (N,), of what goes on.
        order: where the elements of a flattened map lie in the live model, in the order (channel, y, x); or None.
        spikes: is it a neuron?
    """

    name: str
    node: nir.NIRNode | None
    shape: tuple[int, ...]
    order: IntArray | None = None
    spikes: bool = False

    def seen(self, live: FloatArray) -> FloatArray:
        """Values of the live model, [..., y, x, channel] or [..., n], in the order of the graph."""
        if len(self.shape) == 3:
            return np.moveaxis(live, -1, -3)
        return live if self.order is None else live[..., self.order]


def trace(model: Any, sample: IntArray) -> Traced:
    """The graph of a Spyx model and its own spikes on the sample, from a copy in eval mode and float64.

    Args:
        model: a `spyx.nn.Sequential`.
        sample: int64 [time, batch, C, H, W], which the model gets as [time, batch, H, W, C]; or [time, batch, N].

    Raises:
        CompileError: ND8xx, all findings at once.
    """
    if (kind := _kind_of(model)) != "spyx.nn.Sequential":
        value = f"{kind} is not a spyx.nn.Sequential, whose order can be read"
        raise CompileError([CANNOT_FOLLOW.at("$", value=value, remedy="spyx.nn.Sequential(layers...)")])
    steps = _steps(model, sample.shape[2:])
    spikes, out = _run(model, sample, steps)
    chain = [step for step in steps if step.node is not None]
    names = [step.name for step in chain] + ["output"]
    nodes = {step.name: step.node for step in chain}
    nodes["output"] = nir.Output({"output": np.array(steps[-1].shape)})
    graph = graph_of(
        nodes,
        list(pairwise(names)),
        convention="spyx",
        framework="spyx",
        version=version("spyx"),
    )
    return Traced(graph=graph, spikes=spikes, outputs={"output": out})


def _steps(model: Any, shape: tuple[int, ...]) -> list[_Step]:
    """The Input and one step for each layer, named as Spyx's own exporter names them."""
    steps = [_Step(name="input", node=nir.Input({"input": np.array(shape)}), shape=shape)]
    findings: list[Diagnostic] = []
    for i, layer in enumerate(model.layers):
        name = f"layer_{i}"
        package, kind = _kind_of(layer).partition(".")[0], type(layer).__name__
        translate = _LAYERS.get((package, kind), _unknown)
        if findings and translate is not _unknown:
            continue  # shapes are not known any more; other layers that nobody knows still are named
        try:
            steps = translate(name, layer, steps)
        except CompileError as error:
            findings += error.diagnostics
    raise_errors(findings)
    return steps


# --- one function per layer ------------------------------------------------------------------------------------------


def _unknown(name: str, layer: Any, _: list[_Step]) -> list[_Step]:
    why = "is not among the layers that can be translated"
    raise CompileError([UNKNOWN_MODULE.at(node_place(name), value=_kind_of(layer), why=why, remedy=_KNOWN)])


def _linear(name: str, layer: Any, before: _Step) -> _Step:
    weights = _array(layer.kernel).T
    place = node_place(name)
    raise_errors([*_plain(place, layer, dtype=None), *_fits(place, weights.shape[1:], before.shape)])
    if before.order is not None:
        weights = weights[:, before.order]
    bias = None if layer.bias is None else _array(layer.bias)
    node = nir.Linear(weight=weights) if bias is None else nir.Affine(weight=weights, bias=bias)
    return _Step(name=name, node=node, shape=(len(weights),))


def _conv(name: str, layer: Any, before: _Step) -> _Step:
    place = node_place(name)
    weights = _array(layer.kernel)
    raise_errors(_fits(place, (weights.shape[2] * layer.feature_group_count, "H", "W"), before.shape))
    raise_errors(_plain(place, layer, dtype=None, mask=None, input_dilation=1))
    stride, dilation = _pair(layer.strides), _pair(layer.kernel_dilation)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, weights.shape[:2], strict=True)]
    pads = _padding(place, layer.padding, before.shape[1:], reach, stride)
    weights = weights.transpose(3, 2, 0, 1)
    for axis, (low, high) in enumerate(pads):
        if low == high:
            continue
        # One pixel more at the end: as much at the start, where a row of zeros in the kernel sees it.
        if high != low + 1 or dilation[axis] != 1:
            value = f"{(low, high)} with dilation {dilation[axis]}"
            limit = "the same on both sides, or without dilation one pixel more behind the map"
            raise CompileError([NO_COUNTERPART.at(place, parameter="padding", value=value, limit=limit)])
        weights = np.concatenate([np.zeros_like(weights.take([0], 2 + axis)), weights], axis=2 + axis)
    node = nir.Conv2d(
        input_shape=before.shape[1:],
        weight=weights,
        stride=stride,
        padding=(pads[0][1], pads[1][1]),
        dilation=dilation,
        groups=int(layer.feature_group_count),
        bias=np.zeros(len(weights)) if layer.bias is None else _array(layer.bias),
    )
    return _Step(name=name, node=node, shape=(len(weights), *_slid(before.shape[1:], pads, reach, stride)))


def _pool(name: str, layer: Any, before: _Step) -> _Step:
    place = node_place(name)
    raise_errors(_fits(place, ("C", "H", "W"), before.shape))
    raise_errors(_plain(place, layer, channel_axis=-1))
    size, stride = _pair(layer.window_shape), _pair(layer.strides)
    pads = _padding(place, layer.padding, before.shape[1:], size, stride)
    if any(low != high for low, high in pads):
        raise CompileError([NO_COUNTERPART.at(place, parameter="padding", value=str(pads), limit="VALID")])
    node = nir.SumPool2d(np.array(size), np.array(stride), np.array([low for low, _ in pads]))
    return _Step(name=name, node=node, shape=(before.shape[0], *_slid(before.shape[1:], pads, size, stride)))


def _flatten(name: str, _: Any, before: _Step) -> _Step:
    if len(before.shape) == 1:
        return _nothing(name, None, before)
    channels, height, width = before.shape
    # The live model flattens (y, x, channel); the file says (channel, y, x), and what follows is put into that order.
    order = np.arange(height * width * channels).reshape(height, width, channels).transpose(2, 0, 1).ravel()
    node = nir.Flatten({"input": np.array(before.shape)}, start_dim=0, end_dim=-1, metadata=settings(flatten="chw"))
    return _Step(name=name, node=node, shape=(len(order),), order=order)


def _nothing(name: str, _: Any, before: _Step) -> _Step:
    return replace(before, name=name, node=None, spikes=False)


def _neuron(name: str, layer: Any, before: _Step) -> _Step:
    import jax.numpy as jnp

    place = node_place(name)
    shape = before.shape
    probe = layer.spike(jnp.array([-1.0, -1e-6, 0.0, 1e-6, 1.0])).tolist()
    if probe != [0.0, 0.0, 0.0, 1.0, 1.0]:
        limit = "spikes exactly where the membrane is above the threshold"
        raise CompileError([NO_COUNTERPART.at(place, parameter="activation", value="no step at 0", limit=limit)])
    last = shape if len(shape) == 1 else (*shape[1:], shape[0])
    raise_errors(_fits(place, tuple(layer.hidden_shape), last))
    beta = np.clip(_array(layer.beta), 0.0, 1.0) if hasattr(layer, "beta") else 1.0
    node = leaky_node(
        place,
        shape,
        before.seen(full(_array(layer.threshold), last, place)),
        before.seen(full(beta, last, place)),
        tie="waits",
        reset="subtract",
        reset_time="next",
        v_min="none",
        spikes_per_step="one",
    )
    return replace(before, name=name, node=node, spikes=True)


def _fold(name: str, layer: Any, steps: list[_Step]) -> list[_Step]:
    """A BatchNorm goes into the weights right in front of it."""
    place = node_place(name)
    raise_errors(_plain(place, layer, dtype=None, axis=-1))
    at = max(i for i, step in enumerate(steps) if step.node is not None)
    node = steps[at].node
    if not isinstance(node, (nir.Conv2d, nir.Linear, nir.Affine)):
        value = f"it stands behind {steps[at].name!r}, which has no weights"
        raise CompileError([BATCH_NORM_STAYS.at(place, value=value)])
    # In float64 from here on, as the live copy runs.
    factor = 1.0 / np.sqrt(_array(layer.var) + layer.epsilon)
    factor = factor if layer.scale is None else factor * _array(layer.scale)
    shift = 0.0 if layer.bias is None else _array(layer.bias)
    weight = node.weight * factor.reshape(-1, *(1,) * (node.weight.ndim - 1))
    bias = (getattr(node, "bias", 0.0) - _array(layer.mean)) * factor + shift
    folded = replace(node, weight=weight, bias=bias) if isinstance(node, nir.Conv2d) else nir.Affine(weight, bias)
    return [*steps[:at], replace(steps[at], node=folded), *steps[at + 1 :]]


def _one(translate: Callable[[str, Any, _Step], _Step]) -> Callable[[str, Any, list[_Step]], list[_Step]]:
    """The steps with the one that `translate` makes, which looks at the last one only."""
    return lambda name, layer, steps: [*steps, translate(name, layer, steps[-1])]


_LAYERS: dict[tuple[str, str], Callable[[str, Any, list[_Step]], list[_Step]]] = {
    ("flax", "BatchNorm"): _fold,
    ("flax", "Linear"): _one(_linear),
    ("flax", "Conv"): _one(_conv),
    ("flax", "Dropout"): _one(_nothing),
    ("spyx", "SumPool"): _one(_pool),
    ("spyx", "Flatten"): _one(_flatten),
    ("spyx", "IF"): _one(_neuron),
    ("spyx", "LIF"): _one(_neuron),
}


# --- what the layers share -------------------------------------------------------------------------------------------


def _kind_of(thing: Any) -> str:
    """Module and name of a function, or of the class of an object."""
    of = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{of.__module__}.{of.__qualname__}"


def _array(value: Any) -> FloatArray:
    """A Flax variable, an array or a number as float64."""
    return np.asarray(value[...] if hasattr(value, "get_value") else value, dtype=np.float64)


def _pair(value: Any) -> tuple[int, int]:
    one, two = np.broadcast_to(np.asarray(1 if value is None else value, dtype=int), 2).tolist()
    return one, two


def _plain(place: str, layer: Any, **plain: Any) -> Iterator[Diagnostic]:
    """Attributes that are not what they are by default, and that would change the result."""
    for name, default in plain.items():
        value = getattr(layer, name)
        same = value is None if default is None else value is not None and bool(np.all(np.asarray(value) == default))
        if not same:
            yield NO_COUNTERPART.at(place, parameter=name, value=str(value), limit=str(default))


def _fits(place: str, wanted: tuple[Any, ...], shape: tuple[int, ...]) -> Iterator[Diagnostic]:
    """Is what comes in of the shape that a layer takes? Letters stand for any size."""
    same = len(wanted) == len(shape) and all(isinstance(w, str) or w == n for w, n in zip(wanted, shape, strict=True))
    if not same:
        limit = " x ".join(str(w) for w in wanted)
        yield SHAPE_MISMATCH.at(place, parameter="what comes in", value=" x ".join(map(str, shape)), limit=limit)


def _padding(place: str, padding: Any, size: Any, reach: Any, stride: Any) -> list[tuple[int, int]]:
    """Pixels added (before, after) per axis; "SAME" as in XLA: the odd one after."""
    if padding == "VALID":
        return [(0, 0), (0, 0)]
    if padding == "SAME":
        totals = [max((-(-n // s) - 1) * s + r - n, 0) for n, r, s in zip(size, reach, stride, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    if isinstance(padding, str):
        limit = "SAME, VALID or numbers"
        raise CompileError([NO_COUNTERPART.at(place, parameter="padding", value=padding, limit=limit)])
    pairs = [padding] * 2 if np.ndim(padding) == 0 else list(padding)
    return [_pair(pair) for pair in pairs]


def _slid(size: Any, pads: Any, reach: Any, stride: Any) -> tuple[int, ...]:
    """Size of the map that a window leaves, per axis."""
    axes = zip(size, pads, reach, stride, strict=True)
    return tuple((n + before + behind - r) // s + 1 for n, (before, behind), r, s in axes)


# --- the live run ----------------------------------------------------------------------------------------------------


def _wide(value: Any) -> Any:
    """Floats of any kind as float64, anything else (keys of random numbers) as it is."""
    import jax.numpy as jnp

    floating = jnp.issubdtype(getattr(value, "dtype", type(value)), jnp.floating)
    return jnp.asarray(value, jnp.float64) if floating else value


def _run(model: Any, sample: IntArray, steps: list[_Step]) -> tuple[dict[str, FloatArray], FloatArray]:
    """Spikes of every neuron and the output, [time, batch, ...] in the order of the graph."""
    import jax
    import jax.numpy as jnp
    from flax import nnx

    live_input = sample if sample.ndim == 3 else np.moveaxis(sample, 2, -1)
    with jax.enable_x64(True):
        definition, state = nnx.split(model)
        live = nnx.merge(definition, jax.tree.map(_wide, state))
        live.eval()

        def step(carried: list[Any], x: Any) -> tuple[list[Any], list[Any]]:
            # `spyx.nn.Sequential` itself, which shows nobody what its layers said.
            outs, after = [], []
            for layer, held in zip(live.layers, carried, strict=True):
                x, kept = (layer(x), None) if held is None else layer(x, held)
                outs.append(x)
                after.append(kept)
            return after, outs

        first = live.initial_state(sample.shape[1])
        try:
            _, outs = jax.lax.scan(step, first, jnp.asarray(live_input, jnp.float64))
        except Exception as error:  # whatever a layer raises
            remedy = f"a sample [time, batch, C, H, W] or [time, batch, N]; the model is given {live_input.shape}"
            raise CompileError([MODEL_FAILED.at("$", value=brief(error), remedy=remedy)]) from error
    by_layer = {f"layer_{i}": np.asarray(out, dtype=np.float64) for i, out in enumerate(outs)}
    spikes = {step.name: step.seen(by_layer[step.name]) for step in steps if step.spikes}
    return spikes, steps[-1].seen(by_layer[f"layer_{len(outs) - 1}"])
