"""The scan of the minimal GRU: its gates and its recurrence in one pass."""

from __future__ import annotations

import numpy as np

from rnntui.core.kernels.arithmetic import narrow, sigmoid, widen
from rnntui.core.kernels.compiling import kernel
from rnntui.core.kernels.kernels import KernelArray, ScanKernels

_ONE, _HALF = np.float32(1), np.float32(0.5)


@kernel
def forward(units: int, G: KernelArray, h: KernelArray, carry: KernelArray) -> None:
    """All steps: h_t into h[t + 1], the last one into carry."""
    for t in range(G.shape[0]):
        for b in range(h.shape[1]):
            for j in range(units):
                z, a = sigmoid(widen(G[t, b, 0, j])), widen(G[t, b, 1, j])
                g = a + _HALF if a >= 0 else sigmoid(a)
                carry[b, j] += z * (g - carry[b, j])
                h[t + 1, b, j] = narrow(carry[b, j], h[t + 1, b, j])


@kernel
def backward(
    units: int, G: KernelArray, h: KernelArray, dy: KernelArray, carry: KernelArray, dG: KernelArray
) -> None:
    """All steps back: the gradients of z's and the candidate's sums into dG, of the first state into carry."""
    for t in range(G.shape[0] - 1, -1, -1):
        for b in range(h.shape[1]):
            for j in range(units):
                z, a = sigmoid(widen(G[t, b, 0, j])), widen(G[t, b, 1, j])
                s = sigmoid(a)
                g = a + _HALF if a >= 0 else s
                slope = _ONE if a >= 0 else s * (_ONE - s)
                d = widen(dy[t, b, j]) + carry[b, j]
                dG[t, b, 0, j] = narrow(d * (g - widen(h[t, b, j])) * z * (_ONE - z), dG[t, b, 0, j])
                dG[t, b, 1, j] = narrow(d * z * slope, dG[t, b, 1, j])
                carry[b, j] = d * (_ONE - z)


KERNELS = ScanKernels(forward, backward, gates=2)
