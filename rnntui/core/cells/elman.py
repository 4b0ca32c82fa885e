"""The simple recurrent network."""

from __future__ import annotations

from torch import nn

from rnntui.core.cells.base import FusedCell


class Elman(FusedCell):
    """The simple recurrent network of Elman (1990), "Finding structure in time".

        h_t = f(W x_t + b + U h_{t-1} + c)        f = tanh, or max(0, .) for `relu`

    `x_t` (B, I) is the input, `h_t` (B, H) the state and the output.  Gradients through k steps carry
    a product of k Jacobians, so they vanish or explode with k: it learns short dependencies only.
    """

    name = "elman"

    def __init__(self, input_size: int, hidden_size: int, nonlinearity: str = "tanh") -> None:
        super().__init__(input_size, hidden_size)
        self.rnn = nn.RNN(input_size, hidden_size, nonlinearity=nonlinearity)
        self.kernels = "elman:RELU" if nonlinearity == "relu" else "elman:TANH"
        self.options = {"nonlinearity": nonlinearity}
