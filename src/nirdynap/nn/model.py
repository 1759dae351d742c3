"""A spec as a torch module: the clocked run in float32, exact to the bit (docs/semantics.md, section Clocked run).

That float32 rounds nothing on the way (nn/counts.py) is watched, not assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from nirdynap.errors import NOT_EXACT, Diagnostic, InputError, raise_errors
from nirdynap.ir.clock import raster_ticks
from nirdynap.ir.convention import SpikesPerStep
from nirdynap.ir.events import Events
from nirdynap.ir.result import NO_RASTERS, NO_SPIKES, LazyMapping, Result
from nirdynap.ir.spec import CoreSpec, Spec
from nirdynap.ir.tally import core_stats
from nirdynap.ir.units import DEFAULT_DT_US, INT16_MAX, INT16_MIN, IntArray, is_positive
from nirdynap.lower.validate import check_coherent
from nirdynap.nn.arguments import bad_option
from nirdynap.nn.counts import EXACT_BELOW, checked_raster, decimate, exact_arithmetic, place, pool
from nirdynap.nn.dvs import through_dvs

BLOCK = 32
"""Time steps that one convolution takes at once: enough for speed, and memory stays bounded for long recordings."""


def dynapcnn_to_torch(
    spec: Spec,
    *,
    saturate: bool = True,
    spikes_per_step: SpikesPerStep | None = None,
    record: Literal["outputs", "all"] = "outputs",
) -> DynapcnnModel:
    """An exact torch module of a spec: raster [time, batch, channel, y, x] in and out.

    Args:
        spec: what to run.
        saturate: hold membranes in the chip's 16 bits; without it they are as wide as sinabs'.
        spikes_per_step: "many" or "one" spike of a neuron in a time step; default: as the spec says.
        record: what `DynapcnnModel.run` keeps: the outputs, or the rasters of "all" cores as well.

    Raises:
        InputError: ND507 for each unknown option, ND513 for what is no Spec.

    Example:
        >>> from nirdynap.testing.build import build_core, build_spec
        >>> spec = build_spec(build_core(0, [[[[5]]]], (1, 1, 1), threshold_high=10))
        >>> dynapcnn_to_torch(spec)(torch.tensor([1, 3]).reshape(2, 1, 1, 1, 1)).flatten()
        tensor([0., 2.])
    """
    check_coherent(spec)
    choices: tuple[tuple[str, object, tuple[object, ...]], ...] = (
        ("saturate", saturate, (True, False)),
        ("spikes_per_step", spikes_per_step, (None, "one", "many")),
        ("record", record, ("outputs", "all")),
    )
    raise_errors(
        (bad_option(n, v, ", ".join(map(str, legal))) for n, v, legal in choices if v not in legal), InputError
    )
    many = (spikes_per_step or spec.spikes_per_step) == "many"
    return DynapcnnModel(spec, saturate=saturate, many=many, record_all=record == "all")


@final
class DynapcnnModel(nn.Module):
    """The clocked run of a spec; made by `dynapcnn_to_torch`.

    States live on from call to call until `reset_states`; a call that raises leaves them as they were. Weights are
    buffers: `to(device)` moves them and the states, and nothing here is trained; `trainable` is for that.
    """

    def __init__(self, spec: Spec, *, saturate: bool, many: bool, record_all: bool) -> None:
        super().__init__()
        self.spec = spec
        self._saturate = saturate
        self._record_all = record_all
        self._randomize = False
        self._seed: int | None = None
        self._cores = nn.ModuleList(_Core(core, saturate=saturate, many=many) for core in spec.cores)

    def reset_states(self, randomize: bool = False, seed: int | None = None) -> None:
        """Start anew: from the spec's initial states or from random ones, with the decimators at zero.

        Args:
            randomize: each membrane is drawn from the whole numbers between threshold_low (but at least
                -threshold_high) and threshold_high - 1, all equally likely, for each sample of the next call.
            seed: of the random states, the same on every device; default: torch's global generator.
        """
        self._randomize, self._seed = randomize, seed
        for core in self._in_order():
            core.membranes = core.phases = None

    def forward(self, raster: Tensor) -> Tensor | dict[str, Tensor]:
        """Output counts, float32 [time, batch, c, y, x] after the output's pooling; by Output node if several.

        Args:
            raster: non-negative whole counts [time, batch, channel, y, x], of any dtype.

        Raises:
            InputError: ND504 for a bad raster, ND507 for a batch of another size than the states kept, ND508 where
                float32 would not be exact.
        """
        outputs, _ = self._run(raster, record_all=False)
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def run(self, raster: Tensor, *, dt_us: int = DEFAULT_DT_US) -> Result:
        """As `forward`, with every core's counts, membranes and stats (and rasters, with record="all").

        Args:
            raster: non-negative whole counts [time, batch, channel, y, x], of any dtype.
            dt_us: length of a time step in microseconds, for the result's events.

        Raises:
            InputError: as `forward`, and ND507 for a bad `dt_us`.
        """
        if not is_positive(dt_us):
            raise InputError([bad_option("dt_us", dt_us, "a positive whole number of microseconds")])
        outputs, passages = self._run(raster, record_all=self._record_all)
        books = {core.core: p for core, p in zip(self.spec.cores, passages, strict=True)}
        counts = {k: _integers(p.counts) for k, p in books.items()}
        given = raster.to(torch.int64).sum(dim=(0, 1))
        seen = self._seen(given)
        saturated = {k: int(p.saturated) for k, p in books.items()}
        width = torch.int16 if self._saturate else torch.int32
        rasters = {name: _integers(counts) for name, counts in outputs.items()}
        return Result(
            semantics="clocked",
            spec=self.spec,
            dt_us=dt_us,
            counts=counts,
            membranes={k: _integers(p.membranes, width) for k, p in books.items()},
            stats=core_stats(self.spec, _integers(seen), counts, saturated),
            output_rasters=rasters,
            output_events=LazyMapping({name: partial(_events, r, dt_us) for name, r in rasters.items()}),
            rasters=LazyMapping(
                {k: partial(_integers, p.raster) for k, p in books.items() if p.raster is not None}, NO_RASTERS
            ),
            spikes=LazyMapping({}, NO_SPIKES),
            dvs_dropped=int(given.sum() - seen.sum()),
            ticks=self._ticks(raster, dt_us),
        )

    def _ticks(self, raster: Tensor, dt_us: int) -> tuple[IntArray, ...] | None:
        clock = self.spec.slow_clock
        if clock is None:
            return None
        made = _integers(raster.to(torch.int64).sum(dim=(2, 3, 4)))
        return tuple(raster_ticks(clock, sample, dt_us) for sample in made.T)

    def _seen(self, counts: Tensor) -> Tensor:
        """What the input ports get of counts [..., channel, y, x]."""
        return counts if self.spec.dvs is None else through_dvs(counts, self.spec.dvs)

    def _in_order(self) -> list[_Core]:
        return cast("list[_Core]", list(self._cores))

    @torch.no_grad()
    def _run(self, raster: Tensor, *, record_all: bool) -> tuple[dict[str, Tensor], list[_Passage]]:
        """Outputs by node name, and what happened at each core."""
        counts = self._checked(raster)
        steps, batch = counts.shape[:2]
        draw = _drawer(self._seed) if self._randomize else None
        passages = [_Passage(core, batch, draw, steps if record_all else None) for core in self._in_order()]
        outputs = {
            name: counts.new_zeros((steps, batch, *self.spec.output_shape(name))) for name in self.spec.output_names
        }
        with exact_arithmetic(counts.device):
            for start in range(0, steps, BLOCK):
                block = slice(start, min(start + BLOCK, steps))
                self._advance(block, counts[block], passages, outputs)
        raise_errors(self._inexact(passages, outputs), InputError)
        for core, passage in zip(self._in_order(), passages, strict=True):
            core.membranes, core.phases = passage.membranes, passage.phases
        return outputs, passages

    def _advance(self, block: slice, given: Tensor, passages: list[_Passage], outputs: dict[str, Tensor]) -> None:
        """Some time steps of the whole network. Without cycles, each core can do all of them before the next begins."""
        front, seen = given.shape[:2], self._seen(given)
        waiting = {core.core: given.new_zeros((*front, *core.input_shape)) for core in self.spec.cores}
        for entry in self.spec.inputs:
            place(seen, entry.feature_shift, waiting[entry.core])
        for core, passage in zip(self.spec.cores, passages, strict=True):
            spikes = passage.advance(waiting[core.core])
            if passage.raster is not None:
                passage.raster[block] = spikes
            for d in core.destinations:
                place(pool(spikes, d.pooling), d.feature_shift, waiting[d.core])
            for port in self.spec.outputs:
                if port.core == core.core:
                    place(pool(spikes, port.pooling), port.feature_shift, outputs[port.name][block])

    def _checked(self, raster: object) -> Tensor:
        """The raster in float32, on the weights' device."""
        core = self._in_order()[0]
        counts = checked_raster(raster, self.spec, core.weights)
        if core.membranes is not None and len(core.membranes) != counts.shape[1]:
            limit = f"{len(core.membranes)}, whose states are kept; reset_states() forgets them"
            raise InputError([bad_option("samples", counts.shape[1], limit)])
        return counts

    def _inexact(self, passages: list[_Passage], outputs: dict[str, Tensor]) -> list[Diagnostic]:
        largest = {core.core: float(p.largest) for core, p in zip(self.spec.cores, passages, strict=True)}
        for port in self.spec.outputs:
            if outputs[port.name].numel():
                largest[port.core] = max(largest[port.core], float(outputs[port.name].max()))
        # `not (a < b)` also catches NaN.
        return [
            NOT_EXACT.at(f"$.cores.{core}", value=value, limit=EXACT_BELOW, core=core)
            for core, value in largest.items()
            if not value < EXACT_BELOW
        ]


@final
class _Core(nn.Module):
    """Constants of one core, and the state that lives on between calls."""

    weights: Tensor
    bias: Tensor
    reach: Tensor
    initial: Tensor
    membranes: Tensor | None
    phases: Tensor | None

    def __init__(self, spec: CoreSpec, *, saturate: bool, many: bool) -> None:
        super().__init__()
        self.spec = spec
        self.saturate = saturate
        self.many = many
        weights = torch.from_numpy(spec.weights.astype("float32"))
        bias = torch.zeros(len(weights)) if spec.bias is None else torch.from_numpy(spec.bias.astype("float32"))
        initial = torch.zeros(spec.neuron_shape)
        if spec.initial_state is not None:
            initial = torch.from_numpy(spec.initial_state.astype("float32"))
        self.register_buffer("weights", weights)
        self.register_buffer("bias", bias[:, None, None])
        self.register_buffer("reach", weights.abs().sum(dim=(1, 2, 3)).amax())
        self.register_buffer("initial", initial)
        self.register_buffer("membranes", None, persistent=False)
        self.register_buffer("phases", None, persistent=False)

    def start(self, batch: int, draw: _Draw | None) -> tuple[Tensor, Tensor]:
        """Membranes [batch, c, y, x] and decimator counters int64 [batch] at the start of a call."""
        if self.membranes is not None and self.phases is not None:
            return self.membranes, self.phases
        phases = torch.zeros(batch, dtype=torch.int64, device=self.weights.device)
        shape = (batch, *self.spec.neuron_shape)
        if draw is None:
            return self.initial.expand(shape), phases
        low = max(self.spec.threshold_low, -self.spec.threshold_high)
        return draw(low, self.spec.threshold_high, shape).to(self.initial), phases


_Draw = Callable[[int, int, tuple[int, ...]], Tensor]


def _drawer(seed: int | None) -> _Draw:
    """Whole numbers from low up to high - 1, of a shape; on the CPU, which draws the same for every device."""
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return partial(torch.randint, generator=generator)


@final
class _Passage:
    """One core during one call: its running state and its books."""

    def __init__(self, core: _Core, batch: int, draw: _Draw | None, steps: int | None) -> None:
        self._core = core
        self.membranes, self.phases = core.start(batch, draw)
        self.counts = torch.zeros(self.membranes.shape, dtype=torch.int64, device=self.membranes.device)
        self.saturated = self.counts.new_zeros(())
        self.largest = self.membranes.new_zeros(())
        self.raster = None if steps is None else self.membranes.new_zeros((steps, *self.membranes.shape))

    def advance(self, counts: Tensor) -> Tensor:
        """Spikes [time, batch, c, y, x] of some time steps, after decimation."""
        core, spec = self._core, self._core.spec
        flat = functional.conv2d(counts.flatten(0, 1), core.weights, stride=spec.stride, padding=spec.padding)
        currents = flat.reshape(*counts.shape[:2], *spec.neuron_shape) + core.bias
        limits = core.reach * counts.amax(dim=(1, 2, 3, 4)) + core.bias.abs().amax()
        return torch.stack([self._step(*step) for step in zip(currents, limits, strict=True)])

    def _step(self, current: Tensor, limit: Tensor) -> Tensor:
        core, spec = self._core, self._core.spec
        self.largest = torch.maximum(self.largest, self.membranes.abs().amax() + limit)
        v = self.membranes + current
        self.saturated += ((v < INT16_MIN) | (v > INT16_MAX)).sum()
        if core.saturate:
            v = v.clamp(INT16_MIN, INT16_MAX)
        n = torch.div(v.clamp(min=0), spec.threshold_high, rounding_mode="floor")
        if not core.many:
            n = n.clamp(max=1)
        v = v.masked_fill(n > 0, 0) if spec.return_to_zero else v - n * spec.threshold_high
        self.membranes = v.clamp(min=spec.threshold_low)
        if spec.decimator != 1:
            n, self.phases = decimate(n, self.phases, spec.decimator)
        self.counts += n.to(torch.int64)
        return n


def _integers(values: Tensor, dtype: torch.dtype = torch.int64) -> IntArray:
    array: IntArray = values.to("cpu", dtype).numpy()
    array = array.copy()
    array.setflags(write=False)
    return array


def _events(raster: IntArray, dt_us: int) -> tuple[Events, ...]:
    return tuple(Events.from_raster(raster[:, sample], dt_us=dt_us) for sample in range(raster.shape[1]))
