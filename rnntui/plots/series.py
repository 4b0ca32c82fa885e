"""Series of a plot: curves, marked points, level lines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rnntui.core.runs import events as ev
from rnntui.core.runs.history import History, HistoryColumn
from rnntui.plots.scales import Numbers, Scale

YUnit = Literal["perplexity", "bits/byte"]
XAxis = Literal["steps", "tokens", "seconds"]
Role = Literal["raw", "training", "heldout", "level"]


@dataclass(frozen=True)
class Series:
    """Points of one kind from one run.  A NaN is a gap."""

    name: str
    role: Role
    x: Numbers
    y: Numbers
    run: int = 0
    """Index of its run among several."""


def series_of(
    history: History,
    x_axis: XAxis,
    unit: YUnit,
    columns: int,
    window: tuple[float, float] | None = None,
    run: int = 0,
    name: str = "training",
) -> list[Series]:
    """The curves of a run: each batch, their average, the held-out points, and what must be beaten.

    Thinned for a plot of so many `columns`; with `window`, only what lies between two places of the x axis.
    What must be beaten is told of the first run alone.
    """
    x = {"steps": history.steps, "tokens": history.tokens, "seconds": history.seconds}[x_axis].values
    shown = slice(0, len(x))
    if window is not None:
        # One point more at each end: the curve goes on past the edge.
        first, last = np.searchsorted(x, window[0]), np.searchsorted(x, window[1], side="right")
        shown = slice(max(int(first) - 1, 0), int(last) + 1)
    found = []
    lines: tuple[tuple[str, Role, HistoryColumn], ...] = (
        ("each batch", "raw", history.losses),
        (name, "training", history.smooth),
    )
    for title, role, losses in lines:
        thin_x, thin_losses = thinned(x[shown], losses.values[shown], columns)
        figures = _figures(history, thin_losses, unit)
        found.append(Series(title, role, thin_x, figures, run))
    if history.evaluations:
        found.append(_heldout(history, x_axis, unit, columns, run))
    if run == 0:
        ends = np.array([x[0] if len(x) else 0.0, x[-1] if len(x) else 1.0])
        for each in levels(history):
            level = each.bits_per_byte if unit == "bits/byte" else each.perplexity
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
        untrained = window is None and each.role != "heldout" and len(each.x) > _MANY
        first = _FIRST * x.high if untrained else x.low
        values.append(each.y[(each.x >= first) & (each.x <= x.high)])
    levels = [float(each.y[0]) for each in series if each.role == "level"]
    return x, Scale.around(np.concatenate([*values, np.array(levels and [min(levels)])]), log)


_APART = 3
"""Columns between marked points, at least: marks side by side would hide the curves."""


def _heldout(history: History, x_axis: XAxis, unit: YUnit, columns: int, run: int) -> Series:
    """The evaluations: the best, the last, and so many others as can be told apart."""
    last = len(history.evaluations) - 1
    every = max(1, math.ceil((last + 1) * _APART / columns))
    evaluations = [
        event
        for i, event in enumerate(history.evaluations)
        if i % every == 0 or i == last or event is history.best
    ]
    steps = np.array([float(event.step) for event in evaluations])
    if x_axis == "tokens" and history.progress and history.progress.step:
        x = steps * history.progress.tokens / history.progress.step
    elif x_axis == "seconds":
        x = np.array([event.train_s for event in evaluations])
    else:
        x = steps
    y = [event.perplexity if unit == "perplexity" else event.bits for event in evaluations]
    return Series("held-out", "heldout", x, np.array([math.nan if v is None else v for v in y]), run)


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
