"""A counted model beside the network: what followed the last tokens before, in training and since.

Each order k keeps what its counts say and leaves the rest to the order below (interpolated Kneser-Ney smoothing; Kneser
and Ney 1995), where the counts N below are of different longer contexts, and T and D their sum and discount:

    P_k(w|c) = max(N(c,w) - D, 0) / T(c) + g(c) P_{k-1}(w|c')

The training text is counted once and kept as its places sorted by what stands before them: the tokens that followed a
context are neighbours there, and one token later their bounds are found by two searches (Ferragina and Manzini 2000).
What is read since is counted in lists by context, to which a token is added in a microsecond, and taken back.  Where
both know a context, each speaks for its share of the counts.

The network and the counts are mixed as in context mixing (Mattern 2012; Mahoney 2005):

    P(w) ~ P_network(w)^a P_counts(w)^b

with weights a, b for each length of the longest match in what was read since and each entropy of the network; they
are learned as the text is read, by the gradient of -ln P(w).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnntui.core.completion.arrays import Array, log_softmax
from rnntui.core.kernels import counted_text as places
from rnntui.core.kernels import counting, live_counts
from rnntui.core.kernels.counted_text import CountedText
from rnntui.core.kernels.counting import Memory, Rules
from rnntui.core.kernels.live_counts import LiveCounts

ORDER_OF_CHARACTERS, ORDER_OF_WORDS = 12, 5
"""Tokens that stand before the counted one at most: of characters, and of words or parts of words."""
_DISCOUNTS = (0.0, 0.65, 0.95, 1.2)
_LIVE_DISCOUNT, _LIVE_WEIGHT = 0.3, 10.0
"""Discount of what was read since, and how much more it counts than the training text."""
_ENTROPIES = (0.2, 0.6, 1.2, 2.0, 3.0, 4.2, 5.5)
"""Bounds of the network's entropy in nats."""
_LONGER = (3, 4, 6, 8)
"""Bounds of matches longer than a context, in halves of its length."""
_FIRST_OF_NETWORK = (0.64, 0.61, 0.6, 0.6, 0.67, 0.7, 0.76, 0.78)
_FIRST_OF_COUNTS = (0.41, 0.37, 0.35, 0.33, 0.27, 0.28, 0.28, 0.3)
"""The weights a and b at first by the network's entropy: about what five texts taught (docs/experiments.md)."""
_FIRST_OF_LONG = (0.5, 0.9)
"""The weights after a match longer than twelve characters, or of five words, that has always gone on alike."""
_RATE, _SLOWER, _BACK = 0.006, 0.02, 0.02
"""The first step of the weights, how soon steps become shorter, and the share of the way back to the first weights."""
_REMEMBERED, _REMEMBERED_SIZE = 4096, 1 << 22
"""Contexts of the training text that are remembered, and numbers of them in all."""
_SMALL = 1 << 10


class CountContext(NamedTuple):
    """A place that a text has come to: what the counted model needs to go on from there."""

    bounds: Array
    """(K + 1, 2) int64, where its contexts of each order stand in the training text."""
    recent: Array
    """(K,) int64, its last tokens, the newest last."""
    place: int
    """Number of tokens before it."""


class CountedModel:
    """The counted model of one text: the training text, and what was read of it so far."""

    def __init__(self, text: CountedText, order: int) -> None:
        self.text, self.order = text, order
        self.vocab_size = len(text.starts) - 1
        remembered = max(min(_REMEMBERED, _REMEMBERED_SIZE // self.vocab_size), 16)
        self._memory = Memory(
            np.full((remembered, 3), -1, np.int64),
            np.zeros((remembered, self.vocab_size)),
            np.zeros((remembered, 2)),
        )
        self._alone = False
        self.forget()

    def forget(self) -> None:
        """Go back to the training text alone, and to the weights that nothing was learned by."""
        self._live = _empty(_SMALL)
        self._rules = _first_rules(self.order)
        if self._alone:
            self._rules.weights[:], self._rules.rates[:] = (0.0, 1.0), 0.0
        self._journal = np.empty((_SMALL, 5), np.int64)
        self._weights_before = np.empty((_SMALL, 2))
        self.read = 0
        """Tokens read so far."""

    def speak_alone(self) -> None:
        """Leave the network without a say: what is mixed from here on is the counted model's alone."""
        self._alone = True
        self.forget()

    def start(self, token: int) -> CountContext:
        """The beginning of a text, behind the `token` that stands before every one."""
        bounds = np.zeros((self.order + 1, 2), np.int64)
        bounds[0] = 0, len(self.text.following)
        before = CountContext(bounds, np.zeros(self.order, np.int64), -1)
        return self.after([before], [token])[0]

    def after(self, contexts: Sequence[CountContext], tokens: Sequence[int]) -> list[CountContext]:
        """Each place one of the tokens later; nothing is counted."""
        bounds, recent = (np.stack(arrays) for arrays in zip(*(each[:2] for each in contexts), strict=True))
        places.advance(self.text, bounds, recent, np.array(tokens, np.int64))
        return [CountContext(bounds[row], recent[row], each.place + 1) for row, each in enumerate(contexts)]

    def mixed(self, log_p: Array, contexts: Sequence[CountContext]) -> Array:
        """The log-probabilities (n, V) of both models, from the network's `log_p` (n, V) after `contexts`."""
        entropies = -(np.exp(log_p) * np.maximum(log_p, -100)).sum(axis=1)
        found, weights = np.empty(log_p.shape, np.float32), np.empty((len(contexts), 2), np.float32)
        counting.probabilities(
            self.text, self._live, self._memory, self._rules,
            np.stack([each.bounds for each in contexts]),
            np.stack([each.recent for each in contexts]),
            np.array([each.place for each in contexts], np.int64),
            entropies, found, weights,
        )  # fmt: skip
        return log_softmax(weights[:, :1] * log_p + weights[:, 1:] * np.log(found))

    def last_place(self, context: CountContext, token: int) -> int | None:
        """Number of the token that was read last as this `token` after such a context; None where none was."""
        place = live_counts.last_place(self._live, context.recent, context.place, token)
        return None if place < 0 else int(place)

    def read_along(
        self,
        context: CountContext,
        log_p: Array,
        tokens: Sequence[int],
        counted: Sequence[bool] | None = None,
    ) -> tuple[Array, CountContext]:
        """Read `tokens` (n,) that follow on a context, where the network has `log_p` (n, V).

        Returns the log-probabilities (n, V) of both models, each before its token was counted, and the place after
        them.  A token that is not `counted` is read and not learned from.
        """
        mixed = np.array(log_p, np.float32)
        bounds, recent, journal = self._before(context, len(tokens))
        numbers = np.array(tokens, np.int64)
        counting.read_along(
            self.text, self._live, self._memory, self._rules, bounds, recent, mixed, numbers,
            _flags(counted, len(tokens)), *journal,
        )  # fmt: skip
        self.read += len(tokens)
        return mixed, CountContext(bounds, recent, self.read)

    def read_alone(
        self, context: CountContext, tokens: Sequence[int], counted: Sequence[bool] | None = None
    ) -> CountContext:
        """Read `tokens` where the network does not: they are counted, and no weights learned."""
        bounds, recent, (journal, _) = self._before(context, len(tokens))
        counting.read_alone(
            self.text, self._live, bounds, recent, np.array(tokens, np.int64),
            _flags(counted, len(tokens)), journal,
        )  # fmt: skip
        self.read += len(tokens)
        return CountContext(bounds, recent, self.read)

    def undo(self, tokens: int) -> None:
        """Take back the last `tokens` that were read, as if they had never been."""
        lines = slice(self.read - tokens, self.read)
        counting.undo(self._live, self._rules, self._journal[lines], self._weights_before[lines])
        self.read -= tokens

    def _before(self, context: CountContext, more: int) -> tuple[Array, Array, tuple[Array, Array]]:
        """Copies of a context's arrays and the next lines of the journal, with room for so many tokens."""
        self._live = _with_room(self._live, more * (self.order + 1))
        needed = self.read + more
        if needed > len(self._journal):
            self._journal = _grown(self._journal, needed)
            self._weights_before = _grown(self._weights_before, needed)
        lines = slice(self.read, needed)
        return (
            context.bounds.copy(),
            context.recent.copy(),
            (self._journal[lines], self._weights_before[lines]),
        )


def counted_text(tokens: Array, vocab_size: int, order: int) -> CountedText:
    """Count a text (N,): sort its places by up to `order` tokens before them, some seconds for five million."""
    length = len(tokens) + 1
    ranks = np.zeros(length, np.int64)
    ranks[1:] = tokens.astype(np.int64) + 1
    known = 1
    while known < order:  # by twice as many tokens each time (Manber and Myers 1993)
        before = np.zeros(length, np.int64)
        before[known:] = ranks[:-known]
        ranks, known = _ranked(ranks, before), 2 * known
    order_of = np.argsort(ranks, kind="stable").astype(np.int32)
    following = np.append(tokens, vocab_size).astype(np.int32)[order_of]
    by_next = np.argsort(following, kind="stable").astype(np.int32)
    starts = np.zeros(vocab_size + 1, np.int64)
    starts[1:] = np.cumsum(np.bincount(tokens, minlength=vocab_size))
    shared = np.zeros(length, np.uint8)
    places.shared_contexts(np.ascontiguousarray(tokens, np.int32), order_of, by_next, starts, shared)
    return CountedText(following, by_next, starts, shared)


def _ranked(first: Array, second: Array) -> Array:
    """The place of each pair among the different pairs, from 1."""
    keys = first * (int(second.max()) + 1) + second
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    ranks = np.empty(len(keys), np.int64)
    ranks[order] = np.concatenate([[1], 1 + np.cumsum(ranked[1:] != ranked[:-1])])
    return ranks


def _first_rules(order: int) -> Rules:
    """The constants, and weights that trust the counts as far as their match is long."""
    lengths = np.array([order * each // 2 for each in _LONGER], np.int64)
    table = np.empty((order + 1 + len(lengths), 3, len(_ENTROPIES) + 1, 2))
    table[:] = np.column_stack([_FIRST_OF_NETWORK, _FIRST_OF_COUNTS])
    table[order + (order > ORDER_OF_WORDS) :, 1:] = _FIRST_OF_LONG
    weights = table.reshape(-1, 2)
    return Rules(
        np.array(_DISCOUNTS), np.array([_LIVE_DISCOUNT, _LIVE_WEIGHT]), np.array(_ENTROPIES), weights, weights.copy(),
        np.zeros(len(weights)), lengths, np.array([_RATE, _SLOWER, _BACK]),
    )  # fmt: skip


def _flags(counted: Sequence[bool] | None, count: int) -> Array:
    return np.ones(count, np.bool_) if counted is None else np.array(counted, np.bool_)


def _empty(room: int) -> LiveCounts:
    small = np.int32
    first, total, distinct, token, seen, older, context, last, read = (
        np.zeros(room, small) for _ in range(9)
    )
    return LiveCounts(
        np.full(4 * room, -1, small), np.zeros(room, np.uint64), first, total, distinct, token, seen, older, context,
        last, read, np.zeros(3, np.int64),
    )  # fmt: skip


def _with_room(live: LiveCounts, more: int) -> LiveCounts:
    """`live` itself, or a larger one with the same counts where so many contexts and entries do not fit."""
    if int(live.sizes.max()) + more <= len(live.seen):
        return live
    room = 1 << math.ceil(math.log2(int(live.sizes.max()) + more))
    grown = _empty(room)
    for new, old in zip(grown[1:-1], live[1:-1], strict=True):
        new[: len(old)] = old
    grown.sizes[:] = live.sizes
    live_counts.insert_all(grown)
    return grown


def _grown(lines: Array, needed: int) -> Array:
    larger = np.empty((1 << math.ceil(math.log2(needed)), lines.shape[1]), lines.dtype)
    larger[: len(lines)] = lines
    return larger
