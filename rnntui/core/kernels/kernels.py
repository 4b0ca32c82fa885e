"""The kernels of a cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

KernelArray = np.ndarray[Any, Any]


class Kernels(NamedTuple):
    """Kernels of one time step, without its matrix products.

    Shapes: T time steps, B sequences, H hidden units.  Both functions do step `t` for the first `units`
    of the arrays they are given, and write into these:

        G (T, B, gates, H)  at first the sums of the input's part, after `forward` the gates
        h (T+1, B, H)       the outputs, behind the one before the first
        S (T+1, B, H)       what else the cell keeps, in fp32: the `memory`, as `h`; or what its
                            `backward` needs
    """

    forward: Callable[[int, int, KernelArray, KernelArray, KernelArray, KernelArray], None]
    """`forward(t, units, G, R, S, h)`: R (B, gates, units) are the sums of the state's part."""
    backward: Callable[
        [
            int,
            int,
            KernelArray,
            KernelArray,
            KernelArray,
            KernelArray,
            KernelArray,
            KernelArray,
            KernelArray,
            KernelArray,
        ],
        None,
    ]
    """`backward(t, units, G, S, h, dy, dh, carry, dG, dR)`: dy (T, B, H) are the outputs' gradients,
    dh (B, 1, units) what the product of the step after hands back, carry (B, H) what reaches it beside
    that product, dG and dR (T, B, gates, H) the gradients of the input's and the state's sums, one array
    unless they are `apart`."""
    gates: int
    memory: bool = False
    """The state holds a memory besides the output."""
    apart: bool = False
    """A gate stands between the input's and the state's sums (the GRU's reset gate)."""


class Kept(NamedTuple):
    """Values that a layer keeps from its forward pass for the backward pass; shapes as in `Kernels`."""

    G: Tensor
    S: Tensor
    h: Tensor
    U: Tensor
    """(gates*H, H) the recurrent weights."""


class Gradients(NamedTuple):
    """Gradients that a layer's backward pass starts from and fills; shapes as in `Kernels`, and dh (B, H)."""

    dy: Tensor
    dh: Tensor
    """At first of the last output, at last of the one before the first."""
    carry: Tensor
    dG: Tensor
    dR: Tensor


class ScanKernels(NamedTuple):
    """Kernels of a cell whose gates do not read the state: all time steps at once.

    Shapes as above, carry (B, H) in fp32; both functions do the first `units` of their arrays.
    """

    forward: Callable[[int, KernelArray, KernelArray, KernelArray], None]
    """`forward(units, G, h, carry)`: G (T, B, gates, H) are the gates' sums, `carry` the state."""
    backward: Callable[[int, KernelArray, KernelArray, KernelArray, KernelArray, KernelArray], None]
    """`backward(units, G, h, dy, carry, dG)`: `carry` is the state's gradient."""
    gates: int
