"""Counting models: what a text gives away to whoever only counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from rnntui.core.text.tokenizers import Ids

_Ints = npt.NDArray[np.signedinteger[Any]]
_Floats = npt.NDArray[np.float64]


def ngram_nats(train: Ids, heldout: Ids, vocab_size: int, orders: int) -> Iterator[_Floats]:
    """-ln P(token | the n - 1 before it) for each token of `heldout`, (N,), for n from 1 to `orders`.

    Counted on `train`, by interpolated Kneser-Ney smoothing with three discounts an order (Chen and
    Goodman 1998):

        P_n(w|c) = max(N(c,w) - D, 0) / N(c) + g(c) P_{n-1}(w|c')

    where c' is c without its first token, and the counts N below the highest order are of different
    tokens to the left.  `heldout` is read as what follows `train`.
    """
    tokens = np.concatenate([train, heldout])
    size = len(train)
    # The number of the (n-1)-gram and of the n-gram that end at each position.  Of no token there is one
    # gram: -1, which is also what stands before the first token.
    below = np.full(len(tokens), -1, dtype=np.int32)
    grams = _numbered(below, tokens, vocab_size)
    lower = np.full(len(heldout), 1.0 / vocab_size)
    for n in range(1, orders + 1):
        counts = np.bincount(grams[n - 1 : size], minlength=grams.max() + 1)
        yield -np.log(_interpolated(below, grams, n, counts, size, lower))
        if n == orders:
            return
        # How many different tokens stand to the left of each n-gram: what the higher orders rest on.
        above = _numbered(grams, tokens, vocab_size)
        counts = np.bincount(grams[_first_places(above, n + 1, size)], minlength=grams.max() + 1)
        lower = _interpolated(below, grams, n, counts, size, lower)
        below, grams = grams, above


def _numbered(before: _Ints, tokens: Ids, vocab_size: int) -> _Ints:
    """Numbers for the grams that are one token longer than those of `before`, each (N,) int32.

    A gram and the place where it ends are sorted as one integer: that needs no second array for the
    order, and texts of millions of tokens little memory.
    """
    shift = len(tokens).bit_length()
    pairs = np.zeros(len(tokens), dtype=np.int64)
    pairs[0] = -1
    pairs[1:] = before[:-1]
    pairs += 1
    pairs *= vocab_size
    pairs += tokens
    pairs <<= shift
    pairs += np.arange(len(tokens), dtype=np.int32)
    pairs.sort()
    places = np.empty(len(tokens), dtype=np.int32)
    np.bitwise_and(pairs, (1 << shift) - 1, out=places, casting="unsafe")
    pairs >>= shift
    another = np.zeros(len(tokens), dtype=bool)
    np.not_equal(pairs[1:], pairs[:-1], out=another[1:])
    del pairs
    numbers = np.empty(len(tokens), dtype=np.int32)
    numbers[places] = np.cumsum(another, dtype=np.int32)
    return numbers


def _first_places(grams: _Ints, n: int, size: int) -> _Ints:
    """One place where each n-gram ends that lies wholly in the training text."""
    place = np.full(int(grams.max()) + 1, -1, dtype=np.int32)
    place[grams[n - 1 : size]] = np.arange(n - 1, size, dtype=np.int32)
    return place[place >= 0]


def _interpolated(below: _Ints, grams: _Ints, n: int, counts: _Ints, size: int, lower: _Floats) -> _Floats:
    """P_n of the held-out tokens, from the counts of the n-grams and P_{n-1}, `lower`."""
    ends = _first_places(grams, n, size)
    seen = counts[grams[ends]]
    # What stands before a single token is always the same: nothing.
    contexts = below[ends - 1] if n > 1 else np.zeros(len(ends), dtype=np.int32)
    contexts, seen = contexts[seen > 0], seen[seen > 0]
    discounts = _discounts(seen)
    slots = int(below.max()) + 1
    total = np.bincount(contexts, weights=seen, minlength=slots)
    freed = np.bincount(contexts, weights=discounts[np.minimum(seen, 3)], minlength=slots)

    heldout = np.arange(size, len(grams))
    here = counts[grams[heldout]]
    context = below[heldout - 1] if n > 1 else np.zeros(len(heldout), dtype=np.int32)
    known = total[context] > 0
    scale = np.where(known, total[context], 1.0)
    mixed = np.maximum(here - discounts[np.minimum(here, 3)], 0) / scale + freed[context] / scale * lower
    return np.where(known, mixed, lower)


def _discounts(counts: _Ints) -> _Floats:
    """Discounts of counts of 0, 1, 2, and 3 or more."""
    n1, n2, n3, n4 = (int((counts == k).sum()) for k in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
    later = (n2, n3, n4)
    estimates = [
        k - (k + 1) * y * later[k - 1] / below if below else k * y for k, below in ((1, n1), (2, n2), (3, n3))
    ]
    return np.array([0.0, *(float(np.clip(d, 0.05, k)) for k, d in enumerate(estimates, start=1))])
