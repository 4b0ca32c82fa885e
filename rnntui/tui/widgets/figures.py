"""The numbers of a run, each with its course."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.widget import Widget

from rnntui.core.runs.events import Evaluated
from rnntui.core.runs.history import History, HistoryColumn
from rnntui.plots.raster import Marker
from rnntui.plots.spark import spark
from rnntui.ui import formats

_NAME, _VALUE, _GAP = 16, 13, 2
_NARROW = 38
"""Columns of one figure where two stand side by side."""
_COURSE = 200
"""Number of the newest entries that make a sparkline."""


class Figures(Widget):
    """The newest numbers, in one column or in two; with room, the course of each as a small curve."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"figures--name", "figures--value", "figures--spark"}

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.history: History | None = None
        self.marker: Marker = "braille"

    def render(self) -> Text:
        columns = max(1, self.size.width // _NARROW)
        width = self.size.width // columns
        name_style, value_style, spark_style = (
            self.get_component_rich_style(f"figures--{part}") for part in ("name", "value", "spark")
        )
        text = Text(no_wrap=True)
        rows = self._rows(width - _NAME)
        for i, (name, value, column) in enumerate(rows):
            text.append(f"{name:<{_NAME}}", name_style).append(f"{value:<{_VALUE}}", value_style)
            room = width - _NAME - max(_VALUE, len(value)) - _GAP
            course = "" if column is None else spark(column.values[-_COURSE:], min(room, 24), self.marker)
            text.append(f"{course:<{max(room, 0)}}{' ' * _GAP}", spark_style)
            if i % columns == columns - 1 and i < len(rows) - 1:
                text.append("\n")
        return text

    def _rows(self, room: int) -> list[tuple[str, str, HistoryColumn | None]]:
        """Name, value in `room` columns, and the column that is its course."""
        history = self.history or History()
        progress, started = history.progress, history.started
        model = formats.count(started.parameters) if started else "–"
        rows: list[tuple[str, str, HistoryColumn | None]] = [
            ("loss", f"{formats.number(progress.loss)} nats" if progress else "–", history.losses),
            (
                "perplexity",
                formats.number(formats.perplexity(progress.loss), 2) if progress else "–",
                history.smooth,
            ),
            *_evaluated(history, room),
            ("step", f"{progress.step:,} · epoch {progress.epoch:.2f}" if progress else "–", None),
            ("grad norm", formats.number(progress.grad_norm) if progress else "–", history.gradients),
            ("learning rate", f"{progress.lr:.2e}" if progress else "–", history.rates),
            ("speed", f"{formats.count(progress.tokens_per_s)} tok/s" if progress else "–", history.speeds),
            _time(history),
            ("parameters", model, None),
            ("device", f"{started.device} {started.precision}" if started else "–", None),
        ]
        return rows


def _evaluated(history: History, room: int) -> list[tuple[str, str, HistoryColumn | None]]:
    """The figures that the task names: the first of the best and of the last evaluation, the others of the best."""
    first, *others = history.spec.figures
    last = history.evaluations[-1] if history.evaluations else None
    return [
        (first.label, _at_step(formats.figure(first, history.best), history.best, "best", room), None),
        ("", _at_step(formats.figure(first, last), last, "last", room) if last else "", None),
        *((each.label, formats.figure(each, history.best), None) for each in others),
    ]


def _at_step(value: str, event: Evaluated | None, which: str, room: int) -> str:
    """A figure with its step, as much of it as fits."""
    if event is None:
        return value
    shown = (f"{value} ({which}, step {event.step:,})", f"{value} ({which}, {event.step:,})")
    return next((each for each in shown if len(each) <= room), f"{value} {which}")


def _time(history: History) -> tuple[str, str, None]:
    """The time that is left, or of a run that has ended, the time that it took."""
    progress = history.progress
    if progress is None:
        return "time left", "–", None
    if history.finished is not None:
        return "trained for", formats.duration(progress.train_s), None
    return "time left", formats.time_left(progress.fraction, progress.train_s), None
