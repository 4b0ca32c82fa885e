"""The scan of the minimal LSTM: its gates and its recurrence in one pass."""

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
                f, i, a = sigmoid(widen(G[t, b, 0, j])), sigmoid(widen(G[t, b, 1, j])), widen(G[t, b, 2, j])
                g = a + _HALF if a >= 0 else sigmoid(a)
                carry[b, j] += i / (f + i) * (g - carry[b, j])
                h[t + 1, b, j] = narrow(carry[b, j], h[t + 1, b, j])


@kernel
def backward(
    units: int, G: KernelArray, h: KernelArray, dy: KernelArray, carry: KernelArray, dG: KernelArray
) -> None:
    """All steps back: the gradients of the sums of f, i and the candidate into dG, of h_0 into carry."""
    for t in range(G.shape[0] - 1, -1, -1):
        for b in range(h.shape[1]):
            for j in range(units):
                f, i, a = sigmoid(widen(G[t, b, 0, j])), sigmoid(widen(G[t, b, 1, j])), widen(G[t, b, 2, j])
                s = sigmoid(a)
                g = a + _HALF if a >= 0 else s
                slope = _ONE if a >= 0 else s * (_ONE - s)
                share = i / (f + i)
                d = widen(dy[t, b, j]) + carry[b, j]
                e = d * (g - widen(h[t, b, j])) * share * (_ONE - share)
                dG[t, b, 0, j] = narrow(e * (f - _ONE), dG[t, b, 0, j])
                dG[t, b, 1, j] = narrow(e * (_ONE - i), dG[t, b, 1, j])
                dG[t, b, 2, j] = narrow(d * share * slope, dG[t, b, 2, j])
                carry[b, j] = d * (_ONE - share)


KERNELS = ScanKernels(forward, backward, gates=3)
