"""The numbers of a run, each with its course."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.widget import Widget

from rnntui.core.runs.history import History, HistoryColumn
from rnntui.plots.raster import Marker
from rnntui.plots.spark import spark
from rnntui.ui import formats

_NAME, _VALUE = 16, 13
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
        rows = self._rows()
        for i, (name, value, column) in enumerate(rows):
            text.append(f"{name:<{_NAME}}", name_style).append(f"{value:<{_VALUE}}", value_style)
            room = width - _NAME - _VALUE - 1
            course = "" if column is None else spark(column.values[-_COURSE:], min(room, 24), self.marker)
            text.append(f"{course:<{max(room, 0)}} ", spark_style)
            if i % columns == columns - 1 and i < len(rows) - 1:
                text.append("\n")
        return text

    def _rows(self) -> list[tuple[str, str, HistoryColumn | None]]:
        """Name, value, and the column that is its course."""
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
            ("grad norm", formats.number(progress.grad_norm) if progress else "–", history.gradients),
            ("learning rate", f"{progress.lr:.2e}" if progress else "–", history.rates),
            ("speed", f"{formats.count(progress.tokens_per_s)} tok/s" if progress else "–", history.speeds),
            _time(history),
            *self._best(history),
            ("step", f"{progress.step:,}" if progress else "–", None),
            ("epoch", f"{progress.epoch:.2f}" if progress else "–", None),
            ("parameters", model, None),
            ("device", f"{started.device} {started.precision}" if started else "–", None),
        ]
        return rows

    def _best(self, history: History) -> list[tuple[str, str, HistoryColumn | None]]:
        """The figures of the best evaluation that the task names."""
        rows = [(each.label, formats.figure(each, history.best), None) for each in history.spec.figures]
        if history.best is not None:
            label, value, course = rows[0]
            rows[0] = label, f"{value} best", course
        return [*rows]


def _time(history: History) -> tuple[str, str, None]:
    """The time that is left, or of a run that has ended, the time that it took."""
    progress = history.progress
    if progress is None:
        return "time left", "–", None
    if history.finished is not None:
        return "trained for", formats.duration(progress.train_s), None
    return "time left", formats.time_left(progress.fraction, progress.train_s), None
