"""The minimal long short-term memory."""

from __future__ import annotations

from rnntui.core.cells.base import ScanCell, set_gate, timescales


class MinLSTM(ScanCell):
    """The minLSTM of Feng et al. (2024), "Were RNNs all we needed?": gates that do not read the state.

        f_t = sigmoid(W_f x_t + b_f)             forget gate
        i_t = sigmoid(W_i x_t + b_i)             input gate
        n_t = g(W_n x_t + b_n)                   candidate, g(a) = a + 1/2 from 0 on, sigmoid(a) below
        h_t = (f_t * h_{t-1} + i_t * n_t) / (f_t + i_t)

    `x_t` is (B, I); `h_t` (B, H) is the state and the output.  One layer only averages what it has read:
    it takes two or more to learn what depends on order.
    """

    name = "minlstm"
    kernels = "minlstm:KERNELS"

    def remember(self, steps: int) -> None:
        bias = self.linear.bias
        long = timescales(bias, self.hidden_size, steps)
        set_gate(bias, 0, long)
        set_gate(bias, 1, -long)
