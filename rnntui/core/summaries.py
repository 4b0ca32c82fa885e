"""A run in one line: what lists and tables show."""

from __future__ import annotations

from pathlib import Path

import msgspec

from rnntui.core.history import History
from rnntui.core.journal import EventTail
from rnntui.core.runs import Run, RunState, last_words, owner_of


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


def summarise(run: Run) -> RunSummary:
    """Read a run's events and say where it stands."""
    return summary_of(run, read_history(run))


def read_history(run: Run) -> History:
    """Everything that the run has told so far."""
    history = History()
    tail = EventTail(run.events_path)
    while events := tail.poll():
        history.add(events)
    return history


def summary_of(run: Run, history: History) -> RunSummary:
    """Where a run stands, from what it has told."""
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
    )


def state_of(path: Path, history: History) -> RunState:
    """What the run in the folder `path` is doing, from its owner and what it has told."""
    if owner_of(path):
        return "paused" if history.paused else "running"
    if history.started is None:
        return "crashed" if last_words(path) else "new"
    if history.finished is None or history.finished.reason == "error":
        return "crashed"
    return "interrupted" if history.finished.reason == "interrupted" else "finished"
