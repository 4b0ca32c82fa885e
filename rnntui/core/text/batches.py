"""Batches of a training part, epoch after epoch."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, cycle, pairwise
from typing import NamedTuple, Protocol, Self

import numpy as np

from rnntui.core.text.tokenizers import Ids

_PIECES = 64
"""Pieces of `bptt` tokens in a part of the text, where these are shuffled."""
_PARTS = 4
"""Parts that a stream has at least, so that a short text is shuffled too, as long as they hold a piece."""
_BUCKETS = (1.0, 0.5, 1.0, 1.5)
"""Lengths of the pieces, in shares of `bptt`, where they vary: few, as kernels are built for each."""


class Batch(Protocol):
    """Sequences side by side, and what is to be told of them."""

    @property
    def arrays(self) -> tuple[Ids, ...]:
        """Arguments of the model's loss."""

    @property
    def first(self) -> bool:
        """True if the sequences begin here: the carried state is void."""

    @property
    def sequences(self) -> int:
        """Number of sequences, B."""

    @property
    def tokens(self) -> int:
        """Number of tokens."""

    @property
    def predictions(self) -> int:
        """Number of predictions: the loss is their mean."""

    def some(self, sequences: slice) -> Self:
        """These sequences alone."""

    def beginning(self, length: int) -> Self:
        """The first `length` tokens of each sequence."""


class Batches(Protocol):
    """The batches of a training part, drawn by the seed and the epoch alone."""

    @property
    def predictions(self) -> int:
        """Number of predictions in a whole batch."""

    def __len__(self) -> int:
        """Batches in an epoch."""

    def __getitem__(self, position: int) -> Batch:
        """The batch at `position`, counted over all epochs."""


class StreamBatch(NamedTuple):
    """Inputs and the tokens that follow them, both (T, B) int64."""

    inputs: Ids
    targets: Ids
    first: bool
    """True if the streams begin here."""

    @property
    def arrays(self) -> tuple[Ids, Ids]:
        return self.inputs, self.targets

    @property
    def sequences(self) -> int:
        return int(self.targets.shape[1])

    @property
    def tokens(self) -> int:
        return int(self.targets.size)

    @property
    def predictions(self) -> int:
        return int(self.targets.size)

    def some(self, sequences: slice) -> StreamBatch:
        return StreamBatch(self.inputs[:, sequences].copy(), self.targets[:, sequences].copy(), self.first)

    def beginning(self, length: int) -> StreamBatch:
        return StreamBatch(self.inputs[:length], self.targets[:length], self.first)


class Streams:
    """The training tokens as B streams, read side by side, T tokens at a time, epoch after epoch.

    Stream b is the b-th contiguous part of the tokens, so the state after one batch is the right state
    for the next one.  An epoch reads every token once, but for fewer than B at the end; its last batch
    may be shorter than T.

    With `shuffle`, an epoch cuts the text into parts of many pieces and reads these in an order drawn for it, so that
    its first steps already meet every region of the text (after Press 2019, where each stream begins at
    another place).  With `vary_bptt` the pieces have three lengths in an order that is drawn for every epoch, so
    that not always the same tokens lie behind the cut (Merity et al. 2018).  Both depend on the seed and the
    epoch alone.
    """

    def __init__(
        self,
        tokens: Ids,
        batch_size: int,
        bptt: int,
        shuffle: bool = False,
        vary: bool = False,
        seed: int = 0,
    ) -> None:
        self.length = (len(tokens) - 1) // batch_size
        self.batch_size = batch_size
        self.bptt = bptt
        self._tokens, self._shuffle, self._vary, self._seed = tokens, shuffle, vary, seed
        self._part = max(bptt, min(_PIECES * bptt, self.length // _PARTS))
        self._pieces = self._lengths()
        self._plan = lru_cache(maxsize=1)(self._plan_of)

    @property
    def predictions(self) -> int:
        return self.batch_size * self.bptt

    def __len__(self) -> int:
        return len(self._pieces)

    def __getitem__(self, position: int) -> StreamBatch:
        epoch, index = divmod(position, len(self))
        cuts, order = self._plan(epoch)
        places = np.arange(*cuts[index])[:, None] + self.length * np.arange(self.batch_size)
        parts, within = np.divmod(places, self._part)
        sources = order[parts] * self._part + within
        # Of any unsigned type to int64, as the embedding wants it.
        inputs, targets = (self._tokens[at].astype(np.int64) for at in (sources, sources + 1))
        return StreamBatch(inputs, targets, index == 0)

    def _lengths(self) -> list[int]:
        """The lengths of an epoch's pieces; all epochs have the same in another order."""
        buckets = cycle(max(1, round(share * self.bptt)) for share in (_BUCKETS if self._vary else (1.0,)))
        lengths: list[int] = []
        left = self.length
        while left > 0:
            lengths.append(min(next(buckets), left))
            left -= lengths[-1]
        return lengths

    def _plan_of(self, epoch: int) -> tuple[list[tuple[int, int]], Ids]:
        """Bounds of the segments of an epoch, and the order of the parts; an unfilled part stays last."""
        pieces = self._pieces
        drawn = np.random.default_rng([self._seed, epoch])
        if self._vary:
            pieces = [pieces[i] for i in drawn.permutation(len(pieces))]
        whole = self.length * self.batch_size // self._part
        order = np.arange(whole + 1)
        if self._shuffle:
            order[:whole] = drawn.permutation(whole)
        return list(pairwise(accumulate(pieces, initial=0))), order
