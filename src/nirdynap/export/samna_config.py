"""A spec as the configuration of its chip: as plain data, or in the classes of the samna module that the caller gives.

samna itself is never imported here: what the package index has under that name runs an installer when imported.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import numpy as np

from nirdynap.chips.chip import Chip, load_chip
from nirdynap.errors import (
    BAD_OPTION,
    NO_SLOW_CLOCK,
    NO_SUCH_NODE,
    NO_TICKS,
    NOT_EXPORTABLE,
    VENDOR_CLASS,
    VENDOR_REFUSES,
    CompileError,
    Diagnostic,
    InputError,
    node_place,
    raise_errors,
)
from nirdynap.export.samna_camera import DVS_LAYER, DVS_NAME, dvs_config, monitor_findings
from nirdynap.export.samna_readout import apart, readout_config, readout_slots
from nirdynap.export.samna_tree import (
    CnnLayerConfig,
    CnnLayerDestination,
    Configuration,
    Dimensions,
    FactoryConfig,
    IOShape,
    Vec2,
    plain,
)
from nirdynap.ir.arguments import check_spec, described, wrong
from nirdynap.ir.clock import ExternalClock, InternalClock
from nirdynap.ir.digest import frozen
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import IntArray, Pair, Shape, is_positive
from nirdynap.lower.clock import clock_findings
from nirdynap.lower.readout import on_chip
from nirdynap.lower.validate import validate

Monitor = Iterable[str] | Literal["all"] | None

EXPORTABLE = ("speck2e", "speck2f")  # the chips whose classes are documented in full; also the modules' names


def configuration(spec: Spec, *, monitor: Monitor = None, slow_clock_hz: int | None = None) -> Configuration:
    """The settings of every core in use, as plain data named like samna's attributes.

    Args:
        spec: for one of the chips in `EXPORTABLE`.
        monitor: nodes whose spikes the board sends back, before pooling, and "dvs" for what leaves the DVS layer (if
            no node has that name); "all", also as one of them: of every core; default: the outputs.
        slow_clock_hz: ticks per second of the board's clock, which adds the biases, of a spec without a slow clock;
            default: the spec's.

    Raises:
        CompileError: whatever `validate` finds; ND126 a clock beside the spec's own, ND640 unknown node, ND642 biases
            without a clock, ND643 another chip, ND650 a DVS layer monitored without its camera, ND660 a readout block
            without a clock.
        InputError: ND513 for what is no Spec, and for a `monitor` that is no names.

    Example:
        >>> from nirdynap.testing.build import build_core, build_spec
        >>> spec = build_spec(build_core(3, [[[[5, 6], [7, 8]]]], (1, 2, 2), threshold_high=10))
        >>> layer = configuration(spec).cnn_layers[3]
        >>> layer.weights.tolist(), layer.dimensions.kernel_size, layer.monitor_enable
        ([[[[5, 7], [6, 8]]]], 2, True)
    """
    check_spec(spec)
    watched = _watched(spec, monitor)
    spec, unclear = _clocked(spec, slow_clock_hz)
    raise_errors([*unclear, *validate(spec), *_findings(spec), *monitor_findings(spec.dvs, watched)])
    chip, clock = load_chip(spec.chip), spec.slow_clock
    return Configuration(
        chip=spec.chip,
        cnn_layers={core.core: _layer(core, core.core in watched, chip, spec) for core in spec.cores},
        slow_clock_hz=clock.hz if isinstance(clock, ExternalClock) else None,
        dvs_layer=None if spec.dvs is None else dvs_config(spec.dvs, spec.inputs, DVS_LAYER in watched),
        readout=readout_config(spec, chip),
        factory_config=FactoryConfig(internal_slow_clk_divider=clock.divider)
        if isinstance(clock, InternalClock)
        else None,
    )


def to_samna(
    spec: Spec,
    samna: Any,
    *,
    monitor: Monitor = None,
    slow_clock_hz: int | None = None,
    modify: Callable[[Any], Any] | None = None,
) -> Any:
    """`configuration(spec)` in the classes of samna, validated by samna.

    Args:
        spec, monitor, slow_clock_hz: as in `configuration`; the clock itself is started by `deploy`.
        samna: the vendor's module, or `nirdynap.testing.samna_stand_in.samna_stand_in()`.
        modify: takes the configuration object, and returns it or another one, before it is validated.

    Returns:
        A ``samna.<chip>.configuration.SpeckConfiguration``.

    Raises:
        CompileError: as `configuration`; ND644 for what the classes do not take, ND645 with samna's own message, ND126
            for a `modify` that returns something else.
        InputError: as `configuration`; ND513 for what is no samna.

    Example:
        >>> from nirdynap.testing.build import build_core, build_spec
        >>> from nirdynap.testing.samna_stand_in import samna_stand_in
        >>> config = to_samna(build_spec(build_core(3, [[[[5]]]], (1, 1, 1), threshold_high=10)), samna_stand_in())
        >>> config.cnn_layers[3].threshold_high
        10
    """
    return written(configuration(spec, monitor=monitor, slow_clock_hz=slow_clock_hz), samna, modify)


def written(tree: Configuration, samna: Any, modify: Callable[[Any], Any] | None = None) -> Any:
    """`tree` in the classes of samna, as `to_samna` returns it."""
    place = f"$.samna.{tree.chip}"
    module = getattr(samna, tree.chip, None)
    if module is None:
        remedy = "the imported module itself, or nirdynap.testing.samna_stand_in.samna_stand_in()"
        raise InputError([wrong("samna", samna, f"the samna module, with its part {tree.chip},", remedy)])
    try:
        config = module.configuration.SpeckConfiguration()
        for core, layer in tree.cnn_layers.items():
            _write(config.cnn_layers[core], layer)
            _read_back(config.cnn_layers[core], layer, f"cnn_layers[{core}]")
        for name in ("dvs_layer", "factory_config", "readout"):
            if (part := getattr(tree, name)) is not None:
                _write(getattr(config, name), part)
                _read_back(getattr(config, name), part, name)
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        found = f"{type(error).__name__}: {error}"
        raise CompileError([VENDOR_CLASS.at(place, value=found, limit=tree.chip)]) from error
    if modify is not None:
        config = _modified(config, modify)
    valid, message = module.validate_configuration(config)
    if not valid:
        raise CompileError([VENDOR_REFUSES.at(place, value=message or "without a message")])
    return config


def _modified(config: Any, modify: Callable[[Any], Any]) -> Any:
    changed = modify(config) if callable(modify) else modify
    if isinstance(changed, type(config)):
        return changed
    found = f"returned {described(changed)}" if callable(modify) else described(changed)
    limit = "a function that returns the configuration"
    raise CompileError([BAD_OPTION.at("$.modify", parameter="modify", value=found, limit=limit)])


def _clocked(spec: Spec, hz: int | None) -> tuple[Spec, tuple[Diagnostic, ...]]:
    """The spec with the clock that is asked for, and what stands against it: no run of the spec knew of another."""
    if hz is None:
        return spec, ()
    if spec.slow_clock is not None:
        limit = f"None: the spec has {spec.slow_clock} already, or dataclasses.replace(spec, slow_clock=...)"
        return spec, (BAD_OPTION.at("$.slow_clock_hz", parameter="slow_clock_hz", value=str(hz), limit=limit),)
    if not is_positive(hz):
        return spec, tuple(clock_findings(ExternalClock(hz=hz), spec.dvs, load_chip(spec.chip)))
    return dataclasses.replace(spec, slow_clock=ExternalClock(hz=hz)), ()


# --- what cannot be said ---------------------------------------------------------------------------------------------


def _findings(spec: Spec) -> Iterator[Diagnostic]:
    if spec.chip not in EXPORTABLE:
        yield NOT_EXPORTABLE.at("$.chip", value=spec.chip, limit=", ".join(EXPORTABLE))
    if spec.readout is not None and spec.slow_clock is None:
        yield NO_TICKS.at("$.readout")
    for core in spec.cores:
        if _leaks(core) and spec.slow_clock is None:
            yield NO_SLOW_CLOCK.at(node_place(core.name), value=core.core)


def _watched(spec: Spec, monitor: Monitor) -> frozenset[int]:
    """The layers that are monitored: cores, and DVS_LAYER."""
    if monitor is None:
        return frozenset(port.core for port in spec.outputs)
    names: dict[str, set[int]] = {}
    for core in spec.cores:
        for name in dict.fromkeys((*core.origin, core.name)):
            names.setdefault(name, set()).add(core.core)  # several where a layer is split
    for name in spec.output_names:
        names.setdefault(name, {port.core for port in spec.ports(name)})
    if spec.dvs is not None:
        names.setdefault(DVS_NAME, {DVS_LAYER})
    wanted = list(monitor) if isinstance(monitor, Iterable) and not isinstance(monitor, (str, bytes)) else [monitor]
    limit = ", ".join(map(repr, names))
    if odd := [name for name in wanted if not isinstance(name, str)]:
        raise InputError([wrong("monitor", odd[0], "the name of a node", f'one of {limit}; or "all"')])
    if "all" in wanted and ("all" not in names or monitor == "all"):
        return frozenset(core.core for core in spec.cores)
    raise_errors([NO_SUCH_NODE.at("$.monitor", value=name, limit=limit) for name in wanted if name not in names])
    return frozenset[int]().union(*(names[name] for name in wanted))


# --- from a spec to plain data ---------------------------------------------------------------------------------------


def _layer(core: CoreSpec, monitor: bool, chip: Chip, spec: Spec) -> CnnLayerConfig:
    features = core.neuron_shape[0]
    bias = np.zeros(features) if core.bias is None else core.bias
    state = np.zeros(core.neuron_shape) if core.initial_state is None else core.initial_state
    slots = [
        CnnLayerDestination(enable=True, layer=d.core, feature_shift=d.feature_shift, pooling=d.pooling)
        for d in core.destinations
    ]
    slots += readout_slots(core, chip, spec)
    return CnnLayerConfig(
        dimensions=Dimensions(
            input_shape=_shape(core.input_shape),
            output_shape=_shape((on_chip(features, core.spacing), *core.neuron_shape[1:])),
            kernel_size=core.weights.shape[2],
            stride=_vec2(core.stride),
            padding=_vec2(core.padding),
        ),
        weights=_columns_first(apart(core.weights, core.spacing), np.int8),
        biases=frozen(apart(bias, core.spacing), np.int16),
        neurons_initial_value=_columns_first(apart(state, core.spacing), np.int16),
        threshold_high=core.threshold_high,
        threshold_low=core.threshold_low,
        return_to_zero=core.return_to_zero,
        leak_enable=_leaks(core),
        leak_internal_slow_clk_enable=_leaks(core) and isinstance(spec.slow_clock, InternalClock),
        monitor_enable=monitor,
        output_decimator_enable=core.decimator != 1,
        output_decimator_interval=0 if core.decimator == 1 else chip.decimations.index(core.decimator),
        destinations=tuple([*slots, CnnLayerDestination(), CnnLayerDestination()][:2]),
    )


def _leaks(core: CoreSpec) -> bool:
    return core.bias is not None and bool(core.bias.any())


def _columns_first(array: IntArray, dtype: type[np.integer[Any]]) -> IntArray:
    """[..., y, x] as [..., x, y]."""
    return frozen(np.swapaxes(array, -1, -2), dtype)


def _shape(shape: Shape) -> IOShape:
    return IOShape(feature_count=shape[0], size=_vec2(shape[1:]))


def _vec2(pair: Pair) -> Vec2:
    return Vec2(x=pair[1], y=pair[0])


# --- from plain data to samna's classes ------------------------------------------------------------------------------


def _write(target: Any, tree: Any) -> None:
    """Records are assigned whole, as dicts, which samna takes for its classes; of a list, each element is set."""
    for field in dataclasses.fields(tree):
        value = getattr(tree, field.name)
        if isinstance(value, tuple):
            for element, part in zip(getattr(target, field.name), value, strict=True):
                _write(element, part)
        else:
            setattr(target, field.name, plain(value))


def _read_back(target: Any, tree: Any, path: str) -> None:
    """Raise ValueError where `target` does not say what was written: not every binding hands out references."""
    for field in dataclasses.fields(tree):
        value, here = getattr(tree, field.name), f"{path}.{field.name}"
        got = getattr(target, field.name)
        if dataclasses.is_dataclass(value):
            _read_back(got, value, here)
        elif isinstance(value, tuple):
            for i, part in enumerate(value):
                _read_back(got[i], part, f"{here}[{i}]")
        elif not np.array_equal(got, value):
            shown = "another array" if isinstance(value, np.ndarray) else f"{got!r} instead of {value!r}"
            raise ValueError(f"{here} is {shown} after it was set")
