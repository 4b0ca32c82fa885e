"""The order of the work in a recurrent layer, and its gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnntui.core.cells.fast.products import product

Array = np.ndarray[Any, Any]


class Kernels(NamedTuple):
    """What a cell does at one time step, its matrix products apart.

    Shapes: T time steps, B sequences, H hidden units.  The functions write into the arrays they are given:

        G (T, B, gates*H)  at first the sums of the input's part, after `forward` the gates
        h (T+1, B, H)      the outputs, behind the one before the first
        S                  what else the cell keeps: `memory` (T+1, B, H) as `h`; where the gradients
                           are `apart`, something (T, B, H) that its `backward` needs; or nothing
    """

    forward: Callable[[int, Array, Array, Array, Array], None]
    """`forward(t, G, R, S, h)`, R (B, gates*H) being the sums of the state's part."""
    backward: Callable[[int, Array, Array, Array, Array, Array, Array, Array, Array], None]
    """`backward(t, G, S, h, dy, dh, carry, dG, dR)`: dy (T, B, H) the outputs' gradients, dh (B, H) what
    the product of the step after hands back, carry (B, H) what reaches it beside that product, dG and dR
    (T, B, gates*H) the gradients of the input's and the state's sums, one array unless they are `apart`."""
    gates: int
    memory: bool = False
    """The state holds a memory besides the output."""
    apart: bool = False
    """A gate stands between the input's and the state's sums (the GRU's reset gate)."""


def run(
    kernels: Kernels, x: Tensor, weights: tuple[Tensor, Tensor, Tensor, Tensor], state: tuple[Tensor, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Outputs (T, B, H) and last state of a layer over `x` (T, B, I), on the CPU.

    `weights` are W (G*H, I), U (G*H, H), b and c (G*H).  Under autocast the products and what is kept for
    the gradient are in its precision; sums, functions and the memory are in fp32.
    """
    y, *last = _Recurrence.apply(kernels, x, *weights, *state)  # type: ignore[no-untyped-call]
    return y, tuple(last)


class _Recurrence(torch.autograd.Function):
    """Few large products instead of many small ones (Appleyard et al. 2016).

    The input's part of all steps is one product before the first step, and the gradients of the weights
    are one product each after the last; between two steps there is but the state's product and one loop.
    """

    @staticmethod
    def forward(
        ctx: Any,
        kernels: Kernels,
        x: Tensor,
        W: Tensor,
        U: Tensor,
        b: Tensor,
        c: Tensor,
        h_0: Tensor,
        *memory: Tensor,
    ) -> tuple[Tensor, ...]:
        T, B, _ = x.shape
        H = U.shape[1]
        autocast = torch.is_autocast_enabled("cpu")
        dtype = torch.get_autocast_dtype("cpu") if autocast else x.dtype
        with torch.autocast("cpu", enabled=False):
            x_, W_, U_ = (part.to(dtype) for part in (x.reshape(T * B, -1), W, U))
            # One of the biases can go with the large product, both where no gate stands between the sums.
            G = torch.addmm((b if kernels.apart else b + c).to(dtype), x_, W_.t()).view(T, B, -1)
            recurrent = product(U_, B, c.to(dtype) if kernels.apart else None)
            h = torch.empty(T + 1, B, H, dtype=dtype)
            h[0] = h_0
            S = torch.empty(T + 1, B, H, dtype=memory[0].dtype if memory else dtype)
            if memory:
                S[0] = memory[0]
            states, arrays = h.unbind(), (_array(S), _array(h))
            for t in range(T):
                kernels.forward(t, _array(G), _array(recurrent(states[t])), *arrays)
        ctx.kernels = kernels
        ctx.save_for_backward(x_, W_, U_, G, S, h)
        return h[1:], h[T].clone(), *([S[T].clone()] if memory else [])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, dh_T: Tensor, *dc_T: Tensor) -> tuple[Tensor | None, ...]:
        kernels: Kernels = ctx.kernels
        x, W, U, G, S, h = ctx.saved_tensors
        T, B, H = dy.shape
        dtype = h.dtype
        wide = torch.promote_types(dtype, torch.float32)
        dy, dh = dy.to(dtype).contiguous(), dh_T.to(dtype)
        carry = dc_T[0].to(wide, copy=True) if dc_T else torch.zeros(B, H, dtype=wide)
        dG = torch.empty_like(G)
        dR = torch.empty_like(G) if kernels.apart else dG
        recurrent = product(U.t(), B)
        sums = dR.unbind()
        arrays = _array(G), _array(S), _array(h), _array(dy)
        into = _array(carry), _array(dG), _array(dR)
        for t in reversed(range(T)):
            kernels.backward(t, *arrays, _array(dh), *into)
            dh = recurrent(sums[t])

        dG, dR, before = dG.view(T * B, -1), dR.view(T * B, -1), h[:T].view(T * B, H)
        ones = torch.ones(1, T * B, dtype=dtype)
        db = torch.mm(ones, dG)[0]
        dx = torch.mm(dG, W).view(T, B, -1) if ctx.needs_input_grad[1] else None
        dc = torch.mm(ones, dR)[0] if kernels.apart else db
        d_state = (dh, carry) if dc_T else (dh + carry,)
        return None, dx, torch.mm(dG.t(), x), torch.mm(dR.t(), before), db, dc, *d_state


def _array(x: Tensor) -> Array:
    """The numbers of `x` where they lie, as the loops take them."""
    return (x.view(torch.uint16) if x.dtype == torch.bfloat16 else x).numpy()
