"""What each node does to its input, in float64.

Nodes without state take any number of maps at once, [n, c, y, x]. Neurons take the steps in order,
[time, batch, c, y, x], and hand back their membranes.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nirdynap.ir.convention import SpikesPerStep
from nirdynap.ir.network import IF, Conv, Flatten, Input, Linear, Node, Output, Pool, Scale
from nirdynap.ir.units import FloatArray


def transform(node: Node, x: FloatArray) -> FloatArray:
    """Output [n, c, y, x] of a node without state; `x` is float64 [n, c, y, x] of the node's input shape."""
    match node:
        case Conv():
            return _convolve(node, x)
        case Linear():
            return _add_bias(x.reshape(len(x), -1) @ node.weights.T, node.bias).reshape(len(x), -1, 1, 1)
        case Pool():
            return _pool(node, x)
        case Flatten():
            in_order = x if node.order == "chw" else x.transpose(0, 2, 3, 1)
            return in_order.reshape(len(x), -1, 1, 1)
        case Scale():
            return x * node.factor
        case Input() | Output():
            return x
    raise AssertionError(f"{type(node).__name__} has a state")


def _convolve(node: Conv, x: FloatArray) -> FloatArray:
    """Cross-correlation as one matrix product per group, over a copy of every window.

    In the copy the pixels of a map lie side by side as they do in the map, so that whole rows are copied.
    """
    (pad_y, pad_x), (step_y, step_x), (gap_y, gap_x) = node.padding, node.stride, node.dilation
    out, per_group, ky, kx = node.weights.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad_y, pad_y), (pad_x, pad_x)))
    reach = (gap_y * (ky - 1) + 1, gap_x * (kx - 1) + 1)
    windows = sliding_window_view(padded, reach, axis=(2, 3))[:, :, ::step_y, ::step_x, ::gap_y, ::gap_x]
    n, _, oy, ox = windows.shape[:4]
    columns = windows.transpose(1, 4, 5, 0, 2, 3).reshape(node.groups, per_group * ky * kx, n * oy * ox)
    products = node.weights.reshape(node.groups, out // node.groups, -1) @ columns
    maps = products.reshape(out, n, oy, ox).transpose(1, 0, 2, 3)
    return _add_bias(maps, None if node.bias is None else node.bias[:, None, None])


def _add_bias(sums: FloatArray, bias: FloatArray | None) -> FloatArray:
    return sums if bias is None else sums + bias


def _pool(node: Pool, x: FloatArray) -> FloatArray:
    size_y, size_x = node.size
    c, h, w = node.output_shape
    whole = x[:, :, : h * size_y, : w * size_x]
    sums: FloatArray = whole.reshape(len(x), c, h, size_y, w, size_x).sum(axis=(3, 5))
    return sums if node.kind == "sum" else sums / (size_y * size_x)


def integrate_and_fire(
    node: IF, current: FloatArray, v: FloatArray, *, spikes_per_step: SpikesPerStep, delay: int
) -> tuple[FloatArray, FloatArray, int]:
    """Spikes of a layer of neurons over some steps, its membranes behind them, and how many decisions were ties.

    Per step: leak and integrate, fire and reset, then apply the lower bound. With delay = 1 the decision is made on
    the membrane that the step finds: fire and reset, lower bound, then integrate; the same spikes one step later.
    A neuron of reset_time "next" keeps its membrane as it fired, and subtracts behind the next step's leak.

    Args:
        node: the neurons.
        current: float64 [time, batch, c, y, x].
        v: float64 [batch, c, y, x] membranes before the first of these steps.
        spikes_per_step: can a neuron fire several times in a step ("many") or once ("one").
        delay: steps by which the layer answers late, 0 or 1.
    """
    drive = current * node.gain
    if node.drift is not None:
        drive = drive + node.drift
    spikes = np.empty_like(drive)
    ties = 0
    for step in range(len(drive)):
        if node.reset_time == "next":
            before, _ = _decide(node, v, spikes_per_step)
            v_next = _late_reset(node, before, v, drive[step])
            spikes[step], tied = _decide(node, v if delay else v_next, spikes_per_step)
            v, ties = v_next, ties + tied
            continue
        if delay == 0:
            v = _leaked(node, v) + drive[step]
        spikes[step], tied = _decide(node, v, spikes_per_step)
        ties += tied
        v = _bounded(node, _reset(node, spikes[step], v))
        if delay == 1:
            v = _leaked(node, v) + drive[step]
    return spikes, v, ties


def _leaked(node: IF, v: FloatArray) -> FloatArray:
    return v if node.decay is None else node.decay * v


def _reset(node: IF, spikes: FloatArray, v: FloatArray) -> FloatArray:
    return np.where(spikes > 0, 0.0, v) if node.reset == "zero" else v - spikes * node.threshold


def _bounded(node: IF, v: FloatArray) -> FloatArray:
    return v if node.v_min is None else np.maximum(v, node.v_min)


def _late_reset(node: IF, spikes: FloatArray, v: FloatArray, drive: FloatArray) -> FloatArray:
    """The next membrane of a neuron that fired `spikes` at membrane `v` and has not been reset for it yet."""
    if node.reset == "zero":
        return _bounded(node, _leaked(node, _reset(node, spikes, v)) + drive)
    return _bounded(node, _leaked(node, v) + drive - spikes * node.threshold)


def _decide(node: IF, v: FloatArray, spikes_per_step: SpikesPerStep) -> tuple[FloatArray, int]:
    """Spikes of one step, and how many neurons would have answered otherwise under the other tie rule."""
    if spikes_per_step == "one":
        fired = v >= node.threshold if node.tie == "fires" else v > node.threshold
        return fired.astype(np.float64), int(np.count_nonzero(v == node.threshold))
    # The rounded quotient, as frameworks take it: 0.5 at a threshold of 0.1 is five spikes.
    quotient = v / node.threshold
    n = np.floor(quotient)
    tied = (n > 0) & (n == quotient)
    if node.tie == "waits":
        n = np.ceil(quotient) - 1
    return np.maximum(n, 0.0), int(np.count_nonzero(tied))
