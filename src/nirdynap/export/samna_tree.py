"""The configuration of a chip as plain data: records named after the classes and attributes of samna.

Facts: docs/hardware.md, section Configuration tree. What samna's JSON looks like is not published; here the attributes'
names are the keys. An attribute that is None is left as the vendor's runtime has it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nirdynap.ir.digest import Digested
from nirdynap.ir.units import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Vec2:
    """A pair of numbers, x along the columns and y along the rows."""

    x: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IOShape:
    """A map: its features and its size in pixels."""

    feature_count: int
    size: Vec2


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimensions:
    """Geometry of a core; the kernel is square."""

    input_shape: IOShape
    output_shape: IOShape
    kernel_size: int
    stride: Vec2
    padding: Vec2


@dataclass(frozen=True, slots=True, kw_only=True)
class CnnLayerDestination:
    """One of a core's two slots: spikes go to core `layer`, address divided by `pooling`, feature up by the shift."""

    enable: bool = False
    layer: int = 0
    feature_shift: int = 0
    pooling: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CnnLayerConfig(Digested):
    """One core.

    Attributes:
        weights: int8 [out feature][in channel][x][y]: columns before rows, unlike a spec's.
        biases: int16 [feature]; neurons_initial_value: int16 [feature][x][y].
        leak_enable: add the biases at each tick of the slow clock; leak_internal_slow_clk_enable: of the chip's own.
        output_decimator_interval: 0..7 passes one spike of 2, 4, 8, 16, 32, 128, 256, 512.
        destinations: both slots, in order.
    """

    dimensions: Dimensions
    weights: IntArray
    biases: IntArray
    neurons_initial_value: IntArray
    threshold_high: int
    threshold_low: int
    return_to_zero: bool
    leak_enable: bool
    leak_internal_slow_clk_enable: bool
    monitor_enable: bool
    output_decimator_enable: bool
    output_decimator_interval: int
    destinations: tuple[CnnLayerDestination, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Axes along which the camera's region is turned round: x its columns, y its rows."""

    x: bool
    y: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DvsLayerDestination:
    """One of the DVS layer's two slots: its events go to core `layer` as they are."""

    enable: bool = False
    layer: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DvsLayerConfig:
    """The DVS layer, its attributes in the order of its steps.

    Attributes:
        off_channel, on_channel: events of polarity 0, 1 pass; merge: both reach feature 0.
        pooling: in pixels of the camera.
        origin, cut: first and last pixel of the region behind the pooling, both inside it.
        mirror, then mirror_diagonal, which exchanges x and y: inside the region.
        destinations: both slots, in order.
        pass_sensor_events: the chip's own camera feeds the layer.
        monitor_enable: what leaves the layer is sent back.
    """

    off_channel: bool
    on_channel: bool
    merge: bool
    pooling: Vec2
    origin: Vec2
    cut: Vec2
    mirror: Mirror
    mirror_diagonal: bool
    destinations: tuple[DvsLayerDestination, ...]
    pass_sensor_events: bool
    monitor_enable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadoutConfig:
    """The readout block.

    Attributes:
        low_pass_filter_disable: no average; low_pass_filter32_not16: over 32 ticks, not 16.
        output_mode_sel: what the value holds, 0 nothing, 1 the classes that pass, 2 the average of class
            `output_neuron_num`, 3 the largest average.
        readout_configuration_sel: how the output's addresses are read.
        override_threshold_max: the pins tell the largest average even where no class passes.
        internal_slow_clk: the chip's own clock ticks.
    """

    enable: bool
    low_pass_filter_disable: bool
    low_pass_filter32_not16: bool
    output_mode_sel: int
    output_neuron_num: int
    readout_configuration_sel: int
    threshold: int
    override_threshold_max: bool
    internal_slow_clk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FactoryConfig:
    """The chip's own clock: a tick for 2 to the power of the divider events of the camera."""

    internal_slow_clk_divider: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Configuration(Digested):
    """Everything that is set on a chip before it runs a network.

    Attributes:
        chip: name of the chip, and of its module in samna.
        cnn_layers: the cores in use, by hardware index.
        slow_clock_hz: ticks per second of the board's clock, which is no part of samna's configuration; None: off.
        factory_config: None unless the chip's own clock ticks.
        readout: None without the readout block.
        dvs_layer: the camera's layer; None without one.
    """

    chip: str
    cnn_layers: Mapping[int, CnnLayerConfig]
    slow_clock_hz: int | None = None
    factory_config: FactoryConfig | None = None
    readout: ReadoutConfig | None = None
    dvs_layer: DvsLayerConfig | None = None

    def to_json(self) -> str:
        """One JSON document, keys sorted; equal configurations give equal text."""
        return json.dumps({"schema": "samna-configuration-v1", **plain(self)}, sort_keys=True, separators=(",", ":"))


def plain(value: Any) -> Any:
    """`value` in dicts, lists, numbers and strings; what is None is left out of records."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {name: plain(part) for name, part in fields.items() if part is not None}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, tuple) else value
