"""The long short-term memory."""

from __future__ import annotations

from typing import Any

from rnntui.core.cells.spec import HIDDEN, INPUT, Affine, CellSpec, split


def lstm(m: Any, w: Any, x: Any, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The LSTM of Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000).

        i_t = sigmoid(W_i x_t + b_i + U_i h_{t-1} + c_i)      input gate
        f_t = sigmoid(W_f x_t + b_f + U_f h_{t-1} + c_f)      forget gate
        g_t = tanh   (W_g x_t + b_g + U_g h_{t-1} + c_g)      candidate
        o_t = sigmoid(W_o x_t + b_o + U_o h_{t-1} + c_o)      output gate
        c_t = f_t * c_{t-1} + i_t * g_t
        h_t = o_t * tanh(c_t)

    `x_t` is (B, I); the output `h_t` and the memory `c_t` are (B, H).  The state is (h, c).  The forget
    gate's bias starts at 1, so that the memory holds until training says otherwise
    (Jozefowicz et al. 2015, "An empirical exploration of recurrent network architectures").
    """
    h, c = state
    i, f, g, o = split(w.input(x) + w.state(h), 4)
    c = m.sigmoid(f) * c + m.sigmoid(i) * m.tanh(g)
    h = m.sigmoid(o) * m.tanh(c)
    return h, (h, c)


SPEC = CellSpec(
    step=lstm,
    title="Long short-term memory",
    summary="a gated memory that reaches far back: the best choice for most texts",
    weights={
        "input": Affine(INPUT, 4 * HIDDEN, biases={1: 1.0}, names=("rnn.weight_ih_l0", "rnn.bias_ih_l0")),
        "state": Affine(HIDDEN, 4 * HIDDEN, names=("rnn.weight_hh_l0", "rnn.bias_hh_l0")),
    },
    state=((HIDDEN,), (HIDDEN,)),
    timescale=(-1, 1, 0, 0),
    hoisted=True,
    implementation="rnntui.core.cells.fused:LSTM",
)
