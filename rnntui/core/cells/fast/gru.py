"""The GRU between two matrix products."""

from __future__ import annotations

import numpy as np

from rnntui.core.cells.fast.arithmetic import kernel, narrow, sigmoid, tanh, widen
from rnntui.core.cells.fast.recurrence import Array, Kernels

_ONE = np.float32(1)


@kernel
def forward(t: int, G: Array, R: Array, N: Array, h: Array) -> None:
    """Step `t`: r, z, n into G[t], the state's part of n into N[t], h_t into h[t + 1]."""
    B, H = h.shape[1:]
    for b in range(B):
        for j in range(H):
            r = sigmoid(widen(G[t, b, j]) + widen(R[b, j]))
            z = sigmoid(widen(G[t, b, H + j]) + widen(R[b, H + j]))
            n = tanh(widen(G[t, b, 2 * H + j]) + r * widen(R[b, 2 * H + j]))
            before = widen(h[t, b, j])
            G[t, b, j] = narrow(r, G[t, b, j])
            G[t, b, H + j] = narrow(z, G[t, b, H + j])
            G[t, b, 2 * H + j] = narrow(n, G[t, b, 2 * H + j])
            N[t, b, j] = R[b, 2 * H + j]
            h[t + 1, b, j] = narrow(n + z * (before - n), h[t + 1, b, j])


@kernel
def backward(
    t: int, G: Array, N: Array, h: Array, dy: Array, dh: Array, carry: Array, dG: Array, dR: Array
) -> None:
    """Step `t`: the gradients of the input's sums into dG[t], of the state's into dR[t].

    They differ in n alone, whose recurrent part r scales.  `carry` is what reaches h_{t-1} beside the
    matrix product, by way of z.
    """
    B, H = h.shape[1:]
    for b in range(B):
        for j in range(H):
            r, z, n = widen(G[t, b, j]), widen(G[t, b, H + j]), widen(G[t, b, 2 * H + j])
            d = widen(dy[t, b, j]) + widen(dh[b, j]) + carry[b, j]
            dn = d * (_ONE - z) * (_ONE - n * n)
            dr = dn * widen(N[t, b, j]) * r * (_ONE - r)
            dz = d * (widen(h[t, b, j]) - n) * z * (_ONE - z)
            dG[t, b, j] = narrow(dr, dG[t, b, j])
            dG[t, b, H + j] = narrow(dz, dG[t, b, H + j])
            dG[t, b, 2 * H + j] = narrow(dn, dG[t, b, 2 * H + j])
            dR[t, b, j] = narrow(dr, dR[t, b, j])
            dR[t, b, H + j] = narrow(dz, dR[t, b, H + j])
            dR[t, b, 2 * H + j] = narrow(dn * r, dR[t, b, 2 * H + j])
            carry[b, j] = d * z


KERNELS = Kernels(forward, backward, gates=3, apart=True)
