"""The last step: integer layers and their cores become a Spec."""

from __future__ import annotations

from collections.abc import Iterator

from nirdynap.chips.chip import Chip
from nirdynap.errors import EXTRA_CORE, LAYER_SPLIT, Diagnostic, node_place
from nirdynap.ir.clock import SlowClock
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.layers import IntLayer
from nirdynap.ir.network import Network
from nirdynap.ir.readout import ReadoutOptions
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, OutputPort, Spec
from nirdynap.lower.camera import camera_shape
from nirdynap.lower.rules import memory_of_layer
from nirdynap.lower.split import Cut


def assemble(
    network: Network,
    cut: Cut,
    placement: tuple[int, ...],
    chip: Chip,
    notes: tuple[Diagnostic, ...],
    dvs: DvsLayer | None = None,
    slow_clock: SlowClock | None = None,
    readout: ReadoutOptions | None = None,
) -> Spec:
    """The finished description of all pieces on the cores of `placement`, behind the camera of the chip or not."""
    pairs = tuple((piece.layer, core) for piece, core in zip(cut.pieces, placement, strict=True))
    return Spec(
        chip=chip.name,
        convention=network.convention,
        spikes_per_step=network.convention.spikes_per_step,
        input_shape=network.input.input_shape if dvs is None else camera_shape(chip),
        inputs=tuple(InputPort(placement[piece], shift) for piece, shift in cut.inputs),
        outputs=tuple(
            OutputPort(core, r.pooling[0], r.name, r.feature_shift) for layer, core in pairs for r in layer.readouts
        ),
        cores=tuple(_core(layer, core, placement, chip) for layer, core in pairs),
        notes=(*notes, *_notes(cut, placement, chip)),
        dvs=dvs,
        slow_clock=slow_clock,
        readout=readout,
    )


def _notes(cut: Cut, placement: tuple[int, ...], chip: Chip) -> Iterator[Diagnostic]:
    """What a user would not expect: layers on several cores, and cores that hold no layer of the network."""
    held: dict[str, list[str]] = {}
    for piece, core in zip(cut.pieces, placement, strict=True):
        layer = piece.layer
        if layer.origin:
            last = layer.first_channel + layer.neuron_shape[0] - 1
            held.setdefault(layer.name, []).append(f"core {core} channels {layer.first_channel} to {last}")
    for name, parts in held.items():
        if len(parts) > 1:
            yield LAYER_SPLIT.at(node_place(name), value=len(parts), cores=", ".join(parts))
    for piece, core in zip(cut.pieces, placement, strict=True):
        if piece.is_relay or piece.is_copy:
            what = "passes its spikes on (1 x 1 kernel, threshold 1)" if piece.is_relay else "holds a copy of it"
            source = cut.names[piece.source]
            yield EXTRA_CORE.at(node_place(source), value=core, limit=chip.limits.destinations, what=what)


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
        decimator=layer.decimator,
        spacing=layer.spacing,
        first_channel=layer.first_channel,
        quantisation=layer.quantisation,
    )
