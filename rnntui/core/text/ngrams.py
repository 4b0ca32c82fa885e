"""Counting models: what a text gives away to whoever only counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rnntui.core.text.tokenizers import Ids

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


def ngram_nats(train: Ids, heldout: Ids, vocab_size: int, order: int = 5) -> _Floats:
    """-ln P(token | the `order` - 1 before it) for each token of `heldout`, (N,), counted on `train`.

    Interpolated Kneser-Ney smoothing with three discounts an order (Chen and Goodman 1998):

        P_n(w|c) = max(N(c,w) - D, 0) / N(c) + g(c) P_{n-1}(w|c')

    where c' is c without its first token, and the counts N below the highest order are of different
    tokens to the left.  `heldout` is read as what follows `train`.
    """
    tokens = np.concatenate([train, heldout]).astype(np.int64)
    size = len(train)
    grams = _numbered_grams(tokens, vocab_size, order)
    p = np.full(len(heldout), 1.0 / vocab_size)
    for n in range(1, order + 1):
        counted = slice(n - 1, size)  # n-grams that lie wholly in the training text
        if n == order:
            counts = np.bincount(grams[n][counted], minlength=grams[n].max() + 1)
        else:
            # How many different tokens stand to the left of each n-gram.
            _, first = np.unique(grams[n + 1][n:size], return_index=True)
            counts = np.bincount(grams[n][n:size][first], minlength=grams[n].max() + 1)
        p = _interpolated(grams, n, counts, size, p)
    nats: _Floats = -np.log(p)
    return nats


def _numbered_grams(tokens: _Ints, vocab_size: int, order: int) -> list[_Ints]:
    """For n from 0 to `order`, the number of the n-gram that ends at each position."""
    grams = [np.zeros(len(tokens), dtype=np.int64)]
    for n in range(1, order + 1):
        # The gram that ends one token earlier; before the first token stands nothing that is ever seen again.
        before = np.concatenate([[0 if n > 1 else 1], grams[-1][:-1] + 1])
        _, numbers = np.unique(before * vocab_size + tokens, return_inverse=True)
        grams.append(numbers.astype(np.int64))
    return grams


def _interpolated(grams: list[_Ints], n: int, counts: _Ints, size: int, lower: _Floats) -> _Floats:
    """P_n of the held-out tokens, from the counts of the n-grams and P_{n-1}, `lower`."""
    _, first = np.unique(grams[n][n - 1 : size], return_index=True)
    ends = first + n - 1  # one place where each n-gram of the training text ends
    seen = counts[grams[n][ends]]
    contexts = grams[n - 1][ends - 1] if n > 1 else np.zeros(len(ends), dtype=np.int64)
    contexts, seen = contexts[seen > 0], seen[seen > 0]
    discounts = _discounts(seen)
    slots = int(grams[n - 1].max()) + 1
    total = np.bincount(contexts, weights=seen, minlength=slots)
    freed = np.bincount(contexts, weights=discounts[np.minimum(seen, 3)], minlength=slots)

    heldout = np.arange(size, len(grams[n]))
    here = counts[grams[n][heldout]]
    context = grams[n - 1][heldout - 1] if n > 1 else np.zeros(len(heldout), dtype=np.int64)
    known = total[context] > 0
    scale = np.where(known, total[context], 1.0)
    mixed = np.maximum(here - discounts[np.minimum(here, 3)], 0) / scale + freed[context] / scale * lower
    return np.where(known, mixed, lower)


def _discounts(counts: _Ints) -> _Floats:
    """What is taken off counts of 0, 1, 2, and 3 or more."""
    n1, n2, n3, n4 = (int((counts == k).sum()) for k in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
    later = (n2, n3, n4)
    estimates = [
        k - (k + 1) * y * later[k - 1] / below if below else k * y for k, below in ((1, n1), (2, n2), (3, n3))
    ]
    return np.array([0.0, *(float(np.clip(d, 0.05, k)) for k, d in enumerate(estimates, start=1))])
