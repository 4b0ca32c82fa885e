"""Loops over the counted training text: its places in the order of their contexts, and the way of a context in them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnntui.core.kernels.compiling import inlined, kernel

_Array = np.ndarray[Any, Any]

_DEPTH = 64
"""Tokens of a context that are compared at most."""


class CountedText(NamedTuple):
    """The places of a text, in the order of what stands before them, the newest token first."""

    following: _Array
    """(N + 1,) int32, the token that follows each place; the vocabulary's size at the end of the text."""
    places: _Array
    """(N + 1,) int32, the places in the order of the tokens that follow them."""
    starts: _Array
    """(V + 1,) int64, where the places before each token begin in `places`."""
    shared: _Array
    """(N + 1,) uint8, tokens that a place's context shares with that of the last place before the same token."""


@kernel
def shared_contexts(tokens: _Array, order: _Array, places: _Array, starts: _Array, shared: _Array) -> None:
    """Fill `shared`; `order` (N + 1,) are the positions in the text of the sorted places."""
    for w in range(len(starts) - 1):
        for j in range(starts[w], starts[w + 1]):
            at = places[j]
            length = 0
            if j > starts[w]:
                a, b = order[places[j - 1]] - 1, order[at] - 1
                while a >= 0 and b >= 0 and tokens[a] == tokens[b]:
                    length += 1
                    a -= 1
                    b -= 1
                    if length >= _DEPTH:
                        break
            shared[at] = length


@inlined
def _rank(places, first, last, bound):
    """Number of `places[first:last]`, which rise, below `bound`."""
    low, high = first, last
    while low < high:
        middle = (low + high) >> 1
        if places[middle] < bound:
            low = middle + 1
        else:
            high = middle
    return low - first


@inlined
def step_on(text, bounds, token):
    """Bounds (K + 1, 2) of the contexts of each order, one `token` later (Ferragina and Manzini 2000)."""
    first, last = text.starts[token], text.starts[token + 1]
    low, high = first, last
    for k in range(len(bounds) - 1):
        # The contexts of each order lie within those of the one below it: so do these bounds.
        begin, end = bounds[k, 0], bounds[k, 1]
        bounds[k, 0], bounds[k, 1] = low, high
        if k == 0:
            bounds[k, 0], bounds[k, 1] = 0, len(text.following)
        if end <= begin or high <= low:
            low = high = 0
            continue
        below_first, below_last = low, high
        if k == 0:
            below_first, below_last = first, last
        else:
            below_first, below_last = low - 1, high - 1
        low = below_first + _rank(text.places, below_first, below_last, begin) + 1
        high = below_first + _rank(text.places, below_first, below_last, end) + 1
    bounds[len(bounds) - 1, 0], bounds[len(bounds) - 1, 1] = low, high


@inlined
def remember(recent, token):
    """Put the newest token behind the others."""
    for j in range(len(recent) - 1):
        recent[j] = recent[j + 1]
    recent[len(recent) - 1] = token


@kernel
def advance(text: CountedText, bounds: _Array, recent: _Array, tokens: _Array) -> None:
    """Move each of the `bounds` (n, K + 1, 2), and its `recent` tokens (n, K), behind one of the `tokens` (n,)."""
    for i in range(len(tokens)):
        step_on(text, bounds[i], tokens[i])
        remember(recent[i], tokens[i])
