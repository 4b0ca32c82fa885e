"""What depends on how long the text is: a short one is read many times, and is soon learned by heart."""

from __future__ import annotations

from rnntui.core.config import Config, TokenizerKind, changed

_SIZES = (300_000, 3_000_000)
"""Training tokens from which a text counts as middling, and as long."""
_DROPOUTS: dict[TokenizerKind, tuple[tuple[float, float], ...]] = {
    "char": ((0.5, 0.2), (0.0, 0.0), (0.0, 0.0)),
    "byte": ((0.5, 0.2), (0.0, 0.0), (0.0, 0.0)),
    "word": ((0.5, 0.4), (0.2, 0.1), (0.0, 0.0)),
    "bpe": ((0.5, 0.4), (0.2, 0.1), (0.0, 0.0)),
}
"""Dropout on the outputs and on the inputs, for a short, a middling and a long text; benchmarks/presets.py
measures them."""


def by_size(config: Config, train_tokens: int) -> Config:
    """`config` with the dropouts that nobody chose set for a training text of so many tokens."""
    size = sum(train_tokens >= bound for bound in _SIZES)
    chosen = dict(zip(("dropout", "input_dropout"), _DROPOUTS[config.text.tokenizer][size], strict=True))
    return changed(config, {name: p for name, p in chosen.items() if getattr(config.model, name) is None})
