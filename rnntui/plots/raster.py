"""Curves as characters: several dots a cell where the terminal's font has them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from rnntui.plots.scales import Numbers

Marker = Literal["braille", "block", "ascii"]

_Dots = npt.NDArray[np.bool_]


class _Kind(NamedTuple):
    """Grid of dots in a character cell."""

    rows: int
    columns: int
    weights: tuple[tuple[int, ...], ...]
    """Bit of each dot, row by row, in the number of its character."""
    characters: str


_BLOCKS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
_KINDS: dict[Marker, _Kind] = {
    "braille": _Kind(
        4,
        2,
        ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80)),
        " " + "".join(chr(0x2800 + n) for n in range(1, 256)),
    ),
    "block": _Kind(2, 2, ((1, 2), (4, 8)), _BLOCKS),
    "ascii": _Kind(1, 1, ((1,),), " *"),
}
POINT: dict[Marker, str] = {"braille": "◆", "block": "◆", "ascii": "o"}
"""Sign of a single point."""
BEST: dict[Marker, str] = {"braille": "★", "block": "★", "ascii": "@"}
"""Sign of the best point."""
WORSE: dict[Marker, str] = {"braille": "◇", "block": "◇", "ascii": "x"}
"""Sign of a point that is worse than the best one before it."""
LEVEL: dict[Marker, str] = {"braille": "┄", "block": "┄", "ascii": "-"}
_RAW_ASCII = "."


class Raster:
    """A field of characters, `width` by `height`, on which curves are drawn one above the other.

    Every cell remembers the layer, a name of the caller's, that was drawn on it last.
    """

    def __init__(self, width: int, height: int, marker: Marker) -> None:
        self.width, self.height, self.marker = width, height, marker
        self.characters = np.full((height, width), " ")
        self.layers = np.full((height, width), "", dtype=object)

    def curve(self, x: Numbers, y: Numbers, layer: str, faint: bool = False) -> None:
        """Join points, given as places from 0 to 1 with 0 at the bottom left; NaN is a gap."""
        kind = _KINDS[self.marker]
        dots = np.zeros((self.height * kind.rows, self.width * kind.columns), dtype=bool)
        _trace(dots, x, y)
        cells = dots.reshape(self.height, kind.rows, self.width, kind.columns)
        numbers = np.einsum("hrwc,rc->hw", cells.astype(int), np.array(kind.weights))
        drawn = numbers > 0
        characters = np.array(list(kind.characters))[numbers]
        if faint and self.marker == "ascii":
            characters = np.where(drawn, _RAW_ASCII, " ")
        self.characters[drawn] = characters[drawn]
        self.layers[drawn] = layer

    def points(self, x: Numbers, y: Numbers, layer: str, sign: str) -> None:
        """Mark points, given as places from 0 to 1, with a `sign`."""
        for column, row in self.cells(x, y):
            self.put(column, row, sign, layer)

    def level(self, y: float, text: str, layer: str) -> None:
        """A line across at the place `y`, with its name on it as far to the right as nothing is covered.

        It passes behind what is drawn already.
        """
        if not 0 <= y <= 1:
            return
        row = min(int((1 - y) * self.height), self.height - 1)
        free = self.layers[row] == ""
        self.characters[row, free] = LEVEL[self.marker]
        self.layers[row, free] = layer
        line = self.characters[row] == LEVEL[self.marker]  # of this level, or of one beside it
        named = f" {text} "
        lengths = range(self.width - len(named) - 1, -1, -1)
        places = [at for at in lengths if line[at : at + len(named) + 1].all()]
        if not places:  # then on a curve, but never on another name
            taken = (self.layers[row] == layer) & ~line
            places = [at for at in lengths if not taken[at : at + len(named) + 1].any()]
        for at in places[:1]:
            self.write(at, row, named, layer)

    def write(self, column: int, row: int, text: str, layer: str) -> None:
        """Put a text on the field, cut at its edge."""
        for offset, character in enumerate(text):
            self.put(column + offset, row, character, layer)

    def label(self, column: int, row: int, text: str, layer: str) -> bool:
        """Put a text beside a cell, to its left or right, there or a row off, if a place is free; whether one was."""
        for y in (row, row - 1, row + 1, row - 2, row + 2):
            for x in (column + 2, column - len(text) - 1):
                if self._is_free(x - 1, y, len(text) + 2):
                    self.write(x, y, text, layer)
                    return True
        return False

    def _is_free(self, column: int, row: int, width: int) -> bool:
        """True if nothing is drawn on the field there."""
        if not (0 <= row < self.height and column >= 0 and column + width <= self.width):
            return False
        return bool(np.all(self.layers[row, column : column + width] == ""))

    def put(self, column: int, row: int, character: str, layer: str) -> None:
        if 0 <= column < self.width and 0 <= row < self.height:
            self.characters[row, column] = character
            self.layers[row, column] = layer

    def rows(self) -> list[list[tuple[str, str]]]:
        """Each row as pieces of text with their layer."""
        found = []
        for characters, layers in zip(self.characters.tolist(), self.layers.tolist(), strict=True):
            pieces: list[tuple[str, str]] = []
            for character, layer in zip(characters, layers, strict=True):
                if pieces and pieces[-1][1] == layer:
                    pieces[-1] = (pieces[-1][0] + character, layer)
                else:
                    pieces.append((character, layer))
            found.append(pieces)
        return found

    def cells(self, x: Numbers, y: Numbers) -> list[tuple[int, int]]:
        """The column and row of each place that lies on the field."""
        with np.errstate(invalid="ignore"):
            inside = (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
        columns = np.minimum((x[inside] * self.width).astype(int), self.width - 1)
        rows = np.minimum(((1 - y[inside]) * self.height).astype(int), self.height - 1)
        return list(zip(columns.tolist(), rows.tolist(), strict=True))


def _trace(dots: _Dots, x: Numbers, y: Numbers) -> None:
    """Set the dots of a line through the places, and of places that stand alone between gaps."""
    height, width = dots.shape
    columns, rows = x * (width - 1), (1 - y) * (height - 1)
    sound = np.isfinite(columns) & np.isfinite(rows)
    _set(dots, columns[sound], rows[sound])
    joined = sound[:-1] & sound[1:]
    from_x, to_x = columns[:-1][joined], columns[1:][joined]
    from_y, to_y = rows[:-1][joined], rows[1:][joined]
    # Far outside, a line has nothing to show: it is cut where the count of its dots stays small.
    reach = float(max(width, height))
    from_y, to_y = np.clip(from_y, -reach, 2 * reach), np.clip(to_y, -reach, 2 * reach)
    from_x, to_x = np.clip(from_x, -reach, 2 * reach), np.clip(to_x, -reach, 2 * reach)
    lengths = np.ceil(np.maximum(abs(to_x - from_x), abs(to_y - from_y))).astype(int)
    which = np.repeat(np.arange(len(lengths)), lengths)
    along = np.arange(len(which)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    share = along / np.maximum(lengths[which], 1)
    _set(dots, from_x[which] + share * (to_x - from_x)[which], from_y[which] + share * (to_y - from_y)[which])


def _set(dots: _Dots, columns: Numbers, rows: Numbers) -> None:
    height, width = dots.shape
    c, r = np.rint(columns).astype(int), np.rint(rows).astype(int)
    inside = (c >= 0) & (c < width) & (r >= 0) & (r < height)
    dots[r[inside], c[inside]] = True
