"""The simple recurrent network between two matrix products."""

from __future__ import annotations

import numpy as np

from rnntui.core.kernels.arithmetic import narrow, tanh, widen
from rnntui.core.kernels.compiling import kernel
from rnntui.core.kernels.kernels import KernelArray, Kernels

_ONE, _ZERO = np.float32(1), np.float32(0)


@kernel
def forward_tanh(t: int, units: int, G: KernelArray, R: KernelArray, S: KernelArray, h: KernelArray) -> None:
    """Step `t`: h_t into h[t + 1]."""
    for b in range(h.shape[1]):
        for j in range(units):
            h[t + 1, b, j] = narrow(tanh(widen(G[t, b, 0, j]) + widen(R[b, 0, j])), h[t + 1, b, j])


@kernel
def backward_tanh(
    t: int,
    units: int,
    G: KernelArray,
    S: KernelArray,
    h: KernelArray,
    dy: KernelArray,
    dh: KernelArray,
    carry: KernelArray,
    dG: KernelArray,
    dR: KernelArray,
) -> None:
    """Step `t`: the gradient of the sum inside f into dG[t]."""
    for b in range(h.shape[1]):
        for j in range(units):
            f = widen(h[t + 1, b, j])
            d = widen(dy[t, b, j]) + widen(dh[b, 0, j])
            dG[t, b, 0, j] = narrow(d * (_ONE - f * f), dG[t, b, 0, j])


@kernel
def forward_relu(t: int, units: int, G: KernelArray, R: KernelArray, S: KernelArray, h: KernelArray) -> None:
    """Step `t`: h_t into h[t + 1]."""
    for b in range(h.shape[1]):
        for j in range(units):
            total = widen(G[t, b, 0, j]) + widen(R[b, 0, j])
            # This way round a NaN stays one.
            h[t + 1, b, j] = narrow(_ZERO if total <= 0 else total, h[t + 1, b, j])


@kernel
def backward_relu(
    t: int,
    units: int,
    G: KernelArray,
    S: KernelArray,
    h: KernelArray,
    dy: KernelArray,
    dh: KernelArray,
    carry: KernelArray,
    dG: KernelArray,
    dR: KernelArray,
) -> None:
    """Step `t`: the gradient of the sum inside f into dG[t]."""
    for b in range(h.shape[1]):
        for j in range(units):
            d = widen(dy[t, b, j]) + widen(dh[b, 0, j])
            dG[t, b, 0, j] = narrow(d if widen(h[t + 1, b, j]) > 0 else _ZERO, dG[t, b, 0, j])


TANH = Kernels(forward_tanh, backward_tanh, gates=1)
RELU = Kernels(forward_relu, backward_relu, gates=1)
