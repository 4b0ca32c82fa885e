"""Three renderings of a run's events: JSON lines, plain lines, and a live display."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

import rich_click as click

from rnntui import formats
from rnntui.core import events as ev
from rnntui.visible import visible_line

_PLAIN_EVERY_S = 2.0


class Display(ABC):
    """Shows events; entered before the first and left after the last."""

    @abstractmethod
    def show(self, event: ev.AnyEvent) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        return None


def display_for(as_json: bool) -> Display:
    """JSON if asked for; on a terminal a live display, elsewhere plain lines."""
    if as_json:
        return JsonLines()
    return LiveDisplay() if sys.stderr.isatty() else PlainLines()


class JsonLines(Display):
    """Every event as a line of JSON on standard output."""

    def show(self, event: ev.AnyEvent) -> None:
        click.echo(ev.encode(event).decode())


class PlainLines(Display):
    """A line for each event on standard error; progress now and then."""

    def __init__(self) -> None:
        self._told = 0.0

    def show(self, event: ev.AnyEvent) -> None:
        if isinstance(event, ev.Progress):
            now = time.monotonic()
            if now - self._told < _PLAIN_EVERY_S:
                return
            self._told = now
        click.echo(describe(event), err=True)


class LiveDisplay(Display):
    """A progress bar with the newest figures; other events scroll by above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
            refresh_per_second=8,
        )
        self._task = self._progress.add_task("starting", total=None)

    def show(self, event: ev.AnyEvent) -> None:
        if isinstance(event, ev.Progress):
            total = 1.0 if event.fraction else None
            self._progress.update(
                self._task, description=_figures(event), completed=event.fraction, total=total
            )
            return
        self._progress.console.print(
            describe(event), markup=False, highlight=False, no_wrap=True, overflow="ellipsis"
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._progress.stop()


def describe(event: ev.AnyEvent) -> str:
    """An event as one line of text."""
    match event:
        case ev.Started():
            goes_on = f", goes on from step {event.step:,}" if event.step else ""
            return (
                f"{visible_line(event.run)}: {formats.count(event.parameters)} parameters on {event.device} "
                f"in {event.precision}, {event.train_tokens:,} training tokens, "
                f"vocabulary {event.vocab_size:,}{goes_on}"
            )
        case ev.Baselined():
            return (
                f"to beat: {event.name} {event.bits_per_byte:.3f} bits/byte, "
                f"perplexity {formats.number(event.perplexity)}"
            )
        case ev.Progress():
            return f"step {event.step:,}  {_figures(event)}"
        case ev.Evaluated():
            return (
                f"step {event.step:,}  {event.split} ({event.protocol}): loss {formats.number(event.loss, 4)} "
                f"nats/token, perplexity {formats.number(event.perplexity)}, "
                f"{formats.number(event.bits_per_byte)} bits/byte{', best' if event.best else ''}"
            )
        case ev.Sampled():
            return f"step {event.step:,}  sample: {visible_line(event.prompt + event.text, 100)}"
        case ev.Saved():
            return f"step {event.step:,}  saved {event.path}"
        case ev.Warned():
            return f"step {event.step:,}  warning: {visible_line(event.message)}"
        case ev.Paused():
            return f"step {event.step:,}  paused"
        case ev.Resumed():
            return f"step {event.step:,}  goes on"
        case ev.Adjusted():
            return (
                f"step {event.step:,}  learning rate {event.lr:.2e}, {event.factor:.3g} times the schedule's"
            )
        case ev.Finished():
            return f"step {event.step:,}  finished: {event.reason.replace('_', ' ')}"


def _figures(event: ev.Progress) -> str:
    return (
        f"epoch {event.epoch:.2f}  loss {formats.number(event.loss)}  "
        f"perplexity {formats.number(formats.perplexity(event.loss), 2)}  "
        f"{event.tokens_per_s:,.0f} tokens/s  {formats.time_left(event.fraction, event.train_s)} left"
    )
