"""The minimal long short-term memory."""

from __future__ import annotations

from typing import Any

from rnntui.core.cells.mingru import positive
from rnntui.core.cells.spec import HIDDEN, INPUT, Affine, CellSpec, split


def minlstm(m: Any, w: Any, x: Any, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The minLSTM of Feng et al. (2024), "Were RNNs all we needed?": gates that do not read the state.

        f_t = sigmoid(W_f x_t + b_f)             forget gate
        i_t = sigmoid(W_i x_t + b_i)             input gate
        n_t = g(W_n x_t + b_n)                   candidate
        h_t = (f_t * h_{t-1} + i_t * n_t) / (f_t + i_t)
        g(a) = a + 1/2 where a >= 0, else sigmoid(a)

    `x_t` is (B, I); `h_t` (B, H) is the state and the output.  One layer only averages what it has read:
    it takes two or more to learn what depends on order.
    """
    f, i, n = split(w.input(x), 3)
    # i / (f + i) by the logarithms of both, which may be too small to divide.
    share = m.sigmoid(_log_sigmoid(m, i) - _log_sigmoid(m, f))
    h = (1 - share) * state[0] + share * positive(m, n)
    return h, (h,)


def _log_sigmoid(m: Any, a: Any) -> Any:
    return m.where(a < 0, a, 0 * a) - m.log1p(m.exp(-abs(a)))


SPEC = CellSpec(
    step=minlstm,
    title="Minimal LSTM",
    summary="two gates that do not read the state: as mingru, a little slower",
    weights={"input": Affine(INPUT, 3 * HIDDEN, names=("linear.weight", "linear.bias"))},
    timescale=(1, -1, 0),
    hoisted=True,
    implementation="rnntui.core.cells.scan:MinLSTM",
)
