"""Cells for experiments, written as anybody writes a cell: equations and a specification.

    import cells

registers them in this process: `mogrifier` and `normed-lstm` are cells like any other.
"""

from __future__ import annotations

from typing import Any

from rnntui.core.cells import CELLS
from rnntui.core.cells.lstm import lstm
from rnntui.core.cells.spec import HIDDEN, INPUT, Affine, CellSpec, Vector, split


def mogrifier(m: Any, w: Any, x: Any, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The Mogrifier LSTM (Melis et al. 2020) with two rounds: input and state gate each other before every step.

    x_t = 2 sigmoid(Q h_{t-1} + q) * x_t
    h_{t-1} = 2 sigmoid(R x_t + r) * h_{t-1}
    h_t, c_t = LSTM(x_t, h_{t-1}, c_{t-1})
    """
    h, c = state
    x = 2 * m.sigmoid(w.gate_of_input(h)) * x
    h = 2 * m.sigmoid(w.gate_of_state(x)) * h
    return lstm(m, w, x, (h, c))


def normed_lstm(m: Any, w: Any, x: Any, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The LSTM with layer normalisation of its sums and its memory (Ba et al. 2016).

    i_t, f_t, g_t, o_t = N(W x_t) + N(U h_{t-1}) + b
    c_t = sigmoid(f_t) * c_{t-1} + sigmoid(i_t) * tanh(g_t)
    h_t = sigmoid(o_t) * tanh(N(c_t))
    """
    h, c = state
    sums, scales = (w.input(x), w.state(h)), (w.of_input, w.of_state)
    x, h = (m.layer_norm(each, each.shape[-1:], scale) for each, scale in zip(sums, scales, strict=True))
    i, f, g, o = split(x + h + w.bias, 4)
    c = m.sigmoid(f + 1) * c + m.sigmoid(i) * m.tanh(g)
    h = m.sigmoid(o) * m.tanh(m.layer_norm(c, c.shape[-1:], w.of_memory))
    return h, (h, c)


CELLS["mogrifier"] = CellSpec(
    step=mogrifier,
    title="Mogrifier LSTM",
    summary="input and state gate each other before every step: slower, a little better on words",
    weights={
        "gate_of_input": Affine(HIDDEN, INPUT),
        "gate_of_state": Affine(INPUT, HIDDEN),
        "input": Affine(INPUT, 4 * HIDDEN, biases={1: 1.0}),
        "state": Affine(HIDDEN, 4 * HIDDEN),
    },
    state=((HIDDEN,), (HIDDEN,)),
)
CELLS["normed-lstm"] = CellSpec(
    step=normed_lstm,
    title="Layer-normalised LSTM",
    summary="sums and memory of one mean and spread: steadier, slower",
    weights={
        "input": Affine(INPUT, 4 * HIDDEN),
        "state": Affine(HIDDEN, 4 * HIDDEN),
        "of_input": Vector(4 * HIDDEN, 1.0),
        "of_state": Vector(4 * HIDDEN, 1.0),
        "of_memory": Vector(HIDDEN, 1.0),
        "bias": Vector(4 * HIDDEN),
    },
    state=((HIDDEN,), (HIDDEN,)),
)
