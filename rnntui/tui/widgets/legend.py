"""Legend of a plot, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from rnntui.core.config.tasks import CurveFigure
from rnntui.core.runs.history import History
from rnntui.plots.chart import LETTERS
from rnntui.plots.raster import BEST, LEVEL, POINT, WORSE, Marker
from rnntui.plots.series import XAxis, levels
from rnntui.tui.widgets.curves import Curves, DrawnRun
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

_GAP = 2
_UNSPELLED = " (without the letters of <unk>)"


def readout(history: History, axis: XAxis, x: float) -> str:
    """The figures of a run, which has told some, at the place `x` of an axis."""
    along = {"steps": history.steps, "tokens": history.tokens, "seconds": history.seconds}[axis].values
    i = min(int(np.searchsorted(along, x)), len(along) - 1)
    step = int(history.steps.values[i])
    loss = float(history.smooth.values[i])
    accuracy = history.spec.headline == "accuracy"
    evaluation = min(history.evaluations, key=lambda event: abs(event.step - step), default=None)
    told = f"step {step:,}: training perplexity {formats.number(formats.perplexity(loss), 2)}"
    if evaluation is not None:
        value = (
            f"accuracy {evaluation.accuracy:.1%}" if accuracy else formats.number(evaluation.perplexity, 2)
        )
        told += f", validation {value} at {evaluation.step:,}"
    return told


def legend(history: History, marker: Marker, curve: CurveFigure, title: str, width: int) -> str:
    """The title, and signs of the curves of one run, the most telling first, as many as fit into `width` columns."""
    if curve == "accuracy":
        line = "*" if marker == "ascii" else "━"
        return f"{title}  {line} validation accuracy  {BEST[marker]} best (lowest loss)".strip()
    overfit = history.overfit
    holds_out = not history.best or history.best.split != "train"
    average, batch = ("*", ".") if marker == "ascii" else ("━", "⣀")
    parts = [
        title,
        f"{WORSE[marker]} overfits since step {history.best.step:,}" if overfit and history.best else "",
        f"{average} average" + _UNSPELLED * (curve != "perplexity" and _spells(history)),
        f"{POINT[marker]} {'validation' if holds_out else 'evaluation (nothing is held out)'}",
        f"{BEST[marker]} best" if history.best else "",
        f"{batch} batch",
    ]
    kept = _fitting([part for part in parts if part], width)
    room = width - sum(cell_len(part) + _GAP for part in kept)
    shown = (baselines for baselines in _baselines(history, LEVEL[marker]) if cell_len(baselines) <= room)
    return (" " * _GAP).join([*kept, *([found] if (found := next(shown, "")) else [])])


def names(runs: Sequence[DrawnRun], curves: Curves, unit: str) -> Text:
    """The unit, and letters and names of several runs in their colours."""
    shown = (
        (f"{LETTERS[i % 26]} {visible_line(run.name, 24)}", curves.run_style(run.color))
        for i, run in enumerate(runs)
    )
    return Text(" " * _GAP).join([Text(unit), *(Text(name, style) for name, style in shown)])


def _spells(history: History) -> bool:
    """True if evaluations count the letters of unknown tokens, which training losses do not."""
    return any(isinstance(event.unknown, float) and event.unknown for event in history.evaluations)


def _fitting(parts: Sequence[str], width: int) -> list[str]:
    """The parts, but those for which there is no room."""
    kept, room = [], width
    for part in parts:
        if cell_len(part) <= room:
            kept.append(part)
            room -= cell_len(part) + _GAP
    return kept


def _baselines(history: History, level: str) -> list[str]:
    """Baselines that the model has beaten, in words and signs, longer and shorter; `level` is a level line's sign."""
    best = history.best
    if not history.spec.running_text:
        return []  # there are no baselines
    if best is None or best.bits_per_byte is None or not history.baselines:
        return [f"{level} baselines"]
    marks = " ".join(
        f"{'✓' if best.bits_per_byte < each.bits_per_byte else '✗'} {each.name}" for each in levels(history)
    )
    return [f"{level} baselines: {marks}", f"{level} {marks}"]
