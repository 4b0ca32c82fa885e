"""The likeliest next tokens as bars."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import set_cell_size
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from rnntui import formats
from rnntui.visible import visible_line

_TOKEN = 10


class Likeliest(Widget):
    """A row a token, as many as there is room for."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"likeliest--bar"}

    tokens: reactive[tuple[tuple[str, float], ...]] = reactive(())

    def render(self) -> Text:
        room = max(self.size.width - _TOKEN - 9, 4)
        style = self.get_component_rich_style("likeliest--bar")
        rows = []
        for token, share in self.tokens[: self.size.height]:
            shown = set_cell_size(visible_line(token).replace(" ", "␣"), _TOKEN)
            bar = "█" * round(room * share)
            rows.append(Text.assemble(f"{shown} ", (f"{bar:<{room}}", style), f" {formats.share(share)}"))
        return Text("\n", no_wrap=True).join(rows)
