"""One way through all torch models (docs/adr/0004-one-tracer-for-torch.md).

The model runs the sample in eval mode and float64, on attributes that are lent to it (lent.py), one sample after the
other, so that the axes of time and batch hold nothing but time whatever their order. `torch.fx` follows the same model
(torch_graph.py), and every module and function that it meets becomes part of the graph or is refused by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from nirdynap.errors import CANNOT_FOLLOW, CompileError, raise_errors
from nirdynap.frameworks.dialect import Dialect
from nirdynap.frameworks.lent import lent
from nirdynap.frameworks.torch_graph import Followed, follow
from nirdynap.frameworks.torch_operations import PER_STEP
from nirdynap.frameworks.torch_run import Recording, record, way_of
from nirdynap.frameworks.traced import Traced, graph_of
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
    _check_arguments(model)
    single = [torch.from_numpy(np.ascontiguousarray(sample[:, i : i + 1])).double() for i in range(sample.shape[1])]
    way = way_of(single[0], dialect, lambda: _live(model, dialect))
    recordings = []
    for x in single:
        with _live(model, dialect) as live:
            recordings.append(record(live, dialect, way, x))
    with _live(model, dialect) as live:
        example = next(iter(way.calls(live, single[0])))
        found = follow(live, dialect, example, sample.shape[2:], way.steps)
    raise_errors(found.findings)
    graph = graph_of(
        found.nodes,
        found.edges,
        convention=dialect.convention,
        framework=dialect.framework,
        version=dialect.version,
    )
    spikes, outputs = _spikes(found, recordings, len(sample)), _outputs(found, recordings, len(sample))
    return Traced(graph=graph, spikes=spikes, outputs=outputs)


def _check_arguments(model: nn.Module) -> None:
    """A model whose caller keeps the states is known only with its caller."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    arguments = inspect.signature(model.forward).parameters.values()
    needed = [a.name for a in arguments if a.kind in kinds and a.default is a.empty]
    if len(needed) > 1:
        value = f"it takes {', '.join(needed[1:])} beside its input"
        remedy = "a forward of one argument, whose neurons keep their states: spikes, _ = self.lif(self.conv(x))"
        raise CompileError([CANNOT_FOLLOW.at("$", value=value, remedy=remedy)])


@contextmanager
def _live(model: nn.Module, dialect: Dialect) -> Iterator[nn.Module]:
    """The model in float64 and eval mode, its states forgotten; as it was when the context ends."""
    with lent(model):
        live = dialect.prepare(model).cpu().double().eval()
        with _in_float64():
            dialect.reset(live)
            yield live


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


def _spikes(found: Followed, recordings: list[Recording], steps: int) -> dict[str, FloatArray]:
    sizes = {name: prod(shape) for name, shape in found.neurons.items()}
    why = "its neurons see more than a step at once; a loop over time gives them x[step], not the whole input"
    return {name: _stacked((r.spikes[name] for r in recordings), steps, size, why) for name, size in sizes.items()}


def _outputs(found: Followed, recordings: list[Recording], steps: int) -> dict[str, FloatArray]:
    sizes = {name: prod(found.nodes[name].output_type["output"]) for name in found.outputs}
    why = "it does not return the spikes of each step"
    return {
        name: _stacked(([_pick(out, path) for out in r.outputs] for r in recordings), steps, sizes[name], why)
        for name, path in found.outputs.items()
    }


def _stacked(samples: Iterable[list[Tensor]], steps: int, size: int, otherwise: str) -> FloatArray:
    """Float64 [time, batch, elements] of what was heard sample by sample; `size` elements are one step's."""
    each = [torch.cat([t.reshape(-1) for t in calls]) for calls in samples]
    if any(len(values) != steps * size for values in each):
        raise CompileError([CANNOT_FOLLOW.at("$", value=otherwise, remedy=PER_STEP)])
    array: FloatArray = torch.stack([values.reshape(steps, size) for values in each], dim=1).double().numpy()
    return array


def _pick(output: Any, path: tuple[Any, ...]) -> Tensor:
    for key in path:
        output = output[key]
    assert isinstance(output, Tensor)
    return output
