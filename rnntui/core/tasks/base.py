"""The interface of a task for training: data, model, evaluation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy.typing as npt

from rnntui.core.config import Config
from rnntui.core.config.schema import TextConfig
from rnntui.core.config.splits import part_of
from rnntui.core.nn.base import M
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.text import record_cache, tokenizers
from rnntui.core.text.baselines import Baseline
from rnntui.core.text.batches import Batches
from rnntui.core.text.columns import source_of
from rnntui.core.text.spool import Report
from rnntui.core.text.tokenizers import Tokenizer

Widths = tuple[int, int]
"""Sizes that a model has from its data: its vocabulary; its labels, its target vocabulary or 0."""
Between = Callable[[], None]
"""Called after every block of long work; what it raises ends the work."""


class Sharing(Protocol):
    """The processes that share an evaluation, seen from one of them."""

    rank: int
    count: int

    def gathered(self, own: object) -> list[Any]:
        """The objects of all, in the order of their ranks."""


class _NobodyElse:
    rank, count = 0, 1

    def gathered(self, own: object) -> list[Any]:
        return [own]


NOBODY_ELSE: Sharing = _NobodyElse()


class Subject(NamedTuple, Generic[M]):
    """The data and the model of a learner."""

    model: Callable[[], M]
    """Makes a new one, with the random numbers of that moment."""
    batches: Batches
    counts: npt.NDArray[Any]
    """(V,) how often each outcome comes in training: a new head begins there."""
    begun: bool = False
    """True if the model has begun elsewhere, its head as well."""


class Sizes(NamedTuple):
    """Sizes of the data, as in `Started`."""

    vocab_size: int
    train_tokens: int
    valid_tokens: int
    train_bytes: int
    valid_bytes: int


class EventTime(NamedTuple):
    """Step and training time of an event."""

    step: int
    train_s: float


RANDOM_BATCHES, RANDOM_LENGTH = 8, 32
"""Batches of random texts, and the tokens of each."""
NOTHING_HELD_OUT_REMARK = "nothing is held out: all figures are those of the text that is learned"


class Task(ABC, Generic[M]):
    """A task on the data of one run.

    A new task is a subclass and an entry of `rnntui.core.config.tasks.TASKS` that names it.
    """

    tokenizer: Tokenizer
    sizes: Sizes
    shares_evaluation: ClassVar[bool] = False
    """True if several processes can score a part of the held-out part each."""
    start: Path | None = None
    """Weights of another run, to begin with."""
    labels: Sequence[str] = ()
    """Labels of a classifier."""

    # --- without the data of a run ---

    @classmethod
    @abstractmethod
    def prepare(cls, config: Config, report: Report) -> tuple[Config, Self]:
        """Read the corpus that `config` names, split it, and learn the tokenizer from the training part.

        Returns the configuration with what was found.  Raises InputError if the corpus cannot be used.
        """

    @classmethod
    @abstractmethod
    def reopen(cls, run: Run) -> Self:
        """Return the task of an existing run.  Raises InputError if its files or its corpus cannot be used."""

    @classmethod
    @abstractmethod
    def build_model(cls, config: Config, widths: Widths) -> M:
        """Return a new model."""

    @classmethod
    @abstractmethod
    def random_subject(cls, config: Config, vocab_size: int) -> Subject[M]:
        """Return random data of the usual shape, to measure how fast a model trains."""

    @classmethod
    def widths_in(cls, run: Run) -> Widths:
        """Return the `widths` of a run without its corpus.  Raises InputError if a file cannot be used."""
        return tokenizers.load(run.path / "tokenizer.json").vocab_size, 0

    @classmethod
    def assumed_widths(cls, vocab_size: int) -> Widths:
        """Return the `widths` to expect before the corpus is read."""
        return vocab_size, 0

    @classmethod
    def is_cached(cls, run: Run) -> bool:
        """Return True if the corpus of a run is in the cache."""
        return record_cache.is_cached(run)

    @classmethod
    def digest(cls, text: TextConfig) -> str:
        """Return the SHA-256 that a run on this corpus would record.  Raises InputError if it cannot be read."""
        source = source_of(text)
        for _ in source.blocks():
            pass
        return source.sha256

    # --- with it ---

    @property
    def widths(self) -> Widths:
        """The sizes that its model has from the data."""
        return self.tokenizer.vocab_size, len(self.labels)

    @abstractmethod
    def files(self) -> Mapping[str, bytes]:
        """Files of the run folder beside `run.toml`, by name."""

    @abstractmethod
    def subject(self, config: Config) -> Subject[M]:
        """Return the training part in batches as `config` says, and the model for it."""

    @property
    def holds_out(self) -> bool:
        """True if figures are about a part that is not learned from."""
        return True

    @property
    @abstractmethod
    def held_out(self) -> int:
        """Number of predictions in the part that is scored."""

    def baselines(self) -> list[Baseline]:
        """Scores on the held-out part of what needs no network."""
        return []

    def remarks(self) -> list[str]:
        """Remarks on the data for a person, before the figures come."""
        return []

    @abstractmethod
    def evaluate(
        self, model: M, device: str, now: EventTime, between: Between, sharing: Sharing = NOBODY_ELSE
    ) -> ev.Evaluated:
        """Score the held-out part, with the processes that share the work where the task `shares_evaluation`."""

    @abstractmethod
    def sample(self, model: M, config: Config, step: int, between: Between) -> ev.Sampled:
        """Return a sample of the model, to be shown during training."""


ExamplesT = TypeVar("ExamplesT")


class ExamplesTask(Task[M], Generic[M, ExamplesT]):
    """A task on separate examples, in parts called train, valid and test."""

    shares_evaluation = True
    parts: Mapping[str, ExamplesT]

    def __getitem__(self, name: str) -> ExamplesT:
        """Return the part called `name`.  Raises InputError if the run has none."""
        return part_of(self.parts, name)

    @property
    def holds_out(self) -> bool:
        return "valid" in self.parts

    @property
    def scored(self) -> ExamplesT:
        """The part that figures are about: the held-out one, or the training part if nothing is held out."""
        return self["valid" if self.holds_out else "train"]
