"""Arithmetic of the compiled loops, by numba.

Arrays hold numbers as they are stored: uint16 for the upper half of an fp32 number, which is what bf16
is; float32; or float64, in which gradients are checked.  Sums, products and functions are computed in
fp32 for the first two and in fp64 for the last.

`sigmoid` and `tanh` in fp32 rest on an exp of one polynomial, without calls and branches, because a loop
over them then becomes vector instructions: ten times the speed of the mathematical library's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numba import types
from numba.extending import overload
from torch import Tensor

from rnntui.core.kernels.compiling import OPTIONS, inlined
from rnntui.core.kernels.kernels import KernelArray


def array(x: Tensor) -> KernelArray:
    """The numbers of `x` where they lie, as the loops take them."""
    return (x.view(torch.uint16) if x.dtype == torch.bfloat16 else x).numpy()


# The functions themselves are for the interpreter, in which a test runs the loops; compiled code takes the
# overloads of the same names below.


def widen(x: Any) -> Any:
    """The number that is stored as `x`."""
    return np.uint32(np.uint32(x) << np.uint32(16)).view(np.float32) if isinstance(x, np.uint16) else x


def narrow(x: Any, like: Any) -> Any:
    """`x` as numbers such as `like` are stored, rounded to the nearest, ties to even."""
    if not isinstance(like, np.uint16):
        return x
    bits = int(np.float32(x).view(np.uint32))
    return np.uint16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)


def exp(x: Any) -> Any:
    """The exponential function, from 2^-126 to 2^126."""
    return np.exp(x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return np.tanh(x)


@overload(widen)
def _widen(x):
    if x == types.uint16:
        return lambda x: np.uint32(np.uint32(x) << np.uint32(16)).view(np.float32)
    return lambda x: x


@overload(narrow)
def _narrow(x, like):
    if like != types.uint16:
        return lambda x, like: x

    def upper_half(x, like):
        bits = np.float32(x).view(np.uint32)
        odd = np.uint32(np.uint32(bits >> np.uint32(16)) & np.uint32(1))
        return np.uint16(np.uint32(bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))

    return upper_half


@overload(exp, jit_options=OPTIONS)
def _exp_of(x):
    if x == types.float64:
        return lambda x: math.exp(x)  # noqa: PLW0108  (numba wants a Python function)
    return lambda x: _exp(x)  # noqa: PLW0108


@overload(sigmoid, jit_options=OPTIONS)
def _sigmoid(x):
    if x == types.float64:
        return lambda x: 1.0 / (1.0 + math.exp(-x))
    return lambda x: np.float32(1) / (np.float32(1) + _exp(-x))


@overload(tanh, jit_options=OPTIONS)
def _tanh(x):
    if x == types.float64:
        return lambda x: math.tanh(x)  # noqa: PLW0108  (numba wants a Python function)
    return lambda x: np.float32(2) / (np.float32(1) + _exp(np.float32(-2) * x)) - np.float32(1)


_LOG2_E = np.float32(math.log2(math.e))
_C1, _C2, _C3, _C4, _C5, _C6, _C7 = (np.float32(math.log(2) ** k / math.factorial(k)) for k in range(1, 8))
_ROUNDER = np.float32(1.5 * 2**23)
"""Adding and taking away this number rounds an fp32 number to an integer."""


@inlined
def _exp(x: Any) -> Any:
    """exp(x) = 2^n 2^f, n whole and f within half of 0, where the Taylor series of 2^f errs by 1e-8."""
    y = min(max(x * _LOG2_E, np.float32(-126)), np.float32(126))
    n = np.float32(np.float32(y + _ROUNDER) - _ROUNDER)
    f = y - n
    series = _C4 + f * (_C5 + f * (_C6 + f * _C7))
    series = np.float32(1) + f * (_C1 + f * (_C2 + f * (_C3 + f * series)))
    exponent = np.int32(np.int32(np.int32(n) + np.int32(127)) << np.int32(23))
    return series * np.int32(exponent).view(np.float32)
