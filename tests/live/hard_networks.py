"""Networks that sinabs 3.1.3 refuses or changes without a word, built by code: the rows of docs/hard-networks.md.

This file needs nir and numpy only. hard_networks_sinabs.py asks sinabs, in its own environment; docs/generate_hard.py
asks nirdynap. Weights are whole multiples of 1/128, the least of them -1, and thresholds and factors powers of two
where nothing else is said: in 8 bits they are what they are, so what differs from the float network is no rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import nir
import numpy as np

import nirdynap
from nirdynap.interpret import interpret

STEPS = 20


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network, and what it is run on.

    Attributes:
        name: of the row.
        about: the network in one line.
        graph: as NIR.
        way: into sinabs: "nir" is `sinabs.nir.from_nir`, "model" the same layers written in torch and sinabs.
        reading: arguments of `nir_to_dynapcnn`, beside convention="sinabs".
        model: what sinabs' neurons, conversion or placement are given besides; see hard_networks_sinabs.py.
    """

    name: str
    about: str
    graph: nir.NIRGraph
    way: str = "model"
    reading: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)

    def raster(self) -> np.ndarray:
        """Counts [time, channel, y, x], the same each time."""
        (shape,) = (node.input_type["input"] for node in self.graph.nodes.values() if isinstance(node, nir.Input))
        full = (*np.atleast_1d(shape), 1, 1)[: max(3, np.size(shape))]
        return np.random.default_rng(1).poisson(0.4, (STEPS, *full))


def weights(*shape: int, grid: int = 1) -> np.ndarray:
    """Multiples of `grid` / 128; the least is -1."""
    values = np.random.default_rng(sum(shape)).integers(-70 // grid, 80 // grid, shape) * grid / 128
    values.flat[0] = -1
    return values


def conv(out: int, channels: int = 2, kernel: int = 3, grid: int = 1, **changed: Any) -> nir.Conv2d:
    weight = weights(out, channels // changed.get("groups", 1), kernel, kernel, grid=grid)
    fields = {"input_shape": None, "weight": weight, "stride": 1, "padding": 0}
    fields |= {"dilation": 1, "groups": 1, "bias": np.zeros(out)}
    return nir.Conv2d(**(fields | changed))


def strong(out: int, channels: int) -> nir.Conv2d:
    """Positive weights, all but the first."""
    weight = np.abs(weights(out, channels, 3, 3))
    weight.flat[0] = -1
    return conv(out, channels, weight=weight)


def spikes(threshold: Any = 1.0, r: float = 1.0) -> nir.IF:
    theta = np.asarray(threshold, dtype=np.float32)
    return nir.IF(np.full_like(theta, r), theta)


def sums(size: int, padding: int = 0) -> nir.SumPool2d:
    return nir.SumPool2d(np.array([size, size]), np.array([size, size]), np.array([padding, padding]))


def average(size: int) -> nir.AvgPool2d:
    return nir.AvgPool2d(np.array([size, size]), np.array([size, size]), np.array([0, 0]))


def linear(out: int, features: int) -> nir.Linear:
    return nir.Linear(weights(out, features))


def flatten() -> nir.Flatten:
    return nir.Flatten({"input": None}, 0, -1)


def joined(*chains: str, shape: tuple[int, ...] = (2, 10, 10), **nodes: Any) -> nir.NIRGraph:
    """A graph of these nodes between "in" and "out"; `chains` are edges as "a -> b -> c", default all in a row."""
    outs = {name.strip() for chain in chains for name in chain.split("->") if name.strip().startswith("out")} or {"out"}
    full = {"in": nir.Input({"input": np.array(shape)}), **nodes}
    full |= {name: nir.Output({"output": None}) for name in sorted(outs)}
    lines = chains or (" -> ".join(full),)
    edges = [edge for line in lines for edge in pairwise(name.strip() for name in line.split("->"))]
    return nir.NIRGraph(full, edges, **({} if nir.version.startswith("1.0.4") else {"type_check": False}))


def _two(middle: dict[str, Any], shape: tuple[int, int, int] = (2, 10, 10), first: Any = None) -> nir.NIRGraph:
    """A convolution with neurons, `middle`, and another one with neurons."""
    return joined(shape=shape, conv1=first or conv(4), if1=spikes(), **middle, conv2=conv(3, 4), if2=spikes())


def _unlike() -> nir.NIRGraph:
    """Branches of which one is averaged over 2 x 2, the other not."""
    nodes = {"a": conv(4, padding=1), "if_a": spikes(), "pool": average(2)}
    nodes |= {"b": conv(4, stride=2, padding=1), "if_b": spikes(), "conv": conv(3, 4, grid=4), "if": spikes()}
    return joined("in -> a -> if_a -> pool -> conv -> if -> out", "in -> b -> if_b -> conv", **nodes)


def _alike() -> nir.NIRGraph:
    nodes = {"a": conv(4), "if_a": spikes(), "b": conv(4), "if_b": spikes(2.0), "conv": conv(3, 4), "if": spikes()}
    return joined("in -> a -> if_a -> conv -> if -> out", "in -> b -> if_b -> conv", **nodes)


def _two_pools() -> nir.NIRGraph:
    """One layer, summed and averaged over 2 x 2, both into one convolution."""
    nodes = {"conv1": conv(4), "if1": spikes(), "sum": sums(2), "mean": average(2)}
    nodes |= {"conv2": conv(3, 4, grid=4), "if2": spikes()}
    return joined("in -> conv1 -> if1 -> sum -> conv2 -> if2 -> out", "if1 -> mean -> conv2", **nodes)


def _branches(number: int) -> nir.NIRGraph:
    nodes: dict[str, Any] = {"stem": conv(4), "if": spikes()}
    chains = ["in -> stem -> if"]
    for i in range(number):
        nodes |= {f"conv{i}": conv(2, 4), f"if{i}": spikes()}
        chains.append(f"if -> conv{i} -> if{i} -> out{i}")
    return joined(*chains, **nodes)


def _residual() -> nir.NIRGraph:
    """The input of a layer is added to its output, with another number of channels in between."""
    nodes = {"conv1": conv(4), "if1": spikes(), "conv2": conv(8, 4, padding=1), "if2": spikes()}
    nodes |= {"conv3": conv(4, 8, padding=1), "if3": spikes(), "conv4": conv(3, 4), "if4": spikes()}
    path = "in -> conv1 -> if1 -> conv2 -> if2 -> conv3 -> if3 -> conv4 -> if4 -> out"
    return joined(path, "if1 -> conv4", **nodes)


def _hidden_output() -> nir.NIRGraph:
    nodes = {"conv1": conv(4), "if1": spikes(), "conv2": conv(3, 4), "if2": spikes()}
    return joined("in -> conv1 -> if1 -> conv2 -> if2 -> out2", "if1 -> out1", **nodes)


def _loop() -> nir.NIRGraph:
    nodes = {"conv1": conv(4, padding=1), "if1": spikes(), "back": conv(2, 4, padding=1), "if_back": spikes()}
    return joined("in -> conv1 -> if1 -> out", "if1 -> back -> if_back -> conv1", **nodes)


def _outlier_bias() -> nir.NIRGraph:
    rng = np.random.default_rng(3)
    first = conv(4, weight=rng.normal(0.02, 0.1, (4, 2, 3, 3)), bias=np.array([5.0, 0.1, -0.1, 0.0]))
    return _two({}, first=first)


def _small_weights() -> nir.NIRGraph:
    first = conv(4, weight=weights(4, 2, 3, 3) / 4)
    return joined(conv1=first, if1=spikes(), conv2=conv(3, 4, weight=weights(3, 4, 3, 3) / 4), if2=spikes())


def _nan() -> nir.NIRGraph:
    weight = weights(4, 2, 3, 3)
    weight[1, 1, 1, 1] = np.nan
    return _two({}, first=conv(4, weight=weight))


def _imported() -> Iterator[Case]:
    """What `from_nir` makes of nodes that it does not know."""
    dense = joined(shape=(12,), fc1=linear(16, 12), if1=spikes(0.5), fc2=linear(4, 16), if2=spikes(0.5))
    yield Case(name="linear", about="two `Linear` layers without bias", graph=dense, way="nir")
    scaled = joined(conv1=conv(4), scale=nir.Scale(np.array(2.0)), if1=spikes(), conv2=conv(3, 4), if2=spikes())
    yield Case(name="scale", about="`Scale` between weights and neurons", graph=scaled, way="nir")
    yield Case(name="avgpool", about="`AvgPool2d` between two layers", graph=_two({"pool": average(2)}), way="nir")
    yield Case(name="merge", about="two branches into one convolution", graph=_alike(), way="nir")
    gain = joined(conv1=conv(4), if1=spikes(r=2.0), conv2=conv(3, 4), if2=spikes())
    yield Case(name="gain", about="`IF` with r = 2", graph=gain, way="nir")
    yield Case(name="padded pool", about="`SumPool2d` with padding 1", graph=_two({"pool": sums(2, 1)}), way="nir")
    many = joined(
        conv1=conv(4, grid=8), if1=spikes(np.array([0.5, 1, 2, 4]).reshape(4, 1, 1)), conv2=conv(3, 4), if2=spikes()
    )
    yield Case(name="thresholds", about="a threshold for each channel", graph=many, way="nir")
    held = joined(conv1=conv(4), if1=spikes(), delay=nir.Delay(np.ones((4, 8, 8))), conv2=conv(3, 4), if2=spikes())
    yield Case(name="delay", about="`Delay` between two layers", graph=held, way="nir")
    cuba = nir.CubaLIF(*(np.full((3, 6, 6), v) for v in (5e-3, 1e-2, 1.0, 0.0, 1.0)))
    yield Case(name="synapses", about="`CubaLIF` in the last layer", graph=joined(
        conv1=conv(4), if1=spikes(), conv2=conv(3, 4), cuba=cuba), way="nir")  # fmt: skip
    yield Case(name="loop", about="a recurrent connection", graph=_loop(), way="nir")


def _graphs() -> Iterator[Case]:
    yield Case(
        name="unlike branches", about="one branch averaged over 2x2 and one not, into one layer", graph=_unlike()
    )
    yield Case(name="two pools", about="sum and average of one layer into one other", graph=_two_pools())
    yield Case(name="fan-out", about="one layer feeds three others", graph=_branches(3))
    yield Case(name="residual", about="a residual path past two layers", graph=_residual(), way="nir")
    yield Case(name="hidden output", about="a hidden layer is an output as well", graph=_hidden_output())
    last = joined(conv1=conv(4), if1=spikes(), pool=average(2))
    yield Case(name="average at the end", about="`AvgPool2d` behind the last layer", graph=last)


def _convolutions() -> Iterator[Case]:
    yield Case(name="dilation", about="dilation 2", graph=_two({}, first=conv(4, dilation=2)))
    yield Case(name="groups", about="two groups", graph=_two({}, first=conv(4, groups=2)))
    yield Case(name="padding same", about='padding "same"', graph=_two({}, first=conv(4, padding="same")))


def _limits() -> Iterator[Case]:
    """Beyond what the manual allows, or beyond one core."""
    large = _two({}, shape=(2, 24, 24), first=conv(4, kernel=17))
    yield Case(name="kernel 17", about="a 17x17 kernel (limit 16)", graph=large)
    yield Case(name="stride 3", about="stride 3 (1, 2, 4 or 8)", graph=_two({}, (2, 20, 20), conv(4, stride=3)))
    yield Case(name="padding 8", about="padding 8 (limit 7)", graph=_two({}, first=conv(4, padding=8)))
    yield Case(name="pool 3", about="pooling 3 (1, 2 or 4)", graph=_two({"pool": sums(3)}, (2, 20, 20)))
    wide = joined(shape=(1, 80, 80), conv1=conv(1, 1), if1=spikes(), pool=sums(4), conv2=conv(3, 1), if2=spikes())
    yield Case(name="map 78", about="an output map of 78x78 (limit 64x64)", graph=wide)
    many = joined(shape=(1, 2, 2), conv1=conv(2048, 1, 1), if1=spikes(), conv2=conv(2, 2048, 1), if2=spikes())
    yield Case(name="2048 channels", about="2048 output channels (limit 1024)", graph=many)
    huge = _two({"pool": sums(4)}, (2, 64, 64), conv(4, padding=1))
    huge.nodes["conv1"], huge.nodes["conv2"] = conv(32, padding=1), conv(3, 32)
    yield Case(name="128 Ki neurons", about="a layer of 32 channels on 64x64, which no core holds", graph=huge)
    both = {"reading": {"placement": {"conv1": 1, "conv2": 1}}, "model": {"cores": [1, 1]}}
    yield Case(name="core twice", about="both layers are asked onto core 1", graph=_two({}), **both)
    none = {"reading": {"placement": {"conv1": -1}}, "model": {"cores": [-1, 1]}}
    yield Case(name="core -1", about="a layer is asked onto core -1", graph=_two({}), **none)


def _numbers() -> Iterator[Case]:
    free = {"reading": {"v_min": "none"}, "model": {"min_v_mem": None}}
    yield Case(
        name="unbounded", about="weights of a quarter, no lower bound of the membrane", graph=_small_weights(), **free
    )
    zero = {"reading": {"v_min": 0.0}, "model": {"min_v_mem": 0.0}}
    yield Case(name="bound 0", about="a lower bound of 0 (broken in the chip)", graph=_two({}), **zero)
    yield Case(name="used model", about="a model that has been run before", graph=_two({}), model={"runs": 1})
    small = joined(conv1=conv(4), if1=spikes(1e-3), conv2=conv(3, 4), if2=spikes())
    yield Case(name="threshold 0.001", about="a threshold that rounds to 0", graph=small)
    below = joined(conv1=conv(4), if1=spikes(-1.0), conv2=conv(3, 4), if2=spikes())
    yield Case(name="threshold -1", about="a negative threshold", graph=below)
    tall = joined(conv1=strong(8, 2), if1=spikes(), conv2=strong(3, 8), if2=spikes(250.0))
    yield Case(
        name="16 bits", about="a threshold of 250, 32000 in integers: sums pass the 16 bits of a membrane", graph=tall
    )
    yield Case(name="not a number", about="a weight that is NaN", graph=_nan())
    wide = {"reading": {"bias_bits": 16}}
    yield Case(name="large bias", about="a bias of 5 beside weights of 0.1", graph=_outlier_bias(), **wide)


CASES: tuple[Case, ...] = (*_imported(), *_graphs(), *_convolutions(), *_limits(), *_numbers())


def reference(case: Case) -> list[np.ndarray] | None:
    """What the float network does, each output [time, neuron]; None where the file says nothing that can be run."""
    try:
        network = nirdynap.read(case.graph, "sinabs", **_read(case))
    except nirdynap.CompileError:
        return None
    outputs = interpret(network, case.raster()[:, None]).outputs
    return [outputs[name].reshape(STEPS, -1) for name in sorted(outputs)]


def _read(case: Case) -> dict[str, Any]:
    return {name: value for name, value in case.reading.items() if name == "v_min"}


def compared(outputs: Sequence[np.ndarray], wanted: Sequence[np.ndarray] | None) -> dict[str, Any]:
    """Spikes in all; and how many counts (of a neuron in a step) are other ones in the float network.

    None where the two have not the same outputs.
    """
    flat = [np.asarray(output, dtype=float).reshape(STEPS, -1) for output in outputs]
    finite = all(np.isfinite(array).all() for array in flat)
    row: dict[str, Any] = {"spikes": int(sum(array.sum() for array in flat)) if finite else None}
    if wanted is None:
        return row
    if [array.shape for array in flat] != [array.shape for array in wanted]:
        return row | {"differ": None}
    differ = sum(int(np.count_nonzero(a != b)) for a, b in zip(flat, wanted, strict=True))
    return row | {"differ": differ, "counts": sum(array.size for array in flat)}
