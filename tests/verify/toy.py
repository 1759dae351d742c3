"""A clocked simulator of foreign make in a few lines of numpy, with one fault at one core where it is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nirdynap.ir.result import CoreStats, Result
from nirdynap.ir.spec import CoreSpec, Spec

FAULTS = ("tie", "clamp", "remainder", "decimator", "saturation", "polarity", "bias", "reset", "one")


class Toy:
    """A `nirdynap.sim.Simulator` of one sample. `fault` is one of FAULTS or "", and happens at the core `where`."""

    def __init__(self, spec: Spec, fault: str = "", where: int = -1) -> None:
        assert fault in ("", *FAULTS)
        self.spec, self.fault, self.where = spec, fault, where
        self.reset_states()

    def reset_states(self) -> None:
        self.v = {
            c.core: np.zeros(c.neuron_shape, int) if c.initial_state is None else c.initial_state.astype(int)
            for c in self.spec.cores
        }
        phase = {c.core: 1 if self._has("decimator", c) else 0 for c in self.spec.cores}
        self.passed = {core: np.full(1, start) for core, start in phase.items()}

    def run(self, recording: Any, *, record: str = "outputs", dt_us: int, duration_us: int | None, **_: Any) -> Result:
        (events,) = recording
        raster = events.to_raster(self.spec.input_shape, dt_us=dt_us, duration_us=duration_us)
        spikes = {c.core: np.zeros((len(raster), 1, *c.neuron_shape), int) for c in self.spec.cores}
        for step, counts in enumerate(raster):
            if self.fault == "polarity":
                counts[1] = 0
            waiting = {c.core: np.zeros(c.input_shape, int) for c in self.spec.cores}
            for port in self.spec.inputs:
                waiting[port.core][port.feature_shift : port.feature_shift + len(counts)] += counts
            for core in self.spec.cores:
                out = spikes[core.core][step, 0] = self._step(core, waiting[core.core])
                for d in core.destinations:
                    self._deliver(core, out, waiting[d.core], d.pooling, d.feature_shift)
        stats = dict.fromkeys(spikes, CoreStats(spikes=0, synaptic_operations=0, saturated=0, dropped=0))
        return Result(
            semantics="clocked", spec=self.spec, dt_us=dt_us, counts={c: s.sum(axis=0) for c, s in spikes.items()},
            membranes={c: v[None] for c, v in self.v.items()}, stats=stats, output_rasters={}, output_events={},
            rasters=spikes, spikes={},
        )  # fmt: skip

    def _has(self, fault: str, core: CoreSpec) -> bool:
        return self.fault == fault and self.where == core.core

    def _step(self, core: CoreSpec, counts: np.ndarray) -> np.ndarray:
        (py, px), (sy, sx) = core.padding, core.stride
        padded = np.pad(counts, ((0, 0), (py, py), (px, px)))
        windows = sliding_window_view(padded, core.weights.shape[2:], axis=(1, 2))[:, ::sy, ::sx]
        v = self.v[core.core] + np.einsum("cyxhw,ochw->oyx", windows, core.weights.astype(int))
        if self._has("clamp", core):
            v = np.maximum(v, core.threshold_low)
        if core.bias is not None:
            v = v + core.bias.astype(int)[:, None, None] * (2 if self._has("bias", core) else 1)
        if not self._has("saturation", core):
            v = np.clip(v, -32768, 32767)
        n = np.maximum(v - self._has("tie", core), 0) // core.threshold_high
        if self.spec.spikes_per_step == "one" or self._has("one", core):
            n = np.minimum(n, 1)
        v = np.where(n > 0, 0, v) if core.return_to_zero or self._has("reset", core) else v - n * core.threshold_high
        self.v[core.core] = np.maximum(v, core.threshold_low)
        before = np.cumsum(n.ravel()).reshape(n.shape) + self.passed[core.core]
        self.passed[core.core] = before.ravel()[-1:]
        return before // core.decimator - (before - n) // core.decimator

    def _deliver(self, core: CoreSpec, out: np.ndarray, target: np.ndarray, pooling: int, shift: int) -> None:
        keep = self._has("remainder", core)
        for c, y, x in np.argwhere(out):
            whole = y // pooling < out.shape[1] // pooling and x // pooling < out.shape[2] // pooling
            place = (c + shift, y // pooling, x // pooling)
            if (whole or keep) and all(i < n for i, n in zip(place, target.shape, strict=True)):
                target[place] += out[c, y, x]
