"""The vector instructions of the event run alone; see `vectors`. After a change here, touch `stream.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from nirdynap.sim.kernels.vectors import _I16, _I64, _add_saturating, _at, _bits, _larger, _pointer, _splat


@intrinsic(prefer_literal=True)
def update(typing: Any, lanes: Any, tile: Any, membranes: Any, weights: Any, high: Any, low: Any, keep: Any) -> Any:
    """One event's weights added to `tile` (a literal) vectors of membranes, 64 lanes at most; both are addresses.

    Each sum is saturated, fires at `high` and is not below `low`; zero weights touch nothing. `keep` as in `end_step`.
    Returns int64 bits of the neurons that fired and of those that saturated.
    """
    kind = ir.VectorType(_I16, lanes.literal_value)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def one(at: Any, by: Any, threshold: Any, bound: Any, mask: Any) -> tuple[Any, Any]:
            weight = builder.load(by, align=2)
            total, saturated = _add_saturating(builder, builder.load(at, align=2), weight)
            touched = builder.icmp_signed("!=", weight, ir.Constant(kind, None))
            fired = builder.and_(builder.icmp_signed(">=", total, threshold), touched)
            left = builder.select(fired, builder.and_(builder.sub(total, threshold), mask), total)
            # A bound for each lane: to store only the touched lanes would keep the next event waiting for its load.
            none = ir.Constant(kind, [-(2**15)] * kind.count)
            builder.store(_larger(builder, left, builder.select(touched, bound, none)), at, align=2)
            return fired, saturated

        return context.make_tuple(builder, signature.return_type, _tiles(builder, tile, kind, arguments, one))

    return types.UniTuple(types.int64, 2)(lanes, tile, *[types.int64] * 5), make


@intrinsic(prefer_literal=True)
def update_calm(
    typing: Any, lanes: Any, tile: Any, membranes: Any, weights: Any, high: Any, low: Any, keep: Any
) -> Any:
    """`update` where nothing can saturate, and no neuron waits at or above `high`. Returns the bits that fired."""
    kind = ir.VectorType(_I16, lanes.literal_value)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def one(at: Any, by: Any, threshold: Any, bound: Any, mask: Any) -> tuple[Any]:
            total = builder.add(builder.load(at, align=2), builder.load(by, align=2))
            fired = builder.icmp_signed(">=", total, threshold)
            left = builder.select(fired, builder.and_(builder.sub(total, threshold), mask), total)
            builder.store(_larger(builder, left, bound), at, align=2)
            return (fired,)

        return _tiles(builder, tile, kind, arguments, one)[0]

    return types.int64(lanes, tile, *[types.int64] * 5), make


def _tiles(builder: Any, tile: Any, kind: Any, arguments: Any, one: Callable[..., tuple[Any, ...]]) -> list[Any]:
    """`one` for each vector of a tile; the bits that it returns, those of the first vector lowest."""
    constants = [_splat(builder, builder.trunc(a, _I16), kind) for a in arguments[4:7]]
    bits: list[Any] = []
    for k in range(tile.literal_value):
        place = ir.Constant(_I64, k * kind.count)
        at, by = (_at(builder, address, k * 2 * kind.count, kind) for address in arguments[2:4])
        flags = [builder.shl(_bits(builder, f), place) for f in one(at, by, *constants)]
        bits = [builder.or_(*pair) for pair in zip(bits, flags, strict=True)] if bits else flags
    return bits


@intrinsic(prefer_literal=True)
def tick(typing: Any, lanes: Any, membranes: Any, i: Any, bias: Any, j: Any, low: Any) -> Any:
    """Biases added to membranes, saturated and not below `low`; returns int64 bits of those that saturated."""
    kind = ir.VectorType(_I16, lanes.literal_value)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _pointer(context, builder, membranes, arguments[1], arguments[2], kind)
        by = builder.load(_pointer(context, builder, bias, arguments[3], arguments[4], kind), align=2)
        total, saturated = _add_saturating(builder, builder.load(at, align=2), by)
        builder.store(_larger(builder, total, _splat(builder, builder.trunc(arguments[5], _I16), kind)), at, align=2)
        return _bits(builder, saturated)

    return types.int64(lanes, membranes, types.intp, bias, types.intp, types.int64), make


@intrinsic
def write(typing: Any, codes: Any, code: Any) -> Any:
    """Store one code at an address."""

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[1], _at(builder, arguments[0], 0, _I64), align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), make
