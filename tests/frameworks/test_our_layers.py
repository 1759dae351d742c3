"""Layers of `nirdynap.nn` in live models: what of them a graph can say, and what is refused."""

import numpy as np
import pytest
import torch
from torch import nn

from frameworks.models import counts, on_grid
from nirdynap import DvsOptions, nir_to_dynapcnn
from nirdynap.errors import CompileError
from nirdynap.frameworks.export import to_nir
from nirdynap.nn import (
    Crop2d,
    DeltaToSpikes,
    ImageToSpikes,
    InputPlaceholder,
    IntegrateAndFire,
    NeuromorphicReLU,
    OverTime,
    Quantize,
    SignalToSpikes,
    SpikingMaxPool2d,
)

X = counts(15, 2, 2, 10, 9)
CROP = Crop2d(((1, 2), (0, 3)))


def conv(given=2, made=4, **settings):
    return OverTime(nn.Conv2d(given, made, 3, bias=False, **settings))


def net(*layers):
    return on_grid(nn.Sequential(*layers))


def refusals(*layers, sample=X):
    with pytest.raises(CompileError) as caught:
        to_nir(net(*layers), sample)
    return {(d.code, d.place.removeprefix("$.nodes."), d.found) for d in caught.value.diagnostics}


@pytest.mark.filterwarnings("ignore:ND810")
def test_a_placeholder_vanishes():
    graph = to_nir(net(InputPlaceholder((2, 10, 9)), conv(), IntegrateAndFire()), X)
    assert list(graph.nodes) == ["input", "1.0", "2", "output"]


def test_a_crop_behind_the_input_is_done_by_the_camera():
    graph = to_nir(net(CROP, conv(), IntegrateAndFire(v_min=-1.0)), X)
    spec = nir_to_dynapcnn(graph, "speck2f", dvs=DvsOptions())
    assert (spec.dvs.origin, [core.weights.shape for core in spec.cores]) == ((1, 0), [(4, 2, 3, 3)])


def test_a_crop_between_layers_becomes_part_of_the_next():
    model = net(conv(), IntegrateAndFire(v_min=-1.0), OverTime(CROP), conv(4, 3), IntegrateAndFire(v_min=-1.0))
    spec = nir_to_dynapcnn(to_nir(model, X), "speck2f")
    assert [core.weights.shape for core in spec.cores] == [(4, 2, 3, 3), (3, 4, 6, 6)]
    kernel = spec.cores[1].weights
    assert np.count_nonzero(kernel[:, :, 1:4, :3]) == np.count_nonzero(kernel)
    assert spec.output_shape("output") == (3, 3, 2)


def test_what_the_lowering_says_of_other_crops():
    padded = net(conv(), IntegrateAndFire(v_min=-1.0), CROP, conv(4, 3, padding=1), IntegrateAndFire())
    last = net(conv(), IntegrateAndFire(v_min=-1.0), CROP)
    for model, code in ((padded, "ND230"), (last, "ND206")):
        with pytest.raises(CompileError, match=rf"{code} .*\$\.nodes\.2"):
            nir_to_dynapcnn(to_nir(model, X), "speck2f")


def test_a_crop_takes_maps():
    found = "input is of shape (180,) in each step; possible is a map of shape (C, H, W)"
    flat = nn.Flatten(2), Crop2d(((0, 0), (1, 1))), nn.Linear(178, 3), IntegrateAndFire()
    assert refusals(*flat) == {("ND807", "1", found)}


def test_max_pools_are_refused_since_the_chip_sums():
    found = "SpikingMaxPool2d passes on what the busiest neuron of a window fires, and the chip's pools sum"
    assert refusals(conv(), IntegrateAndFire(), SpikingMaxPool2d(2)) == {("ND802", "2", found)}


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (NeuromorphicReLU(), "holds no membrane"),
        (Quantize(), "rounds what each step holds"),
        (ImageToSpikes(3, norm=20), "makes the spikes"),
        (SignalToSpikes(1, norm=20, seed=torch.Generator()), "makes the spikes"),
        (DeltaToSpikes(1.0), "makes the spikes"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_layers_for_other_ends_are_refused(layer, why):
    ((code, name, found),) = refusals(nn.Flatten(2), layer, nn.Linear(180, 3), IntegrateAndFire())
    assert (code, name) == ("ND802", "1")
    assert found.startswith(f"{type(layer).__name__} {why}")


def test_another_amount_than_the_threshold_is_refused():
    found = "subtract is 0.5; possible is the threshold, which the chip subtracts"
    assert refusals(conv(), IntegrateAndFire(subtract=0.5)) == {("ND807", "1", found)}
    each = torch.tensor([1.0, 2.0, 1.0, 1.0]).reshape(4, 1, 1)
    ((code, name, found),) = refusals(conv(), IntegrateAndFire(subtract=each))
    assert (code, name) == ("ND807", "1")
    assert "[1. 2. 1. 1.]" in found


@pytest.mark.filterwarnings("ignore:ND810")
def test_the_amount_of_the_threshold_and_the_way_of_training_are_nothing_to_the_graph():
    each = torch.tensor([1.0, 2.0, 1.0, 0.5]).reshape(4, 1, 1)
    neurons = IntegrateAndFire(each, subtract=each, window=0.25, keep_graph=True, v_min=-1.0)
    plain = to_nir(net(conv(), IntegrateAndFire(each, v_min=-1.0)), X)
    graph = to_nir(net(conv(), neurons), X)
    assert np.array_equal(graph.nodes["1"].v_threshold, plain.nodes["1"].v_threshold)
    assert graph.metadata == plain.metadata


@pytest.mark.filterwarnings("ignore:ND810")
def test_rounded_weights_are_weights():
    layer = nn.Conv2d(2, 4, 3, bias=False)
    nn.utils.parametrize.register_parametrization(layer, "weight", Quantize(1 / 16, rounding="nearest"))
    graph = to_nir(nn.Sequential(OverTime(layer), IntegrateAndFire()), X)
    assert np.array_equal(graph.nodes["0.0"].weight, layer.weight.detach().numpy())


def test_a_shape_that_was_not_declared_is_named():
    ((code, name, found),) = refusals(InputPlaceholder((2, 10, 10)), conv(), IntegrateAndFire())
    assert (code, name) == ("ND806", "0")
    assert "where [time, batch, 2, 10, 10] is due" in found
