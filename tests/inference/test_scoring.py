"""The numbers themselves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from rnntui.core.cells import CELLS
from rnntui.core.config.schema import ModelConfig
from rnntui.core.inference.scoring import WINDOW, StreamScores, score_split, score_tokens
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.text.encoded import Split


def make(vocab_size: int = 5, **options: Any) -> LanguageModel:
    torch.manual_seed(3)
    return LanguageModel(ModelConfig(**({"hidden_size": 16, "embedding_size": 4} | options)), vocab_size)


def fixed_distribution(probabilities: list[float]) -> LanguageModel:
    """A model that always predicts the same distribution."""
    model = make(len(probabilities))
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.copy_(torch.tensor(probabilities).log())
    return model


def test_perplexity_of_a_case_computed_by_hand() -> None:
    """Protects every figure: P = (1/2, 1/4, 1/8, 1/8) over the tokens 0 0 1 2 has 1.75 bits a token."""
    tokens = np.array([0, 0, 1, 2], dtype=np.uint8)
    split = Split("valid", tokens, chars=2, bytes=7, spelling=0.0)
    scores = score_split(fixed_distribution([0.5, 0.25, 0.125, 0.125]), split, start=3)
    bits = 1 + 1 + 2 + 3
    assert scores.loss == pytest.approx(bits / 4 * math.log(2), abs=1e-6)
    assert scores.perplexity == pytest.approx(2 ** (bits / 4), abs=1e-5)
    assert scores.bits_per_char == pytest.approx(bits / 2, abs=1e-5)
    assert scores.bits_per_byte == pytest.approx(bits / 7, abs=1e-5)
    assert scores.accuracy == 0.5


def sequential(model: LanguageModel, tokens: np.ndarray, start: int) -> torch.Tensor:
    """The definition: one pass, token after token, the state carried."""
    model.eval()
    inputs = torch.tensor([start, *tokens[:-1].tolist()])
    with torch.no_grad():
        logits, _ = model(inputs.unsqueeze(1), model.initial_state(1))
    return cross_entropy(logits[:, 0], torch.from_numpy(tokens.astype(np.int64)), reduction="none")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("length", [1, 2, 700, 5000])
def test_stream_is_one_pass_in_order(cell: str, length: int) -> None:
    """Protects the protocol: chunk by chunk computes what one pass computes, to 1e-5 nats a token."""
    model = make(cell=cell, num_layers=2)
    tokens = np.random.default_rng(1).integers(0, 5, length).astype(np.uint8)
    nats, _ = score_tokens(model, tokens, start=2)
    torch.testing.assert_close(nats, sequential(model, tokens, start=2), atol=1e-5, rtol=0)


def test_windows_start_from_nothing() -> None:
    """Protects the comparison with nanoGPT: each window of 256 is scored as if it stood alone."""
    model = make()
    tokens = np.random.default_rng(2).integers(0, 5, 3 * WINDOW + 10).astype(np.uint8)
    nats, _ = score_tokens(model, tokens, start=2, protocol="windows")
    third = sequential(model, tokens[2 * WINDOW : 3 * WINDOW], start=int(tokens[2 * WINDOW - 1]))
    torch.testing.assert_close(nats[2 * WINDOW : 3 * WINDOW], third, atol=1e-5, rtol=0)


def test_scoring_leaves_the_training_mode() -> None:
    model = make(dropout=0.5).train()
    tokens = np.zeros(10, dtype=np.uint8)
    assert torch.equal(score_tokens(model, tokens, 0)[0], score_tokens(model, tokens, 0)[0])
    assert model.training


def test_an_impossible_text_has_infinite_perplexity_not_an_error() -> None:
    assert StreamScores("stream", tokens=1, nats=2000.0, hits=0, chars=1, bytes=1).perplexity == math.inf
