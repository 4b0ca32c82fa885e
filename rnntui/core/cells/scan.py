"""Cells whose gates do not read the state: one product for all steps, then a scan along the time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from rnntui.core.cells.base import Cell, State, kernels_at
from rnntui.core.cells.spec import CellSpec


class ScanCell(Cell):
    """A cell whose state is one h_t = a_t h_{t-1} + b_t with a_t and b_t of the input alone."""

    kernels: str
    """Location of the cell's kernels, as `kernels_at` reads it."""

    def __init__(self, spec: CellSpec, input_size: int, hidden_size: int, **options: Any) -> None:
        super().__init__(spec, input_size, hidden_size, **options)
        made, _ = spec.tensors(input_size, hidden_size)["linear.weight"]
        self.linear = nn.Linear(input_size, made)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        sums = self.linear(x)
        from rnntui.core.kernels import scan

        if scan.serves(sums):
            y, last = scan.run(kernels_at(self.kernels), sums, state[0])
            return y, (last,)
        outputs = []
        for row in sums:
            y, state = self.spec.step(torch, _MULTIPLIED, row, state)
            outputs.append(y)
        return torch.stack(outputs), state


_MULTIPLIED = SimpleNamespace(input=lambda sums: sums)
"""The map of an input that has gone through it already."""


class MinGRU(ScanCell):
    """Minimal GRU."""

    kernels = "mingru:KERNELS"


class MinLSTM(ScanCell):
    """Minimal LSTM."""

    kernels = "minlstm:KERNELS"
