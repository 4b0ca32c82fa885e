"""Linear and logarithmic scales, and their ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnntui.ui import formats

Numbers = npt.NDArray[np.floating]

_NICE = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
_STEPS = (1, 2, 2.5, 5, 10)
_MANY_POWERS = 4
"""Powers of ten that are ticks enough."""


@dataclass(frozen=True)
class Scale:
    """A stretch of numbers from `low` to `high`, drawn evenly or by their logarithm."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def around(cls, values: Numbers, log: bool = False) -> Scale:
        """The stretch that shows all finite `values` with a little room; 1 to 2 where there are none."""
        shown = values[np.isfinite(values)]
        if log:
            shown = shown[shown > 0]
        if not len(shown):
            return cls(1.0, 2.0, log)
        low, high = float(shown.min()), float(shown.max())
        if log:
            pad = max(0.04 * math.log(high / low), 0.02)
            return cls(low / math.exp(pad), high * math.exp(pad), log)
        pad = 0.04 * (high - low) or 0.05 * abs(high) or 1.0
        return cls(low - pad, high + pad, log)

    def place(self, values: Numbers) -> Numbers:
        """Positions of `values`, 0 at `low` and 1 at `high`; NaN where they have none."""
        low, high = self._line(self.low), self._line(self.high)
        with np.errstate(divide="ignore", invalid="ignore"):
            lines = np.log(values) if self.log else np.asarray(values, dtype=float)
        placed = (lines - low) / (high - low)
        return np.where(np.isfinite(placed), placed, np.nan)

    def at(self, place: float) -> float:
        """The number at a place."""
        low, high = self._line(self.low), self._line(self.high)
        line = low + place * (high - low)
        return math.exp(line) if self.log else line

    def zoomed(self, factor: float, place: float = 0.5) -> Scale:
        """`factor` times the stretch (below 1 nearer), what lies at `place` staying there."""
        return self._between(place - factor * place, place + factor * (1 - place))

    def moved(self, by: float) -> Scale:
        """Moved along by a share of the stretch."""
        return self._between(by, 1 + by)

    def ticks(self, most: int) -> list[float]:
        """Round numbers within the stretch, `most` at most."""
        return self._log_ticks(most) if self.log else self._linear_ticks(most)

    def _between(self, first: float, last: float) -> Scale:
        low, high = self.at(first), self.at(last)
        if not (math.isfinite(low) and math.isfinite(high) and high - low > 1e-9 * max(abs(low), abs(high))):
            return self
        return Scale(low, high, self.log)

    def _line(self, value: float) -> float:
        return math.log(value) if self.log else value

    def _linear_ticks(self, most: int) -> list[float]:
        width = self.high - self.low
        unit = 10.0 ** math.floor(math.log10(width / max(most, 1)))
        step = next((unit * nice for nice in _STEPS if width / (unit * nice) <= most), 10 * unit)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [n * step for n in range(first, last + 1)]

    def _log_ticks(self, most: int) -> list[float]:
        if self.high / self.low < 1.5:
            return self._linear_ticks(most)
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        ticks = [nice * 10.0**decade for decade in decades for nice in _NICE]
        inside = [tick for tick in ticks if self.low <= tick <= self.high]
        powers = [10.0**decade for decade in decades if self.low <= 10.0**decade <= self.high]
        if len(powers) >= _MANY_POWERS:
            inside = powers
        return inside[:: max(1, math.ceil(len(inside) / max(most, 1)))]


def label(tick: float) -> str:
    """A tick in five characters or so."""
    if abs(tick) >= 1000:
        return formats.count(tick)
    if 0 < abs(tick) < 1e-3:
        return f"{tick:.1e}".replace(".0e", "e").replace("e-0", "e-")
    return f"{tick:.4g}" if abs(tick) >= 10 else f"{tick:.3g}"
