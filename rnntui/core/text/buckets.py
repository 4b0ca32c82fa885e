"""Texts of many lengths side by side: those of about one length meet, and the shorter ones are filled up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rnntui.core.text.batches import Batch
from rnntui.core.text.tokenizers import Ids

_POOL = 50
"""Batches that are sorted by length together: enough that a batch holds texts of about one length."""
_FILLED = 1 << 16
"""Tokens side by side, those that are filled up counted, where texts are only read."""

Integers = npt.NDArray[np.int64]


class Sequences(NamedTuple):
    """The tokens of some texts: the i-th has `tokens[starts[i]:starts[i + 1]]`."""

    tokens: Ids
    """(N,)"""
    starts: Integers
    """(n + 1,)"""

    @classmethod
    def joined(cls, sequences: Sequence[Ids]) -> Sequences:
        """Return these sequences, one after the other."""
        return cls(
            np.concatenate(sequences) if sequences else np.empty(0, np.int64),
            np.cumsum([0, *(len(sequence) for sequence in sequences)]),
        )

    @property
    def lengths(self) -> Integers:
        """(n,) tokens of each."""
        return np.diff(self.starts)

    def sequence(self, index: int) -> Ids:
        """The tokens of one."""
        return self.tokens[self.starts[index] : self.starts[index + 1]]

    def side_by_side(self, which: Integers) -> tuple[Integers, Integers]:
        """These sequences as (T, B), filled up with zeros, and how long each is, (B,)."""
        lengths = self.lengths[which]
        filled = np.zeros((int(lengths.max()), len(which)), dtype=np.int64)
        for column, index in enumerate(which.tolist()):
            filled[: lengths[column], column] = self.sequence(index)
        return filled, lengths


class Buckets:
    """All texts of a training part, B of about one length at a time, epoch after epoch in another order.

    Satisfies `Batches`.
    """

    def __init__(
        self,
        lengths: Integers,
        batch_size: int,
        seed: int,
        take: Callable[[Integers], Batch],
        each: float = 1.0,
    ) -> None:
        """`lengths` (n,) of the texts; `take` makes a batch of some; `each` text has so many outcomes, on average."""
        self._lengths, self._batch_size, self._seed = lengths, batch_size, seed
        self._take, self._each = take, each
        self._plan = lru_cache(maxsize=1)(self._plan_of)

    @property
    def predictions(self) -> int:
        return round(self._batch_size * self._each)

    def __len__(self) -> int:
        return math.ceil(len(self._lengths) / self._batch_size)

    def __getitem__(self, position: int) -> Batch:
        epoch, index = divmod(position, len(self))
        return self._take(self._plan(epoch)[index])

    def _plan_of(self, epoch: int) -> list[Integers]:
        """Texts of each batch of an epoch."""
        drawn = np.random.default_rng([self._seed, epoch])
        order, size = drawn.permutation(len(self._lengths)), self._batch_size
        batches = []
        for pool in range(0, len(order), _POOL * size):
            some = order[pool : pool + _POOL * size]
            some = some[np.argsort(self._lengths[some], kind="stable")]
            batches += [some[at : at + size] for at in range(0, len(some), size)]
        return [batches[i] for i in drawn.permutation(len(batches))]


def in_order(lengths: Integers, at_once: int) -> Iterator[Integers]:
    """The places of all texts of those `lengths` once, those of about one length together; of long ones, fewer."""
    order = np.argsort(lengths, kind="stable")
    first = 0
    while first < len(order):
        room = _FILLED // max(int(lengths[order[min(first + at_once, len(order)) - 1]]), 1)
        last = first + min(at_once, max(room, 1))
        yield order[first:last]
        first = last
