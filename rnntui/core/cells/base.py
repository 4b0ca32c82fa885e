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
from rnntui.core.cells.spec import CellSpec, Vector, names_of

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
        """Set the gates so that units hold what they have for 1 to `steps` steps, each for another time.

        Chrono initialisation (Tallec and Ollivier 2018).  Called where `CellSpec.timescale` allows it.
        """
        raise NotImplementedError

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
            if each.biases:
                values = torch.tensor(each.biases).repeat_interleave(makes // len(each.biases))
                layer.bias.data.copy_(values)
            self.add_module(name, layer)

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


@torch.no_grad()
def set_gate(bias: Tensor, gate: int, values: Tensor) -> None:
    """Put `values` (H,) into a gate's part of a `bias` (G*H,)."""
    size = len(values)
    bias[gate * size : (gate + 1) * size] = values


def timescales(like: Tensor, hidden_size: int, steps: int) -> Tensor:
    """ln(u), u between 1 and `steps` - 1 at random (H,): the bias of a gate that holds for about u steps."""
    return torch.empty(hidden_size, device=like.device, dtype=like.dtype).uniform_(1, steps - 1).log()


def kernels_at(location: str) -> Any:
    """Return the kernels at `module:name`, the module relative to `rnntui.core.kernels`.

    Their compiler takes a third of a second to import: only who needs it waits for it.
    """
    return resolve_name(f"rnntui.core.kernels.{location}")
