"""Unicode characters as tokens."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from rnntui.core.text.tokenizers.base import UNKNOWN_BYTES, Ids, Tokenizer, valid_vocabulary


class CharTokenizer(Tokenizer):
    """One token a character of the training text, and `<unk>` for every other."""

    unknown = 0

    def __init__(self, characters: list[str]) -> None:
        self.characters = characters
        codes = np.array([ord(character) for character in characters], dtype=np.int64)
        # A table from code point to number makes encoding one look-up a character.
        self._table = np.zeros(int(codes.max(initial=0)) + 2, dtype=self.dtype)
        self._table[codes] = np.arange(1, len(codes) + 1)

    @classmethod
    def train(cls, blocks: Iterable[str], vocab_size: int | None = None, min_count: int = 1) -> Self:
        """Every character of the text in `blocks`."""
        seen = np.zeros(sys.maxunicode + 1, dtype=bool)
        for block in blocks:
            seen[code_points(block)] = True
        return cls([chr(code) for code in np.flatnonzero(seen)])

    def extended(self, blocks: Iterable[str], min_count: int) -> CharTokenizer:
        known = set(self.characters)
        new = [each for each in self.train(blocks).characters if each not in known]
        return CharTokenizer([*self.characters, *new]) if new else self

    @property
    def vocab_size(self) -> int:
        return len(self.characters) + 1

    def encode(self, text: str) -> Ids:
        # Code points above the table meet its last entry, which is `<unk>`.
        ids: Ids = self._table[np.minimum(code_points(text), len(self._table) - 1)]
        return ids

    def token_bytes(self, token: int) -> bytes:
        return self.characters[token - 1].encode() if token else UNKNOWN_BYTES

    def pieces(self, text: str) -> list[str]:
        return list(text)

    def complete_prefix(self, text: str) -> int:
        return len(text)

    def to_json(self) -> dict[str, Any]:
        return {"vocabulary": self.characters}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        characters = valid_vocabulary(content)
        if not all(len(character) == 1 and not 0xD800 <= ord(character) < 0xE000 for character in characters):
            raise ValueError("'vocabulary' holds an entry that is not one character")
        return cls(characters)


def code_points(text: str) -> Ids:
    """The number of each character in Unicode, (N,) uint32; a lone surrogate reads as `?`."""
    return np.frombuffer(text.encode("utf-32-le", "replace"), "<u4")
