"""A chart as rows of text: curves, marked points, levels and axes, for a screen and for plain output."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnntui.plots.raster import BEST, POINT, WORSE, Marker, Raster
from rnntui.plots.scales import Scale, label
from rnntui.plots.series import EVALUATED, Series
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

MARGIN = 6
"""Columns for the labels of the y axis."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
"""Letters that name the curves of several runs, beside their colour."""
_NAME = 24
"""Characters of a run's name, at most."""
ChartRows = list[list[tuple[str, str]]]
"""Each row as pieces of text, each with the layer that it belongs to: what a screen gives a colour."""


def chart(series: Sequence[Series], x: Scale, y: Scale, width: int, height: int, marker: Marker) -> ChartRows:
    """The series on a field of `width` by `height` characters, with its axes to the left and below."""
    raster = Raster(width, height, marker)
    several = len({each.run for each in series}) > 1
    for each in series:
        if each.role != "level":
            _draw(raster, each, x, y, several)
    for each in series:
        if several and each.role == "training":
            _name(raster, each, x, y)
        elif not several and each.role == "best":
            _label_best(raster, each, x, y)
    for each in series:
        if each.role == "level":  # behind all others
            _draw(raster, each, x, y, several)
    return _with_axes(raster, x, y)


def plain(rows: ChartRows) -> list[str]:
    """The rows as text without colours."""
    return ["".join(text for text, _ in row).rstrip() for row in rows]


def _draw(raster: Raster, series: Series, x_scale: Scale, y_scale: Scale, several: bool) -> None:
    x, y = x_scale.place(series.x), y_scale.place(series.y)
    layer = _layer(series) if several or series.role == "training" else series.role
    if series.role == "level":
        name = f"{series.name} {label(float(series.y[0]))}"
        raster.level(float(np.nan_to_num(y[0], nan=-1)), name, "level")
    elif series.role in EVALUATED:
        signs = {"best": BEST, "overfit": WORSE}.get(series.role, POINT)
        raster.points(x, y, layer, signs[raster.marker])
    else:
        raster.curve(x, y, layer, faint=series.role == "raw")


def _name(raster: Raster, series: Series, x: Scale, y: Scale) -> None:
    """A letter at the end of a run's curve, and the run's name where there is room."""
    for column, row in raster.cells(x.place(series.x[-1:]), y.place(series.y[-1:])):
        raster.put(column, row, LETTERS[series.run % 26], _layer(series))
        raster.label(column, row, visible_line(series.name, _NAME), _layer(series))


def _label_best(raster: Raster, series: Series, x: Scale, y: Scale) -> None:
    """The value of the best evaluation, where there is room."""
    for column, row in raster.cells(x.place(series.x), y.place(series.y)):
        raster.label(column, row, f"best {formats.number(float(series.y[0]), 2)}", "best")


def _layer(series: Series) -> str:
    """Layer of one run among several."""
    return f"run{series.color}"


def _with_axes(raster: Raster, x: Scale, y: Scale) -> ChartRows:
    """The field with the labels of its axes."""
    labels = [" " * MARGIN for _ in range(raster.height)]
    for tick in y.ticks(max(raster.height // 3, 3)):
        row = min(int((1 - float(y.place(np.array([tick]))[0])) * raster.height), raster.height - 1)
        labels[row] = f"{label(tick):>{MARGIN - 1}}┤" if raster.marker != "ascii" else f"{label(tick):>5}|"
    below = [" "] * (raster.width + MARGIN)
    for tick in x.ticks(max(raster.width // 12, 2)):
        text = label(tick)
        at = MARGIN + int(float(x.place(np.array([tick]))[0]) * (raster.width - 1)) - len(text) // 2
        at = min(max(at, 0), len(below) - len(text))
        if all(character == " " for character in below[max(at - 1, 0) : at + len(text) + 1]):
            below[at : at + len(text)] = text
    rows = [[(text, "axis"), *pieces] for text, pieces in zip(labels, raster.rows(), strict=True)]
    return [*rows, [("".join(below), "axis")]]
