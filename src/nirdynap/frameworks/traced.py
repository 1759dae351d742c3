"""What a framework's file hands over: a complete graph, and what the live model itself did on the sample.

A framework's file has the framework's name (export.py finds it by the classes in the model) and one function,
``trace(model, sample) -> Traced``. It takes the sample as int64 [time, batch, C, H, W] or [time, batch, N], leaves the
model as it is, and raises CompileError with all findings about what it does not know. Torch frameworks describe their
neurons in a `dialect.Dialect` and leave the rest to `torch_trace.trace_torch`.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import nir
import numpy as np

from nirdynap.frontend.fields import OUR_METADATA
from nirdynap.ir.units import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A traced model.

    Attributes:
        graph: complete: every shape, threshold and reset; each neuron's settings are in its metadata (`settings`), the
            graph's own metadata names the convention (`graph_of`).
        spikes: per spiking node of the graph, float64 [time, batch, ...]: the live model's own spikes on the sample.
        outputs: per Output node, float64 [time, batch, ...]: what the live model returned. Those not named here are
            not compared.
        epsilon: relative rounding error of the live run's arithmetic; 2.0**-52 for float64, 2.0**-23 for float32.
    """

    graph: nir.NIRGraph
    spikes: Mapping[str, FloatArray]
    outputs: Mapping[str, FloatArray] = field(default_factory=dict)
    epsilon: float = 2.0**-52


def samples_of(traced: Traced, which: slice) -> Traced:
    """The same graph with what the model did on some of the samples."""
    spikes, outputs = (
        {name: array[:, which] for name, array in each.items()} for each in (traced.spikes, traced.outputs)
    )
    return dataclasses.replace(traced, spikes=spikes, outputs=outputs)


def settings(**values: Any) -> dict[str, dict[str, Any]]:
    """Metadata of a neuron: its settings by the names of a convention's fields (tie, reset, v_min, ...).

    Example:
        >>> settings(tie="fires", reset="subtract", v_min=-1.0, spikes_per_step="many")["dynapcnn"]["v_min"]
        -1.0
    """
    return {OUR_METADATA: values}


def graph_of(
    nodes: Mapping[str, nir.NIRNode],
    edges: Sequence[tuple[str, str]],
    *,
    convention: str,
    framework: str,
    version: str,
) -> nir.NIRGraph:
    """The graph of these nodes, which says where it comes from.

    Args:
        nodes: by name, Input and Output included.
        edges: pairs of names.
        convention: name of the convention whose gain, flatten order and delay hold for the graph.
        framework, version: what made the model.
    """
    own = {"convention": convention, "framework": framework, "framework_version": version}
    # nir 1.0.4 has no such check; that of later ones refuses valid graphs (grouped convolutions, unequal kernels).
    options = {"type_check": False} if "type_check" in inspect.signature(nir.NIRGraph).parameters else {}
    return nir.NIRGraph(nodes=dict(nodes), edges=list(edges), metadata={OUR_METADATA: own}, **options)


def class_roots(model: object) -> frozenset[str]:
    """Top-level packages that the classes in `model` and their bases come from.

    Args:
        model: a torch module, a Rockpool module, a Spyx or Flax module: anything that holds modules in attributes.
    """
    return frozenset(cls.__module__.partition(".")[0] for part in parts(model) for cls in type(part).__mro__)


def parts(model: object) -> tuple[object, ...]:
    """The model and every module in it, each once, by whatever way its framework lists them."""
    if callable(walk := getattr(model, "modules", None)):  # torch: an iterator; Rockpool: its children by name
        found = walk()
        children = list(found.values()) if isinstance(found, Mapping) else [m for m in found if m is not model]
        deeper = [p for c in children for p in parts(c)] if isinstance(found, Mapping) else children
        return (model, *deeper)
    seen: dict[int, object] = {}
    _collect(model, seen)
    return tuple(seen.values())


def _collect(value: object, seen: dict[int, object]) -> None:
    if isinstance(value, (list, tuple)):
        for item in value:
            _collect(item, seen)
    elif isinstance(value, Mapping):
        _collect(list(value.values()), seen)
    elif hasattr(value, "__dict__") and callable(value) and not isinstance(value, type) and id(value) not in seen:
        seen[id(value)] = value
        _collect(list(vars(value).values()), seen)


def lone(values: Any) -> Any:
    """An array of equal numbers as one number, any other array as it is (float64)."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.flat[0]) if array.size and (array == array.flat[0]).all() else array


def brief(error: Exception) -> str:
    """The first line of what an exception says."""
    words = str(error).strip().splitlines()
    return f"{type(error).__name__}: {words[0] if words else ''}"[:300]
