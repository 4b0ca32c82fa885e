"""Cells whose gates read the state: compiled loops on the CPU, torch's layer elsewhere."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from rnntui.core.cells.base import Cell, Lookup, State, kernels_at
from rnntui.core.cells.spec import CellSpec


class FusedCell(Cell):
    """A cell with a fast path beside the equations of `step`: ours on the CPU, elsewhere that of torch's layer."""

    rnn: nn.RNNBase
    kernels: str
    """Location of the cell's kernels, as `kernels_at` reads it."""
    torch_is_fast = False
    """True if torch's layer is one kernel on the CPU too, better than ours but in bf16."""

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.forward_by_ours(x, state) if self._ours_is_faster(x) else self.forward_by_torch(x, state)

    def forward_lookup(self, x: Lookup, state: State) -> tuple[Tensor, State]:
        if self._ours_is_faster_with_lookup(x):
            return self.forward_by_ours(x, state)
        return super().forward_lookup(x, state)

    def forward_by_ours(self, x: Tensor | Lookup, state: State) -> tuple[Tensor, State]:
        """`forward`, or `forward_lookup`, on the CPU by `rnntui.core.kernels`."""
        from rnntui.core.kernels import recurrence

        tokens, rows = x if isinstance(x, Lookup) else (None, x)
        return recurrence.run(kernels_at(self.kernels), rows, self._training_weights(), state, tokens)

    def forward_by_torch(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """`forward` by torch's layer."""
        # It counts its layers in a first dimension, and takes a lone state without a tuple.  The function
        # is called and not the module: that would read its own weights, whole, whatever was dropped.  cuDNN
        # keeps what a gradient needs only where it is told that it trains.
        parts = tuple(part.unsqueeze(0) for part in state)
        function = getattr(torch, self.rnn.mode.lower())
        y, *last = function(
            x, parts if len(parts) > 1 else parts[0], self._training_weights(),
            True, 1, 0.0, self.training or torch.is_grad_enabled(), False, False,
        )  # fmt: skip
        return y, tuple(part.squeeze(0) for part in last)

    def _ours_is_faster(self, x: Tensor) -> bool:
        if x.device.type != "cpu":
            return False
        if not self.torch_is_fast:
            return True
        if not torch.is_autocast_enabled("cpu"):
            return False
        from rnntui.core.kernels import fused_sequence

        return not torch_knows_bf16() or fused_sequence.serves(
            torch.get_autocast_dtype("cpu"), self.weights()[1]
        )

    def _ours_is_faster_with_lookup(self, x: Lookup) -> bool:
        # Where bf16 products are quick they cost less than to add up rows in fp32.
        if x.rows.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return False
        from rnntui.core.kernels import fused_sequence

        return not self.torch_is_fast or fused_sequence.serves(x.rows.dtype, self.weights()[1])

    def weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """W (G*H, I), U (G*H, H), b and c (G*H): of the input and of the state, G gates stacked."""
        W, U, b, c = self.rnn.all_weights[0]
        return W, U, b, c

    def _training_weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`weights`, some of U left out where training asks for it."""
        W, U, b, c = self.weights()
        return W, dropout(U, self.weight_drop, self.training), b, c


class Elman(FusedCell):
    """Simple recurrent network."""

    def __init__(self, spec: CellSpec, input_size: int, hidden_size: int, nonlinearity: str = "tanh") -> None:
        super().__init__(spec, input_size, hidden_size, nonlinearity=nonlinearity)
        self.rnn = nn.RNN(input_size, hidden_size, nonlinearity=nonlinearity)
        self.kernels = "elman:RELU" if nonlinearity == "relu" else "elman:TANH"


class LSTM(FusedCell):
    """Long short-term memory."""

    kernels = "lstm:KERNELS"
    torch_is_fast = True

    def __init__(self, spec: CellSpec, input_size: int, hidden_size: int, **options: Any) -> None:
        super().__init__(spec, input_size, hidden_size, **options)
        self.rnn = nn.LSTM(input_size, hidden_size)
        self._set_biases()


class GRU(FusedCell):
    """Gated recurrent unit."""

    kernels = "gru:KERNELS"

    def __init__(self, spec: CellSpec, input_size: int, hidden_size: int, **options: Any) -> None:
        super().__init__(spec, input_size, hidden_size, **options)
        self.rnn = nn.GRU(input_size, hidden_size)


@cache
def torch_knows_bf16() -> bool:
    """True if torch's kernel for a layer takes bf16 here: oneDNN's needs AVX-512, and fails without."""
    return not torch.backends.mkldnn.is_available() or torch.ops.mkldnn._is_mkldnn_bf16_supported()
