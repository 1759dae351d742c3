"""Nodes and cores in words: the cells of tables and the settings in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from nirdynap.cli.screen import table
from nirdynap.ir.clock import ExternalClock, SlowClock
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.network import IF, Conv, Flatten, Linear, Node, Pool, Scale
from nirdynap.ir.quantisation import Rule
from nirdynap.ir.readout import ReadoutOptions
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.units import shape_text

if TYPE_CHECKING:
    from nirdynap.frontend.raw import RawNode


def settings_of(node: Node) -> dict[str, str]:
    """What decides what a node computes, as short texts."""
    match node:
        case Conv():
            pairs = {"kernel": node.weights.shape[2:], "stride": node.stride, "padding": node.padding}
            extras = {"groups": str(node.groups)} if node.groups > 1 else {}
            if node.dilation != (1, 1):
                extras["dilation"] = shape_text(node.dilation)
            texts = {name: shape_text(pair) for name, pair in pairs.items()}
            return {**texts, **extras, "weights": _range(node.weights), "bias": _range(node.bias)}
        case Linear():
            return {"weights": _range(node.weights), "bias": _range(node.bias)}
        case IF():
            fires = {"threshold": _range(node.threshold), "gain": _range(node.gain), "v_min": _range(node.v_min)}
            leak = {} if node.decay is None else {"decay": _range(node.decay), "reset_time": node.reset_time}
            drift = {} if node.drift is None else {"drift": _range(node.drift)}
            return {**fires, "reset": node.reset, "tie": node.tie, **leak, **drift}
        case Pool():
            return {"kind": node.kind, "size": shape_text(node.size)}
        case Flatten():
            return {"order": node.order}
        case Scale():
            return {"factor": _range(node.factor)}
    return {}


def numbers_in(node: Node) -> int:
    """How many numbers a node's file fields hold, spread fields counted at full size."""
    arrays = (getattr(node, name, None) for name in ("weights", "bias", "threshold", "gain", "v_min", "factor"))
    return sum(array.size for array in arrays if array is not None)


def raw_settings(node: RawNode) -> dict[str, str]:
    """The fields of a node as the file has them: of arrays the shape, and the number if all are the same."""
    return {name: _field(value) for name, value in node.fields.items()}


def raw_numbers(node: RawNode) -> int:
    """How many numbers a node's fields hold."""
    return sum(int(np.size(value)) for value in node.fields.values() if not isinstance(value, str))


def dvs_words(dvs: DvsLayer) -> str:
    """The steps of a DVS layer, in their order."""
    polarity = {"both": "ON and OFF events", "on": "ON events", "off": "OFF events"}[dvs.polarity]
    mirrors = {"y": dvs.mirror_y, "x": dvs.mirror_x, "diagonal": dvs.mirror_diagonal}
    mirrored = [axis for axis, mirror in mirrors.items() if mirror]
    words = [
        polarity + " merged" * dvs.merge,
        *([f"pool {shape_text(dvs.pooling)}"] if dvs.pooling != (1, 1) else []),
        f"region {shape_text(dvs.size)} from ({dvs.origin[0]}, {dvs.origin[1]})",
        *([f"mirror {', '.join(mirrored)}"] if mirrored else []),
        "fed by the chip's camera" if dvs.pass_sensor_events else "fed from outside",
    ]
    return ", ".join(words)


def clock_words(clock: SlowClock) -> str:
    """What ticks."""
    if isinstance(clock, ExternalClock):
        return f"from the board, {clock.hz} ticks per second"
    return f"the chip's own, a tick for 2**{clock.divider} camera events"


def readout_words(readout: ReadoutOptions) -> str:
    """What is read, and how."""
    return f"output {readout.output}, averages over {readout.average} ticks, threshold {readout.threshold}"


def core_tables(spec: Spec) -> tuple[Table, Table, Table]:
    """Cores with their wiring, then their integers and memory, and how the integers were chosen."""
    wiring = table(
        ["core #", "nodes ...", "input", "kernel", "stride", "padding", "neurons", "spikes go to ..."],
        [
            [
                core.core,
                ", ".join(core.origin),
                shape_text(core.input_shape),
                shape_text(core.weights.shape[2:]),
                shape_text(core.stride),
                shape_text(core.padding),
                shape_text(core.neuron_shape),
                "; ".join(_targets(spec, core)),
            ]
            for core in spec.cores
        ],
        title="Cores",
    )
    return wiring, memory_table(spec), integers_table(spec)


def memory_table(spec: Spec) -> Table:
    """Each core's integers, and the words it needs of those it has."""
    return table(
        ["core #", "layer", "threshold #", "lower bound #", "reset", "scale #", "kernel #", "neuron #", "bias #"],
        [
            [
                core.core,
                core.name,
                core.threshold_high,
                core.threshold_low,
                "zero" if core.return_to_zero else "subtract",
                f"{core.scale:.6g}",
                *(f"{need} / {room}" for need, room in zip(core.memory, core.capacity, strict=True)),
            ]
            for core in spec.cores
        ],
        title="Integers, and memory in words",
    )


_MEASURES: dict[Rule, str] = {
    "max-abs": "parameters",
    "given": "parameters",
    "threshold-aware": "expected spikes",
    "calibrated": "recorded spikes",
}


def integers_table(spec: Spec) -> Table:
    """How each layer's integers were chosen."""
    return table(
        ["layer", "rule", "tried #", "error in", "of max-abs #", "chosen #", "clipped #", "threshold", "weights"],
        [
            [
                core.name,
                how.rule,
                how.candidates,
                _MEASURES[how.rule],
                ("" if how.rule == "given" else "refused") if how.before is None else f"{how.before:.3g}",
                f"{how.after:.3g}",
                how.clipped,
                "chosen" if how.threshold_chosen else "rounded",
                "chosen" if how.weights_chosen else "rounded",
            ]
            for core, how in ((cores[0], cores[0].quantisation) for cores in spec.layers)
            if how is not None
        ],
        title="How the integers were chosen",
    )


def _targets(spec: Spec, core: CoreSpec) -> Sequence[str]:
    cores = [f"each {core.decimator}th spike"] if core.decimator != 1 else []
    cores += [f"core {d.core}{_how(d.pooling, d.feature_shift)}" for d in core.destinations]
    return cores + [
        f"output {port.name}{_how(port.pooling, port.feature_shift)}" for port in spec.outputs if port.core == core.core
    ]


def _how(pooling: int, feature_shift: int) -> str:
    words = [f"pool {pooling}x{pooling}"] if pooling > 1 else []
    words += [f"channel + {feature_shift}"] if feature_shift else []
    return f" ({', '.join(words)})" if words else ""


def _range(array: Any) -> str:
    if array is None:
        return "none"
    low, high = float(array.min()), float(array.max())
    return f"{low:.6g}" if low == high else f"{low:.4g} .. {high:.4g}"


def _field(value: Any) -> str:
    array = np.asarray(value)
    if array.ndim > 0 and (array.size == 0 or (array != array.flat[0]).any()):
        return f"[{shape_text(array.shape)}]"
    size = f" [{shape_text(array.shape)}]" if array.ndim > 0 else ""
    return (f"{array.flat[0]:.6g}" if array.dtype.kind == "f" else str(array.flat[0])) + size
