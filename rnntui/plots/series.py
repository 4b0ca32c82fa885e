"""Series of a plot: curves, marked points, level lines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rnntui.core.config.tasks import CurveFigure
from rnntui.core.runs import events as ev
from rnntui.core.runs.history import History, HistoryColumn
from rnntui.plots.scales import Numbers, Scale

YUnit = CurveFigure
XAxis = Literal["steps", "tokens", "seconds"]
Role = Literal["raw", "training", "heldout", "overfit", "best", "level"]
EVALUATED: tuple[Role, ...] = ("heldout", "overfit", "best")
"""Evaluations: most of them, those after the best at which the model overfits, and the best."""


@dataclass(frozen=True)
class Series:
    """Points of one kind from one run.  A NaN is a gap."""

    name: str
    role: Role
    x: Numbers
    y: Numbers
    run: int = 0
    """Index of its run among several."""
    color: int = 0
    """Number of its run's colour."""


def series_of(
    history: History,
    x_axis: XAxis,
    unit: YUnit,
    columns: int,
    window: tuple[float, float] | None = None,
    run: int = 0,
    name: str = "training",
    color: int | None = None,
) -> list[Series]:
    """The curves of a run: each batch, their average, the held-out points, and what must be beaten.

    Thinned for a plot of so many `columns`; with `window`, only what lies between two places of the x axis.
    What must be beaten is told of the first run alone.  Without a `color` its number is that of the run.
    """
    color = run if color is None else color
    x = {"steps": history.steps, "tokens": history.tokens, "seconds": history.seconds}[x_axis].values
    shown = slice(0, len(x))
    if window is not None:
        # One point more at each end: the curve goes on past the edge.
        first, last = np.searchsorted(x, window[0]), np.searchsorted(x, window[1], side="right")
        shown = slice(max(int(first) - 1, 0), int(last) + 1)
    found: list[Series] = []
    if unit == "accuracy":
        return _accuracy(history, x_axis, columns, run, color, name)
    lines: tuple[tuple[str, Role, HistoryColumn], ...] = (
        ("each batch", "raw", history.losses),
        (name, "training", history.smooth),
    )
    for title, role, losses in lines:
        thin_x, thin_losses = thinned(x[shown], losses.values[shown], columns)
        figures = _figures(history, thin_losses, unit)
        found.append(Series(title, role, thin_x, figures, run, color))
    if history.evaluations:
        found += _evaluated(history, x_axis, unit, columns, run, color)
    if run == 0:
        ends = np.array([x[0] if len(x) else 0.0, x[-1] if len(x) else 1.0])
        for each in levels(history):
            level = each.perplexity if unit == "perplexity" else each.bits_per_byte
            found.append(Series(each.name, "level", ends, np.array([level, level]), run))
    return found


def levels(history: History) -> list[ev.Baselined]:
    """Baselines to draw: characters, the best compressor and the best n-gram model."""
    groups: dict[str, ev.Baselined] = {}
    for each in history.baselines.values():
        group = (
            "n-gram"
            if each.name.endswith("-gram")
            else "characters"
            if each.name == "characters"
            else "packer"
        )
        if group not in groups or each.bits_per_byte < groups[group].bits_per_byte:
            groups[group] = each
    return list(groups.values())


def _figures(history: History, losses: Numbers, unit: YUnit) -> Numbers:
    """Training losses as perplexity or as bits a byte of the training text, or a text."""
    if unit == "perplexity":
        return np.exp(np.minimum(losses, 700.0))
    return losses * _bits_per_nat(history)


_FIRST = 0.02
"""Share of a curve that does not stretch the y axis: the untrained model would press the rest flat."""
_MANY = 50


def fitted(series: list[Series], log: bool, window: tuple[float, float] | None = None) -> tuple[Scale, Scale]:
    """The scales that show `series`: x from zero, or the `window`; y by what is in view and the lowest level."""
    curves = [each for each in series if each.role != "level"]
    ends = [float(each.x[-1]) for each in curves if len(each.x)]
    x = Scale(*window) if window else Scale(0.0, max(ends, default=1.0) or 1.0)
    values = [np.array([])]
    for each in curves:
        untrained = window is None and each.role not in EVALUATED and len(each.x) > _MANY
        first = _FIRST * x.high if untrained else x.low
        values.append(each.y[(each.x >= first) & (each.x <= x.high)])
    levels = [float(each.y[0]) for each in series if each.role == "level"]
    return x, Scale.around(np.concatenate([*values, np.array(levels and [min(levels)])]), log)


_APART = 3
"""Columns between marked points, at least: marks side by side would hide the curves."""


def _accuracy(history: History, x_axis: XAxis, columns: int, run: int, color: int, name: str) -> list[Series]:
    """The accuracy of every evaluation in percent, and that of the best one: batches have none."""
    x = np.array([_place_of(event, history, x_axis) for event in history.evaluations])
    y = np.array([100 * event.accuracy for event in history.evaluations])
    found = [Series(name, "training", *thinned(x, y, columns), run, color)]
    if best := history.best:
        x, y = np.array([_place_of(best, history, x_axis)]), np.array([100 * best.accuracy])
        found.append(Series("best", "best", x, y, run, color))
    return found


def _evaluated(
    history: History, x_axis: XAxis, unit: YUnit, columns: int, run: int, color: int
) -> list[Series]:
    """The evaluations: the best, the last, and so many others as can be told apart."""
    last = len(history.evaluations) - 1
    every = max(1, math.ceil((last + 1) * _APART / columns))
    shown = [
        event
        for i, event in enumerate(history.evaluations)
        if (i % every == 0 or i == last) and event is not history.best
    ]
    overfit = {event.step for event in history.overfit}
    groups: tuple[tuple[Role, list[ev.Evaluated]], ...] = (
        ("heldout", [event for event in shown if event.step not in overfit]),
        ("overfit", [event for event in shown if event.step in overfit]),
        ("best", [history.best] if history.best else []),
    )
    found = []
    for role, events in groups:
        x = np.array([_place_of(event, history, x_axis) for event in events])
        y = [event.perplexity if unit == "perplexity" else event.bits for event in events]
        if events:
            known = np.array([math.nan if value is None else value for value in y])
            found.append(Series(role, role, x, known, run, color))
    return found


def _place_of(event: ev.Evaluated, history: History, x_axis: XAxis) -> float:
    """Where an evaluation lies on an axis."""
    if x_axis == "seconds":
        return event.train_s
    if x_axis == "tokens" and history.progress and history.progress.step:
        return event.step * history.progress.tokens / history.progress.step
    return float(event.step)


def _bits_per_nat(history: History) -> float:
    """Bits a byte for one nat a token, by the training text's tokens and bytes; bits a text for one nat a text."""
    started = history.started
    if history.spec.unit == "bits/text":
        return 1 / math.log(2)
    if started is None or not started.train_bytes:
        return math.nan
    return started.train_tokens / started.train_bytes / math.log(2)


def thinned(x: Numbers, y: Numbers, columns: int) -> tuple[Numbers, Numbers]:
    """At most two points a column, the lowest and the highest, so that no spike is lost; gaps stay.

    `x` must not fall.
    """
    if len(x) <= 2 * columns:
        return x, y
    edges = np.linspace(0, len(x), columns + 1).astype(int)
    starts = edges[:-1]
    gaps = ~np.isfinite(y)
    lows = np.minimum.reduceat(np.where(gaps, np.inf, y), starts)
    highs = np.maximum.reduceat(np.where(gaps, -np.inf, y), starts)
    broken = np.logical_or.reduceat(gaps, starts)
    empty = ~np.isfinite(lows)
    # A column that holds a gap ends in one: half a column is the finest gap that can be seen.
    thin_x = np.stack([x[starts], x[starts], x[np.maximum(edges[1:] - 1, starts)]], axis=1)
    thin_y = np.stack(
        [
            np.where(empty, np.nan, lows),
            np.where(empty, np.nan, highs),
            np.where(broken, np.nan, highs),
        ],
        axis=1,
    )
    return thin_x.ravel(), thin_y.ravel()
