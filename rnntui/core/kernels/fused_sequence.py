"""A whole sequence without leaving compiled code, on processors whose vectors `llvm_intrinsics.TILINGS` knows.

Each thread owns some of the hidden units.  At every time step it multiplies the state by their columns
of the recurrent weights, which stay in its cache, goes on at once with what the cell does to these
units, and meets the others where the step ends.  Products that a library makes one by one would meet
twice a step, and what one thread computed would pass through the cache of another.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import torch
from numba.extending import overload
from torch import Tensor

from rnntui.core.kernels import elman, gru, lstm
from rnntui.core.kernels.compiling import inlined, items, kernel, thread, thread_function
from rnntui.core.kernels.kernels import Gradients, Kept, KernelArray, Kernels
from rnntui.core.kernels.llvm_intrinsics import (
    BF16,
    FP32,
    TILINGS,
    copy,
    fp32_at,
    int32_at,
    meet,
    multiplies,
    multiply_tile,
    numbers_at,
)
from rnntui.core.kernels.openmp import find_threads

STEP_KERNELS = (lstm.KERNELS, gru.KERNELS, elman.TANH, elman.RELU)
"""A sweep is compiled for each by its place here."""

# What a job consists of: sizes, addresses of numbers; those from _DY on for the way back alone.
_T, _B, _H, _GATES, _COUNT, _GATE, _KEPT, _STATE, _WEIGHT, _PACKED, _BIAS, _SUMS = range(12)
_DY, _DH, _CARRY, _DG, _DR, _ROWS = range(12, 18)

_LINE = 16
"""Words in a line of the cache."""
_PADDING = 16
"""Words between the rows that a product reads side by side: rows a multiple of 4096 bytes apart would
contend for the same lines of the cache, and take twice the time."""
_TILING_OF = {torch.bfloat16: BF16, torch.float32: FP32}


def serves(dtype: torch.dtype, U: Tensor) -> bool:
    """Return True if the sweep can do layers of `dtype` with the recurrent weights U (gates*H, H)."""
    tiling = _TILING_OF.get(dtype)
    if tiling is None or U.shape[1] % TILINGS[tiling].numbers:
        return False
    return multiplies(tiling) and find_threads() is not None


def forward(kernels: Kernels, layer: Kept, bias: Tensor | None) -> None:
    """All steps of a layer: the gates into G, what else is kept into S, the outputs into h."""
    T, B, gates, H = layer.G.shape
    dtype, tiling = layer.h.dtype, _TILING_OF[layer.h.dtype]
    columns = TILINGS[tiling].columns
    blocks = -(-H // columns)
    start = torch.zeros(gates, blocks * columns)
    if bias is not None:
        start[:, :H] = bias.view(gates, H)
    packed = torch.empty(blocks * gates * columns * H, dtype=dtype)
    sums = torch.empty(torch.get_num_threads(), B, gates, blocks * columns)
    sweep = _forward_sweep(tiling, STEP_KERNELS.index(kernels))
    _share(sweep, (T, B, H, gates), *layer, packed, start, sums)


def backward(kernels: Kernels, layer: Kept, gradients: Gradients) -> None:
    """All steps back: the sums' gradients into dG and dR; dh and carry become those of the first state."""
    T, B, gates, H = layer.G.shape
    dtype, tiling = layer.h.dtype, _TILING_OF[layer.h.dtype]
    columns = TILINGS[tiling].columns
    blocks = -(-H // columns)
    start = torch.zeros(columns)
    packed = torch.empty(blocks * columns * gates * H, dtype=dtype)
    sums = torch.empty(torch.get_num_threads(), B, blocks * columns)
    rows = torch.empty(2, B, gates * H + _PADDING * TILINGS[tiling].numbers, dtype=dtype)
    sweep = _backward_sweep(tiling, STEP_KERNELS.index(kernels))
    _share(sweep, (T, B, H, gates), *layer, packed, start, sums, *gradients, rows)


def _share(sweep: int, sizes: tuple[int, int, int, int], *tensors: Tensor) -> None:
    """Have every thread do its units."""
    threads = find_threads()
    assert threads is not None
    count = torch.zeros(8, dtype=torch.int64)
    threads.share(sweep, sizes, (count, *tensors))


@kernel
def _pack_rows(U: KernelArray, begin: int, end: int, packed: KernelArray) -> None:
    """The rows of U (gates, H, K), in words, as tiles multiply them: packed (blocks, gates, K, columns)."""
    gates, H, words = U.shape
    columns = packed.shape[3]
    for block in range(begin, end):
        for gate in range(gates):
            for chunk in range(0, words, _LINE):
                for column in range(columns):
                    unit = block * columns + column
                    for word in range(chunk, min(chunk + _LINE, words)):
                        packed[block, gate, word, column] = U[gate, unit, word] if unit < H else 0


@kernel
def _pack_columns(U: KernelArray, begin: int, end: int, packed: KernelArray) -> None:
    """The columns of U (K, H) as tiles multiply them: packed (blocks, words, columns, numbers in a word)."""
    H = U.shape[1]
    _, words, width, numbers = packed.shape
    for block in range(begin, end):
        columns = min(width, H - block * width)
        for word in range(words):
            for column in range(columns):
                for number in range(numbers):
                    packed[block, word, column, number] = U[numbers * word + number, block * width + column]
            for column in range(columns, width):
                packed[block, word, column, :] = 0


@inlined
def _multiply(
    tiling: int,
    most: int,
    x: int,
    rows: int,
    stride: int,
    weights: int,
    words: int,
    start: int,
    start_stride: int,
    sums: int,
    width: int,
) -> None:
    """One panel: x (rows, words) times packed weights plus start, into a tile's columns of sums.

    The tiling and `most`, the rows of its largest tile, are constants.  x, weights, start and sums are addresses; rows
    of x are `stride` words apart, of start and sums `start_stride` and `width` numbers.
    """
    row = 0
    while row < rows:
        here, begin, into = x + 4 * row * stride, start + 4 * row * start_stride, sums + 4 * row * width
        if rows - row >= most:
            multiply_tile(tiling, most, here, stride, weights, words, begin, start_stride, into, width)
            row += most
        elif rows - row >= 4:
            multiply_tile(tiling, 4, here, stride, weights, words, begin, start_stride, into, width)
            row += 4
        elif rows - row >= 2:
            multiply_tile(tiling, 2, here, stride, weights, words, begin, start_stride, into, width)
            row += 2
        else:
            multiply_tile(tiling, 1, here, stride, weights, words, begin, start_stride, into, width)
            row += 1


def _step(cell: int, *arguments: Any) -> None:
    """A cell's loop; compiled code, to which `cell` is a constant, gets it from the overload below."""
    STEP_KERNELS[cell].forward(*arguments)


def _step_back(cell: int, *arguments: Any) -> None:
    """The same on the way back."""
    STEP_KERNELS[cell].backward(*arguments)


@inlined
def _own_blocks(who: int, how_many: int, H: int, columns: int) -> tuple[int, int, int, int]:
    """Bounds of a thread's blocks of units; its first unit, and the number of its units."""
    blocks = (H + columns - 1) // columns
    begin, end = who * blocks // how_many, (who + 1) * blocks // how_many
    return begin, end, begin * columns, min(end * columns, H) - begin * columns


@overload(_step, prefer_literal=True)
def _choose_step(cell, t, units, G, R, S, h):
    step = STEP_KERNELS[cell.literal_value].forward
    return lambda cell, t, units, G, R, S, h: step(t, units, G, R, S, h)


@overload(_step_back, prefer_literal=True)
def _choose_step_back(cell, t, units, G, S, h, dy, dh, carry, dG, dR):
    step = STEP_KERNELS[cell.literal_value].backward
    return lambda cell, t, units, G, S, h, dy, dh, carry, dG, dR: step(
        t, units, G, S, h, dy, dh, carry, dG, dR
    )


@cache
def _forward_sweep(tiling: int, cell: int) -> int:
    """Work of a thread on a job forward, compiled for one of `TILINGS` and one cell."""
    here = TILINGS[tiling]
    size, columns, numbers, most = here.size, here.columns, here.numbers, here.rows

    def sweep(address):
        job, (who, how_many) = items(address, _SUMS + 1), thread(address)
        T, B, H, gates = job[_T], job[_B], job[_H], job[_GATES]
        # Every array begins at this thread's first unit.
        begin, end, first, units = _own_blocks(who, how_many, H, columns)
        blocks = (H + columns - 1) // columns
        width, words = blocks * columns, H // numbers
        packed_at, panel_size = job[_PACKED], H * columns * size
        G = numba.carray(numbers_at(tiling, job[_GATE] + size * first), (T, B, gates, H))
        h = numba.carray(numbers_at(tiling, job[_STATE] + size * first), (T + 1, B, H))
        S = numba.carray(fp32_at(job[_KEPT] + 4 * first), (T + 1, B, H))
        sums = job[_SUMS] + 4 * who * B * gates * width
        R = numba.carray(fp32_at(sums), (B, gates, width))
        packed = numba.carray(int32_at(job[_PACKED]), (blocks, gates, words, columns))
        _pack_rows(numba.carray(int32_at(job[_WEIGHT]), (gates, H, words)), begin, end, packed)
        for t in range(T):
            state = job[_STATE] + size * t * B * H
            for block in range(begin, end):
                for gate in range(gates):
                    panel = packed_at + (block * gates + gate) * panel_size
                    start = job[_BIAS] + 4 * (gate * width + block * columns)
                    into = sums + 4 * (gate * width + (block - begin) * columns)
                    _multiply(tiling, most, state, B, words, panel, words, start, 0, into, gates * width)
            _step(cell, t, units, G, R, S, h)
            meet(job[_COUNT], (t + 1) * how_many)

    return thread_function(sweep)


@cache
def _backward_sweep(tiling: int, cell: int) -> int:
    """Work of a thread on a job backward, compiled for one of `TILINGS` and one cell."""
    here = TILINGS[tiling]
    size, columns, numbers, most = here.size, here.columns, here.numbers, here.rows

    def sweep(address):
        job, (who, how_many) = items(address, _ROWS + 1), thread(address)
        T, B, H, gates = job[_T], job[_B], job[_H], job[_GATES]
        # Every array begins at this thread's first unit.
        begin, end, first, units = _own_blocks(who, how_many, H, columns)
        blocks = (H + columns - 1) // columns
        width, words = blocks * columns, H // numbers
        stride = gates * words + _PADDING
        packed_at, panel_size = job[_PACKED], H * columns * size
        G = numba.carray(numbers_at(tiling, job[_GATE] + size * first), (T, B, gates, H))
        dG = numba.carray(numbers_at(tiling, job[_DG] + size * first), (T, B, gates, H))
        dR = numba.carray(numbers_at(tiling, job[_DR] + size * first), (T, B, gates, H))
        h = numba.carray(numbers_at(tiling, job[_STATE] + size * first), (T + 1, B, H))
        dy = numba.carray(numbers_at(tiling, job[_DY] + size * first), (T, B, H))
        S = numba.carray(fp32_at(job[_KEPT] + 4 * first), (T + 1, B, H))
        carry = numba.carray(fp32_at(job[_CARRY] + 4 * first), (B, H))
        outer = numba.carray(fp32_at(job[_DH] + 4 * first), (B, H))
        sums = job[_SUMS] + 4 * who * B * width
        dh = numba.carray(fp32_at(sums), (B, 1, width))
        packed = numba.carray(numbers_at(tiling, job[_PACKED]), (blocks, gates * words, columns, numbers))
        U = numba.carray(numbers_at(tiling, job[_WEIGHT]), (gates * H, H))
        _pack_columns(U, begin, end, packed)
        for b in range(B):
            for j in range(units):
                dh[b, 0, j] = outer[b, j]
        for back in range(T):
            t = T - 1 - back
            _step_back(cell, t, units, G, S, h, dy, dh, carry, dG, dR)
            x = job[_ROWS] + 4 * (t % 2) * B * stride
            for b in range(B):
                for gate in range(gates):
                    row = job[_DR] + size * (((t * B + b) * gates + gate) * H + first)
                    copy(x + 4 * b * stride + size * (gate * H + first), row, size * units)
            meet(job[_COUNT], (back + 1) * how_many)
            # Gate by gate, so that a panel and its part of x stay in the nearest cache.
            for gate in range(gates):
                for block in range(begin, end):
                    panel = packed_at + (block * gates + gate) * panel_size
                    into = sums + 4 * (block - begin) * columns
                    start, start_stride = (into, width) if gate else (job[_BIAS], 0)
                    _multiply(
                        tiling,
                        most,
                        x + size * gate * H,
                        B,
                        stride,
                        panel,
                        words,
                        start,
                        start_stride,
                        into,
                        width,
                    )
        for b in range(B):
            for j in range(units):
                outer[b, j] = dh[b, 0, j]

    return thread_function(sweep)
