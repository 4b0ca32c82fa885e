"""A row of figures as a row of characters."""

from __future__ import annotations

import numpy as np

from rnntui.plots.raster import Marker
from rnntui.plots.scales import Numbers

# No full block: rows of figures stand one above the other, and their curves must not touch.
_LEVELS: dict[Marker, str] = {"braille": "▁▂▃▄▅▆▇", "block": "▁▂▃▄▅▆▇", "ascii": "_.-=+*#@"}


def spark(values: Numbers, width: int, marker: Marker = "braille") -> str:
    """The course of `values` in at most `width` characters, each the mean of its share; a gap is a blank."""
    if not len(values) or width < 1:
        return ""
    values = values.astype(float)
    edges = np.linspace(0, len(values), min(width, len(values)) + 1).astype(int)
    finite = np.isfinite(values)
    sums = np.add.reduceat(np.where(finite, values, 0.0), edges[:-1])
    counts = np.add.reduceat(finite.astype(float), edges[:-1])
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    known = means[np.isfinite(means)]
    if not len(known):
        return " " * len(means)
    low, high = float(known.min()), float(known.max())
    levels = _LEVELS[marker]
    top = len(levels) - 1
    places = np.nan_to_num((means - low) / (high - low) if high > low else means * 0 + 0.5)
    return "".join(
        levels[round(place * top)] if np.isfinite(mean) else " "
        for place, mean in zip(places.tolist(), means.tolist(), strict=True)
    )
