"""Cost of spelling the words that a vocabulary lacks.

`<unk>` says that an unknown word came, and not which one.  So that bits per byte of all tokenizers compare, each
unknown token also pays for its letters, by a model of bytes that has learned from the vocabulary's own words: the same
for the network and for models that count.  A word's probability is then P(<unk>) times that of its letters, which add
up to one over all texts; so no text scores below its entropy.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from rnntui.core.text.tokenizers import Tokenizer

_ORDER = 3
"""Bytes that a byte's probability is counted with, itself included."""
_END, _OUTCOMES = 256, 257
_REMEMBERED = 1 << 17
"""Words whose cost is kept."""


class Spelled(NamedTuple):
    """The unknown tokens of a text."""

    unknown: int
    spelling: float
    """Nats that their letters cost."""


class Speller:
    """An interpolated model of bytes with Witten-Bell smoothing (Witten and Bell 1991; Chen and Goodman 1998).

        P(b|c) = (N(c,b) + T(c) P(b|c')) / (N(c) + T(c))

    where T(c) is the number of different bytes after c, c' is c without its first byte, and the lowest order is mixed
    with 1/257 for each byte and the end of a word.
    """

    def __init__(self, words: Iterable[bytes]) -> None:
        self._counts: dict[bytes, Counter[int]] = defaultdict(Counter)
        self._known: dict[str, float] = {}
        for word in words:
            for at, outcome in enumerate((*word, _END)):
                for length in range(min(at, _ORDER - 1) + 1):
                    self._counts[word[at - length : at]][outcome] += 1
        self._sums = {context: counts.total() for context, counts in self._counts.items()}

    def nats(self, word: str) -> float:
        """-ln P of the letters of a word and of its end."""
        found = self._known.get(word)
        if found is None:
            content = word.encode("utf-8", "replace")
            found = -sum(
                math.log(self._probability(content[:at], b)) for at, b in enumerate((*content, _END))
            )
            if len(self._known) < _REMEMBERED:
                self._known[word] = found
        return found

    def _probability(self, before: bytes, outcome: int) -> float:
        probability = 1 / _OUTCOMES
        for length in range(min(len(before), _ORDER - 1) + 1):
            context = before[len(before) - length :]
            total = self._sums.get(context)
            if total:
                counts = self._counts[context]
                probability = (counts[outcome] + len(counts) * probability) / (total + len(counts))
        return probability


def speller_of(tokenizer: Tokenizer) -> Speller:
    """The speller that goes with a tokenizer: every reader of `tokenizer.json` makes the same one."""
    known = (
        tokenizer.token_bytes(token) for token in range(tokenizer.vocab_size) if token != tokenizer.unknown
    )
    return Speller(known)


def spelled(tokenizer: Tokenizer, blocks: Iterable[str]) -> Spelled:
    """The unknown tokens of a text that comes in blocks."""
    if tokenizer.unknown is None:
        return Spelled(0, 0.0)
    speller, count, nats = speller_of(tokenizer), 0, 0.0
    for piece in tokenizer.unknown_pieces(blocks):
        count += 1
        if not tokenizer.is_left_out(piece):
            nats += speller.nats(piece)
    return Spelled(count, nats)
