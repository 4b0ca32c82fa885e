"""The contract that every recurrent cell keeps, and the cell that has nothing but its equations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, embedding, linear

from rnntui.core.cells import CELLS
from rnntui.core.cells.spec import Affine, CellSpec, Vector, names_of

State = tuple[Tensor, ...]
"""State of one layer between tokens, each part as `CellSpec.state` has it behind a first dimension B."""


class Lookup(NamedTuple):
    """An input that is one of few rows at every place: x[t, b] = rows[tokens[t, b]]."""

    tokens: Tensor
    """(T, B) int64, each below V."""
    rows: Tensor
    """(V, I)."""


class Cell(nn.Module, ABC):
    """One recurrent layer.

    Shapes: T time steps, B sequences side by side, I input features, H hidden units.

    A cell runs in two ways that must agree to 1e-5: `forward` over whole sequences, on the fastest kernel at hand, for
    training and evaluation; `step` over one token, by the equations of its specification, which completion shares.
    Both are causal: the output at time t depends on inputs up to t alone.
    """

    def __init__(self, spec: CellSpec, input_size: int, hidden_size: int, **options: Any) -> None:
        super().__init__()
        self.spec = spec
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.options = options
        """Settings that the equations take."""
        self.weight_drop = 0.0
        """Probability that a recurrent weight is left out of a whole segment in training (DropConnect; Merity 2018)."""

    def initial_state(self, batch_size: int) -> State:
        """Return the zero state for `batch_size` sequences, on the weights' device and in their precision."""
        weight = next(self.parameters())
        shapes = self.spec.state_shapes(self.input_size, self.hidden_size)
        return tuple(weight.new_zeros(batch_size, *shape) for shape in shapes)

    def remember(self, steps: int) -> None:
        """Set the gates of `CellSpec.timescale` so that units hold for 1 to `steps` steps, each for another time.

        Chrono initialisation (Tallec and Ollivier 2018).
        """
        like = next(self.parameters())
        long = (
            torch.empty(self.hidden_size, device=like.device, dtype=like.dtype).uniform_(1, steps - 1).log()
        )
        for gate, sign in enumerate(self.spec.timescale):
            if sign:
                self._set_gate("input", gate, sign * long)

    def _set_biases(self) -> None:
        """Give parts of the output of maps the biases that the specification names."""
        if next(self.parameters()).is_meta:
            return  # without storage there is nothing to set, and torch would load its compiler to say so
        for name, each in self.spec.weights.items():
            for part, value in each.biases.items() if isinstance(each, Affine) else ():
                self._set_gate(name, part, torch.tensor(value))

    @torch.no_grad()
    def _set_gate(self, name: str, part: int, values: Tensor) -> None:
        """Put `values` (H,) into a part of a map's bias; that of `state` beside `input`, added to it, becomes 0."""
        for each, content in ((name, values), *([("state", 0 * values)] if name == "input" else ())):
            affine = self.spec.weights.get(each)
            if isinstance(affine, Affine):
                bias = self.get_parameter(names_of(each, affine)[1])
                bias[part * self.hidden_size : (part + 1) * self.hidden_size] = content

    @abstractmethod
    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run over `x` (T, B, I) from `state`; return the outputs (T, B, H) and the state after the last."""

    def forward_lookup(self, x: Lookup, state: State) -> tuple[Tensor, State]:
        """`forward` over an input of few rows, which a cell may do by what it does to each row once."""
        y, last = self(embedding(x.tokens, x.rows), state)
        return y, last

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run over one token `x` (B, I) from `state`; return the output (B, H) and the next state."""
        return self.spec.step(torch, self._bound(0.0), x, state, **self.options)

    def _bound(self, weight_drop: float) -> SimpleNamespace:
        """The weights as the equations take them, recurrent ones dropped with a probability."""
        found: dict[str, Any] = {}
        for name, each in self.spec.weights.items():
            if isinstance(each, Vector):
                found[name] = self.get_parameter(name)
                continue
            W, b = map(self.get_parameter, names_of(name, each))
            kept = dropout(W, weight_drop) if each.reads.hidden and weight_drop else W
            found[name] = lambda x, W=kept, b=b: linear(x, W, b)
        return SimpleNamespace(**found)


class LoopCell(Cell):
    """A cell that its specification makes whole: weights by their sizes, `forward` as a loop over `step`.

    Matrices begin uniform within 1/sqrt(H), as those of torch's recurrent layers.
    """

    def __init__(self, spec: CellSpec, input_size: int, hidden_size: int, **options: Any) -> None:
        super().__init__(spec, input_size, hidden_size, **options)
        bound = hidden_size**-0.5
        for name, each in spec.weights.items():
            if isinstance(each, Vector):
                size = each.size.of(input_size, hidden_size)
                self.register_parameter(name, nn.Parameter(torch.full((size,), each.initial)))
                continue
            reads, makes = (size.of(input_size, hidden_size) for size in (each.reads, each.makes))
            layer = nn.Linear(reads, makes)
            for weight in layer.parameters():
                nn.init.uniform_(weight, -bound, bound)
            self.add_module(name, layer)
        self._set_biases()

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        weights = self._bound(self.weight_drop if self.training else 0.0)
        outputs = []
        for row in x:
            y, state = self.spec.step(torch, weights, row, state, **self.options)
            outputs.append(y)
        return torch.stack(outputs), state


def new_cell(name: str, input_size: int, hidden_size: int, **options: Any) -> Cell:
    """Return a new layer of the cell called `name`.  Raises KeyError for a name that is not in `CELLS`."""
    spec = CELLS[name]
    cell: Cell = resolve_name(spec.implementation)(spec, input_size, hidden_size, **options)
    return cell


def kernels_at(location: str) -> Any:
    """Return the kernels at `module:name`, the module relative to `rnntui.core.kernels`.

    Their compiler takes a third of a second to import: only who needs it waits for it.
    """
    return resolve_name(f"rnntui.core.kernels.{location}")
