"""The GRU between two matrix products."""

from __future__ import annotations

import numpy as np

from rnntui.core.kernels.arithmetic import narrow, sigmoid, tanh, widen
from rnntui.core.kernels.compiling import kernel
from rnntui.core.kernels.kernels import KernelArray, Kernels

_ONE = np.float32(1)


@kernel
def forward(t: int, units: int, G: KernelArray, R: KernelArray, N: KernelArray, h: KernelArray) -> None:
    """Step `t`: r, z, n into G[t], the state's part of n into N[t], h_t into h[t + 1]."""
    for b in range(h.shape[1]):
        for j in range(units):
            r = sigmoid(widen(G[t, b, 0, j]) + widen(R[b, 0, j]))
            z = sigmoid(widen(G[t, b, 1, j]) + widen(R[b, 1, j]))
            n = tanh(widen(G[t, b, 2, j]) + r * widen(R[b, 2, j]))
            before = widen(h[t, b, j])
            G[t, b, 0, j] = narrow(r, G[t, b, 0, j])
            G[t, b, 1, j] = narrow(z, G[t, b, 1, j])
            G[t, b, 2, j] = narrow(n, G[t, b, 2, j])
            N[t, b, j] = widen(R[b, 2, j])
            h[t + 1, b, j] = narrow(n + z * (before - n), h[t + 1, b, j])


@kernel
def backward(
    t: int,
    units: int,
    G: KernelArray,
    N: KernelArray,
    h: KernelArray,
    dy: KernelArray,
    dh: KernelArray,
    carry: KernelArray,
    dG: KernelArray,
    dR: KernelArray,
) -> None:
    """Step `t`: the gradients of the input's sums into dG[t], of the state's into dR[t].

    They differ in n alone, whose recurrent part r scales.  `carry` is what reaches h_{t-1} beside the
    matrix product, by way of z.
    """
    for b in range(h.shape[1]):
        for j in range(units):
            r, z, n = widen(G[t, b, 0, j]), widen(G[t, b, 1, j]), widen(G[t, b, 2, j])
            d = widen(dy[t, b, j]) + widen(dh[b, 0, j]) + carry[b, j]
            dn = d * (_ONE - z) * (_ONE - n * n)
            dr = dn * N[t, b, j] * r * (_ONE - r)
            dz = d * (widen(h[t, b, j]) - n) * z * (_ONE - z)
            dG[t, b, 0, j] = narrow(dr, dG[t, b, 0, j])
            dG[t, b, 1, j] = narrow(dz, dG[t, b, 1, j])
            dG[t, b, 2, j] = narrow(dn, dG[t, b, 2, j])
            dR[t, b, 0, j] = narrow(dr, dR[t, b, 0, j])
            dR[t, b, 1, j] = narrow(dz, dR[t, b, 1, j])
            dR[t, b, 2, j] = narrow(dn * r, dR[t, b, 2, j])
            carry[b, j] = d * z


KERNELS = Kernels(forward, backward, gates=3, apart=True)
