"""The boards of the samna stand-in: they compute what docs/semantics.md, section Event run, says in its default orders.

Written in samna's terms, x before y and from the configuration object alone, so that a swapped axis, a wrong shift or
a lost setting of the export shows as other spikes.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from nirdynap.export.samna_camera import DVS_LAYER
from nirdynap.ir.events import Events
from nirdynap.ir.units import INT16_MAX, INT16_MIN, US_PER_S
from nirdynap.testing.samna_classes import DvsEvent

_DECIMATIONS = (2, 4, 8, 16, 32, 128, 256, 512)


class Source:
    """Where input events are written."""

    def __init__(self) -> None:
        self.target: Any = None

    def write(self, events: list[Any]) -> None:
        """Send events on; refused while no graph is started."""
        if self.target is None:
            raise RuntimeError("the graph of this node is not started")
        self.target.write(events)


class Sink:
    """Where output events are collected."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def write(self, events: list[Any]) -> None:
        """Keep events."""
        self.events += events

    def get_events(self) -> list[Any]:
        """What came since the last call."""
        events, self.events = self.events, []
        return events


class Model:
    """The chip of an open board."""

    def __init__(self, module: Any, scene: Events | None) -> None:
        self._module = module
        self._scene = scene
        self._machine: _Machine | None = None
        self.target: Sink | None = None
        self.ticks_hz: int | None = None

    def apply_configuration(self, config: Any) -> None:
        """Take a configuration, or raise RuntimeError with what is wrong with it."""
        valid, message = self._module.validate_configuration(config)
        if not valid:
            raise RuntimeError(message)
        self._machine = _Machine(config)

    def get_sink_node(self) -> Model:
        """Where events go in."""
        return self

    def get_source_node(self) -> Model:
        """Where events come out."""
        return self

    def look(self) -> None:
        """The camera sees the scene, if it is on."""
        if self._scene is None or self._machine is None or not self._machine.dvs.pass_sensor_events:
            return
        seen = []
        for t, p, y, x in zip(*(getattr(self._scene, name).tolist() for name in "tcyx"), strict=True):
            event = self._module.event.DvsEvent()
            event.p, event.y, event.x, event.timestamp = bool(p), y, x, t
            seen.append(event)
        self.write(seen)

    def write(self, events: list[Any]) -> None:
        """Compute what the events cause, and send on what the monitored cores fire."""
        if self._machine is None or self.target is None:
            return
        for layer, feature, x, y, timestamp in self._machine.run(events, self.ticks_hz):
            spike = self._module.event.Spike()
            spike.layer, spike.feature, spike.x, spike.y, spike.timestamp = layer, feature, x, y, timestamp
            self.target.write([spike])


class Handle:
    """An open board."""

    def __init__(self, info: Any, module: Any, scene: Events | None) -> None:
        self.info = info
        self.is_open = True
        self.watch_runs = False
        self._model = Model(module, scene)

    def close(self) -> None:
        """Nothing can be asked of it any more."""
        self.is_open = False

    def get_model(self) -> Model:
        """Its chip."""
        if not self.is_open:
            raise RuntimeError("the device is closed")
        return self._model

    def get_stop_watch(self) -> Handle:
        """Its clock of time stamps: the board itself."""
        return self

    def start(self) -> None:
        """Time stamps on."""
        self.watch_runs = True
        self._model.look()

    def stop(self) -> None:
        """Time stamps off."""
        self.watch_runs = False

    def reset(self) -> None:
        """Time stamps from 0: they are those of the input here, anyway."""

    def get_io_module(self) -> Handle:
        """Its pins: the board itself."""
        return self

    def set_slow_clk(self, on: bool) -> None:
        """Slow clock off; on, it waits for its rate."""
        if not on:
            self._model.ticks_hz = None

    def set_slow_clk_rate(self, hz: int) -> None:
        """Ticks per second."""
        self._model.ticks_hz = hz


class _Machine:
    """Membranes [feature][x][y] and decimators of the cores in use, and what one spike does to them."""

    def __init__(self, config: Any) -> None:
        self.dvs = config.dvs_layer
        self.silent = config.readout.monitor_enable  # which takes the place of all spikes (docs/hardware.md)
        self.divider = config.factory_config.internal_slow_clk_divider
        self.layers = {i: layer for i, layer in enumerate(config.cnn_layers) if layer.weights}
        self.membranes = {i: np.array(layer.neurons_initial_value) for i, layer in self.layers.items()}
        self.fired = dict.fromkeys(self.layers, 0)
        self.sent: list[tuple[int, int, int, int, int]] = []

    def run(self, events: list[Any], hz: int | None) -> list[tuple[int, int, int, int, int]]:
        """(layer, feature, x, y, timestamp) of each monitored spike; ticks come behind the events of their time."""
        self.sent = []
        ticks = deque(self.moments(events, hz))
        for event in events:
            while ticks and ticks[0] < event.timestamp:
                ticks.popleft()
                self.leak()
            if isinstance(event, DvsEvent):
                self.see(event)
            else:
                self.receive(event.layer, event.feature, event.x, event.y, event.timestamp)
        for _ in ticks:
            self.leak()
        return [] if self.silent else self.sent

    def moments(self, events: list[Any], hz: int | None) -> list[int]:
        """When the clock ticks: the board's, or the chip's own, which counts events that come to the DVS layer."""
        if any(layer.leak_internal_slow_clk_enable for layer in self.layers.values()):
            every = 2**self.divider
            return [e.timestamp for e in events if isinstance(e, DvsEvent)][every - 1 :: every]
        last = events[-1].timestamp if events else 0
        return [k * US_PER_S // hz for k in range(1, last * hz // US_PER_S + 1)] if hz else []

    def leak(self) -> None:
        """One tick: every neuron of a core with leak_enable gets its bias, and none fires."""
        for i, layer in self.layers.items():
            if layer.leak_enable:
                biased = np.clip(self.membranes[i] + np.array(layer.biases)[:, None, None], INT16_MIN, INT16_MAX)
                self.membranes[i] = np.maximum(biased, layer.threshold_low)

    def see(self, event: DvsEvent) -> None:
        """One event of the camera, or sent in its place, and all that comes of it."""
        dvs = self.dvs
        x, y = event.x // dvs.pooling.x, event.y // dvs.pooling.y
        inside = dvs.origin.x <= x <= dvs.cut.x and dvs.origin.y <= y <= dvs.cut.y
        if not inside or not (dvs.on_channel if event.p else dvs.off_channel):
            return
        x = dvs.cut.x - x if dvs.mirror.x else x - dvs.origin.x
        y = dvs.cut.y - y if dvs.mirror.y else y - dvs.origin.y
        if dvs.mirror_diagonal:
            x, y = y, x
        if dvs.monitor_enable:
            self.sent.append((DVS_LAYER, 1 if dvs.merge else int(event.p), x, y, event.timestamp))
        for slot in dvs.destinations:
            if slot.enable:
                self.receive(slot.layer, 0 if dvs.merge else int(event.p), x, y, event.timestamp)

    def receive(self, core: int, feature: int, x: int, y: int, timestamp: int) -> None:
        """One spike reaches a core, and all that comes of it."""
        layer = self.layers[core]
        shape = layer.dimensions.input_shape
        if feature >= shape.feature_count or x >= shape.size.x or y >= shape.size.y:
            return
        for f, ox, oy in self.update(core, feature, x, y):
            self.fired[core] += 1
            if layer.output_decimator_enable and self.fired[core] % _DECIMATIONS[layer.output_decimator_interval]:
                continue
            if layer.monitor_enable:
                self.sent.append((core, f, ox, oy, timestamp))
            size = layer.dimensions.output_shape.size
            for slot in layer.destinations:
                pool = slot.pooling
                if slot.layer not in self.layers:
                    continue  # the readout block, which sends nothing on
                if slot.enable and ox // pool < size.x // pool and oy // pool < size.y // pool:
                    self.receive(slot.layer, f + slot.feature_shift, ox // pool, oy // pool, timestamp)

    def update(self, core: int, feature: int, x: int, y: int) -> list[tuple[int, int, int]]:
        """(feature, x, y) of each neuron that fires: rows, then columns, then features ascending."""
        layer, membranes = self.layers[core], self.membranes[core]
        d = layer.dimensions
        firing = []
        for oy in range(d.output_shape.size.y):
            for ox in range(d.output_shape.size.x):
                kx, ky = x + d.padding.x - ox * d.stride.x, y + d.padding.y - oy * d.stride.y
                if not (0 <= kx < d.kernel_size and 0 <= ky < d.kernel_size):
                    continue
                for f in range(d.output_shape.feature_count):
                    weight = layer.weights[f][feature][kx][ky]
                    if weight == 0:
                        continue
                    v = min(max(int(membranes[f][ox][oy]) + weight, INT16_MIN), INT16_MAX)
                    if v >= layer.threshold_high:
                        firing.append((f, ox, oy))
                        v = 0 if layer.return_to_zero else v - layer.threshold_high
                    membranes[f][ox][oy] = max(v, layer.threshold_low)
        return firing
