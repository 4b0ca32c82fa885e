"""The table of runs: its columns, and what the filter looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from rnntui.core.config.tasks import TASKS, CurveFigure, TaskSpec
from rnntui.core.runs import store
from rnntui.core.runs.summaries import RunSummary
from rnntui.ui import formats
from rnntui.ui.explanations import ShownFigure


class TableColumn(NamedTuple):
    """A column of the table: its heading, how a run shows in it, and by what it is sorted."""

    heading: str
    width: int
    shown: Callable[[RunSummary], str]
    order: Callable[[RunSummary], Any]


def _number(value: float | None) -> float:
    """For sorting: what is not known comes last."""
    return float("inf") if value is None else value


def _best(run: RunSummary) -> str:
    """The figure of a run that its task puts first."""
    if TASKS[run.task].headline == "accuracy" and run.accuracy is not None:
        return f"{run.accuracy:.1%}"
    return formats.number(run.bits)


COLUMNS = (
    TableColumn("run", 18, lambda run: run.name, lambda run: run.name),
    TableColumn("corpus", 10, lambda run: store.short_corpus(run.corpus), lambda run: run.corpus),
    TableColumn("cell", 5, lambda run: run.cell, lambda run: run.cell),
    TableColumn(
        "params",
        7,
        lambda run: formats.count(run.parameters) if run.parameters else "–",
        lambda run: _number(run.parameters),
    ),
    TableColumn("best", 6, _best, lambda run: _number(run.bits)),
    TableColumn(
        "perpl.", 6, lambda run: formats.number(run.perplexity, 2), lambda run: _number(run.perplexity)
    ),
    TableColumn(
        "tok/s",
        6,
        lambda run: formats.count(run.tokens_per_s) if run.tokens_per_s else "–",
        lambda run: -(run.tokens_per_s or 0),
    ),
    TableColumn("state", 11, lambda run: run.state, lambda run: run.state),
)


class RunTable(DataTable[Text]):
    """The table, on which Enter opens a run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Watch", tooltip="Open the training screen on this run")
    ]


def searched(run: RunSummary) -> str:
    """Text of a run that the filter searches."""
    return " ".join((run.name, run.corpus, run.cell, run.tokenizer, run.state)).lower()


def figures_of(run: RunSummary) -> list[ShownFigure]:
    """The figures of a run in the table, to be explained."""
    spec = TASKS[run.task]
    speed = formats.count(run.tokens_per_s) if run.tokens_per_s else "–"
    first = (
        ShownFigure("best", formats.share(run.accuracy or 0).strip(), "accuracy")
        if spec.headline == "accuracy"
        else ShownFigure("best", formats.number(run.bits), spec.unit)
    )
    return [
        ShownFigure("params", formats.count(run.parameters) if run.parameters else "–", "parameters"),
        first,
        ShownFigure("perpl.", formats.number(run.perplexity, 2), "val. perplexity"),
        ShownFigure("tok/s", f"{speed} tok/s", "speed"),
    ]


def unit_of(specs: Sequence[TaskSpec]) -> tuple[CurveFigure, str]:
    """What the curves of runs of these tasks show, and its title: accuracy where all have one, else bits."""
    if specs and all(spec.headline == "accuracy" for spec in specs):
        return "accuracy", "accuracy (%)"
    return "bits/byte", "bits/byte"
