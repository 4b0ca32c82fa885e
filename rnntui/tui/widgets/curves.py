"""The learning curves: perplexity over steps, training and held-out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from textual.binding import Binding, BindingType
from textual_plot import HiResMode, PlotWidget
from textual_plot.axis_formatter import AxisFormatter

from rnntui import formats

_COLUMNS = 400
"""Points drawn at most: a wide terminal shows no more."""
_SMOOTHING = 0.8
_MANY = 50
_FIRST = 0.02
"""Share of the steps left out once there are many: the untrained model would press the rest flat."""


class Perplexities(AxisFormatter):
    """Ticks of a logarithmic axis: the plot draws ln(perplexity), the labels say perplexity."""

    _NICE = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        decades = range(math.floor(min_ / math.log(10)), math.ceil(max_ / math.log(10)) + 1)
        ticks = [math.log(nice * 10.0**decade) for decade in decades for nice in self._NICE]
        inside = [tick for tick in ticks if min_ <= tick <= max_]
        return inside[:: max(1, math.ceil(len(inside) / max_ticks))]

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [_short(math.exp(tick)) for tick in ticks]


def _short(perplexity: float) -> str:
    return formats.count(perplexity) if perplexity > 999 else f"{perplexity:.3g}"


class Steps(AxisFormatter):
    """Whole steps, large ones short."""

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        width = max(max_ - min_, 1)
        unit = 10 ** math.floor(math.log10(width))
        step = next((unit * share for share in (0.2, 0.5, 1) if width / (unit * share) <= max_ticks), unit)
        step = max(step, 1)
        return [float(t) for t in np.arange(math.ceil(min_ / step) * step, max_ + step / 2, step)]

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [formats.count(round(tick)) for tick in ticks]


class LearningCurves(PlotWidget, inherit_bindings=False):
    """Training perplexity (raw and smoothed) and the held-out perplexity of every evaluation.

    `add_training` and `add_evaluation` collect points; `draw` shows them.  A loss that is not finite
    is a gap.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom_in", "Zoom in", show=False),
        Binding("minus", "zoom_out", "Zoom out", show=False),
        Binding("left", "pan_left", "Pan left", show=False),
        Binding("right", "pan_right", "Pan right", show=False),
        Binding("up", "pan_up", "Pan up", show=False),
        Binding("down", "pan_down", "Pan down", show=False),
        Binding("r", "reset_scales", "Whole curve", show=False),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._training: list[tuple[float, float]] = []
        self._evaluations: list[tuple[float, float]] = []
        self.set_y_formatter(Perplexities())
        self.set_x_formatter(Steps())

    def on_mount(self) -> None:
        super().on_mount()
        self.margin_top, self.margin_bottom, self.margin_left = 0, 1, 6
        self.draw()

    def add_training(self, step: int, loss: float | None) -> None:
        self._training.append((step, math.nan if loss is None else loss))

    def add_evaluation(self, step: int, loss: float | None) -> None:
        if loss is not None:
            self._evaluations.append((step, loss))

    def forget_after(self, step: int) -> None:
        """Drop what a resumed run takes anew."""
        self._training = [point for point in self._training if point[0] <= step]
        self._evaluations = [point for point in self._evaluations if point[0] <= step]

    def draw(self) -> None:
        """Draw the points collected so far."""
        colours = self.app.theme_variables
        self.clear()
        points = np.array(self._training or [(0.0, math.nan)])
        raw, smooth = points[:, 1], smoothed(points[:, 1])
        if len(points) > _MANY:
            later = points[:, 0] >= _FIRST * points[-1, 0]
            points, raw, smooth = points[later], raw[later], smooth[later]
        for piece in _pieces(points[:, 0], raw):
            self.plot(*piece, line_style=colours["surface-lighten-3"], hires_mode=HiResMode.BRAILLE)
        for piece in _pieces(points[:, 0], smooth):
            self.plot(*piece, line_style=colours["primary"], hires_mode=HiResMode.BRAILLE)
        if self._evaluations:
            steps, losses = np.array(self._evaluations).T
            self.scatter(steps, losses, marker="◆", marker_style=colours["warning"])
        self.refresh()


def smoothed(losses: np.ndarray) -> np.ndarray:
    """The exponential moving average with its start corrected (Kingma and Ba 2015); gaps stay gaps."""
    average, weight, result = 0.0, 0.0, np.full(len(losses), math.nan)
    for i, loss in enumerate(losses):
        if math.isfinite(loss):
            average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
            weight = _SMOOTHING * weight + (1 - _SMOOTHING)
            result[i] = average / weight
    return result


def _pieces(x: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The curve without its gaps, thinned to what a terminal can show."""
    runs = np.split(np.arange(len(x)), np.flatnonzero(~np.isfinite(y)))
    pieces = []
    for run in runs:
        inside = run[np.isfinite(y[run])]
        if len(inside):
            shown = _thinned(inside, y, max(2, _COLUMNS * len(inside) // len(x)))
            pieces.append((x[shown], y[shown]))
    return pieces


def _thinned(inside: np.ndarray, y: np.ndarray, columns: int) -> np.ndarray:
    """The lowest and the highest point of each column, so that no spike is lost."""
    if len(inside) <= 2 * columns:
        return inside
    kept: list[int] = []
    for part in np.array_split(inside, columns):
        kept += sorted({int(part[y[part].argmin()]), int(part[y[part].argmax()])})
    return np.array(kept)
