"""Legend of a plot, in words."""

from __future__ import annotations

import numpy as np

from rnntui.core.runs.history import History
from rnntui.plots.series import XAxis, levels
from rnntui.ui import formats


def readout(history: History, axis: XAxis, x: float) -> str:
    """The figures of a run, which has told some, at the place `x` of an axis."""
    along = {"steps": history.steps, "tokens": history.tokens, "seconds": history.seconds}[axis].values
    i = min(int(np.searchsorted(along, x)), len(along) - 1)
    step = int(history.steps.values[i])
    loss = float(history.smooth.values[i])
    evaluation = min(history.evaluations, key=lambda event: abs(event.step - step), default=None)
    told = f"step {step:,}: training perplexity {formats.number(formats.perplexity(loss), 2)}"
    if evaluation is not None:
        told += f", validation {formats.number(evaluation.perplexity, 2)} at {evaluation.step:,}"
    return told


def beaten(history: History, level: str) -> str:
    """Baselines that the model has beaten, in words and signs; `level` is the sign of a level line."""
    best = history.best
    if not history.spec.running_text:
        return ""  # there are no baselines
    if best is None or best.bits_per_byte is None or not history.baselines:
        return f" {level} to beat"
    marks = (
        f"{'✓' if best.bits_per_byte < each.bits_per_byte else '✗'} {each.name}" for each in levels(history)
    )
    return f" {level} baselines: " + " ".join(marks)
