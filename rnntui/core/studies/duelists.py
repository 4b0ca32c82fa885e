"""Who meets whom in a duel, and where their runs live; known without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnntui.core.cells import CELLS
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


def paths_of(base: Path, cells: Sequence[str]) -> list[Path]:
    """The run folders of a duel: `base` with the name of each cell behind it."""
    return [base.with_name(f"{base.name}-{cell}") for cell in cells]
