"""Loops of the counted model: what followed the last tokens, in the training text and in what was read since.

`rnntui.core.completion.counts` says what is computed; here is how.  Nothing of torch is needed.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from rnntui.core.kernels.compiling import inlined, kernel
from rnntui.core.kernels.counted_text import CountedText, remember, step_on
from rnntui.core.kernels.live_counts import EMPTY, LiveCounts, context_hashes, found_context, read_token

_Array = np.ndarray[Any, Any]

_LARGE = 128
"""Places of a context from which on what follows them is remembered: the commonest contexts are asked for again."""


class Memory(NamedTuple):
    """Cached distributions after the most frequent contexts of the training text, found by their bounds."""

    keys: _Array
    """(S, 3) int64, the bounds and the order."""
    shares: _Array
    """(S, V) float64, (N(w) - D) / T."""
    rest: _Array
    """(S, 2) float64, the share that is left for lower orders, and T."""


class Rules(NamedTuple):
    """Constants of the counted model, and the weights that are learned."""

    discounts: _Array
    """(4,) float64, D of counts of 0, 1, 2, and 3 or more in the training text."""
    live: _Array
    """(2,) float64, D of what was read since, and how much more that counts."""
    entropies: _Array
    """(B - 1,) float64, bounds of the network's entropy in nats."""
    weights: _Array
    """(L * 3 * B, 2) float64, of the network and of the counts, by the longest live match, how sure it is, and the
    entropy."""
    first: _Array
    """(L * 3 * B, 2) float64, the weights at first, to which they are drawn back a little by every step."""
    steps: _Array
    """(L * 3 * B,) float64, number of steps that each has taken."""
    lengths: _Array
    """(L - K - 1,) int64, bounds of matches that are longer than any context."""
    rates: _Array
    """(3,) float64, the first step's length, how soon steps become shorter, and the share of the way back."""


@inlined
def _extended(live, rules, context, place, order):
    """The level of a match that is longer than any context, by the place where its newest token came last.

    `place` is the number of tokens before it, some of which may not have been read.
    """
    last, entry = -1, live.first[context]
    while entry != EMPTY:
        last = max(last, live.last[entry])
        entry = live.older[entry]
    length, before, here = order, last - 1 - order, place - 1 - order
    most = rules.lengths[len(rules.lengths) - 1]
    while length < most and before >= 0 and here < live.sizes[2] and live.read[before] == live.read[here]:
        length += 1
        before -= 1
        here -= 1
    level = order
    for bound in rules.lengths:
        level += length >= bound
    return level


@inlined
def _probabilities(text, live, memory, rules, bounds, recent, place, hashes, shares, scratch):
    """Fill `shares` (V,) with P(token | the tokens before it); returns the longest live match and how sure it is.

    It is unsure (0) where several tokens followed, sure where one did once (1) or always (2).

    From the longest context down, each order keeps what its counts say and leaves the rest to the one below.
    """
    V = len(shares)
    for v in range(V):
        shares[v] = 0.0
    longest, sure, matched, left = 0, 0, context_hashes(recent, place, hashes), 1.0
    for step in range(len(bounds)):
        k = len(bounds) - 1 - step
        context = found_context(live, hashes[k]) if k <= matched else EMPTY
        begin, end = bounds[k, 0], bounds[k, 1]
        if context == EMPTY and end <= begin:
            continue
        newer = 0.0
        if context != EMPTY:
            newer = rules.live[1] * live.total[context]
            if k > longest:
                longest, sure = k, 0
                if live.distinct[context] == 1:
                    sure = 1 if live.total[context] == 1 else 2
                if k == len(bounds) - 1:
                    longest = _extended(live, rules, context, place, k)
        total, rest, slot, kinds = 0.0, 0.0, -1, 0
        known = False
        if end - begin > _LARGE:
            slot = (begin * 31 + end * 17 + k) % len(memory.keys)
            known = (
                memory.keys[slot, 0] == begin and memory.keys[slot, 1] == end and memory.keys[slot, 2] == k
            )
        if known:
            rest, total = memory.rest[slot, 0], memory.rest[slot, 1]
        else:
            for i in range(begin, end):
                if text.shared[i] <= k and text.following[i] < V:  # once for each longer context
                    w = text.following[i]
                    if scratch[0, w] == 0:
                        scratch[1, kinds] = w
                        kinds += 1
                    scratch[0, w] += 1
                    total += 1.0
            for j in range(kinds):
                rest += rules.discounts[min(scratch[0, scratch[1, j]], 3)]
            rest = rest / total if total > 0 else 1.0
        if total + newer == 0:
            continue
        share = left * total / (total + newer)
        if known:
            for v in range(V):
                shares[v] += share * memory.shares[slot, v]
        else:
            if slot >= 0 and total > 0:
                memory.keys[slot, 0], memory.keys[slot, 1], memory.keys[slot, 2] = begin, end, k
                memory.rest[slot, 0], memory.rest[slot, 1] = rest, total
                for v in range(V):
                    memory.shares[slot, v] = 0.0
            for j in range(kinds):
                w = scratch[1, j]
                own = (scratch[0, w] - rules.discounts[min(scratch[0, w], 3)]) / total
                shares[w] += share * own
                if slot >= 0:
                    memory.shares[slot, w] = own
                scratch[0, w] = 0
        left_here = share * rest
        if newer > 0:
            share = left * newer / (total + newer)
            count = float(live.total[context])
            entry = live.first[context]
            while entry != EMPTY:
                shares[live.token[entry]] += share * (live.seen[entry] - rules.live[0]) / count
                entry = live.older[entry]
            left_here += share * rules.live[0] * live.distinct[context] / count
        left = left_here
    for v in range(V):
        shares[v] += left / V
    return longest, sure


@inlined
def _bucket(rules, longest, sure, entropy):
    """The row of the weights for a match of this length and sureness, where the network has this entropy."""
    column = 0
    while column < len(rules.entropies) and entropy > rules.entropies[column]:
        column += 1
    return (3 * longest + sure) * (len(rules.entropies) + 1) + column


@kernel
def probabilities(
    text: CountedText, live: LiveCounts, memory: Memory, rules: Rules, bounds: _Array, recent: _Array, places: _Array,
    entropies: _Array, found: _Array, weights: _Array,
) -> None:  # fmt: skip
    """P(next token), into `found` (n, V), after contexts with `bounds` (n, K + 1, 2) and `recent` tokens (n, K).

    `places` (n,) are the tokens before each.  Where the network has `entropies` (n,), the `weights` (n, 2) are
    those of the network and of the counts.
    """
    n, V = found.shape
    hashes = np.empty(bounds.shape[1], np.uint64)
    shares = np.empty(V)
    scratch = np.zeros((2, V), np.int64)
    for i in range(n):
        longest, sure = _probabilities(
            text, live, memory, rules, bounds[i], recent[i], places[i], hashes, shares, scratch
        )
        row = _bucket(rules, longest, sure, entropies[i])
        weights[i, 0], weights[i, 1] = rules.weights[row, 0], rules.weights[row, 1]
        for v in range(V):
            found[i, v] = shares[v]


@kernel
def undo(live: LiveCounts, rules: Rules, journal: _Array, journal_weights: _Array) -> None:
    """Take back what was observed, the newest line of the `journal` first."""
    for step in range(len(journal)):
        line = len(journal) - 1 - step
        raised, contexts, entries, bucket, last = journal[line]
        live.sizes[2] -= 1
        if raised != EMPTY:
            live.seen[raised] -= 1
            live.last[raised] = last
            live.total[live.context[raised]] -= 1
        while live.sizes[1] > entries:
            entry = live.sizes[1] - 1
            context = live.context[entry]
            live.first[context] = live.older[entry]
            live.total[context] -= 1
            live.distinct[context] -= 1
            live.sizes[1] = entry
        mask = np.uint64(len(live.table) - 1)
        while live.sizes[0] > contexts:  # the newest first, so that no other was put behind it
            context = live.sizes[0] - 1
            slot = live.keys[context] & mask
            while live.table[slot] != context:
                slot = (slot + np.uint64(1)) & mask
            live.table[slot] = EMPTY
            live.sizes[0] = context
        if bucket != EMPTY:
            rules.weights[bucket, 0], rules.weights[bucket, 1] = (
                journal_weights[line, 0],
                journal_weights[line, 1],
            )
            rules.steps[bucket] -= 1.0


@kernel
def read_alone(
    text: CountedText, live: LiveCounts, bounds: _Array, recent: _Array, tokens: _Array, counted: _Array,
    journal: _Array,
) -> None:  # fmt: skip
    """Read `tokens` without the network; they are counted where `counted` says so."""
    hashes = np.empty(len(bounds), np.uint64)
    for i in range(len(tokens)):
        journal[i] = EMPTY, live.sizes[0], live.sizes[1], EMPTY, 0
        read_token(live, recent, tokens[i], counted[i], hashes, journal[i])
        step_on(text, bounds, tokens[i])
        remember(recent, tokens[i])


@kernel
def read_along(
    text: CountedText, live: LiveCounts, memory: Memory, rules: Rules, bounds: _Array, recent: _Array, log_p: _Array,
    tokens: _Array, counted: _Array, journal: _Array, journal_weights: _Array,
) -> None:  # fmt: skip
    """Read `tokens` (n,) beside the network, whose log-probabilities `log_p` (n, V) become those of both.

    Each is predicted before it is counted.  Where it is `counted`, the weights take a step down the gradient of
    -ln P(token) as well: of P ~ exp(sum_i w_i ln P_i) it is E_P[ln P_i] - ln P_i(token).
    """
    n, V = log_p.shape
    hashes = np.empty(len(bounds), np.uint64)
    shares = np.empty(V)
    scratch = np.zeros((2, V), np.int64)
    for i in range(n):
        place = live.sizes[2]
        longest, sure = _probabilities(
            text, live, memory, rules, bounds, recent, place, hashes, shares, scratch
        )
        entropy = 0.0
        for v in range(V):
            entropy -= math.exp(log_p[i, v]) * log_p[i, v]
        row = _bucket(rules, longest, sure, entropy)
        a, b = rules.weights[row, 0], rules.weights[row, 1]
        highest = -math.inf
        own, counts = float(log_p[i, tokens[i]]), math.log(shares[tokens[i]])
        expected_own = expected_counts = total = 0.0
        for v in range(V):
            shares[v] = math.log(shares[v])
            highest = max(highest, a * log_p[i, v] + b * shares[v])
        for v in range(V):
            p = math.exp(a * log_p[i, v] + b * shares[v] - highest)
            total += p
            expected_own += p * log_p[i, v]
            expected_counts += p * shares[v]
        norm = highest + math.log(total)
        for v in range(V):
            log_p[i, v] = a * log_p[i, v] + b * shares[v] - norm
        journal[i] = EMPTY, live.sizes[0], live.sizes[1], EMPTY, 0
        if counted[i]:
            journal[i, 3] = row
            journal_weights[i] = a, b
            rules.steps[row] += 1.0
            rate = rules.rates[0] / math.sqrt(1.0 + rules.rates[1] * rules.steps[row])
            for which in range(2):
                gain = own - expected_own / total if which == 0 else counts - expected_counts / total
                moved = rate * gain
                moved += rules.rates[2] * (rules.first[row, which] - rules.weights[row, which])
                rules.weights[row, which] += moved
        read_token(live, recent, tokens[i], counted[i], hashes, journal[i])
        step_on(text, bounds, tokens[i])
        remember(recent, tokens[i])
