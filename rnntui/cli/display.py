"""Three renderings of a run's events: JSON lines, plain lines, and a live display."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rnntui.cli.output import JsonStream, console, report
from rnntui.core.processors import use_by_others
from rnntui.core.runs import events as ev
from rnntui.core.text.spool import Report
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

_PLAIN_EVERY_S = 2.0


class Entered:
    """Something that is entered before the first thing is shown and left after the last; most have nothing to do."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        return None


class Display(Entered, ABC):
    """Shows events."""

    @abstractmethod
    def show(self, event: ev.AnyEvent) -> None: ...

    def note(self, line: str) -> None:
        """Show what is done before there are events."""
        report(line)

    def end(self) -> None:
        """Raise what kept an event from being shown, if that matters."""


def display_for(as_json: bool) -> Display:
    """JSON if asked for; on a terminal a live display, elsewhere plain lines."""
    if as_json:
        return JsonLines()
    return LiveDisplay() if sys.stderr.isatty() else PlainLines()


class JsonLines(Display):
    """Every event as a line of JSON on standard output."""

    def __init__(self) -> None:
        self._stream = JsonStream()

    def show(self, event: ev.AnyEvent) -> None:
        self._stream.write(ev.encode(event).decode())

    def end(self) -> None:
        self._stream.end()


class PlainLines(Display):
    """A line for each event on standard error, `before` at its beginning; progress now and then.

    `show_text` writes them elsewhere: where they are what a command is for, to standard output.
    """

    def __init__(self, before: str = "", show_text: Callable[[str], None] = report) -> None:
        self._before, self._show_text, self._told = before, show_text, 0.0

    def show(self, event: ev.AnyEvent) -> None:
        if isinstance(event, ev.Progress):
            now = time.monotonic()
            if now - self._told < _PLAIN_EVERY_S:
                return
            self._told = now
        self._show_text(self._before + describe(event))


class LiveDisplay(Display):
    """A progress bar with the newest figures; other events scroll by above it."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.description}", markup=False),
            console=console(stderr=True),
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

    def note(self, line: str) -> None:
        self._progress.update(self._task, description=line)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._progress.stop()


@contextmanager
def preparing() -> Iterator[Report]:
    """Shows what is being done before training: on a terminal a bar, elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield PreparingLines().show
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(bar_width=20), TextColumn("{task.description}", markup=False), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task, shown = progress.add_task("", total=None), ""

        def show(line: str, fraction: float | None) -> None:
            nonlocal shown
            if line != shown:
                shown = line
                progress.console.print(visible_line(line), markup=False, highlight=False)
                progress.reset(task, description=visible_line(line, 60))
            progress.update(task, completed=fraction or 0, total=None if fraction is None else 1.0)

        yield show


class PreparingLines:
    """Every stage once, and how far it is where it takes long."""

    def __init__(self) -> None:
        self._shown, self._told = "", time.monotonic()

    def show(self, line: str, fraction: float | None) -> None:
        now = time.monotonic()
        if line != self._shown:
            report(visible_line(line))
        elif fraction is not None and fraction < 1 and now - self._told > _PLAIN_EVERY_S:
            report(f"{visible_line(line)}: {fraction:.0%}")
        else:
            return
        self._shown, self._told = line, now


def describe(event: ev.AnyEvent) -> str:
    """An event as one line of text."""
    match event:
        case ev.Started():
            goes_on = f", resumed from step {event.step:,}" if event.step else ""
            return (
                f"{visible_line(event.run)}: {formats.count(event.parameters)} parameters on "
                f"{visible_line(event.device)} in {visible_line(event.precision)}, "
                f"{event.train_tokens:,} training tokens, vocabulary {event.vocab_size:,}{goes_on}"
            )
        case ev.Baselined():
            return (
                f"to beat: {visible_line(event.name)} {event.bits_per_byte:.3f} bits/byte, "
                f"perplexity {formats.number(event.perplexity)}"
            )
        case ev.Progress():
            return f"step {event.step:,}  {_figures(event)}"
        case ev.Evaluated():
            return (
                f"step {event.step:,}  {visible_line(event.split)} ({visible_line(event.protocol)}): "
                f"{formats.scores(event)}{', best' if event.best else ''}"
            )
        case ev.Sampled():
            return f"step {event.step:,}  sample: {visible_line(event.prompt + event.text, 100)}"
        case ev.Saved():
            return f"step {event.step:,}  saved {visible_line(event.path)}"
        case ev.Warned():
            return f"step {event.step:,}  warning: {visible_line(event.message)}"
        case ev.Paused():
            return f"step {event.step:,}  paused"
        case ev.Resumed():
            return f"step {event.step:,}  resumed"
        case ev.Retuned():
            why = use_by_others(event.others, event.processors)
            return f"step {event.step:,}  computes with {formats.threads(event.threads)} now: {why}"
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


def beside(rivals: Iterable[ev.Baselined], bits_per_byte: float | None) -> Iterator[str]:
    """Baselines, a line each: whether a model of so many bits per byte has beaten it."""
    for each in rivals:
        beaten = bits_per_byte is not None and bits_per_byte < each.bits_per_byte
        yield (
            f"{'✓ beats' if beaten else '✗ behind'} {visible_line(each.name)}: {each.bits_per_byte:.3f} bits/byte, "
            f"perplexity {formats.number(each.perplexity)}"
        )
