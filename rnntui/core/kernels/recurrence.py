"""The order of the work in a recurrent layer, and its gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnntui.core.kernels import fused_sequence
from rnntui.core.kernels.arithmetic import array
from rnntui.core.kernels.kernels import Gradients, Kept, Kernels
from rnntui.core.kernels.products import product


def run(
    kernels: Kernels,
    x: Tensor,
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
    state: tuple[Tensor, ...],
    tokens: Tensor | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Outputs (T, B, H) and last state of a layer over `x` (T, B, I), on the CPU.

    With `tokens` (T, B) the input is x[tokens], of the rows x (V, I).  `weights` are W (G*H, I), U (G*H, H), b and
    c (G*H).  Under autocast the products and what is kept for the gradient are in its precision; sums,
    functions and the memory are in fp32.
    """
    y, *last = _Recurrence.apply(kernels, tokens, x, *weights, *state)
    return y, tuple(last)


class _Recurrence(torch.autograd.Function):
    """Few large products instead of many small ones (Appleyard et al. 2016).

    The input's part of all steps is one product before the first step, and the gradients of the weights
    are one product each after the last; between two steps there is but the state's product and one loop.
    Where the input is of few rows, that product is of the rows alone: every place looks up its sums, and its
    gradients are added to those of its row.
    """

    @staticmethod
    def forward(
        ctx: Any,
        kernels: Kernels,
        tokens: Tensor | None,
        x: Tensor,
        W: Tensor,
        U: Tensor,
        b: Tensor,
        c: Tensor,
        h_0: Tensor,
        *memory: Tensor,
    ) -> tuple[Tensor, ...]:
        T, B = (x if tokens is None else tokens).shape[:2]
        H = U.shape[1]
        autocast = torch.is_autocast_enabled("cpu")
        dtype = torch.get_autocast_dtype("cpu") if autocast else x.dtype
        with torch.autocast("cpu", enabled=False):
            x_, W_, U_ = x.flatten(0, -2).to(dtype), W.to(dtype), U.to(dtype)
            # One of the biases can go with the large product, both where no gate stands between the sums.
            sums = torch.addmm((b if kernels.apart else b + c).to(dtype), x_, W_.t())
            if tokens is not None:
                sums = sums.index_select(0, tokens.flatten())
            G = sums.view(T, B, kernels.gates, H)
            h = torch.empty(T + 1, B, H, dtype=dtype)
            h[0] = h_0
            S = torch.empty(T + 1, B, H, dtype=torch.promote_types(dtype, torch.float32))
            if memory:
                S[0] = memory[0]
            bias = c if kernels.apart else None
            layer = Kept(G, S, h, U_)
            (fused_sequence.forward if fused_sequence.serves(dtype, U) else _forward)(kernels, layer, bias)
        ctx.kernels, ctx.tokens, ctx.shape = kernels, tokens, x.shape
        ctx.save_for_backward(x_, W_, *layer)
        return h[1:], h[T].clone(), *([S[T].clone()] if memory else [])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, dh_T: Tensor, *dc_T: Tensor) -> tuple[Tensor | None, ...]:
        kernels: Kernels = ctx.kernels
        tokens: Tensor | None = ctx.tokens
        x, W, *kept = ctx.saved_tensors
        G, S, h, U = layer = Kept(*kept)
        T, B, H = dy.shape
        dtype, wide = h.dtype, S.dtype
        dy, dh = dy.to(dtype).contiguous(), torch.empty(B, H, dtype=wide).copy_(dh_T)
        carry = torch.zeros(B, H, dtype=wide)
        if dc_T:
            carry += dc_T[0]
        dG = torch.empty_like(G)
        dR = torch.empty_like(G) if kernels.apart else dG
        gradients = Gradients(dy, dh, carry, dG, dR)
        (fused_sequence.backward if fused_sequence.serves(dtype, U) else _backward)(kernels, layer, gradients)

        dG, dR, before = dG.view(T * B, -1), dR.view(T * B, -1), h[:T].view(T * B, H)
        by_row = dG
        if tokens is not None:
            by_row = torch.zeros(len(x), dG.shape[1], dtype=dtype).index_add_(0, tokens.flatten(), dG)
        dx = torch.mm(by_row, W).view(ctx.shape) if ctx.needs_input_grad[2] else None
        if kernels.apart or tokens is not None:
            dW, dU = torch.mm(by_row.t(), x), torch.mm(dR.t(), before)
        else:
            dW, dU = torch.mm(dG.t(), torch.cat([x, before], 1)).tensor_split([x.shape[1]], 1)
        db = _sum_of_rows(by_row)
        dc = _sum_of_rows(dR) if kernels.apart else db
        d_state = (dh, carry) if dc_T else (dh + carry,)
        return None, None, dx, dW, dU, db, dc, *d_state


def _sum_of_rows(x: Tensor) -> Tensor:
    """(C,) of x (N, C), as a product, which adds up in fp32 whatever the precision."""
    return torch.mm(torch.ones(1, len(x), dtype=x.dtype), x)[0]


def _forward(kernels: Kernels, layer: Kept, bias: Tensor | None) -> None:
    """As `fused_sequence.forward` with torch's products, in any precision."""
    T, B, gates, H = layer.G.shape
    recurrent = product(layer.U, B, None if bias is None else bias.to(layer.U.dtype))
    G, S, h = (array(part) for part in (layer.G, layer.S, layer.h))
    for t, state in zip(range(T), layer.h.unbind(), strict=False):
        R = recurrent(state).view(B, gates, H)
        kernels.forward(t, H, G, array(R), S, h)


def _backward(kernels: Kernels, layer: Kept, gradients: Gradients) -> None:
    """As `fused_sequence.backward` with torch's products."""
    T, B, gates, H = layer.G.shape
    recurrent = product(layer.U.t(), B)
    G, S, h, dy = (array(part) for part in (layer.G, layer.S, layer.h, gradients.dy))
    carry, dG, dR = (array(part) for part in (gradients.carry, gradients.dG, gradients.dR))
    sums, back = gradients.dR.view(T, B, gates * H).unbind(), gradients.dh.to(layer.h.dtype)
    for t in reversed(range(T)):
        kernels.backward(t, H, G, S, h, dy, array(back.view(B, 1, H)), carry, dG, dR)
        back = recurrent(sums[t])
    gradients.dh.copy_(back)
