"""What depends on how often a text will be read: what is read many times is soon learned by heart."""

from __future__ import annotations

import math

from rnntui.core.cells.steps import STEPS
from rnntui.core.config import Config, TokenizerKind, TrainingConfig, changed

_SPEEDS: dict[TokenizerKind, float] = {"char": 50_000, "byte": 50_000, "word": 10_000, "bpe": 25_000}
"""Tokens a second of the default models on a laptop: only whether it is five epochs or fifty matters."""
Recipe = tuple[tuple[float, dict[str, float]], ...]
"""What is left out in training, up to so many epochs."""
_CHARACTERS: Recipe = (
    (5, {}),
    (15, {"dropout": 0.2}),
    (40, {"dropout": 0.4, "input_dropout": 0.1}),
    (math.inf, {"dropout": 0.5, "input_dropout": 0.2}),
)
_WORDS: Recipe = (
    (2, {"dropout": 0.2, "input_dropout": 0.1}),
    (5, {"dropout": 0.4, "input_dropout": 0.3}),
    (math.inf, {"dropout": 0.6, "input_dropout": 0.5, "embedding_dropout": 0.1, "weight_drop": 0.3}),
)
_RECIPES: dict[TokenizerKind, Recipe] = {
    "char": _CHARACTERS,
    "byte": _CHARACTERS,
    "word": _WORDS,
    "bpe": _WORDS,
}
"""Chosen on single runs; benchmarks/presets.py compares them."""
_LEFT_OUT = ("dropout", "input_dropout", "embedding_dropout", "weight_drop")


def by_epochs(config: Config, train_tokens: int) -> Config:
    """`config` with what is left out set where nobody chose it, for a training text of so many tokens."""
    epochs = expected_epochs(config.training, train_tokens, _SPEEDS[config.text.tokenizer])
    recipe = next(row for bound, row in _RECIPES[config.text.tokenizer] if epochs <= bound)
    chosen = {name: recipe.get(name, 0.0) for name in _LEFT_OUT}
    if not STEPS[config.model.cell].recurrent:
        chosen["weight_drop"] = 0.0
    return changed(config, {name: p for name, p in chosen.items() if getattr(config.model, name) is None})


def expected_epochs(training: TrainingConfig, train_tokens: int, tokens_per_s: float) -> float:
    """How often a text of so many tokens will be read until the nearest limit; infinite without a limit."""
    limits = (
        training.max_epochs,
        training.max_steps and training.max_steps * training.batch_size * training.bptt / train_tokens,
        training.max_time and training.max_time * tokens_per_s / train_tokens,
    )
    return min((limit for limit in limits if limit is not None), default=math.inf)
