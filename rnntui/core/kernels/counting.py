"""Loops of the counted model: what followed the last tokens, in the training text and in what was read since.

`rnntui.core.completion.counts` says what is computed; here is how.  Nothing of torch is needed.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from rnntui.core.kernels.compiling import inlined, kernel

_Array = np.ndarray[Any, Any]

_LARGE = 128
"""Places of a context from which on what follows them is remembered: the commonest contexts are asked for again."""
_DEPTH = 64
"""Tokens of a context that are compared at most."""
_HASH = np.uint64(0x9E3779B97F4A7C15)
_EMPTY = -1


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


class LiveCounts(NamedTuple):
    """Counts of what was read since: contexts by their hash, with a list of the tokens that followed each."""

    table: _Array
    """(S,) int32, numbers of contexts by their hash; S is a power of two."""
    keys: _Array
    """(C,) uint64, the hash of each context."""
    first: _Array
    """(C,) int32, its newest entry."""
    total: _Array
    """(C,) int32, the sum of its counts."""
    distinct: _Array
    """(C,) int32, its entries."""
    token: _Array
    """(E,) int32"""
    seen: _Array
    """(E,) int32, how often it followed."""
    older: _Array
    """(E,) int32, the entry before it of the same context."""
    context: _Array
    """(E,) int32"""
    last: _Array
    """(E,) int32, number of the token in `read` that it last was."""
    read: _Array
    """(T,) int32, the tokens that were read."""
    sizes: _Array
    """(3,) int64, contexts, entries and tokens."""


class Memory(NamedTuple):
    """What follows the commonest contexts, by their bounds."""

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
def _advance(text, bounds, token):
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
def _remember(recent, token):
    """Put the newest token behind the others."""
    for j in range(len(recent) - 1):
        recent[j] = recent[j + 1]
    recent[len(recent) - 1] = token


@kernel
def advance(text: CountedText, bounds: _Array, recent: _Array, tokens: _Array) -> None:
    """Move each of the `bounds` (n, K + 1, 2), and its `recent` tokens (n, K), behind one of the `tokens` (n,)."""
    for i in range(len(tokens)):
        _advance(text, bounds[i], tokens[i])
        _remember(recent[i], tokens[i])


@inlined
def _mixed_hash(before, token):
    mixed = (before ^ np.uint64(token + 1)) * _HASH
    return mixed ^ (mixed >> np.uint64(29))


@inlined
def _found(live, key):
    """The number of the context with this hash, or -1."""
    mask = np.uint64(len(live.table) - 1)
    slot = key & mask
    while live.table[slot] != _EMPTY:
        if live.keys[live.table[slot]] == key:
            return live.table[slot]
        slot = (slot + np.uint64(1)) & mask
    return _EMPTY


@inlined
def _hashes(recent, place, hashes):
    """Hashes (K + 1,) of the contexts that end `recent` (K,), its newest token last, after `place` tokens in all."""
    key = np.uint64(1)
    for k in range(min(len(recent), place) + 1):
        if k > 0:
            key = _mixed_hash(key, recent[len(recent) - k])
        hashes[k] = _mixed_hash(key, k)
    return min(len(recent), place)


@inlined
def _extended(live, rules, context, place, order):
    """The level of a match that is longer than any context, by the place where its newest token came last.

    `place` is the number of tokens before it, some of which may not have been read.
    """
    last, entry = -1, live.first[context]
    while entry != _EMPTY:
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
    longest, sure, matched, left = 0, 0, _hashes(recent, place, hashes), 1.0
    for step in range(len(bounds)):
        k = len(bounds) - 1 - step
        context = _found(live, hashes[k]) if k <= matched else _EMPTY
        begin, end = bounds[k, 0], bounds[k, 1]
        if context == _EMPTY and end <= begin:
            continue
        newer = 0.0
        if context != _EMPTY:
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
            while entry != _EMPTY:
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
def last_place(live: LiveCounts, recent: _Array, place: int, token: int) -> int:
    """Number of the token that was read last as this `token` after the longest context that it followed; or -1."""
    hashes = np.empty(len(recent) + 1, np.uint64)
    matched = _hashes(recent, place, hashes)
    for step in range(matched):  # but after nothing, which says nothing
        context = _found(live, hashes[matched - step])
        if context == _EMPTY:
            continue
        entry = live.first[context]
        while entry != _EMPTY:
            if live.token[entry] == token:
                return int(live.last[entry])
            entry = live.older[entry]
    return _EMPTY


@inlined
def _observe(live, recent, place, token, hashes):
    """Count that `token` followed; returns the entry that is one higher now, or -1.

    A context that knows the token counts it and leaves the shorter ones alone: these count in how many longer contexts
    a token came (update exclusion; Moffat 1990), as Kneser-Ney smoothing wants it.
    """
    matched = _hashes(recent, place, hashes)
    for step in range(matched + 1):
        k = matched - step
        context = _found(live, hashes[k])
        if context == _EMPTY:
            context = live.sizes[0]
            live.sizes[0] += 1
            live.keys[context], live.first[context] = hashes[k], _EMPTY
            live.total[context] = live.distinct[context] = 0
            _insert(live, context)
        entry = live.first[context]
        while entry != _EMPTY and live.token[entry] != token:
            entry = live.older[entry]
        live.total[context] += 1
        if entry != _EMPTY:
            live.seen[entry] += 1
            return entry
        entry = live.sizes[1]
        live.sizes[1] += 1
        live.token[entry], live.seen[entry], live.last[entry] = token, 1, live.sizes[2]
        live.older[entry], live.context[entry] = live.first[context], context
        live.first[context] = entry
        live.distinct[context] += 1
    return _EMPTY


@inlined
def _insert(live, context):
    mask = np.uint64(len(live.table) - 1)
    slot = live.keys[context] & mask
    while live.table[slot] != _EMPTY:
        slot = (slot + np.uint64(1)) & mask
    live.table[slot] = context


@kernel
def insert_all(live: LiveCounts) -> None:
    """Fill the table of contexts anew, in the order in which they came."""
    live.table[:] = _EMPTY
    for context in range(live.sizes[0]):
        _insert(live, context)


@kernel
def undo(live: LiveCounts, rules: Rules, journal: _Array, journal_weights: _Array) -> None:
    """Take back what was observed, the newest line of the `journal` first."""
    for step in range(len(journal)):
        line = len(journal) - 1 - step
        raised, contexts, entries, bucket, last = journal[line]
        live.sizes[2] -= 1
        if raised != _EMPTY:
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
            live.table[slot] = _EMPTY
            live.sizes[0] = context
        if bucket != _EMPTY:
            rules.weights[bucket, 0], rules.weights[bucket, 1] = (
                journal_weights[line, 0],
                journal_weights[line, 1],
            )
            rules.steps[bucket] -= 1.0


@inlined
def _read(live, recent, token, counted, hashes, line):
    """Count a token if it is to be counted, and put it behind those that were read."""
    if counted:
        raised = _observe(live, recent, live.sizes[2], token, hashes)
        line[0] = raised
        if raised != _EMPTY:
            line[4] = live.last[raised]
            live.last[raised] = live.sizes[2]
    live.read[live.sizes[2]] = token
    live.sizes[2] += 1


@kernel
def read_alone(
    text: CountedText, live: LiveCounts, bounds: _Array, recent: _Array, tokens: _Array, counted: _Array,
    journal: _Array,
) -> None:  # fmt: skip
    """Read `tokens` without the network; they are counted where `counted` says so."""
    hashes = np.empty(len(bounds), np.uint64)
    for i in range(len(tokens)):
        journal[i] = _EMPTY, live.sizes[0], live.sizes[1], _EMPTY, 0
        _read(live, recent, tokens[i], counted[i], hashes, journal[i])
        _advance(text, bounds, tokens[i])
        _remember(recent, tokens[i])


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
        journal[i] = _EMPTY, live.sizes[0], live.sizes[1], _EMPTY, 0
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
        _read(live, recent, tokens[i], counted[i], hashes, journal[i])
        _advance(text, bounds, tokens[i])
        _remember(recent, tokens[i])
