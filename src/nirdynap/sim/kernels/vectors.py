"""The few vector instructions that the fast kernels are made of, as Numba intrinsics.

Each works on `lanes` (8, 16 or 32, a literal) neighbouring int16 values. They are plain LLVM vectors, so they compile
for any processor; with AVX-512 a comparison ends up in a mask register, which is where they are fast. No bounds are
checked. They are globals of this module because closures over intrinsics never come back from Numba's disk cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from nirdynap.ir.units import INT16_MAX, INT16_MIN
from nirdynap.sim.kernels.machine import features, instruction_set

COMPRESSES_BYTES = {"+avx512vbmi2", "+avx512vl"} <= features()
_I16, _I32, _I64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any, kind: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())


def _at(builder: Any, address: Any, offset: int, kind: Any) -> Any:
    return builder.inttoptr(builder.add(address, ir.Constant(_I64, offset)), kind.as_pointer())


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


def _saturate(builder: Any, values: Any, kind: Any) -> tuple[Any, Any]:
    """Int32 values in int16, and where they do not fit."""
    high, low = (ir.Constant(values.type, [end] * kind.count) for end in (INT16_MAX, INT16_MIN))
    held = builder.select(builder.icmp_signed(">", values, high), high, values)
    held = builder.select(builder.icmp_signed("<", held, low), low, held)
    return builder.trunc(held, kind), builder.icmp_signed("!=", held, values)


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
def push(typing: Any, lanes: Any, tile: Any, codes: Any, first: Any, bits: Any) -> Any:
    """Store ``first + place`` for each of the bits of `tile` vectors that is set, one after the other, to an address.

    There must be room for all: what is behind the last is overwritten too. Returns how many they are. No branch depends
    on the bits unless more than 8 are set.
    """
    size = min(lanes.literal_value * tile.literal_value, 64)
    pack = _pack_bytes if COMPRESSES_BYTES else _pack_codes

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pack(builder, size, *arguments[2:])
        return _call(builder, "llvm.ctpop.i64", _I64, arguments[4])

    return types.int64(lanes, tile, *[types.int64] * 3), make


def _pack_bytes(builder: Any, size: int, to: Any, start: Any, flags: Any) -> None:
    """`push` by way of the places in bytes, all at once."""
    width = max(16, 1 << (size - 1).bit_length())
    places, codes = ir.VectorType(ir.IntType(8), width), ir.VectorType(_I64, 8)
    some = builder.bitcast(builder.trunc(flags, ir.IntType(width)), ir.VectorType(ir.IntType(1), width))
    numbers, behind = ir.Constant(places, list(range(width))), ir.Constant(places, ir.Undefined)
    name = f"llvm.experimental.vector.compress.v{width}i8"
    packed = _call(builder, name, places, numbers, some, behind)
    base = _splat(builder, start, codes)

    def store(group: int) -> None:
        part = ir.Constant(ir.VectorType(_I32, 8), list(range(group, group + 8)))
        some = builder.zext(builder.shuffle_vector(packed, behind, part), codes)
        builder.store(builder.add(some, base), _at(builder, to, 8 * group, codes), align=8)

    store(0)
    count = _call(builder, "llvm.ctpop.i64", _I64, flags)
    with builder.if_then(builder.icmp_signed(">", count, ir.Constant(_I64, 8)), likely=False):
        for group in range(8, size, 8):
            store(group)


def _pack_codes(builder: Any, size: int, to: Any, start: Any, flags: Any) -> None:
    """`push` eight codes at a time."""
    kind = ir.VectorType(_I64, 8)
    behind = ir.Constant(kind, ir.Undefined)
    for group in range(0, size, 8):
        byte = builder.trunc(builder.lshr(flags, ir.Constant(_I64, group)), ir.IntType(8))
        some = builder.bitcast(byte, ir.VectorType(ir.IntType(1), 8))
        values = builder.add(_splat(builder, start, kind), ir.Constant(kind, list(range(group, group + 8))))
        packed = _call(builder, "llvm.experimental.vector.compress.v8i64", kind, values, some, behind)
        builder.store(packed, _at(builder, to, 0, kind), align=8)
        count = builder.zext(_call(builder, "llvm.ctpop.i8", byte.type, byte), _I64)
        to = builder.add(to, builder.mul(count, ir.Constant(_I64, 8)))


@intrinsic(prefer_literal=True)
def end_step(
    typing: Any,
    lanes: Any,
    membranes: Any,
    i: Any,
    sums: Any,
    j: Any,
    bias: Any,
    k: Any,
    high: Any,
    low: Any,
    keep: Any,
) -> Any:
    """Add sums and biases to the membranes of a step, saturated; fire once; not below `low`. The sums become 0.

    The sums are int16, and then they fit it with the biases, or int32. They can be None: the membranes have had them
    added then, and nothing saturates, with the biases neither. `keep` is -1 to subtract `high` where a neuron
    fires, 0 to reset it. Returns int64 bits: of the neurons that fired, of those of them that had twice the threshold
    (they keep what is left of it whatever `keep` says), and of those that saturated.
    """
    kind = ir.VectorType(_I16, lanes.literal_value)
    wide = ir.VectorType(_I32, lanes.literal_value)
    given_apart = not isinstance(sums, types.NoneType)
    narrow = given_apart and sums.dtype == types.int16

    def total_of(context: Any, builder: Any, state: Any, constant: Any, sums_: Any, j_: Any) -> tuple[Any, Any]:
        if not given_apart:
            return builder.add(state, constant), ir.Constant(ir.VectorType(ir.IntType(1), kind.count), None)
        current = _pointer(context, builder, sums, sums_, j_, kind if narrow else wide)
        added = builder.load(current, align=2)
        builder.store(ir.Constant(added.type, None), current, align=2)
        if narrow:
            return _add_saturating(builder, state, builder.add(added, constant))
        exact = builder.add(added, builder.add(builder.sext(state, wide), builder.sext(constant, wide)))
        return _saturate(builder, exact, kind)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, membranes_, i_, sums_, j_, bias_, k_, *constants = arguments
        at = _pointer(context, builder, membranes, membranes_, i_, kind)
        state = builder.load(at, align=2)
        constant = builder.load(_pointer(context, builder, bias, bias_, k_, kind), align=2)
        threshold, bound, mask = (_splat(builder, builder.trunc(a, _I16), kind) for a in constants)
        total, saturated = total_of(context, builder, state, constant, sums_, j_)
        fired = builder.icmp_signed(">=", total, threshold)
        rest = builder.sub(total, threshold)
        again = builder.and_(builder.icmp_signed(">=", rest, threshold), fired)
        left = builder.select(again, rest, builder.and_(rest, mask))
        builder.store(_larger(builder, builder.select(fired, left, total), bound), at, align=2)
        return context.make_tuple(
            builder, signature.return_type, [_bits(builder, b) for b in (fired, again, saturated)]
        )

    given = (membranes, types.intp, sums, types.intp, bias, types.intp, types.int64, types.int64, types.int64)
    return types.UniTuple(types.int64, 3)(lanes, *given), make


@intrinsic(prefer_literal=True)
def dot(
    typing: Any,
    lanes: Any,
    tile: Any,
    sums: Any,
    i: Any,
    size: Any,
    frames: Any,
    f: Any,
    frame: Any,
    line: Any,
    pairs: Any,
    j: Any,
    rows: Any,
    run: Any,
) -> Any:
    """The sums of `lanes` neurons in `tile` (a literal) frames: int32, to sums[i], sums[i + size] and so on.

    Each is the sum over `rows` rows of `run` (even) counts, from frames[f] on, one row `line` and one frame `frame`
    behind the other, times the weights from pairs[j] on: two by two, as processors multiply them.
    """
    part = 16 if lanes.literal_value > 8 and instruction_set() == "avx512" else 8
    name = f"llvm.x86.{'avx512.pmaddw.d.512' if part == 16 else 'avx2.pmadd.wd'}"
    wide, kind = ir.VectorType(_I32, part), ir.VectorType(_I16, 2 * part)
    parts = lanes.literal_value // part

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, _, sums_, i_, size_, frames_, f_, frame_, line_, pairs_, j_, rows_, run_ = arguments
        firsts = [f_]
        for _ in range(1, tile.literal_value):
            firsts.append(builder.add(firsts[-1], frame_))
        two, step = ir.Constant(_I64, 2), ir.Constant(_I64, 2 * lanes.literal_value)
        zeros = [ir.Constant(wide, None)] * (tile.literal_value * parts)
        with _repeat(builder, rows_, ir.Constant(_I64, 0), j_, *zeros) as ((along, by, *row_sums), next_row):
            half = builder.lshr(run_, ir.Constant(_I64, 1))
            with _repeat(builder, half, along, by, *row_sums) as ((place, weight, *values), following):
                tables = []
                for k in range(parts):
                    offset = builder.add(weight, ir.Constant(_I64, 2 * part * k))
                    tables.append(builder.load(_pointer(context, builder, pairs, pairs_, offset, kind), align=2))
                following += [builder.add(place, two), builder.add(weight, step)]
                for t, first in enumerate(firsts):
                    pair = builder.load(
                        _pointer(context, builder, frames, frames_, builder.add(first, place), _I32), align=2
                    )
                    both = builder.bitcast(_splat(builder, pair, wide), kind)
                    for k, table in enumerate(tables):
                        product = _call(builder, name, wide, both, table)
                        following.append(builder.add(values[t * parts + k], product))
            next_row += [builder.add(along, line_), *following[1:]]
        for n, value in enumerate(next_row[2:]):
            t, k = divmod(n, parts)
            at = builder.add(i_, builder.mul(size_, ir.Constant(_I64, t)))
            at = builder.add(at, ir.Constant(_I64, part * k))
            builder.store(value, _pointer(context, builder, sums, sums_, at, wide), align=4)
        return context.get_dummy_value()

    index, number = types.intp, types.int64
    given = (sums, index, index, frames, index, index, index, pairs, index, number, number)
    return types.void(lanes, tile, *given), make


@intrinsic
def take_flags(typing: Any, flags: Any, at: Any) -> Any:
    """One bit for each of the 64 bytes from flags[at] on: is it not 0? The bytes become 0."""
    kind = ir.VectorType(ir.IntType(8), 64)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        flags_, at_ = arguments
        pointer = _pointer(context, builder, flags, flags_, at_, kind)
        nothing = ir.Constant(kind, None)
        bits = _bits(builder, builder.icmp_unsigned("!=", builder.load(pointer, align=1), nothing))
        builder.store(nothing, pointer, align=1)
        return bits

    return types.int64(flags, types.intp), make


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
