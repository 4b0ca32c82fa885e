"""Loops over the counts of what was read since: finding a context, counting a token after it, taking it back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnntui.core.kernels.compiling import inlined, kernel

_Array = np.ndarray[Any, Any]

EMPTY = -1
"""No context, or no entry."""
_HASH = np.uint64(0x9E3779B97F4A7C15)


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


@inlined
def _mixed_hash(before, token):
    mixed = (before ^ np.uint64(token + 1)) * _HASH
    return mixed ^ (mixed >> np.uint64(29))


@inlined
def found_context(live, key):
    """The number of the context with this hash, or -1."""
    mask = np.uint64(len(live.table) - 1)
    slot = key & mask
    while live.table[slot] != EMPTY:
        if live.keys[live.table[slot]] == key:
            return live.table[slot]
        slot = (slot + np.uint64(1)) & mask
    return EMPTY


@inlined
def context_hashes(recent, place, hashes):
    """Hashes (K + 1,) of the contexts that end `recent` (K,), its newest token last, after `place` tokens in all."""
    key = np.uint64(1)
    for k in range(min(len(recent), place) + 1):
        if k > 0:
            key = _mixed_hash(key, recent[len(recent) - k])
        hashes[k] = _mixed_hash(key, k)
    return min(len(recent), place)


@kernel
def last_place(live: LiveCounts, recent: _Array, place: int, token: int) -> int:
    """Number of the token that was read last as this `token` after the longest context that it followed; or -1."""
    hashes = np.empty(len(recent) + 1, np.uint64)
    matched = context_hashes(recent, place, hashes)
    for step in range(matched):  # but after nothing, which says nothing
        context = found_context(live, hashes[matched - step])
        if context == EMPTY:
            continue
        entry = live.first[context]
        while entry != EMPTY:
            if live.token[entry] == token:
                return int(live.last[entry])
            entry = live.older[entry]
    return EMPTY


@inlined
def _observe(live, recent, place, token, hashes):
    """Count that `token` followed; returns the entry that is one higher now, or -1.

    A context that knows the token counts it and leaves the shorter ones alone: these count in how many longer contexts
    a token came (update exclusion; Moffat 1990), as Kneser-Ney smoothing wants it.
    """
    matched = context_hashes(recent, place, hashes)
    for step in range(matched + 1):
        k = matched - step
        context = found_context(live, hashes[k])
        if context == EMPTY:
            context = live.sizes[0]
            live.sizes[0] += 1
            live.keys[context], live.first[context] = hashes[k], EMPTY
            live.total[context] = live.distinct[context] = 0
            _insert(live, context)
        entry = live.first[context]
        while entry != EMPTY and live.token[entry] != token:
            entry = live.older[entry]
        live.total[context] += 1
        if entry != EMPTY:
            live.seen[entry] += 1
            return entry
        entry = live.sizes[1]
        live.sizes[1] += 1
        live.token[entry], live.seen[entry], live.last[entry] = token, 1, live.sizes[2]
        live.older[entry], live.context[entry] = live.first[context], context
        live.first[context] = entry
        live.distinct[context] += 1
    return EMPTY


@inlined
def _insert(live, context):
    mask = np.uint64(len(live.table) - 1)
    slot = live.keys[context] & mask
    while live.table[slot] != EMPTY:
        slot = (slot + np.uint64(1)) & mask
    live.table[slot] = context


@kernel
def insert_all(live: LiveCounts) -> None:
    """Fill the table of contexts anew, in the order in which they came."""
    live.table[:] = EMPTY
    for context in range(live.sizes[0]):
        _insert(live, context)


@inlined
def read_token(live, recent, token, counted, hashes, line):
    """Count a token if it is to be counted, and put it behind those that were read."""
    if counted:
        raised = _observe(live, recent, live.sizes[2], token, hashes)
        line[0] = raised
        if raised != EMPTY:
            line[4] = live.last[raised]
            live.last[raised] = live.sizes[2]
    live.read[live.sizes[2]] = token
    live.sizes[2] += 1
