"""The readout block in samna's words and back: its settings, the slots that lead there, and features that lie apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nirdynap.chips.chip import Chip
from nirdynap.export.samna_tree import CnnLayerDestination, ReadoutConfig
from nirdynap.ir.clock import InternalClock
from nirdynap.ir.readout import READOUT_VALUES, ReadoutOptions
from nirdynap.ir.spec import CoreSpec, OutputPort, Spec
from nirdynap.ir.units import IntArray


def readout_config(spec: Spec, chip: Chip) -> ReadoutConfig | None:
    """The settings of the block, or None without it. Whether it sends what it finds to the host is left as it is."""
    if spec.readout is None or chip.readout is None:
        return None
    return ReadoutConfig(
        enable=True,
        low_pass_filter_disable=spec.readout.average == 1,
        low_pass_filter32_not16=spec.readout.average == 32,
        output_mode_sel=READOUT_VALUES.index(spec.readout.value),
        output_neuron_num=spec.readout.selected,
        readout_configuration_sel=chip.readout.addressing,
        threshold=spec.readout.threshold,
        override_threshold_max=spec.readout.always,
        internal_slow_clk=isinstance(spec.slow_clock, InternalClock),
    )


def readout_slots(core: CoreSpec, chip: Chip, spec: Spec) -> Iterator[CnnLayerDestination]:
    """The slot that leads to the block, if it reads the core."""
    for port in spec.outputs:
        if port.core == core.core and spec.readout is not None and port.name == spec.readout.output and chip.readout:
            shift = port.feature_shift * core.spacing
            yield CnnLayerDestination(enable=True, layer=chip.readout.layer, feature_shift=shift, pooling=port.pooling)


def apart(array: IntArray, spacing: int) -> IntArray:
    """[channel, ...] as [feature, ...], zeros between."""
    features: IntArray = np.zeros(((len(array) - 1) * spacing + 1, *array.shape[1:]), dtype=array.dtype)
    features[::spacing] = array
    return features


def together(layer: Any, chip: Chip) -> int:
    """How far apart the channels of a core lie that the block reads: 1 where features between them are not silent."""
    spacing = chip.readout.spacing if chip.readout else 1
    between = np.arange(len(layer.weights)) % spacing > 0
    silent = not between[-1] and not any(
        np.array(array)[between].any() for array in (layer.weights, layer.biases) if len(array) == len(between)
    )
    return spacing if silent else 1


def read_readout(config: Any, layers: Mapping[int, Any], chip: Chip) -> tuple[ReadoutOptions | None, tuple[int, ...]]:
    """The block's options, or None where it is off or reads nothing; and the cores that it reads."""
    block = config.readout
    read = tuple(i for i, layer in layers.items() if _slot(layer, chip) is not None)
    if not block.enable or not read:
        return None, ()
    average = 1 if block.low_pass_filter_disable else 32 if block.low_pass_filter32_not16 else 16
    options = ReadoutOptions(
        output=f"core{read[0]}",
        average=average,
        threshold=block.threshold,
        value=READOUT_VALUES[block.output_mode_sel],
        selected=block.output_neuron_num,
        always=block.override_threshold_max,
    )
    return options, read


def read_port(core: int, layer: Any, chip: Chip, name: str, spacing: int) -> OutputPort:
    """The output `name`, or the part of it, that a core which the block reads is."""
    slot = _slot(layer, chip)
    return OutputPort(core, slot.pooling, name, slot.feature_shift // spacing)


def _slot(layer: Any, chip: Chip) -> Any:
    """Of a core's slots the one that leads to the block, or None."""
    number = None if chip.readout is None else chip.readout.layer
    return next((slot for slot in layer.destinations if slot.enable and slot.layer == number), None)
