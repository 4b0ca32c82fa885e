"""Functions of numpy arrays under the names that torch has for them, so that the cells' steps take both."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

NORM_EPSILON = 1e-5
"""Added to the variance by a layer norm, as torch has it."""
exp, log1p, tanh, where = np.exp, np.log1p, np.tanh, np.where


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), by the tangent, which cannot overflow."""
    y: Array = 0.5 * np.tanh(0.5 * x) + 0.5
    return y


def relu(x: Array) -> Array:
    """The positive part."""
    y: Array = np.maximum(x, 0)
    return y


def log_softmax(x: Array) -> Array:
    """log(softmax(x)) along the last dimension; minus infinity stays."""
    shifted = x - x.max(axis=-1, keepdims=True)
    y: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return y


def layer_norm(x: Array, shape: tuple[int, ...], weight: Array, bias: Array | None = None) -> Array:
    """Normalise x (..., N) over its last dimension, whose `shape` is (N,), as torch does (Ba et al. 2016)."""
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + NORM_EPSILON)
    y: Array = centred / spread * weight
    return y if bias is None else y + bias
