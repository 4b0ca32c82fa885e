"""Instructions that numba does not spell by itself: addresses, a meeting of threads, the bf16 dot product."""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

COLUMNS = 32
"""Columns of a tile of a product: two vectors of sixteen fp32 sums."""

_FP32, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_LANES = 16
_SUMS = ir.VectorType(_FP32, _LANES)
_PAIRS = ir.VectorType(_I32, _LANES)  # two bf16 numbers in each
_PATIENCE = 4000
"""Looks at a meeting's count before a thread offers its processor to others."""


def has_dot_product() -> bool:
    """Whether this processor multiplies bf16 pairs in vectors of 512 bits."""
    return bool(llvmlite.binding.get_host_cpu_features().get("avx512bf16"))


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


@intrinsic
def call(typing_context, address):
    """Call the C function `int f(void)` at `address`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = builder.inttoptr(arguments[0], ir.FunctionType(_I32, []).as_pointer())
        return builder.sext(builder.call(function, []), _I64)

    return types.intp(types.intp), generate


@intrinsic
def meet(typing_context, counter, arrivals):
    """Arrive at the meeting counted at address `counter`; go on when `arrivals` in all have arrived."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count, enough = builder.inttoptr(arguments[0], _I64.as_pointer()), arguments[1]
        builder.atomic_rmw("add", count, _I64(1), "acq_rel")
        arrived = builder.block
        look, wait, offer, done = (builder.append_basic_block() for _ in range(4))
        builder.branch(look)

        builder.position_at_end(look)
        looks = builder.phi(_I64)
        here = builder.icmp_signed(">=", builder.load_atomic(count, "acquire", 8), enough)
        builder.cbranch(here, done, wait)

        builder.position_at_end(wait)
        more = builder.add(looks, _I64(1))
        builder.cbranch(builder.icmp_signed(">", more, _I64(_PATIENCE)), offer, look)

        builder.position_at_end(offer)
        builder.call(_external(builder, "sched_yield", ir.FunctionType(_I32, [])), [])
        builder.branch(look)

        for value, block in ((_I64(0), arrived), (more, wait), (more, offer)):
            looks.add_incoming(value, block)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), generate


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


def _tile(rows: int) -> Any:
    @intrinsic
    def multiply(typing_context, x, stride, weights, pairs, start, start_stride, sums, sums_stride):
        """Write x weights + start, of `rows` rows and `COLUMNS` columns, to `sums`.

        x          address of bf16 rows, the next one `stride` pairs further
        weights    address of `pairs` times COLUMNS pairs, as `pack` lays them out
        start      address of fp32 rows, the next one `start_stride` numbers further
        sums       address of fp32 rows, the next one `sums_stride` numbers further
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            x, stride, weights, pairs, start, start_stride, sums, sums_stride = arguments
            x = builder.inttoptr(x, _I32.as_pointer())
            weights = builder.inttoptr(weights, _PAIRS.as_pointer())
            start, sums = (builder.inttoptr(part, _FP32.as_pointer()) for part in (start, sums))
            vectors = range(COLUMNS // _LANES)

            def sums_at(base: Any, offset: Any, vector: int) -> Any:
                at = builder.gep(base, [builder.add(offset, _I64(_LANES * vector))])
                return builder.bitcast(at, _SUMS.as_pointer())

            starts = [
                [
                    builder.load(sums_at(start, builder.mul(start_stride, _I64(row)), n), align=4)
                    for n in vectors
                ]
                for row in range(rows)
            ]
            before, body, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
            builder.branch(body)

            builder.position_at_end(body)
            k = builder.phi(_I64)
            totals = [[builder.phi(_SUMS) for _ in vectors] for _ in range(rows)]
            at = builder.mul(k, _I64(len(vectors)))
            columns = [
                builder.load(builder.gep(weights, [builder.add(at, _I64(n))]), align=64) for n in vectors
            ]
            dot = _external(
                builder, "llvm.x86.avx512bf16.dpbf16ps.512", ir.FunctionType(_SUMS, [_SUMS, _PAIRS, _PAIRS])
            )
            next_totals = []
            for row in range(rows):
                word = builder.load(builder.gep(x, [builder.add(builder.mul(stride, _I64(row)), k)]), align=4)
                pair = builder.insert_element(ir.Constant(_PAIRS, ir.Undefined), word, _I32(0))
                pair = builder.shuffle_vector(pair, pair, ir.Constant(_PAIRS, [0] * _LANES))
                next_totals.append([builder.call(dot, [totals[row][n], pair, columns[n]]) for n in vectors])
            next_k = builder.add(k, _I64(1))
            builder.cbranch(builder.icmp_signed("<", next_k, pairs), body, after)
            k.add_incoming(_I64(0), before)
            k.add_incoming(next_k, body)
            for row in range(rows):
                for n in vectors:
                    totals[row][n].add_incoming(starts[row][n], before)
                    totals[row][n].add_incoming(next_totals[row][n], body)

            builder.position_at_end(after)
            for row in range(rows):
                for n in vectors:
                    at = sums_at(sums, builder.mul(sums_stride, _I64(row)), n)
                    builder.store(next_totals[row][n], at, align=4)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 8), generate

    return multiply


# With eight rows, sixteen vectors of sums are under way at once: enough to hide how long each takes.
multiply_8, multiply_4, multiply_2, multiply_1 = (_tile(rows) for rows in (8, 4, 2, 1))


def _external(builder: Any, name: str, kind: Any) -> Any:
    module = builder.module
    return module.globals.get(name) or ir.Function(module, kind, name)
