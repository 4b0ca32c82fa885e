"""A run in one line: what lists and tables show."""

from __future__ import annotations

import msgspec

from rnntui.core import events as ev
from rnntui.core.runs import Run, RunState


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a run and its figures: those of the best evaluation, the mean speed."""

    name: str
    path: str
    corpus: str
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


def summarise(run: Run) -> RunSummary:
    """Read a run's events and say where it stands."""
    events = run.events()
    started = next((event for event in reversed(events) if isinstance(event, ev.Started)), None)
    progress = next((event for event in reversed(events) if isinstance(event, ev.Progress)), None)
    best = best_evaluation(events)
    return RunSummary(
        name=run.name,
        path=str(run.path),
        corpus=run.config.text.corpus,
        cell=run.config.model.cell,
        tokenizer=run.config.text.tokenizer,
        state=run.state(events),
        step=events[-1].step if events else 0,
        train_s=progress.train_s if progress else 0.0,
        parameters=started.parameters if started else None,
        tokens_per_s=progress.tokens / max(progress.train_s, 1e-9) if progress else None,
        split=best.split if best else None,
        protocol=best.protocol if best else None,
        loss=best.loss if best else None,
        perplexity=best.perplexity if best else None,
        bits_per_byte=best.bits_per_byte if best else None,
    )


def best_evaluation(events: list[ev.AnyEvent]) -> ev.Evaluated | None:
    """The evaluation that the checkpoint `best` belongs to."""
    return next((event for event in reversed(events) if isinstance(event, ev.Evaluated) and event.best), None)
