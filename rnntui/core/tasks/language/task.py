"""The task of a language model: the next token of a text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Self

import numpy as np

from rnntui.core.config import Config
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.tasks.base import (
    NOBODY_ELSE,
    NOTHING_HELD_OUT_REMARK,
    Between,
    EventTime,
    Sharing,
    Sizes,
    Subject,
    Task,
    Widths,
)
from rnntui.core.tasks.language.evaluation import evaluate
from rnntui.core.tasks.language.samples import Sampler
from rnntui.core.tasks.transfer import beginning_with, vocabulary_of
from rnntui.core.text import dataset, tokenizers
from rnntui.core.text.baselines import Baseline, baselines
from rnntui.core.text.batches import Streams
from rnntui.core.text.encoded import Dataset
from rnntui.core.text.spool import Report
from rnntui.core.text.tokenizers import Ids, Tokenizer

_SHORT = 1 << 20
"""Tokens of a text that is copied in memory."""
_COUNTED = 1 << 22
"""Tokens counted for the frequencies that a new model begins with."""


def subject(config: Config, vocab_size: int, tokens: Ids) -> Subject[LanguageModel]:
    """A text in `tokens` (N,), to be learned as `config` says."""
    training = config.training
    streams = Streams(
        tokens, training.batch_size, training.bptt, training.shuffle, training.vary_bptt, training.seed
    )
    counts = np.bincount(tokens[-_COUNTED:], minlength=vocab_size)
    return Subject(partial(LanguageModel, config.model, vocab_size), streams, counts)


class LanguageTask(Task[LanguageModel]):
    """Predict each token of a text from those before it."""

    @classmethod
    def prepare(cls, config: Config, report: Report) -> tuple[Config, Self]:
        config, tokenizer, data = dataset.prepare(config, report, vocabulary_of(config))
        return config, cls(tokenizer, data)

    @classmethod
    def reopen(cls, run: Run) -> Self:
        tokenizer = tokenizers.load(run.path / "tokenizer.json")
        return cls(tokenizer, dataset.reopen(run, tokenizer))

    @classmethod
    def build_model(cls, config: Config, widths: Widths) -> LanguageModel:
        return LanguageModel(config.model, widths[0])

    @classmethod
    def random_subject(cls, config: Config, vocab_size: int) -> Subject[LanguageModel]:
        length = config.training.batch_size * (config.training.bptt + 1) * 2 + 1
        tokens = np.random.default_rng(0).integers(0, vocab_size, length, dtype=np.uint32)
        return subject(config, vocab_size, tokens)

    @classmethod
    def is_cached(cls, run: Run) -> bool:
        return dataset.is_cached(run)

    def __init__(self, tokenizer: Tokenizer, data: Dataset) -> None:
        self.tokenizer, self.dataset = tokenizer, data
        train, self._valid = data["train"], data.scored
        self.sizes = Sizes(
            tokenizer.vocab_size, len(train.tokens), len(self._valid.tokens), train.bytes, self._valid.bytes
        )
        self._sampler = Sampler(tokenizer)

    def files(self) -> Mapping[str, bytes]:
        return {"tokenizer.json": tokenizers.dumps(self.tokenizer)}

    def subject(self, config: Config) -> Subject[LanguageModel]:
        tokens = self.dataset["train"].tokens
        if not self.holds_out and len(tokens) <= _SHORT:
            # So that the beginning is learned as well, which a person types again.
            tokens = np.concatenate([[self.tokenizer.start], tokens]).astype(tokens.dtype)
        found = subject(config, self.tokenizer.vocab_size, tokens)
        if self.start is None:
            return found
        make = beginning_with(found.model, self.start, config.model.frozen_embeddings)
        return found._replace(model=make, begun=bool(config.model.begin_from))

    @property
    def holds_out(self) -> bool:
        return self.dataset.held_out > 0

    @property
    def held_out(self) -> int:
        return len(self._valid.tokens)

    def baselines(self) -> list[Baseline]:
        if not self.holds_out:
            return []
        return baselines(self.dataset["train"].tokens, self._valid, self.tokenizer.vocab_size)

    def remarks(self) -> list[str]:
        if not self.holds_out:
            return [NOTHING_HELD_OUT_REMARK]
        if not self._valid.spelling > 0:
            return []
        share = self._valid.unknown / len(self._valid.tokens)
        return [
            f"{share:.1%} of the held-out tokens are <unk>: in bits per byte they pay for their letters as well"
        ]

    def evaluate(
        self,
        model: LanguageModel,
        device: str,
        now: EventTime,
        between: Between,
        sharing: Sharing = NOBODY_ELSE,
    ) -> ev.Evaluated:
        return evaluate(model, self._valid, self.tokenizer.start, "stream", device, now, between=between)

    def sample(self, model: LanguageModel, config: Config, step: int, between: Between) -> ev.Sampled:
        return self._sampler.write(model, config, step, between)
