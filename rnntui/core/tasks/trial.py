"""Random data of the shape that a task's own has, to find out how fast a model learns it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from rnntui.core.config import Config
from rnntui.core.models.classifier import Classifier
from rnntui.core.tasks import language
from rnntui.core.tasks.base import Subject
from rnntui.core.text.labelled import Buckets, Labelled

_TEXTS, _LENGTH, _LABELS = 8, 32, 2
"""Batches of labelled texts, the tokens of a text, and their labels."""


def random_subject(config: Config, vocab_size: int) -> Subject[Any]:
    """What a learner needs, made of random tokens."""
    rng, training = np.random.default_rng(0), config.training
    if config.text.task == "classify":
        count = _TEXTS * training.batch_size
        tokens = rng.integers(0, vocab_size, count * _LENGTH, dtype=np.uint32)
        starts, labels = np.arange(count + 1) * _LENGTH, rng.integers(0, _LABELS, count)
        part = Labelled("train", tokens, starts, labels, [""] * count)
        make = partial(Classifier, config.model, vocab_size, _LABELS)
        return Subject(make, Buckets(part, training.batch_size, training.seed), np.bincount(labels))
    length = training.batch_size * (training.bptt + 1) * 2 + 1
    tokens = rng.integers(0, vocab_size, length, dtype=np.uint32)
    return language.subject(config, vocab_size, tokens)
