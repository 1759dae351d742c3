"""The finished integer description of a network on one chip: the only input of every simulator and exporter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from nirdynap.errors import Diagnostic
from nirdynap.ir.clock import SlowClock
from nirdynap.ir.convention import Convention, SpikesPerStep
from nirdynap.ir.digest import Digested, digest
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.quantisation import Quantisation
from nirdynap.ir.readout import ReadoutOptions
from nirdynap.ir.units import IntArray, Pair, Shape, shape_text


class Memory(NamedTuple):
    """Words of a core's three memories (8-bit kernel words, 16-bit neuron and bias words)."""

    kernel: int
    neuron: int
    bias: int


class InputPort(NamedTuple):
    """An external event goes to `core`, its channel moved up by `feature_shift`."""

    core: int
    feature_shift: int


class OutputPort(NamedTuple):
    """The spikes of `core`, summed over `pooling` x `pooling` windows, are the Output node `name`.

    Where a layer is split over several cores, each has a port of that name, and `feature_shift` moves its channels up.
    """

    core: int
    pooling: int
    name: str
    feature_shift: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Spikes go to `core`: address divided by `pooling`, channel moved up by `feature_shift`."""

    core: int
    pooling: int
    feature_shift: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CoreSpec(Digested):
    """One hardware core, in the chip's integers.

    Attributes:
        core: hardware index.
        name: the user's weight node, which several cores may share (see `first_channel`).
        origin: all of the user's nodes that it holds; empty for a relay, or the copy of another core.
        input_shape, neuron_shape: (C, H, W).
        weights: int8 [out, in, ky, kx]; bias: int16 [out] or None.
        stride, padding: (y, x).
        threshold_high: 1..32767; threshold_low: -32768..-1.
        return_to_zero: reset to zero instead of subtracting threshold_high.
        initial_state: int16 [out, y, x] membranes after a reset, or None for zeros.
        scale: what the float weights and threshold were multiplied by.
        destinations: in slot order.
        memory: words needed; capacity: words the core has.
        decimator: every Nth spike passes; 1 is all of them.
        first_channel: of a layer that is split over several cores, this one holds the channels from here on.
        spacing: channel c is feature ``c * spacing`` on the chip, and the features between are silent: what the readout
            block counts. No run depends on it.
        quantisation: how the integers were chosen, None where they are nobody's floats (a relay, a spec that was read
            from a chip's configuration).
    """

    core: int
    name: str
    origin: tuple[str, ...]
    input_shape: Shape
    neuron_shape: Shape
    weights: IntArray
    bias: IntArray | None
    stride: Pair
    padding: Pair
    threshold_high: int
    threshold_low: int
    return_to_zero: bool
    initial_state: IntArray | None
    scale: float
    destinations: tuple[Destination, ...]
    memory: Memory
    capacity: Memory
    decimator: int = 1
    first_channel: int = 0
    spacing: int = 1
    quantisation: Quantisation | None = None

    def __repr__(self) -> str:
        weights = shape_text(self.weights.shape)
        return (
            f"CoreSpec(core={self.core}, name={self.name!r}, weights {weights}, threshold_high={self.threshold_high})"
        )

    def substance(self) -> tuple[Any, ...]:
        """Everything that decides what the core computes: no names, no provenance."""
        return (
            self.core,
            self.input_shape,
            self.neuron_shape,
            self.weights,
            self.bias,
            self.stride,
            self.padding,
            self.threshold_high,
            self.threshold_low,
            self.return_to_zero,
            self.initial_state,
            self.destinations,
            self.decimator,
            *(() if self.spacing == 1 else (self.spacing,)),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Spec(Digested):
    """A network on a chip. Two specs are equal when their `digest()` is.

    Attributes:
        chip: name of the chip.
        convention: how the float network was read.
        spikes_per_step: spikes a neuron can emit in one clocked time step, "one" or "many".
        input_shape: (C, H, W) of the input raster or events; with a DVS layer that of the camera.
        inputs: where external events go, in this order.
        outputs: what is read; ports of one name are one output, their channels side by side.
        cores: in topological order.
        notes: approximations and warnings that belong to this spec.
        dvs: what happens to external events before they go there, or None.
        slow_clock: what ticks when biases are added, unless a run says otherwise; None leaves it to the run.
        readout: the chip's readout block counts the spikes of an output; None if nothing does. It changes no spike.
    """

    chip: str
    convention: Convention
    spikes_per_step: SpikesPerStep
    input_shape: Shape
    inputs: tuple[InputPort, ...]
    outputs: tuple[OutputPort, ...]
    cores: tuple[CoreSpec, ...]
    notes: tuple[Diagnostic, ...] = ()
    dvs: DvsLayer | None = None
    slow_clock: SlowClock | None = None
    readout: ReadoutOptions | None = None

    def __repr__(self) -> str:
        names = ", ".join(dict.fromkeys(core.name for core in self.cores))
        return f"Spec(chip={self.chip!r}, {len(self.cores)} cores: {names}; digest {self.digest()[:12]})"

    def digest(self) -> str:
        """SHA-256 (hex) over integers, structure, chip and run options; not over names or provenance."""
        return digest(
            (
                "spec-v1",
                self.chip,
                self.spikes_per_step,
                self.input_shape,
                self.inputs,
                tuple(tuple((p.core, p.pooling, p.feature_shift) for p in ports) for ports in self._ports().values()),
                tuple(core.substance() for core in self.cores),
                *(() if self.dvs is None else (self.dvs,)),
                *(() if self.slow_clock is None else (self.slow_clock,)),
                *(() if self.readout is None else (self._nameless(self.readout),)),
            )
        )

    def _nameless(self, readout: ReadoutOptions) -> tuple[Any, ...]:
        return (tuple(name == readout.output for name in self.output_names), replace(readout, output=None))

    @property
    def port_shape(self) -> Shape:
        """(C, H, W) of what the input ports send on: `input_shape`, or what the DVS layer makes of it."""
        return self.input_shape if self.dvs is None else self.dvs.output_shape

    def weights_digest(self) -> str:
        """SHA-256 (hex) over weights and biases alone, in topological order."""
        return digest(tuple((core.weights, core.bias) for core in self.cores))

    def memory_summary(self) -> dict[str, dict[int, int]]:
        """Words needed: ``{"kernel": {core: words}, "neuron": {...}, "bias": {...}}``."""
        return {field: {c.core: getattr(c.memory, field) for c in self.cores} for field in Memory._fields}

    @property
    def output_names(self) -> tuple[str, ...]:
        """The user's Output nodes, in the order of their ports."""
        return tuple(self._ports())

    def ports(self, name: str) -> tuple[OutputPort, ...]:
        """The ports that make the Output node `name`: more than one where a layer is split over cores.

        Raises:
            KeyError: there is no such Output; the message lists those there are.
        """
        found = self._ports()
        if name not in found:
            raise KeyError(f"no Output node {name!r}; there are {', '.join(found) or 'none'}")
        return found[name]

    def _ports(self) -> dict[str, tuple[OutputPort, ...]]:
        found: dict[str, tuple[OutputPort, ...]] = {}
        for port in self.outputs:
            found[port.name] = (*found.get(port.name, ()), port)
        return found

    def output_shape(self, name: str) -> Shape:
        """(C, H, W) of what is read at the Output node `name`, after its pooling."""
        return self.joined_shape(self.ports(name))

    def joined_shape(self, ports: tuple[OutputPort, ...]) -> Shape:
        """(C, H, W) of what is read at some ports together."""
        _, height, width = self.core(ports[0].core).neuron_shape
        channels = max(self.core(port.core).neuron_shape[0] + port.feature_shift for port in ports)
        return (channels, height // ports[0].pooling, width // ports[0].pooling)

    @property
    def layers(self) -> tuple[tuple[CoreSpec, ...], ...]:
        """The cores that hold each layer of the user's network, lower channels first; no copies and no relays."""
        found: dict[str, tuple[CoreSpec, ...]] = {}
        for core in self.cores:
            if core.origin:
                found[core.name] = (*found.get(core.name, ()), core)
        return tuple(tuple(sorted(cores, key=lambda core: core.first_channel)) for cores in found.values())

    def find_cores(self, name: str) -> tuple[CoreSpec, ...]:
        """The cores that hold the user's node `name`, lower channels first: one, or those that it is split over.

        Raises:
            KeyError: no core holds a node of that name; the message lists the names there are.
        """
        helpers = tuple((core,) for core in self.cores if not core.origin)
        for cores in (*self.layers, *helpers):
            if name == cores[0].name or name in cores[0].origin:
                return cores
        known = ", ".join(dict.fromkeys(n for c in self.cores for n in c.origin))
        raise KeyError(f"no core holds a node {name!r}; nodes on cores: {known}")

    def find_core(self, name: str) -> CoreSpec:
        """The one core that holds the user's node `name`.

        Raises:
            KeyError: as `find_cores`, which has to be asked where the layer is split over several cores.
        """
        first, *more = self.find_cores(name)
        if more:
            raise KeyError(f"{name!r} is split over cores {', '.join(str(c.core) for c in (first, *more))}: find_cores")
        return first

    def core(self, index: int) -> CoreSpec:
        """The core of that hardware index; KeyError, with those in use, if it is not one of them."""
        for core in self.cores:
            if core.core == index:
                return core
        raise KeyError(f"core {index!r} is not in use; in use are {', '.join(str(core.core) for core in self.cores)}")
