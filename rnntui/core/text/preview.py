"""Preview of each tokenizer on the beginning of a text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rnntui.core.config.schema import TextConfig
from rnntui.core.text import tokenizers

HEAD = 100_000
"""Characters that the tokenizers learn from here: enough to see how they cut, in a moment."""
_SHOWN = 300
_COMMONEST = 12


@dataclass(frozen=True)
class Cut:
    """A text in the tokens of one tokenizer."""

    kind: str
    vocab_size: int
    """Vocabulary of a tokenizer trained on the beginning alone: that of the whole text may be larger."""
    characters_per_token: float
    pieces: tuple[str, ...]
    """The first tokens."""
    commonest: tuple[tuple[str, float], ...]
    """The commonest tokens with their shares."""


def cut(text: str, kind: str) -> Cut:
    """Cut the beginning of `text`, which must not be empty."""
    head = text[:HEAD]
    tokenizer = tokenizers.train(TextConfig(tokenizer=kind), [head])
    tokens = tokenizer.encode(head).tolist()
    counts = Counter(tokens)
    return Cut(
        kind=kind,
        vocab_size=tokenizer.vocab_size,
        characters_per_token=len(head) / max(len(tokens), 1),
        pieces=tuple(tokenizer.pieces(head[:_SHOWN])),
        commonest=tuple(
            (tokenizer.decode([token]), number / len(tokens))
            for token, number in counts.most_common(_COMMONEST)
        ),
    )
