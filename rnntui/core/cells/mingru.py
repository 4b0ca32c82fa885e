"""The minimal gated recurrent unit."""

from __future__ import annotations

from typing import Any

from rnntui.core.cells.spec import HIDDEN, INPUT, Affine, CellSpec, split


def mingru(m: Any, w: Any, x: Any, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The minGRU of Feng et al. (2024), "Were RNNs all we needed?": gates that do not read the state.

        z_t = sigmoid(W_z x_t + b_z)             update gate
        n_t = g(W_n x_t + b_n)                   candidate
        h_t = (1 - z_t) * h_{t-1} + z_t * n_t
        g(a) = a + 1/2 where a >= 0, else sigmoid(a)

    `x_t` is (B, I); `h_t` (B, H) is the state and the output.  One layer only averages what it has read:
    it takes two or more to learn what depends on order.
    """
    z, n = split(w.input(x), 2)
    z = m.sigmoid(z)
    h = (1 - z) * state[0] + z * positive(m, n)
    return h, (h,)


def positive(m: Any, a: Any) -> Any:
    """Return g(a) of Feng et al. (2024): a + 1/2 from 0 on, sigmoid(a) below; continuous and above 0."""
    return m.where(a >= 0, a + 0.5, m.sigmoid(a))


SPEC = CellSpec(
    step=mingru,
    title="Minimal GRU",
    summary="gates that do not read the state: fast, wants two layers or more",
    weights={"input": Affine(INPUT, 2 * HIDDEN, names=("linear.weight", "linear.bias"))},
    timescale=(-1, 0),
    hoisted=True,
    implementation="rnntui.core.cells.scan:MinGRU",
)
