"""Bytes of UTF-8 as tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from rnntui.core.text.tokenizers.base import Ids, Tokenizer


class ByteTokenizer(Tokenizer):
    """256 tokens, nothing to learn, nothing unknown."""

    @classmethod
    def train(cls, blocks: Iterable[str], vocab_size: int | None = None, min_count: int = 1) -> Self:
        return cls()

    @property
    def vocab_size(self) -> int:
        return 256

    def encode(self, text: str) -> Ids:
        return np.frombuffer(text.encode("utf-8", "replace"), np.uint8)

    def token_bytes(self, token: int) -> bytes:
        return bytes((token,))

    def complete_prefix(self, text: str) -> int:
        return len(text)

    def to_json(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls()
