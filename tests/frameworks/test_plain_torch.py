import dataclasses

import nir
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from frameworks.models import Merging, conv_net, counts, on_grid
from nirdynap.errors import CompileError
from nirdynap.export.nir_writer import write
from nirdynap.frameworks.export import to_nir
from nirdynap.frontend import read
from nirdynap.interpret import interpret
from nirdynap.nn.layers import IntegrateAndFire, OverTime, SumPool2d, reset_states

X = counts(20, 2, 2, 8, 8)


def proof(graph):
    return graph.metadata["dynapcnn"]["proof"]


def refusals(model, sample=X):
    with pytest.raises(CompileError) as caught:
        to_nir(model, sample)
    return [(d.code, d.place.removeprefix("$.nodes.")) for d in caught.value.diagnostics if d.severity == "error"]


# --- what goes through ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:ND810")
def test_names_shapes_and_settings_are_the_models():
    graph = to_nir(conv_net(nn.Dropout(0.5), nn.Identity(), reset="zero", spikes_per_step="one"), X)
    assert {name: type(node).__name__ for name, node in graph.nodes.items()} == {
        "input": "Input", "0.0": "Conv2d", "1": "IF", "2": "SumPool2d", "3": "Flatten", "4": "Affine", "5": "IF",
        "output": "Output",
    }  # fmt: skip
    assert graph.nodes["1"].v_threshold.shape == (4, 8, 8)
    expected = {"tie": "fires", "reset": "zero", "v_min": -1.0, "spikes_per_step": "one"}
    assert graph.nodes["5"].metadata == {"dynapcnn": expected}
    assert graph.metadata["dynapcnn"]["convention"] == "torch"
    assert proof(graph) == {
        "steps": 20, "samples": 2, "layers": 2, "decisions": 20 * 2 * (256 + 5), "rounding": 0,
        "random": 20 * 3 * (256 + 5), "silent": "", "saturated": "",
        "spikes": proof(graph)["spikes"],
    }  # fmt: skip
    assert proof(graph)["spikes"] > 1000


def test_merges_outputs_and_computed_sizes():
    graph = to_nir(Merging(), X)
    edges = set(graph.edges)
    assert {("a.0", "spikes"), ("b.0", "spikes"), ("spikes", "pool.0"), ("stem_spikes", "pool.0")} <= edges
    assert {("last", "output_0"), ("stem_spikes", "output_1")} <= edges
    assert graph.nodes["last"].v_threshold.tolist() == [1.0, 0.5, 2.0]
    assert proof(graph)["rounding"] == 0


def test_the_file_holds_all_of_it(tmp_path):
    graph = to_nir(Merging(), X)
    write(graph, tmp_path / "merging.nir")
    network, again = read(graph), read(tmp_path / "merging.nir")
    assert network.digest() == again.digest()
    ours, theirs = (interpret(n, X, record="all") for n in (network, again))
    assert all(np.array_equal(ours.rasters[name], theirs.rasters[name]) for name in ours.rasters)
    loaded = nir.read(tmp_path / "merging.nir", type_check=False)  # nir 1.0.8 refuses grouped convolutions
    assert loaded.metadata["dynapcnn"]["proof"]["decisions"] == proof(graph)["decisions"]
    write(to_nir(conv_net(), X), tmp_path / "plain.nir")
    assert "2" in nir.read(tmp_path / "plain.nir").nodes


def test_batch_norm_is_folded_with_its_epsilon():
    norm = nn.BatchNorm2d(4, eps=0.05)
    norm.running_mean, norm.running_var = torch.tensor([0.5, -0.25, 0.0, 1.0]), torch.tensor([0.5, 2.0, 1.0, 0.1])
    norm.weight.data = torch.tensor([1.0, -0.5, 2.0, 1.5])
    graph = to_nir(conv_net(nn.Identity(), norm), X)
    assert "0.2" not in graph.nodes
    assert graph.nodes["0.0"].bias[0] == pytest.approx(-0.5 / np.sqrt(0.55))
    linear = nn.Sequential(nn.Linear(6, 4, bias=False), nn.BatchNorm1d(4, affine=False), IntegrateAndFire())
    flat = nn.Sequential(OverTime(*linear[:2]), linear[2])
    assert type(to_nir(on_grid(flat), counts(20, 2, 6)).nodes["0.0"]).__name__ == "Affine"


@pytest.mark.parametrize(
    ("pool", "kind"),
    [
        (OverTime(nn.AvgPool2d((2, 1), ceil_mode=True)), "AvgPool2d"),
        (OverTime(nn.AvgPool2d(2, divisor_override=1)), "SumPool2d"),
        (OverTime(nn.LPPool2d(1, 2)), "SumPool2d"),
        (SumPool2d((2, 4)), "SumPool2d"),
    ],
)
def test_pools(pool, kind):
    model = on_grid(nn.Sequential(OverTime(nn.Conv2d(2, 3, 3, padding="same")), IntegrateAndFire(v_min=-1.0), pool))
    graph = to_nir(model, X)
    assert kind in {type(node).__name__ for node in graph.nodes.values()}


class Named(nn.Module):
    """Modules called like the ends of a graph, branches in a list, and Python's own sum."""

    def __init__(self):
        super().__init__()
        self.input, self.output = nn.Linear(6, 4), IntegrateAndFire()
        self.branches = nn.ModuleList(nn.Sequential(nn.Linear(4, 3), IntegrateAndFire()) for _ in range(3))
        self.flatten, self.last = nn.Linear(3, 2), IntegrateAndFire()
        on_grid(self)

    def forward(self, x):
        x = self.output(self.input(x.view(-1, 6).unflatten(0, x.shape[:-1])))
        return self.last(self.flatten(sum(branch(x) for branch in self.branches)))


def test_names_that_are_taken_and_sums_of_lists():
    graph = to_nir(Named(), counts(20, 2, 6))
    assert {"input", "input_", "output", "output_", "flatten", "last"} <= set(graph.nodes)
    assert {(f"branches.{i}.1", "flatten") for i in range(3)} <= set(graph.edges)
    assert type(graph.nodes["input_"]).__name__ == "Input"


def test_a_readout_without_neurons_is_compared_too():
    model = on_grid(nn.Sequential(nn.Linear(6, 4), IntegrateAndFire(), nn.Linear(4, 2)))
    assert list(to_nir(model, counts(20, 2, 6)).nodes) == ["input", "0", "1", "2", "output"]


def test_layers_that_never_fire_are_told():
    deaf = conv_net()
    deaf[5].threshold.fill_(1e6)
    with pytest.warns(
        UserWarning, match=r"ND810 nothing proven, at \$\.nodes\.5: it never fired .*; try a sample with m"
    ):
        assert proof(to_nir(deaf, X))["silent"] == "5"
    deaf[1].threshold.fill_(1e6)
    with pytest.warns(
        UserWarning, match=r"ND810 nothing proven, at \$\.nodes\.1, \$\.nodes\.5: it never fired"
    ) as said:
        assert proof(to_nir(deaf, X))["silent"] == "1, 5"
    assert [warning.filename for warning in said] == [__file__]


def test_layers_that_never_rest_are_told():
    model = nn.Sequential(nn.Linear(6, 4), IntegrateAndFire(1e-3, reset="zero", spikes_per_step="one"))
    model[0].weight.data, model[0].bias.data = torch.ones(4, 6), torch.ones(4)
    with pytest.warns(
        UserWarning, match=r"ND810 .*\$\.nodes\.1: all of it fired in every step.*try a sample with fewer"
    ):
        assert proof(to_nir(model, counts(20, 2, 6)))["saturated"] == "1"


def test_a_network_without_neurons_is_told():
    with pytest.warns(UserWarning, match=r"ND810 nothing proven, at \$: there is no spiking layer"):
        assert proof(to_nir(on_grid(nn.Sequential(nn.Linear(6, 4))), counts(20, 2, 6)))["layers"] == 0


@st.composite
def networks(draw):
    """Small networks of our layers, and a sample."""
    many = draw(st.sampled_from(["one", "many"]))

    def neurons(channels):
        theta = draw(st.sampled_from([0.5, 1.0, 1.5, torch.arange(1, channels + 1).reshape(channels, 1, 1) / 2]))
        v_min, reset = draw(st.sampled_from([None, -1.0, 0.0])), draw(st.sampled_from(["subtract", "zero"]))
        return IntegrateAndFire(theta, v_min=v_min, reset=reset, spikes_per_step=many)

    def conv(given, made, side):
        groups = draw(st.sampled_from([1, given])) if made % given == 0 else 1
        kernel, padding = draw(st.sampled_from([(1, 0), (3, 1), (2, 0)] if side > 1 else [(1, 0), (3, 1)]))
        stride = draw(st.sampled_from([1, 2]))
        layer = nn.Conv2d(given, made, kernel, stride, padding, groups=groups, bias=draw(st.booleans()))
        norm = nn.BatchNorm2d(made, eps=0.0)  # a variance of 4: nothing is rounded
        norm.running_var, norm.running_mean = torch.full((made,), 4.0), torch.full((made,), 0.25)
        extras = draw(st.sampled_from([(), (nn.Dropout(0.5),), (norm,), (nn.Identity(), norm)]))
        return OverTime(layer, *extras), (side + 2 * padding - kernel) // stride + 1

    blocks, channels, side = [], draw(st.integers(1, 2)), draw(st.integers(3, 7))
    shape = (channels, side, side)
    for _ in range(draw(st.integers(1, 3))):
        made = draw(st.sampled_from([channels, 2 * channels]))
        layer, side = conv(channels, made, side)
        channels = made
        blocks += [layer, neurons(channels)]
        if draw(st.booleans()):
            inner = nn.Sequential(OverTime(nn.Conv2d(channels, channels, 3, padding=1)), neurons(channels))
            blocks.append(Residual(inner, in_place=draw(st.booleans())))
        if side >= 2 and draw(st.booleans()):
            blocks.append(draw(st.sampled_from([SumPool2d(2), OverTime(nn.AvgPool2d(2)), OverTime(nn.LPPool2d(1, 2))])))
            side //= 2
    if isinstance(blocks[-1], Residual) or draw(st.booleans()):  # an Output takes one node
        blocks += [
            nn.Flatten(2),
            nn.Linear(channels * side * side, 2, bias=False),
            IntegrateAndFire(spikes_per_step=many),
        ]
    model = on_grid(nn.Sequential(*blocks), seed=draw(st.integers(0, 99)))
    return model, counts(6, 2, *shape, seed=draw(st.integers(0, 99)), rate=2.0)


class Residual(nn.Module):
    def __init__(self, inner, *, in_place):
        super().__init__()
        self.inner, self.in_place = inner, in_place

    def forward(self, x):
        if self.in_place:
            y = self.inner(x)
            y += x
            return y
        return torch.add(x, self.inner(x))


@pytest.mark.filterwarnings("ignore:ND810")  # layers that the drawn sample says nothing about
@settings(max_examples=40)
@given(networks())
def test_the_graph_fires_as_the_model_does(drawn):
    model, x = drawn
    network = read(to_nir(model, x))
    model.eval()
    reset_states(model)
    with torch.no_grad():
        live = model(torch.from_numpy(x).float()).numpy()  # float32 is exact as well on this grid
    ours = interpret(network, x.reshape(*x.shape[:2], *network.input.input_shape)).raster
    assert np.array_equal(ours.reshape(live.shape), live)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_everything_unknown_is_named_at_once():
    model = nn.Sequential(
        OverTime(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2)), IntegrateAndFire(), nn.LSTM(3, 3), Second()
    )
    assert refusals(model) == [("ND802", "0.1"), ("ND802", "0.2"), ("ND802", "2")]


class Second(nn.Module):
    def forward(self, pair):
        return pair[0]


class Bias(nn.Module):
    """Computes with a parameter of its own."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.ones(4, 1, 1))

    def forward(self, x):
        return x + self.shift


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.spikes = nn.Linear(6, 4), IntegrateAndFire()

    def forward(self, x):
        return self.spikes(self.layer(x)) if x.sum() > 0 else x


class Sharing(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.spikes, self.last = (
            nn.Linear(6, 6),
            nn.Linear(6, 6),
            IntegrateAndFire(),
            IntegrateAndFire(),
        )
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.last(self.b(self.spikes(self.a(x))))


class Twice(Sharing):
    def forward(self, x):
        return self.last(self.a(self.spikes(self.a(x))))


class Doubling(Sharing):
    def forward(self, x):
        spikes = self.spikes(self.a(x))
        return spikes + spikes


class Turning(nn.Module):
    def forward(self, x):
        return x.transpose(-1, -2)


class Listening(nn.Module):
    """BatchNorm of currents that another layer takes as they were."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)
        self.a, self.b = IntegrateAndFire(), IntegrateAndFire()

    def forward(self, x):
        current = self.conv(x.flatten(0, 1))
        return self.a(current.unflatten(0, x.shape[:2])) + self.b(self.norm(current).unflatten(0, x.shape[:2]))


class Random(nn.Module):
    def forward(self, x):
        return functional.dropout(x, 0.9)


class Splitting(Sharing):
    def forward(self, x):
        first, second = torch.split(self.spikes(self.a(x)), 3, dim=-1)
        return first + second


class Constant(Sharing):
    def forward(self, x):
        return self.last(self.b(self.a.weight)) + self.spikes(self.a(x))


class Silent(Sharing):
    def forward(self, x):
        return self.a.weight


class Keywords(Sharing):
    """Arguments by name."""

    def forward(self, x):
        folded = self.a(input=torch.flatten(input=x, start_dim=0, end_dim=1))
        return self.spikes(currents=folded.unflatten(0, sizes=x.shape[:2]))


FLAT = counts(20, 2, 6)


def test_arguments_by_name_are_arguments():
    assert list(to_nir(Keywords(), FLAT).nodes) == ["input", "a", "spikes", "output"]


@pytest.mark.parametrize(
    ("model", "sample", "expected"),
    [
        (Branching(), FLAT, {("ND803", "$")}),
        (Sharing(), FLAT, {("ND804", "b")}),
        (Twice(), FLAT, {("ND804", "a")}),
        (Doubling(), FLAT, {("ND802", "add")}),
        (Splitting(), FLAT, {("ND802", "split")}),
        (Constant(), FLAT[:6, :1], {("ND803", "b"), ("ND804", "a")}),
        (Silent(), FLAT, {("ND803", "$")}),
        (Listening(), X, {("ND805", "norm")}),
        (conv_net(Bias()), X, {("ND802", "0.1.add")}),
        (conv_net(Random()), X, {("ND802", "0.1.dropout")}),
        (conv_net(Turning()), X, {("ND802", "0.1.transpose")}),
        (conv_net(nn.BatchNorm2d(4, track_running_stats=False)), X, {("ND805", "0.1")}),
        (conv_net(pool=OverTime(nn.AvgPool2d(2), nn.BatchNorm2d(4))), X, {("ND805", "2.1")}),
        (conv_net(nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular")), X, {("ND807", "0.1")}),
        (conv_net(nn.Conv2d(4, 4, 2, padding="same")), X, {("ND807", "0.1")}),
        (conv_net(pool=OverTime(nn.AvgPool2d(2, divisor_override=3))), X, {("ND807", "2.0")}),
        (conv_net(pool=OverTime(nn.LPPool2d(2, 2))), X, {("ND807", "2.0")}),
        (conv_net(nn.AvgPool2d(3, 1, 1, count_include_pad=False)), X, {("ND807", "0.1")}),
        (conv_net(nn.AvgPool2d(3, 1, 1)), X, {("ND118", "0.1")}),
        (nn.Sequential(IntegrateAndFire(), nn.Linear(8, 2)), X, {("ND807", "1")}),
        (nn.Sequential(nn.Linear(7, 2), IntegrateAndFire()), FLAT, {("ND806", "0")}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_what_has_no_counterpart_is_refused(model, sample, expected):
    assert set(refusals(model, sample)) == expected


def finding(model, sample=X):
    with pytest.raises(CompileError) as caught:
        to_nir(model, sample)
    (only,) = caught.value.diagnostics
    return only


def test_a_model_that_cannot_run_is_told_by_its_module_and_shapes():
    found = finding(nn.Sequential(nn.Sequential(nn.Linear(8, 8), nn.Conv2d(2, 4, 3)), IntegrateAndFire()))
    assert (found.code, found.place) == ("ND806", "$.nodes.0.1")
    assert found.found.startswith("Conv2d is given (20, 1, 2, 8, 8) and raises RuntimeError: Expected 3D")
    assert found.found.endswith("; the model is given (20, 1, 2, 8, 8)")
    assert "[time, 1, C, H, W]" in found.hint
    assert "Conv2d and AvgPool2d, go into nirdynap.nn.layers.OverTime" in found.hint


def test_states_that_the_caller_keeps_are_told():
    class Passed(Applied):
        def forward(self, x, membrane, *more, scale=1, **words):
            return self.spikes(x), membrane

    found = finding(Passed(None))
    assert (found.code, found.place, found.found) == ("ND803", "$", "it takes membrane beside its input")
    assert "a forward of one argument" in found.hint


def test_maps_without_a_batch_are_told():
    found = finding(nn.Sequential(OverTime(nn.Conv2d(2, 4, 3)), IntegrateAndFire()), X[:, 0, 0])
    assert (found.code, found.place) == ("ND806", "$.nodes.0.0")
    assert "a sample of three axes is taken for [time, batch, N], and maps are [time, batch, C, H, W]" in found.found


class Applied(nn.Module):
    """A function where a module would be taken."""

    def __init__(self, function):
        super().__init__()
        self.function, self.spikes = function, IntegrateAndFire()

    def forward(self, x):
        return self.spikes(self.function(x.flatten(0, 1)).unflatten(0, x.shape[:2]))


@pytest.mark.parametrize(
    ("function", "why", "remedy"),
    [
        (lambda x: functional.max_pool2d(x, 2), "'max_pool2d' takes the largest of a window", "nn.AvgPool2d, or nn.LP"),
        (lambda x: functional.avg_pool2d(x, 2), "'avg_pool2d' is a function, and layers are", "nn.AvgPool2d"),
        (lambda x: functional.lp_pool2d(x, 1, 2), "is a function, and layers are", "nn.LPPool2d"),
        (lambda x: functional.linear(x, torch.eye(8)), "'linear' is a function, and layers are", "nn.Linear"),
        (lambda x: functional.conv2d(x, torch.ones(2, 2, 3, 3)), "'conv2d' is a function, and", "nn.Conv2d"),
        (functional.relu, "'relu' is not a spiking neuron", "an integrate-and-fire neuron of your framework"),
        (lambda x: x * 0.5, "'mul' scales", "a factor in the weights"),
        (lambda x: torch.cat([x, x.clone()], 1), "'cat' puts maps side by side", "`a + b` of maps"),
        (lambda x: x.sum(1), "'sum' adds up or compares", "returning each step's spikes"),
        (lambda x: x + x, "adds input to itself and a graph adds up different nodes", "doubled weights"),
        (torch.round, "'round' on spikes, currents or membranes", "modules for layers"),
    ],
)
def test_functions_are_told_with_what_to_take_instead(function, why, remedy):
    with pytest.raises(CompileError) as caught:
        to_nir(Applied(function), X)
    found = caught.value.diagnostics[0]
    assert found.code == "ND802"
    assert why in found.found
    assert found.hint.startswith(remedy)


def test_windows_over_the_edge_are_refused():
    ragged = nn.Sequential(OverTime(nn.AvgPool2d(3, ceil_mode=True)), IntegrateAndFire())
    assert refusals(ragged) == [("ND807", "0.0")]


def test_spikes_per_step_must_agree():
    model = nn.Sequential(*conv_net(), nn.Linear(5, 2), IntegrateAndFire(spikes_per_step="one"))
    assert refusals(model) == [("ND216", "$.nodes")]


def test_a_frozen_record_holds_what_was_found():
    from nirdynap.frameworks.plain_torch import trace

    traced = trace(conv_net(), X)
    assert traced.spikes["1"].shape == (20, 2, 256)
    with pytest.raises(dataclasses.FrozenInstanceError):
        traced.epsilon = 0.0
