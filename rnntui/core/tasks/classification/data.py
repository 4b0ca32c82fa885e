"""Labelled texts as arrays of tokens: train, valid and test, cached on disk."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from rnntui.core.config.schema import PART_CORPORA
from rnntui.core.config.splits import fold_of, split_fractions
from rnntui.core.errors import InputError, nearest
from rnntui.core.tasks.classification.reader import Example
from rnntui.core.text.buckets import Buckets, Integers, Sequences
from rnntui.core.text.tokenizers import Ids, Tokenizer


class Labelled(NamedTuple):
    """Some examples."""

    name: str
    read: Sequences
    """The tokens of each text, behind the one that stands before a text."""
    labels: Integers
    """(n,) places in the list of labels."""
    texts: Sequence[str]
    """(n,) as read."""


def divide(examples: Sequence[Example], split: str, fold: str = "") -> dict[str, list[Example]]:
    """The examples in three parts, each with the labels in their shares; a `fold` as '3/10' is the test part.

    Where nothing is held out, there is one part, and those that are files of their own.  Texts go in the order of their
    digests, which is no order and always the same, wherever they stand in the file; the same text of one file is always
    in one part alone.
    """
    own = {part: [each for each in examples if each.part == part] for part in PART_CORPORA}
    rest = [each for each in examples if not each.part]
    if fold:
        rest, own["test"] = _without_fold(rest, *fold_of(fold))
    divided = _divided(rest, split)
    return divided | {name: part for name, part in own.items() if part}


def _divided(examples: Sequence[Example], split: str) -> dict[str, list[Example]]:
    _, valid, test = split_fractions(split)
    if not valid:
        return {"train": list(examples)}
    parts: dict[str, list[Example]] = {"train": [], "valid": [], "test": []}
    for alike in _by_label(examples).values():
        # One at least is held out, and one at least is learned from.
        held = [max(1, round(len(alike) * valid)), round(len(alike) * test)]
        cut = max(1, len(alike) - sum(held))
        for place, group in enumerate(alike):
            part = "train" if place < cut else "valid" if place < cut + held[0] else "test"
            parts[part] += group
    return {name: part for name, part in parts.items() if part or name != "test"}


def _without_fold(
    examples: Sequence[Example], number: int, folds: int
) -> tuple[list[Example], list[Example]]:
    """The examples without those of a fold, and these; each label falls into all folds alike."""
    rest: list[Example] = []
    held_out: list[Example] = []
    for alike in _by_label(examples).values():
        for place, group in enumerate(alike):
            (held_out if place % folds == number else rest).extend(group)
    return rest, held_out


def _by_label(examples: Sequence[Example]) -> dict[str, list[list[Example]]]:
    """The examples of each label, those with the same text together, in the order of the texts' digests."""
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(example.text, []).append(example)
    found: dict[str, list[list[Example]]] = {}
    for text in sorted(groups, key=lambda text: hashlib.sha256(text.encode("utf-8", "replace")).digest()):
        found.setdefault(groups[text][0].label, []).append(groups[text])
    return found


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
    return Labelled(
        name,
        Sequences.joined([sequence_of(example.text, tokenizer) for example in examples]),
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
    lengths: Integers
    """(B,)"""
    labels: Integers
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


def batches_of(part: Labelled, batch_size: int, seed: int) -> Buckets:
    """The training examples, B texts of about one length at a time."""
    return Buckets(part.read.lengths, batch_size, seed, lambda which: batch_of(part, which))


def batch_of(part: Labelled, which: Integers) -> LabelledBatch:
    """These examples side by side."""
    return LabelledBatch(*part.read.side_by_side(which), part.labels[which])
