"""The trials of a sweep: a live table on a terminal, lines elsewhere, a plot at the end."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from rnntui.cli.display import Entered
from rnntui.cli.output import JsonStream, console, report
from rnntui.core.config.parse import shown
from rnntui.plots.chart import MARGIN, chart, plain
from rnntui.plots.series import Series, fitted
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

if TYPE_CHECKING:
    from rich.table import Table

from rnntui.core.studies.sweep import Sweep, Trial

_SHOWN = 12
"""Trials in the table: those at work, and the best."""


class Trials(Entered, ABC):
    """Shows how the trials stand."""

    @abstractmethod
    def show(self, trial: Trial, sweep: Sweep) -> None: ...


def trials_display(as_json: bool) -> Trials:
    """JSON lines if asked for; on a terminal a table, elsewhere lines."""
    if as_json:
        return _JsonLines()
    return _LiveTable() if sys.stderr.isatty() else _Lines()


class _JsonLines(Trials):
    def __init__(self) -> None:
        self._stream = JsonStream()

    def show(self, trial: Trial, sweep: Sweep) -> None:
        self._stream.write(json.dumps({"type": "trial", **trial._asdict()}, ensure_ascii=False))


class _Lines(Trials):
    """A line when a trial begins and when it ends."""

    def __init__(self) -> None:
        self._begun: set[int] = set()

    def show(self, trial: Trial, sweep: Sweep) -> None:
        if trial.state == "running" and trial.number in self._begun:
            return
        self._begun.add(trial.number)
        settings = "  ".join(f"{name} {shown(value)}" for name, value in trial.settings.items())
        score = "" if trial.bits is None else f"  {formats.number(trial.bits)} {sweep.unit}"
        fault = f"  {visible_line(trial.fault)}" if trial.fault else ""
        report(f"trial {trial.number}  {trial.state}{score}  {settings}{fault}")


class _LiveTable(Trials):
    """The best trials, those of other processes too, and what is at work."""

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(console=console(stderr=True), refresh_per_second=4)

    def show(self, trial: Trial, sweep: Sweep) -> None:
        others = [each for each in sweep.trials() if each.number != trial.number]
        self._live.update(_table([*others, trial], sweep.unit))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._live.stop()


def _table(trials: Sequence[Trial], unit: str) -> Table:
    from rich.table import Table
    from rich.text import Text

    def rank(trial: Trial) -> tuple[bool, float]:
        return trial.state != "running", float("inf") if trial.bits is None else trial.bits

    over = sum(trial.state != "running" for trial in trials)
    table = Table(
        box=None, pad_edge=False, header_style="bold", title=f"{over} trials over", title_justify="left"
    )
    names = list(dict.fromkeys(name for trial in trials for name in trial.settings))
    workers = any(trial.worker for trial in trials)
    for heading in ("trial", "state", unit, *names, *(["worker"] if workers else [])):
        table.add_column(heading, justify="left" if heading == "state" else "right")
    for trial in sorted(trials, key=rank)[:_SHOWN]:
        cells = [str(trial.number), trial.state, formats.number(trial.bits)]
        cells += [shown(trial.settings.get(name, "–")) for name in names]
        cells += [trial.worker] if workers else []
        table.add_row(*(Text(visible_line(cell)) for cell in cells))
    return table


def sweep_plot(trials: Sequence[Trial], unit: str, width: int, height: int) -> list[str]:
    """Each trial as a point, the best so far as a line."""
    scored = [(trial.number + 1, trial.bits) for trial in trials if trial.bits is not None]
    x, y = (np.array(column, dtype=float) for column in zip(*scored, strict=True))
    series = [
        Series("best so far", "training", x, np.minimum.accumulate(y)),
        Series("trials", "heldout", x, y),
    ]
    scales = fitted(series, log=True)
    rows = chart(series, *scales, width - MARGIN, height, "braille")
    return [f"{unit} over trials: ◆ each, ━ the best so far", *plain(rows)]
