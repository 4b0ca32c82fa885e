"""Tokens from a list of words, and `<unk>` for every other."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

import numpy as np

from rnntui.core.text.tokenizers.base import (
    LONGEST_TOKEN,
    UNKNOWN_BYTES,
    Ids,
    Tokenizer,
    numbered,
    valid_vocabulary,
)

_ADDED_AT_MOST = 20_000
"""Words that one more text may add."""


class ListedTokenizer(Tokenizer):
    """One token a word of a list; a subclass says where a text is cut."""

    unknown = 0
    left_out_word: ClassVar[str | None] = None
    """A word of the text itself that stands where another one was left out: it is `<unk>`, too."""

    def __init__(self, words: list[str]) -> None:
        self.words, self._numbers = words, numbered(words)

    @classmethod
    @abstractmethod
    def words_in(cls, blocks: Iterable[str]) -> Iterator[list[str]]:
        """The words of a text that comes in blocks, as the list has them."""

    @classmethod
    def train(cls, blocks: Iterable[str], vocab_size: int | None = None, min_count: int = 1) -> Self:
        """The `vocab_size` commonest words that stand at least `min_count` times in `blocks`."""
        counts: Counter[str] = Counter()
        for words in cls.words_in(blocks):
            counts.update(words)
        marked = counts.pop(cls.left_out_word, 0) if cls.left_out_word else 0
        found = cls(_commonest(counts, min_count)[: vocab_size and vocab_size - 1])
        found.marks_unknown = bool(marked)
        return found

    def extended(self, blocks: Iterable[str], min_count: int) -> Self:
        new = _commonest(Counter(map(self.word_of, self.unknown_pieces(blocks))), min_count)
        return self.with_words([*self.words, *new[:_ADDED_AT_MOST]]) if new else self

    def with_words(self, words: list[str]) -> Self:
        """The same rule with another list."""
        return type(self)(words)

    def word_of(self, piece: str) -> str:
        """The word that a piece of text stands for."""
        return piece

    def is_left_out(self, piece: str) -> bool:
        return self.word_of(piece) == self.left_out_word

    @property
    def vocab_size(self) -> int:
        return len(self.words) + 1

    def encode(self, text: str) -> Ids:
        number, word_of = self._numbers.get, self.word_of
        return np.array([number(word_of(piece), 0) for piece in self.pieces(text)], dtype=self.dtype)

    def token_bytes(self, token: int) -> bytes:
        return self.words[token - 1].encode() if token else UNKNOWN_BYTES

    def to_json(self) -> dict[str, Any]:
        return {"vocabulary": self.words}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls(listed_words(content))


def listed_words(content: dict[str, Any]) -> list[str]:
    """The list of a saved tokenizer.  Raises ValueError where it cannot be one."""
    words = valid_vocabulary(content)
    if "" in words:
        raise ValueError("'vocabulary' holds an empty word")
    return words


def _commonest(counts: Counter[str], min_count: int) -> list[str]:
    kept = [word for word, count in counts.items() if count >= min_count and len(word) <= LONGEST_TOKEN]
    kept.sort(key=lambda word: (-counts[word], word))
    return kept
