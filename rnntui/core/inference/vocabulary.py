"""What a completion needs to know of the tokens: their bytes, in order, and where words end."""

from __future__ import annotations

import bisect

import numpy as np

from rnntui.core.inference.arrays import Array
from rnntui.core.text.tokenizers import Tokenizer


def in_word(character: str) -> bool:
    """Whether a character goes on a word: a letter, a digit, an underscore or an apostrophe."""
    return character.isalnum() or character in "_'’"


class Vocabulary:
    """The tokens of a tokenizer by their bytes."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.bytes = [tokenizer.token_bytes(token) for token in range(tokenizer.vocab_size)]
        known = [
            token for token in range(len(self.bytes)) if token != tokenizer.unknown and self.bytes[token]
        ]
        self._order = sorted(known, key=self.bytes.__getitem__)
        self._sorted = [self.bytes[token] for token in self._order]
        self.writable = np.zeros(len(self.bytes), bool)
        """(V,) tokens that may be written: all but `<unk>`, which is no text."""
        self.writable[known] = True
        self.ends_word = np.array([_ends_word(content) for content in self.bytes])
        """(V,) tokens that begin with something that is no part of a word."""

    def consistent(self, owed: bytes) -> Array:
        """(V,) the tokens with which a text that begins with `owed` can begin.

        Those that reach to the end of `owed` or past it, if there are any; else those that are its
        beginning.  Preferring the first keeps the cut that the tokenizer itself would make.
        """
        mask = np.zeros(len(self.bytes), bool)
        low = bisect.bisect_left(self._sorted, owed)
        high = low
        while high < len(self._sorted) and self._sorted[high].startswith(owed):
            high += 1
        if high > low:
            mask[self._order[low:high]] = True
            return mask
        for length in range(1, len(owed)):
            found = bisect.bisect_left(self._sorted, owed[:length])
            if found < len(self._sorted) and self._sorted[found] == owed[:length]:
                mask[self._order[found]] = True
        return mask


def _ends_word(content: bytes) -> bool:
    # A byte of a character that is cut apart counts as part of a word.
    first = content.decode("utf-8", "surrogateescape")[:1]
    return first != "" and not in_word(first) and not "\udc80" <= first <= "\udcff"
