"""The long short-term memory."""

from __future__ import annotations

import torch
from torch import nn

from rnntui.core.cells.base import FusedCell, set_gate, timescales


class LSTM(FusedCell):
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

    name = "lstm"
    kernels = "lstm:KERNELS"
    torch_is_fast = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.rnn = nn.LSTM(input_size, hidden_size)
        forget = slice(hidden_size, 2 * hidden_size)
        with torch.no_grad():
            # The kernel adds two biases: one of them holds the 1, the other starts at 0.
            _, _, b, b_h = self.weights()
            b[forget] = 1.0
            b_h[forget] = 0.0

    def remember(self, steps: int) -> None:
        _, _, b, b_h = self.weights()
        long = timescales(b, self.hidden_size, steps)
        for gate, values in ((0, -long), (1, long)):
            set_gate(b, gate, values)
            set_gate(b_h, gate, torch.zeros_like(values))
