"""The bytes of all tokens, in order, and the tokens that end a word, for completion."""

from __future__ import annotations

import bisect

import numpy as np

from rnntui.core.completion.arrays import Array
from rnntui.core.text.segmentation import goes_on
from rnntui.core.text.tokenizers import Tokenizer


class Vocabulary:
    """The tokens of a tokenizer by their bytes."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.bytes = [tokenizer.token_bytes(token) for token in range(tokenizer.vocab_size)]
        known = [
            token for token in range(len(self.bytes)) if token != tokenizer.unknown and self.bytes[token]
        ]
        self._order = sorted(known, key=self.bytes.__getitem__)
        self._sorted = [self.bytes[token] for token in self._order]
        self._known = set(self._sorted)
        self._longest = max(map(len, self._sorted), default=0)
        self.writable = np.zeros(len(self.bytes), bool)
        """(V,) tokens that may be written: all but `<unk>`, which is no text."""
        self.writable[known] = True
        self.ends_word = np.array([_ends_word(content) for content in self.bytes])
        """(V,) tokens that begin with something that is no part of a word."""

    def consistent(self, owed: bytes) -> Array:
        """(V,) the tokens with which a text that begins with `owed` can begin.

        Those that reach to the end of `owed` or past it, if there are any; else those that are its
        beginning and whose rest can be spelled.  Preferring the first keeps the cut that the tokenizer itself
        would make.  None where no tokens spell `owed`.
        """
        mask = np.zeros(len(self.bytes), bool)
        low = bisect.bisect_left(self._sorted, owed)
        high = low
        while high < len(self._sorted) and self._sorted[high].startswith(owed):
            high += 1
        if high > low:
            mask[self._order[low:high]] = True
            return mask
        spelled = self._spelled(owed)
        for length in range(1, min(len(owed) - 1, self._longest) + 1):
            if spelled[length] and owed[:length] in self._known:
                mask[self._order[bisect.bisect_left(self._sorted, owed[:length])]] = True
        return mask

    def _spelled(self, owed: bytes) -> list[bool]:
        """Return True for each byte of `owed` from which tokens spell the rest, the last one perhaps beyond it."""
        spelled = [False] * len(owed)
        for start in reversed(range(1, len(owed))):
            spelled[start] = self._reached(owed[start:]) or any(
                spelled[end] and owed[start:end] in self._known
                for end in range(start + 1, min(start + self._longest, len(owed) - 1) + 1)
            )
        return spelled

    def _reached(self, rest: bytes) -> bool:
        """Return True if a token begins with `rest`."""
        at = bisect.bisect_left(self._sorted, rest)
        return len(rest) <= self._longest and at < len(self._sorted) and self._sorted[at].startswith(rest)


def _ends_word(content: bytes) -> bool:
    # A byte of a character that is cut apart counts as part of a word.
    first = content.decode("utf-8", "surrogateescape")[:1]
    return first != "" and not goes_on(first) and not "\udc80" <= first <= "\udcff"
