"""The simple recurrent network."""

from __future__ import annotations

from typing import Any

from rnntui.core.cells.spec import HIDDEN, INPUT, Affine, CellSpec


def elman(
    m: Any, w: Any, x: Any, state: tuple[Any, ...], nonlinearity: str = "tanh"
) -> tuple[Any, tuple[Any, ...]]:
    """The simple recurrent network of Elman (1990), "Finding structure in time".

        h_t = f(W x_t + b + U h_{t-1} + c)      f = tanh or max(0, .)

    `x_t` (B, I) is the input, `h_t` (B, H) the state and the output.  Gradients through k steps carry
    a product of k Jacobians, so they vanish or explode with k: it learns short dependencies only.
    """
    h = getattr(m, nonlinearity)(w.input(x) + w.state(state[0]))
    return h, (h,)


SPEC = CellSpec(
    step=elman,
    title="Elman network",
    summary="the simplest recurrence: small, forgets within a few dozen tokens",
    weights={
        "input": Affine(INPUT, HIDDEN, names=("rnn.weight_ih_l0", "rnn.bias_ih_l0")),
        "state": Affine(HIDDEN, HIDDEN, names=("rnn.weight_hh_l0", "rnn.bias_hh_l0")),
    },
    options=("nonlinearity",),
    gated=False,
    hoisted=True,
    implementation="rnntui.core.cells.fused:Elman",
)
