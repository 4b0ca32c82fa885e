"""Batches of contiguous streams."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rnntui.core.text.tokenizers import Ids


class Batch(NamedTuple):
    """Inputs and the tokens that follow them, both (T, B) int64."""

    inputs: Ids
    targets: Ids
    first: bool
    """Whether the streams begin here: the carried state is void."""


class Streams:
    """The training tokens as B streams, read side by side, T tokens at a time.

    Stream b is the b-th contiguous part of the text, so the state after one batch is the right state
    for the next one.  An epoch reads every token once, but for fewer than B at the end; its last batch
    may be shorter than T.
    """

    def __init__(self, tokens: Ids, batch_size: int, bptt: int) -> None:
        self.length = (len(tokens) - 1) // batch_size
        self.batch_size = batch_size
        self.bptt = bptt
        self._inputs = tokens[: self.length * batch_size].reshape(batch_size, self.length)
        self._targets = tokens[1 : self.length * batch_size + 1].reshape(batch_size, self.length)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return math.ceil(self.length / self.bptt)

    def __getitem__(self, index: int) -> Batch:
        """The batch `index` of an epoch."""
        window = slice(index * self.bptt, min((index + 1) * self.bptt, self.length))
        return Batch(_columns(self._inputs[:, window]), _columns(self._targets[:, window]), index == 0)

    def endless(self, position: int = 0) -> Iterator[Batch]:
        """Batches from `position` (counted over all epochs) on, without end."""
        while True:
            yield self[position % len(self)]
            position += 1


def _columns(rows: Ids) -> Ids:
    """(B, T) of any unsigned type to (T, B) int64, as the embedding wants it."""
    return np.ascontiguousarray(rows.T, dtype=np.int64)
