"""The first rung: what the framework itself says, as arrays or from the live model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nirdynap.errors import BAD_FRAMEWORK_OUTPUTS, Diagnostic, InputError, raise_errors
from nirdynap.ir.network import IF, Conv, Network, Node, Output
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import FloatArray, IntArray, decide
from nirdynap.verify.rungs import LayerTrace, Trace, lateness, layer_of_raster, neuron_of, with_time_to_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What a framework gave on all samples.

    Attributes:
        values: by IF or Output node of the network, float64: sums over the run [sample, c, y, x], or values in each
            time step [time, sample, c, y, x].
    """

    values: Mapping[str, FloatArray]

    def of(self, samples: slice) -> Outputs:
        """Those of some samples."""
        return Outputs(values={name: _at(array, samples) for name, array in self.values.items()})


def given_outputs(given: object, network: Network, samples: int, steps: int) -> Outputs:
    """The arrays that a caller has, checked.

    Args:
        given: an array for the one Output, or arrays by node: [sample, ...] or [time, sample, ...], and behind that
            (C, H, W) of the node, or its elements in that order.
        network: as read.
        samples, steps: of the input.

    Raises:
        InputError: ND706 for everything that does not fit.
    """
    arrays = given if isinstance(given, Mapping) else {None: given}
    nodes: dict[str, Node] = {node.name: node for node in network.nodes if isinstance(node, (IF, Output))}
    late = lateness(network)
    findings: list[Diagnostic] = []
    values = {}
    for name, array in arrays.items():
        key = network.outputs[0].name if name is None and len(network.outputs) == 1 else name
        if key not in nodes:
            limit = ", ".join(nodes)
            found = f"{'an array' if key is None else repr(key)} is for no neuron or Output node, which are {limit}"
            findings.append(BAD_FRAMEWORK_OUTPUTS.at("$.framework", value=found))
            continue
        shaped = _shaped(array, nodes[key], samples, steps + late[key])
        if isinstance(shaped, str):
            findings.append(BAD_FRAMEWORK_OUTPUTS.at(f"$.framework.{key}", value=shaped))
        else:
            values[key] = shaped[late[key] :] if shaped.ndim == 5 else shaped
    raise_errors(findings, InputError)
    return Outputs(values=values)


def _shaped(array: object, node: Node, samples: int, steps: int) -> FloatArray | str:
    """The array with (C, H, W) of the node at its end, or what is wrong with it."""
    try:
        values = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        return f"it is no array of numbers: {error}"
    lead = (samples,) if values.ndim in (2, 4) else (steps, samples)
    rest = values.shape[len(lead) :]
    if values.shape[: len(lead)] != lead or math.prod(rest) != math.prod(node.output_shape):
        return (
            f"its shape is {values.shape}, expected [sample, ...] or [time, sample, ...] of {samples} samples, "
            f"{steps} steps and {node.output_shape}"
        )
    if isinstance(node, IF) and not ((values >= 0) & (values == np.floor(values))).all():
        return "neurons send whole numbers of spikes"
    return values.reshape(*lead, *node.output_shape)


def _at(array: FloatArray, samples: slice) -> FloatArray:
    return array[:, samples] if array.ndim == 5 else array[samples]


def live_outputs(model: Any, network: Network, raster: IntArray) -> Outputs:
    """What a live model gives on counts [time, sample, c, y, x], by the nodes of `network` that have its names.

    Raises:
        CompileError: ND801 to ND807 for a model that cannot be followed.
        InputError: ND706 where neither its neurons nor its outputs have names that the network knows.
    """
    from nirdynap.frameworks.export import run_live  # loads nir, which verifying files does without

    longer = with_time_to_answer(network, raster)
    dense = not any(isinstance(node, Conv) for node in network.targets(network.input.name))
    flat = dense and network.input.input_shape[1:] == (1, 1)
    traced = run_live(model, longer.reshape(*longer.shape[:2], -1) if flat else longer)
    late, lead = lateness(network), (len(longer), raster.shape[1])
    values = {}
    for node in network.nodes:
        spikes = traced.spikes.get(node.name) if isinstance(node, IF) else None
        if isinstance(node, Output):
            lone = len(network.outputs) == len(traced.outputs) == 1
            spikes = next(iter(traced.outputs.values())) if lone else traced.outputs.get(node.name)
        if spikes is not None and spikes.size == math.prod(lead) * math.prod(node.output_shape):
            start = late[node.name]
            values[node.name] = spikes.reshape(*lead, *node.output_shape)[start : start + len(raster)]
    if not values:
        found = f"the model's neurons are {', '.join(traced.spikes)}, the network's nodes have other names"
        raise InputError([BAD_FRAMEWORK_OUTPUTS.at("$.framework", value=found)])
    return Outputs(values=values)


def framework_trace(outputs: Outputs, network: Network, spec: Spec) -> Trace:
    """The rung of these outputs. An Output right behind neurons tells of their layer, too."""
    values = dict(outputs.values)
    for port in network.outputs:
        sources: Sequence[Node] = network.sources(port.name)
        if port.name in values and len(sources) == 1 and isinstance(sources[0], IF):
            values.setdefault(sources[0].name, values[port.name])
    layers = {}
    for cores in spec.layers:
        found = values.get(neuron_of(cores, network).name)
        if found is not None:
            spikes = np.rint(found).astype(np.int64)
            known = layer_of_raster(spikes) if spikes.ndim == 5 else LayerTrace(counts=spikes, raster=None)
            layers[cores[0].name] = known
    totals = {name: array.sum(axis=0) if array.ndim == 5 else array for name, array in values.items()}
    ports = [port.name for port in network.outputs if port.name in totals]
    return Trace(
        name="framework",
        layers=layers,
        decisions={name: decide(totals[name].reshape(len(totals[name]), -1)) for name in ports},
    )
