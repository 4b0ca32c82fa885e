"""The one contract that every recurrent cell keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, embedding, linear

from rnntui.core.cells.steps import STEPS

State = tuple[Tensor, ...]
"""What one layer carries from token to token: tensors of shape (B, H), the output's first."""


class Lookup(NamedTuple):
    """An input that is one of few rows at every place: x[t, b] = rows[tokens[t, b]]."""

    tokens: Tensor
    """(T, B) int64, each below V."""
    rows: Tensor
    """(V, I)."""


class Cell(nn.Module, ABC):
    """One recurrent layer.

    Shapes: T time steps, B sequences side by side, I input features, H hidden units.

    A cell runs in two ways that must agree to 1e-5: `forward` over whole sequences, on the fastest
    kernel at hand, for training and evaluation; `step` over one token, by the equations in `steps`,
    which completion shares.  Both are causal: the output at time t depends on inputs up to t alone.
    """

    name: str
    """In the registry, and in `steps.STEPS`."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.options: dict[str, Any] = {}
        """What the cell's equations take besides sums and state."""
        self.weight_drop = 0.0
        """The probability of a recurrent weight to be left out for a whole piece of text, in training."""

    @property
    def state_size(self) -> int:
        """How many (B, H) tensors the state holds."""
        return STEPS[self.name].state_size

    def initial_state(self, batch_size: int) -> State:
        """The zero state for `batch_size` sequences, on the weights' device and in their precision."""
        weight = next(self.parameters())
        return tuple(
            torch.zeros(batch_size, self.hidden_size, device=weight.device, dtype=weight.dtype)
            for _ in range(self.state_size)
        )

    def remember(self, steps: int) -> None:
        """Begin with gates that hold what they have for 1 to `steps` steps, each unit for another time.

        Chrono initialisation (Tallec and Ollivier 2018).  A cell without gates has nothing to set.
        """

    @abstractmethod
    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run over `x` (T, B, I) from `state`; return the outputs (T, B, H) and the state after the last."""

    def forward_lookup(self, x: Lookup, state: State) -> tuple[Tensor, State]:
        """`forward` over an input of few rows, which a cell may do by what it does to each row once."""
        y, last = self(embedding(x.tokens, x.rows), state)
        return y, last

    @abstractmethod
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run over one token `x` (B, I) from `state`; return the output (B, H) and the next state."""


class FusedCell(Cell):
    """A cell with a fast path beside the equations of `step`: ours on the CPU, elsewhere that of torch's layer."""

    rnn: nn.RNNBase
    kernels: str
    """Where the cell's kernels are: `module:name`, the module relative to `rnntui.core.kernels`."""

    torch_is_fast = False
    """Whether torch's layer is one kernel on the CPU too, better than ours but in bf16."""

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.forward_by_ours(x, state) if self._ours_is_faster(x) else self.forward_by_torch(x, state)

    def forward_lookup(self, x: Lookup, state: State) -> tuple[Tensor, State]:
        if self._ours_is_faster_with_lookup(x):
            return self.forward_by_ours(x, state)
        return super().forward_lookup(x, state)

    def forward_by_ours(self, x: Tensor | Lookup, state: State) -> tuple[Tensor, State]:
        """`forward`, or `forward_lookup`, on the CPU by `rnntui.core.kernels`."""
        # The compiler of the loops takes a third of a second to import: only who needs it waits for it.
        from rnntui.core.kernels import recurrence

        tokens, rows = x if isinstance(x, Lookup) else (None, x)
        return recurrence.run(_kernels(self.kernels), rows, self._training_weights(), state, tokens)

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

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        W, U, b, c = self.weights()
        equations = STEPS[self.name].step
        return equations(torch, linear(x, W, b), linear(state[0], U, c), state, **self.options)

    def weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """W (G*H, I), U (G*H, H), b and c (G*H): of the input and of the state, G gates stacked."""
        W, U, b, c = self.rnn.all_weights[0]
        return W, U, b, c

    def _training_weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`weights`, some of U left out where training asks for it (DropConnect; Merity et al. 2018)."""
        W, U, b, c = self.weights()
        return W, dropout(U, self.weight_drop, self.training), b, c


class ScanCell(Cell):
    """A cell whose gates do not read the state: one product for all steps, then a scan along the time."""

    kernels: str
    """Where the cell's kernels are, as above."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.linear = nn.Linear(input_size, STEPS[self.name].gates * hidden_size)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        sums = self.linear(x)
        from rnntui.core.kernels import scan

        if scan.serves(sums):
            y, last = scan.run(_kernels(self.kernels), sums, state[0])
            return y, (last,)
        outputs = []
        for row in sums:
            y, state = STEPS[self.name].step(torch, row, None, state)
            outputs.append(y)
        return torch.stack(outputs), state

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return STEPS[self.name].step(torch, self.linear(x), None, state)


@torch.no_grad()
def set_gate(bias: Tensor, gate: int, values: Tensor) -> None:
    """Put `values` (H,) into a gate's part of a `bias` (G*H,)."""
    size = len(values)
    bias[gate * size : (gate + 1) * size] = values


def timescales(like: Tensor, hidden_size: int, steps: int) -> Tensor:
    """ln(u), u between 1 and `steps` - 1 at random (H,): the bias of a gate that holds for about u steps."""
    return torch.empty(hidden_size, device=like.device, dtype=like.dtype).uniform_(1, steps - 1).log()


def _kernels(location: str) -> Any:
    module, _, name = location.partition(":")
    return getattr(import_module(f"rnntui.core.kernels.{module}"), name)


@cache
def torch_knows_bf16() -> bool:
    """Whether torch's kernel for a layer takes bf16 here: oneDNN's needs AVX-512, and fails without."""
    return not torch.backends.mkldnn.is_available() or torch.ops.mkldnn._is_mkldnn_bf16_supported()
