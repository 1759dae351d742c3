"""What sinabs' DynapcnnNetwork says and does, and what is written here instead, on the same network, side by side.

Run in sinabs' environment, with the library on the path: ``python tests/live/coming_from_sinabs.py sinabs [FILE]``.
sinabs imports samna, so the stand-in takes its place, with a board connected: what sinabs writes is held against the
documented classes as well. Each row of docs/coming-from-sinabs.md that has a counterpart is a function below; the
outcomes are kept in ``results/coming_from_sinabs.json`` or FILE.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import itertools
import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import nirdynap
from nirdynap.export.samna_events import events_from_samna, events_to_samna
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import pool_counts
from nirdynap.testing.build import build_core, build_spec
from nirdynap.testing.samna_stand_in import samna_stand_in

RESULTS = Path(__file__).parent / "results" / "coming_from_sinabs.json"
DEVICE = "speck2fmodule:0"
SHAPE = (2, 10, 10)


def install_stand_in() -> Any:
    """The stand-in under the names that sinabs imports."""
    samna = samna_stand_in(["Speck2fModuleDevKit"])
    samna.device.DeviceInfo = object
    names = {"samna": samna, "samna.device": samna.device, "samna.graph": samna.graph, "samnagui": ModuleType("gui")}
    for chip in ("speck2e", "speck2f"):
        module = getattr(samna, chip)
        names |= {f"samna.{chip}": module, f"samna.{chip}.configuration": module.configuration}
    sys.modules.update(names)
    return samna


SAMNA = install_stand_in()

import sinabs.layers as sl  # noqa: E402  (it imports samna)
import torch  # noqa: E402
from sinabs.backend.dynapcnn import DynapcnnLayer, DynapcnnNetwork, discretize  # noqa: E402
from sinabs.backend.dynapcnn.chip_factory import ChipFactory  # noqa: E402
from sinabs.backend.dynapcnn.dvs_layer import DVSLayer  # noqa: E402
from torch import nn  # noqa: E402


def model(features: int = 4, size: int = 10) -> nn.Module:
    """Two spiking layers, pooling and Flatten, the same weights each time."""
    after = (size - 2) // 2
    net = nn.Sequential(
        nn.Conv2d(2, features, 3, bias=False),
        sl.IAFSqueeze(batch_size=1, min_v_mem=-1.0),
        sl.SumPool2d(2),
        nn.Flatten(),
        nn.Linear(features * after * after, 5, bias=False),
        sl.IAFSqueeze(batch_size=1, min_v_mem=-1.0),
    )
    generator = torch.Generator().manual_seed(3)
    for parameter in net.parameters():
        if parameter.ndim > 1:
            parameter.data = torch.rand(parameter.shape, generator=generator) - 0.4
    return net


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Both columns of the page for one network."""

    theirs: DynapcnnNetwork
    ours: Spec
    raster: np.ndarray[Any, Any]  # [time, channel, y, x]


def sides() -> Sides:
    raster = np.random.default_rng(5).poisson(0.2, (30, *SHAPE))
    net = model()
    graph = nirdynap.to_nir(net, raster[:, None])
    return Sides(
        theirs=DynapcnnNetwork(net, input_shape=SHAPE, discretize=True),
        ours=nirdynap.nir_to_dynapcnn(graph, "speck2f", convention="sinabs"),
        raster=raster,
    )


def layers(s: Sides) -> list[tuple[Any, Any]]:
    """Their layer and our core, in order."""
    return list(zip((s.theirs.dynapcnn_layers[i] for i in sorted(s.theirs.dynapcnn_layers)), s.ours.cores, strict=True))


def our_cores(s: Sides) -> dict[int, int]:
    """The cores of our placement, by their index of layers."""
    return {index: core.core for index, core in zip(sorted(s.theirs.dynapcnn_layers), s.ours.cores, strict=True)}


def same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(*(x.detach().numpy() if isinstance(x, torch.Tensor) else np.asarray(x) for x in (a, b))))


# --- the rows of the page: name of sinabs' method, and whether both columns agree -----------------------------------


def conversion(s: Sides) -> bool:
    return all(same(layer.conv_layer.weight.detach(), core.weights) for layer, core in layers(s))


def forward(s: Sides) -> bool:
    theirs = s.theirs(torch.from_numpy(s.raster).float())
    ours = nirdynap.simulate(s.ours, s.raster, "clocked", saturate=False).raster
    return same(theirs.detach().reshape(len(s.raster), -1), ours.reshape(len(s.raster), -1)) and ours.sum() > 0


def is_compatible_with(s: Sides) -> bool:
    large = model(features=200, size=40)
    networks = [s.theirs, DynapcnnNetwork(large, (2, 40, 40))]
    answers = [network.is_compatible_with("speck2fdevkit") for network in networks]
    graph = nirdynap.to_nir(large, np.random.default_rng(5).poisson(0.1, (2, 1, 2, 40, 40)))
    fits = [not nirdynap.validate(s.ours, "speck2f"), nirdynap.check(graph, "speck2fdevkit", convention="sinabs").fits]
    return answers == fits == [True, False]


def memory_summary(s: Sides) -> bool:
    theirs = {key: [int(n) for n in rows.values()] for key, rows in s.theirs.memory_summary().items()}
    return theirs == {key: list(rows.values()) for key, rows in s.ours.memory_summary().items()}


def make_config(s: Sides) -> bool:
    theirs = s.theirs.make_config(layer2core_map=our_cores(s), device=DEVICE)
    ours = nirdynap.to_samna(s.ours, SAMNA)
    return equal_objects(theirs, ours)


def monitors(s: Sides) -> bool:
    theirs = s.theirs.make_config(layer2core_map=our_cores(s), device=DEVICE, monitor_layers="all")
    return equal_objects(theirs, nirdynap.to_samna(s.ours, SAMNA, monitor="all"))


def config_modifier(s: Sides) -> bool:
    def balanced(config: Any) -> Any:
        config.cnn_layers[0].input_congestion_balancer_enable = True
        return config

    theirs = s.theirs.make_config(layer2core_map=our_cores(s), device=DEVICE, config_modifier=balanced)
    return equal_objects(theirs, nirdynap.to_samna(s.ours, SAMNA, modify=balanced))


def equal_objects(a: Any, b: Any) -> bool:
    if isinstance(a, tuple):
        return all(equal_objects(x, y) for x, y in zip(a, b, strict=True))
    if not hasattr(a, "__dict__"):
        return bool(a == b)
    return all(equal_objects(vars(a)[name], vars(b)[name]) for name in vars(a))


def to_device(s: Sides) -> bool:
    """The same events on the board, through sinabs and through `deploy`, and what the simulator says."""
    s.theirs.to(DEVICE, layer2core_map=our_cores(s))
    events = nirdynap.Events.from_raster(s.raster)
    sent = events_to_samna(s.ours, events, SAMNA)
    theirs = events_from_samna(s.ours, s.theirs(sent), SAMNA)
    with nirdynap.deploy(s.ours, SAMNA, DEVICE, settle_s=0) as board:
        ours = board.run(events, quiet_s=0)
    last = s.ours.cores[-1].core
    expected = nirdynap.simulate(s.ours, events, "event", record="all").spikes[last][0]
    return theirs.spikes[last] == ours.spikes[last] == expected and len(expected) > 0


def dvs_layer(s: Sides) -> bool:
    """Every combination of merging, pooling, mirrors and diagonal, around a region that has no symmetry."""
    camera, corner, size = (24, 28), (1, 2), (4, 3)
    data = np.random.default_rng(8).poisson(0.3, (3, 2, *camera))
    switches = itertools.product((False, True), repeat=4)
    for (merge, flip_x, flip_y, swap), pool in itertools.product(switches, itertools.product((1, 2, 4), repeat=2)):
        cut = tuple((start, start + n) for start, n in zip(corner, size, strict=True))
        turned = {"flip_x": flip_x, "flip_y": flip_y, "swap_xy": swap}
        theirs = DVSLayer(camera, pool, cut, merge_polarities=merge, **turned)
        ours = DvsLayer(
            polarity="both",
            merge=merge,
            pooling=pool,
            origin=corner,
            size=size,
            mirror_y=flip_y,
            mirror_x=flip_x,
            mirror_diagonal=swap,
            pass_sensor_events=False,
        )
        relay = build_core(0, np.eye(1 if merge else 2)[:, :, None, None], ours.output_shape)  # sends on what it gets
        spec = replace(build_spec(relay), input_shape=(2, *camera), dvs=ours, spikes_per_step="many")
        if not same(theirs(torch.from_numpy(data).float()), nirdynap.simulate(spec, data).raster[:, 0]):
            return False
    return True


def network_with_dvs_layer(s: Sides) -> bool:
    """A network behind the camera: the same layer in the configuration, and the same spikes."""
    layer = DVSLayer((128, 128), (2, 4), ((3, 13), (20, 30)), flip_x=True, swap_xy=True, disable_pixel_array=False)
    theirs = DynapcnnNetwork(nn.Sequential(layer, *model()), input_shape=(2, 128, 128), discretize=True)
    options = nirdynap.DvsOptions(pooling=(2, 4), origin=(6, 80), mirror_x=True, mirror_diagonal=True)
    graph = nirdynap.to_nir(model(), s.raster[:, None])
    ours = nirdynap.nir_to_dynapcnn(graph, "speck2f", convention="sinabs", dvs=options)
    order = {i: core.core for i, core in zip(sorted(theirs.dynapcnn_layers), ours.cores, strict=True)}
    configs = theirs.make_config(layer2core_map=order, device=DEVICE), nirdynap.to_samna(ours, SAMNA)
    raster = np.random.default_rng(9).poisson(0.05, (10, 2, 128, 128))
    spikes_of_theirs = theirs(torch.from_numpy(raster).float()).detach().reshape(10, -1)
    spikes_of_ours = nirdynap.simulate(ours, raster, "clocked", saturate=False).raster.reshape(10, -1)
    known = theirs.has_dvs_layer() and ours.dvs is not None
    return known and equal_objects(*configs) and same(spikes_of_theirs, spikes_of_ours) and spikes_of_ours.any()


def reset_states(s: Sides) -> bool:
    """On the board; without one, sinabs 3.1.3 looks for an attribute `sequence` that it does not have."""
    with contextlib.suppress(AttributeError):
        s.theirs.reset_states()
        return False
    s.theirs.to(DEVICE, layer2core_map=our_cores(s))
    events, last = nirdynap.Events.from_raster(s.raster), s.ours.cores[-1].core
    sent = events_to_samna(s.ours, events, SAMNA)
    runs = [events_from_samna(s.ours, s.theirs(sent), SAMNA).spikes[last]]
    s.theirs.reset_states()
    runs += [events_from_samna(s.ours, s.theirs(sent), SAMNA).spikes[last]]
    with nirdynap.deploy(s.ours, SAMNA, DEVICE, settle_s=0) as board:
        runs += [board.run(events, quiet_s=0).spikes[last]]
        board.reset_states()
        runs += [board.run(events, quiet_s=0).spikes[last]]
    return all(run == runs[0] for run in runs)


def raster_to_events(s: Sides) -> bool:
    theirs = ChipFactory(DEVICE).raster_to_events(torch.from_numpy(s.raster), layer=s.ours.inputs[0].core)
    ours = events_to_samna(s.ours, nirdynap.Events.from_raster(s.raster), SAMNA)
    return spikes(theirs) == spikes(ours)


def spikes(events: list[Any]) -> list[tuple[int, ...]]:
    """In sinabs, counts above 1 come first within a step; so without order there."""
    return sorted((e.timestamp, e.layer, e.feature, e.y, e.x) for e in events)


def events_to_raster(s: Sides) -> bool:
    sent = events_to_samna(s.ours, nirdynap.Events.from_raster(s.raster), SAMNA)
    theirs = ChipFactory(DEVICE).events_to_raster(sent, shape=SHAPE)
    return same(theirs, nirdynap.Events.from_raster(s.raster).to_raster(SHAPE))


def neuron_shape(s: Sides) -> bool:
    return all(tuple(layer.get_neuron_shape()) == core.neuron_shape for layer, core in layers(s))


def layer_memory_summary(s: Sides) -> bool:
    rows = [({k: int(v) for k, v in layer.memory_summary().items()}, core.memory) for layer, core in layers(s)]
    return all(theirs == ours._asdict() for theirs, ours in rows)


def layer_forward(s: Sides) -> bool:
    fresh = DynapcnnNetwork(model(), input_shape=SHAPE, discretize=True)
    first = fresh.dynapcnn_layers[min(fresh.dynapcnn_layers)]
    run = nirdynap.simulate(s.ours, s.raster, "clocked", record="all", saturate=False)
    pooled = pool_counts(run.rasters[s.ours.cores[0].core][:, 0], 2)
    return same(first(torch.from_numpy(s.raster).float()).detach(), pooled)


def discretize_conv_spike(s: Sides) -> bool:
    net = model()
    conv, spk = discretize.discretize_conv_spike(net[0], net[1], to_int=True)
    ours = nirdynap.discretize_conv_if(net[0].weight.detach().numpy(), 1.0, v_min=-1.0)
    return same(conv.weight, ours.weights) and thresholds(spk) == (ours.threshold_high, ours.threshold_low)


def discretize_conv(s: Sides) -> bool:
    conv = model()[0]
    theirs = discretize.discretize_conv(conv, spk_thr=1.0, spk_thr_low=-1.0)
    return same(theirs.weight, nirdynap.discretize_conv_if(conv.weight.detach().numpy(), 1.0, v_min=-1.0).weights)


def discretize_spk(s: Sides) -> bool:
    net = model()
    ours = nirdynap.discretize_conv_if(net[0].weight.detach().numpy(), 1.0, v_min=-1.0)
    theirs = discretize.discretize_spk(net[1], net[0].weight)
    return thresholds(theirs) == (ours.threshold_high, ours.threshold_low)


def thresholds(spk: Any) -> tuple[int, int]:
    return int(spk.spike_threshold), int(spk.min_v_mem)


def determine_discretization_scale(s: Sides) -> bool:
    values = torch.tensor([-3.0, 0.5, 2.0])
    return discretize.determine_discretization_scale(values, 8) == nirdynap.scale_for_bits(values.numpy(), 8)


def discretize_tensor(s: Sides) -> bool:
    values = torch.tensor([-3.0, 0.5, 2.0, 0.25])
    return same(discretize.discretize_tensor(values, 10.0), nirdynap.discretize_tensor(values.numpy(), 10.0))


def discretize_scalar(s: Sides) -> bool:
    return discretize.discretize_scalar(0.25, 10.0) == nirdynap.discretize_scalar(0.25, 10.0)


ROWS: dict[str, Callable[[Sides], bool]] = {
    "DynapcnnNetwork(snn)": conversion,
    "network(raster)": forward,
    "network.is_compatible_with": is_compatible_with,
    "network.memory_summary": memory_summary,
    "network.make_config": make_config,
    "monitor_layers": monitors,
    "config_modifier": config_modifier,
    "network.to": to_device,
    "network.reset_states": reset_states,
    "network.dvs_layer": network_with_dvs_layer,
    "DVSLayer(raster)": dvs_layer,
    "ChipFactory.raster_to_events": raster_to_events,
    "ChipFactory.events_to_raster": events_to_raster,
    "layer.get_neuron_shape": neuron_shape,
    "layer.memory_summary": layer_memory_summary,
    "layer(raster)": layer_forward,
    "discretize_conv_spike": discretize_conv_spike,
    "discretize_conv": discretize_conv,
    "discretize_spk": discretize_spk,
    "determine_discretization_scale": determine_discretization_scale,
    "discretize_tensor": discretize_tensor,
    "discretize_scalar": discretize_scalar,
}


def outcome(row: Callable[[Sides], bool]) -> str:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return "equal" if row(sides()) else "differs"
        except Exception as error:  # a row that fails is an outcome
            return f"{type(error).__name__}: {error}"


def documented() -> list[str]:
    """Every public method, property and function that the page has to say something about."""
    members = {name for kind in (DynapcnnNetwork, DynapcnnLayer) for name in vars(kind) if not name.startswith("_")}
    functions = {name for name, f in vars(discretize).items() if getattr(f, "__module__", "") == discretize.__name__}
    return sorted(members | {name for name in functions if not name.startswith("_")})


def main(file: Path) -> int:
    found = {name: outcome(row) for name, row in ROWS.items()}
    document = {
        "sinabs": importlib.metadata.version("sinabs"),
        "digest": sides().ours.digest(),
        "documented": documented(),
        "rows": found,
    }
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for name, said in found.items():
        print(f"{name}: {said}")
    return sum(said != "equal" for said in found.values())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[2]) if len(sys.argv) > 2 else RESULTS))
