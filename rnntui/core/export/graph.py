"""A language model as an ONNX graph, the state an input and an output."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import onnx
from onnx import TensorProto, helper

from rnntui.core.cells import CELLS
from rnntui.core.cells.steps import STEPS
from rnntui.core.export.smaller import Matrix
from rnntui.core.export.symbols import Graph, Symbol
from rnntui.core.inference.engine import layer_names
from rnntui.core.models.clusters import clusters, frequent
from rnntui.core.sections import ModelConfig

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
    graph, H = Graph(), config.hidden_size
    named = _Weights(graph, weights)
    entry = STEPS[config.cell]
    tokens = Symbol(graph, "tokens", 1)
    inputs = [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["T", "B"])]
    outputs = []
    x = graph.node("Gather", [named("embedding.weight"), tokens], config.embedding_size)
    for layer in range(config.num_layers):
        parts = range(entry.state_size)
        state = [Symbol(graph, f"state.{layer}.{part}", H) for part in parts]
        y, after = _layer(config, layer, named, x, state)
        if config.layer_norm:
            norm = f"stack.norms.{layer}."
            scale, bias = named(norm + "weight"), named(norm + "bias")
            y = graph.node("LayerNormalization", [y, scale, bias], H, axis=-1, epsilon=_EPSILON)
        x = x + y if config.residual and x.width == y.width else y
        inputs += [helper.make_tensor_value_info(each.name, TensorProto.FLOAT, ["B", H]) for each in state]
        for part, each in zip(parts, after, strict=True):
            graph.nodes.append(helper.make_node("Identity", [each.name], [f"next.{layer}.{part}"]))
            outputs.append(helper.make_tensor_value_info(f"next.{layer}.{part}", TensorProto.FLOAT, ["B", H]))
    logits = _logits(config, named, x)
    graph.nodes.append(helper.make_node("Identity", [logits.name], ["logits"]))
    outputs.insert(0, helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["T", "B", logits.width]))
    found = helper.make_graph(graph.nodes, "rnntui", inputs, outputs, graph.constants)
    model = helper.make_model(found, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    helper.set_model_props(model, dict(notes))
    onnx.checker.check_model(model)
    return model


class _Weights:
    """The constants of a graph that are a model's weights; int8 ones become numbers where they are used."""

    def __init__(self, graph: Graph, matrices: Mapping[str, Matrix]) -> None:
        self._graph, self._matrices = graph, matrices
        self._made: dict[str, Symbol] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._matrices

    def __call__(self, name: str) -> Symbol:
        """The tensor called `name`."""
        if name not in self._made:
            matrix = self._matrices[name]
            symbol = self._graph.constant(matrix.values, name)
            if matrix.scale is not None:
                # DequantizeLinear would be taken for leave to round the other factor as well.
                scale = self._graph.constant(matrix.scale[:, None], f"{name}.scale")
                symbol = self._graph.node("Cast", [symbol], symbol.width, to=TensorProto.FLOAT) * scale
            self._made[name] = symbol
        return self._made[name]

    def turned(self, name: str) -> Symbol:
        """The matrix called `name`, (O, I), as (I, O)."""
        return self._graph.node("Transpose", [self(name)], self.rows(name), perm=[1, 0])

    def rows(self, name: str) -> int:
        """Of the matrix called `name`."""
        return len(self._matrices[name].values)


def _layer(
    config: ModelConfig, layer: int, named: _Weights, x: Symbol, state: list[Symbol]
) -> tuple[Symbol, list[Symbol]]:
    """The outputs (T, B, H) of a layer over x (T, B, I), and its state after the last token."""
    graph, H, entry = x.graph, config.hidden_size, STEPS[config.cell]
    options = {name: getattr(config, name) for name in CELLS[config.cell].options}
    names = layer_names(layer, entry.recurrent)
    sums = x @ named.turned(names[0]) + named(names[1])
    U, c = (named.turned(names[2]), named(names[3])) if entry.recurrent else (None, None)

    inner = Graph(graph)
    before = [Symbol(inner, graph.name("before"), H) for _ in state]
    now = Symbol(inner, graph.name("sums"), sums.width)
    recurrent = None if U is None or c is None else before[0] @ U.within(inner) + c.within(inner)
    y, after = partial(entry.step, inner, **options)(now, recurrent, tuple(before))
    # What a step gives out has to have a name of its own, even where the output is the state.
    ends = [inner.node("Identity", [each], H) for each in (*after, y)]
    body = helper.make_graph(
        inner.nodes,
        graph.name("step"),
        [
            helper.make_tensor_value_info(each.name, TensorProto.FLOAT, ["B", each.width])
            for each in (*before, now)
        ],
        [helper.make_tensor_value_info(each.name, TensorProto.FLOAT, ["B", H]) for each in ends],
    )
    results = [graph.name("after") for _ in state] + [graph.name("outputs")]
    scanned = [each.name for each in (*state, sums)]
    graph.nodes.append(helper.make_node("Scan", scanned, results, num_scan_inputs=1, body=body))
    found = [Symbol(graph, name, H) for name in results]
    return found[-1], found[:-1]


def _logits(config: ModelConfig, named: _Weights, y: Symbol) -> Symbol:
    """(T, B, V) from the outputs y (T, B, H)."""
    if "projection.weight" in named:
        y = y @ named.turned("projection.weight")
    if config.softmax == "full":
        return y @ named.turned("embedding.weight" if config.tied else "head.weight") + named("head.bias")
    vocab_size = named.rows("embedding.weight")
    graph, own = y.graph, frequent(vocab_size)
    places = graph.log_softmax(y @ named.turned("head.first.weight") + named("head.first.bias"))
    parts = [places[..., :own]]
    for i, _ in enumerate(clusters(vocab_size, config.hidden_size)):
        rest = y @ named.turned(f"head.down.{i}.weight") @ named.turned(f"head.rest.{i}.weight")
        parts.append(
            places[..., own + i : own + i + 1] + graph.log_softmax(rest + named(f"head.rest.{i}.bias"))
        )
    return graph.node("Concat", parts, vocab_size, axis=-1)
