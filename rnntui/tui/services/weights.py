"""Weights of a run for a playground: the newest ones, or those of one checkpoint."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rnntui.core.errors import RnntuiError
from rnntui.core.runs.folder import Run, request
from rnntui.core.runs.ownership import owner_of


class Weights(NamedTuple):
    """A file of weights."""

    path: Path
    written: int
    """Time of writing in nanoseconds: the same file may hold others later."""
    description: str


class WeightsWatcher:
    """Finds the weights of a run at `path`: live ones while it trains, else its best checkpoint, or `checkpoint`.

    Its methods and those built on it take long (reading weights, computing), so screens call them in a thread, one at
    a time.
    """

    def __init__(self, path: Path, checkpoint: str | None = None) -> None:
        self.path, self.checkpoint = path, checkpoint
        self.loaded: Weights | None = None
        """The weights in use."""

    @property
    def follows(self) -> bool:
        """True if a training run's newest weights are wanted."""
        return self.checkpoint is None

    def ask_for_weights(self) -> None:
        """Ask a run that trains for its weights of this moment; a disk without room for the word has none for them."""
        if self.follows and owner_of(self.path):
            with suppress(RnntuiError):
                request(self.path, "live")

    def newer(self) -> Weights | None:
        """The weights to be loaded, if they are not in use yet.  Raises InputError where the run has none."""
        path, description = self._wanted()
        try:
            found = Weights(path, path.stat().st_mtime_ns, description)
        except FileNotFoundError:
            return None  # the training ended or pruned between two looks; the next one finds the new file
        return None if self.loaded and found[:2] == self.loaded[:2] else found

    def _wanted(self) -> tuple[Path, str]:
        """The checkpoint asked for; else the live weights of a run that trains, or its best checkpoint."""
        live = self.path / "live.safetensors"
        if self.follows and live.exists() and owner_of(self.path):
            return live, "live weights"
        folder = Run.open(self.path).checkpoint_path(self.checkpoint or "best")
        return folder / "model.safetensors", f"checkpoint of step {int(folder.name):,}"


class PlaygroundService(WeightsWatcher):
    """A model on a run's weights, loaded as they become newer.

    Who derives from it has a method `answer`, which needs weights loaded before.
    """

    ready = False
    """True once weights are in use."""

    def refresh(self) -> str | None:
        """Load the weights if they are not in use yet; return what they are if they are new.

        Raises InputError if the run has none, or if they do not fit.
        """
        newer = None if self.keeps_weights else self.newer()
        if newer is None:
            return None
        self.load(Run.open(self.path), newer.path)
        self.loaded, self.ready = newer, True
        return newer.description

    @property
    def keeps_weights(self) -> bool:
        """True while newer weights must not take the place of those in use."""
        return False

    @abstractmethod
    def load(self, run: Run, weights: Path) -> None:
        """Take the weights in the file `weights` into use."""
