"""Hypothesis strategies for specs and what they are run on.

The arguments are keyword-only, checked, and bounds are inclusive. Networks stay small enough for `testing.oracle`:
maps of a few pixels, and thresholds and fan-outs such that one event causes some hundred updates at most.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from nirdynap.chips.chip import load_chip
from nirdynap.ir.digest import frozen
from nirdynap.ir.events import Events
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import IntArray, Shape
from nirdynap.testing.build import CHIP
from nirdynap.testing.spec_draws import MAX_COUNT, Draw, Options, drawn_bytes, drawn_specs, drawn_weights

_ACTIVITIES = (30, 100, 5)  # percent of input addresses that spike in a time step


def specs(
    *,
    min_cores: int = 1,
    max_cores: int = 4,
    chains: bool = False,
    square_kernels: bool = True,
    biases: bool = True,
    initial_states: bool = True,
    decimators: bool = False,
    dvs: bool = False,
    max_spikes: int | None = 24,
) -> st.SearchStrategy[Spec]:
    """Valid specs: strides, paddings, poolings that leave a remainder, branches, merges, several inputs and outputs.

    Maps have 1 to 9 pixels a side and 1 to 40 channels; some kernels are as large as the padded map: dense layers.

    Args:
        min_cores, max_cores: number of cores, up to those of a Speck 2f.
        chains: only chains of cores with one input and one output, and no channel moved up.
        square_kernels: kernels as the chip has them; False: also with unequal sides, which simulators can run.
        biases: some cores have biases.
        initial_states: some membranes start elsewhere than at 0, thresholds and 16-bit limits included.
        decimators: some cores pass each Nth spike only.
        dvs: there is a DVS layer in front of the cores.
        max_spikes: thresholds are high enough that no neuron fires more often in one time step of `rasters`, but for
            the deepest; None: any threshold, for event runs, where the spikes of a step would be too many to list.

    Shrinks towards one core with one weight of 1, no bias and threshold 1.

    Raises:
        InvalidArgument: an argument is out of range.
    """
    most = len(load_chip(CHIP).cores)
    if not 1 <= min_cores <= max_cores <= most:
        raise InvalidArgument(f"expected 1 <= min_cores <= max_cores <= {most}, got {min_cores=}, {max_cores=}")
    if max_spikes is not None and max_spikes < 1:
        raise InvalidArgument(f"expected max_spikes >= 1 or None, got {max_spikes=}")
    options = Options(
        chains=chains,
        square_kernels=square_kernels,
        biases=biases,
        initial_states=initial_states,
        decimators=decimators,
        dvs=dvs,
        max_spikes=max_spikes,
    )
    return drawn_specs(min_cores, max_cores, options)


def rasters(
    spec: Spec, *, min_steps: int = 0, max_steps: int = 5, max_batch: int = 2, max_count: int = MAX_COUNT
) -> st.SearchStrategy[IntArray]:
    """Input counts int64 [time, batch, channel, y, x] of a spec: sparse, busy, or without a silent address.

    Args:
        spec: whose input it is.
        min_steps, max_steps: number of time steps.
        max_batch: largest batch.
        max_count: largest count at one address; above 3 the runs of a spec may get long.

    Shrinks towards few steps, one sample and no spikes.

    Raises:
        InvalidArgument: an argument is out of range.
    """
    if not 0 <= min_steps <= max_steps or max_batch < 1 or not 0 <= max_count <= 127:
        raise InvalidArgument(f"cannot draw with {min_steps=}, {max_steps=}, {max_batch=}, {max_count=}")
    return _rasters(spec, min_steps, max_steps, max_batch, max_count)


def events(spec: Spec, *, max_events: int = 40, max_gap_us: int = 700) -> st.SearchStrategy[Events]:
    """Input events of a spec.

    Args:
        spec: whose input it is.
        max_events: most events.
        max_gap_us: longest time from one event to the next; equal stamps are common.

    Shrinks towards no events, at time and address 0.

    Raises:
        InvalidArgument: an argument is out of range.
    """
    if max_events < 0 or max_gap_us < 0:
        raise InvalidArgument(f"cannot draw with {max_events=}, {max_gap_us=}")
    return _events(spec.input_shape, max_events, max_gap_us)


def weights(
    shape: tuple[int, int, int, int], *, min_value: int = -128, max_value: int = 127
) -> st.SearchStrategy[IntArray]:
    """Weights of a core, int8: mostly small with zeros between, or of the whole range; some mostly positive.

    Args:
        shape: [out, in, ky, kx].
        min_value, max_value: bounds of each weight, inclusive.

    Shrinks towards the number nearest to 1 within the bounds, everywhere: no silent core.

    Raises:
        InvalidArgument: a bound is outside int8, or there is nothing between them; a side is not positive.
    """
    if not -128 <= min_value <= max_value <= 127 or len(shape) != 4 or min(shape) < 1:
        raise InvalidArgument(f"cannot draw with {shape=}, {min_value=}, {max_value=}")
    return _bounded_weights(shape, min_value, max_value)


@st.composite
def _bounded_weights(draw: Draw, shape: tuple[int, ...], min_value: int, max_value: int) -> IntArray:
    return frozen(np.clip(drawn_weights(draw, shape), min_value, max_value), np.int8)


@st.composite
def _rasters(draw: Draw, spec: Spec, min_steps: int, max_steps: int, max_batch: int, max_count: int) -> IntArray:
    shape = (draw(st.integers(min_steps, max_steps)), draw(st.integers(1, max_batch)), *spec.input_shape)
    drawn = drawn_bytes(draw, int(np.prod(shape))).astype(np.int64)
    active = 256 - drawn <= draw(st.sampled_from(_ACTIVITIES)) * 256 // 100
    return frozen((active * np.minimum(1 + drawn % max(max_count, 1), max_count)).reshape(shape), np.int64)


@st.composite
def _events(draw: Draw, shape: Shape, max_events: int, max_gap_us: int) -> Events:
    size = draw(st.integers(0, max_events) | st.integers(min(8, max_events), max_events))
    gap, c, y, x = drawn_bytes(draw, 4 * size).reshape(4, -1)
    gaps = np.maximum(gap.astype(np.int64) - 127, 0) * max_gap_us // 128
    return Events(t=np.cumsum(gaps), c=c % shape[0], y=y % shape[1], x=x % shape[2])
