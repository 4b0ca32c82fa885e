"""The cells' equations over one token: the plain ones, once, for torch tensors and numpy arrays alike.

Every function takes `m`, the module that knows `sigmoid`, `tanh`, `relu` and `where` (torch, or
`rnntui.core.completion.arrays`); `x`, the sums W x_t + b of all gates (B, G*H); `r`, those of the state,
U h_{t-1} + c, where the cell has any; and the state.  It returns the output h_t (B, H) and the next state.
The classes' docstrings say where the equations come from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class StepEntry(NamedTuple):
    """A cell over one token."""

    step: Callable[..., tuple[Any, tuple[Any, ...]]]
    gates: int
    state_size: int = 1
    recurrent: bool = True
    """Whether the gates read the state, so that there is a U and an `r`."""


def lstm(m: Any, x: Any, r: Any, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    _, c = state
    i, f, g, o = _split(x + r, 4)
    c = m.sigmoid(f) * c + m.sigmoid(i) * m.tanh(g)
    h = m.sigmoid(o) * m.tanh(c)
    return h, (h, c)


def gru(m: Any, x: Any, r: Any, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    (h,) = state
    x_r, x_z, x_n = _split(x, 3)
    h_r, h_z, h_n = _split(r, 3)
    z = m.sigmoid(x_z + h_z)
    n = m.tanh(x_n + m.sigmoid(x_r + h_r) * h_n)
    h = (1 - z) * n + z * h
    return h, (h,)


def elman(
    m: Any, x: Any, r: Any, state: tuple[Any, ...], nonlinearity: str = "tanh"
) -> tuple[Any, tuple[Any, ...]]:
    h = getattr(m, nonlinearity)(x + r)
    return h, (h,)


def mingru(m: Any, x: Any, r: None, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    z, n = _split(x, 2)
    z = m.sigmoid(z)
    h = (1 - z) * state[0] + z * _positive(m, n)
    return h, (h,)


def minlstm(m: Any, x: Any, r: None, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    f, i, n = _split(x, 3)
    # i / (f + i) by the logarithms of both, which may be too small to divide.
    share = m.sigmoid(_log_sigmoid(m, i) - _log_sigmoid(m, f))
    h = (1 - share) * state[0] + share * _positive(m, n)
    return h, (h,)


STEPS: dict[str, StepEntry] = {
    "elman": StepEntry(elman, gates=1),
    "lstm": StepEntry(lstm, gates=4, state_size=2),
    "gru": StepEntry(gru, gates=3),
    "mingru": StepEntry(mingru, gates=2, recurrent=False),
    "minlstm": StepEntry(minlstm, gates=3, recurrent=False),
}


def _split(sums: Any, gates: int) -> list[Any]:
    size = sums.shape[-1] // gates
    return [sums[..., k * size : (k + 1) * size] for k in range(gates)]


def _positive(m: Any, a: Any) -> Any:
    """g of Feng et al. (2024): a + 1/2 from 0 on, sigmoid(a) below; continuous and above 0."""
    return m.where(a >= 0, a + 0.5, m.sigmoid(a))


def _log_sigmoid(m: Any, a: Any) -> Any:
    return m.where(a < 0, a, 0 * a) - m.log1p(m.exp(-abs(a)))
