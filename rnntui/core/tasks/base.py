"""What a run learns to do, with its data: all that training has to know of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple

import numpy.typing as npt

from rnntui.core.config import Config
from rnntui.core.nn.base import M
from rnntui.core.runs import events as ev
from rnntui.core.text.baselines import Baseline
from rnntui.core.text.batches import Batches
from rnntui.core.text.tokenizers import Tokenizer

Between = Callable[[], None]
"""Called after every block of long work; what it raises ends the work."""


class Subject(NamedTuple, Generic[M]):
    """What a learner learns from."""

    model: Callable[[], M]
    """Makes a new one, with the random numbers of that moment."""
    batches: Batches
    counts: npt.NDArray[Any]
    """(V,) how often each outcome comes in training: a new head begins there."""
    begun: bool = False
    """Whether the model has begun elsewhere, its head as well."""


class Sizes(NamedTuple):
    """Of the data, as `Started` tells it."""

    vocab_size: int
    train_tokens: int
    valid_tokens: int
    train_bytes: int
    valid_bytes: int


class Moment(NamedTuple):
    """When something is told."""

    step: int
    train_s: float


NOTHING_HELD_OUT_REMARK = "nothing is held out: all figures are those of the text that is learned"


class Task(ABC, Generic[M]):
    """A kind of task on the data of one run."""

    tokenizer: Tokenizer
    sizes: Sizes
    start: Path | None = None
    """Weights of another run, to begin with."""
    labels: Sequence[str] = ()
    """What a text may be, where texts are classified."""

    @property
    def widths(self) -> tuple[int, int]:
        """Different tokens, and outcomes of another kind: what a model's size depends on besides its settings."""
        return self.tokenizer.vocab_size, len(self.labels)

    @abstractmethod
    def files(self) -> Mapping[str, bytes]:
        """What of it the run folder keeps beside `run.toml`: by name, the content."""

    @abstractmethod
    def subject(self, config: Config) -> Subject[M]:
        """The training part, cut into batches as `config` says, and the model for it."""

    @property
    def holds_out(self) -> bool:
        """True if figures are about a part that is not learned from."""
        return True

    @property
    @abstractmethod
    def held_out(self) -> int:
        """Number of predictions in the part that is scored."""

    def baselines(self) -> list[Baseline]:
        """What needs no network, measured on the held-out part."""
        return []

    def remarks(self) -> list[str]:
        """What a person should know of the data before the figures come."""
        return []

    @abstractmethod
    def evaluate(self, model: M, device: str, now: Moment, between: Between) -> ev.Evaluated:
        """Score the held-out part."""

    @abstractmethod
    def sample(self, model: M, config: Config, step: int, between: Between) -> ev.Sampled:
        """What the model has to say by itself."""
