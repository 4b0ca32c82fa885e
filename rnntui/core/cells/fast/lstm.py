"""The LSTM between two matrix products."""

from __future__ import annotations

import numpy as np

from rnntui.core.cells.fast.arithmetic import kernel, narrow, sigmoid, tanh, widen
from rnntui.core.cells.fast.recurrence import Array, Kernels

_ONE = np.float32(1)


@kernel
def forward(t: int, G: Array, R: Array, c: Array, h: Array) -> None:
    """Step `t`: i, f, g, o into G[t], c_t into c[t + 1], h_t into h[t + 1]."""
    B, H = h.shape[1:]
    for b in range(B):
        for j in range(H):
            i = sigmoid(widen(G[t, b, j]) + widen(R[b, j]))
            f = sigmoid(widen(G[t, b, H + j]) + widen(R[b, H + j]))
            g = tanh(widen(G[t, b, 2 * H + j]) + widen(R[b, 2 * H + j]))
            o = sigmoid(widen(G[t, b, 3 * H + j]) + widen(R[b, 3 * H + j]))
            memory = f * c[t, b, j] + i * g
            G[t, b, j] = narrow(i, G[t, b, j])
            G[t, b, H + j] = narrow(f, G[t, b, H + j])
            G[t, b, 2 * H + j] = narrow(g, G[t, b, 2 * H + j])
            G[t, b, 3 * H + j] = narrow(o, G[t, b, 3 * H + j])
            c[t + 1, b, j] = memory
            h[t + 1, b, j] = narrow(o * tanh(memory), h[t + 1, b, j])


@kernel
def backward(
    t: int, G: Array, c: Array, h: Array, dy: Array, dh: Array, dc: Array, dG: Array, dR: Array
) -> None:
    """Step `t`: the gradients of the sums inside i, f, g, o into dG[t], of c_{t-1} into dc."""
    B, H = h.shape[1:]
    for b in range(B):
        for j in range(H):
            i, f = widen(G[t, b, j]), widen(G[t, b, H + j])
            g, o = widen(G[t, b, 2 * H + j]), widen(G[t, b, 3 * H + j])
            d = widen(dy[t, b, j]) + widen(dh[b, j])
            q = tanh(c[t + 1, b, j])
            e = dc[b, j] + d * o * (_ONE - q * q)
            dG[t, b, j] = narrow(e * g * i * (_ONE - i), dG[t, b, j])
            dG[t, b, H + j] = narrow(e * c[t, b, j] * f * (_ONE - f), dG[t, b, H + j])
            dG[t, b, 2 * H + j] = narrow(e * i * (_ONE - g * g), dG[t, b, 2 * H + j])
            dG[t, b, 3 * H + j] = narrow(d * q * o * (_ONE - o), dG[t, b, 3 * H + j])
            dc[b, j] = e * f


KERNELS = Kernels(forward, backward, gates=4, memory=True)
