"""The simple recurrent network between two matrix products."""

from __future__ import annotations

import numpy as np

from rnntui.core.cells.fast.arithmetic import kernel, narrow, tanh, widen
from rnntui.core.cells.fast.recurrence import Array, Kernels

_ONE, _ZERO = np.float32(1), np.float32(0)


@kernel
def forward_tanh(t: int, G: Array, R: Array, S: Array, h: Array) -> None:
    """Step `t`: h_t into h[t + 1]."""
    B, H = h.shape[1:]
    for b in range(B):
        for j in range(H):
            h[t + 1, b, j] = narrow(tanh(widen(G[t, b, j]) + widen(R[b, j])), h[t + 1, b, j])


@kernel
def backward_tanh(
    t: int, G: Array, S: Array, h: Array, dy: Array, dh: Array, carry: Array, dG: Array, dR: Array
) -> None:
    """Step `t`: the gradient of the sum inside f into dG[t]."""
    B, H = h.shape[1:]
    for b in range(B):
        for j in range(H):
            f = widen(h[t + 1, b, j])
            d = widen(dy[t, b, j]) + widen(dh[b, j])
            dG[t, b, j] = narrow(d * (_ONE - f * f), dG[t, b, j])


@kernel
def forward_relu(t: int, G: Array, R: Array, S: Array, h: Array) -> None:
    """Step `t`: h_t into h[t + 1]."""
    B, H = h.shape[1:]
    for b in range(B):
        for j in range(H):
            total = widen(G[t, b, j]) + widen(R[b, j])
            # This way round a NaN stays one.
            h[t + 1, b, j] = narrow(_ZERO if total <= 0 else total, h[t + 1, b, j])


@kernel
def backward_relu(
    t: int, G: Array, S: Array, h: Array, dy: Array, dh: Array, carry: Array, dG: Array, dR: Array
) -> None:
    """Step `t`: the gradient of the sum inside f into dG[t]."""
    B, H = h.shape[1:]
    for b in range(B):
        for j in range(H):
            d = widen(dy[t, b, j]) + widen(dh[b, j])
            dG[t, b, j] = narrow(d if widen(h[t + 1, b, j]) > 0 else _ZERO, dG[t, b, j])


TANH = Kernels(forward_tanh, backward_tanh, gates=1)
RELU = Kernels(forward_relu, backward_relu, gates=1)
