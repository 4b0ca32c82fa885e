"""Models as ONNX graphs: of a language model the state is an input and an output, a classifier reads whole texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import onnx
from onnx import TensorProto, helper

from rnntui.core.cells import CELLS
from rnntui.core.cells.steps import STEPS
from rnntui.core.completion.engine import layer_names
from rnntui.core.config.schema import ModelConfig
from rnntui.core.export.smaller import Matrix
from rnntui.core.export.symbols import Graph, Symbol

_OPSET = 21
_IR_VERSION = 10
"""Those of ONNX 1.16: what runtimes of today know."""
_EPSILON = 1e-5
"""Of the layer norm, as torch has it."""


def language_model(
    config: ModelConfig, weights: Mapping[str, Matrix], notes: Mapping[str, str]
) -> onnx.ModelProto:
    """The graph of a language model with the `weights` that `LanguageModel` has, and `notes` as its metadata.

    Inputs: `tokens` (T, B) int64 and `state.LAYER.PART` (B, H), zeros before a text.  Outputs: `logits` (T, B, V) of
    the token after each, and `next.LAYER.PART`, the state after the last.  T and B are free, so one token at a time is
    the same graph.
    """
    network = _Network(config, weights)
    graph, H = network.graph, config.hidden_size
    layers, parts = range(config.num_layers), range(STEPS[config.cell].state_size)
    before = [[graph.input(f"state.{layer}.{part}", ["B", H]) for part in parts] for layer in layers]
    y, after = network.stack("", network.embedded(), before)
    graph.output("logits", network.logits(y), ["T", "B", None])
    for layer, state in enumerate(after):
        for part, each in enumerate(state):
            graph.output(f"next.{layer}.{part}", each, ["B", None])
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
    """What is saved.  Raises onnx's error where the graph is none, which would be a fault of this module."""
    found = helper.make_graph(graph.nodes, "rnntui", graph.inputs, graph.outputs, graph.constants)
    model = helper.make_model(found, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    helper.set_model_props(model, dict(notes))
    onnx.checker.check_model(model)
    return model


class _Network:
    """The parts of a model as symbols; its weights by their names."""

    def __init__(self, config: ModelConfig, matrices: Mapping[str, Matrix]) -> None:
        self.graph, self._config, self._matrices = Graph(), config, matrices
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
        graph, H = self.graph, self._config.hidden_size
        shape = graph.node("Shape", [self._tokens], 2)[..., 1:2]
        width = graph.constant(np.array([H], np.int64))
        size = graph.node("Concat", [shape, width], 2, axis=0)
        zero = graph.node("ConstantOfShape", [size], H)
        return [[zero] * STEPS[self._config.cell].state_size] * self._config.num_layers

    def stack(
        self, side: str, x: Symbol, before: Sequence[Sequence[Symbol]]
    ) -> tuple[Symbol, list[list[Symbol]]]:
        """The outputs (T, B, H) of a stack over x (T, B, I), and the states after the last token."""
        after = []
        for layer, state in enumerate(before):
            y, last = self._layer(side, layer, x, state)
            if self._config.layer_norm:
                scale, bias = (self(f"{side}stack.norms.{layer}.{part}") for part in ("weight", "bias"))
                y = self.graph.node(
                    "LayerNormalization", [y, scale, bias], y.width, axis=-1, epsilon=_EPSILON
                )
            x = x + y if self._config.residual and x.width == y.width else y
            after.append(last)
        return x, after

    def _layer(
        self, side: str, layer: int, x: Symbol, state: Sequence[Symbol]
    ) -> tuple[Symbol, list[Symbol]]:
        """The outputs (T, B, H) of a layer over x (T, B, I), and its state after the last token."""
        config, graph = self._config, self.graph
        H, entry = config.hidden_size, STEPS[config.cell]
        options = {name: getattr(config, name) for name in CELLS[config.cell].options}
        names = [side + name for name in layer_names(layer, entry.recurrent)]
        sums = x @ self.turned(names[0]) + self(names[1])
        U, c = (self.turned(names[2]), self(names[3])) if entry.recurrent else (None, None)

        inner = Graph(graph)
        before = [inner.input(graph.name("before"), ["B", H]) for _ in state]
        now = inner.input(graph.name("sums"), ["B", sums.width])
        recurrent = None if U is None or c is None else before[0] @ U.within(inner) + c.within(inner)
        y, after = partial(entry.step, inner, **options)(now, recurrent, tuple(before))
        for each in (*after, y):
            inner.output(graph.name("stepped"), each, ["B", None])
        body = helper.make_graph(inner.nodes, graph.name("step"), inner.inputs, inner.outputs)
        results = [graph.name("after") for _ in state] + [graph.name("outputs")]
        scanned = [each.name for each in (*state, sums)]
        graph.nodes.append(helper.make_node("Scan", scanned, results, num_scan_inputs=1, body=body))
        *last, outputs = (Symbol(graph, name, H) for name in results)
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
