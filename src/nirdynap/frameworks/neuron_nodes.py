"""NIR nodes for neurons whose step is: keep a share of the membrane, add the input as it is, fire, reset."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np
import numpy.typing as npt

from nirdynap.errors import SHAPE_MISMATCH, CompileError
from nirdynap.frameworks.traced import settings
from nirdynap.ir.units import FloatArray


def leaky_node(
    place: str, shape: tuple[int, ...], threshold: npt.ArrayLike, decay: npt.ArrayLike = 1.0, **own: Any
) -> nir.NIRNode:
    """The node of neurons with v = decay * v + input.

    It is an IF node where no neuron leaks. Else it is a LIF node with a time step of 1, in which tau = 1 / (1 - decay)
    and r = tau, so that NIR's own equation, by Euler's rule, says the same; our settings say that the input counts as
    it is, which leaves no rounding in it.

    Args:
        place: of the neurons, for findings.
        shape: of the neurons, (C, H, W) or (N,).
        threshold, decay: one number, or arrays that broadcast to `shape`, leading axes of length 1 aside; decay from
            0 to 1.
        **own: settings of the neuron, such as tie and reset.

    Raises:
        CompileError: ND116 when threshold or decay do not spread to the shape.

    Example:
        >>> leaky_node("$", (2,), 1.0, [0.5, 1.0], reset="zero").tau.tolist()
        [2.0, inf]
        >>> type(leaky_node("$", (2,), 1.0)).__name__
        'IF'
    """
    theta, kept = full(threshold, shape, place), full(decay, shape, place)
    if (kept == 1).all():
        return nir.IF(r=np.ones(shape), v_threshold=theta, metadata=settings(**own))
    with np.errstate(divide="ignore"):
        tau = 1.0 / (1.0 - kept)
    metadata = settings(**own, integration="euler-raw", dt=1.0)
    return nir.LIF(tau=tau, r=tau.copy(), v_leak=np.zeros(shape), v_threshold=theta, metadata=metadata)


def full(values: npt.ArrayLike, shape: tuple[int, ...], place: str = "$") -> FloatArray:
    """A parameter as float64 of the whole shape; axes of length 1 in front of it, such as the batch's, are dropped.

    Raises:
        CompileError: ND116 at `place` when it does not spread to the shape.
    """
    array: FloatArray = np.asarray(values, dtype=np.float64)
    while array.ndim > len(shape) and array.shape[0] == 1:
        array = array[0]
    try:
        whole: FloatArray = np.broadcast_to(array, shape).copy()
    except ValueError:
        finding = SHAPE_MISMATCH.at(place, parameter="a neuron's parameter", value=str(array.shape), limit=str(shape))
        raise CompileError([finding]) from None
    return whole
