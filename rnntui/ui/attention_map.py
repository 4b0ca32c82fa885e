"""Attention map of words by words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

_LABEL = 14
"""Columns of a word of the source, at most."""
_NARROWEST, _WIDEST = 2, 8
SHADES = " ░▒▓█"


class Heat(NamedTuple):
    """The map, laid out: the source goes down, the target goes across."""

    across: list[str]
    """The pieces of the target, each as wide as its column."""
    labels: list[str]
    """The pieces of the source, all of one width."""
    shares: list[list[float]]
    """(S, T) the attention that each piece of the source got from each of the target."""
    width: int
    """Width of a column."""

    @property
    def heading(self) -> str:
        """The line above the fields."""
        return " " * (cell_len(self.labels[0]) + 1) + "".join(self.across)


def heat(
    source: Sequence[str],
    target: Sequence[str],
    looked: Sequence[Sequence[float]],
    width: int,
    widest: int = _WIDEST,
    narrowest: int = _NARROWEST,
) -> Heat:
    """Lay out what each piece of the target `looked` at, (T, S), in so many columns; what has no room is left out.

    A column of the target is at least `narrowest` and at most `widest` wide.
    """
    words = [piece.strip() for piece in source]
    label = min(_LABEL, max((cell_len(word) for word in words), default=0))
    room = max(width - label - 1, narrowest)
    longest = max((cell_len(piece.strip()) for piece in target), default=1) + 1
    column = max(narrowest, min(widest, longest, room // max(len(target), 1)))
    shown = min(len(target), room // column)
    return Heat(
        [set_cell_size(piece.strip(), column) for piece in target[:shown]],
        [set_cell_size(word, label) for word in words],
        [[looked[t][s] for t in range(shown)] for s in range(len(words))],
        column,
    )


def shaded(found: Heat) -> list[str]:
    """The map in characters."""
    lines = [found.heading]
    for label, row in zip(found.labels, found.shares, strict=True):
        cells = "".join(SHADES[min(int(share * len(SHADES)), len(SHADES) - 1)] * found.width for share in row)
        lines.append(f"{label} {cells}".rstrip())
    return lines
