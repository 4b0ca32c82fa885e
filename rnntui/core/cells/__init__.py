"""The registry of recurrent cells.

A new cell is one file beside this one, with its equations and its specification, and one line below; the `--cell`
flag, the form, completion, the ONNX export, the table in the documentation and the contract tests follow from that
line.  This module imports no torch, so that flags and screens can list the cells at once.
"""

from __future__ import annotations

from inspect import getdoc

from rnntui.core.cells import elman, gru, lstm, mingru, minlstm
from rnntui.core.cells.spec import CellSpec

CELLS: dict[str, CellSpec] = {
    "elman": elman.SPEC,
    "lstm": lstm.SPEC,
    "gru": gru.SPEC,
    "mingru": mingru.SPEC,
    "minlstm": minlstm.SPEC,
}


def equations(name: str) -> list[str]:
    """Return the equations of the cell called `name`: the second paragraph of its step's docstring."""
    _, _, rest = (getdoc(CELLS[name].step) or "").partition("\n\n")
    return [line.strip() for line in rest.partition("\n\n")[0].splitlines()]
