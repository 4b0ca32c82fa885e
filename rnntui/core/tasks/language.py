"""The task of a language model: the next token of a text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from rnntui.core.config import Config
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.runs import events as ev
from rnntui.core.tasks.base import NOTHING_HELD_OUT_REMARK, Between, Moment, Sizes, Subject, Task
from rnntui.core.tasks.evaluation import evaluate
from rnntui.core.tasks.samples import Sampler
from rnntui.core.tasks.transfer import beginning_with
from rnntui.core.text import tokenizers
from rnntui.core.text.baselines import Baseline, baselines
from rnntui.core.text.batches import Streams
from rnntui.core.text.dataset import Dataset
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
    """Read a text, and tell each token from those before it."""

    def __init__(self, tokenizer: Tokenizer, dataset: Dataset) -> None:
        self.tokenizer, self.dataset = tokenizer, dataset
        train, self._valid = dataset["train"], dataset.scored
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
        if not self._valid.unknown:
            return []
        share = self._valid.unknown / len(self._valid.tokens)
        return [
            f"{share:.1%} of the held-out tokens are <unk>: in bits per byte they pay for their letters as well"
        ]

    def evaluate(self, model: LanguageModel, device: str, now: Moment, between: Between) -> ev.Evaluated:
        return evaluate(model, self._valid, self.tokenizer.start, "stream", device, now, between=between)

    def sample(self, model: LanguageModel, config: Config, step: int, between: Between) -> ev.Sampled:
        return self._sampler.write(model, config, step, between)
