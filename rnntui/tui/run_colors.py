"""Colours of runs: the same for a run on every screen."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from textual.color import Color, ColorParseError

from rnntui.tui.contrast import between, contrast

_NAMES = ("primary", "warning", "success", "error", "accent", "secondary")
"""Colours of the theme that runs get, in this order."""
COLORS = len(_NAMES)
_FROM_BACKGROUND = 3.0
"""Contrast of a curve with the background, at least."""
_BATCHES = 0.5
"""Contrast of single batches with the background, as a share of that of the faintest curve, at most."""


class RunColors:
    """The number of each run's colour, given when it is first drawn, and kept while the app runs."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number_of(self, path: Path | str, beside: Iterable[Path | str] = (), keep: bool = True) -> int:
        """Return the number of a run's colour; a new one is as rare as can be, and not that of those `beside` it.

        Without `keep` a new one is not yet the run's for good.
        """
        name = str(path)
        if name in self._numbers:
            return self._numbers[name]
        taken = {self._numbers.get(str(other)) for other in beside}
        used = Counter(self._numbers.values())
        number = min(range(COLORS), key=lambda number: (number in taken, used[number], number))
        if keep:
            self._numbers[name] = number
        return number

    def rename(self, path: Path | str, new: Path | str) -> None:
        """Let a renamed run keep its colour."""
        if str(path) in self._numbers:
            self._numbers[str(new)] = self._numbers.pop(str(path))


def run_variables(theme: Mapping[str, str]) -> dict[str, str]:
    """Return CSS variables for the curves: a colour for each run, and one for single batches, fainter than all of them.

    `theme` are the variables of the theme.  In the terminal's own colours, which nobody knows, and without colours
    single batches are dim.
    """
    try:
        text, behind = Color.parse(theme["foreground"]), Color.parse(theme["background"])
        colors = [Color.parse(theme[name]) for name in _NAMES]
    except ColorParseError:
        text = behind = Color.parse("ansi_default")
        colors = []
    if not colors or text.ansi is not None or behind.ansi is not None or os.environ.get("NO_COLOR"):
        names = {f"run-color-{i}": theme[name] for i, name in enumerate(_NAMES)}
        return names | {"batch-color": theme["foreground"], "batch-style": "dim"}
    seen = [_readable(color, text, behind) for color in colors]
    faintest = min(contrast(color, behind) for color in seen)
    batches = between(text, behind, _BATCHES * faintest)
    return {f"run-color-{i}": color.hex for i, color in enumerate(seen)} | {
        "batch-color": batches.hex,
        "batch-style": "none",
    }


def _readable(color: Color, text: Color, behind: Color) -> Color:
    """Return a colour, moved towards that of the text until it can be seen."""
    for share in range(11):
        mixed = color.blend(text, share / 10)
        if contrast(mixed, behind) >= _FROM_BACKGROUND:
            return mixed
    return text
