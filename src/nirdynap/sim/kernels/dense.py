"""Whole frames: the sums of all neurons of a core in several steps, whether spikes arrive or not.

Its cost does not depend on the number of spikes, and its sums are int32: for busy steps, and for those whose sums
might leave int16. Steps are taken together because the weights, once read, serve them all.
"""

from __future__ import annotations

from typing import Any

from numba import literally, njit

from nirdynap.ir.units import IntArray
from nirdynap.sim.kernels.buffers import CODE
from nirdynap.sim.kernels.vectors import dot
from nirdynap.sim.layout import Layout

BLOCK = 8  # steps taken together


@njit
def dense_sums(
    net: Layout,
    core: Any,
    spikes: IntArray,
    begin: IntArray,
    first: int,
    last: int,
    frames: IntArray,
    sums: IntArray,
) -> None:
    """The sums of steps `first` up to `last` (`BLOCK` at most) into `sums`, `core.size` for each step."""
    frames[:] = 0
    for w in range(core.first_wire, core.first_wire + core.wires):
        wire = net.wires[w]
        for step in range(first, last):
            some = spikes[begin[wire.source, step] : begin[wire.source, step + 1]]
            _draw(net, wire, some, frames[(step - first) * core.frame :])
    if core.lanes == 8:
        _convolve(8, 8, net, core, frames, sums)
    elif core.lanes == 16:
        _convolve(16, 8, net, core, frames, sums)
    else:
        _convolve(32, 4, net, core, frames, sums)


@njit
def _draw(net: Layout, wire: Any, spikes: IntArray, frame: IntArray) -> None:
    """Add the spikes of one wire in one step to its frame."""
    for spike in spikes:
        code = spike & CODE
        channel = code & ((1 << wire.bits) - 1)
        block = net.blocks[wire.table + (code >> wire.bits)]
        if block.rows > 0 and channel < wire.channels:
            frame[block.cell + channel] += spike >> 32


@njit
def _convolve(lanes: int, tile: int, net: Layout, core: Any, frames: IntArray, sums: IntArray) -> None:
    """All neurons in all frames; `lanes` and `tile` are literals."""
    literally(lanes)
    literally(tile)
    table = core.kernel_y * core.run * lanes
    for y in range(core.height):
        for x in range(core.width):
            f = y * core.step_y + x * core.step_x
            i = (y * core.width + x) * core.vectors * lanes
            for v in range(core.vectors):
                for t in range(0, BLOCK, tile):
                    at, frame, weight = i + v * lanes + t * core.size, f + t * core.frame, core.dense + v * table
                    dot(
                        lanes,
                        tile,
                        sums,
                        at,
                        core.size,
                        frames,
                        frame,
                        core.frame,
                        core.line,
                        net.pairs,
                        weight,
                        core.kernel_y,
                        core.run,
                    )
