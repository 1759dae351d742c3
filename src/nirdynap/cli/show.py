"""nirdynap show: what a file holds, a NIR graph or a spec."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from nirdynap.cli.answer import Answer, plain
from nirdynap.cli.options import Reading, SpecOrNir
from nirdynap.cli.screen import reading_words, table
from nirdynap.cli.source import is_nir, load_spec, told_notes
from nirdynap.errors import CONVENTION_DETECTED, CompileError
from nirdynap.ir.convention import AUTO
from nirdynap.ir.units import shape_text

if TYPE_CHECKING:
    from nirdynap.frontend.raw import RawGraph
    from nirdynap.ir.network import Network
    from nirdynap.ir.spec import CoreSpec, Spec


def show(file: SpecOrNir, reading: Reading) -> Answer:
    """What a file holds: nodes, shapes, parameters and edges of a NIR graph, or the cores of a spec.

    Of a NIR graph also which convention it is read with and why, and what the file leaves open.

    Of a network that is refused, nodes and edges are shown as the file has them.

    Exit code 0: shown. 1: refused. 2: wrong options, or a file that cannot be read.
    """
    return _network(file, reading) if is_nir(file) else _spec(file, load_spec(file, reading))


def _network(file: Path, reading: Reading) -> Answer:
    from nirdynap.cli.describe import numbers_in, raw_numbers, raw_settings, settings_of
    from nirdynap.frontend import read
    from nirdynap.frontend.safe_hdf5 import read_hdf5
    from nirdynap.frontend.summary import summary_of_graph, summary_of_network

    options = reading.given()
    raw = _unfolded(read_hdf5(file))
    asked = options.get("convention", AUTO)
    body: dict[str, Any] = {"kind": "network", "version": raw.version, "convention": asked}
    body["in_the_file"] = plain(summary_of_graph(raw))
    try:
        network = read(file, **options)
    except CompileError as error:
        nodes = [_node(n.name, n.type, None, None, raw_numbers(n), raw_settings(n)) for n in raw.nodes]
        edges: list[dict[str, Any]] = [{"source": a, "target": b, "feature_shift": 0} for a, b in raw.edges]
        body |= {"as_read": None, "settings": None, "why": None, "nodes": nodes, "edges": edges}
        return Answer(body=body, diagnostics=error.diagnostics, tables=_network_tables(file, body))
    types = {node.name: node.type for node in raw.nodes}
    nodes = [
        _node(n.name, types[n.name], n.input_shape, n.output_shape, numbers_in(n), settings_of(n))
        for n in network.nodes
    ]
    body |= {
        "convention": network.convention.name,
        "as_read": plain(summary_of_network(network)),
        "settings": plain(network.convention),
        "why": _why(network, asked),
        "nodes": nodes,
        "edges": plain(network.edges),
    }
    return Answer(body=body, diagnostics=network.notes, tables=_network_tables(file, body))


def _why(network: Network, asked: str) -> str:
    """Why this convention; what is in doubt about it is told by the warnings."""
    if asked != AUTO:
        return "as asked for"
    evidence = [note.limit for note in network.notes if note.code == CONVENTION_DETECTED.code]
    return str(evidence[0]) if evidence else "nothing in the file settles it"


def _unfolded(raw: RawGraph) -> RawGraph:
    from nirdynap.frontend.nested import unfold

    try:
        return unfold(raw)
    except CompileError:
        return raw  # reading it will say why


def _node(
    name: str, kind: str, input_shape: Any, output_shape: Any, parameters: int, settings: dict[str, str]
) -> dict[str, Any]:
    shapes = {"input_shape": plain(input_shape), "output_shape": plain(output_shape)}
    return {"name": name, "type": kind, **shapes, "parameters": parameters, "settings": settings}


def _network_tables(file: Path, body: dict[str, Any]) -> tuple[RenderableType, ...]:
    sources: dict[str, list[str]] = {node["name"]: [] for node in body["nodes"]}
    for edge in body["edges"]:
        sources.setdefault(edge["target"], []).append(edge["source"])
    rows = [
        [
            node["name"],
            node["type"],
            ", ".join(sources[node["name"]]) or "-",
            shape_text(node["input_shape"]) if node["input_shape"] else "?",
            shape_text(node["output_shape"]) if node["output_shape"] else "?",
            ", ".join(f"{name} {text}" for name, text in node["settings"].items()),
        ]
        for node in body["nodes"]
    ]
    return (
        f"{file}: NIR graph written by nir {body['version'] or '(version not said)'}, {len(body['nodes'])} nodes",
        *_summary_lines(body),
        _convention_line(body),
        table(["node", "type", "fed by ...", "input", "output", "parameters ..."], rows),
    )


def _summary_lines(body: dict[str, Any]) -> Iterator[str]:
    """What is in the file, and what was read where that is not the same."""
    found, read_ = body["in_the_file"], body["as_read"]
    yield f"in the file: {_sum(found)}"
    if read_ not in (None, found):
        yield f"as read: {_sum(read_)}"


def _sum(summary: dict[str, Any]) -> str:
    counts = f"{summary['nodes']} nodes, {summary['edges']} edges, {summary['weights']} weights and biases"
    return f"{counts}, checksum {summary['checksum'][:12]}"


def _convention_line(body: dict[str, Any]) -> str:
    """The convention, why it, and those of its settings that can matter for this file."""
    settings = body["settings"]
    if settings is None:
        return f"convention {body['convention']}"
    types = {node["type"] for node in body["nodes"]}
    leaky = any("decay" in node["settings"] for node in body["nodes"])
    matters = {
        "tie": True,
        "reset": settings["reset"] != "file",  # else each node's own row says it
        "v_min": True,
        "spikes_per_step": True,
        "gain": settings["gain"] != "r",
        "flatten": "Flatten" in types,
        "delay": settings["delay"],
        "dt": leaky or settings["gain"] != "r",
        "integration": leaky,
        "reset_time": leaky,
        "leak": leaky or settings["leak"] != "refuse",
    }
    texts = [f"{name} {settings[name]}" for name, shown in matters.items() if shown]
    return f"convention {body['convention']} ({body['why']}): {', '.join(texts)}"


def _spec(file: Path, spec: Spec) -> Answer:
    from nirdynap.cli.describe import clock_words, core_tables, dvs_words, readout_words

    body = {
        "kind": "spec",
        "chip": spec.chip,
        "convention": spec.convention.name,
        "settings": plain(spec.convention),
        "digest": spec.digest(),
        "weights_digest": spec.weights_digest(),
        "spikes_per_step": spec.spikes_per_step,
        "input_shape": list(spec.input_shape),
        "inputs": plain(spec.inputs),
        "outputs": plain(spec.outputs),
        "cores": [_core(core) for core in spec.cores],
        "dvs": plain(spec.dvs),
        "slow_clock": plain(spec.slow_clock),
        "readout": plain(spec.readout),
    }
    inputs = [
        f"core {port.core}" + f" (channel + {port.feature_shift})" * bool(port.feature_shift) for port in spec.inputs
    ]
    head = (
        f"{file}: spec for {spec.chip}, {len(spec.cores)} cores, spikes per step: {spec.spikes_per_step}",
        reading_words(spec.convention),
        f"digest {spec.digest()}",
        f"weights {spec.weights_digest()}",
        *([] if spec.dvs is None else [f"camera {shape_text(spec.input_shape)}: {dvs_words(spec.dvs)}"]),
        *([] if spec.slow_clock is None else [f"slow clock: {clock_words(spec.slow_clock)}"]),
        *([] if spec.readout is None else [f"readout block: {readout_words(spec.readout)}"]),
        f"input {shape_text(spec.port_shape)} to {', '.join(inputs)}",
    )
    return Answer(body=body, diagnostics=told_notes(file, spec), tables=(*head, *core_tables(spec)))


def _core(core: CoreSpec) -> dict[str, Any]:
    arrays = ("weights", "bias", "initial_state")
    names = [field.name for field in dataclasses.fields(core) if field.name not in arrays]
    kernel = {"kernel": list(core.weights.shape[2:]), "has_bias": core.bias is not None}
    return {**kernel, **{name: plain(getattr(core, name)) for name in names}}
