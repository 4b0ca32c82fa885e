"""Learners as the command trains them, without a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from rnntui.core import config as configuration
from rnntui.core.tasks.language.task import subject
from rnntui.core.text import dataset
from rnntui.core.text.encoded import Dataset
from rnntui.core.text.tokenizers import Tokenizer
from rnntui.core.training.devices import facts_for
from rnntui.core.training.learner import Learner


class Made(NamedTuple):
    """A learner and what it reads."""

    learner: Learner
    tokenizer: Tokenizer
    data: Dataset


def made(settings: Mapping[str, Any]) -> Made:
    """What `rnntui train` makes of `settings`, a field's name to its value, on the CPU."""
    config, tokenizer, data = dataset.prepare(configuration.build(settings))
    config = configuration.completed(config, facts_for(len(data["train"].tokens)))
    learner = Learner(config, subject(config, tokenizer.vocab_size, data["train"].tokens), "cpu")
    return Made(learner, tokenizer, data)
