"""The trained model one token at a time, on numpy alone.

A token costs a matrix times a vector a layer: the weights pass once through the processor, and a library's
machinery around so little work would take longer than the work.  So completion needs no torch, which takes
a second to load; training and evaluation, which run over whole sequences, are torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from rnntui.core.cells import CELLS
from rnntui.core.cells.steps import STEPS
from rnntui.core.completion import arrays
from rnntui.core.completion.arrays import Array
from rnntui.core.config.schema import ModelConfig

State = tuple[tuple[Array, ...], ...]
"""What every layer carries: arrays (B, H)."""
Product = Callable[[Array], Array]

_EPSILON = 1e-5
"""Of the layer norm, as torch has it."""


class _Layer(NamedTuple):
    from_input: Product
    input_bias: Array
    from_state: Product | None
    state_bias: Array | None
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
        entry = STEPS[config.cell]
        options = {name: getattr(config, name) for name in CELLS[config.cell].options}
        self._step = partial(entry.step, arrays, **options)
        self._state_size = entry.state_size
        self._residual = config.residual
        self._embedding = tensors["embedding.weight"]
        self._layers = []
        for i in range(config.num_layers):
            names = layer_names(i, entry.recurrent)
            W, b = tensors[names[0]], tensors[names[1]]
            U, c = (product(tensors[names[2]]), tensors[names[3]]) if entry.recurrent else (None, None)
            norm = f"stack.norms.{i}."
            scale = (tensors[norm + "weight"], tensors[norm + "bias"]) if config.layer_norm else None
            self._layers.append(_Layer(product(W), b, U, c, scale))
        projection = "projection.weight"
        self._projection = product(tensors[projection]) if projection in tensors else None
        weight = tensors["embedding.weight" if config.tied else "head.weight"]
        self._logits = _affine(product(weight), tensors["head.bias"])

    def initial_state(self, batch_size: int = 1) -> State:
        """The zero state for so many sequences."""
        zero = np.zeros((batch_size, self.hidden_size), np.float32)
        return ((zero,) * self._state_size,) * len(self._layers)

    def step(self, tokens: Array, state: State) -> tuple[Array, State]:
        """The last layer's output (B, H) after one token a sequence, `tokens` (B,), and the next state."""
        x = self._embedding[tokens]
        after = []
        for layer, before in zip(self._layers, state, strict=True):
            recurrent = None if layer.from_state is None else layer.from_state(before[0]) + layer.state_bias
            y, now = self._step(layer.from_input(x) + layer.input_bias, recurrent, before)
            if layer.norm:
                centred = y - y.mean(axis=1, keepdims=True)
                spread = np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + _EPSILON)
                y = centred / spread * layer.norm[0] + layer.norm[1]
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
    entry, H, E = STEPS[config.cell], config.hidden_size, config.embedding_size
    shapes: dict[str, tuple[int, ...]] = {"embedding.weight": (vocab_size, E)}
    for i in range(config.num_layers):
        inputs = H if i else E
        matrices = [(entry.gates * H, inputs), (entry.gates * H,), (entry.gates * H, H), (entry.gates * H,)]
        shapes |= dict(zip(layer_names(i, entry.recurrent), matrices, strict=False))
        if config.layer_norm:
            shapes |= {f"stack.norms.{i}.weight": (H,), f"stack.norms.{i}.bias": (H,)}
    shapes["head.bias"] = (vocab_size,)
    if not config.tied:
        shapes["head.weight"] = (vocab_size, H)
    elif H != E:
        shapes["projection.weight"] = (E, H)
    return shapes


def layer_names(layer: int, recurrent: bool) -> list[str]:
    """The names of a cell's W, b and, if its gates read the state, U, c."""
    if recurrent:
        return [
            f"stack.cells.{layer}.rnn.{part}_l0" for part in ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
        ]
    return [f"stack.cells.{layer}.linear.{part}" for part in ("weight", "bias")]


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
