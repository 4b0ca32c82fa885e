"""Baselines on the held-out text."""

from __future__ import annotations

import math
from typing import NamedTuple

from rnntui.core.text.encoded import Split
from rnntui.core.text.ngrams import ngram_nats
from rnntui.core.text.tokenizers import Ids

ORDERS = 6
"""n-gram models of so many orders."""
_COUNTED = 2_000_000
"""Tokens counted at most, the held-out ones among them, and of training those nearest to these: a second
or two and 60 MB."""
_READ = 1_000_000
"""Held-out tokens read at most."""


class Baseline(NamedTuple):
    """A baseline and its score."""

    name: str
    bits_per_byte: float
    perplexity: float
    """The same as perplexity a token, to compare with a model of these tokens."""


def baselines(train: Ids, heldout: Split, vocab_size: int) -> list[Baseline]:
    """The floors of the held-out text, and n-gram models with Kneser-Ney smoothing on the same tokens.

    Of a held-out text longer than a million tokens, its beginning is read.
    """
    read = heldout.tokens[:_READ]
    models = ngram_nats(train[-(_COUNTED - len(read)) :], read, vocab_size, ORDERS)
    nats_per_token = math.log(2) * heldout.bytes / len(heldout.tokens)
    # Unknown tokens pay for their letters in all bits a byte, and in no perplexity a token.
    spelling = heldout.spelling / len(heldout.tokens)
    bits = heldout.floors | {
        f"{n}-gram": (float(nats.mean()) + spelling) / nats_per_token
        for n, nats in enumerate(models, start=1)
    }
    return [
        # A packer of unknown words has not paid for their letters apart: it may be left with less than nothing.
        Baseline(name, each, math.exp(min(max(each * nats_per_token - spelling, 0), 700)))
        for name, each in bits.items()
    ]
