"""Progress of a run, in one row."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

_FIGURE = 5


class ProgressRow(Widget):
    """A bar and a percentage; it has no clock of its own, and is painted when the figures are."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"progress--done", "progress--left"}

    fraction: reactive[float] = reactive(0.0)

    def render(self) -> Text:
        room = max(self.size.width - _FIGURE, 4)
        done = round(room * self.fraction)
        return Text.assemble(
            ("━" * done, self.get_component_rich_style("progress--done")),
            ("─" * (room - done), self.get_component_rich_style("progress--left")),
            f"{self.fraction:>{_FIGURE}.0%}",
            no_wrap=True,
        )
