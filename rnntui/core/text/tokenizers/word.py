"""Words as tokens, with the white space kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from rnntui.core.text.tokenizers.base import (
    LONGEST_TOKEN,
    UNKNOWN_BYTES,
    Ids,
    Tokenizer,
    cut_for_good,
    numbered,
    valid_vocabulary,
)

# Every character falls into exactly one alternative, so the pieces joined are the text again.  A space
# belongs to the word after it, as in GPT-2, so that running text needs no tokens of its own for spaces;
# Han characters and kana, which stand without spaces, are words by themselves.
_PIECE = re.compile(
    r"""
      [\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]                                   # one Han character or kana
    | \ ?[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+
        (?:['’][^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)*                    # a word, don't in one piece
    | \ ?[^\w\s]                                                                  # one mark
    | \n
    | \ +                                                                         # an indentation
    | \s
    """,
    re.VERBOSE,
)
DEFAULT_VOCAB_SIZE = 20_000


class WordTokenizer(Tokenizer):
    """One token a word, mark or piece of white space of the training text; `<unk>` for every other."""

    kind = "word"
    unknown = 0

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self._numbers = numbered(words)

    @classmethod
    def train(cls, blocks: Iterable[str], vocab_size: int | None = None, min_count: int = 1) -> WordTokenizer:
        """The `vocab_size` commonest words that stand at least `min_count` times in `blocks`."""
        counts: Counter[str] = Counter()
        for text in cut_for_good(blocks, partial(complete_pieces, _PIECE)):
            counts.update(_PIECE.findall(text))
        kept = [word for word, count in counts.items() if count >= min_count and len(word) <= LONGEST_TOKEN]
        kept.sort(key=lambda word: (-counts[word], word))
        return cls(kept[: (vocab_size or DEFAULT_VOCAB_SIZE) - 1])

    @property
    def vocab_size(self) -> int:
        return len(self.words) + 1

    def encode(self, text: str) -> Ids:
        number = self._numbers.get
        return np.array([number(piece, 0) for piece in _PIECE.findall(text)], dtype=self.dtype)

    def token_bytes(self, token: int) -> bytes:
        return self.words[token - 1].encode() if token else UNKNOWN_BYTES

    def pieces(self, text: str) -> list[str]:
        return _PIECE.findall(text)

    def complete_prefix(self, text: str) -> int:
        return complete_pieces(_PIECE, text)

    def to_json(self) -> dict[str, Any]:
        return {"vocabulary": self.words}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> WordTokenizer:
        words = valid_vocabulary(content)
        if "" in words:
            raise ValueError("'vocabulary' holds an empty word")
        return cls(words)


def complete_pieces(pattern: re.Pattern[str], text: str) -> int:
    """Where the last piece that could still grow begins: at a word, an apostrophe in one, or a space."""
    line_start = text.rfind("\n") + 1
    start = len(text)
    for piece in pattern.finditer(text, line_start):
        start = piece.start()
    last = text[start:]
    if start < len(text) and last.endswith(("'", "’")) and start > line_start and in_word(text[start - 1]):
        # don' may yet become don't: the word before the apostrophe is open as well.
        return complete_pieces(pattern, text[:start])
    if not last or last == "\n":
        return len(text)
    return start if in_word(last[-1]) or not last.strip(" ") else len(text)


def in_word(character: str) -> bool:
    """Whether a word may go on after `character`, which does not stand alone as Han characters and kana do."""
    return (character.isalnum() or character == "_") and not (
        "\u3040" <= character <= "\u30ff"
        or "\u3400" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
    )
