"""Pairs of texts as arrays of tokens, and batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnntui.core.tasks.translation.reader import Pair
from rnntui.core.text.buckets import Buckets, Integers, Sequences
from rnntui.core.text.spelling import Spelled, spelled
from rnntui.core.text.tokenizers import Ids, Tokenizer


class Vocabularies(NamedTuple):
    """The tokenizers of the two sides."""

    source: Tokenizer
    target: Tokenizer
    """The same object where the vocabulary is shared."""


class Paired(NamedTuple):
    """Some pairs."""

    name: str
    sources: Sequences
    targets: Sequences
    """Sources end with their vocabulary's `start` token, and targets stand between two of theirs: what stands before a
    line, a line end, ends it as well."""
    pairs: Sequence[Pair]
    unknown: Spelled = Spelled(0, 0.0)
    """Unknown tokens of the targets."""

    @property
    def target_bytes(self) -> int:
        """Bytes of the targets as UTF-8."""
        return sum(len(pair.target.encode("utf-8", "replace")) for pair in self.pairs)


def encode(name: str, pairs: Sequence[Pair], vocabularies: Vocabularies) -> Paired:
    """The pairs in tokens."""
    return Paired(
        name,
        Sequences.joined([ended(pair.source, vocabularies.source) for pair in pairs]),
        Sequences.joined([bounded(pair.target, vocabularies.target) for pair in pairs]),
        pairs,
        spelled(vocabularies.target, (f"{pair.target}\n" for pair in pairs)),
    )


def ended(text: str, tokenizer: Tokenizer) -> Ids:
    """The tokens of a text, the one that ends it last."""
    return np.concatenate([tokenizer.encode(text), [tokenizer.start]]).astype(tokenizer.dtype)


def bounded(text: str, tokenizer: Tokenizer) -> Ids:
    """The tokens of a text between the ones that begin and end it."""
    return np.concatenate([[tokenizer.start], ended(text, tokenizer)]).astype(tokenizer.dtype)


class PairedBatch(NamedTuple):
    """Pairs side by side, the shorter texts filled up: the model reads and writes each to its own end."""

    sources: Integers
    """(S, B)"""
    source_lengths: Integers
    """(B,)"""
    targets: Integers
    """(T + 1, B)"""
    target_lengths: Integers
    """(B,) number of predictions: all tokens but the first."""

    @property
    def arrays(self) -> tuple[Ids, ...]:
        return tuple(self)

    @property
    def first(self) -> bool:
        return True

    @property
    def sequences(self) -> int:
        return len(self.target_lengths)

    @property
    def tokens(self) -> int:
        return int(self.source_lengths.sum() + self.target_lengths.sum())

    @property
    def predictions(self) -> int:
        return int(self.target_lengths.sum())

    def some(self, sequences: slice) -> PairedBatch:
        source_lengths, target_lengths = self.source_lengths[sequences], self.target_lengths[sequences]
        return PairedBatch(
            self.sources[: source_lengths.max(), sequences].copy(),
            source_lengths.copy(),
            self.targets[: target_lengths.max() + 1, sequences].copy(),
            target_lengths.copy(),
        )

    def beginning(self, length: int) -> PairedBatch:
        return PairedBatch(
            self.sources[:length],
            np.minimum(self.source_lengths, length),
            self.targets[: length + 1],
            np.minimum(self.target_lengths, length),
        )


def batch_of(part: Paired, which: Integers) -> PairedBatch:
    """These pairs side by side."""
    targets, lengths = part.targets.side_by_side(which)
    return PairedBatch(*part.sources.side_by_side(which), targets, lengths - 1)


def batches_of(part: Paired, batch_size: int, seed: int) -> Buckets:
    """The training pairs, B of about one length at a time."""
    predictions = float(part.targets.lengths.mean()) - 1
    return Buckets(extents(part), batch_size, seed, lambda which: batch_of(part, which), predictions)


def extents(part: Paired) -> Integers:
    """(n,) by which pairs of about one length are found: the tokens of both sides."""
    return part.sources.lengths + part.targets.lengths
