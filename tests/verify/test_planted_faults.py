"""Faults planted at one place of one run, each found by the locator at that place, and named.

Where two runs part first is also searched for by loops over everything that both recorded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from toy import Toy

import nirdynap
from by_hand import chain, conv, neurons, sink, source
from nirdynap.ir.events import Events
from nirdynap.ir.network import IF, Conv, Network
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, OutputPort, Spec
from nirdynap.passes import normalise
from nirdynap.passes.rewrite import replaced
from nirdynap.testing.build import build_core, build_spec
from nirdynap.verify import Divergence, Ran, locate
from nirdynap.verify.runs import run_of


class Planted(NamedTuple):
    """Two runs, their input, the layer of the fault, the code of its cause, and words that tell it."""

    a: Any
    b: Any
    recording: Any
    layer: str
    code: str
    words: str


@pytest.fixture(scope="module")
def nmnist(shared_data: Path) -> tuple[Spec, Events]:
    """The network of the NIR paper, and the first 60 ms of a recorded digit."""
    folder = shared_data / "nmnist_speck"
    spec = nirdynap.nir_to_dynapcnn(folder / "cnn_sinabs.nir", "speck2f", convention="sinabs")
    with np.load(folder / "speck_digits_0_4.npz") as file:
        x, y, t, polarity = file["events_0"].T
    events = Events(t=t, c=polarity, y=y, x=x)
    return spec, events[events.t < 150_000]


def changed(spec: Spec, number: int, **fields: Any) -> Spec:
    """`spec` with other fields of its core of that number."""
    cores = list(spec.cores)
    cores[number] = dataclasses.replace(cores[number], **fields)
    return dataclasses.replace(spec, cores=tuple(cores))


def reweighed(core: CoreSpec, at: tuple[int, ...], by: int) -> np.ndarray:
    weights = core.weights.copy()
    weights[at] += by
    return weights


REAL: dict[str, Callable[[CoreSpec], tuple[dict[str, Any], str, str]]] = {
    "a weight": lambda c: ({"weights": reweighed(c, (10, 2, 2, 1), 9)}, "ND725", "[10, 2, 2, 1]"),
    "a weight by one": lambda c: ({"weights": reweighed(c, (10, 2, 2, 1), 1)}, "ND725", "as if rounded otherwise"),
    "kernels flipped": lambda c: ({"weights": c.weights[:, :, ::-1, ::-1]}, "ND725", "flipped in y and x"),
    "kernels swapped": lambda c: ({"weights": c.weights.swapaxes(2, 3)}, "ND725", "axes y and x are swapped"),
    "inputs permuted": lambda c: ({"weights": np.roll(c.weights, 1, axis=1)}, "ND725", "input channels are permuted"),
    "outputs permuted": lambda c: ({"weights": np.roll(c.weights, 1, axis=0)}, "ND725", "output channels are permuted"),
    "sign": lambda c: ({"weights": np.minimum(-c.weights.astype(int), 127).astype(np.int8)}, "ND725", "other sign"),
    "threshold": lambda c: ({"threshold_high": c.threshold_high + 1}, "ND724", "as if rounded otherwise"),
    "lower bound": lambda c: ({"threshold_low": c.threshold_low // 2}, "ND722", str(c.threshold_low)),
    "reset": lambda c: ({"return_to_zero": True}, "ND731", "resets to zero in b"),
    "decimator": lambda c: ({"decimator": 2}, "ND734", "every 2th spike"),
}


@pytest.mark.parametrize("semantics", ["clocked", "event"])
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("name", REAL)
def test_in_a_real_network(nmnist: tuple[Spec, Events], name: str, number: int, semantics: str) -> None:
    spec, events = nmnist
    core = spec.cores[number]
    fields, code, words = REAL[name](core)
    runs = (Ran(spec, semantics), Ran(changed(spec, number, **fields), semantics))
    check(Planted(*runs, events, core.name, code, words))


@pytest.mark.parametrize("semantics", ["clocked", "event"])
def test_edges_of_a_real_network(nmnist: tuple[Spec, Events], semantics: str) -> None:
    spec, events = nmnist
    (edge,) = spec.cores[1].destinations
    name, source = spec.cores[2].name, spec.cores[1].name
    for slots, words in (
        ((), f"the edge from {source}: none in b"),
        ((dataclasses.replace(edge, feature_shift=1),), "feature_shift 1 in b"),
        ((dataclasses.replace(edge, pooling=1),), "pooling 1"),
    ):
        other = changed(spec, 1, destinations=slots)
        other = dataclasses.replace(other, outputs=(*spec.outputs, OutputPort(spec.cores[1].core, 1, "tap")))
        check(Planted(Ran(spec, semantics), Ran(other, semantics), events, name, "ND732", words))


def two_cores(size: int = 9, pooling: int = 2, bias: Any = None, second: Any = None, **first: Any) -> Spec:
    """Two convolutions with a pooling that leaves a remainder; weights of both signs."""
    rng = np.random.default_rng(3)
    one = {"threshold_high": 60, "threshold_low": -60, "padding": (1, 1), **first}
    two = {"threshold_high": 50, "threshold_low": -40, "padding": (1, 1), **(second or {})}
    side = size // pooling
    return build_spec(
        build_core(
            0, rng.integers(-20, 40, (3, 2, 3, 3)), (2, size, size), bias=bias,
            destinations=[Destination(core=1, pooling=pooling)], **one,
        ),
        build_core(1, rng.integers(-20, 35, (4, 3, 3, 3)), (3, side, side), **two),
    )  # fmt: skip


def raster(steps: int = 25, size: int = 9, rate: float = 0.15) -> np.ndarray:
    return np.random.default_rng(5).poisson(rate, (steps, 2, size, size))


BIAS = [3, -2, 5]
STRIDED = {"padding": (0, 0), "stride": (3, 3)}  # on 6 pixels: 2 x 2 neurons, as with stride 2 or padding 1
GENERATED: dict[str, Callable[[], Planted]] = {
    "stride": lambda: Planted(
        two_cores(6, 1, second=STRIDED), two_cores(6, 1, second=STRIDED | {"stride": (2, 3)}), raster(size=6),
        "conv1", "ND732", "stride (y, x) is (2, 3) in b",
    ),
    "padding": lambda: Planted(
        two_cores(6, 1, second=STRIDED), two_cores(6, 1, second=STRIDED | {"padding": (0, 1)}), raster(size=6),
        "conv1", "ND732", "padding (y, x) is (0, 1) in b",
    ),
    "bias": lambda: Planted(
        two_cores(bias=BIAS), two_cores(bias=[3, -2, 10]), raster(), "conv0", "ND728", "twice as much"
    ),
    "bias clock": lambda: Planted(
        Ran(two_cores(bias=BIAS), "event", bias_clock_us=1000), Ran(two_cores(bias=BIAS), "event", bias_clock_us=2000),
        raster(), "conv0", "ND729", "every 2000 us in b, every 1000 us in a",
    ),
    "saturation": lambda: Planted(
        two_cores(threshold_high=32767), Ran(two_cores(threshold_high=32767), saturate=False),
        raster(6, rate=300), "conv0", "ND723", "no bounds in b, in 16 bits in a",
    ),
    "spikes per step": lambda: Planted(
        two_cores(), Ran(two_cores(), spikes_per_step="one"), raster(), "conv0", "ND727", "one at most in b"
    ),
    "first membrane": lambda: Planted(
        two_cores(), two_cores(second={"initial_state": np.full((4, 4, 4), 7)}), raster(), "conv1", "ND733", "at 7 in b"
    ),
    "emission": lambda: Planted(
        Ran(two_cores(), "event"), Ran(two_cores(), "event", emission="channel"), raster(), "conv1", "ND726",
        "arrive in another order",
    ),
    "input port": lambda: Planted(
        two_cores(), dataclasses.replace(two_cores(), inputs=(InputPort(0, 1),)), raster(), "conv0", "ND732",
        "feature_shift 1 in b",
    ),
    "toy tie": lambda: Planted(two_cores(), Toy(two_cores(), "tie", 1), raster(), "conv1", "ND721", "waits in b"),
    "toy clamp": lambda: Planted(
        two_cores(bias=BIAS), Toy(two_cores(bias=BIAS), "clamp", 0), raster(), "conv0", "ND722", "before the bias in b",
    ),
    "toy remainder": lambda: Planted(
        wide(), Toy(wide(), "remainder", 0), raster(), "conv1", "ND730", "in a pooling's remainder acts in b"
    ),
    "toy decimator": lambda: Planted(
        two_cores(decimator=3), Toy(two_cores(decimator=3), "decimator", 0), raster(), "conv0", "ND734", ""
    ),
    "toy saturation": lambda: Planted(
        two_cores(threshold_high=32767), Toy(two_cores(threshold_high=32767), "saturation", 0), raster(6, rate=300),
        "conv0", "ND723", "no bounds in b",
    ),
    "toy polarity": lambda: Planted(two_cores(), Toy(two_cores(), "polarity"), raster(), "conv0", "ND732", "lost in b"),
    "toy bias": lambda: Planted(
        two_cores(bias=BIAS), Toy(two_cores(bias=BIAS), "bias", 0), raster(), "conv0", "ND728", "twice as much"
    ),
    "toy reset": lambda: Planted(two_cores(), Toy(two_cores(), "reset", 1), raster(), "conv1", "ND731", "zero in b"),
    "toy one": lambda: Planted(two_cores(), Toy(two_cores(), "one", 1), raster(), "conv1", "ND727", "one at most in b"),
}  # fmt: skip


def wide() -> Spec:
    """The second core's map has room for the remainder of the pooling, which must stay empty."""
    spec = two_cores()
    first, _ = spec.cores
    weights = np.random.default_rng(4).integers(-20, 35, (4, 3, 3, 3))
    second = build_core(1, weights, (3, 5, 5), padding=(1, 1), threshold_high=50, threshold_low=-40)
    return build_spec(first, second)


@pytest.mark.parametrize("name", GENERATED)
def test_in_a_generated_network(name: str) -> None:
    check(GENERATED[name]())


def test_the_toy_without_a_fault_is_right() -> None:
    for spec in (two_cores(), two_cores(bias=BIAS, decimator=3), wide()):
        assert locate(spec, Toy(spec), raster()) is None


@pytest.fixture(scope="module")
def floats(nmnist: tuple[Spec, Events], shared_data: Path) -> Network:
    return nirdynap.read(shared_data / "nmnist_speck" / "cnn_sinabs.nir", "sinabs")


def test_a_pass_that_changes_a_weight(floats: Network, nmnist: tuple[Spec, Events]) -> None:
    lowered = normalise(floats)
    conv = [node for node in lowered.nodes if isinstance(node, Conv)][2]
    weights = conv.weights.copy()
    weights[3, 2, 1, 1] += 0.5
    (neurons,) = lowered.targets(conv.name)
    broken = replaced(lowered, dataclasses.replace(conv, weights=weights))
    assert locate(floats, lowered, nmnist[1]) is None
    check(Planted(floats, broken, nmnist[1], neurons.name, "ND725", "weighs"))


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [({"reset": "zero"}, "ND731", "resets to zero in a"), ({"v_min": None}, "ND722", "no lower bound in a")],
)
def test_a_float_network_of_another_convention(
    floats: Network, nmnist: tuple[Spec, Events], fields: dict[str, Any], code: str, words: str
) -> None:
    lowered = normalise(floats)
    neurons = [node for node in lowered.nodes if isinstance(node, IF)][1]
    other = replaced(lowered, dataclasses.replace(neurons, **fields))
    check(Planted(other, lowered, nmnist[1], neurons.name, code, words))


def small_network(threshold: float = 1.0, **changed: Any) -> Network:
    """A network whose integers are its floats times 127, but for the threshold if it is no multiple of 1 / 127."""
    weights = np.array([[[[127.0]], [[33.0]]], [[[-127.0]], [[62.0]]]]) / 127
    nodes = {
        "in": source(2, 3, 3), "conv": conv(weight=weights, bias=np.zeros(2)), "if": neurons(threshold), "out": sink()
    }  # fmt: skip
    return nirdynap.read(chain(**nodes), **{"convention": "torch", "spikes_per_step": "many"} | changed)


@pytest.mark.parametrize(
    ("threshold", "changed", "code", "words"),
    [
        (1.0, {"tie": "waits"}, "ND721", "fires in b, and waits in a"),
        (1.0, {"reset": "zero"}, "ND731", "resets to zero in a"),
        (1.0, {"v_min": -0.5}, "ND722", "-63.5 in a"),
        (1.0, {"spikes_per_step": "one"}, "ND727", "one at most in a"),
        (65.6 / 127, {}, "ND724", "66 in b, 65.6 in a, as if rounded otherwise"),
    ],
)
def test_a_float_network_against_its_integers(threshold: float, changed: dict[str, str], code: str, words: str) -> None:
    spec = lowered_as_it_is(threshold)
    recording = np.random.default_rng(1).poisson(0.5, (40, 2, 3, 3))
    if not changed:
        assert locate(small_network(1.0), lowered_as_it_is(1.0), recording) is None
    check(Planted(small_network(threshold, **changed), spec, recording, "conv", code, words))


def lowered_as_it_is(threshold: float) -> Spec:
    weights = np.array([[[[127]], [[33]]], [[[-127]], [[62]]]])
    core = build_core(0, weights, (2, 3, 3), threshold_high=round(threshold * 127))
    return build_spec(dataclasses.replace(core, name="conv", origin=("conv", "if"), scale=127.0))


def two_layers(weight: float, delay: int) -> Network:
    """Two layers, each of which answers `delay` steps late; `weight` is one of the second layer's."""
    rng = np.random.default_rng(6)
    first, second = rng.integers(-60, 120, (3, 2, 1, 1)) / 128, rng.integers(-60, 120, (2, 3, 1, 1)) / 128
    second[1, 2] = weight
    nodes = {
        "in": source(2, 3, 3), "conv1": conv(weight=first, bias=np.zeros(3)), "if1": neurons(),
        "conv2": conv(weight=second, bias=np.zeros(2)), "if2": neurons(), "out": sink(),
    }  # fmt: skip
    network = nirdynap.read(chain(**nodes), "torch")
    return dataclasses.replace(network, convention=dataclasses.replace(network.convention, delay=delay))


def test_layers_that_answer_late_are_compared_where_they_belong() -> None:
    recording = np.random.default_rng(1).poisson(0.4, (30, 2, 3, 3))
    assert locate(two_layers(0.5, 0), two_layers(0.5, 1), recording) is None
    prompt = locate(two_layers(0.5, 0), two_layers(0.625, 0), recording)
    late = locate(two_layers(0.5, 0), two_layers(0.625, 1), recording)
    assert prompt is not None
    assert late is not None
    assert (late.layer, late.at, late.neuron) == (prompt.layer, prompt.at, prompt.neuron)
    assert (late.layer, late.neuron[0]) == ("if2", 1)
    for found in (prompt, late):
        assert found.cause is not None
        assert found.cause.code == "ND725"


def test_a_flatten_in_the_other_order(shared_data: Path, nmnist: tuple[Spec, Events]) -> None:
    path = shared_data / "nmnist_speck" / "cnn_sinabs.nir"
    other = nirdynap.nir_to_dynapcnn(path, "speck2f", convention="sinabs", flatten="hwc")
    check(Planted(nmnist[0], other, nmnist[1], nmnist[0].cores[3].name, "ND725", "more"))


def check(planted: Planted) -> None:
    found = locate(planted.a, planted.b, planted.recording)
    assert found is not None
    assert found.layer == planted.layer
    assert (found.at, found.neuron) == by_loops(planted, found)
    assert found.cause is not None, str(found)
    assert found.cause.code == planted.code, str(found)
    assert planted.words in str(found.cause)
    assert found.cause.place == f"$.nodes.{planted.layer}"
    assert found.layer in str(found)
    assert str(found.cause) in str(found)


def by_loops(planted: Planted, found: Divergence) -> tuple[int, tuple[int, int, int]]:
    """Time and place of the first difference in the layer found, and that there is none in the layers before it."""
    runs = [run_of(runner, name, 1000) for runner, name in ((planted.a, "a"), (planted.b, "b"))]
    recording = planted.recording
    events = recording if isinstance(recording, Events) else Events.from_raster(recording)
    end = (int(events.t[-1]) // 1000 + 1) * 1000
    from nirdynap.verify.runs import Piece

    for run in runs:
        run.restart()
        run.advance(Piece(events=events, start_us=0, duration_us=end))
    by_event = all(run.semantics == "event" for run in runs)
    unit = 1 if by_event else 1000
    for number, layer in enumerate(runs[0].layers):
        tallies: list[dict[tuple[int, int], int]] = [{}, {}]
        for run, tally in zip(runs, tallies, strict=True):
            for t, neuron, n in zip(*(array.tolist() for array in run.spikes(number)), strict=True):
                tally[t // unit, neuron] = tally.get((t // unit, neuron), 0) + n
        differing = [key for key in tallies[0].keys() | tallies[1].keys() if tallies[0].get(key) != tallies[1].get(key)]
        if differing:
            t, neuron = min(differing)
            at = found.at if by_event and events.t[found.at] == t else t
            return at, tuple(int(i) for i in np.unravel_index(neuron, layer.shape))
    raise AssertionError("no difference")
