"""A whole sequence of a cell whose gates do not read the state.

Nothing is multiplied between two steps, so gates and recurrence are one pass over the sums that one
product has made, along the time and in vectors over the units, which the threads share out.  Being a
plain recurrence in fp32, it is as stable at any length as the step is.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

import numba
import torch
from numba.extending import overload
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnntui.core.kernels import mingru, minlstm
from rnntui.core.kernels.arithmetic import array
from rnntui.core.kernels.compiling import inlined, items, thread, thread_function
from rnntui.core.kernels.kernels import ScanKernels
from rnntui.core.kernels.llvm_intrinsics import bf16_at, fp32_at
from rnntui.core.kernels.openmp import find_threads

SCAN_KERNELS = (mingru.KERNELS, minlstm.KERNELS)
"""A scan is compiled for each by its place here."""

# What a job consists of: sizes, addresses of numbers; the last two on the way back alone.
_T, _B, _H, _GATES, _STATE, _CARRY, _DY, _DG = range(8)
_BLOCK = 32
"""Units that one thread takes at least: a line of the cache in bf16."""


def run(kernels: ScanKernels, sums: Tensor, h_0: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs (T, B, H) and last state (B, H) from the gates' sums (T, B, gates*H)."""
    if sums.device.type == "cuda":
        from rnntui.core.kernels.scan_cuda import Scan

        y, last = Scan.apply(kernels, sums, h_0)
    else:
        y, last = _Scan.apply(kernels, sums, h_0)
    return y, last


def serves(sums: Tensor) -> bool:
    """Return True if there is a scan where `sums` lie: on the CPU, and on a CUDA GPU with Triton."""
    return sums.device.type == "cpu" or (sums.device.type == "cuda" and find_spec("triton") is not None)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kernels: ScanKernels, sums: Tensor, h_0: Tensor) -> tuple[Tensor, Tensor]:
        T, B, width = sums.shape
        G = sums.contiguous().view(T, B, kernels.gates, width // kernels.gates)
        h = torch.empty(T + 1, B, G.shape[3], dtype=G.dtype)
        h[0] = h_0
        carry = torch.empty(h_0.shape, dtype=torch.promote_types(G.dtype, torch.float32)).copy_(h_0)
        if _shares(G):
            _share(_forward_part(SCAN_KERNELS.index(kernels)), G, h, carry)
        else:
            kernels.forward(G.shape[3], array(G), array(h), array(carry))
        ctx.kernels = kernels
        ctx.save_for_backward(G, h)
        return h[1:], carry

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, d_last: Tensor) -> tuple[Tensor | None, ...]:
        G, h = ctx.saved_tensors
        dy, dG = dy.to(G.dtype).contiguous(), torch.empty_like(G)
        carry = torch.empty(d_last.shape, dtype=torch.promote_types(G.dtype, torch.float32)).copy_(d_last)
        if _shares(G):
            _share(_backward_part(SCAN_KERNELS.index(ctx.kernels)), G, h, carry, dy, dG)
        else:
            ctx.kernels.backward(G.shape[3], array(G), array(h), array(dy), array(carry), array(dG))
        return None, dG.flatten(2), carry


def _shares(G: Tensor) -> bool:
    """Return True if the threads share the work."""
    return G.dtype == torch.bfloat16 and find_threads() is not None


def _share(part: int, G: Tensor, *tensors: Tensor) -> None:
    """Have every thread do its units."""
    threads = find_threads()
    assert threads is not None
    T, B, _, H = G.shape
    threads.share(part, (T, B, H), (G, *tensors))


def _all_steps(cell: int, *arguments: Any) -> None:
    """A cell's loop; compiled code, to which `cell` is a constant, gets it from the overload below."""
    SCAN_KERNELS[cell].forward(*arguments)


def _all_steps_back(cell: int, *arguments: Any) -> None:
    """The same on the way back."""
    SCAN_KERNELS[cell].backward(*arguments)


@overload(_all_steps, prefer_literal=True)
def _choose_steps(cell, units, G, h, carry):
    steps = SCAN_KERNELS[cell.literal_value].forward
    return lambda cell, units, G, h, carry: steps(units, G, h, carry)


@overload(_all_steps_back, prefer_literal=True)
def _choose_steps_back(cell, units, G, h, dy, carry, dG):
    steps = SCAN_KERNELS[cell.literal_value].backward
    return lambda cell, units, G, h, dy, carry, dG: steps(units, G, h, dy, carry, dG)


@inlined
def _own_units(who: int, how_many: int, H: int) -> tuple[int, int]:
    """The first unit of a thread, and how many it has."""
    blocks = (H + _BLOCK - 1) // _BLOCK
    first = who * blocks // how_many * _BLOCK
    return first, min((who + 1) * blocks // how_many * _BLOCK, H) - first


@cache
def _forward_part(cell: int) -> int:
    """Work of a thread forward, compiled for one cell."""
    gates = SCAN_KERNELS[cell].gates

    def part(address):
        job, (who, how_many) = items(address, _DY), thread(address)
        T, B, H = job[_T], job[_B], job[_H]
        first, units = _own_units(who, how_many, H)
        G = numba.carray(bf16_at(job[_GATES] + 2 * first), (T, B, gates, H))
        h = numba.carray(bf16_at(job[_STATE] + 2 * first), (T + 1, B, H))
        carry = numba.carray(fp32_at(job[_CARRY] + 4 * first), (B, H))
        _all_steps(cell, units, G, h, carry)

    return thread_function(part)


@cache
def _backward_part(cell: int) -> int:
    """Work of a thread backward, compiled for one cell."""
    gates = SCAN_KERNELS[cell].gates

    def part(address):
        job, (who, how_many) = items(address, _DG + 1), thread(address)
        T, B, H = job[_T], job[_B], job[_H]
        first, units = _own_units(who, how_many, H)
        G = numba.carray(bf16_at(job[_GATES] + 2 * first), (T, B, gates, H))
        dG = numba.carray(bf16_at(job[_DG] + 2 * first), (T, B, gates, H))
        h = numba.carray(bf16_at(job[_STATE] + 2 * first), (T + 1, B, H))
        dy = numba.carray(bf16_at(job[_DY] + 2 * first), (T, B, H))
        carry = numba.carray(fp32_at(job[_CARRY] + 4 * first), (B, H))
        _all_steps_back(cell, units, G, h, dy, carry, dG)

    return thread_function(part)
