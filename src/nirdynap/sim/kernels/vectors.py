"""The few vector instructions that the fast kernels are made of, as Numba intrinsics.

Each works on `lanes` (8, 16 or 32, a literal) neighbouring int16 values. They are plain LLVM vectors, so they compile
for any processor; with AVX-512 a comparison ends up in a mask register, which is where they are fast. No bounds are
checked. They are globals of this module because closures over intrinsics never come back from Numba's disk cache. That
cache looks at the file of a kernel only: after a change here, touch `steps.py` and `stream.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_I16, _I32, _I64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any, kind: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())


def _splat(builder: Any, value: Any, kind: Any) -> Any:
    """A scalar in every lane."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(
        one, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(_I32, kind.count), None)
    )


def _call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    function_type = ir.FunctionType(result, [a.type for a in arguments])
    return builder.call(builder.module.globals.get(name) or ir.Function(builder.module, function_type, name), arguments)


def _bits(builder: Any, flags: Any) -> Any:
    """One bit for each lane, in an int64."""
    return builder.zext(builder.bitcast(flags, ir.IntType(flags.type.count)), _I64)


def _add_saturating(builder: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """The saturated sum, and where it is not the sum."""
    total = _call(builder, f"llvm.sadd.sat.v{a.type.count}i16", a.type, a, b)
    return total, builder.icmp_signed("!=", total, builder.add(a, b))


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.icmp_signed(">", a, b), a, b)


@contextmanager
def _repeat(builder: Any, times: Any, *starts: Any) -> Iterator[tuple[list[Any], list[Any]]]:
    """A loop that runs `times` (at least once), not unrolled: a block has some three rows of some three vectors.

    Yields the values of the loop's variables, and a list to be filled with their next ones.
    """
    before = builder.block
    body, after = builder.append_basic_block("body"), builder.append_basic_block("after")
    builder.branch(body)
    builder.position_at_end(body)
    variables = [builder.phi(value.type) for value in (times, *starts)]
    for variable, value in zip(variables, (times, *starts), strict=True):
        variable.add_incoming(value, before)
    following: list[Any] = []
    yield variables[1:], following
    left = builder.sub(variables[0], ir.Constant(_I64, 1))
    for variable, value in zip(variables, (left, *following), strict=True):
        variable.add_incoming(value, builder.block)
    branch = builder.cbranch(builder.icmp_signed(">", left, ir.Constant(_I64, 0)), body, after)
    stop = builder.module.add_metadata(["llvm.loop.unroll.disable"])
    branch.set_metadata("llvm.loop", builder.module.add_metadata([stop]))
    builder.position_at_end(after)


@intrinsic(prefer_literal=True)
def add_block(
    typing: Any, lanes: Any, sums: Any, i: Any, row: Any, weights: Any, j: Any, rows: Any, vectors: Any, n: Any
) -> Any:
    """Add `n` times a block of weights to sums, wrapping: `rows` runs of `vectors`, from weights[j] on without gaps.

    The first run goes to sums[i], the next one `row` further.
    """
    kind = ir.VectorType(_I16, lanes.literal_value)
    size = ir.Constant(_I64, lanes.literal_value)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, sums_, i_, row_, weights_, j_, rows_, vectors_, n_ = arguments
        one = ir.Constant(_I64, 1)

        def add(at: Any, by: Any, times: Any) -> None:
            pointer = _pointer(context, builder, sums, sums_, at, kind)
            weight = builder.load(_pointer(context, builder, weights, weights_, by, kind), align=2)
            weight = weight if times is None else builder.mul(weight, times)
            builder.store(builder.add(builder.load(pointer, align=2), weight), pointer, align=2)

        def block(known: int | None, times: Any) -> None:
            with _repeat(builder, rows_, i_, j_) as ((first, weight), following):
                if known is None:
                    with _repeat(builder, vectors_, first, weight) as ((at, by), next_):
                        add(at, by, times)
                        next_ += [builder.add(at, size), builder.add(by, size)]
                    end = next_[1]
                else:
                    for k in range(known):
                        place = ir.Constant(_I64, k * lanes.literal_value)
                        add(builder.add(first, place), builder.add(weight, place), times)
                    end = builder.add(weight, ir.Constant(_I64, known * lanes.literal_value))
                following += [builder.add(first, row_), end]

        three = ir.Constant(_I64, 3)
        with builder.if_else(builder.icmp_signed("==", n_, one)) as (once, often):
            with once, builder.if_else(builder.icmp_signed("==", vectors_, three)) as (as_usual, otherwise):
                with as_usual:
                    block(3, None)
                with otherwise:
                    block(None, None)
            with often:
                block(None, _splat(builder, builder.trunc(n_, _I16), kind))
        return context.get_dummy_value()

    given = (lanes, sums, types.intp, types.intp, weights, types.intp, types.int64, types.int64, types.int64)
    return types.void(*given), make


@intrinsic(prefer_literal=True)
def add_runs(typing: Any, lanes: Any, tile: Any, sums: Any, i: Any, weights: Any, j: Any, runs: Any, count: Any) -> Any:
    """Add runs of `tile` (a literal) vectors to sums[i], wrapping: from weights[j + runs[0]] on, from runs[1], ....

    There are `count` runs, at least one; the sums stay in registers.
    """
    kind = ir.VectorType(_I16, lanes.literal_value)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, _, sums_, i_, weights_, j_, runs_, count_ = arguments
        places = [ir.Constant(_I64, k * lanes.literal_value) for k in range(tile.literal_value)]
        at = [_pointer(context, builder, sums, sums_, builder.add(i_, place), kind) for place in places]
        starts = [builder.load(pointer, align=2) for pointer in at]
        with _repeat(builder, count_, ir.Constant(_I64, 0), *starts) as ((index, *values), following):
            run = builder.load(_pointer(context, builder, runs, runs_, index, _I64), align=8)
            first = builder.add(j_, run)
            following.append(builder.add(index, ir.Constant(_I64, 1)))
            for value, place in zip(values, places, strict=True):
                by = _pointer(context, builder, weights, weights_, builder.add(first, place), kind)
                following.append(builder.add(value, builder.load(by, align=2)))
        for value, pointer in zip(following[1:], at, strict=True):
            builder.store(value, pointer, align=2)
        return context.get_dummy_value()

    given = (lanes, tile, sums, types.intp, weights, types.intp, runs, types.int64)
    return types.void(*given), make


@intrinsic(prefer_literal=True)
def append(typing: Any, lanes: Any, codes: Any, used: Any, first: Any, bits: Any) -> Any:
    """Store ``first + lane`` for each lane whose bit is set, one after the other, from ``codes[used]`` on.

    There must be room for all lanes: what is behind the last is overwritten too. No branch depends on the bits.
    """
    kind = ir.VectorType(_I64, 8)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, to, at, start, flags = arguments
        for group in range(0, lanes.literal_value, 8):
            byte = builder.trunc(builder.lshr(flags, ir.Constant(_I64, group)), ir.IntType(8))
            some = builder.bitcast(byte, ir.VectorType(ir.IntType(1), 8))
            values = builder.add(_splat(builder, start, kind), ir.Constant(kind, list(range(group, group + 8))))
            behind = ir.Constant(kind, ir.Undefined)
            packed = _call(builder, "llvm.experimental.vector.compress.v8i64", kind, values, some, behind)
            builder.store(packed, _pointer(context, builder, codes, to, at, kind), align=8)
            at = builder.add(at, builder.zext(_call(builder, "llvm.ctpop.i8", byte.type, byte), _I64))
        return context.get_dummy_value()

    return types.void(lanes, codes, types.intp, types.int64, types.int64), make


@intrinsic(prefer_literal=True)
def end_step(
    typing: Any,
    lanes: Any,
    membranes: Any,
    sums: Any,
    i: Any,
    bias: Any,
    j: Any,
    high: Any,
    low: Any,
    keep: Any,
) -> Any:
    """Add sums and biases to the membranes of a step, saturated; fire once; not below `low`. The sums become 0.

    `keep` is -1 to subtract `high` where a neuron fires, 0 to reset it. Returns int64 bits: of the neurons that fired,
    of those of them that had twice the threshold (they keep what is left of it whatever `keep` says), and of those
    that saturated.
    """
    kind = ir.VectorType(_I16, lanes.literal_value)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _pointer(context, builder, membranes, arguments[1], arguments[3], kind)
        current = _pointer(context, builder, sums, arguments[2], arguments[3], kind)
        constant = builder.load(_pointer(context, builder, bias, arguments[4], arguments[5], kind), align=2)
        threshold, bound, mask = (_splat(builder, builder.trunc(a, _I16), kind) for a in arguments[6:9])
        added = builder.add(builder.load(current, align=2), constant)
        builder.store(ir.Constant(kind, None), current, align=2)
        total, saturated = _add_saturating(builder, builder.load(at, align=2), added)
        fired = builder.icmp_signed(">=", total, threshold)
        rest = builder.sub(total, threshold)
        again = builder.and_(builder.icmp_signed(">=", rest, threshold), fired)
        left = builder.select(again, rest, builder.and_(rest, mask))
        builder.store(_larger(builder, builder.select(fired, left, total), bound), at, align=2)
        return context.make_tuple(
            builder, signature.return_type, [_bits(builder, b) for b in (fired, again, saturated)]
        )

    given = (lanes, membranes, sums, types.intp, bias, types.intp, types.int64, types.int64, types.int64)
    return types.UniTuple(types.int64, 3)(*given), make


@intrinsic(prefer_literal=True)
def update(
    typing: Any, lanes: Any, tile: Any, membranes: Any, i: Any, weights: Any, j: Any, high: Any, low: Any, keep: Any
) -> Any:
    """One event's weights added to `tile` (a literal) vectors of membranes, 64 lanes at most.

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
            builder.store(_larger(builder, left, bound), at, align=2)
            return fired, saturated

        bits = _tiles(context, builder, (lanes, tile, membranes, weights), arguments, one)
        return context.make_tuple(builder, signature.return_type, bits)

    given = (lanes, tile, membranes, types.intp, weights, types.intp, types.int64, types.int64, types.int64)
    return types.UniTuple(types.int64, 2)(*given), make


@intrinsic(prefer_literal=True)
def update_calm(
    typing: Any, lanes: Any, tile: Any, membranes: Any, i: Any, weights: Any, j: Any, high: Any, low: Any, keep: Any
) -> Any:
    """`update` where nothing can saturate, and no neuron waits at or above `high`. Returns the bits that fired."""

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def one(at: Any, by: Any, threshold: Any, bound: Any, mask: Any) -> tuple[Any]:
            total = builder.add(builder.load(at, align=2), builder.load(by, align=2))
            fired = builder.icmp_signed(">=", total, threshold)
            left = builder.select(fired, builder.and_(builder.sub(total, threshold), mask), total)
            builder.store(_larger(builder, left, bound), at, align=2)
            return (fired,)

        return _tiles(context, builder, (lanes, tile, membranes, weights), arguments, one)[0]

    given = (lanes, tile, membranes, types.intp, weights, types.intp, types.int64, types.int64, types.int64)
    return types.int64(*given), make


def _tiles(context: Any, builder: Any, given: Any, arguments: Any, one: Callable[..., tuple[Any, ...]]) -> list[Any]:
    """`one` for each vector of a tile; the bits that it returns, those of the first vector lowest."""
    lanes, tile, membranes, weights = given
    kind = ir.VectorType(_I16, lanes.literal_value)
    constants = [_splat(builder, builder.trunc(a, _I16), kind) for a in arguments[6:9]]
    bits: list[Any] = []
    for k in range(tile.literal_value):
        place = ir.Constant(_I64, k * lanes.literal_value)
        at = _pointer(context, builder, membranes, arguments[2], builder.add(arguments[3], place), kind)
        by = _pointer(context, builder, weights, arguments[4], builder.add(arguments[5], place), kind)
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
def lowest_bit(typing: Any, word: Any) -> Any:
    """Index of the lowest bit set in an int64 that is not 0."""

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _call(builder, "llvm.cttz.i64", _I64, arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), make


@intrinsic
def count_bits(typing: Any, word: Any) -> Any:
    """Number of bits set in an int64."""

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _call(builder, "llvm.ctpop.i64", _I64, arguments[0])

    return types.int64(types.int64), make
