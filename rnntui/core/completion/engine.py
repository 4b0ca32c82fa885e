"""The trained model one token at a time, on numpy alone.

A token costs a matrix times a vector a layer: the weights pass once through the processor, and a library's
machinery around so little work would take longer than the work.  So completion needs no torch, which takes
a second to load; training and evaluation, which run over whole sequences, are torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from rnntui.core.cells import CELLS
from rnntui.core.cells.spec import Vector, names_of
from rnntui.core.completion import arrays
from rnntui.core.completion.arrays import Array
from rnntui.core.config.schema import ModelConfig

EngineState = tuple[tuple[Array, ...], ...]
"""State of every layer: arrays with a first dimension B."""
Product = Callable[[Array], Array]


class _Layer(NamedTuple):
    weights: SimpleNamespace
    """As the equations take them."""
    norm: tuple[Array, Array] | None


class Engine:
    """A language model for inference, with the weights that `LanguageModel` trains.

    Shapes: B sequences side by side, V tokens in the vocabulary, H hidden units.  Raises KeyError for a
    missing tensor; `expected_shapes` says which there must be.
    """

    def __init__(
        self, config: ModelConfig, vocab_size: int, tensors: Mapping[str, Array], quantize: bool = False
    ) -> None:
        _use_one_thread()
        self.config, self.vocab_size = config, vocab_size
        self.hidden_size = config.hidden_size
        self.tensors: Mapping[str, Array] = {} if quantize else tensors
        """The weights themselves: what is changed in them is changed in what the model thinks."""
        product = _quantized if quantize else _plain
        spec = CELLS[config.cell]
        options = {name: getattr(config, name) for name in spec.options}
        self._step = partial(spec.step, arrays, **options)
        self._state_shapes = [spec.state_shapes(size, config.hidden_size) for size in input_sizes(config)]
        self._residual = config.residual
        self._embedding = tensors["embedding.weight"]
        self._layers = []
        for i in range(config.num_layers):
            weights: dict[str, Any] = {}
            for name, each in spec.weights.items():
                if isinstance(each, Vector):
                    weights[name] = tensors[f"stack.cells.{i}.{name}"]
                else:
                    W, b = (tensors[f"stack.cells.{i}.{part}"] for part in names_of(name, each))
                    weights[name] = _affine(product(W), b)
            norm = f"stack.norms.{i}."
            scale = (tensors[norm + "weight"], tensors[norm + "bias"]) if config.layer_norm else None
            self._layers.append(_Layer(SimpleNamespace(**weights), scale))
        projection = "projection.weight"
        self._projection = product(tensors[projection]) if projection in tensors else None
        weight = tensors["embedding.weight" if config.tied else "head.weight"]
        self._logits = _affine(product(weight), tensors["head.bias"])

    def initial_state(self, batch_size: int = 1) -> EngineState:
        """The zero state for so many sequences."""
        return tuple(
            tuple(np.zeros((batch_size, *part), np.float32) for part in layer) for layer in self._state_shapes
        )

    def step(self, tokens: Array, state: EngineState) -> tuple[Array, EngineState]:
        """The last layer's output (B, H) after one token a sequence, `tokens` (B,), and the next state."""
        x = self._embedding[tokens]
        after = []
        for layer, before in zip(self._layers, state, strict=True):
            y, now = self._step(layer.weights, x, before)
            if layer.norm:
                y = arrays.layer_norm(y, y.shape[-1:], *layer.norm)
            x = x + y if self._residual and x.shape == y.shape else y
            after.append(now)
        return x, tuple(after)

    def logits(self, y: Array) -> Array:
        """Logits (..., V) of the next token from outputs (..., H)."""
        if self._projection is not None:
            y = self._projection(y)
        return self._logits(y)


def expected_shapes(config: ModelConfig, vocab_size: int) -> dict[str, tuple[int, ...]]:
    """The name and the shape of every tensor in a model's file, as `LanguageModel` writes it."""
    spec, H, E = CELLS[config.cell], config.hidden_size, config.embedding_size
    shapes: dict[str, tuple[int, ...]] = {"embedding.weight": (vocab_size, E)}
    for i, inputs in enumerate(input_sizes(config)):
        shapes |= {f"stack.cells.{i}.{name}": shape for name, shape in spec.tensors(inputs, H).items()}
        if config.layer_norm:
            shapes |= {f"stack.norms.{i}.weight": (H,), f"stack.norms.{i}.bias": (H,)}
    shapes["head.bias"] = (vocab_size,)
    if not config.tied:
        shapes["head.weight"] = (vocab_size, H)
    elif H != E:
        shapes["projection.weight"] = (E, H)
    return shapes


def input_sizes(config: ModelConfig) -> list[int]:
    """Return the input size of each layer."""
    return [config.embedding_size] + [config.hidden_size] * (config.num_layers - 1)


@cache
def _use_one_thread() -> None:
    """Keep numpy's products to the thread that asks for them.

    They are too small to gain from a second one, and beside a training each would wait until the system
    gave the other a turn: tens of milliseconds.
    """
    ThreadpoolController().select(internal_api="openblas").limit(limits=1)


def _affine(product: Product, bias: Array) -> Product:
    return lambda x: product(x) + bias


def _plain(weight: Array) -> Product:
    transposed = weight.T
    return lambda x: x @ transposed


def _quantized(weight: Array) -> Product:
    from rnntui.core.completion.int8 import quantized_product

    return quantized_product(weight)
