"""From a live model to a NIR graph that is proven to do the same."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from nirdynap.errors import BAD_OPTION, BAD_RASTER, FRAMEWORK_UNCLEAR, CompileError, Diagnostic, InputError, merged
from nirdynap.frameworks.proof import joined, prove, unproven
from nirdynap.frameworks.traced import Traced, class_roots, samples_of
from nirdynap.frontend import read
from nirdynap.frontend.fields import OUR_METADATA
from nirdynap.ir.events import whole_counts
from nirdynap.ir.units import IntArray

# The names of the frameworks' packages, and the file that knows each. Torch comes last: most others build on it.
_FILES = {name: name for name in ("norse", "rockpool", "sinabs", "snntorch", "spikingjelly", "spyx")}
_FILES["torch"] = "plain_torch"


_RATES = (0.2, 1.0, 4.0)  # spikes of an input in a step, at most


def to_nir(model: Any, sample: npt.ArrayLike, framework: str = "auto") -> Any:
    """The NIR graph of a live model, with nothing left open and nothing lost, proven on a sample.

    The model runs the sample in float64 and eval mode; the graph, read back, must give the same spikes in every layer,
    step and neuron; and so it must on three random recordings of the same length, for what the sample leaves out. What
    was proven stands in the graph's metadata, beside the convention, and each neuron's reset, tie rule, lower bound and
    spikes per step stand in its own. The model is afterwards as it was.

    Args:
        model: of sinabs, snnTorch, Norse, SpikingJelly, Rockpool or Spyx, or a torch module with the neurons of
            `nirdynap.nn.layers`.
        sample: non-negative whole counts [time, batch, C, H, W] or [time, batch, N], an array or tensor. Of a
            layer that never fires, or never rests, nothing is proven, and a warning says so (ND810).
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
        >>> _ = torch.manual_seed(0)
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3, bias=False), IntegrateAndFire(v_min=-1.0))
        >>> graph = to_nir(model, np.ones((9, 1, 2)))
        >>> sorted(graph.nodes), graph.metadata["dynapcnn"]["proof"]["decisions"]
        (['0', '1', 'input', 'output'], 27)
    """
    if framework not in ("auto", *_FILES):
        limit = ", ".join(("auto", *_FILES))
        raise CompileError([BAD_OPTION.at("$.framework", parameter="framework", value=str(framework), limit=limit)])
    counts = _checked(sample)
    random, own = _random_recordings(counts), counts.shape[1]
    traced = run_live(model, np.concatenate([counts, random], axis=1), framework)
    network = read(traced.graph)
    proof = prove(network, samples_of(traced, slice(own)), counts)
    more = prove(network, samples_of(traced, slice(own, None)), random, called="random recording")
    proof = joined(proof, more)
    for finding in merged(unproven(proof)):
        warnings.warn(str(finding), stacklevel=2)
    graph = traced.graph
    graph.metadata = {OUR_METADATA: {**graph.metadata[OUR_METADATA], "proof": dataclasses.asdict(proof)}}
    return graph


def run_live(model: Any, counts: IntArray, framework: str = "auto") -> Traced:
    """What a live model does on counts [time, batch, C, H, W] or [time, batch, N]; nothing is proven of its graph.

    Raises:
        CompileError: ND801 to ND807, everything that has no counterpart.
    """
    name = _recognised(model) if framework == "auto" else framework
    traced: Traced = import_module(f"nirdynap.frameworks.{_FILES[name]}").trace(model, counts)
    return traced


def _random_recordings(counts: IntArray) -> IntArray:
    """Recordings as long as the sample, of few, some and many spikes, the same each time.

    A sample may leave out what the model does otherwise: a clamp that it never reaches, a step like any other.
    """
    draw = np.random.default_rng(0)
    shape = (len(counts), 1, *counts.shape[2:])
    rates = (rate * draw.random(shape[2:]) for rate in _RATES)
    drawn: IntArray = np.concatenate([draw.poisson(np.broadcast_to(rate, shape)) for rate in rates], axis=1)
    return drawn


def _checked(sample: Any) -> IntArray:
    try:
        counts = whole_counts(sample.detach().cpu().numpy() if hasattr(sample, "detach") else sample)
    except InputError as error:
        # The chip takes spikes; pictures and currents are a matter of encoding, which was part of the training.
        hint = "whole counts per step: what is not spikes yet is encoded first, as in training"
        raise InputError(
            dataclasses.replace(d, place="$.sample", found=d.found.replace("the raster", "the sample"), hint=hint)
            for d in error.diagnostics
        ) from None
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
        raise CompileError([_unclear(model, roots)])
    return found[0]


def _unclear(model: Any, roots: frozenset[str]) -> Diagnostic:
    kind, limit = type(model).__qualname__, ", ".join(_FILES)
    if isinstance(model, Mapping):
        value, remedy = f"a {kind} holds weights, and no layers", "the model, after model.load_state_dict(weights)"
    else:
        classes = ", ".join(sorted(roots - {"builtins", "abc", "typing", "collections"}))
        value = f"the model is a {kind}, made of classes from {classes}" if classes else f"a {kind} is no model"
        remedy = 'the model itself, a module; framework="..." (one of these names) where it mixes several'
    return FRAMEWORK_UNCLEAR.at("$", value=value, limit=limit, remedy=remedy)
