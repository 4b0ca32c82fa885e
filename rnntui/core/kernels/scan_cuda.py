"""The scan of `scan` on a CUDA GPU: gates and recurrence in one pass, in blocks of time steps at once.

A recurrence h_t = a_t h_{t-1} + v_t is a chain of maps h -> a h + v, and two of them in a row are another
such map.  So the steps of a block are joined pairwise, in parallel (Blelloch 1990), and only blocks follow
each other.  Every a_t lies between 0 and 1: a product of many can vanish, which is right, but not overflow.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnntui.core.kernels.kernels import ScanKernels

_STEPS, _UNITS = 32, 32
"""Time steps and hidden units of a block."""


class Scan(torch.autograd.Function):
    """Two gates are the minimal GRU's, three the minimal LSTM's."""

    @staticmethod
    def forward(ctx: Any, kernels: ScanKernels, sums: Tensor, h_0: Tensor) -> tuple[Tensor, Tensor]:
        T, B, width = sums.shape
        gates = kernels.gates
        H = width // gates
        G, first = sums.contiguous(), h_0.float().contiguous()
        h, last = G.new_empty(T, B, H), torch.empty_like(first)
        _forward[_blocks(B, H)](G, first, h, last, T, B, H, gates, _STEPS, _UNITS)
        ctx.gates = gates
        ctx.save_for_backward(G, first, h)
        return h, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, d_last: Tensor) -> tuple[Tensor | None, ...]:
        G, first, h = ctx.saved_tensors
        T, B, H = h.shape
        dG, d_first = torch.empty_like(G), torch.empty_like(first)
        dy, d_last = dy.contiguous(), d_last.float().contiguous()
        sizes = (T, B, H, ctx.gates, _STEPS, _UNITS)
        _backward[_blocks(B, H)](G, first, h, dy, d_last, dG, d_first, *sizes)
        return None, dG, d_first


def _blocks(B: int, H: int) -> tuple[int, int]:
    return B, triton.cdiv(H, _UNITS)


@triton.jit
def _join(a, v, b, w):
    """The map h -> a h + v and after it h -> b h + w, as one."""
    return a * b, v * b + w


@triton.jit
def _log_sigmoid(x):
    return tl.minimum(x, 0.0) - tl.log(1.0 + tl.exp(-tl.abs(x)))


@triton.jit
def _share(G, at, H, inside, gates: tl.constexpr):
    """Share of the candidate that goes into the state; 0 outside of the sequence."""
    x = tl.load(G + at, mask=inside, other=0.0).to(tl.float32)
    if gates == 3:
        i = tl.load(G + at + H, mask=inside, other=0.0).to(tl.float32)
        x = _log_sigmoid(i) - _log_sigmoid(x)
    return tl.where(inside, tl.sigmoid(x), 0.0)


@triton.jit
def _forward(G, first, h, last, T, B, H, gates: tl.constexpr, steps: tl.constexpr, units: tl.constexpr):
    b, j = tl.program_id(0), tl.program_id(1) * units + tl.arange(0, units)
    row = tl.arange(0, steps)[:, None]
    state = tl.load(first + b * H + j, mask=j < H, other=0.0)
    for begin in range(0, T, steps):
        t = begin + row
        inside = (t < T) & (j[None, :] < H)
        at = (t.to(tl.int64) * B + b) * gates * H + j[None, :]
        share = _share(G, at, H, inside, gates)
        x = tl.load(G + at + (gates - 1) * H, mask=inside, other=0.0).to(tl.float32)
        candidate = tl.where(x >= 0, x + 0.5, tl.sigmoid(x))
        a, v = tl.associative_scan((1.0 - share, share * candidate), 0, _join)
        now = a * state[None, :] + v
        tl.store(h + (t.to(tl.int64) * B + b) * H + j[None, :], now, mask=inside)
        # Steps outside of the sequence leave the state as it is, so the last row has it in any case.
        state = tl.sum(tl.where(row == steps - 1, now, 0.0), axis=0)
    tl.store(last + b * H + j, state, mask=j < H)


@triton.jit
def _backward(
    G,
    first,
    h,
    dy,
    d_last,
    dG,
    d_first,
    T,
    B,
    H,
    gates: tl.constexpr,
    steps: tl.constexpr,
    units: tl.constexpr,
):
    b, j = tl.program_id(0), tl.program_id(1) * units + tl.arange(0, units)
    row = tl.arange(0, steps)[:, None]
    known = j[None, :] < H
    h_0 = tl.load(first + b * H + j, mask=j < H, other=0.0)
    d = tl.load(d_last + b * H + j, mask=j < H, other=0.0)
    for back in range(0, tl.cdiv(T, steps)):
        t = (tl.cdiv(T, steps) - 1 - back) * steps + row
        inside = (t < T) & known
        place = (t.to(tl.int64) * B + b) * H + j[None, :]
        at = (t.to(tl.int64) * B + b) * gates * H + j[None, :]
        # What reaches h_t from h_{t+1} passes by the gate of step t + 1.
        later = _share(G, at + B * gates * H, H, (t + 1 < T) & known, gates)
        v = tl.load(dy + place, mask=inside, other=0.0).to(tl.float32)
        a, v = tl.associative_scan((1.0 - later, v), 0, _join, reverse=True)
        dh = a * d[None, :] + v
        d = tl.sum(tl.where(row == 0, dh, 0.0), axis=0)

        before = tl.load(h + place - B * H, mask=inside & (t > 0), other=0.0).to(tl.float32)
        before = tl.where(t > 0, before, h_0[None, :])
        share = _share(G, at, H, inside, gates)
        x = tl.load(G + at + (gates - 1) * H, mask=inside, other=0.0).to(tl.float32)
        s = tl.sigmoid(x)
        slope = tl.where(x >= 0, 1.0, s * (1.0 - s))
        ds = dh * (tl.where(x >= 0, x + 0.5, s) - before) * share * (1.0 - share)
        if gates == 3:
            f = tl.load(G + at, mask=inside, other=0.0).to(tl.float32)
            i = tl.load(G + at + H, mask=inside, other=0.0).to(tl.float32)
            tl.store(dG + at, -ds * tl.sigmoid(-f), mask=inside)
            tl.store(dG + at + H, ds * tl.sigmoid(-i), mask=inside)
        else:
            tl.store(dG + at, ds, mask=inside)
        tl.store(dG + at + (gates - 1) * H, dh * share * slope, mask=inside)
    share = _share(G, b * gates * H + j, H, j < H, gates)
    tl.store(d_first + b * H + j, d * (1.0 - share), mask=j < H)
