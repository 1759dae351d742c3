"""Forwards that loop over time: those that hand on one step after the other are taken, others are told in one line."""

import numpy as np
import pytest
import torch
from torch import nn

from frameworks.models import counts, on_grid
from nirdynap.errors import CompileError
from nirdynap.frameworks.export import to_nir
from nirdynap.frameworks.proof import prove
from nirdynap.frameworks.torch_trace import trace_torch
from nirdynap.frontend import read
from nirdynap.nn.layers import IntegrateAndFire

STEPS = 20
X = counts(STEPS, 2, 6)


class Loop(nn.Module):
    """The parts that the loops below are made of; each neuron is called once per step."""

    def __init__(self):
        super().__init__()
        self.a, self.first = nn.Linear(6, 4), IntegrateAndFire(v_min=-1.0)
        self.b, self.second = nn.Linear(4, 3), IntegrateAndFire(v_min=-1.0)
        on_grid(self)

    def step(self, x):
        """[1, batch, 6] -> [batch, 3]."""
        return self.second(self.b(self.first(self.a(x))))[0]


class Indexed(Loop):
    def forward(self, x):
        return torch.stack([self.step(x[t][None]) for t in range(x.size(0))])


class Fixed(Loop):
    steps = STEPS

    def forward(self, x):
        return torch.stack([self.step(x[t : t + 1]) for t in range(self.steps)], dim=0)


class Iterated(Loop):
    def forward(self, x):
        return {"spikes": torch.cat([self.step(step.unsqueeze(0)) for step in x])}


class Unbound(Loop):
    def forward(self, x):
        return torch.stack([self.step(step[None]) for step in x.unbind()]), None


class BatchFirst(Loop):
    def forward(self, x):
        return torch.stack([self.step(x[:, t][None]) for t in range(x.shape[1])], dim=1)


class Merging(Loop):
    """Two outputs, and spikes that go two ways."""

    def __init__(self):
        super().__init__()
        self.c, self.third = nn.Linear(6, 4), IntegrateAndFire()
        on_grid(self)

    def forward(self, x):
        hidden, out = [], []
        for step in range(len(x)):
            spikes = self.first(self.a(x[step][None])) + self.third(self.c(x[step][None]))
            out.append(self.second(self.b(spikes))[0])
            hidden.append(spikes[0])
        return torch.stack(out), torch.stack(hidden)


@pytest.mark.parametrize("kind", [Indexed, Fixed, Iterated, Unbound, BatchFirst])
def test_a_loop_is_the_graph_of_its_step(kind):
    graph = to_nir(kind(), X)
    assert list(graph.nodes) == ["input", "a", "first", "b", "second", "output"]
    proof = graph.metadata["dynapcnn"]["proof"]
    assert (proof["steps"], proof["decisions"], proof["rounding"], proof["silent"]) == (STEPS, STEPS * 2 * 7, 0, "")


def test_a_loop_over_maps():
    class Maps(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.spikes, self.pool = nn.Conv2d(2, 4, 3), IntegrateAndFire(v_min=-1.0), nn.AvgPool2d(2)
            on_grid(self)

        def forward(self, x):
            return torch.stack([self.pool(self.spikes(self.conv(step)[None])[0]).flatten(1) for step in x])

    graph = to_nir(Maps(), counts(STEPS, 2, 2, 8, 8))
    assert [type(node).__name__ for node in graph.nodes.values()] == [
        "Input", "Conv2d", "IF", "AvgPool2d", "Flatten", "Output"
    ]  # fmt: skip


class Late(Loop):
    """In its second half it does something else."""

    def forward(self, x):
        return torch.stack([self.step(x[t][None] + (x[t][None] if 2 * t > STEPS else 0)) for t in range(STEPS)])


class Recurrent(Loop):
    """Each step is given the last one's spikes; the first one is given none."""

    def __init__(self):
        super().__init__()
        self.back = nn.Linear(3, 6, bias=False)
        on_grid(self)

    def forward(self, x):
        out, last = [], 0
        for step in x:
            out.append(self.step(step[None] + last))
            last = self.back(out[-1])[None]
        return torch.stack(out)


@pytest.mark.parametrize("kind", [Late, Recurrent])
def test_rounds_that_differ_from_the_first_are_seen_by_the_proof(kind):
    with pytest.raises(CompileError, match=r"ND808 .*at \$\.nodes\.first"):
        to_nir(kind(), X)


class TooLong(Fixed):
    steps = STEPS + 5


class TooShort(Fixed):
    steps = STEPS - 5


class Still(Loop):
    """As in tutorials with pictures: every round is given the whole input."""

    def forward(self, x):
        return torch.stack([self.step(x) for _ in range(STEPS)])


class Summed(Loop):
    def forward(self, x):
        return sum(self.step(step[None]) for step in x)


class Mean(Indexed):
    def forward(self, x):
        return super().forward(x).mean(0)


class Last(Loop):
    def forward(self, x):
        return [self.step(step[None]) for step in x][-1]


class Backwards(Loop):
    def forward(self, x):
        return torch.stack([self.step(x[-1 - t][None]) for t in range(STEPS)])


class Twice(Loop):
    """Uses a layer twice in each round."""

    def forward(self, x):
        return torch.stack([self.step(x[t][None]) + self.b(self.a(x[t])) for t in range(STEPS)])


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        (TooLong, "ND803", "it loops over time, and behind step 21 of 20: "),
        (TooShort, "ND803", "it loops over 15 steps whatever its input, and the sample has 20"),
        (Still, "ND803", "its neurons see more than a step at once"),
        (Summed, "ND803", "it loops over time, and returns no torch.stack of each step's spikes"),
        (Last, "ND802", "takes (1, 6) out of (20, 1, 6) and"),
        (Twice, "ND803", "it loops over time, and returns no torch.stack of each step's spikes: 'a' acts"),
        (Mean, "ND802", "the operation 'mean' adds up or compares"),
        (Backwards, "ND802", "takes (1, 6) out of (20, 1, 6) and a graph hands on whole maps"),
    ],
)
def test_other_loops_are_told_in_one_line(kind, code, words):
    with pytest.raises(CompileError) as caught:
        to_nir(kind(), X)
    (finding,) = caught.value.diagnostics
    assert (finding.code, words in finding.found) == (code, True), finding
    assert "step" in finding.hint


def test_a_sample_of_one_step_needs_no_loop():
    one = np.full((1, 2, 6), 5)
    assert list(to_nir(Indexed(), one).nodes) == ["input", "a", "first", "b", "second", "output"]


def test_states_are_handed_from_round_to_round():
    """As in snnTorch's tutorials: membranes are arguments, and begin as tensors that come from nowhere."""
    from frameworks.test_torch_trace import DIALECT, Neuron

    class Handing(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.first, self.b, self.second = nn.Linear(6, 4), Neuron(), nn.Linear(4, 2), Neuron(0.5)
            on_grid(self)

        def forward(self, x):
            v, w = torch.zeros(x.shape[1], 4), self.second.v
            spikes, membranes = [], []
            for step in range(x.size(0)):
                v, s = self.first(self.a(x[step]), v)
                w, t = self.second(self.b(s), w)
                spikes.append(t)
                membranes.append(w)
            return torch.stack(spikes), torch.stack(membranes)

    traced = trace_torch(Handing(), X, DIALECT)
    assert set(traced.graph.nodes) == {"input", "a", "first", "b", "second", "output"}
    assert prove(read(traced.graph), traced, X).silent == ""


# --- what the sample does not show, random recordings do --------------------------------------------------------------


class FirstStepOnly(Loop):
    """Takes the first step of the recording again and again."""

    def forward(self, x):
        return torch.stack([self.step(x[0][None]) for _ in range(x.size(0))])


class LaterClamped(Loop):
    def forward(self, x):
        out = []
        for t in range(x.size(0)):
            current = self.a(x[t][None])
            current = current.clamp(max=3.0) if t else current
            out.append(self.second(self.b(self.first(current)))[0])
        return torch.stack(out)


class LaterRecurrent(Loop):
    """Hands spikes back, of a neuron that never fires on a quiet sample."""

    def forward(self, x):
        out, spikes = [], None
        for t in range(x.size(0)):
            current = self.a(x[t][None])
            current = current if spikes is None else current + self.back(spikes)
            spikes = self.first(current)
            out.append(self.second(self.b(spikes))[0])
        return torch.stack(out)

    def __init__(self):
        super().__init__()
        self.back = nn.Linear(4, 4)
        on_grid(self)


def hooked():
    """A neuron whose currents are clamped by a hook."""
    model = Indexed()
    model.first.register_forward_pre_hook(lambda module, args: (args[0].clamp(max=3.0),))
    return model


@pytest.mark.parametrize("model", [FirstStepOnly(), LaterClamped(), LaterRecurrent(), hooked()], ids=lambda m: type(m))
def test_what_a_sample_leaves_out_shows_on_random_recordings(model):
    one_picture = np.repeat(X[:1] > 2, STEPS, axis=0).astype(int)
    with pytest.raises(CompileError) as caught:
        to_nir(model, one_picture)
    assert all(d.code in ("ND802", "ND808", "ND803") for d in caught.value.diagnostics)
    shown = [d for d in caught.value.diagnostics if d.code == "ND808"]
    assert isinstance(model, LaterRecurrent) or all("of random recording" in d.found for d in shown)
