"""The cells of a duel and the places of their runs, without torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rnntui.core.cells import CELLS
from rnntui.core.config import FIELDS, Config, value_of
from rnntui.core.config.parse import shown
from rnntui.core.errors import InputError, nearest

DUELISTS = ("elman", "lstm", "gru", "mingru")


def cells_named(names: str) -> list[str]:
    """The cells in a list like `lstm,gru`.  Raises InputError naming the flag."""
    found = [name.strip() for name in names.split(",") if name.strip()]
    for name in found:
        if name not in CELLS:
            raise InputError(f"--cells: unknown cell '{name}'; {nearest(name, CELLS)}")
    if len(set(found)) < 2 or len(set(found)) < len(found):
        raise InputError(f"--cells: '{names}': a duel wants two or more different cells, as lstm,gru")
    return found


def paths_of(base: Path, cells: Sequence[str], ending: str = "") -> list[Path]:
    """The run folders of a duel: `base` with the name of each cell, and an `ending`, behind it."""
    return [base.with_name(f"{base.name}-{cell}{ending}") for cell in cells]


def reservations(configs: Iterable[Config], seeds: int = 1) -> str:
    """Reservations about a duel: how many seeds each, and the settings in which its cells differ.

    Size and cell are what a duel is about; all others are named, such as layers, learning rate or dropout.
    """
    by_cell = {config.model.cell: config for config in configs}
    found = []
    for name, field in FIELDS.items():
        cells: dict[str, list[str]] = {}
        for cell, config in by_cell.items():
            value = value_of(config, name)
            cells.setdefault("unset" if value is None else shown(value), []).append(cell)
        if len(cells) > 1 and name not in ("cell", "hidden_size", "seed"):
            values = ", ".join(f"{value} ({', '.join(those)})" for value, those in cells.items())
            found.append(f"{field.flag} {values}")
    each = "one seed each; " if seeds == 1 else f"{seeds} seeds each; "
    return each + ("different: " + "; ".join(found) if found else "all else is the same")
