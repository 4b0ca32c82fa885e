"""What a model has to beat on the held-out text."""

from __future__ import annotations

import math
from typing import NamedTuple

from rnntui.core.text.dataset import Split
from rnntui.core.text.ngrams import ngram_nats
from rnntui.core.text.tokenizers import Ids

ORDERS = 6
"""n-gram models of so many orders."""
_COUNTED = 2_000_000
"""Tokens counted at most, the held-out ones among them, and of training those nearest to these: a second
or two and 60 MB."""
_LEAST_COUNTED = 1_000_000
"""Training tokens that are counted however long the held-out text is."""


class Baseline(NamedTuple):
    """How well something that is no network does."""

    name: str
    bits_per_byte: float
    perplexity: float
    """The same as perplexity a token, to compare with a model of these tokens."""


def baselines(train: Ids, heldout: Split, vocab_size: int) -> list[Baseline]:
    """The floors of the held-out text, and n-gram models with Kneser-Ney smoothing on the same tokens."""
    counted = max(_COUNTED - len(heldout.tokens), _LEAST_COUNTED)
    models = ngram_nats(train[-counted:], heldout.tokens, vocab_size, ORDERS)
    bits = heldout.floors | {
        f"{n}-gram": float(nats.sum()) / math.log(2) / heldout.bytes for n, nats in enumerate(models, start=1)
    }
    nats_per_token = math.log(2) * heldout.bytes / len(heldout.tokens)
    return [Baseline(name, each, math.exp(min(each * nats_per_token, 700))) for name, each in bits.items()]
