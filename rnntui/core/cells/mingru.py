"""The minimal gated recurrent unit."""

from __future__ import annotations

from rnntui.core.cells.base import ScanCell, set_gate, timescales


class MinGRU(ScanCell):
    """The minGRU of Feng et al. (2024), "Were RNNs all we needed?": gates that do not read the state.

        z_t = sigmoid(W_z x_t + b_z)             update gate
        n_t = g(W_n x_t + b_n)                   candidate, g(a) = a + 1/2 from 0 on, sigmoid(a) below
        h_t = (1 - z_t) * h_{t-1} + z_t * n_t

    `x_t` is (B, I); `h_t` (B, H) is the state and the output.  One layer only averages what it has read:
    it takes two or more to learn what depends on order.
    """

    name = "mingru"
    kernels = "mingru:KERNELS"

    def remember(self, steps: int) -> None:
        bias = self.linear.bias
        set_gate(bias, 0, -timescales(bias, self.hidden_size, steps))
