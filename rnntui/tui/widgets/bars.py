"""Probabilities as bars."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

_LEAST_NAME = 10
_LEAST_BAR = 4
_FIGURE = 9


class Bars(Widget):
    """A row for each name, as many as there is room for; the longest bar is that of the largest share."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"bars--bar"}

    rows: reactive[tuple[tuple[str, float], ...]] = reactive(())

    def render(self) -> Text:
        rows = [(visible_line(name), share) for name, share in self.rows[: self.size.height]]
        longest = max((cell_len(name) for name, _ in rows), default=0)
        name_width = min(max(_LEAST_NAME, longest), self.size.width // 2)
        room = max(self.size.width - name_width - _FIGURE, _LEAST_BAR)
        style = self.get_component_rich_style("bars--bar")
        largest = max((share for _, share in rows), default=0) or 1.0
        lines = []
        for name, share in rows:
            bar = "█" * round(room * share / largest)
            shown = set_cell_size(name, name_width)
            lines.append(Text.assemble(f"{shown} ", (f"{bar:<{room}}", style), f" {formats.share(share)}"))
        return Text("\n", no_wrap=True).join(lines)
