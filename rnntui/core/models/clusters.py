"""How the adaptive softmax divides a vocabulary; for torch and for the engine without it."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple


class Cluster(NamedTuple):
    """Rare tokens that share one place in the first softmax."""

    first: int
    last: int
    """The cluster's tokens are those from `first` to before `last`."""
    features: int
    """What the output is projected down to before it is compared with them."""


def frequent(vocab_size: int) -> int:
    """How many tokens have a place of their own: a tenth, which most of a text is made of."""
    return max(1, vocab_size // 10)


def clusters(vocab_size: int, hidden_size: int) -> tuple[Cluster, ...]:
    """The next three tenths of the tokens with a quarter of the features, the rest with a sixteenth."""
    bounds = sorted({frequent(vocab_size), vocab_size * 4 // 10, vocab_size} - {0})
    return tuple(
        Cluster(first, last, max(1, hidden_size // 4**power))
        for power, (first, last) in enumerate(pairwise(bounds), start=1)
    )
