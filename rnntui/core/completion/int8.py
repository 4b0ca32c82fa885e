"""Matrices in int8 with a scale a row: a quarter of the memory that a token has to pass through.

A matrix times a vector reads every weight once and does little with it, so where the weights exceed the
cache, the time is that of reading them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rnntui.core.completion.arrays import Array
from rnntui.core.kernels.compiling import reducing_kernel


def quantized(weight: Array) -> tuple[Array, Array]:
    """A `weight` (O, I) as whole numbers (O, I) int8 and what those of each row are multiplied with, (O,).

    A row's largest weight becomes 127, the others the nearest whole number (absmax quantisation, as in
    Dettmers et al. 2022).
    """
    largest = np.abs(weight).max(axis=1)
    scale = (np.where(largest > 0, largest, 1) / 127).astype(np.float32)
    return np.rint(weight / scale[:, None]).astype(np.int8), scale


def quantized_product(weight: Array) -> Callable[[Array], Array]:
    """A function from x (..., I) to about x weight^T, for a `weight` (O, I) held in int8."""
    whole, scale = quantized(weight)

    def product(x: Array) -> Array:
        rows = np.ascontiguousarray(x.reshape(-1, x.shape[-1]), np.float32)
        y = np.empty((len(rows), len(whole)), np.float32)
        _multiply(rows, whole, scale, y)
        return y.reshape(*x.shape[:-1], len(whole))

    return product


@reducing_kernel()
def _multiply(x: Array, whole: Array, scale: Array, y: Array) -> None:
    """y = x (whole * scale)^T."""
    for o in range(whole.shape[0]):
        for b in range(x.shape[0]):
            total = np.float32(0)
            for i in range(whole.shape[1]):
                total += np.float32(whole[o, i]) * x[b, i]
            y[b, o] = scale[o] * total
