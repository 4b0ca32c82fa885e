"""What a model has to beat on the held-out text."""

from __future__ import annotations

import math
from typing import NamedTuple

from rnntui.core.text.dataset import Dataset
from rnntui.core.text.ngrams import ngram_nats

ORDER = 5
_COUNTED = 2_000_000
"""Tokens counted at most, the held-out ones among them, and of training those nearest to these: less than
a second and 60 MB."""
_LEAST_COUNTED = 1_000_000
"""Training tokens that are counted however long the held-out text is."""


class Baseline(NamedTuple):
    """How well something that is no network does."""

    name: str
    bits_per_byte: float
    perplexity: float
    """The same as perplexity a token, to compare with a model of these tokens."""


def baselines(dataset: Dataset, vocab_size: int, split: str = "valid") -> list[Baseline]:
    """Character frequencies, gzip, and a 5-gram model with Kneser-Ney smoothing, on `split`."""
    part = dataset[split]
    counted = max(_COUNTED - len(part.tokens), _LEAST_COUNTED)
    nats = ngram_nats(dataset["train"].tokens[-counted:], part.tokens, vocab_size, ORDER)
    bits = part.floors | {f"{ORDER}-gram": float(nats.sum()) / math.log(2) / part.bytes}
    nats_per_token = math.log(2) * part.bytes / len(part.tokens)
    return [Baseline(name, each, math.exp(min(each * nats_per_token, 700))) for name, each in bits.items()]
