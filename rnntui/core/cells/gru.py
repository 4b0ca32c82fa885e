"""The gated recurrent unit."""

from __future__ import annotations

from typing import Any

from rnntui.core.cells.spec import HIDDEN, INPUT, Affine, CellSpec, split


def gru(m: Any, w: Any, x: Any, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The GRU of Cho et al. (2014), in the variant that resets after the product (cuDNN, torch).

        r_t = sigmoid(W_r x_t + b_r + U_r h_{t-1} + c_r)     reset gate
        z_t = sigmoid(W_z x_t + b_z + U_z h_{t-1} + c_z)     update gate
        n_t = tanh(W_n x_t + b_n + r_t * (U_n h_{t-1} + c_n))
        h_t = (1 - z_t) * n_t + z_t * h_{t-1}

    `x_t` is (B, I); `h_t` (B, H) is the state and the output.
    """
    (h,) = state
    x_r, x_z, x_n = split(w.input(x), 3)
    h_r, h_z, h_n = split(w.state(h), 3)
    z = m.sigmoid(x_z + h_z)
    n = m.tanh(x_n + m.sigmoid(x_r + h_r) * h_n)
    h = (1 - z) * n + z * h
    return h, (h,)


SPEC = CellSpec(
    step=gru,
    title="Gated recurrent unit",
    summary="two gates instead of three: close to the LSTM, a quarter fewer weights",
    weights={
        "input": Affine(INPUT, 3 * HIDDEN, names=("rnn.weight_ih_l0", "rnn.bias_ih_l0")),
        "state": Affine(HIDDEN, 3 * HIDDEN, names=("rnn.weight_hh_l0", "rnn.bias_hh_l0")),
    },
    timescale=(0, 1, 0),
    hoisted=True,
    implementation="rnntui.core.cells.fused:GRU",
)
