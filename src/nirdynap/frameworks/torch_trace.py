"""One way through all torch models (docs/adr/0004-one-tracer-for-torch.md).

A deep copy of the model runs the sample in eval mode and float64, one sample after the other, so that the axes of time
and batch hold nothing but time whatever their order. `torch.fx` follows the same copy (torch_graph.py), and every
module and function that it meets becomes part of the graph or is refused by name.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from nirdynap.errors import MODEL_FAILED, CompileError, Diagnostic, raise_errors
from nirdynap.frameworks.dialect import Dialect, refusals
from nirdynap.frameworks.torch_graph import follow
from nirdynap.frameworks.torch_nodes import untranslatable
from nirdynap.frameworks.traced import Traced, brief, graph_of
from nirdynap.ir.units import FloatArray, IntArray


def trace_torch(model: nn.Module, sample: IntArray, dialect: Dialect) -> Traced:
    """The graph of a torch model, and its own spikes on the sample; the model is not changed.

    Args:
        model: the user's.
        sample: int64 [time, batch, C, H, W] or [time, batch, N].
        dialect: the framework's own ways.

    Raises:
        CompileError: ND802 to ND807, all findings at once.
    """
    twin = _twin(model, dialect)
    with _in_float64():
        recordings = [_recorded(twin, dialect, sample[:, i : i + 1]) for i in range(sample.shape[1])]
        dialect.reset(twin)
        first = next(iter(dialect.calls(twin, _as_input(sample[:, :1]))))
        with _listening(twin, dialect):
            found = follow(twin, dialect, first, sample.shape[2:])
    raise_errors(found.findings)
    graph = graph_of(
        found.nodes,
        found.edges,
        convention=dialect.convention,
        framework=dialect.framework,
        version=dialect.version,
    )
    steps = len(sample)
    spikes = {name: _stacked((r.spikes[name] for r in recordings), steps) for name in found.neurons}
    outputs = {
        name: _stacked(([_pick(out, path) for out in r.outputs] for r in recordings), steps)
        for name, path in found.outputs.items()
    }
    return Traced(graph=graph, spikes=spikes, outputs=outputs)


def _twin(model: nn.Module, dialect: Dialect) -> nn.Module:
    """A copy of the model to run in float64 and eval mode, its states forgotten."""
    # States of a model in training hang on the graph of their gradients, and torch refuses to copy such tensors.
    memo = {id(t): t.detach().clone() for m in model.modules() for t in _tensors(vars(m)) if not t.is_leaf}
    try:
        twin = copy.deepcopy(model, memo)
    except Exception as error:  # whatever a user's class raises when it is copied
        raise CompileError(_reasons(model, dialect, f"it cannot be copied: {brief(error)}")) from error
    return dialect.prepare(twin).cpu().double().eval()


def _tensors(value: Any, depth: int = 3) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif depth and isinstance(value, (Mapping, list, tuple)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(item, depth - 1)


@final
class _Float64(TorchFunctionMode):
    """Makes float64 of what a forward would make float32, such as an input by `x.float()`."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        wide = {Tensor.float: Tensor.double}.get(func, func)
        args, kwargs = (tree_map(_widened, part) for part in (args, kwargs or {}))
        return wide(*args, **kwargs)


def _widened(value: Any) -> Any:
    return torch.float64 if value is torch.float32 else value


@contextmanager
def _in_float64() -> Iterator[None]:
    """Everything that is computed inside is float64, without gradients, and draws from its own random numbers."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]), _Float64():
            yield
    finally:
        torch.set_default_dtype(default)


@contextmanager
def _listening(twin: nn.Module, dialect: Dialect) -> Iterator[dict[str, list[Tensor]]]:
    """What each neuron module puts out inside this context, call by call, under the module's name."""
    heard: dict[str, list[Tensor]] = {}

    def listener(name: str) -> Callable[..., Any]:
        def listen(module: nn.Module, inputs: Any, output: Any) -> None:
            spikes = output[dialect.spike_item] if isinstance(output, tuple) else output
            heard.setdefault(name, []).append(spikes.clone())  # what comes next may change it in place

        return listen

    hooks = [m.register_forward_hook(listener(n)) for n, m in twin.named_modules() if dialect.is_neuron(m)]
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recording:
    """The live run of one sample: what each neuron module put out, and what the model returned, call by call."""

    spikes: Mapping[str, list[Tensor]]
    outputs: list[Any]


def _recorded(twin: nn.Module, dialect: Dialect, sample: IntArray) -> _Recording:
    dialect.reset(twin)
    try:
        with _listening(twin, dialect) as heard:
            outputs = [twin(x) for x in dialect.calls(twin, _as_input(sample))]
    except Exception as error:  # whatever a user's forward raises
        raise CompileError(_reasons(twin, dialect, brief(error))) from error
    return _Recording(spikes=heard, outputs=outputs)


def _reasons(model: nn.Module, dialect: Dialect, failure: str) -> list[Diagnostic]:
    """Why the copy does not run: modules that could not be translated anyhow, or else what it says itself."""
    findings: list[Diagnostic] = []
    for name, module in model.named_modules():
        home = type(module).__module__.partition(".")[0]
        if dialect.is_neuron(module):
            findings += refusals(name, module, dialect)
        elif home in ("torch", dialect.framework) and not list(module.children()) and not dialect.is_known(module):
            findings.append(untranslatable(name, module))
    return findings or [MODEL_FAILED.at("$", value=failure)]


def _as_input(sample: IntArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(sample)).double()


def _stacked(samples: Iterable[list[Tensor]], steps: int) -> FloatArray:
    """Float64 [time, batch, elements] of what was heard sample by sample."""
    each = [torch.cat([t.reshape(-1) for t in calls]).reshape(steps, -1) for calls in samples]
    array: FloatArray = torch.stack(each, dim=1).double().numpy()
    return array


def _pick(output: Any, path: tuple[Any, ...]) -> Tensor:
    for key in path:
        output = output[key]
    assert isinstance(output, Tensor)
    return output
