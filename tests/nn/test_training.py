"""A spec that learns is its integers at every moment, its gradients are those stated, and it becomes a spec again."""

import copy
import doctest
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nirdynap
from by_hand import conv, graph, neurons, sink, source
from nirdynap.errors import InputError
from nirdynap.ir.spec import Destination, OutputPort
from nirdynap.ir.tally import fan_out
from nirdynap.nn import dynapcnn_to_torch, training
from nirdynap.nn.straight_through import SMALL, Firing, fired, nonzero, rounded
from nirdynap.nn.training import trainable
from nirdynap.shipped import shipped
from nirdynap.testing import oracle
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.conformance import Abilities, ClockedConformance
from nirdynap.testing.same import same_arrays
from nirdynap.testing.strategies import rasters, specs

PROPERTY = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
READING = {"convention": "torch", "reset": "subtract"}
ONE = build_spec(build_core(3, [[[[4]]]], (1, 1, 1), bias=[1], threshold_high=10, threshold_low=-6))


class TestTrainable(ClockedConformance):
    abilities = Abilities(saturate=(True,))

    def run_clocked(self, spec, raster, *, saturate, spikes_per_step):
        activity = trainable(spec, spikes_per_step=spikes_per_step).activity(torch.from_numpy(raster.copy()))
        return whole_numbers(activity.spikes)


def whole_numbers(tensors):
    """Integer arrays of tensors that hold whole numbers."""
    arrays = {key: tensor.detach().numpy() for key, tensor in tensors.items()}
    assert all((array == np.rint(array)).all() for array in arrays.values())
    return {key: array.astype(np.int64) for key, array in arrays.items()}


def counts(*steps):
    return torch.tensor(steps).reshape(-1, 1, 1, 1, 1)


def moved(model, seed, size=20.0):
    """The model with other integers, some of them at the ends of their ranges."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in model.layers:
            for parameter in layer.parameters():
                parameter += torch.randn(parameter.shape, generator=random) * size / layer.scale
    return model


def test_the_examples_in_the_docstrings_run():
    tried = doctest.testmod(training)
    assert tried.attempted > 0
    assert tried.failed == 0
    assert nirdynap.trainable is trainable


# --- forward: the integers --------------------------------------------------------------------------------------------


@PROPERTY
@given(st.data(), st.booleans(), st.booleans(), st.integers(0, 99))
def test_whatever_the_parameters_become_it_is_the_clocked_run_of_its_spec(data, decimators, dvs, seed):
    spec = data.draw(specs(max_spikes=200, decimators=decimators, dvs=dvs))
    model = moved(trainable(spec), seed)
    raster = data.draw(rasters(spec, min_steps=1))
    activity, expected = model.activity(torch.from_numpy(raster.copy())), oracle.clocked(model.to_spec(), raster)
    same_arrays(whole_numbers(activity.outputs), expected.output_rasters, "outputs")
    same_arrays(whole_numbers(activity.membranes), expected.membranes, "membranes")
    operations = {core: int(number) for core, number in activity.synaptic_operations.items()}
    assert operations == {core: stats.synaptic_operations for core, stats in expected.stats.items()}


@PROPERTY
@given(specs(decimators=True))
def test_untouched_it_becomes_the_spec_that_it_was_made_from(spec):
    assert trainable(spec).to_spec() == spec


def test_the_digits_and_their_statistics_are_those_of_the_simulator():
    spec = nirdynap.nir_to_dynapcnn(shipped("digits", "digits.nir"))
    model = moved(trainable(spec), 0, size=2.0)
    raster = np.random.default_rng(0).poisson(0.3, (20, 2, 1, 8, 8))
    activity, expected = model.activity(torch.from_numpy(raster)), nirdynap.simulate(model.to_spec(), raster)
    same_arrays(whole_numbers(activity.outputs), expected.output_rasters, "outputs")
    same_arrays(whole_numbers(activity.membranes), expected.membranes, "membranes")
    for core, stats in expected.stats.items():
        assert activity.synaptic_operations[core].item() == stats.synaptic_operations > 0


def test_a_real_network_on_a_real_recording_is_that_of_the_simulator(shared_data):
    folder = shared_data / "nmnist_speck"
    spec = nirdynap.nir_to_dynapcnn(folder / "cnn_sinabs.nir", convention="sinabs")
    with np.load(folder / "speck_digits_0_4.npz") as file:
        x, y, t, p = file["events_0"].T
    raster = nirdynap.Events(t=t, c=p, y=y, x=x).to_raster(spec.input_shape)[:60, None]
    model = moved(trainable(spec), 0, size=3.0)
    activity, expected = model.activity(torch.from_numpy(raster)), nirdynap.simulate(model.to_spec(), raster)
    same_arrays(whole_numbers(activity.outputs), expected.output_rasters, "outputs")
    same_arrays(whole_numbers(activity.membranes), expected.membranes, "membranes")
    for core, stats in expected.stats.items():
        assert activity.synaptic_operations[core].item() == stats.synaptic_operations > 0
    sum(activity.synaptic_operations.values()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    assert model.layers[0].weight.grad.any()


def test_forward_is_that_of_the_exact_module():
    branches = build_spec(
        build_core(0, [[[[1]]]], (1, 4, 4)), outputs=[OutputPort(0, 1, "fine"), OutputPort(0, 4, "sum")]
    )
    for spec in (ONE, branches):
        raster = torch.ones((3, 2, *spec.input_shape))
        ours, theirs = trainable(spec)(raster), dynapcnn_to_torch(spec)(raster)
        if spec is ONE:
            ours, theirs = {"only": ours}, {"only": theirs}
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_each_call_is_a_recording_of_its_own():
    model = trainable(ONE)
    assert torch.equal(model(counts(1, 2)), model(counts(1, 2)))
    assert model(torch.ones(2, 5, 1, 1, 1)).shape == (2, 5, 1, 1, 1)
    assert model(torch.zeros(0, 1, 1, 1, 1)).shape == (0, 1, 1, 1, 1)


def test_automatic_half_precision_changes_nothing():
    spec = nirdynap.nir_to_dynapcnn(shipped("digits", "digits.nir"))
    model, raster = trainable(spec), torch.ones(3, 1, 1, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(model(raster), model.to(torch.float32)(raster))
        assert torch.equal(dynapcnn_to_torch(spec)(raster), model(raster))


# --- layers on several cores ------------------------------------------------------------------------------------------


def fan(branches, channels=64, **options):
    """One layer that feeds several, each with an output."""
    random = np.random.default_rng(0)
    nodes = {"in": source(1, 6, 6), "conv": conv(weight=random.integers(-8, 16, (channels, 1, 3, 3)) / 8)}
    nodes["if"] = neurons(2.0)
    for b in range(branches):
        weight = random.integers(-8, 9, (2, channels, 3, 3)) / 8
        nodes |= {f"b{b}": conv(weight=weight), f"if{b}": neurons(4.0), f"out{b}": sink()}
    drawn = graph(nodes, "in -> conv -> if", *(f"if -> b{b} -> if{b} -> out{b}" for b in range(branches)))
    return nirdynap.nir_to_dynapcnn(drawn, **READING, **options)


def assert_learns_alike(spec, whole):
    """A step of descent, in the floats of the network, makes the same of both."""
    raster = torch.from_numpy(np.random.default_rng(1).poisson(0.5, (6, 2, *spec.input_shape)))
    models = [trainable(one) for one in (spec, whole)]
    for model in models:
        sum((out - 1).square().sum() for out in as_dict(model(raster)).values()).backward()
    for ours, theirs in zip(*(sorted(model.layers, key=name) for model in models), strict=True):
        assert ours.name == theirs.name
        assert theirs.weight.grad.abs().sum() > 0
        torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    for model in models:
        moved(model, 3)
    one, two = (as_dict(model(raster)) for model in models)
    assert all(torch.equal(one[output], two[output]) for output in two)
    return models[0].to_spec()


def name(layer):
    return layer.name


def as_dict(outputs):
    return outputs if isinstance(outputs, dict) else {"out": outputs}


def test_parts_and_copies_share_the_parameters_of_their_layer():
    spec, whole = fan(3), fan(2)
    assert [core.name for core in spec.cores if not core.origin] == ["conv (copy)"]
    model = moved(trainable(spec), 0)
    assert sorted(map(name, model.layers)) == ["b0", "b1", "b2", "conv"]
    trained = {core.name: core.weights for core in model.to_spec().cores}
    np.testing.assert_array_equal(trained["conv (copy)"], trained["conv"])
    split = fan(2, split={"conv": 2, "b0": 2})
    assert len(split.cores) > len(whole.cores)
    trained = assert_learns_alike(split, whole)
    assert [core.weights.shape for core in trained.cores] == [core.weights.shape for core in split.cores]


def test_relays_stay_relays():
    spec = fan(3, channels=2)
    model = moved(trainable(spec), 0)
    assert sorted(map(name, model.layers)) == ["b0", "b1", "b2", "conv"]
    before, after = ({c.name: c.weights for c in one.cores} for one in (spec, model.to_spec()))
    np.testing.assert_array_equal(before["conv (relay)"], after["conv (relay)"])
    assert not np.array_equal(before["conv"], after["conv"])


def test_a_copy_whose_integers_are_its_own_is_no_copy():
    cores = [
        build_core(0, [[[[5]]]], (1, 1, 1), destinations=[Destination(core=2, pooling=1)]),
        build_core(1, [[[[6]]]], (1, 1, 1), destinations=[Destination(core=2, pooling=1)]),
        build_core(2, [[[[7]]]], (1, 1, 1)),
    ]
    cores[1] = replace(cores[1], name="conv0 (copy)", origin=())
    spec = build_spec(*cores)
    assert trainable(spec).to_spec() == spec


# --- back to a spec, and to NIR ---------------------------------------------------------------------------------------


@PROPERTY
@given(specs(initial_states=False), st.integers(0, 99))
def test_what_was_trained_goes_to_nir_and_comes_back_as_the_same_integers(spec, seed):
    trained = moved(trainable(spec), seed).to_spec()
    assert nirdynap.validate(trained) == nirdynap.validate(spec)
    again = {core.name: core for core in nirdynap.nir_to_dynapcnn(nirdynap.dynapcnn_to_nir(trained)).cores}
    for core in trained.cores:
        np.testing.assert_array_equal(again[core.name].weights, core.weights)
        assert (again[core.name].bias is not None and again[core.name].bias.any()) == (
            core.bias is not None and bool(core.bias.any())
        )
        if core.bias is not None and core.bias.any():
            np.testing.assert_array_equal(again[core.name].bias, core.bias)
        assert again[core.name].threshold_high == core.threshold_high


def test_the_trained_digits_are_the_same_spec_after_nir(tmp_path):
    spec = nirdynap.nir_to_dynapcnn(shipped("digits", "digits.nir"))
    assert any(note.code == "ND406" for note in spec.notes)
    trained = moved(trainable(spec), 0).to_spec()
    assert trained != spec
    assert [core.core for core in trained.cores] == [core.core for core in spec.cores]
    assert not any(note.code.startswith("ND4") for note in trained.notes)
    nirdynap.write(nirdynap.dynapcnn_to_nir(trained), tmp_path / "trained.nir")
    assert nirdynap.nir_to_dynapcnn(tmp_path / "trained.nir") == trained


# --- backward: what is stated -----------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(-300, 400), min_size=6, max_size=24),
    st.integers(1, 200),
    st.sampled_from([-32768, -150, -1]),
    st.booleans(),
    st.booleans(),
)
def test_gradients_of_neurons_are_those_of_the_formula(numbers, high, low, to_zero, many):
    """Held against torch's own differentiation of one step after the other."""
    currents = torch.tensor(numbers[: len(numbers) // 3 * 3], dtype=torch.float32).reshape(-1, 1, 3, 1, 1)
    currents[0, 0, 0] = 40000.0  # beyond 16 bits
    currents[0, 0, 1] = -40000.0
    weights = torch.arange(1.0, currents.numel() + 1).reshape(currents.shape)
    firing = Firing(high, low, to_zero, many)
    ours, theirs = currents.clone().requires_grad_(), currents.clone().requires_grad_()
    spikes, membranes = fired(ours, torch.zeros(1, 3, 1, 1), firing)
    (spikes * weights).sum().backward()
    slow, last = by_torch(theirs, firing)
    (slow * weights).sum().backward()
    assert torch.equal(spikes, slow)
    assert torch.equal(membranes, last)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)


class Peak(torch.autograd.Function):
    @staticmethod
    def forward(ctx, v, firing):
        ctx.save_for_backward(v)
        ctx.high = firing.high
        n = (v.clamp(min=0) / firing.high).floor()
        return n if firing.many else n.clamp(max=1)

    @staticmethod
    def backward(ctx, gradient):
        (v,) = ctx.saved_tensors
        return gradient / ctx.high / (1 + 4 * (v / ctx.high - 1).abs()) ** 2, None


def by_torch(currents, firing):
    u, spikes = torch.zeros(currents.shape[1:]), []
    for current in currents:
        v = u + current
        v = torch.where((v >= firing.low) & (v <= 32767), v, v.detach().clamp(-32768, 32767))
        n = Peak.apply(v, firing)
        spikes.append(n)
        u = v * (n == 0) if firing.return_to_zero else v - n.detach() * firing.high
        u = u.clamp(min=firing.low)
    return torch.stack(spikes), u.detach()


def test_rounding_passes_gradients_but_those_that_lead_out_of_the_range():
    values = torch.tensor([0.5, 1.5, 200.0, 200.0, -300.0, -300.0, 127.3], requires_grad=True)
    whole = rounded(values, torch.tensor(1.0), -128, 127)
    assert whole.tolist() == [0, 2, 127, 127, -128, -128, 127]
    whole.backward(torch.tensor([1.0, -1, 1, -1, 1, -1, -1]))  # descent moves against these
    assert values.grad.tolist() == [1, -1, 1, 0, 0, -1, -1]


def test_gradients_of_parameters_are_in_the_users_floats():
    scaled = build_spec(build_core(0, [[[[40]]]], (1, 1, 1), threshold_high=100))
    scaled = replace(scaled, cores=(replace(scaled.cores[0], scale=50.0),))
    model = trainable(scaled)
    assert model.layers[0].weight.item() == pytest.approx(0.8)
    model(counts(1)).sum().backward()
    slope = 1 / 100 / (1 + 4 * 0.6) ** 2
    assert model.layers[0].weight.grad.item() == pytest.approx(slope * 50)


def test_a_decimated_spike_has_the_gradient_of_a_share():
    plain, fourth = (build_spec(build_core(0, [[[[9]]]], (1, 1, 1), threshold_high=10, decimator=n)) for n in (1, 4))
    one, two = trainable(plain), trainable(fourth)
    for model in (one, two):
        model(counts(1, 1, 1)).sum().backward()
    assert two.layers[0].weight.grad.item() == pytest.approx(one.layers[0].weight.grad.item() / 4)


def test_gradients_of_synaptic_operations_are_the_weights_that_a_spike_would_touch():
    first = build_core(0, [[[[9]]]], (1, 5, 5), threshold_high=10, destinations=[Destination(core=1, pooling=1)])
    second = build_core(1, [[[[3, 0, -40], [0, 0, 0], [1, 2, 9]]]], (1, 5, 5), padding=(1, 1), threshold_high=500)
    activity = trainable(build_spec(first, second)).activity(torch.ones(2, 3, 1, 5, 5))
    spikes = activity.spikes[0]
    (gradient,) = torch.autograd.grad(activity.synaptic_operations[1], spikes)
    np.testing.assert_array_equal(gradient, np.broadcast_to(fan_out(second), gradient.shape))


def test_small_weights_are_drawn_to_zero():
    weights = torch.tensor([0.0, 1, -8, 16, 17, -128], requires_grad=True)
    touched = nonzero(weights)
    assert touched.tolist() == [0, 1, 1, 1, 1, 1]
    touched.sum().backward()
    assert SMALL == 16
    assert weights.grad.tolist() == [0, 1 / 16, -1 / 16, 1 / 16, 0, 0]


def test_it_learns():
    """Counts of a random network of the same structure are found by descent."""
    spec = build_spec(build_core(0, np.full((3, 2, 1, 1), 20), (2, 1, 1), threshold_high=100))
    target, model = moved(trainable(spec), 0, size=40.0), trainable(spec)
    raster = torch.from_numpy(np.random.default_rng(0).poisson(1.0, (30, 8, 2, 1, 1)))
    wanted = target(raster).sum(0).detach()
    optimiser, losses = torch.optim.Adam(model.parameters(), 2.0), []
    for _ in range(60):
        loss = (model(raster).sum(0) - wanted).square().mean()
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < losses[0] / 20


# --- torch's ways, and refusals ---------------------------------------------------------------------------------------


def test_only_parameters_are_saved_and_all_of_it_moves():
    model = trainable(ONE)
    assert set(model.state_dict()) == {"layers.0.weight", "layers.0.bias"} == set(dict(model.named_parameters()))
    other = moved(trainable(ONE), 5)
    model.load_state_dict(other.state_dict())
    assert model.to_spec() == other.to_spec() != ONE
    moved_away = copy.deepcopy(model).to("meta")
    assert {tensor.device.type for tensor in (*moved_away.buffers(), *moved_away.parameters())} == {"meta"}
    assert "'conv3', weight=(1, 1, 1, 1), scale=1" in repr(model)


def test_parameters_that_are_no_numbers_are_named():
    model = trainable(ONE)
    with torch.no_grad():
        model.layers[0].weight.fill_(float("nan"))
        model.layers[0].bias.fill_(float("inf"))
    for call in (model.to_spec, lambda: model(counts(1))):
        with pytest.raises(InputError, match=r"ND570 training diverged, at \$\.layers\.conv3: 2 of the layer's"):
            call()


def test_the_bound_of_float32_is_watched():
    with pytest.raises(InputError, match=r"ND508.*core 3"):
        trainable(ONE)(counts(2**22))
    pooled = build_spec(build_core(0, [[[[127]]]], (1, 64, 64)), outputs=[OutputPort(0, 64, "out")])
    with pytest.raises(InputError, match=r"ND508.*core 0"):
        trainable(pooled)(torch.full((1, 1, 1, 64, 64), 100))


def test_refusals():
    with pytest.raises(InputError, match=r"ND507.*spikes_per_step"):
        trainable(ONE, spikes_per_step="two")
    with pytest.raises(InputError, match="ND513"):
        trainable("network.nir")
    with pytest.raises(InputError, match="ND504"):
        trainable(ONE)(torch.zeros(3, 1, 2, 1, 1))
    with pytest.raises(InputError, match=r"ND507.*dtype"):
        trainable(ONE).half()(counts(1))


def test_a_spec_of_relays_alone_runs_and_has_nothing_to_learn():
    relay = replace(build_core(0, [[[[1]]]], (1, 1, 1)), origin=(), name="relay")
    model = trainable(build_spec(relay))
    assert list(model.parameters()) == []
    assert model(counts(1, 3)).flatten().tolist() == [1, 3]
    assert model.to_spec() == model.spec
