"""The minimal long short-term memory."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import logsigmoid

from rnntui.core.cells.base import ScanCell, State, positive


class MinLSTM(ScanCell):
    """The minLSTM of Feng et al. (2024), "Were RNNs all we needed?": gates that do not read the state.

        f_t = sigmoid(W_f x_t + b_f)             forget gate
        i_t = sigmoid(W_i x_t + b_i)             input gate
        n_t = g(W_n x_t + b_n)                   candidate, g(a) = a + 1/2 from 0 on, sigmoid(a) below
        h_t = (f_t * h_{t-1} + i_t * n_t) / (f_t + i_t)

    `x_t` is (B, I); `h_t` (B, H) is the state and the output.  One layer only averages what it has read:
    it takes two or more to learn what depends on order.
    """

    gates = 3
    kernels = "minlstm:KERNELS"

    def recur(self, sums: Tensor, state: State) -> tuple[Tensor, State]:
        f, i, n = sums.chunk(3, dim=1)
        # i / (f + i), also where both are too small for the division.
        share = (logsigmoid(i) - logsigmoid(f)).sigmoid()
        h = (1 - share) * state[0] + share * positive(n)
        return h, (h,)
