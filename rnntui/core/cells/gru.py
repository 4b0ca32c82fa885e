"""The gated recurrent unit."""

from __future__ import annotations

import torch
from torch import nn

from rnntui.core.cells.base import FusedCell, set_gate, timescales


class GRU(FusedCell):
    """The GRU of Cho et al. (2014), in the variant that resets after the product (cuDNN, torch).

        r_t = sigmoid(W_r x_t + b_r + U_r h_{t-1} + c_r)              reset gate
        z_t = sigmoid(W_z x_t + b_z + U_z h_{t-1} + c_z)              update gate
        n_t = tanh   (W_n x_t + b_n + r_t * (U_n h_{t-1} + c_n))      candidate
        h_t = (1 - z_t) * n_t + z_t * h_{t-1}

    `x_t` is (B, I); `h_t` (B, H) is the state and the output.
    """

    name = "gru"
    kernels = "gru:KERNELS"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.rnn = nn.GRU(input_size, hidden_size)

    def remember(self, steps: int) -> None:
        _, _, b, c = self.weights()
        long = timescales(b, self.hidden_size, steps)
        set_gate(b, 1, long)
        set_gate(c, 1, torch.zeros_like(long))
