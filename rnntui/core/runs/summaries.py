"""A run in one line: what lists and tables show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from rnntui.core.errors import InputError, oneline
from rnntui.core.runs.folder import Run, RunState, last_words
from rnntui.core.runs.history import History
from rnntui.core.runs.journal import EventTail
from rnntui.core.runs.ownership import owner_of
from rnntui.core.runs.repeats import repetition_of, shared_settings
from rnntui.core.runs.store import Unreadable


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a run and its figures: those of the best evaluation, the mean speed."""

    name: str
    path: str
    corpus: str
    task: str
    cell: str
    tokenizer: str
    state: RunState
    step: int
    train_s: float
    parameters: int | None
    tokens_per_s: float | None
    split: str | None
    protocol: str | None
    loss: float | None
    perplexity: float | None
    bits_per_byte: float | None
    bits: float | None
    """As `Evaluated` has it."""
    accuracy: float | None
    repeat: str = ""
    """Label of the repetition: its seed, and in a cross-validation its fold."""
    settings: str = ""
    """Digest of all that its repetitions share: corpus and settings but for seed and fold."""
    reason: str | None = None
    """Reason why it cannot be read, of a run whose state is `unreadable`."""


def summarise(run: Run | Unreadable) -> RunSummary:
    """Read a run's events and say where it stands; one that cannot be read is a summary with the reason."""
    if isinstance(run, Unreadable):
        return _unreadable(run.path, run.reason)
    try:
        return summary_of(run, read_history(run))
    except InputError as error:
        return _unreadable(run.path, oneline(error))


def _unreadable(path: Path, reason: str) -> RunSummary:
    """A summary that knows the folder alone."""
    unknown: dict[str, Any] = dict.fromkeys(
        (
            "parameters",
            "tokens_per_s",
            "split",
            "protocol",
            "loss",
            "perplexity",
            "bits_per_byte",
            "bits",
            "accuracy",
        )
    )
    return RunSummary(
        name=path.name,
        path=str(path),
        corpus="",
        task="lm",
        cell="",
        tokenizer="",
        state="unreadable",
        step=0,
        train_s=0.0,
        reason=reason,
        **unknown,
    )


def read_history(run: Run) -> History:
    """Everything that the run has told so far.  Raises InputError where its events cannot be read."""
    history = History()
    tail = EventTail(run.events_path)
    while events := tail.poll():
        history.add(events)
    return history


def summary_of(run: Run, history: History) -> RunSummary:
    """Return the summary of a run by its events."""
    started, progress, best = history.started, history.progress, history.best
    return RunSummary(
        name=run.name,
        path=str(run.path),
        corpus=run.config.text.corpus,
        task=run.config.text.task,
        cell=run.config.model.cell,
        tokenizer=run.config.text.tokenizer,
        state=state_of(run.path, history),
        step=history.step,
        train_s=progress.train_s if progress else 0.0,
        parameters=started.parameters if started else None,
        tokens_per_s=progress.tokens / max(progress.train_s, 1e-9) if progress else None,
        split=best.split if best else None,
        protocol=best.protocol if best else None,
        loss=best.loss if best else None,
        perplexity=best.perplexity if best else None,
        bits_per_byte=best.bits_per_byte if best else None,
        bits=best.bits if best else None,
        accuracy=best.accuracy if best else None,
        repeat=repetition_of(run.config),
        settings=shared_settings(run.config),
    )


def state_of(path: Path, history: History) -> RunState:
    """Return the state of the run in the folder `path`, by its owner and its events."""
    if owner_of(path):
        return "paused" if history.paused else "running"
    if history.started is None:
        return "crashed" if last_words(path) else "new"
    if history.finished is None or history.finished.reason == "error":
        return "crashed"
    return "interrupted" if history.finished.reason == "interrupted" else "finished"
