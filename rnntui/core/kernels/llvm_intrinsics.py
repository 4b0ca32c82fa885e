"""Instructions that numba does not spell by itself: addresses, a meeting of threads, tiles of a product."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_FP32, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTORS = 2
"""Vectors of sums side by side in a tile."""
_LOOKS = 1000
"""Looks at a meeting's count before a thread sleeps: some twenty microseconds."""
_FUTEX, _FUTEX_WAIT, _FUTEX_WAKE = 202, 128, 129
"""Linux's call on x86-64, and its operations within a process; `multiplies` holds on no other processor."""


class Tiling(NamedTuple):
    """Tiling of a product in one precision: the sums of a tile stay in the processor's vectors.

    A product reads words of four bytes: two bf16 numbers or one of fp32.
    """

    size: int
    """Bytes of a number."""
    lanes: int
    """fp32 sums in a vector."""
    rows: int
    """Size of the largest tile: as many sums as hide the latency of each, and as there are vectors for."""

    @property
    def columns(self) -> int:
        """Size of a tile."""
        return _VECTORS * self.lanes

    @property
    def numbers(self) -> int:
        """In a word."""
        return 4 // self.size


TILINGS = (Tiling(size=2, lanes=16, rows=8), Tiling(size=4, lanes=8, rows=6))
"""Tilings of bf16 in vectors of 512 bits, and of fp32 in vectors of 256; compiled code names them by their index."""
BF16, FP32 = range(2)


@cache
def multiplies(tiling: int) -> bool:
    """Return True if this processor does these tiles well.

    Where it has vectors of 512 bits, a library's fp32 product uses them and these tiles would not.
    """
    has = llvmlite.binding.get_host_cpu_features().get
    if tiling == BF16:
        return bool(has("avx512bf16"))
    return bool(has("avx2") and has("fma") and not has("avx512f"))


def _pointer_to(kind: types.Type) -> Any:
    @intrinsic
    def at(typing_context, address):
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(kind)(types.intp), generate

    return at


int64_at, int32_at, fp32_at, bf16_at = (
    _pointer_to(kind) for kind in (types.int64, types.int32, types.float32, types.uint16)
)
"""The numbers at an address, for `numba.carray`."""


@intrinsic(prefer_literal=True)
def numbers_at(typing_context, tiling, address):
    """As these, numbers in the precision of a tiling."""
    kind = types.uint16 if tiling.literal_value == BF16 else types.float32

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[1], context.get_value_type(signature.return_type))

    return types.CPointer(kind)(tiling, types.intp), generate


@intrinsic
def call(typing_context, address):
    """Call the C function `int f(void)` at `address`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = builder.inttoptr(arguments[0], ir.FunctionType(_I32, []).as_pointer())
        return builder.sext(builder.call(function, []), _I64)

    return types.intp(types.intp), generate


@intrinsic
def meet(typing_context, counter, arrivals):
    """Arrive at the meeting counted at address `counter`; go on when `arrivals` in all have arrived.

    A thread looks for the others about as long as it takes to fall asleep and be woken, then it sleeps: where
    another program has a processor, the thread that everybody waits for gets the one that the sleeper leaves.
    The number of sleepers stands in the int64 behind the counter, so that who comes last wakes them only then.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count, enough = builder.inttoptr(arguments[0], _I64.as_pointer()), arguments[1]
        sleepers = builder.gep(count, [_I64(1)])
        # In one order for all threads: nobody may fall asleep between the last arrival and its look for sleepers.
        before = builder.atomic_rmw("add", count, _I64(1), "seq_cst")
        is_last = builder.icmp_signed(">=", builder.add(before, _I64(1)), enough)
        arrive, look, pause, sleep, wake, done = (builder.append_basic_block() for _ in range(6))
        first = builder.block
        builder.cbranch(is_last, arrive, look)

        builder.position_at_end(look)
        looks = builder.phi(_I64)
        here = builder.icmp_signed(">=", builder.load_atomic(count, "seq_cst", 8), enough)
        builder.cbranch(here, done, pause)

        builder.position_at_end(pause)
        builder.call(_external(builder, "llvm.x86.sse2.pause", ir.FunctionType(ir.VoidType(), [])), [])
        more = builder.add(looks, _I64(1))
        builder.cbranch(builder.icmp_signed("<", more, _I64(_LOOKS)), look, sleep)

        builder.position_at_end(sleep)
        builder.atomic_rmw("add", sleepers, _I64(1), "seq_cst")
        seen = builder.load_atomic(count, "seq_cst", 8)
        late = builder.icmp_signed("<", seen, enough)
        # The system looks once more, and lets nobody sleep where the count has moved.
        with builder.if_then(late):
            _futex(builder, count, _FUTEX_WAIT, builder.trunc(seen, _I32))
        builder.atomic_rmw("sub", sleepers, _I64(1), "seq_cst")
        again = builder.block
        builder.branch(look)

        builder.position_at_end(arrive)
        asleep = builder.icmp_signed(">", builder.load_atomic(sleepers, "seq_cst", 8), _I64(0))
        builder.cbranch(asleep, wake, done)
        builder.position_at_end(wake)
        _futex(builder, count, _FUTEX_WAKE, _I32(2**31 - 1))
        builder.branch(done)

        for value, block in ((_I64(0), first), (more, pause), (_I64(0), again)):
            looks.add_incoming(value, block)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), generate


def _futex(builder: Any, word: Any, operation: int, value: Any) -> None:
    """Linux's wait on the lower half of an int64, or wake of those that wait there, within this process."""
    kind = ir.FunctionType(_I64, [_I64], var_arg=True)
    arguments = [_I64(_FUTEX), word, _I32(operation), value, _I64(0), _I64(0), _I32(0)]
    builder.call(_external(builder, "syscall", kind), arguments)


@intrinsic
def copy(typing_context, into, source, size):
    """Copy `size` bytes from the address `source` to the address `into`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        places = [builder.inttoptr(place, byte) for place in arguments[:2]]
        kind = ir.FunctionType(ir.VoidType(), [byte, byte, _I64, ir.IntType(1)])
        function = _external(builder, "llvm.memcpy.p0.p0.i64", kind)
        builder.call(function, [*places, arguments[2], ir.IntType(1)(0)])
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), generate


@intrinsic(prefer_literal=True)
def multiply_tile(
    typing_context, tiling, rows, x, stride, weights, words, start, start_stride, sums, sums_stride
):
    """Write x weights + start, of `rows` rows and the tiling's columns, to `sums`; `tiling`, `rows` are constants.

    x          address of rows of words, the next one `stride` words further
    weights    address of `words` rows of as many words as there are columns, as the sweep packs them
    start      address of fp32 rows, the next one `start_stride` numbers further
    sums       address of fp32 rows, the next one `sums_stride` numbers further
    """
    if not (isinstance(tiling, types.IntegerLiteral) and isinstance(rows, types.IntegerLiteral)):
        return None  # numba asks again with the constants
    here, count = TILINGS[tiling.literal_value], rows.literal_value
    vector = ir.VectorType(_FP32, here.lanes)
    factors = ir.VectorType(_I32, here.lanes) if tiling.literal_value == BF16 else vector

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, stride, weights, words, start, start_stride, sums, sums_stride = arguments[2:]
        x = builder.inttoptr(x, factors.element.as_pointer())
        weights = builder.inttoptr(weights, factors.as_pointer())
        start, sums = (builder.inttoptr(part, _FP32.as_pointer()) for part in (start, sums))
        vectors = range(_VECTORS)

        def sums_at(base: Any, offset: Any, n: int) -> Any:
            at = builder.gep(base, [builder.add(offset, _I64(here.lanes * n))])
            return builder.bitcast(at, vector.as_pointer())

        def add_product(total: Any, left: Any, right: Any) -> Any:
            if tiling.literal_value == BF16:
                kind = ir.FunctionType(vector, [vector, factors, factors])
                dot = _external(builder, "llvm.x86.avx512bf16.dpbf16ps.512", kind)
                return builder.call(dot, [total, left, right])
            fma = _external(builder, f"llvm.fma.v{here.lanes}f32", ir.FunctionType(vector, [vector] * 3))
            return builder.call(fma, [left, right, total])

        starts = [
            [builder.load(sums_at(start, builder.mul(start_stride, _I64(row)), n), align=4) for n in vectors]
            for row in range(count)
        ]
        before, body, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.branch(body)

        builder.position_at_end(body)
        k = builder.phi(_I64)
        totals = [[builder.phi(vector) for _ in vectors] for _ in range(count)]
        at = builder.mul(k, _I64(_VECTORS))
        columns = [
            builder.load(builder.gep(weights, [builder.add(at, _I64(n))]), align=4 * here.lanes)
            for n in vectors
        ]
        next_totals = []
        for row in range(count):
            word = builder.load(builder.gep(x, [builder.add(builder.mul(stride, _I64(row)), k)]), align=4)
            same = builder.insert_element(ir.Constant(factors, ir.Undefined), word, _I32(0))
            same = builder.shuffle_vector(
                same, same, ir.Constant(ir.VectorType(_I32, here.lanes), [0] * here.lanes)
            )
            next_totals.append([add_product(totals[row][n], same, columns[n]) for n in vectors])
        next_k = builder.add(k, _I64(1))
        builder.cbranch(builder.icmp_signed("<", next_k, words), body, after)
        k.add_incoming(_I64(0), before)
        k.add_incoming(next_k, body)
        for row in range(count):
            for n in vectors:
                totals[row][n].add_incoming(starts[row][n], before)
                totals[row][n].add_incoming(next_totals[row][n], body)

        builder.position_at_end(after)
        for row in range(count):
            for n in vectors:
                at = sums_at(sums, builder.mul(sums_stride, _I64(row)), n)
                builder.store(next_totals[row][n], at, align=4)
        return context.get_dummy_value()

    return types.void(tiling, rows, *[types.intp] * 8), generate


def _external(builder: Any, name: str, kind: Any) -> Any:
    module = builder.module
    return module.globals.get(name) or ir.Function(module, kind, name)
