"""The numbers of a run, each with its course."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from rnntui.core.config.tasks import Figure
from rnntui.core.runs.events import Evaluated
from rnntui.core.runs.history import History, HistoryColumn
from rnntui.plots.raster import Marker
from rnntui.plots.spark import spark
from rnntui.ui import formats
from rnntui.ui.explanations import ShownFigure

_LABEL, _VALUE, _GAP = 16, 13, 2
_NARROW = 38
"""Columns of one figure where two stand side by side."""
_COURSE = 200
"""Number of the newest entries that make a sparkline."""
_WIDEST = 24
"""Columns of a sparkline."""


class FigureRow(NamedTuple):
    """A figure: its label ('' below a row that it goes on), its value, what is said of it, and its course."""

    label: str
    value: str
    notes: tuple[str, ...] = ()
    """Longer and shorter; the first that fits stands behind the value."""
    course: HistoryColumn | None = None

    def shown(self, room: int) -> str:
        """The value with what fits of the notes into `room` columns."""
        both = (f"{self.value} {note}" for note in self.notes)
        return next((text for text in both if len(text) <= room), self.value)


class Figures(Widget):
    """The newest numbers, in one column or in two; with room, the course of each as a small curve."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"figures--name", "figures--value", "figures--spark"}

    class Asked(Message):
        """The figure with this label was clicked."""

        def __init__(self, label: str) -> None:
            super().__init__()
            self.label = label

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.history: History | None = None
        self.ended = False
        """True if nothing trains the run any more."""
        self.marker: Marker = "braille"

    def figures(self) -> list[ShownFigure]:
        """The figures, to be explained."""
        found: list[ShownFigure] = []
        history = self.history or History()
        for row in rows_of(history, self.ended):
            label = row.label or found[-1].explanation
            if row.value:
                found.append(ShownFigure(label, row.value, label, row.notes[0] if row.notes else ""))
            if label == "step" and history.progress:
                found.append(ShownFigure("epoch", f"{history.progress.epoch:.2f}", "epoch"))
        return found

    def render(self) -> Text:
        columns = self._columns()
        width = self.size.width // columns
        name_style, value_style, spark_style = (
            self.get_component_rich_style(f"figures--{part}") for part in ("name", "value", "spark")
        )
        text = Text(no_wrap=True)
        rows = rows_of(self.history or History(), self.ended)
        for i, row in enumerate(rows):
            value = row.shown(width - _LABEL - _GAP)
            room = width - _LABEL - max(_VALUE, len(value) + 1) - _GAP
            values = None if row.course is None else row.course.values[-_COURSE:]
            course = "" if values is None else spark(values, min(room, _WIDEST), self.marker)
            text.append(f"{row.label:<{_LABEL}}", name_style)
            text.append(f"{value:<{max(_VALUE, len(value) + 1)}}", value_style)
            text.append(f"{course:<{max(room, 0)}}", spark_style).append(" " * min(_GAP, max(room + _GAP, 0)))
            if i % columns == columns - 1 and i < len(rows) - 1:
                text.append("\n")
        return text

    def _columns(self) -> int:
        return max(1, self.size.width // _NARROW)

    def on_click(self, event: events.Click) -> None:
        offset, columns = event.get_content_offset(self), self._columns()
        if offset is None:
            return
        rows = rows_of(self.history or History(), self.ended)
        index = offset.y * columns + offset.x * columns // max(self.size.width, 1)
        if index < len(rows):
            self.post_message(self.Asked(rows[index].label or rows[index - 1].label))


def rows_of(history: History, ended: bool = False) -> list[FigureRow]:
    """The figures of a run, which is over if it has `ended` or says so."""
    progress, started = history.progress, history.started
    if progress is None:
        steps = [
            FigureRow(label, "–") for label in ("step", "grad norm", "learning rate", "speed", "time left")
        ]
        losses = [FigureRow("training loss", "–"), FigureRow("training perpl.", "–")]
    else:
        over = ended or history.finished is not None
        mean = progress.tokens / progress.train_s if progress.train_s else progress.tokens_per_s
        speed = mean if over else progress.tokens_per_s
        perplexity = formats.number(formats.perplexity(progress.loss), 2)
        losses = [
            FigureRow("training loss", f"{formats.number(progress.loss)} nats", course=history.losses),
            FigureRow("training perpl.", perplexity, course=history.smooth),
        ]
        steps = [
            FigureRow("step", f"{progress.step:,}", (f"· epoch {progress.epoch:.2f}",)),
            FigureRow("grad norm", formats.number(progress.grad_norm), course=history.gradients),
            FigureRow("learning rate", f"{progress.lr:.2e}", course=history.rates),
            FigureRow("speed", f"{formats.count(speed)} tok/s", course=history.speeds),
            FigureRow("time left", formats.time_left(progress.fraction, progress.train_s))
            if not over
            else FigureRow("trained for", formats.duration(progress.train_s)),
        ]
    return [
        *losses,
        *_evaluated(history),
        *steps,
        FigureRow("parameters", formats.count(started.parameters) if started else "–"),
        FigureRow("device", _device(history)),
    ]


def _evaluated(history: History) -> list[FigureRow]:
    """The figures that the task names: the first of the best and of the last evaluation, the others of the best."""
    first, *others = history.spec.figures
    best, last = history.best, history.evaluations[-1] if history.evaluations else None
    return [
        FigureRow(_label(first, best), formats.figure(first, best), _at_step("best", best)),
        FigureRow("", formats.figure(first, last) if last else "", _at_step(_which(last, best), last)),
        *(FigureRow(_label(each, best), formats.figure(each, best)) for each in others),
    ]


def _label(figure: Figure, event: Evaluated | None) -> str:
    """Label of a figure of an evaluation: where nothing is held out it is not one of the validation text."""
    return (
        figure.label.removeprefix("val. ") if event is not None and event.split == "train" else figure.label
    )


def _which(last: Evaluated | None, best: Evaluated | None) -> str:
    """Name of the last evaluation: one that was asked for, or gained next to nothing, does not replace the best."""
    lower = last and best and last.loss is not None and best.loss is not None and last.loss < best.loss
    return "last, not kept" if lower else "last"


def _at_step(which: str, event: Evaluated | None) -> tuple[str, ...]:
    """Which evaluation a figure is of, and its step."""
    if event is None:
        return ()
    return f"({which}, step {event.step:,})", f"({which}, {event.step:,})", f"({which})"


def _device(history: History) -> str:
    """Device, precision, and threads or processes."""
    if history.started is None:
        return "–"
    device = f"{history.started.device} {history.started.precision}"
    if history.processes > 1:
        return f"{device}, {history.processes} processes"
    return f"{device}, {formats.threads(history.threads)}" if history.threads else device
