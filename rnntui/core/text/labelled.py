"""Labelled texts as arrays of tokens: train, valid and test, cached on disk."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rnntui.core.errors import InputError, nearest
from rnntui.core.splits import split_fractions
from rnntui.core.text.examples import Example
from rnntui.core.text.tokenizers import Ids, Tokenizer

_HELD_OUT = 10_000
"""Examples of a held-out part at most, where nobody says how many."""
_POOL = 50
"""Batches that are sorted by length together: enough that a batch holds texts of about one length."""

Numbers = npt.NDArray[np.int64]


class Labelled(NamedTuple):
    """Some examples: the i-th text is `tokens[starts[i]:starts[i + 1]]`."""

    name: str
    tokens: Ids
    """(N,) token numbers of all texts, one after the other, each behind the token that stands before a text."""
    starts: Numbers
    """(n + 1,)"""
    labels: Numbers
    """(n,) places in the list of labels."""
    texts: Sequence[str]
    """(n,) as read."""

    @property
    def lengths(self) -> Numbers:
        """(n,) tokens of each text."""
        return np.diff(self.starts)

    def sequence(self, index: int) -> Ids:
        """The tokens of a text."""
        return self.tokens[self.starts[index] : self.starts[index + 1]]


def divide(examples: Sequence[Example], split: str) -> dict[str, list[Example]]:
    """The examples in three parts, each with the labels in their shares.

    Texts go in the order of their digests, which is no order and always the same, wherever they stand in
    the file; the same text is always in one part alone.
    """
    _, valid, test = split_fractions(split)
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(example.text, []).append(example)
    by_label: dict[str, list[list[Example]]] = {}
    for text in sorted(groups, key=lambda text: hashlib.sha256(text.encode("utf-8", "replace")).digest()):
        by_label.setdefault(groups[text][0].label, []).append(groups[text])
    parts: dict[str, list[Example]] = {"train": [], "valid": [], "test": []}
    for alike in by_label.values():
        # One at least is held out, and one at least is learned from.
        held = [max(1, round(len(alike) * valid)), round(len(alike) * test)]
        cut = max(1, len(alike) - sum(held))
        for place, group in enumerate(alike):
            part = "train" if place < cut else "valid" if place < cut + held[0] else "test"
            parts[part] += group
    return {name: part for name, part in parts.items() if part or name != "test"}


def split_of_examples(split: str, count: int) -> str:
    """`split` in percent: 'auto' holds out twice a tenth of so many examples, and 10,000 each at most."""
    if split != "auto":
        return split
    held_out = max(0.001, round(min(10.0, 100 * _HELD_OUT / count), 3))
    return f"{round(100 - 2 * held_out, 3):g}/{held_out:g}/{held_out:g}"


def labels_of(examples: Iterable[Example]) -> list[str]:
    """The labels that there are, in the order of the alphabet."""
    return sorted(Counter(example.label for example in examples))


def encode(name: str, examples: Sequence[Example], tokenizer: Tokenizer, labels: Sequence[str]) -> Labelled:
    """The examples in tokens.  Raises InputError for a label that is not among `labels`."""
    places = {label: place for place, label in enumerate(labels)}
    for example in examples:
        if example.label not in places:
            raise InputError(
                f"{example.where}: unknown label '{example.label}'; {nearest(example.label, labels)}"
            )
    sequences = [sequence_of(example.text, tokenizer) for example in examples]
    return Labelled(
        name,
        np.concatenate(sequences) if sequences else np.empty(0, np.int64),
        np.cumsum([0, *(len(sequence) for sequence in sequences)]),
        np.array([places[example.label] for example in examples], dtype=np.int64),
        [example.text for example in examples],
    )


def sequence_of(text: str, tokenizer: Tokenizer) -> Ids:
    """The tokens of a text, the one that stands before every text first."""
    return np.concatenate([[tokenizer.start], tokenizer.encode(text)]).astype(tokenizer.dtype)


class LabelledBatch(NamedTuple):
    """Texts side by side, the shorter ones filled up: the model reads each to its own end."""

    inputs: Ids
    """(T, B)"""
    lengths: Numbers
    """(B,)"""
    labels: Numbers
    """(B,)"""

    @property
    def arrays(self) -> tuple[Ids, Ids, Ids]:
        return self.inputs, self.lengths, self.labels

    @property
    def first(self) -> bool:
        return True

    @property
    def sequences(self) -> int:
        return len(self.labels)

    @property
    def tokens(self) -> int:
        return int(self.lengths.sum())

    @property
    def predictions(self) -> int:
        return len(self.labels)

    def some(self, sequences: slice) -> LabelledBatch:
        lengths = self.lengths[sequences]
        return LabelledBatch(
            self.inputs[: lengths.max(), sequences].copy(), lengths.copy(), self.labels[sequences].copy()
        )

    def beginning(self, length: int) -> LabelledBatch:
        return LabelledBatch(self.inputs[:length], np.minimum(self.lengths, length), self.labels)


class Buckets:
    """The training examples, B texts of about one length at a time, epoch after epoch in another order."""

    def __init__(self, part: Labelled, batch_size: int, seed: int) -> None:
        self._part, self._batch_size, self._seed = part, batch_size, seed
        self._plan = lru_cache(maxsize=1)(self._plan_of)

    @property
    def predictions(self) -> int:
        return self._batch_size

    def __len__(self) -> int:
        return math.ceil(len(self._part.labels) / self._batch_size)

    def __getitem__(self, position: int) -> LabelledBatch:
        epoch, index = divmod(position, len(self))
        return batch_of(self._part, self._plan(epoch)[index])

    def _plan_of(self, epoch: int) -> list[Numbers]:
        """Which texts meet in each batch of an epoch."""
        drawn = np.random.default_rng([self._seed, epoch])
        order, size = drawn.permutation(len(self._part.labels)), self._batch_size
        lengths = self._part.lengths
        batches = []
        for pool in range(0, len(order), _POOL * size):
            some = order[pool : pool + _POOL * size]
            some = some[np.argsort(lengths[some], kind="stable")]
            batches += [some[at : at + size] for at in range(0, len(some), size)]
        return [batches[i] for i in drawn.permutation(len(batches))]


def in_order(part: Labelled, batch_size: int) -> Iterator[tuple[Numbers, LabelledBatch]]:
    """All examples once, those of about one length together; with each batch, which they are."""
    order = np.argsort(part.lengths, kind="stable")
    for at in range(0, len(order), batch_size):
        some = order[at : at + batch_size]
        yield some, batch_of(part, some)


def batch_of(part: Labelled, which: Numbers) -> LabelledBatch:
    """These examples side by side."""
    lengths = part.lengths[which]
    inputs = np.zeros((int(lengths.max()), len(which)), dtype=np.int64)
    for column, index in enumerate(which):
        inputs[: lengths[column], column] = part.sequence(int(index))
    return LabelledBatch(inputs, lengths, part.labels[which])
