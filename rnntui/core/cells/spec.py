"""The specification of a cell: its equations over one token, its weights and its state.

It loads no torch.  Training, completion without torch, the ONNX export, defaults and the form all follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Features:
    """A number of features that depends on the layer: so many times its input's and its hidden size."""

    inputs: int = 0
    hidden: int = 0

    def __rmul__(self, times: int) -> Features:
        return Features(times * self.inputs, times * self.hidden)

    def of(self, input_size: int, hidden_size: int) -> int:
        """Return the number in a layer of these sizes."""
        return self.inputs * input_size + self.hidden * hidden_size


INPUT, HIDDEN = Features(inputs=1), Features(hidden=1)
"""The sizes I and H of a layer."""


class Affine(NamedTuple):
    """The map x -> W x + b."""

    reads: Features
    makes: Features
    biases: Mapping[int, float] = {}
    """Initial bias of parts of the output, H features each, by their index; the others are random as W."""
    names: tuple[str, str] = ("", "")
    """Names of W and b in a layer; where empty, the map's name with `.weight` and `.bias`."""


class Vector(NamedTuple):
    """Weights of one dimension."""

    size: Features
    initial: float = 0.0


LOOP = "rnntui.core.cells.base:LoopCell"


class CellSpec(NamedTuple):
    """Specification of a cell."""

    step: Callable[..., tuple[Any, tuple[Any, ...]]]
    """The equations, `step(m, w, x, state, **options)`; the second paragraph of its docstring shows them to people.

    It is called with torch's tensors, numpy's arrays and ONNX symbols, so it uses operators, `split` and the functions
    of `m` alone: `sigmoid`, `tanh`, `relu`, `exp`, `log1p`, `where`, `layer_norm`, named and called as torch has them.
    `w` has an attribute for each of `weights`: `w.name(x)` of an affine map, `w.name` of a vector.  `x` is (B, I).
    Returns the output (B, H) and the next state.
    """
    title: str
    summary: str
    """One plain sentence: what the cell is good and bad at."""
    weights: Mapping[str, Affine | Vector]
    state: tuple[tuple[Features, ...], ...] = ((HIDDEN,),)
    """Shapes of the parts of the state, without their first dimension B; all begin as zeros."""
    options: tuple[str, ...] = ()
    """Settings of the model that the equations take."""
    gated: bool = True
    """False for a plain network, which forgets soon and becomes chaotic when it is wide."""
    timescale: tuple[int, ...] = ()
    """Role of each gate in the map `input`: 1 keeps the state (forget gate), -1 admits input, 0 neither."""
    hoisted: bool = False
    """True if `x` enters through the map `input` alone, so that its products for all tokens can be one."""
    implementation: str = LOOP
    """`module:class` for training; `LoopCell` needs nothing but this specification."""

    @property
    def recurrent(self) -> bool:
        """True if a map reads what the layer made before."""
        return any(isinstance(each, Affine) and each.reads.hidden for each in self.weights.values())

    def tensors(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of each tensor of a layer by its name, in the order of `weights`."""
        shapes: dict[str, tuple[int, ...]] = {}
        for name, each in self.weights.items():
            if isinstance(each, Vector):
                shapes[name] = (each.size.of(input_size, hidden_size),)
                continue
            W, b = names_of(name, each)
            made = each.makes.of(input_size, hidden_size)
            shapes |= {W: (made, each.reads.of(input_size, hidden_size)), b: (made,)}
        return shapes

    def products(self, input_size: int, hidden_size: int) -> int:
        """Return the number of multiplications for a token in a layer."""
        shapes = self.tensors(input_size, hidden_size).values()
        return sum(prod(shape) for shape in shapes if len(shape) > 1)

    def state_shapes(self, input_size: int, hidden_size: int) -> list[tuple[int, ...]]:
        """Return the shapes of the parts of the state of one sequence."""
        return [tuple(size.of(input_size, hidden_size) for size in part) for part in self.state]


def names_of(name: str, affine: Affine) -> tuple[str, str]:
    """Return the names of the matrix and the bias of the map called `name`."""
    W, b = affine.names
    return W or f"{name}.weight", b or f"{name}.bias"


def split(sums: Any, parts: int) -> list[Any]:
    """Return equal parts of `sums` (B, parts * H), each (B, H)."""
    size = sums.shape[-1] // parts
    return [sums[..., k * size : (k + 1) * size] for k in range(parts)]
