"""Numbers that are not there yet: what is computed with them becomes nodes of an ONNX graph.

The cells' equations (`core/cells/steps.py`) take these in the place of tensors, so they are written down once for
torch, numpy and ONNX.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

Arrays = np.ndarray[Any, Any]


class Graph:
    """Nodes in their order, and the constants that they use."""

    def __init__(self, outer: Graph | None = None) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = outer.constants if outer else []
        """Of all graphs within each other: an inner one sees what the outer one has."""
        self._names: dict[str, int] = outer._names if outer else {}

    def name(self, kind: str) -> str:
        """A name that nothing has yet."""
        self._names[kind] = self._names.get(kind, 0) + 1
        return f"{kind}.{self._names[kind]}"

    def constant(self, value: Arrays, name: str = "") -> Symbol:
        """Numbers that are known."""
        name = name or self.name("constant")
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return Symbol(self, name, value.shape[-1] if value.ndim else 1)

    def node(self, kind: str, inputs: Sequence[Symbol], width: int, **attributes: Any) -> Symbol:
        """What the operation `kind` makes of its inputs, whose last dimension is `width`."""
        name = self.name(kind)
        self.nodes.append(helper.make_node(kind, [each.name for each in inputs], [name], **attributes))
        return Symbol(self, name, width)

    # --- what the equations ask of a module ---

    def sigmoid(self, x: Symbol) -> Symbol:
        return self.node("Sigmoid", [x], x.width)

    def tanh(self, x: Symbol) -> Symbol:
        return self.node("Tanh", [x], x.width)

    def relu(self, x: Symbol) -> Symbol:
        return self.node("Relu", [x], x.width)

    def exp(self, x: Symbol) -> Symbol:
        return self.node("Exp", [x], x.width)

    def log1p(self, x: Symbol) -> Symbol:
        return self.node("Log", [x + 1], x.width)

    def where(self, condition: Symbol, x: Symbol, y: Symbol) -> Symbol:
        return self.node("Where", [condition, x, y], x.width)

    def log_softmax(self, x: Symbol) -> Symbol:
        return self.node("LogSoftmax", [x], x.width, axis=-1)


class Symbol:
    """The result of a node, an input or a constant."""

    def __init__(self, graph: Graph, name: str, width: int) -> None:
        self.graph, self.name, self.width = graph, name, width

    @property
    def shape(self) -> tuple[int]:
        """The last dimension: the others are known when the graph runs."""
        return (self.width,)

    def within(self, graph: Graph) -> Symbol:
        """The same in an inner graph."""
        return Symbol(graph, self.name, self.width)

    def __getitem__(self, key: tuple[Any, slice]) -> Symbol:
        """`x[..., first:last]`."""
        first, last = key[1].start or 0, self.width if key[1].stop is None else key[1].stop
        bounds = [self.graph.constant(np.array([bound], np.int64)) for bound in (first, last, -1)]
        return self.graph.node("Slice", [self, *bounds], last - first)

    def __add__(self, other: Symbol | float) -> Symbol:
        return self._with("Add", other)

    def __sub__(self, other: Symbol | float) -> Symbol:
        return self._with("Sub", other)

    def __rsub__(self, other: float) -> Symbol:
        return self._symbol(other)._with("Sub", self)

    def __mul__(self, other: Symbol | float) -> Symbol:
        return self._with("Mul", other)

    __rmul__ = __mul__

    def __matmul__(self, other: Symbol) -> Symbol:
        return self.graph.node("MatMul", [self, other], other.width)

    def __neg__(self) -> Symbol:
        return self.graph.node("Neg", [self], self.width)

    def __abs__(self) -> Symbol:
        return self.graph.node("Abs", [self], self.width)

    def __lt__(self, other: float) -> Symbol:
        return self._with("Less", other)

    def __ge__(self, other: float) -> Symbol:
        return self._with("GreaterOrEqual", other)

    def _with(self, kind: str, other: Symbol | float) -> Symbol:
        return self.graph.node(kind, [self, self._symbol(other)], max(self.width, getattr(other, "width", 1)))

    def _symbol(self, value: Symbol | float) -> Symbol:
        return value if isinstance(value, Symbol) else self.graph.constant(np.array(value, np.float32))
