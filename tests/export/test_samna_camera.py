"""The DVS layer at the vendor's: what is written is read back, and a board with it fires as the simulator does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_inputs import LAYER as WATCHING
from test_inputs import RELAY
from tests.export.test_deploy import AT_ONCE, MODULE, any_maps
from tests.export.test_samna_config import lenient

import nirdynap
from nirdynap.errors import CompileError, InputError
from nirdynap.export.deploy import deploy
from nirdynap.export.samna_config import configuration, to_samna
from nirdynap.export.samna_events import events_from_samna, events_to_samna
from nirdynap.export.samna_reading import from_samna
from nirdynap.ir.clock import ExternalClock, InternalClock
from nirdynap.ir.events import Events
from nirdynap.ir.readout import ReadoutOptions
from nirdynap.ir.spec import InputPort, OutputPort, Spec
from nirdynap.lower.rules import memory_of_layer
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.samna_stand_in import samna_stand_in
from nirdynap.testing.strategies import events, specs

CAMERA = (2, 128, 128)
LAYER = replace(WATCHING, pass_sensor_events=False)


def relayed(**changes: Any) -> Spec:
    return replace(build_spec(RELAY), input_shape=CAMERA, dvs=replace(LAYER, **changes))


def scene(n: int = 2000) -> Events:
    rng = np.random.default_rng(5)
    p, y, x = rng.integers(0, 2, n), rng.integers(0, 24, n), rng.integers(0, 32, n)
    return Events(t=np.sort(rng.integers(0, 20_000, n)), c=p, y=y, x=x)


def exportable(spec: Spec) -> bool:
    """Do the camera's cores take in what the DVS layer gives? Simulators also run other specs."""
    ports = [(spec.core(port.core).input_shape, port.feature_shift) for port in spec.inputs]
    return len(ports) <= 2 and all(port == (spec.port_shape, 0) for port in ports)


behind_cameras = specs(dvs=True, max_cores=3, max_spikes=None).filter(exportable)


@settings(deadline=None, max_examples=80)
@given(specs(dvs=True, max_cores=3, biases=False, initial_states=False).filter(exportable))
def test_what_is_written_is_read_back(spec: Spec) -> None:
    """Down to the digest, for outputs and options as a configuration object says them."""
    outputs = tuple(OutputPort(i, 1, f"core{i}") for i in sorted(core.core for core in spec.cores))
    spec = replace(spec, input_shape=CAMERA, outputs=outputs, spikes_per_step="one")
    found = from_samna(to_samna(spec, lenient(), monitor="all"))
    assert (found.dvs, found.inputs, found.input_shape) == (spec.dvs, spec.inputs, spec.input_shape)
    in_order = tuple(spec.core(core.core) for core in found.cores)
    assert found.digest() == replace(spec, cores=in_order).digest()


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_the_board_fires_as_the_simulator(data: st.DataObject) -> None:
    spec = data.draw(behind_cameras)
    spec = replace(spec, dvs=replace(spec.dvs, pass_sensor_events=False))
    recording = data.draw(events(spec, max_events=20))
    leaks = any(core.bias is not None and core.bias.any() for core in spec.cores)
    options = {"bias_clock_us": 1000} if any(core.bias is not None for core in spec.cores) else {}
    with deploy(spec, any_maps(), monitor="all", slow_clock_hz=1000 if leaks else None, **AT_ONCE) as board:
        run = board.run(recording, quiet_s=0)
    expected = nirdynap.simulate(spec, recording, "event", record="all", **options)
    assert run.spikes == {core.core: expected.spikes[core.core][0] for core in spec.cores}
    assert run.dvs is None


def test_each_setting_has_its_place() -> None:
    layer = json.loads(configuration(relayed(polarity="on", merge=False)).to_json())["dvs_layer"]
    assert layer == {
        "off_channel": False,
        "on_channel": True,
        "merge": False,
        "pooling": {"x": 4, "y": 2},
        "origin": {"x": 1, "y": 3},
        "cut": {"x": 5, "y": 6},  # the last pixel belongs to the region
        "mirror": {"x": False, "y": True},
        "mirror_diagonal": True,
        "destinations": [{"enable": True, "layer": 3}, {"enable": False, "layer": 0}],
        "pass_sensor_events": False,
        "monitor_enable": False,
    }
    assert "dvs_layer" not in json.loads(configuration(build_spec(RELAY)).to_json())


@pytest.mark.parametrize("merge", [False, True])
def test_the_camera_of_the_board(merge: bool) -> None:
    """The monitored DVS layer tells what its cores took in: the board, its simulation and the layer alone agree."""
    weights, shape = np.eye(1 if merge else 2, dtype=int)[:, :, None, None], LAYER.output_shape
    cores = [build_core(i, weights, (len(weights), *shape[1:])) for i in (3, 5)]
    spec = build_spec(*cores, inputs=[InputPort(5, 0), InputPort(3, 0)])
    spec = replace(spec, input_shape=CAMERA, dvs=replace(LAYER, pass_sensor_events=True, merge=merge))
    with deploy(spec, samna_stand_in([MODULE], scene=scene()), monitor=["dvs", "conv3", "conv5"], **AT_ONCE) as board:
        first, again = board.listen(0), board.listen(0)
    y, x = scene().y // 2 - 3, scene().x // 4 - 1
    kept = (y >= 0) & (y < 4) & (x >= 0) & (x < 5)
    channels = np.zeros_like(scene().c) if merge else scene().c
    assert first.dvs == Events(t=scene().t[kept], c=channels[kept], y=x[kept], x=(3 - y)[kept])
    assert first.spikes[3] == first.spikes[5] == first.dvs == again.dvs
    assert nirdynap.simulate(spec, scene(), "event", record="all").spikes[3][0] == first.dvs


def test_the_camera_or_a_recording() -> None:
    with deploy(relayed(pass_sensor_events=True), samna_stand_in([MODULE]), **AT_ONCE) as board:
        assert len(board.listen(0).spikes[3]) == 0  # the camera sees nothing
        with pytest.raises(InputError, match=r"ND651 .*camera is on.*Board.listen"):
            board.run(scene())
    for spec in (relayed(), build_spec(RELAY)):
        with (
            deploy(spec, samna_stand_in([MODULE], scene=scene()), **AT_ONCE) as board,
            pytest.raises(InputError, match=r"ND651 .*camera is off.*Board.run"),
        ):
            board.listen(0)


def test_a_monitor_would_start_the_camera() -> None:
    with pytest.raises(CompileError, match="ND650"):
        configuration(relayed(), monitor=["dvs"])
    assert configuration(relayed(pass_sensor_events=True), monitor="dvs").dvs_layer.monitor_enable
    with pytest.raises(CompileError, match="ND640"):
        configuration(build_spec(RELAY), monitor=["dvs"])

    def raw(config: Any) -> Any:
        config.dvs_layer.raw_monitor_enable = True
        return config

    assert from_samna(to_samna(relayed(), samna_stand_in(), modify=raw)).dvs.pass_sensor_events


def test_a_node_of_that_name_goes_first() -> None:
    core = replace(RELAY, name="dvs", origin=("dvs",))
    tree = configuration(replace(relayed(), cores=(core,)), monitor=["dvs"])
    assert (tree.cnn_layers[3].monitor_enable, tree.dvs_layer.monitor_enable) == (True, False)


def test_events_of_a_camera() -> None:
    sent = events_to_samna(relayed(), Events(t=[7, 9], c=[1, 0], y=[127, 3], x=[2, 0]), samna_stand_in())
    assert [(e.p, e.y, e.x, e.timestamp) for e in sent] == [(True, 127, 2, 7), (False, 3, 0, 9)]
    with pytest.raises(InputError, match="ND503"):
        events_to_samna(relayed(), Events(t=[0], c=[0], y=[128], x=[0]), samna_stand_in())
    spike = samna_stand_in().speck2f.event.Spike
    stray = spike()
    stray.layer, stray.x = 13, 4
    assert events_from_samna(build_spec(RELAY), [stray], lenient()).dvs is None


def test_the_target_takes_in_what_the_camera_gives() -> None:
    """The one rule of samna's validation that a public message tells."""
    samna = samna_stand_in()
    config = to_samna(relayed(), samna)
    config.dvs_layer.cut.x = 6
    valid, message = samna.speck2f.validate_configuration(config)
    assert not valid
    assert "ND395 camera and core differ, at $.inputs[0]: the DVS layer gives 2x6x4, the core takes in 2x5x4" in message
    config.dvs_layer.cut.x = 5
    config.dvs_layer.merge = True  # one channel into two: the vendor wants the same number
    assert "gives 1x5x4" in samna.speck2f.validate_configuration(config)[1]
    config.dvs_layer.merge = False
    config.dvs_layer.destinations[1].enable = True  # a core that is not in use
    assert "ND621" in samna.speck2f.validate_configuration(config)[1]
    config.dvs_layer.destinations[1].enable = False
    config.dvs_layer.on_channel = config.dvs_layer.off_channel = False
    assert from_samna(config).dvs is None


def test_the_chip_counts_its_own_ticks() -> None:
    """Three ticks of a leak in 50 000 events, most of which the region leaves out; the readout block takes the same."""
    leaky = build_core(3, np.ones((2, 2, 4, 4)), (2, 4, 4), threshold_high=40, bias=[-20, -7])
    leaky = replace(leaky, spacing=4)
    leaky = replace(leaky, memory=memory_of_layer(leaky))
    spec = replace(
        build_spec(leaky),
        input_shape=CAMERA,
        dvs=replace(LAYER, size=(4, 4)),
        slow_clock=InternalClock(divider=14),
        readout=ReadoutOptions(output="out3", average=1),
    )
    config = to_samna(spec, samna_stand_in(), monitor="all")
    assert config.factory_config.internal_slow_clk_divider == 14
    assert (config.cnn_layers[3].leak_internal_slow_clk_enable, config.readout.internal_slow_clk) == (True, True)
    back = from_samna(config)
    assert (back.slow_clock, back.readout) == (spec.slow_clock, replace(spec.readout, output="core3"))
    random, n = np.random.default_rng(8), 50_000
    shot = Events(
        t=np.sort(random.integers(0, 90_000, n)),
        **{name: random.integers(0, m, n) for name, m in zip("cyx", CAMERA, strict=True)},
    )
    with deploy(spec, samna_stand_in([MODULE]), monitor="all", **AT_ONCE) as board:
        run = board.run(shot, quiet_s=0)
    expected = nirdynap.simulate(spec, shot, "event", record="all")
    assert run.spikes[3] == expected.spikes[3][0]
    assert len(expected.readout[0].ticks) == 3
    assert expected.readout[0].counts.sum() > 10
    still = replace(spec, slow_clock=ExternalClock(hz=10))  # has not ticked yet
    assert run.spikes[3] != nirdynap.simulate(still, shot, "event", record="all").spikes[3][0]
