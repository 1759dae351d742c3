"""Specs to save and load: one that has everything, and a strategy."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from hypothesis import strategies as st

from nirdynap.chips.memory import memory_of
from nirdynap.errors import RESET_AMBIGUOUS, SCALED_INPUT_MIX
from nirdynap.ir.clock import InternalClock
from nirdynap.ir.convention import CONVENTIONS
from nirdynap.ir.digest import frozen
from nirdynap.ir.dvs import DvsLayer
from nirdynap.ir.readout import ReadoutOptions
from nirdynap.ir.spec import CoreSpec, Destination, InputPort, Memory, OutputPort, Spec
from nirdynap.ir.units import conv_output

LARGE = Memory(kernel=65536, neuron=65536, bias=1024)


def core(
    index: int,
    weights: Any,
    size: tuple[int, int],
    *,
    bias: Any = None,
    initial_state: Any = None,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    **others: Any,
) -> CoreSpec:
    """A core with the given weights [out, in, ky, kx] over an input map of size (y, x); the rest follows."""
    weights = frozen(weights, np.int8)
    out, into, ky, kx = weights.shape
    neuron_shape = (out, *conv_output(size, (ky, kx), stride, padding))
    memory = memory_of(weights_shape=weights.shape, neuron_shape=neuron_shape, has_bias=bias is not None)
    fields = {
        "name": f"conv{index}",
        "origin": (f"conv{index}", f"if{index}"),
        "threshold_high": 100,
        "threshold_low": -100,
        "return_to_zero": False,
        "scale": 12.7,
        "destinations": (),
        "capacity": LARGE,
    } | others
    return CoreSpec(
        core=index,
        input_shape=(into, *size),
        neuron_shape=neuron_shape,
        weights=weights,
        bias=None if bias is None else frozen(bias, np.int16),
        initial_state=None if initial_state is None else frozen(initial_state, np.int16),
        stride=stride,
        padding=padding,
        memory=memory,
        **fields,
    )


def full_spec() -> Spec:
    """Three cores in a branch that meets again, with every optional field in use."""
    random = np.random.default_rng(7)
    first = core(
        3,
        random.integers(-128, 128, (4, 2, 3, 3)),
        (8, 9),
        bias=random.integers(-32768, 32768, 4),
        initial_state=random.integers(-32768, 32768, (4, 4, 5)),
        stride=(2, 2),
        padding=(1, 1),
        name="größe/1",
        origin=("größe/1", 'a "quoted" one', "π"),
        destinations=(Destination(core=0, pooling=2), Destination(core=8, pooling=2, feature_shift=3)),
        scale=0.1 + 0.2,
        decimator=4,
    )
    second = core(0, random.integers(-128, 128, (3, 4, 1, 2)), (2, 2), destinations=(Destination(core=8, pooling=1),))
    last = core(
        8,
        random.integers(-128, 128, (10, 7, 2, 1)),
        (2, 2),
        return_to_zero=True,
        threshold_high=32767,
        threshold_low=-1,
    )
    return Spec(
        chip="imaginary",
        convention=dataclasses.replace(CONVENTIONS["sinabs"], v_min=-0.1, dt=1e-4),
        spikes_per_step="many",
        input_shape=(2, 8, 9),
        inputs=(InputPort(core=3, feature_shift=0),),
        outputs=(OutputPort(core=8, pooling=1, name="output"), OutputPort(core=3, pooling=4, name="hidden")),
        cores=(first, second, last),
        notes=(
            RESET_AMBIGUOUS.at("$.nodes.if", value="nir", limit="sinabs"),
            SCALED_INPUT_MIX.at("$.nodes.conv", value=0.25, limit=3),
        ),
    )


DVS = DvsLayer(
    polarity="on",
    merge=False,
    pooling=(1, 4),
    origin=(2, 3),
    size=(9, 8),
    mirror_y=True,
    mirror_x=False,
    mirror_diagonal=True,
    pass_sensor_events=False,
)


def camera_spec() -> Spec:
    """`full_spec` behind a DVS layer, whose events its clock counts, with a readout block."""
    block = ReadoutOptions(output="output", average=32, threshold=7, value="selected", selected=3, always=True)
    return dataclasses.replace(
        full_spec(), input_shape=(2, 11, 44), dvs=DVS, slow_clock=InternalClock(divider=15), readout=block
    )


def tiny_spec(**changes: Any) -> Spec:
    """One neuron."""
    one = core(0, [[[[5]]]], (1, 1))
    whole = Spec(
        chip="imaginary",
        convention=CONVENTIONS["nir"],
        spikes_per_step="one",
        input_shape=(1, 1, 1),
        inputs=(InputPort(core=0, feature_shift=0),),
        outputs=(OutputPort(core=0, pooling=1, name="output"),),
        cores=(one,),
    )
    return dataclasses.replace(whole, **changes)


@st.composite
def chains(draw: st.DrawFn) -> Spec:
    """Chains of one to three cores on shuffled hardware cores, with arbitrary parameters."""
    indices = draw(st.permutations(range(9)))[: draw(st.integers(1, 3))]
    features = draw(st.lists(st.integers(1, 4), min_size=len(indices) + 1, max_size=len(indices) + 1))
    size: tuple[int, int] = (draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    input_shape = (features[0], *size)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cores = []
    for i, index in enumerate(indices):
        kernel = (draw(st.integers(1, size[0])), draw(st.integers(1, size[1])))
        out = features[i + 1]
        made = core(
            index,
            random.integers(-128, 128, (out, features[i], *kernel)),
            size,
            bias=random.integers(-32768, 32768, out) if draw(st.booleans()) else None,
            padding=draw(st.sampled_from([(0, 0), (1, 2)])),
            threshold_high=draw(st.integers(1, 32767)),
            threshold_low=draw(st.integers(-32768, -1)),
            return_to_zero=draw(st.booleans()),
            scale=draw(st.floats(min_value=0, exclude_min=True, allow_infinity=False)),
            name=draw(st.text()),
            origin=tuple(draw(st.lists(st.text(), max_size=2))),
            destinations=(Destination(core=indices[i + 1], pooling=1),) if i + 1 < len(indices) else (),
        )
        if draw(st.booleans()):
            state = frozen(random.integers(-32768, 32768, made.neuron_shape), np.int16)
            made = dataclasses.replace(made, initial_state=state)
        cores.append(made)
        size = made.neuron_shape[1:]
    return Spec(
        chip=draw(st.sampled_from(["imaginary", "mine"])),
        convention=draw(st.sampled_from(list(CONVENTIONS.values()))),
        spikes_per_step=draw(st.sampled_from(["one", "many"])),
        input_shape=input_shape,
        inputs=(InputPort(core=indices[0], feature_shift=0),),
        outputs=(OutputPort(core=indices[-1], pooling=1, name=draw(st.text())),),
        cores=tuple(cores),
    )
