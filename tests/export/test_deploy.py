"""A board that computes from the configuration alone fires as the event simulator does; it is closed in any case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.export.test_samna_config import chain, decimated, lenient

import nirdynap
from nirdynap.errors import CompileError, DeviceError, InputError
from nirdynap.export.deploy import deploy
from nirdynap.export.samna_events import STAMP_MAX, events_from_samna, events_to_samna
from nirdynap.ir.clock import ExternalClock
from nirdynap.ir.events import Events
from nirdynap.ir.readout import ReadoutOptions
from nirdynap.ir.spec import Destination, InputPort, OutputPort, Spec
from nirdynap.lower.rules import memory_of_layer
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.samna_stand_in import samna_stand_in
from nirdynap.testing.strategies import events, specs

MODULE = "Speck2fModuleDevKit"
AT_ONCE: dict[str, Any] = {"settle_s": 0.0}


def connected(*boards: str, samna: Any = None) -> Any:
    """A stand-in with boards that tells which handles were opened."""
    samna = samna or samna_stand_in(boards or [MODULE])
    opened = []
    really_open = samna.device.open_device

    def open_device(info: Any) -> Any:
        opened.append(really_open(info))
        return opened[-1]

    samna.device.open_device = open_device
    samna.opened = opened
    return samna


def any_maps() -> Any:
    samna = samna_stand_in([MODULE])
    samna.speck2f.validate_configuration = lenient().speck2f.validate_configuration
    return samna


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_the_board_fires_as_the_simulator(data: st.DataObject) -> None:
    """Asymmetric kernels, maps, strides, paddings and states: a swapped axis anywhere shows as other spikes."""
    spec = decimated(data.draw(specs(max_cores=3, decimators=True, max_spikes=None)))
    recording = data.draw(events(spec, max_events=12))
    leaks = any(core.bias is not None and core.bias.any() for core in spec.cores)
    options = {"bias_clock_us": 1000} if any(core.bias is not None for core in spec.cores) else {}
    with deploy(spec, any_maps(), monitor="all", slow_clock_hz=1000 if leaks else None, **AT_ONCE) as board:
        run = board.run(recording, quiet_s=0)
    expected = nirdynap.simulate(spec, recording, "event", record="all", **options)
    assert run.spikes == {core.core: expected.spikes[core.core][0] for core in spec.cores}
    assert run.output_events == {port.name: expected.output_events[port.name][0] for port in spec.outputs}
    counts = {name: total[0].tolist() for name, total in expected.output_counts.items()}
    assert {name: total.tolist() for name, total in run.output_counts.items()} == counts
    assert run.decisions == {name: int(decision[0]) for name, decision in expected.decisions.items()}


def test_an_asymmetric_kernel() -> None:
    """One spike writes the kernel, turned by 180 degrees, into the membranes: a single large weight tells the place."""
    weights = np.zeros((1, 1, 3, 3), dtype=int)
    weights[0, 0, 0, 2] = 9  # top right
    spec = build_spec(build_core(0, weights, (1, 5, 7), padding=(1, 1), threshold_high=9))
    middle = Events(t=[0], c=[0], y=[2], x=[3])
    with deploy(spec, samna_stand_in([MODULE]), **AT_ONCE) as board:
        found = board.run(middle, quiet_s=0).spikes[0]
    assert found == nirdynap.simulate(spec, middle, "event").events
    assert (found.y.tolist(), found.x.tolist()) == ([3], [2])  # y = 2 + 1 - 0, x = 3 + 1 - 2


def test_two_branches_side_by_side() -> None:
    """One core feeds another twice, pooled, its features behind each other: the shift decides which weight counts."""
    slots = [Destination(core=3, pooling=2), Destination(core=3, pooling=2, feature_shift=2)]
    first = build_core(0, np.ones((2, 1, 1, 1)), (1, 4, 6), destinations=slots)
    last = build_core(3, [[[[1]], [[10]], [[100]], [[-3]]]], (4, 2, 3), threshold_high=200)
    spec = build_spec(first, last)
    recording = Events(t=[1, 2, 3], c=[0, 0, 0], y=[0, 1, 3], x=[5, 4, 1])
    with deploy(spec, samna_stand_in([MODULE]), monitor="all", **AT_ONCE) as board:
        run = board.run(recording, quiet_s=0)
    expected = nirdynap.simulate(spec, recording, "event", record="all")
    assert run.spikes == {0: expected.spikes[0][0], 3: expected.spikes[3][0]}
    assert (run.spikes[3].t.tolist(), run.spikes[3].x.tolist()) == ([2], [2])  # 1 + 100 + 10 - 3, and again 1 + 100


def test_states_live_on_until_they_are_reset() -> None:
    spec = build_spec(build_core(0, [[[[5]]]], (1, 1, 1), threshold_high=10, initial_state=[[[2]]]))
    once = Events(t=[0], c=[0], y=[0], x=[0])
    with deploy(spec, samna_stand_in([MODULE]), **AT_ONCE) as board:
        assert [len(board.run(once, quiet_s=0).spikes[0]) for _ in range(4)] == [0, 1, 0, 1]  # 7, 12-10, 7, 12-10
        board.run(once, quiet_s=0)
        board.reset_states()
        assert [len(board.run(once, quiet_s=0).spikes[0]) for _ in range(2)] == [0, 1]


def test_only_what_is_monitored_comes_back() -> None:
    once = Events(t=[0, 5], c=[0, 0], y=[4, 4], x=[4, 4])
    with deploy(chain(), samna_stand_in([MODULE]), monitor=["conv0"], **AT_ONCE) as board:
        run = board.run(once, quiet_s=0)
        assert set(run.spikes) == {0}
        assert (run.output_events, run.output_counts, run.decisions) == ({}, {}, {})
        assert set(board.run(once[:0], quiet_s=0).spikes) == {0}
        assert len(board.run(once[:0], quiet_s=0).spikes[0]) == 0


def test_the_clock_runs_while_the_board_is_open() -> None:
    samna = connected()
    with deploy(chain(bias=[0, -1]), samna, slow_clock_hz=100, **AT_ONCE):
        assert samna.opened[0].get_model().ticks_hz == 100
    assert samna.opened[0]._model.ticks_hz is None


def test_it_is_closed_whatever_happens() -> None:
    samna = connected()
    with pytest.raises(InputError), deploy(chain(), samna, **AT_ONCE) as board:
        board.run(Events(t=[0], c=[0], y=[0], x=[99]), quiet_s=0)
    handle = samna.opened[0]
    assert (handle.is_open, handle.watch_runs, handle._model.target) == (False, False, None)
    samna.opened.clear()
    del samna.BasicSinkNode_speck2f_event_output_event
    with pytest.raises(AttributeError), deploy(chain(), samna, **AT_ONCE):
        pass
    assert not samna.opened[0].is_open


def test_behind_the_block_nothing_can_be_asked() -> None:
    with deploy(chain(), connected(), **AT_ONCE) as board:
        pass
    for call in (lambda: board.run(Events.from_raster(np.zeros((1, 1, 8, 8), int))), board.reset_states):
        with pytest.raises(DeviceError, match=r"^ND514 board closed, at \$\.board: board\..* inside the block"):
            call()


@pytest.mark.parametrize("seconds", [-1, float("nan"), None, "1"])
def test_times_are_times(seconds: Any) -> None:
    with (
        pytest.raises(InputError, match=r"^ND507 .*settle_s = .* a number of seconds from 0 up"),
        deploy(chain(), connected(), settle_s=seconds),
    ):
        pass
    with (
        deploy(chain(), connected(), **AT_ONCE) as board,
        pytest.raises(InputError, match=r"^ND507 .*quiet_s = .* a number of seconds from 0 up"),
    ):
        board.run(Events.from_raster(np.zeros((1, 1, 8, 8), int)), quiet_s=seconds)


def test_a_board_that_refuses() -> None:
    def loosened(config: Any) -> Any:
        answers = iter([(True, ""), (False, "too hot")])
        samna.speck2f.validate_configuration = lambda _: next(answers)
        return config

    samna = connected()
    with pytest.raises(DeviceError, match=r"ND645 .*too hot"), deploy(chain(), samna, modify=loosened, **AT_ONCE):
        pass
    assert not samna.opened[0].is_open


def test_nothing_is_opened_for_what_cannot_run() -> None:
    samna = connected()
    with pytest.raises(CompileError, match="ND642"), deploy(chain(bias=[1, 1]), samna, **AT_ONCE):
        pass
    assert samna.opened == []


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("speck2fdevkit:0", r"ND646 .*is not connected; connected are: Speck2fModuleDevKit, Speck2eDevKit"),
        ("speck2fmodule:1", "ND646"),
        ("speck2fmodule:x", "ND646"),
        ("speck2edevkit:0", r"ND647 .*speck2fmodule, speck2fdevkit"),
        ("gpu", "ND647"),
    ],
)  # fmt: skip
def test_another_device(device: str, said: str) -> None:
    samna = connected(MODULE, "Speck2eDevKit")
    with pytest.raises(DeviceError, match=said), deploy(chain(), samna, device, **AT_ONCE):
        pass
    assert samna.opened == []


def test_the_second_board_and_one_that_cannot_be_opened() -> None:
    samna = connected(MODULE, "Speck2eDevKit", MODULE)
    with deploy(chain(), samna, "speck2fmodule:1", **AT_ONCE):
        assert samna.opened[0].info.usb_device_address == 2
    with deploy(replace(chain(), chip="speck2e"), samna, "speck2edevkit", **AT_ONCE) as board:
        assert board.config.cnn_layers[3].monitor_enable
    samna.device.open_device = lambda info: None
    with pytest.raises(DeviceError, match="ND646"), deploy(chain(), samna, **AT_ONCE):
        pass


def test_input_events_go_to_every_port_in_order() -> None:
    cores = [build_core(i, np.ones((1, 3, 1, 1)), (3, 4, 4)) for i in (0, 5)]
    spec = replace(build_spec(*cores, inputs=[InputPort(5, 1), InputPort(0, 0)]), input_shape=(2, 4, 4))
    spikes = events_to_samna(spec, Events(t=[7, 9], c=[1, 0], y=[2, 3], x=[3, 0]), samna_stand_in())
    assert [(s.layer, s.feature, s.y, s.x, s.timestamp) for s in spikes] == [
        (5, 2, 2, 3, 7), (0, 1, 2, 3, 7), (5, 1, 3, 0, 9), (0, 0, 3, 0, 9),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("t", "x", "said"), [(0, 4, "ND503"), (STAMP_MAX + 1, 0, rf"ND648 .*event 1 is at {STAMP_MAX + 1} us")]
)
def test_events_that_cannot_be_sent(t: int, x: int, said: str) -> None:
    spec = build_spec(build_core(0, np.ones((1, 1, 1, 1)), (1, 4, 4)))
    with pytest.raises(InputError, match=said):
        events_to_samna(spec, Events(t=[0, t], c=[0, 0], y=[0, 0], x=[0, x]), samna_stand_in())
    assert len(events_to_samna(spec, Events(t=[STAMP_MAX], c=[0], y=[0], x=[0]), samna_stand_in())) == 1


def received(samna: Any, *rows: tuple[int, int, int, int, int]) -> list[Any]:
    spikes = []
    for layer, timestamp, feature, y, x in rows:
        spike = samna.speck2f.event.Spike()
        spike.layer, spike.timestamp, spike.feature, spike.y, spike.x = layer, timestamp, feature, y, x
        spikes.append(spike)
    return spikes


def test_what_comes_back_is_sorted_and_pooled() -> None:
    core = build_core(0, np.ones((2, 1, 1, 1)), (1, 5, 5), destinations=[Destination(core=3, pooling=1)])
    last = build_core(3, np.ones((1, 2, 1, 1)), (2, 5, 5))
    spec: Spec = build_spec(core, last, outputs=[OutputPort(0, 2, "hidden"), OutputPort(3, 1, "out")])
    samna = samna_stand_in()
    spikes = received(samna, (0, 9, 1, 3, 2), (0, 4, 0, 0, 1), (13, 1, 0, 9, 9), (0, 9, 1, 4, 4), (0, 9, 0, 2, 2))
    run = events_from_samna(spec, [*spikes, "something else"], samna)
    assert run.spikes[0] == Events(t=[4, 9, 9, 9], c=[0, 1, 1, 0], y=[0, 3, 4, 2], x=[1, 2, 4, 2])
    assert run.output_events["hidden"] == Events(t=[4, 9, 9], c=[0, 1, 0], y=[0, 1, 1], x=[0, 1, 1])
    assert len(run.spikes[3]) == 0
    assert run.decisions == {"hidden": 0, "out": -1}
    with pytest.raises(InputError, match="ND503"):
        events_from_samna(spec, received(samna, (0, 1, 2, 0, 0)), samna)


@pytest.mark.parametrize("decimator", [1, 2])
def test_a_board_sends_channels_of_a_spread_output_as_they_are(decimator: int) -> None:
    random = np.random.default_rng(5)
    onward = [Destination(core=5, pooling=1)]
    first = build_core(3, random.integers(-4, 9, (2, 1, 3, 3)), (1, 5, 5), threshold_high=9, destinations=onward)
    last = build_core(5, random.integers(-4, 9, (3, 2, 3, 3)), (2, 3, 3), threshold_high=20, bias=[-2, 1, 0])
    spread = replace(last, spacing=4, decimator=decimator, initial_state=random.integers(0, 19, (3, 1, 1), np.int16))
    spread = replace(spread, memory=memory_of_layer(spread))
    block, clock = ReadoutOptions(output="out5"), ExternalClock(hz=1000)
    spec = replace(build_spec(first, spread), readout=block, slow_clock=clock)
    t, y, x = np.sort(random.integers(0, 9000, 200)), random.integers(0, 5, 200), random.integers(0, 5, 200)
    recording = Events(t=t, c=np.zeros_like(t), y=y, x=x)
    with deploy(spec, samna_stand_in([MODULE]), monitor="all", **AT_ONCE) as board:
        run = board.run(recording, quiet_s=0)
    expected = nirdynap.simulate(spec, recording, "event", record="all")
    assert len(run.spikes[5]) > 10
    assert run.spikes == {core.core: expected.spikes[core.core][0] for core in spec.cores}
    assert run.decisions == {"out5": int(expected.decisions["out5"][0])}


def test_a_spike_between_spread_channels_is_of_another_network() -> None:
    core = replace(build_core(0, np.ones((2, 1, 1, 1)), (1, 1, 1)), spacing=4)
    spec, samna = build_spec(core), samna_stand_in()
    run = events_from_samna(spec, received(samna, (0, 1, 0, 0, 0), (0, 2, 4, 0, 0)), samna)
    assert run.spikes[0].c.tolist() == [0, 1]
    for feature in (1, 5, 8):
        with pytest.raises(InputError, match="ND503"):
            events_from_samna(spec, received(samna, (0, 1, feature, 0, 0)), samna)


def test_the_readout_blocks_own_events_take_the_place_of_spikes() -> None:
    def heard(config: Any) -> Any:
        config.readout.monitor_enable = True
        return config

    samna, recording = samna_stand_in([MODULE]), Events(t=[0] * 40, c=[0] * 40, y=[1] * 40, x=[1] * 40)
    sent = []
    for modify in (None, heard):
        with deploy(chain(), samna, monitor="all", modify=modify, **AT_ONCE) as board:
            sent.append(sum(map(len, board.run(recording, quiet_s=0).spikes.values())))
    assert sent[0] > sent[1] == 0
