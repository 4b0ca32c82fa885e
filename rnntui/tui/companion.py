"""The model that writes along: loads the newest weights of a run and completes text, off the screen's thread.

Its methods take long (importing torch, reading weights, searching), so the playground calls them in a
thread, one at a time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnntui.core import runs
from rnntui.core.errors import InputError

if TYPE_CHECKING:
    from rnntui.core.inference.completion import Completion
    from rnntui.core.inference.session import Session

_WORDS = 4
"""Words of ghost text."""
_COUNT = 5


@dataclass(frozen=True)
class Suggestions:
    """What may follow a text, the likeliest first word first."""

    text: str
    completions: list[Completion]
    ms: float


class Companion:
    """A session on a run's newest weights."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._session: Session | None = None
        self._loaded: tuple[Path, int] | None = None
        """The weights in use: their file, and when it was written."""

    @property
    def ready(self) -> bool:
        return self._session is not None

    def refresh(self) -> str | None:
        """Load the newest weights if they are not in use yet; return what they are if they are new.

        Raises InputError where the run has none, or where they do not fit.
        """
        weights, description = self._newest()
        try:
            stamp = (weights, weights.stat().st_mtime_ns)
        except FileNotFoundError:
            return None  # the training ended or pruned between two looks; the next one finds the new file
        if stamp == self._loaded:
            return None
        from rnntui.core.inference.session import Session
        from rnntui.core.models.weights import load_model

        _leave_room_for_training()
        model, tokenizer = load_model(runs.Run.open(self._path), weights)
        text = self._session.text if self._session else ""
        vocabulary = self._session.vocabulary if self._session else None
        session = Session(model, tokenizer, vocabulary)
        session.set_text(text)
        self._session, self._loaded = session, stamp
        return description

    def complete(self, text: str) -> Suggestions:
        """The likeliest ways in which `text` goes on.  Needs weights loaded before."""
        from rnntui.core.inference.completion import complete

        assert self._session is not None, "refresh comes first"
        began = time.perf_counter()
        self._session.set_text(text)
        found = sorted(complete(self._session, _COUNT, _WORDS), key=lambda c: -c.word_probability)
        return Suggestions(text, found, 1000 * (time.perf_counter() - began))

    def _newest(self) -> tuple[Path, str]:
        """The live weights of a run that trains, else its best checkpoint."""
        live = self._path / "live.safetensors"
        if live.exists() and runs.owner_of(self._path):
            return live, "live weights"
        run = runs.Run.open(self._path)
        try:
            checkpoint = run.checkpoint_path("best")
        except InputError:
            checkpoint = run.checkpoint_path("last")
        return checkpoint / "model.safetensors", f"checkpoint of step {int(checkpoint.name):,}"


def _leave_room_for_training() -> None:
    """One token at a time gains nothing from threads, and a training beside it needs them."""
    import torch

    torch.set_num_threads(1)
