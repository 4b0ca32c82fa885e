"""Recurrent layers on top of each other."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn.functional import embedding

from rnntui.core.cells import CELLS
from rnntui.core.cells.base import Cell, Lookup, State, new_cell
from rnntui.core.config.schema import ModelConfig
from rnntui.core.nn.dropouts import LockedDropout

StackState = tuple[State, ...]
"""One state a layer."""


class Stack(nn.Module):
    """`num_layers` cells; locked dropout between them, weight drop, residual connections and layer
    normalisation as asked.

    Shapes: x (T, B, I) or a lookup of such, outputs (T, B, H).
    """

    def __init__(self, input_size: int, config: ModelConfig) -> None:
        super().__init__()
        size = config.hidden_size
        options = {name: getattr(config, name) for name in CELLS[config.cell].options}
        sizes = [input_size] + [size] * (config.num_layers - 1)
        self.cells = nn.ModuleList(new_cell(config.cell, inputs, size, **options) for inputs in sizes)
        for cell in self._cells():
            cell.weight_drop = config.weight_drop or 0.0
            # Without storage there is nothing to set, and torch would load its compiler to say so.
            if config.timescale and not next(cell.parameters()).is_meta:
                cell.remember(config.timescale)
        self.norms = nn.ModuleList(nn.LayerNorm(size) if config.layer_norm else nn.Identity() for _ in sizes)
        self.dropout = LockedDropout(config.dropout or 0.0)
        self.residual = config.residual

    def initial_state(self, batch_size: int) -> StackState:
        return tuple(cell.initial_state(batch_size) for cell in self._cells())

    def forward(self, x: Tensor | Lookup, state: StackState) -> tuple[Tensor, StackState]:
        """The outputs of the last layer and the state of all."""
        if isinstance(x, Lookup) and self.residual:
            x = embedding(*x)
        states = []
        for i, (cell, norm) in enumerate(zip(self._cells(), self.norms, strict=True)):
            if i:
                x = self.dropout(x)
            if isinstance(x, Lookup):
                y, layer_state = cell.forward_lookup(x, state[i])
            else:
                y, layer_state = cell(x, state[i])
            y = norm(y)
            residual = self.residual and isinstance(x, Tensor) and x.shape == y.shape
            x = x + y if residual else y
            states.append(layer_state)
        return cast("Tensor", x), tuple(states)

    def _cells(self) -> list[Cell]:
        return cast("list[Cell]", list(self.cells))


def detached(state: StackState) -> StackState:
    """The state as numbers without history."""
    return tuple(tuple(part.detach() for part in layer) for layer in state)
