"""Numbers that are not there yet: what is computed with them becomes nodes of an ONNX graph.

The equations of the cells (`core/cells/`) take these in the place of tensors, so they are written down once for
torch, numpy and ONNX.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from rnntui.core.completion.arrays import NORM_EPSILON, Array


class Graph:
    """Nodes in their order, and the constants that they use."""

    def __init__(self, outer: Graph | None = None) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = outer.constants if outer else []
        """Of all graphs within each other: an inner one sees what the outer one has."""
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self._names: dict[str, int] = outer._names if outer else {}

    def name(self, kind: str) -> str:
        """A name that nothing has yet."""
        self._names[kind] = self._names.get(kind, 0) + 1
        return f"{kind}.{self._names[kind]}"

    def constant(self, value: Array, name: str = "") -> Symbol:
        """Numbers that are known."""
        name = name or self.name("constant")
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return Symbol(self, name, value.shape[-1] if value.ndim else 1)

    def node(self, kind: str, inputs: Sequence[Symbol], width: int, **attributes: Any) -> Symbol:
        """Add the operation `kind` on these inputs; the last dimension of its result is `width`."""
        name = self.name(kind)
        self.nodes.append(helper.make_node(kind, [each.name for each in inputs], [name], **attributes))
        return Symbol(self, name, width)

    def input(self, name: str, shape: list[int | str], kind: int = onnx.TensorProto.FLOAT) -> Symbol:
        """Add an input of the graph; sizes with a name are free."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return Symbol(self, name, shape[-1] if isinstance(shape[-1], int) else 1)

    def output(self, name: str, value: Symbol, shape: list[int | str | None]) -> None:
        """Give out `value` under a name of its own; None in the shape is its width."""
        self.nodes.append(helper.make_node("Identity", [value.name], [name]))
        sizes = [value.width if size is None else size for size in shape]
        self.outputs.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, sizes))

    # --- texts of their own lengths, y (T, B, F) and lengths (B,) ---

    def number(self, value: float) -> Symbol:
        return self.constant(np.array(value, np.float32))

    def turned(self, y: Symbol, lengths: Symbol) -> Symbol:
        """Each text from its end to its beginning; what is behind the end stays there."""
        return self.node("ReverseSequence", [y, lengths], y.width, time_axis=0, batch_axis=1)

    def before(self, y: Symbol, lengths: Symbol) -> Symbol:
        """(T, B, 1) whether a time step lies before a text's end."""
        return self._along("Less", y, lengths)

    def at(self, y: Symbol, lengths: Symbol) -> Symbol:
        """(T, B, 1) whether a time step is a text's last."""
        one = self.constant(np.array(1, np.int64))
        return self._along("Equal", y, self.node("Sub", [lengths, one], 1))

    def _along(self, kind: str, y: Symbol, lengths: Symbol) -> Symbol:
        zero, one = (self.constant(np.array(value, np.int64)) for value in (0, 1))
        steps = self.node("Gather", [self.node("Shape", [y], 3), zero], 1)
        column = self.node("Unsqueeze", [self.node("Range", [zero, steps, one], 1), self._axis(1)], 1)
        return self.node("Unsqueeze", [self.node(kind, [column, lengths], 1), self._axis(2)], 1)

    def as_column(self, lengths: Symbol) -> Symbol:
        """(B, 1) as floats."""
        floats = self.node("Cast", [lengths], 1, to=onnx.TensorProto.FLOAT)
        return self.node("Unsqueeze", [floats, self._axis(1)], 1)

    def sum_over_time(self, y: Symbol) -> Symbol:
        return self.node("ReduceSum", [y, self._axis(0)], y.width, keepdims=0)

    def greatest_over_time(self, y: Symbol) -> Symbol:
        return self.node("ReduceMax", [y, self._axis(0)], y.width, keepdims=0)

    def _axis(self, axis: int) -> Symbol:
        return self.constant(np.array([axis], np.int64))

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
        return self.node("Where", [condition, x, y], max(x.width, y.width))

    def layer_norm(
        self, x: Symbol, shape: tuple[int, ...], weight: Symbol, bias: Symbol | None = None
    ) -> Symbol:
        scales = [weight] if bias is None else [weight, bias]
        return self.node("LayerNormalization", [x, *scales], x.width, axis=-1, epsilon=NORM_EPSILON)

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

    def __truediv__(self, other: Symbol) -> Symbol:
        return self._with("Div", other)

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
