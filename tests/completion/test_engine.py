"""The engine: numpy's account of the model that torch trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rnntui.core.cells import CELLS
from rnntui.core.completion.engine import Engine, expected_shapes
from rnntui.core.completion.loading import engine_of
from rnntui.core.config.schema import ModelConfig
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.nn.weights import model_tensors, shapes_of

V = 11
OPTIONS: list[dict[str, Any]] = [
    *({"cell": cell, "num_layers": 2} for cell in CELLS),
    {"cell": "elman", "nonlinearity": "relu"},
    {"tied": True, "hidden_size": 8, "embedding_size": 8},
    {"tied": True, "hidden_size": 8, "embedding_size": 6},
    {"num_layers": 3, "residual": True, "layer_norm": True, "dropout": 0.5},
    {"cell": "gru", "num_layers": 2, "layer_norm": True},
    {"softmax": "sampled"},
]


def make(options: dict[str, Any]) -> tuple[LanguageModel, ModelConfig]:
    torch.manual_seed(0)
    config = ModelConfig(**({"hidden_size": 8, "embedding_size": 6} | options))
    model = LanguageModel(config, V).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.add_(0.3 * torch.randn_like(parameter))  # norms and biases that do something
    return model, config


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_token_by_token_gives_the_models_logits(options: dict[str, Any]) -> None:
    """Protects completion under every cell and option: the training model's logits, to 1e-4."""
    model, config = make(options)
    engine = engine_of(model, config)
    tokens = torch.randint(V, (9, 2))
    whole, _ = model(tokens, model.initial_state(2))
    state = engine.initial_state(2)
    for t in range(9):
        y, state = engine.step(tokens[t].numpy(), state)
        np.testing.assert_allclose(engine.logits(y), whole[t], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_file_that_is_expected_is_the_one_that_training_writes(options: dict[str, Any]) -> None:
    """Protects the check before loading: names and shapes agree with the model's own."""
    model, config = make(options)
    assert expected_shapes(config, V) == shapes_of(model)


def test_int8_is_close() -> None:
    """Protects `--quantize`: the probabilities hardly change."""
    model, config = make({"hidden_size": 64, "embedding_size": 32, "num_layers": 2})
    tensors = {name: tensor.numpy() for name, tensor in model_tensors(model).items()}
    exact, quantized = Engine(config, V, tensors), Engine(config, V, tensors, quantize=True)
    states = [exact.initial_state(3), quantized.initial_state(3)]
    for token in range(V):
        tokens = np.array([token, 1, 2])
        logits = []
        for i, engine in enumerate((exact, quantized)):
            y, states[i] = engine.step(tokens, states[i])
            logits.append(engine.logits(y))
        assert np.linalg.norm(logits[0] - logits[1]) < 0.03 * np.linalg.norm(logits[0])
