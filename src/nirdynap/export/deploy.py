"""A spec on a board, by way of the samna module that the caller gives.

The calls, their order and the waiting are those that sinabs 3.1.3 makes (docs/hardware.md, section Events and
read-back). What a board does beyond them is not documented; states are reset by applying the configuration again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, final

from nirdynap.chips.chip import load_chip
from nirdynap.errors import (
    BAD_RUN_OPTION,
    BOARD_CLOSED,
    NO_DEVICE,
    OTHER_CHIP,
    VENDOR_REFUSES,
    DeviceError,
    InputError,
    raise_errors,
)
from nirdynap.export.samna_camera import DVS_LAYER, camera_finding
from nirdynap.export.samna_config import Monitor, configuration, written
from nirdynap.export.samna_events import BoardRun, events_from_samna, events_to_samna
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import US_PER_S

# What sinabs calls a board, and what samna's device_type_name calls it.
BOARDS = {
    "speck2e": "Speck2eTestBoard",
    "speck2edevkit": "Speck2eDevKit",
    "speck2fmodule": "Speck2fModuleDevKit",
    "speck2fdevkit": "Speck2fDevKit",
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A network on an open board; `deploy` makes it.

    Attributes:
        spec: what runs there.
        config: samna's configuration object.
    """

    spec: Spec
    config: Any
    _samna: Any
    _handle: Any
    _source: Any
    _sink: Any
    _settle_s: float
    _closed: Event

    def run(self, events: Events, *, quiet_s: float = 0.1) -> BoardRun:
        """Send a recording in its own time, and read back until the board has been quiet for `quiet_s` seconds.

        With a DVS layer the events go there. Membranes go on from where the run before left them; see `reset_states`.

        Raises:
            InputError: ND503, ND648 for the events, ND513 for other things; ND507 for a time that is no time; ND651
                where the board's own camera would send events between these.
            DeviceError: ND514 behind the block of `deploy`.
        """
        self._check_open("board.run")
        _check_seconds("quiet_s", quiet_s)
        raise_errors(camera_finding(self.spec.dvs, self.config, recording=True), InputError)
        spikes = events_to_samna(self.spec, events, self._samna)
        received: list[Any] = []
        with self._stop_watch():
            self._source.write(spikes)
            time.sleep(int(events.t[-1]) / US_PER_S if len(events) else 0.0)
            while True:
                time.sleep(quiet_s)
                arrived = self._sink.get_events()
                if not arrived:
                    break
                received.extend(arrived)
        return self._read(received)

    def listen(self, seconds: float) -> BoardRun:
        """What the network makes of what the board's own camera sees from now on, for some seconds.

        The camera sends events from the configuration on, so that membranes have moved already.

        Raises:
            InputError: ND651 without a camera that feeds the network; ND507 for a time that is no time.
            DeviceError: ND514 behind the block of `deploy`.
        """
        self._check_open("board.listen")
        _check_seconds("seconds", seconds)
        raise_errors(camera_finding(self.spec.dvs, self.config, recording=False), InputError)
        with self._stop_watch():
            time.sleep(seconds)
            received = self._sink.get_events()
        return self._read(received)

    @contextmanager
    def _stop_watch(self) -> Iterator[None]:
        """Time stamps from 0 on; what the board had sent before belongs to nobody."""
        watch = self._handle.get_stop_watch()
        self._sink.get_events()
        watch.reset()
        watch.start()
        try:
            yield
        finally:
            watch.stop()

    def _read(self, received: list[Any]) -> BoardRun:
        monitored = [core for core, layer in enumerate(self.config.cnn_layers) if layer.monitor_enable]
        camera = [DVS_LAYER] if self.config.dvs_layer.monitor_enable else []
        return events_from_samna(self.spec, received, self._samna, [*monitored, *camera])

    def reset_states(self) -> None:
        """Membranes become the spec's initial states: the configuration is applied again.

        Raises:
            DeviceError: ND645 when the board refuses it; ND514 behind the block of `deploy`.
        """
        self._check_open("board.reset_states")
        try:
            self._handle.get_model().apply_configuration(self.config)
        except (RuntimeError, ValueError) as error:
            raise DeviceError([VENDOR_REFUSES.at("$.device", value=str(error))]) from error
        time.sleep(self._settle_s)

    def _check_open(self, call: str) -> None:
        if self._closed.is_set():
            raise DeviceError([BOARD_CLOSED.at("$.board", value=call)])


@contextmanager
def deploy(
    spec: Spec,
    samna: Any,
    device: str = "speck2fmodule:0",
    *,
    monitor: Monitor = None,
    slow_clock_hz: int | None = None,
    modify: Callable[[Any], Any] | None = None,
    settle_s: float = 1.0,
) -> Iterator[Board]:
    """Open a board, configure it, and close it in any case.

    Args:
        spec, samna, monitor, slow_clock_hz, modify: as in `to_samna`.
        device: sinabs' name of the board, with its number where several are connected.
        settle_s: seconds to wait after a configuration has been applied.

    Raises:
        CompileError: as `to_samna`.
        DeviceError: ND646 not connected, ND647 another chip, ND645 refused by the board.
        InputError: as `to_samna`; ND507 for a time that is no time.

    Example:
        >>> from nirdynap.testing.build import build_core, build_spec
        >>> from nirdynap.testing.samna_stand_in import samna_stand_in
        >>> spec = build_spec(build_core(3, [[[[5]]]], (1, 1, 1), threshold_high=10))
        >>> with deploy(spec, samna_stand_in(boards=["Speck2fModuleDevKit"]), settle_s=0) as board:
        ...     run = board.run(Events.from_raster([[[[4]]]]), quiet_s=0)
        >>> run.output_counts["out3"].tolist()
        [[[2]]]
    """
    _check_seconds("settle_s", settle_s)
    tree = configuration(spec, monitor=monitor, slow_clock_hz=slow_clock_hz)
    config = written(tree, samna, modify)
    info = _find(spec, samna, device)
    with ExitStack() as closing:
        handle = samna.device.open_device(info)
        if handle is None:
            raise DeviceError([NO_DEVICE.at("$.device", value=device, limit="the board, but it cannot be opened")])
        closing.callback(samna.device.close_device, handle)
        source = getattr(samna, f"BasicSourceNode_{spec.chip}_event_input_event")()
        sink = getattr(samna, f"BasicSinkNode_{spec.chip}_event_output_event")()
        board = Board(
            spec=spec,
            config=config,
            _samna=samna,
            _handle=handle,
            _source=source,
            _sink=sink,
            _settle_s=settle_s,
            _closed=Event(),
        )
        closing.callback(board._closed.set)
        board.reset_states()
        if tree.slow_clock_hz is not None:
            clock = handle.get_io_module()
            closing.callback(clock.set_slow_clk, False)
            clock.set_slow_clk(True)
            clock.set_slow_clk_rate(tree.slow_clock_hz)
        model = handle.get_model()
        for nodes in ([source, model.get_sink_node()], [model.get_source_node(), sink]):
            graph = samna.graph.EventFilterGraph()
            graph.sequential(nodes)
            graph.start()
            closing.callback(graph.stop)
        yield board


def _check_seconds(parameter: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        limit = "a number of seconds from 0 up"
        raise InputError([BAD_RUN_OPTION.at(f"$.{parameter}", parameter=parameter, value=str(value), limit=limit)])


def _find(spec: Spec, samna: Any, device: str) -> Any:
    """The device's record in samna's list of what is connected."""
    name, _, number = str(device).partition(":")
    kind = BOARDS.get(name)
    if kind is None or load_chip(name).name != spec.chip:
        fitting = [board for board in BOARDS if load_chip(board).name == spec.chip]
        remedy = f"device= one of {', '.join(fitting)}"
        raise DeviceError([OTHER_CHIP.at("$.device", value=str(device), limit=spec.chip, remedy=remedy)])
    connected = list(samna.device.get_all_devices())
    same = sorted((d for d in connected if d.device_type_name == kind), key=lambda d: d.usb_device_address)
    index = number or "0"
    if not index.isdecimal() or int(index) >= len(same):
        limit = ", ".join(d.device_type_name for d in connected) or "none"
        raise DeviceError([NO_DEVICE.at("$.device", value=device, limit=limit)])
    return same[int(index)]
