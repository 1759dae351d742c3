"""The documented configuration classes of samna for Speck 2e and 2f, strict: unknown attributes, other types and values
out of range are refused when they are set.

Written from docs/hardware.md, section Configuration tree, and not from the export, so that one checks the other. Left
out because no page describes them: `factory_config` beyond the two rows there, and `debug_config`.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from nirdynap.chips.chip import load_chip
from nirdynap.ir.units import INT16_MAX, INT16_MIN, THRESHOLD_LOW_MAX, WEIGHT_MAX, WEIGHT_MIN

_CHIP = load_chip("speck2f")
_LIMITS = _CHIP.limits


class _Attribute:
    """A descriptor that takes only what its attribute is documented to hold."""

    default: Any = None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"{owner.__name__}.{name}"
        self.key = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return instance.__dict__[self.key]

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.key] = self.take(value)

    def fresh(self) -> Any:
        """The value in a new object."""
        return self.default

    def take(self, value: Any) -> Any:
        """`value` as it is kept, or TypeError or ValueError."""
        raise NotImplementedError


class Bool(_Attribute):
    """True or False, or an array or tensor of one of them, and no number."""

    def __init__(self, default: bool = False) -> None:
        self.default = default

    def take(self, value: Any) -> bool:
        if type(value) is not bool and str(getattr(value, "dtype", "")).split(".")[-1] != "bool":
            raise TypeError(f"{self.name} takes a bool, not {value!r}")
        return bool(value)


class SensorMonitor(Bool):
    """A Bool of the DVS layer that, set to True, turns the camera on, as documented of its monitors."""

    def __set__(self, instance: Any, value: Any) -> None:
        super().__set__(instance, value)
        if instance.__dict__[self.key]:
            instance.pass_sensor_events = True


class Int(_Attribute):
    """A whole number from `low` to `high`, or one of `choices`."""

    def __init__(self, low: int, high: int, default: int = 0, choices: Sequence[int] = ()) -> None:
        self.low, self.high, self.default, self.choices = low, high, default, tuple(choices)

    def take(self, value: Any) -> int:
        if isinstance(value, bool):
            raise TypeError(f"{self.name} takes a number, not {value!r}")
        number: int = operator.index(value)
        if not self.low <= number <= self.high or (self.choices and number not in self.choices):
            raise ValueError(f"{self.name} takes {self.choices or (self.low, self.high)}, not {number}")
        return number


class Array(_Attribute):
    """Nested lists of `rank` levels, of equal length, of whole numbers; or an empty one."""

    def __init__(self, rank: int, low: int, high: int) -> None:
        self.rank, self.low, self.high = rank, low, high

    def fresh(self) -> Any:
        return []

    def take(self, value: Any) -> Any:
        if type(value) is not list:
            raise TypeError(f"{self.name} takes nested lists, not {type(value).__name__}")
        if not value:
            return []
        array = np.array(value)
        if array.ndim != self.rank or array.dtype.kind != "i":
            raise TypeError(f"{self.name} takes {self.rank} levels of whole numbers, not {array.dtype} {array.shape}")
        if array.min() < self.low or array.max() > self.high:
            raise ValueError(f"{self.name} takes {self.low} to {self.high}, not {array.min()} to {array.max()}")
        return array.tolist()


class Record(_Attribute):
    """An object of one class; a dict of its attributes is taken as well."""

    def __init__(self, kind: type[Strict]) -> None:
        self.kind = kind

    def fresh(self) -> Any:
        return self.kind()

    def take(self, value: Any) -> Any:
        if isinstance(value, self.kind):
            return value
        if not isinstance(value, dict):
            raise TypeError(f"{self.name} takes a {self.kind.__name__}, not {value!r}")
        made = self.kind()
        for key, part in value.items():
            setattr(made, key, part)
        return made


class Records(_Attribute):
    """A fixed number of objects of one class, which are changed one by one."""

    def __init__(self, kind: type[Strict], count: int) -> None:
        self.kind, self.count = kind, count

    def fresh(self) -> Any:
        return tuple(self.kind() for _ in range(self.count))

    def take(self, value: Any) -> Any:
        raise TypeError(f"{self.name} is a list of {self.count}, to be changed one by one")


class Strict:
    """An object whose attributes are exactly those declared in its class."""

    def __init__(self) -> None:
        for key, attribute in vars(type(self)).items():
            if isinstance(attribute, _Attribute):
                self.__dict__[key] = attribute.fresh()

    def __setattr__(self, name: str, value: Any) -> None:
        if not isinstance(vars(type(self)).get(name), _Attribute):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        super().__setattr__(name, value)


_BYTE = 255


class Vec2(Strict):
    """Two bytes."""

    x, y = Int(0, _BYTE, 1), Int(0, _BYTE, 1)


class Stride(Strict):
    """A Vec2 of strides."""

    x = Int(1, _BYTE, 1, choices=_LIMITS.strides)
    y = Int(1, _BYTE, 1, choices=_LIMITS.strides)


class Padding(Strict):
    """A Vec2 of paddings."""

    x, y = Int(0, _LIMITS.padding), Int(0, _LIMITS.padding)


class Origin(Strict):
    """A Vec2 with the first pixel."""

    x, y = Int(0, _LIMITS.input_map - 1), Int(0, _LIMITS.input_map - 1)


class Cut(Strict):
    """A Vec2 with the last pixel, which belongs to the region."""

    x = Int(0, _LIMITS.input_map - 1, _LIMITS.input_map - 1)
    y = Int(0, _LIMITS.input_map - 1, _LIMITS.input_map - 1)


class Mirror(Strict):
    """Flips of the two axes."""

    x, y = Bool(), Bool()


class DvsPooling(Strict):
    """A Vec2 of window sizes; only here they may differ."""

    x = Int(1, _BYTE, 1, choices=_LIMITS.poolings)
    y = Int(1, _BYTE, 1, choices=_LIMITS.poolings)


class IOShape(Strict):
    """A map."""

    feature_count = Int(1, _LIMITS.features, 1)
    size = Record(Vec2)


class CnnLayerDimensions(Strict):
    """Geometry of a core."""

    input_shape, output_shape = Record(IOShape), Record(IOShape)
    kernel_size = Int(1, _LIMITS.kernel_size, 1)
    stride, padding = Record(Stride), Record(Padding)


class CnnLayerDestination(Strict):
    """One of two slots; layer 12 is the readout block."""

    enable = Bool()
    layer = Int(0, 12, choices=(*range(len(_CHIP.cores)), 12))
    feature_shift = Int(0, _LIMITS.feature_shift)
    pooling = Int(1, _BYTE, 1, choices=_LIMITS.poolings)


class CnnLayerConfig(Strict):
    """One core; weights [out feature][in channel][x][y], initial values [feature][x][y]."""

    dimensions = Record(CnnLayerDimensions)
    weights = Array(4, WEIGHT_MIN, WEIGHT_MAX)
    biases = Array(1, INT16_MIN, INT16_MAX)
    neurons_initial_value = Array(3, INT16_MIN, INT16_MAX)
    threshold_high = Int(0, INT16_MAX)
    threshold_low = Int(INT16_MIN, THRESHOLD_LOW_MAX, THRESHOLD_LOW_MAX)
    return_to_zero = Bool()
    leak_enable, leak_internal_slow_clk_enable = Bool(), Bool()
    monitor_enable, input_congestion_balancer_enable = Bool(), Bool()
    output_decimator_enable, output_decimator_interval = Bool(), Int(0, 7)
    destinations = Records(CnnLayerDestination, _LIMITS.destinations)


class DvsLayerDestination(Strict):
    """One of two slots."""

    enable = Bool()
    layer = Int(0, len(_CHIP.cores) - 1)


class DvsLayerConfig(Strict):
    """The camera's layer."""

    destinations = Records(DvsLayerDestination, _LIMITS.destinations)
    merge, on_channel, off_channel = Bool(), Bool(True), Bool(True)
    mirror, mirror_diagonal = Record(Mirror), Bool()
    pooling, origin, cut = Record(DvsPooling), Record(Origin), Record(Cut)
    pass_sensor_events, monitor_enable, raw_monitor_enable = Bool(), SensorMonitor(), SensorMonitor()


class DvsFilterConfig(Strict):
    """The filter of the camera's events."""

    enable, hot_pixel_filter_enable, low_pass_mode_enable, internal_slow_clk = Bool(), Bool(True), Bool(), Bool()
    filter_size = Record(Vec2)
    threshold = Int(0, INT16_MAX, 5)


class ReadoutConfig(Strict):
    """The readout block."""

    enable, monitor_enable, readout_pin_monitor_enable = Bool(), Bool(), Bool()
    internal_slow_clk, override_threshold_max = Bool(), Bool()
    low_pass_filter_disable, low_pass_filter32_not16 = Bool(), Bool()
    output_mode_sel, readout_configuration_sel = Int(0, 3), Int(0, 3)
    output_neuron_num, threshold = Int(0, 15), Int(0, 2**16 - 1)


class FactoryConfig(Strict):
    """What is described of the settings that are the factory's."""

    internal_slow_clk_divider = Int(14, 17, 17)
    monitor_dual_channel = Bool()


class SpeckConfiguration(Strict):
    """Everything."""

    cnn_layers = Records(CnnLayerConfig, len(_CHIP.cores))
    dvs_layer, dvs_filter = Record(DvsLayerConfig), Record(DvsFilterConfig)
    readout, factory_config = Record(ReadoutConfig), Record(FactoryConfig)


class Spike(Strict):
    """A spike on the bus; the layer is where it comes from, or for an input where it goes."""

    layer, y, x = Int(0, _BYTE), Int(0, _BYTE), Int(0, _BYTE)
    feature = Int(0, 2**16 - 1)
    timestamp = Int(0, 2**32 - 1)


class DvsEvent(Strict):
    """What a pixel of the camera saw: light (p) or dark."""

    p = Bool()
    y, x = Int(0, _BYTE), Int(0, _BYTE)
    timestamp = Int(0, 2**32 - 1)
