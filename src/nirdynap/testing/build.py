"""Specs by hand, for tests: only what matters is said, the rest is worked out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nirdynap.chips.chip import load_chip
from nirdynap.chips.memory import memory_of
from nirdynap.ir.convention import CONVENTIONS, SpikesPerStep
from nirdynap.ir.digest import frozen
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, OutputPort, Spec
from nirdynap.ir.units import INT16_MIN, Pair, Shape, conv_output

CHIP = "speck2f"


def build_core(
    core: int,
    weights: npt.ArrayLike,
    input_shape: Shape,
    *,
    bias: npt.ArrayLike | None = None,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    threshold_high: int = 1,
    threshold_low: int = INT16_MIN,
    return_to_zero: bool = False,
    initial_state: npt.ArrayLike | None = None,
    destinations: Sequence[Destination] = (),
    decimator: int = 1,
) -> CoreSpec:
    """A core of a Speck 2f named "conv<core>", which holds the nodes "conv<core>" and "if<core>".

    Args:
        core: hardware index.
        weights: [out, in, ky, kx], kept as int8; bias: [out], int16; initial_state: [out, y, x], int16.
        input_shape: (C, H, W).
        stride, padding: (y, x).
        threshold_high, threshold_low, return_to_zero, destinations, decimator: as in `CoreSpec`.
    """
    array = frozen(weights, np.int8)
    features, channels, *kernel = array.shape
    assert channels == input_shape[0], f"weights for {channels} channels, input has {input_shape[0]}"
    neurons = (features, *conv_output(input_shape[1:], (kernel[0], kernel[1]), stride, padding))
    return CoreSpec(
        core=core,
        name=f"conv{core}",
        origin=(f"conv{core}", f"if{core}"),
        input_shape=input_shape,
        neuron_shape=neurons,
        weights=array,
        bias=None if bias is None else frozen(bias, np.int16),
        stride=stride,
        padding=padding,
        threshold_high=threshold_high,
        threshold_low=threshold_low,
        return_to_zero=return_to_zero,
        initial_state=None if initial_state is None else frozen(initial_state, np.int16),
        scale=1.0,
        destinations=tuple(destinations),
        memory=memory_of(
            weights_shape=(features, channels, kernel[0], kernel[1]), neuron_shape=neurons, has_bias=bias is not None
        ),
        capacity=load_chip(CHIP).cores[core],
        decimator=decimator,
    )


def build_spec(
    *cores: CoreSpec,
    inputs: Sequence[InputPort] | None = None,
    outputs: Sequence[OutputPort] | None = None,
    spikes_per_step: SpikesPerStep = "many",
) -> Spec:
    """A spec of cores in topological order.

    Args:
        cores: at least one; the first decides the shape of the input.
        inputs: default: the first core.
        outputs: default: every core without destinations, unpooled, as "out<core>".
        spikes_per_step: "many" or "one".
    """
    leaves = tuple(OutputPort(core.core, 1, f"out{core.core}") for core in cores if not core.destinations)
    return Spec(
        chip=CHIP,
        convention=CONVENTIONS["nir"],
        spikes_per_step=spikes_per_step,
        input_shape=cores[0].input_shape,
        inputs=(InputPort(cores[0].core, 0),) if inputs is None else tuple(inputs),
        outputs=leaves if outputs is None else tuple(outputs),
        cores=cores,
    )
