"""Each rule on a spec that breaks it, none on specs that hold together, and none on what conversion makes."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from tests.store.samples import DVS, LARGE, camera_spec, chains, full_spec

import nirdynap
from nirdynap.errors import InputError, StoreError, errors_of
from nirdynap.ir.clock import ExternalClock, InternalClock
from nirdynap.ir.digest import frozen
from nirdynap.ir.readout import ReadoutOptions
from nirdynap.ir.spec import Destination, InputPort, Memory, OutputPort, Spec
from nirdynap.lower.validate import validate
from nirdynap.shipped import shipped
from nirdynap.sim import ClockedSimulator, EventSimulator
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.strategies import specs


def said(spec: Spec, chip: Any = None) -> list[str]:
    return [f"{d.code} {d.place}: {d.found}" for d in validate(spec, chip)]


def with_core(position: int, **changes: Any) -> Spec:
    cores = list(full_spec().cores)
    cores[position] = dataclasses.replace(cores[position], **changes)
    return dataclasses.replace(full_spec(), cores=tuple(cores))


def test_a_whole_spec() -> None:
    assert validate(full_spec()) == ()
    assert validate(camera_spec()) == ()


@settings(deadline=None, max_examples=50)
@given(chains())
def test_chains_hold_together(spec: Spec) -> None:
    assert validate(spec) == ()


@settings(deadline=None, max_examples=50)
@given(specs(dvs=True))
def test_specs_of_the_strategy_fit_their_chip_but_for_slots_of_the_camera(spec: Spec) -> None:
    assert {d.code for d in errors_of(validate(spec))} <= {"ND394", "ND395"}


@settings(deadline=None, max_examples=100)
@given(specs(decimators=True))
def test_specs_of_the_strategy_fit_their_chip(spec: Spec) -> None:
    assert errors_of(validate(spec)) == ()


SPEC = full_spec()
FIRST, SECOND, LAST = SPEC.cores


@pytest.mark.parametrize(
    ("spec", "violations"),
    [
        (
            replace(SPEC, cores=(FIRST, SECOND, SECOND, LAST)),
            ["ND620 $.cores[2].core: core 0 holds 2 layers, and has room for the settings of one"],
        ),
        (
            replace(SPEC, inputs=(InputPort(3, 0), InputPort(5, 0)), outputs=(OutputPort(7, 1, "a"),)),
            [
                "ND621 $.outputs[0].core: core 7 is not in use",
                "ND621 $.inputs[1].core: core 5 is not in use",
            ],
        ),
        (
            replace(camera_spec(), input_shape=(1, 10, 44)),
            [
                "ND624 $.input_shape[0]: input_shape[0] is 1, expected 2 polarities",
                "ND391 $.dvs: the network sees rows and columns up to 11x44, the camera has 10x44",
            ],
        ),
        (
            replace(camera_spec(), dvs=replace(DVS, merge=True), inputs=(InputPort(3, 2),)),
            ["ND623 $.inputs[0].feature_shift: 3 features reach core 3, which takes in 2"],
        ),
        (
            replace(camera_spec(), dvs=replace(DVS, pooling=(0, 4), origin=(-1, 3))),
            [
                "ND625 $.dvs.pooling[0]: pooling[0] is 0, allowed is at least 1",
                "ND625 $.dvs.origin[0]: origin[0] is -1, allowed is at least 0",
            ],
        ),
        (
            replace(SPEC, cores=(SECOND, FIRST, LAST)),
            ["ND622 $.cores[1].destinations[0].core: core 0 does not come behind core 3, which feeds it"],
        ),
        (
            with_core(2, destinations=(Destination(core=8, pooling=1), Destination(core=4, pooling=1))),
            [
                "ND621 $.cores[2].destinations[1].core: core 4 is not in use",
                "ND622 $.cores[2].destinations[0].core: core 8 does not come behind core 8, which feeds it",
                "ND623 $.cores[2].destinations[0].feature_shift: 10 features reach core 8, which takes in 7",
            ],
        ),
        (
            replace(SPEC, inputs=(InputPort(3, 1),)),
            ["ND623 $.inputs[0].feature_shift: 3 features reach core 3, which takes in 2"],
        ),
        (
            with_core(1, destinations=(Destination(core=8, pooling=1, feature_shift=5),)),
            ["ND623 $.cores[1].destinations[0].feature_shift: 8 features reach core 8, which takes in 7"],
        ),
        (
            with_core(1, weights=frozen(np.ones((3, 3, 1, 2)), np.int8), memory=Memory(3 * 2 * 4, 6, 0)),
            ["ND624 $.cores[1].weights.shape[1]: weights.shape[1] is 3, expected 4"],
        ),
        (
            with_core(1, weights=frozen(np.ones((3, 4, 0, 2)), np.int8)),
            ["ND624 $.cores[1].weights.shape: weights.shape is (3, 4, 0, 2), expected (out, in, ky, kx)"],
        ),
        (
            with_core(1, weights=frozen(np.ones((3, 4, 2)), np.int8)),
            ["ND624 $.cores[1].weights.shape: weights.shape is (3, 4, 2), expected (out, in, ky, kx)"],
        ),
        (
            with_core(1, weights=frozen(np.ones((3, 4, 1, 2)), np.int16)),
            ["ND624 $.cores[1].weights.dtype: weights.dtype is int16, expected int8"],
        ),
        (
            with_core(1, stride=(2, 1)),
            ["ND624 $.cores[1].neuron_shape: neuron_shape is (3, 2, 1), expected (3, 1, 1)"],
        ),
        (
            with_core(1, stride=(1, 0)),
            [
                "ND624 $.cores[1].neuron_shape: neuron_shape is (3, 2, 1), expected (3,)",
                "ND625 $.cores[1].stride[1]: stride[1] is 0, allowed is at least 1",
            ],
        ),
        (
            with_core(0, bias=frozen(np.ones(5), np.int16)),
            ["ND624 $.cores[0].bias.shape: bias.shape is (5,), expected (4,)"],
        ),
        (
            with_core(0, initial_state=frozen(np.ones((4, 5, 4)), np.int16)),
            ["ND624 $.cores[0].initial_state.shape: initial_state.shape is (4, 5, 4), expected (4, 4, 5)"],
        ),
        (
            with_core(1, threshold_high=0, threshold_low=0, decimator=0),
            [
                "ND625 $.cores[1].threshold_high: threshold_high is 0, allowed is 1 to 32767",
                "ND625 $.cores[1].threshold_low: threshold_low is 0, allowed is -32768 to -1",
                "ND625 $.cores[1].decimator: decimator is 0, allowed is at least 1",
            ],
        ),
        (
            with_core(1, destinations=(Destination(core=8, pooling=0, feature_shift=-1),)),
            [
                "ND625 $.cores[1].destinations[0].pooling: pooling is 0, allowed is at least 1",
                "ND625 $.cores[1].destinations[0].feature_shift: feature_shift is -1, allowed is at least 0",
            ],
        ),
        (
            replace(SPEC, outputs=(OutputPort(8, 1, "a"), OutputPort(3, 4, "a", 5), OutputPort(0, 1, "a", 11))),
            [
                "ND624 $.outputs[1].feature_shift: feature_shift is 5, expected 10",
                "ND624 $.outputs[1].pooling: pooling is 4, expected 1",
                "ND624 $.outputs[1].map: map is [4, 5], expected [1, 2]",
                "ND624 $.outputs[2].feature_shift: feature_shift is 11, expected 9",
                "ND624 $.outputs[2].map: map is [2, 1], expected [1, 2]",
            ],
        ),
        (
            replace(SPEC, outputs=(OutputPort(8, 0, "a"), OutputPort(3, 4, "b"))),
            ["ND625 $.outputs[0].pooling: pooling is 0, allowed is at least 1"],
        ),
        (
            with_core(1, neuron_shape=(2, 2, 1)),
            ["ND624 $.cores[1].neuron_shape: neuron_shape is (2, 2, 1), expected (3, 2, 1)"],
        ),
        (
            with_core(1, neuron_shape=(3, 0, 1), padding=(-1, 0)),
            [
                "ND625 $.cores[1].neuron_shape[1]: neuron_shape[1] is 0, allowed is at least 1",
                "ND625 $.cores[1].padding[0]: padding[0] is -1, allowed is at least 0",
            ],
        ),
        (
            with_core(1, neuron_shape=(3, 2, -3), padding=(0, -2)),
            [
                "ND625 $.cores[1].neuron_shape[2]: neuron_shape[2] is -3, allowed is at least 1",
                "ND625 $.cores[1].padding[1]: padding[1] is -2, allowed is at least 0",
            ],
        ),
        (
            with_core(1, input_shape=(4, 0, 0), neuron_shape=(3, 0, -1)),
            [
                "ND625 $.cores[1].input_shape[1]: input_shape[1] is 0, allowed is at least 1",
                "ND625 $.cores[1].neuron_shape[1]: neuron_shape[1] is 0, allowed is at least 1",
                "ND625 $.cores[1].input_shape[2]: input_shape[2] is 0, allowed is at least 1",
                "ND625 $.cores[1].neuron_shape[2]: neuron_shape[2] is -1, allowed is at least 1",
            ],
        ),
        (
            with_core(1, stride=(-1, 1)),
            [
                "ND624 $.cores[1].neuron_shape: neuron_shape is (3, 2, 1), expected (3,)",
                "ND625 $.cores[1].stride[0]: stride[0] is -1, allowed is at least 1",
            ],
        ),
        (
            with_core(1, threshold_high=32768, threshold_low=-32769),
            [
                "ND625 $.cores[1].threshold_high: threshold_high is 32768, allowed is 1 to 32767",
                "ND625 $.cores[1].threshold_low: threshold_low is -32769, allowed is -32768 to -1",
            ],
        ),
        (
            replace(SPEC, inputs=(InputPort(3, -1),)),
            ["ND625 $.inputs[0].feature_shift: feature_shift is -1, allowed is at least 0"],
        ),
        (
            replace(camera_spec(), dvs=replace(DVS, pooling=(1, 0), origin=(2, -1), size=(0, 0))),
            [
                "ND625 $.dvs.size[0]: size[0] is 0, allowed is at least 1",
                "ND625 $.dvs.pooling[1]: pooling[1] is 0, allowed is at least 1",
                "ND625 $.dvs.origin[1]: origin[1] is -1, allowed is at least 0",
                "ND625 $.dvs.size[1]: size[1] is 0, allowed is at least 1",
            ],
        ),
        (
            with_core(1, memory=Memory(kernel=32, neuron=7, bias=1)),
            [
                "ND626 $.cores[1].memory.neuron: neuron is stated as 7 words, but is 6",
                "ND626 $.cores[1].memory.bias: bias is stated as 1 words, but is 0",
            ],
        ),
        (
            with_core(0, memory=Memory(kernel=1, neuron=128, bias=0)),
            [
                "ND626 $.cores[0].memory.kernel: kernel is stated as 1 words, but is 128",
                "ND626 $.cores[0].memory.bias: bias is stated as 0 words, but is 4",
            ],
        ),
        (
            with_core(0, capacity=Memory(kernel=128, neuron=127, bias=4)),
            ["ND302 $.nodes.größe/1: needs 128 words, limit 127 in core 3"],
        ),
    ],
)
def test_how_the_parts_hang_together(spec: Spec, violations: list[str]) -> None:
    assert said(spec) == violations


def test_what_is_advised() -> None:
    (unused,) = validate(replace(SPEC, inputs=(InputPort(5, 0),)))
    assert (unused.code, unused.hint) == ("ND621", "one of 0, 3, 8")
    (absent,) = validate(one(core=9, capacity=LARGE))
    assert (absent.code, absent.hint) == ("ND621", "one of 0 to 8")
    (small,) = validate(with_core(0, capacity=Memory(kernel=128, neuron=127, bias=4)))
    assert (small.value, small.limit, small.hint) == (128, 127, "a core with more of it")


def test_fields_of_another_type_are_all_that_is_said() -> None:
    spec = replace(with_core(1, stride=(1, 0), threshold_high=1.5), chip="speck2f", inputs=(InputPort(9, 0),))
    assert said(spec) == ["ND663 $.cores[1].threshold_high: threshold_high is 1.5, expected a whole number"]
    with pytest.raises(InputError, match=r"^ND663"):
        nirdynap.simulate(spec, np.zeros((1, *spec.input_shape), dtype=int))


def test_spikes_that_go_nowhere() -> None:
    spec = with_core(1, destinations=())
    assert said(spec) == ["ND662 $.cores[1].destinations: core 0 feeds no core and is no output"]
    nirdynap.simulate(spec, np.zeros((1, *spec.input_shape), dtype=int))


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"threshold_high": 0}, "ND625"),
    ({"threshold_high": 40000}, "ND625"),
    ({"threshold_low": 5}, "ND625"),
    ({"decimator": -1}, "ND625"),
    ({"stride": (0, 0)}, "ND624"),
    ({"stride": (2, 1)}, "ND624"),
    ({"weights": SPEC.cores[1].weights[:2]}, "ND624"),
    ({"weights": SPEC.cores[1].weights.astype(np.int16)}, "ND624"),
    ({"weights": SPEC.cores[1].weights.astype(float)}, "ND624"),
    ({"bias": frozen(np.ones(7), np.int16)}, "ND624"),
    ({"initial_state": frozen(np.ones((1, 1, 1)), np.int16)}, "ND624"),
    ({"destinations": (Destination(core=7, pooling=1),)}, "ND621"),
    ({"destinations": (Destination(core=0, pooling=1),)}, "ND622"),
    ({"destinations": (Destination(core=8, pooling=0),)}, "ND625"),
]


@pytest.mark.parametrize(("changes", "code"), BROKEN)
def test_what_does_not_hang_together_is_not_run(changes: dict[str, Any], code: str) -> None:
    spec = with_core(1, **changes)
    raster = np.zeros((1, *spec.input_shape), dtype=int)
    runs = (
        lambda: nirdynap.simulate(spec, raster),
        lambda: nirdynap.simulate(spec, raster, "event"),
        lambda: ClockedSimulator(spec),
        lambda: EventSimulator(spec, bias_clock_us=1000),
        lambda: nirdynap.dynapcnn_to_torch(spec),
        lambda: nirdynap.evaluate(spec, raster),
    )
    for run in runs:
        with pytest.raises(InputError) as caught:
            run()
        assert code in {d.code for d in caught.value.diagnostics}


def test_limits_of_the_chip_and_words_of_memory_stop_no_run() -> None:
    large = replace(one(), chip="imaginary")
    large = replace(large, cores=(replace(large.cores[0], core=99, memory=Memory(0, 0, 0)),))
    large = replace(large, inputs=(InputPort(99, 0),), outputs=(OutputPort(99, 1, "out"),))
    assert nirdynap.simulate(large, np.ones((1, 1, 8, 8), dtype=int)).counts[99].sum() > 0


def one(**changes: Any) -> Spec:
    return build_spec(replace(build_core(0, np.ones((2, 1, 3, 3)), (1, 8, 8)), **changes))


def two(first: Any, second: Any) -> Spec:
    return build_spec(first, second, inputs=[InputPort(first.core, 0)])


CHAIN = two(
    build_core(0, np.ones((2, 1, 3, 3)), (1, 8, 8), destinations=[Destination(core=3, pooling=2)]),
    build_core(3, np.ones((2, 2, 3, 3)), (2, 3, 3)),
)


@pytest.mark.parametrize(
    ("spec", "violations"),
    [
        (one(core=9, capacity=Memory(1 << 20, 1 << 20, 1 << 20)), ["ND621 $.cores[0].core: core 9 is none of speck2f"]),
        (
            one(capacity=Memory(1 << 20, 65536, 1024)),
            ["ND626 $.cores[0].capacity.kernel: kernel of core 0 is stated as 1048576 words, but is 16384"],
        ),
        (
            build_spec(build_core(5, np.ones((1, 1, 17, 17)), (1, 17, 17))),
            ["ND311 $.nodes.conv5: kernel is 17, limit 16"],
        ),
        (
            build_spec(build_core(5, np.ones((1, 1, 3, 2)), (1, 8, 8))),
            ["ND628 $.nodes.conv5: kernel is 3x2, and the chip's have one side length"],
        ),
        *(
            (
                build_spec(build_core(5, np.ones((1, 1, *kernel)), (1, *kernel))),
                [
                    f"ND628 $.nodes.conv5: kernel is {shown}, and the chip's have one side length",
                    "ND311 $.nodes.conv5: kernel is 17, limit 16",
                ],
            )
            for kernel, shown in (((3, 17), "3x17"), ((17, 3), "17x3"))
        ),
        (
            build_spec(build_core(5, np.ones((1, 1, 3, 3)), (1, 8, 8), stride=(3, 1))),
            ["ND312 $.nodes.conv5: stride is 3x1, allowed are 1, 2, 4, 8"],
        ),
        (
            build_spec(build_core(5, np.ones((1, 1, 1, 1)), (1, 8, 8), padding=(8, 0))),
            ["ND313 $.nodes.conv5: padding is 8x0, limit 7"],
        ),
        (
            build_spec(build_core(0, np.ones((1, 1, 1, 1)), (1, 129, 8), stride=(2, 1))),
            [
                "ND315 $.nodes.conv0: input map is 129x8, limit 128x128",
                "ND316 $.nodes.conv0: output map is 65x8, limit 64x64",
            ],
        ),
        (
            build_spec(build_core(5, np.ones((1, 1025, 1, 1)), (1025, 1, 1))),
            ["ND317 $.nodes.conv5: 1025 input features, limit 1024"],
        ),
        (
            two(replace(CHAIN.cores[0], destinations=(Destination(core=3, pooling=3),)), CHAIN.cores[1]),
            [
                "ND314 $.nodes.conv0: pooling is 3x3, allowed are 1, 2, 4",
                "ND629 $.cores[0].destinations[0]: a map of 2x2 reaches core 3, which takes in 3x3: what lies outside "
                "is dropped, and the vendor's validation may refuse it",
            ],
        ),
        (
            two(replace(CHAIN.cores[0], destinations=CHAIN.cores[0].destinations * 3), CHAIN.cores[1]),
            ["ND627 $.nodes.conv0: has 3 destinations, and a core has slots for 2"],
        ),
        (
            two(replace(CHAIN.cores[0], core=9, capacity=LARGE), replace(CHAIN.cores[1], capacity=LARGE)),
            [
                "ND621 $.cores[0].core: core 9 is none of speck2f",
                "ND626 $.cores[1].capacity.kernel: kernel of core 3 is stated as 65536 words, but is 32768",
                "ND626 $.cores[1].capacity.neuron: neuron of core 3 is stated as 65536 words, but is 32768",
            ],
        ),
        (
            two(
                replace(CHAIN.cores[0], destinations=(Destination(core=3, pooling=2, feature_shift=1024),)),
                build_core(3, np.ones((1, 1026, 1, 1)), (1026, 3, 3)),
            ),
            [
                "ND317 $.nodes.conv3: 1026 input features, limit 1024",
                "ND625 $.cores[0].destinations[0].feature_shift: feature_shift is 1024, allowed is 0 to 1023",
            ],
        ),
        (
            replace(one(), input_shape=(1, 9, 8)),
            [
                "ND629 $.inputs[0]: a map of 9x8 reaches core 0, which takes in 8x8: what lies outside is dropped, and "
                "the vendor's validation may refuse it"
            ],
        ),
        (
            two(replace(CHAIN.cores[0], destinations=(Destination(core=3, pooling=1),)), CHAIN.cores[1]),
            [
                "ND629 $.cores[0].destinations[0]: a map of 6x6 reaches core 3, which takes in 3x3: what lies outside "
                "is dropped, and the vendor's validation may refuse it"
            ],
        ),
        (
            one(decimator=3),
            ["ND330 $.nodes.conv0: one of 3 spikes passes, speck2f can do 2, 4, 8, 16, 32, 128, 256, 512"],
        ),
        (
            replace(one(), slow_clock=ExternalClock(hz=0)),
            [
                "ND332 $.slow_clock.hz: 0 is not possible, speck2f can do a whole number of ticks per second from 10 "
                "to 10000"
            ],
        ),
        (
            build_spec(replace(build_core(0, np.ones((1, 1, 1, 1)), (1, 1, 1)), spacing=3)),
            ["ND624 $.cores[0].spacing: spacing is 3, expected 1"],
        ),
        (
            replace(build_spec(build_core(0, np.ones((1, 1, 1, 1)), (1, 1, 1))), readout=ReadoutOptions(output="out0")),
            ["ND624 $.cores[0].spacing: spacing is 1, expected 4"],
        ),
    ],
)
def test_the_limits_of_the_chip(spec: Spec, violations: list[str]) -> None:
    assert said(spec) == violations


def test_the_chip_can_be_another_one() -> None:
    assert validate(CHAIN, "speck2e") == ()
    mini = validate(CHAIN, "speck2cmini")
    assert {d.code for d in mini} == {"ND626"}  # fewer words in its cores
    with pytest.raises(nirdynap.CompileError, match="ND324"):
        validate(CHAIN, "speck9")


def test_a_chip_of_ones_own_is_known_when_given() -> None:
    spec = replace(
        CHAIN,
        chip="mine",
        cores=(replace(CHAIN.cores[0], destinations=CHAIN.cores[0].destinations * 3), CHAIN.cores[1]),
    )
    assert validate(spec) == ()
    assert [d.code for d in validate(spec, "speck2f")] == ["ND627"]


def test_saving_and_loading_ask_it(tmp_path: Path) -> None:
    wrong = two(replace(CHAIN.cores[0], destinations=CHAIN.cores[0].destinations * 3), CHAIN.cores[1])
    with pytest.raises(StoreError, match=r"ND627 .*spec: \$.nodes.conv0"):
        nirdynap.save(wrong, tmp_path / "spec.json")
    assert list(tmp_path.iterdir()) == []
    nirdynap.save(replace(wrong, chip="mine"), tmp_path / "spec.json")
    text = (tmp_path / "spec.json").read_text(encoding="utf-8").replace('"mine"', '"speck2f"')
    (tmp_path / "spec.json").write_text(text, encoding="utf-8")
    with pytest.raises(StoreError) as caught:
        nirdynap.load(tmp_path / "spec.json")
    assert [d.code for d in caught.value.diagnostics] == ["ND627", "ND603"]


def test_what_conversion_makes_is_valid() -> None:
    for chip in nirdynap.chip_names():
        assert validate(nirdynap.nir_to_dynapcnn(shipped("digits", "digits.nir"), chip)) == ()


CAMERA = replace(build_spec(build_core(3, np.ones((1, 2, 1, 1)), DVS.output_shape)), input_shape=(2, 11, 44), dvs=DVS)


@pytest.mark.parametrize(
    ("spec", "violations"),
    [
        (CAMERA, []),
        (replace(CAMERA, slow_clock=InternalClock(divider=14)), []),
        (
            replace(CAMERA, input_shape=(2, 129, 130)),
            ["ND391 $.input_shape: the network sees rows and columns up to 129x130, the camera has 128x128"],
        ),
        (replace(CAMERA, input_shape=(2, 128, 128)), []),
        (
            replace(CAMERA, input_shape=(2, 33, 44), dvs=replace(DVS, pooling=(3, 4))),
            ["ND392 $.dvs.pooling: pooling is 3x4, allowed are 1, 2, 4, independent in y and x"],
        ),
        (replace(CAMERA, inputs=(InputPort(3, 0),) * 2), []),
        (replace(CAMERA, inputs=(InputPort(3, 0),) * 3), ["ND394 $.dvs: feeds 3 cores, limit 2"]),
        (
            replace(CAMERA, dvs=replace(DVS, merge=True), inputs=(InputPort(3, 1),)),
            [
                "ND395 $.inputs[0]: the DVS layer gives 1x8x9 from channel 1 on, the core takes in 2x8x9; its events "
                "cannot be moved to other channels, and both maps must be the same"
            ],
        ),
        (
            replace(CAMERA, cores=(build_core(3, np.ones((1, 2, 1, 1)), (2, 9, 9)),)),
            [
                "ND395 $.inputs[0]: the DVS layer gives 2x8x9, the core takes in 2x9x9; its events cannot be moved to "
                "other channels, and both maps must be the same"
            ],
        ),
    ],
)
def test_the_camera_of_a_chip(spec: Spec, violations: list[str]) -> None:
    assert said(spec) == violations


def test_a_chip_without_a_camera() -> None:
    assert [d.code for d in validate(CAMERA, "dynapcnndevkit")] == ["ND390"]
