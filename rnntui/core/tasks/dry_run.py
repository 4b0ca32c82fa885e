"""Random data of the shape that a task's own has, to find out how fast a model learns it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from rnntui.core.config import Config
from rnntui.core.nn.classifier import Classifier
from rnntui.core.nn.translator import Translator
from rnntui.core.tasks import language
from rnntui.core.tasks.base import Subject
from rnntui.core.text.buckets import Sequences
from rnntui.core.text.labelled import Labelled, batches_of
from rnntui.core.text.paired import Paired
from rnntui.core.text.paired import batches_of as pairs_of
from rnntui.core.text.pairs import Pair

_TEXTS, _LENGTH, _LABELS = 8, 32, 2
"""Batches of labelled texts, the tokens of a text, and their labels."""


def random_subject(config: Config, vocab_size: int) -> Subject[Any]:
    """What a learner needs, made of random tokens."""
    rng, training = np.random.default_rng(0), config.training
    if config.text.task == "classify":
        count = _TEXTS * training.batch_size
        tokens = rng.integers(0, vocab_size, count * _LENGTH, dtype=np.uint32)
        starts, labels = np.arange(count + 1) * _LENGTH, rng.integers(0, _LABELS, count)
        part = Labelled("train", Sequences(tokens, starts), labels, [""] * count)
        make = partial(Classifier, config.model, vocab_size, _LABELS)
        return Subject(make, batches_of(part, training.batch_size, training.seed), np.bincount(labels))
    if config.text.task == "translate":
        count = _TEXTS * training.batch_size
        sides = rng.integers(0, vocab_size, (2, count * _LENGTH), dtype=np.uint32)
        sources, targets = (Sequences(tokens, np.arange(count + 1) * _LENGTH) for tokens in sides)
        pairs = Paired("train", sources, targets, [Pair("", "", "")] * count)
        translator = partial(Translator, config.model, vocab_size, vocab_size, config.text.shared_vocabulary)
        counts = np.bincount(sides[1], minlength=vocab_size)
        return Subject(translator, pairs_of(pairs, training.batch_size, training.seed), counts)
    length = training.batch_size * (training.bptt + 1) * 2 + 1
    tokens = rng.integers(0, vocab_size, length, dtype=np.uint32)
    return language.subject(config, vocab_size, tokens)
