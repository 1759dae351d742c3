"""Rockpool: `Sequential` and `Residual` of `LinearTorch` and `LIFNeuronTorch`, which take whole recordings.

A step (rockpool 3.1, `lif_neuron_torch.py`): v = exp(-dt / tau) * v + x + bias; spikes = floor(v / theta) where
v >= theta, at most `max_spikes_per_dt`; v = v - spikes * theta.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import nir
import numpy as np
import torch
from torch import Tensor, nn

from nirdynap.errors import (
    MODEL_FAILED,
    NO_COUNTERPART,
    SHARED_MODULE,
    UNKNOWN_MODULE,
    CompileError,
    Diagnostic,
    node_place,
    raise_errors,
)
from nirdynap.frameworks.lent import lent
from nirdynap.frameworks.neuron_nodes import full
from nirdynap.frameworks.torch_nodes import numbers
from nirdynap.frameworks.traced import Traced, brief, graph_of, settings
from nirdynap.ir.units import FloatArray, IntArray

_MANY = 2**16  # Rockpool's default for the most spikes in a step: no bound
_DROPOUTS = ("UnitDropout", "TimeStepDropout")


def trace(model: Any, sample: IntArray) -> Traced:
    """The graph of a Rockpool model and its own spikes on the sample, in eval mode and float64.

    Args:
        model: a module of the torch backend.
        sample: int64 [time, batch, N].

    Raises:
        CompileError: ND8xx, all findings at once.
    """
    walk = _Walk()
    ends = walk.into("", model, ("input",))
    findings = [*walk.findings, *_shared_biases(walk)]
    if not findings and sample.shape[2:] != (model.size_in,):
        value = f"a step of it is {sample.shape[2:]}, the model takes {(model.size_in,)}"
        remedy = f"a sample [time, batch, {model.size_in}]"
        findings.append(MODEL_FAILED.at("$.sample", value=value, remedy=remedy))
    raise_errors(findings)
    spikes, out = _run(model, sample, walk.neurons)
    walk.nodes["input"] = nir.Input({"input": np.array(sample.shape[2:])})
    walk.nodes["output"] = nir.Output({"output": np.array(out.shape[2:])})
    graph = graph_of(
        walk.nodes,
        [*walk.edges, *((end, "output") for end in ends)],
        convention="rockpool",
        framework="rockpool",
        version=version("rockpool"),
    )
    return Traced(graph=graph, spikes=spikes, outputs={"output": out})


@dataclass(slots=True)
class _Walk:
    """A walk through a model, which gathers what it finds.

    Attributes:
        nodes: by the name of the module; neurons: their names.
        edges: pairs of names.
        biased: weights that hold the bias of the neurons behind them.
        owners: names of the modules seen, by identity.
    """

    nodes: dict[str, nir.NIRNode] = field(default_factory=dict)
    neurons: list[str] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)
    biased: list[str] = field(default_factory=list)
    owners: dict[int, str] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)

    def into(self, name: str, module: Any, sources: tuple[str, ...]) -> tuple[str, ...]:
        """Nodes whose sum the module hands on, where `sources` add up at its input."""
        kind = type(module).__name__ if type(module).__module__.startswith("rockpool.") else ""
        if kind in ("TorchSequential", "TorchResidual"):
            inner = sources
            for child in module._submodulenames:
                inner = self.into(f"{name}.{child}" if name else child, getattr(module, child), inner)
            return (*inner, *sources) if kind == "TorchResidual" else inner
        if kind in _DROPOUTS:
            return sources
        name = name or "0"
        if owner := self.owners.get(id(module)):
            self.findings.append(SHARED_MODULE.at(node_place(name), value=f"it is {owner} as well"))
        self.owners[id(module)] = name
        try:
            self.nodes[name] = self._node(name, kind, module, sources)
        except CompileError as error:
            self.findings += error.diagnostics
        if len(set(sources)) < len(sources):
            why = "adds the same spikes up twice, and a core has one connection to each other"
            remedy = "one Residual less, or twice the weights"
            self.findings.append(UNKNOWN_MODULE.at(node_place(name), value="Residual", why=why, remedy=remedy))
        self.edges += [(source, name) for source in sources]
        return (name,)

    def _node(self, name: str, kind: str, module: Any, sources: tuple[str, ...]) -> nir.NIRNode:
        if kind == "LinearTorch":
            weight, bias = numbers(module.weight).T, module.bias
            return nir.Linear(weight) if bias is None else nir.Affine(weight, full(numbers(bias), weight.shape[:1]))
        if kind != "LIFNeuronTorch":
            raise CompileError([_unknown(name, module)])
        raise_errors(_findings(node_place(name), module))
        self._take_bias(name, module, sources)
        self.neurons.append(name)
        return _neuron(module)

    def _take_bias(self, name: str, module: Any, sources: tuple[str, ...]) -> None:
        """The bias of a neuron becomes one of the weights in front of it."""
        bias = full(numbers(module.bias), (module.size_out,))
        if not bias.any():
            return
        weights = self.nodes.get(sources[0])
        if len(sources) > 1 or not isinstance(weights, (nir.Linear, nir.Affine)):
            limit = "that of the LinearTorch in front, which is not there"
            raise CompileError([NO_COUNTERPART.at(node_place(name), parameter="bias", value="not zero", limit=limit)])
        self.nodes[sources[0]] = nir.Affine(weights.weight, getattr(weights, "bias", 0.0) + bias)
        self.biased.append(sources[0])


def _shared_biases(walk: _Walk) -> Iterator[Diagnostic]:
    """Weights whose currents, now with a neuron's bias in them, go elsewhere too."""
    for name in walk.biased:
        targets = [target for source, target in walk.edges if source == name]
        if len(targets) > 1:
            limit = f"that of {name!r} in front, which feeds {' and '.join(targets)}"
            yield NO_COUNTERPART.at(node_place(targets[0]), parameter="bias", value="not zero", limit=limit)


def _unknown(name: str, module: Any) -> Diagnostic:
    value = f"{type(module).__module__}.{type(module).__qualname__}"
    why, remedy = "has no counterpart on the chip", "LinearTorch, LIFNeuronTorch, Sequential and Residual"
    if type(module).__name__ in ("LIFTorch", "LIFBitshiftTorch", "ExpSynTorch"):
        why = "filters its input by tau_syn, and the chip's neurons take a spike at once"
    return UNKNOWN_MODULE.at(node_place(name), value=value, why=why, remedy=remedy)


def _neuron(module: Any) -> nir.NIRNode:
    shape = (module.size_out,)
    tau, theta = full(numbers(module.tau_mem), shape), full(numbers(module.threshold), shape)
    per_step = "one" if float(module.max_spikes_per_dt) == 1 else "many"
    own = {"tie": "fires", "reset": "subtract", "v_min": "none", "spikes_per_step": per_step}
    if np.isinf(tau).all():
        return nir.IF(r=np.ones(shape), v_threshold=theta, metadata=settings(**own))
    dt = float(module.dt)
    with np.errstate(divide="ignore"):
        r = 1.0 / -np.expm1(-dt / tau)  # so that NIR's own equation, solved over a step, takes the input as it is
    metadata = settings(**own, integration="exp-raw", reset_time="now", dt=dt)
    return nir.LIF(tau=tau, r=r, v_leak=np.zeros(shape), v_threshold=theta, metadata=metadata)


def _findings(place: str, module: Any) -> Iterator[Diagnostic]:
    """Every property of the neuron that NIR and our settings cannot say."""
    most = float(module.max_spikes_per_dt)
    if most != 1 and most < _MANY:
        limit = f"1, or {_MANY} (no bound)"
        yield NO_COUNTERPART.at(place, parameter="max_spikes_per_dt", value=f"{most:g}", limit=limit)
    if module.noise_std:
        yield NO_COUNTERPART.at(place, parameter="noise_std", value=f"{float(module.noise_std):g}", limit="0")
    probe, one = torch.tensor([-1.0, 0.5, 1.0, 2.5]), torch.tensor(1.0)
    if module.spike_generation_fn(probe, one, one, torch.tensor(9.0)).tolist() != [0.0, 0.0, 1.0, 2.0]:
        limit = "StepPWL or PeriodicExponential"
        yield NO_COUNTERPART.at(place, parameter="spike_generation_fn", value="another function", limit=limit)


def _run(model: Any, sample: IntArray, neurons: list[str]) -> tuple[dict[str, FloatArray], FloatArray]:
    """Spikes of every neuron and the output, [time, batch, N]."""
    spikes: dict[str, FloatArray] = {}

    def listen(name: str) -> Any:
        return lambda module, args, out: spikes.__setitem__(name, _time_first(out))

    usual = torch.get_default_dtype()
    with lent(model):
        model.reset_state()
        nn.Module.double(nn.Module.eval(model))
        modules = dict(nn.Module.named_modules(model))
        for name in neurons:
            modules[name if name in modules else ""].register_forward_hook(listen(name))
        torch.set_default_dtype(torch.float64)  # in which Rockpool records spikes
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                out = model.evolve(torch.as_tensor(sample).double().transpose(0, 1))[0]
        except Exception as error:  # whatever a module raises
            remedy = f"a model that takes [batch, time, {model.size_in}]"
            raise CompileError([MODEL_FAILED.at("$", value=brief(error), remedy=remedy)]) from error
        finally:
            torch.set_default_dtype(usual)
    return spikes, _time_first(out)


def _time_first(values: Tensor) -> FloatArray:
    """[batch, time, N] as [time, batch, N]."""
    array: FloatArray = values.detach().double().transpose(0, 1).numpy()
    return array
