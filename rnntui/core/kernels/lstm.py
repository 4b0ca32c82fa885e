"""The LSTM between two matrix products."""

from __future__ import annotations

import numpy as np

from rnntui.core.kernels.arithmetic import narrow, sigmoid, tanh, widen
from rnntui.core.kernels.compiling import kernel
from rnntui.core.kernels.kernels import KernelArray, Kernels

_ONE = np.float32(1)


@kernel
def forward(t: int, units: int, G: KernelArray, R: KernelArray, c: KernelArray, h: KernelArray) -> None:
    """Step `t`: i, f, g, o into G[t], c_t into c[t + 1], h_t into h[t + 1]."""
    for b in range(h.shape[1]):
        for j in range(units):
            i = sigmoid(widen(G[t, b, 0, j]) + widen(R[b, 0, j]))
            f = sigmoid(widen(G[t, b, 1, j]) + widen(R[b, 1, j]))
            g = tanh(widen(G[t, b, 2, j]) + widen(R[b, 2, j]))
            o = sigmoid(widen(G[t, b, 3, j]) + widen(R[b, 3, j]))
            memory = f * c[t, b, j] + i * g
            G[t, b, 0, j] = narrow(i, G[t, b, 0, j])
            G[t, b, 1, j] = narrow(f, G[t, b, 1, j])
            G[t, b, 2, j] = narrow(g, G[t, b, 2, j])
            G[t, b, 3, j] = narrow(o, G[t, b, 3, j])
            c[t + 1, b, j] = memory
            h[t + 1, b, j] = narrow(o * tanh(memory), h[t + 1, b, j])


@kernel
def backward(
    t: int,
    units: int,
    G: KernelArray,
    c: KernelArray,
    h: KernelArray,
    dy: KernelArray,
    dh: KernelArray,
    dc: KernelArray,
    dG: KernelArray,
    dR: KernelArray,
) -> None:
    """Step `t`: the gradients of the sums inside i, f, g, o into dG[t].

    dc becomes the gradient of c_{t-1}.
    """
    for b in range(h.shape[1]):
        for j in range(units):
            i, f = widen(G[t, b, 0, j]), widen(G[t, b, 1, j])
            g, o = widen(G[t, b, 2, j]), widen(G[t, b, 3, j])
            d = widen(dy[t, b, j]) + widen(dh[b, 0, j])
            q = tanh(c[t + 1, b, j])
            e = dc[b, j] + d * o * (_ONE - q * q)
            dG[t, b, 0, j] = narrow(e * g * i * (_ONE - i), dG[t, b, 0, j])
            dG[t, b, 1, j] = narrow(e * c[t, b, j] * f * (_ONE - f), dG[t, b, 1, j])
            dG[t, b, 2, j] = narrow(e * i * (_ONE - g * g), dG[t, b, 2, j])
            dG[t, b, 3, j] = narrow(d * q * o * (_ONE - o), dG[t, b, 3, j])
            dc[b, j] = e * f


KERNELS = Kernels(forward, backward, gates=4, memory=True)
