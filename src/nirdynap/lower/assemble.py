"""The last step: integer layers and their cores become a Spec."""

from __future__ import annotations

from nirdynap.chips.chip import Chip
from nirdynap.errors import Diagnostic
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.layers import IntLayer
from nirdynap.ir.network import Network
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, OutputPort, Spec
from nirdynap.lower.camera import camera_shape
from nirdynap.lower.rules import memory_of_layer


def assemble(
    network: Network,
    layers: tuple[IntLayer, ...],
    placement: tuple[int, ...],
    chip: Chip,
    notes: tuple[Diagnostic, ...],
    dvs: DvsLayer | None = None,
) -> Spec:
    """The finished description of `layers` on the cores of `placement`, behind the camera of the chip or not."""
    pairs = tuple(zip(layers, placement, strict=True))
    return Spec(
        chip=chip.name,
        convention=network.convention,
        spikes_per_step=network.convention.spikes_per_step,
        input_shape=network.input.input_shape if dvs is None else camera_shape(chip),
        inputs=tuple(InputPort(core, shift) for layer, core in pairs for shift in layer.input_shifts),
        outputs=tuple(OutputPort(core, r.pooling[0], r.name) for layer, core in pairs for r in layer.readouts),
        cores=tuple(_core(layer, core, placement, chip) for layer, core in pairs),
        notes=notes,
        dvs=dvs,
    )


def _core(layer: IntLayer, core: int, placement: tuple[int, ...], chip: Chip) -> CoreSpec:
    return CoreSpec(
        core=core,
        name=layer.name,
        origin=layer.origin,
        input_shape=layer.input_shape,
        neuron_shape=layer.neuron_shape,
        weights=layer.weights,
        bias=layer.bias,
        stride=layer.stride,
        padding=layer.padding,
        threshold_high=layer.threshold_high,
        threshold_low=layer.threshold_low,
        return_to_zero=layer.return_to_zero,
        initial_state=None,
        scale=layer.scale,
        destinations=tuple(
            Destination(core=placement[link.target], pooling=link.pooling[0], feature_shift=link.feature_shift)
            for link in layer.links
        ),
        memory=memory_of_layer(layer),
        capacity=chip.cores[core],
    )
