"""The registry of recurrent cells.

A new cell is one file beside this one, its equations in `steps`, and one line below; the `--cell` flag,
the form, the table in the documentation and the contract tests follow from that line.  This module
imports no torch, so that flags and screens can list the cells at once.
"""

from __future__ import annotations

import ast
import importlib
import importlib.resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rnntui.core.cells.base import Cell


class CellEntry(NamedTuple):
    """Where a cell lives and what a person should know before choosing it."""

    location: str
    """`module:class`, the module relative to this package."""
    title: str
    summary: str
    """One plain sentence: what the cell is good and bad at."""
    options: tuple[str, ...] = ()
    """Keys of the model's configuration that the cell's constructor takes besides the sizes."""


CELLS: dict[str, CellEntry] = {
    "elman": CellEntry(
        "elman:Elman",
        "Elman network",
        "the simplest recurrence: fast, forgets within a few dozen tokens",
        options=("nonlinearity",),
    ),
    "lstm": CellEntry(
        "lstm:LSTM",
        "Long short-term memory",
        "a gated memory that reaches far back: the best choice for most texts",
    ),
    "gru": CellEntry(
        "gru:GRU",
        "Gated recurrent unit",
        "two gates instead of three: close to the LSTM with a quarter fewer weights",
    ),
    "mingru": CellEntry(
        "mingru:MinGRU",
        "Minimal GRU",
        "gates that do not read the state: fast on long pieces, wants two layers or more",
    ),
    "minlstm": CellEntry(
        "minlstm:MinLSTM",
        "Minimal LSTM",
        "a forget and an input gate that do not read the state: as mingru, a little slower",
    ),
}


def equations(name: str) -> list[str]:
    """The equations of the cell called `name`, as the docstring of its class writes them.

    Read from the source, so that there is one place for them and no need for torch.
    """
    module, _, attribute = CELLS[name].location.partition(":")
    source = importlib.resources.files(__name__).joinpath(f"{module}.py").read_text(encoding="utf-8")
    found = next(
        node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == attribute
    )
    lines = (ast.get_docstring(found) or "").splitlines()
    return [line.strip() for line in lines if line.startswith("    ") and "=" in line]


def cell_class(name: str) -> type[Cell]:
    """The class of the cell called `name`.  Raises KeyError for a name not in `CELLS`."""
    module, _, attribute = CELLS[name].location.partition(":")
    found: type[Cell] = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    return found
