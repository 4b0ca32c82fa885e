"""Models as ONNX graphs: of a language model the state is an input and an output, a classifier reads whole texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from rnntui.core.cells import CELLS
from rnntui.core.cells.spec import Vector, names_of
from rnntui.core.completion.engine import input_sizes
from rnntui.core.config.schema import ModelConfig
from rnntui.core.export.smaller import Matrix
from rnntui.core.export.symbols import Graph, Symbol

_OPSET = 21
_IR_VERSION = 10
"""Versions of ONNX 1.16, which today's runtimes know."""


def language_model(
    config: ModelConfig, weights: Mapping[str, Matrix], notes: Mapping[str, str]
) -> onnx.ModelProto:
    """The graph of a language model with the `weights` that `LanguageModel` has, and `notes` as its metadata.

    Inputs: `tokens` (T, B) int64 and `state.LAYER.PART` (B, H), zeros before a text.  Outputs: `logits` (T, B, V) of
    the token after each, and `next.LAYER.PART`, the state after the last.  T and B are free, so one token at a time is
    the same graph.
    """
    network = _Network(config, weights)
    graph = network.graph
    before = [
        [graph.input(f"state.{layer}.{part}", ["B", *shape]) for part, shape in enumerate(shapes)]
        for layer, shapes in enumerate(network.state_shapes)
    ]
    y, after = network.stack("", network.embedded(), before)
    graph.output("logits", network.logits(y), ["T", "B", None])
    for layer, state in enumerate(after):
        for part, each in enumerate(state):
            shape = network.state_shapes[layer][part]
            graph.output(f"next.{layer}.{part}", each, ["B", *shape])
    return _model(graph, notes)


def classifier(
    config: ModelConfig, weights: Mapping[str, Matrix], notes: Mapping[str, str]
) -> onnx.ModelProto:
    """The graph of a classifier with the `weights` that `Classifier` has, and `notes` as its metadata.

    Inputs: `tokens` (T, B) int64, each text behind the vocabulary's line end and filled up with anything, and `lengths`
    (B,) int64, the tokens of each.  Output: `logits` (B, L) of the labels.
    """
    network = _Network(config, weights)
    graph = network.graph
    x, lengths = network.embedded(), graph.input("lengths", ["B"], TensorProto.INT64)
    y, _ = network.stack("", x, network.zeros())
    if config.bidirectional:
        turned, _ = network.stack("backward_", graph.turned(x, lengths), network.zeros())
        y = graph.node("Concat", [y, graph.turned(turned, lengths)], 2 * y.width, axis=2)
    pooled = network.pooled(y, lengths)
    graph.output("logits", pooled @ network.turned("head.weight") + network("head.bias"), ["B", None])
    return _model(graph, notes)


def _model(graph: Graph, notes: Mapping[str, str]) -> onnx.ModelProto:
    """Return the model to save.  Raises onnx's error for an invalid graph, which would be a fault of this module."""
    found = helper.make_graph(graph.nodes, "rnntui", graph.inputs, graph.outputs, graph.constants)
    model = helper.make_model(found, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    helper.set_model_props(model, dict(notes))
    onnx.checker.check_model(model)
    return model


class _Network:
    """The parts of a model as symbols; its weights by their names."""

    def __init__(self, config: ModelConfig, matrices: Mapping[str, Matrix]) -> None:
        self.graph, self._config, self._matrices = Graph(), config, matrices
        spec, hidden = CELLS[config.cell], config.hidden_size
        self.state_shapes = [spec.state_shapes(size, hidden) for size in input_sizes(config)]
        self._made: dict[str, Symbol] = {}
        self._tokens = self.graph.input("tokens", ["T", "B"], TensorProto.INT64)

    def __call__(self, name: str) -> Symbol:
        """The weights called `name`; int8 ones become numbers here."""
        if name not in self._made:
            matrix = self._matrices[name]
            symbol = self.graph.constant(matrix.values, name)
            if matrix.scale is not None:
                # DequantizeLinear would be taken for leave to round the other factor as well.
                scale = self.graph.constant(matrix.scale[:, None], f"{name}.scale")
                symbol = self.graph.node("Cast", [symbol], symbol.width, to=TensorProto.FLOAT) * scale
            self._made[name] = symbol
        return self._made[name]

    def turned(self, name: str) -> Symbol:
        """The matrix called `name`, (O, I), as (I, O)."""
        return self.graph.node("Transpose", [self(name)], len(self._matrices[name].values), perm=[1, 0])

    def embedded(self) -> Symbol:
        """The tokens as x (T, B, E)."""
        return self.graph.node(
            "Gather", [self("embedding.weight"), self._tokens], self._config.embedding_size
        )

    def zeros(self) -> list[list[Symbol]]:
        """The state before a text."""
        graph = self.graph
        batch = graph.node("Shape", [self._tokens], 2)[..., 1:2]

        def zero(shape: tuple[int, ...]) -> Symbol:
            sizes = graph.constant(np.array(shape, np.int64))
            return graph.node("ConstantOfShape", [graph.node("Concat", [batch, sizes], 2, axis=0)], shape[-1])

        return [[zero(shape) for shape in shapes] for shapes in self.state_shapes]

    def stack(
        self, side: str, x: Symbol, before: Sequence[Sequence[Symbol]]
    ) -> tuple[Symbol, list[list[Symbol]]]:
        """The outputs (T, B, H) of a stack over x (T, B, I), and the states after the last token."""
        after = []
        for layer, state in enumerate(before):
            y, last = self._layer(side, layer, x, state)
            if self._config.layer_norm:
                scale, bias = (self(f"{side}stack.norms.{layer}.{part}") for part in ("weight", "bias"))
                y = self.graph.layer_norm(y, y.shape, scale, bias)
            x = x + y if self._config.residual and x.width == y.width else y
            after.append(last)
        return x, after

    def _layer(
        self, side: str, layer: int, x: Symbol, state: Sequence[Symbol]
    ) -> tuple[Symbol, list[Symbol]]:
        """The outputs (T, B, H) of a layer over x (T, B, I), and its state after the last token."""
        config, graph = self._config, self.graph
        spec, prefix = CELLS[config.cell], f"{side}stack.cells.{layer}."
        options = {name: getattr(config, name) for name in spec.options}
        inner = Graph(graph)

        def affine(W: str, b: str) -> Callable[[Symbol], Symbol]:
            turned, bias = self.turned(prefix + W), self(prefix + b)
            return lambda each: each @ turned.within(each.graph) + bias.within(each.graph)

        weights: dict[str, Any] = {
            name: self(prefix + name).within(inner)
            if isinstance(each, Vector)
            else affine(*names_of(name, each))
            for name, each in spec.weights.items()
        }
        if spec.hoisted:  # its products for all tokens are one, outside the loop
            x = weights["input"](x)
            weights["input"] = lambda sums: sums
        shapes = self.state_shapes[layer]
        before = [inner.input(graph.name("before"), ["B", *shape]) for shape in shapes]
        now = inner.input(graph.name("now"), ["B", x.width])
        y, after = spec.step(inner, SimpleNamespace(**weights), now, tuple(before), **options)
        for each, shape in zip((*after, y), (*shapes, (config.hidden_size,)), strict=True):
            inner.output(graph.name("stepped"), each, ["B", *shape])
        body = helper.make_graph(inner.nodes, graph.name("step"), inner.inputs, inner.outputs)
        results = [graph.name("after") for _ in state] + [graph.name("outputs")]
        scanned = [each.name for each in (*state, x)]
        graph.nodes.append(helper.make_node("Scan", scanned, results, num_scan_inputs=1, body=body))
        widths = [*(shape[-1] for shape in shapes), config.hidden_size]
        *last, outputs = (Symbol(graph, name, width) for name, width in zip(results, widths, strict=True))
        return outputs, last

    def logits(self, y: Symbol) -> Symbol:
        """(T, B, V) of the next token from the outputs y (T, B, H)."""
        if "projection.weight" in self._matrices:
            y = y @ self.turned("projection.weight")
        return y @ self.turned("embedding.weight" if self._config.tied else "head.weight") + self("head.bias")

    def pooled(self, y: Symbol, lengths: Symbol) -> Symbol:
        """One vector a text, (B, F or more), from the outputs y (T, B, F), as `core/nn/pooling.py` has it."""
        graph, config = self.graph, self._config
        inside = graph.before(y, lengths)
        if config.pooling == "attention":
            hidden = y @ self.turned("pooling.hidden.weight") + self("pooling.hidden.bias")
            scores = graph.tanh(hidden) @ self.turned("pooling.matters.weight")
            shares = graph.node("Softmax", [graph.where(inside, scores, graph.number(-np.inf))], 1, axis=0)
            return graph.sum_over_time(shares * y)
        last = self._last(y, lengths)
        if config.pooling == "last":
            return last
        greatest = graph.greatest_over_time(graph.where(inside, y, graph.number(-np.inf)))
        mean = graph.sum_over_time(graph.where(inside, y, graph.number(0.0))) / graph.as_column(lengths)
        return graph.node("Concat", [greatest, mean, last], 3 * y.width, axis=1)

    def _last(self, y: Symbol, lengths: Symbol) -> Symbol:
        """The output after each text's last token; of the backward stack, the second half, that at the first."""
        graph, H = self.graph, self._config.hidden_size
        at_end = graph.sum_over_time(graph.where(graph.at(y, lengths), y, graph.number(0.0)))
        if not self._config.bidirectional:
            return at_end
        first = graph.node("Gather", [y, graph.constant(np.array(0, np.int64))], y.width, axis=0)
        return graph.node("Concat", [at_end[..., :H], first[..., H:]], y.width, axis=1)
