"""From a live model to a NIR graph that is proven to do the same."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from typing import Any

import numpy.typing as npt

from nirdynap.errors import BAD_OPTION, BAD_RASTER, FRAMEWORK_UNCLEAR, CompileError, InputError
from nirdynap.frameworks.proof import prove
from nirdynap.frameworks.traced import class_roots
from nirdynap.frontend import read
from nirdynap.frontend.fields import OUR_METADATA
from nirdynap.ir.events import whole_counts
from nirdynap.ir.units import IntArray

# The names of the frameworks' packages, and the file that knows each. Torch comes last: most others build on it.
_FILES = {name: name for name in ("norse", "rockpool", "sinabs", "snntorch", "spikingjelly", "spyx")}
_FILES["torch"] = "plain_torch"


def to_nir(model: Any, sample: npt.ArrayLike, framework: str = "auto") -> Any:
    """The NIR graph of a live model, with nothing left open and nothing lost, proven on a sample.

    A copy of the model runs the sample; the graph, read back and run in float64, must give the same spikes in every
    layer, step and neuron. What was proven stands in the graph's metadata, beside the convention, and each neuron's
    reset, tie rule, lower bound and spikes per step stand in its own. The model is not changed.

    Args:
        model: of sinabs, snnTorch, Norse, SpikingJelly, Rockpool or Spyx, or a torch module with the neurons of
            `nirdynap.nn.layers`.
        sample: non-negative whole counts [time, batch, C, H, W] or [time, batch, N], an array or tensor; one that
            makes every layer fire proves most.
        framework: "auto", or one of norse, rockpool, sinabs, snntorch, spikingjelly, spyx, torch.

    Returns:
        A `nir.NIRGraph`, for `nirdynap.write` and `nirdynap.nir_to_dynapcnn`.

    Raises:
        CompileError: ND801 to ND807, everything that has no counterpart; ND808 or ND809 where the graph does not do
            what the model does; what `nirdynap.read` says of the graph.
        InputError: ND504 for a bad sample.

    Example:
        >>> import numpy as np, torch
        >>> from nirdynap.nn.layers import IntegrateAndFire
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3, bias=False), IntegrateAndFire(v_min=-1.0))
        >>> graph = to_nir(model, np.ones((5, 1, 2)))
        >>> sorted(graph.nodes), graph.metadata["dynapcnn"]["proof"]["decisions"]
        (['0', '1', 'input', 'output'], 15)
    """
    if framework not in ("auto", *_FILES):
        limit = ", ".join(("auto", *_FILES))
        raise CompileError([BAD_OPTION.at("$.framework", parameter="framework", value=str(framework), limit=limit)])
    counts = _checked(sample)
    name = _recognised(model) if framework == "auto" else framework
    traced = import_module(f"nirdynap.frameworks.{_FILES[name]}").trace(model, counts)
    proof = prove(read(traced.graph), traced, counts)
    graph = traced.graph
    graph.metadata = {OUR_METADATA: {**graph.metadata[OUR_METADATA], "proof": dataclasses.asdict(proof)}}
    return graph


def _checked(sample: Any) -> IntArray:
    counts = whole_counts(sample.detach().cpu().numpy() if hasattr(sample, "detach") else sample)
    if counts.ndim not in (3, 5) or counts.size == 0:
        found = f"shape is {counts.shape}, expected [time, batch, C, H, W] or [time, batch, N]"
        raise InputError([BAD_RASTER.at("$.sample", value=found)])
    return counts


def _recognised(model: Any) -> str:
    """The framework whose classes the model is made of."""
    roots = class_roots(model)
    found = [name for name in _FILES if name in roots]
    special = [name for name in found if name != "torch"]
    if len(special) > 1 or not found:
        classes = ", ".join(sorted(roots - {"builtins", "abc", "typing"})) or "nowhere"
        kind, limit = type(model).__qualname__, ", ".join(_FILES)
        raise CompileError([FRAMEWORK_UNCLEAR.at("$", value=kind, classes=classes, limit=limit)])
    return found[0]
