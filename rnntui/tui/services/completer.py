"""The language model behind its playground: completion, surprise, online adaptation."""

from __future__ import annotations

import itertools
import math
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnntui.core.config.sampling import Sampling, SamplingSettings
from rnntui.core.runs.folder import Run
from rnntui.tui.process import module_command
from rnntui.tui.services.weights import PlaygroundService
from rnntui.ui.preferences import Preferences

if TYPE_CHECKING:
    from rnntui.core.completion.completion import Completion
    from rnntui.core.completion.counts import CountedModel
    from rnntui.core.completion.session import Session
    from rnntui.core.inference.online_adaptation import LearningAlong

_WORDS = 4
"""Words of ghost text."""
_COUNT = 5
_LIKELIEST = 10
_STEPS_AT_ONCE = 4
"""Steps of learning between two answers: a few hundredths of a second."""
_COUNTED_FROM = 24
"""Characters of a text from which the counted model is worth being loaded."""
_PACE = 150
"""Characters a second that the model writes at most: somebody reads along."""
_ENDLESS = 100_000
"""Tokens that a text is continued by at most, if nobody stops it."""


@dataclass(frozen=True)
class Suggestions:
    """Completions of a text, the one first whose first word saves most keystrokes on average."""

    text: str
    completions: list[Completion]
    ms: float

    @property
    def offered(self) -> int | None:
        """The one that is worth being offered unasked, if one is."""
        from rnntui.core.completion.metrics import WORTH

        return next(
            (i for i, c in enumerate(self.completions) if c.text.strip() and c.keys_saved >= WORTH), None
        )

    def like(self, ghost: str) -> int | None:
        """The completion that goes on as `ghost` does, which stands there already; None for '' and where none does."""
        if not ghost.strip():
            return None
        texts = [completion.text.partition("\n")[0] for completion in self.completions]
        return next((i for i, text in enumerate(texts) if text and ghost.startswith(text.rstrip())), None)


@dataclass(frozen=True)
class Insight:
    """Surprise of each token of a text in bits, and the likeliest next tokens."""

    text: str
    surprises: list[tuple[str, float]]
    next_tokens: list[tuple[str, float]]

    @property
    def bits_per_char(self) -> float | None:
        """Over everything that was read; None for an empty text."""
        characters = sum(len(piece) for piece, _ in self.surprises)
        return sum(bits for _, bits in self.surprises) / characters if characters else None


class Completer(PlaygroundService):
    """A session on a run's weights."""

    def __init__(
        self,
        path: Path,
        checkpoint: str | None = None,
        remembers: Callable[[], bool] = lambda: False,
        wants_counts: Callable[[], bool] = lambda: False,
    ) -> None:
        """The two functions tell, whenever asked, if the neural cache and the counted model have a say."""
        super().__init__(path, checkpoint)
        self._remembers, self._wants_counts = remembers, wants_counts
        self.generated: Sequence[tuple[int, int]] = ()
        """Stretches of characters that the model wrote: nothing is learned of them."""
        self._counts: CountedModel | None = None
        self._counting: subprocess.Popen[bytes] | None = None
        """The process that counts the training text, once it was begun."""
        self._session: Session | None = None
        self._along: LearningAlong | None = None
        """What has made the model learn from the text, if anything has."""
        self._learns = False

    @property
    def keeps_weights(self) -> bool:
        # Newer weights would not have learned what these have.
        return bool(self._along and (self._learns or self.steps))

    def load(self, run: Run, weights: Path) -> None:
        from rnntui.core.completion.loading import open_engine
        from rnntui.core.completion.session import Session

        engine, tokenizer = open_engine(run, weights)
        text = self._session.text if self._session else ""
        vocabulary = self._session.vocabulary if self._session else None
        session = Session(engine, tokenizer, vocabulary, self._remembers(), self._wanted_counts())
        session.set_text(text, self.generated)
        self._session = session
        self._along = None  # what was learned went with the old weights

    def learn_along(self, on: bool) -> None:
        """Let the model learn from the text as it grows, or no more; what it has learned stays."""
        self._learns = on

    @property
    def steps(self) -> int:
        """Taken in learning from the text, since the weights were as trained."""
        return self._along.steps if self._along else 0

    def learn(self, text: str) -> None:
        """Learn from what `text` has grown by, if that is wanted."""
        from rnntui.core.inference.online_adaptation import LearningAlong

        session = self._at(text)
        if self._learns:
            self._along = self._along or LearningAlong(session)
            self._along.follow(_STEPS_AT_ONCE)

    def forget(self) -> None:
        """Go back to the trained weights; go on learning from what is written from here on."""
        assert self._session is not None, "refresh comes first"
        if self._along is not None:
            self._along.forget()
        self._session.forget_counts()
        self.start_anew()

    def start_anew(self) -> None:
        """Read the text again: the model thinks otherwise than when it read it.  Needs weights loaded before."""
        assert self._session is not None, "refresh comes first"
        self._session.cache, self._session.counts = self._remembers(), self._wanted_counts()
        self._session.start_anew()

    def _wanted_counts(self) -> CountedModel | None:
        return self._counts if self._wants_counts() else None

    def _take_up_counts(self, session: Session, text: str) -> None:
        """Let the counted model have a say as soon as it is there; another process counts the training text first."""
        if self._counts is not None or not self._wants_counts() or len(text) < _COUNTED_FROM:
            return
        from rnntui.core.completion.count_tables import are_kept, open_counts

        run = Run.open(self.path)
        if self._counting is None and not are_kept(run, session.tokenizer):
            command = [*module_command("rnntui.core.completion.count_tables"), str(self.path)]
            nothing = subprocess.DEVNULL
            self._counting = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)
        if self._counting is not None and self._counting.poll() != 0:
            return  # at work, or without the training text
        self._counts = open_counts(run, session.tokenizer)
        self.start_anew()

    def answer(self, text: str) -> Suggestions:
        """The likeliest ways in which `text` goes on.  Needs weights loaded before."""
        from rnntui.core.completion.completion import complete

        session = self._at(text)
        self._take_up_counts(session, text)
        began = time.perf_counter()
        found = sorted(complete(session, _COUNT, _WORDS), key=lambda c: -c.keys_saved)
        return Suggestions(text, found, 1000 * (time.perf_counter() - began))

    def look_at(self, text: str) -> Insight:
        """Return surprises and next tokens of `text`.  Needs weights loaded before."""
        session = self._at(text)
        surprises = [(piece, nats / math.log(2)) for piece, nats in session.surprises()]
        if session.text != text:  # read in another normal form, whose pieces lie elsewhere
            surprises = []
        # A token that takes the place of half a word is shown as the suggestions are: what it adds to the text.
        pending = session.pending
        added = [(token.removeprefix(pending) or token, p) for token, p in session.next_tokens(_LIKELIEST)]
        return Insight(text, surprises, added)

    def write_on(self, text: str, likes: Preferences) -> Iterator[str]:
        """Continue `text`, piece by piece, drawn as preferred.  Needs weights loaded before."""
        from rnntui.core.completion.sampling import generate

        sampling = Sampling(**{name: getattr(likes, name) for name in SamplingSettings.__struct_fields__})
        return generate(self._at(text), _ENDLESS, sampling)

    def _at(self, text: str) -> Session:
        assert self._session is not None, "refresh comes first"
        self._session.set_text(self._session.tokenizer.as_read(text), self.generated)
        return self._session


def some(pieces: Iterator[str], seconds: float) -> str:
    """Return the text generated within so many seconds, a piece at least and as much as can be read; '' at the end."""
    end = time.perf_counter() + seconds
    taken = list(itertools.islice(pieces, 1))
    while taken and time.perf_counter() < end and sum(map(len, taken)) < _PACE * seconds:
        piece = next(pieces, "")
        if not piece:
            break
        taken.append(piece)
    return "".join(taken)


def line_of(written: str, begun: bool) -> tuple[str, bool]:
    """The part of `written` up to the end of its line, and whether that is reached; a line may begin with its break."""
    first = 0 if begun else len(written) - len(written.lstrip("\n"))
    line, ended, _ = written[first:].partition("\n")
    return written[:first] + line, bool(ended)
