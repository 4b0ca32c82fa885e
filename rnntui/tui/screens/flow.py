"""Gradient flow, above the training screen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from rnntui.core.errors import RnntuiError, oneline
from rnntui.core.runs.folder import Run
from rnntui.plots.chart import LETTERS, MARGIN, chart, plain
from rnntui.plots.flow import X_NAME, Y_NAME, flow_series
from rnntui.plots.raster import Marker
from rnntui.tui.screens.base import is_left
from rnntui.ui.terminal_safety import visible_line

_STEPS = 100
_HINT = "Where it vanishes, the model cannot learn from text that far back. Escape closes."
_AROUND = 8
"""Columns and rows that the frame and the lines around the plot take."""
_WIDEST, _HIGHEST = 96, 24
"""Columns and rows of the plot at most: the dialog is 110 columns wide, its frame and its axis included."""


class FlowScreen(ModalScreen[None]):
    """The norm of the gradient over steps back, of the newest checkpoint and of the same network untrained."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,b,q,enter", "dismiss", "Close")]

    def __init__(self, path: Path, marker: Marker) -> None:
        super().__init__()
        self._path, self._marker = path, marker

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="flow"):
            yield Label(f"{Y_NAME}, over {X_NAME}")
            yield Static("computing the gradient flow …", id="flow-plot", markup=False)
            yield Label(_HINT, classes="hint")

    def on_mount(self) -> None:
        self._look_back()

    @work(exclusive=True)
    async def _look_back(self) -> None:
        try:
            rows = await asyncio.to_thread(self._rows)
        except RnntuiError as error:
            rows = [visible_line(oneline(error))]
        if not is_left(self):
            self.query_one("#flow-plot", Static).update("\n".join(rows))

    def _rows(self) -> list[str]:
        from rnntui.core.inference.gradient_flow import flows_of

        run = Run.open(self._path)
        trained, untrained = flows_of(run, "last", _STEPS, fresh=True)
        flows = {f"{run.name} now": trained}
        if untrained is not None:
            flows["untrained"] = untrained
        series, x, y = flow_series(flows)
        width, height = self.app.size.width - _AROUND - MARGIN, self.app.size.height - _AROUND - 4
        rows = plain(chart(series, x, y, min(width, _WIDEST), min(height, _HIGHEST), self._marker))
        names = "   ".join(f"{LETTERS[i]} {visible_line(name, 30)}" for i, name in enumerate(flows))
        return [*rows, names]
