"""Events to and from the types of samna, which the caller gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nirdynap.errors import TIME_STAMP, InputError
from nirdynap.export.samna_camera import DVS_LAYER
from nirdynap.ir.arguments import check_events, check_spec
from nirdynap.ir.events import Events
from nirdynap.ir.spec import CoreSpec, OutputPort, Spec
from nirdynap.ir.units import IntArray, Shape, decide

STAMP_MAX = 2**32 - 1  # microseconds; the chip's stamps have 32 bits (docs/hardware.md, section Events and read-back)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRun:
    """What a board sent back, named as in `nirdynap.Result`.

    Attributes:
        spec: what runs there.
        spikes: per monitored core, its spikes before pooling and after decimation; time stamps are the board's.
        dvs: what left the DVS layer, and so what its cores took in; None where it is not monitored.
    """

    spec: Spec
    spikes: Mapping[int, Events]
    dvs: Events | None = None

    @property
    def output_events(self) -> Mapping[str, Events]:
        """Per Output node whose cores are all monitored, its spikes after the output's pooling, by time.

        Of a layer that is split over cores, equal stamps go by core: nobody knows the order of their spikes.
        """
        return {name: self._joined(name) for name in self._read()}

    @property
    def output_counts(self) -> Mapping[str, IntArray]:
        """Per Output node whose cores are all monitored, spikes of the run: int64 [c, y, x]."""
        counts = {}
        for name, events in self.output_events.items():
            total = np.zeros(self.spec.output_shape(name), dtype=np.int64)
            np.add.at(total, (events.c, events.y, events.x), 1)
            counts[name] = total
        return counts

    @property
    def decisions(self) -> Mapping[str, int]:
        """Per Output node, the index of the neuron (C-major) with most spikes; -1 if there was none."""
        return {name: int(decide(total.reshape(1, -1))[0]) for name, total in self.output_counts.items()}

    def _read(self) -> Iterator[str]:
        """Output nodes of which all is monitored."""
        for name in self.spec.output_names:
            if all(port.core in self.spikes for port in self.spec.ports(name)):
                yield name

    def _joined(self, name: str) -> Events:
        shape = self.spec.output_shape(name)
        parts = [self._pooled(port, shape) for port in self.spec.ports(name)]
        columns = {key: np.concatenate([getattr(part, key) for part in parts]) for key in ("t", "c", "y", "x")}
        order = np.argsort(columns["t"], kind="stable")
        return Events(**{key: column[order] for key, column in columns.items()})

    def _pooled(self, port: OutputPort, shape: Shape) -> Events:
        events = self.spikes[port.core]
        y, x = events.y // port.pooling, events.x // port.pooling
        inside = (y < shape[1]) & (x < shape[2])
        return Events(t=events.t[inside], c=events.c[inside] + port.feature_shift, y=y[inside], x=x[inside])


def events_to_samna(spec: Spec, events: Events, samna: Any) -> list[Any]:
    """A list of ``samna.<chip>.event.Spike``, one for each event and core that the network's input feeds.

    Of a spec with a DVS layer a list of ``DvsEvent`` instead, one for each event: the layer sends them on.

    Args:
        spec: whose input they are; decides layer and feature of each spike.
        events: within `spec.input_shape`.
        samna: the vendor's module, or its stand-in.

    Raises:
        InputError: ND503 for an event outside the input, ND648 for a time stamp of more than 32 bits, ND513 for other
            things than a Spec and Events.
    """
    check_spec(spec)
    check_events(events)
    events.check_inside(spec.input_shape)
    if len(events) and events.t[-1] > STAMP_MAX:
        first = int(np.argmax(events.t > STAMP_MAX))
        raise InputError([TIME_STAMP.at("$.events", value=first, time=int(events.t[first]), limit=STAMP_MAX)])
    kinds = getattr(samna, spec.chip).event
    spike = kinds.Spike
    rows = zip(*(getattr(events, name).tolist() for name in ("t", "c", "y", "x")), strict=True)
    if spec.dvs is not None:
        return [_dvs_event(kinds.DvsEvent, bool(c), y, x, t) for t, c, y, x in rows]
    return [_spike(spike, port.core, c + port.feature_shift, y, x, t) for t, c, y, x in rows for port in spec.inputs]


def events_from_samna(spec: Spec, received: Iterable[Any], samna: Any, cores: Iterable[int] | None = None) -> BoardRun:
    """What a board sent: its spikes by core, sorted by time; equal stamps keep their order, other events are left out.

    Args:
        spec: what runs on the board.
        received: what a sink node hands out.
        samna: the vendor's module, or its stand-in.
        cores: those that are monitored, which may have been silent, 13 being the DVS layer; default: those of the
            outputs. Others that sent spikes are added.

    Raises:
        InputError: ND503 for a spike outside its core's map: the board runs something else.
    """
    kind = getattr(samna, spec.chip).event.Spike
    spikes = [e for e in received if isinstance(e, kind)]
    monitored = {port.core for port in spec.outputs} if cores is None else set(cores)
    monitored |= {e.layer for e in spikes}
    by_core = {}
    for core in (c for c in spec.cores if c.core in monitored):
        by_core[core.core] = _without_gaps(_spikes_of(spikes, core.core), core)
        by_core[core.core].check_inside(core.neuron_shape)
    camera = None
    if spec.dvs is not None and DVS_LAYER in monitored:
        camera = _spikes_of(spikes, DVS_LAYER)
        if spec.dvs.merge:  # samna says that merged events carry polarity 1; the cores take them in as feature 0
            camera = dataclasses.replace(camera, c=np.zeros_like(camera.c))
        camera.check_inside(spec.port_shape)
    return BoardRun(spec=spec, spikes=by_core, dvs=camera)


def _spikes_of(spikes: list[Any], layer: int) -> Events:
    own = sorted((e for e in spikes if e.layer == layer), key=lambda e: int(e.timestamp))
    columns = {"t": "timestamp", "c": "feature", "y": "y", "x": "x"}
    return Events(**{name: np.array([getattr(e, key) for e in own], np.int64) for name, key in columns.items()})


def _dvs_event(kind: Any, p: bool, y: int, x: int, timestamp: int) -> Any:
    event = kind()
    event.p, event.y, event.x, event.timestamp = p, y, x, timestamp
    return event


def _without_gaps(events: Events, core: CoreSpec) -> Events:
    """Features of the chip as channels of the core; the features between are silent there, and outside here."""
    if core.spacing == 1:
        return events
    channel, gap = np.divmod(events.c, core.spacing)
    return dataclasses.replace(events, c=np.where(gap > 0, core.neuron_shape[0], channel))


def _spike(kind: Any, layer: int, feature: int, y: int, x: int, timestamp: int) -> Any:
    spike = kind()
    spike.layer, spike.feature, spike.y, spike.x, spike.timestamp = layer, feature, y, x, timestamp
    return spike
