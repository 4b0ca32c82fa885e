"""The ways in which the text may go on, with their probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import set_cell_size
from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

if TYPE_CHECKING:
    from rnntui.tui.services.completer import Suggestions

_BAR = 10


class Alternatives(Widget):
    """A row each: the first word, a bar (that of the likeliest is whole), the probability.

    A click takes the whole continuation of a row.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "alternatives--bar",
        "alternatives--number",
        "alternatives--here",
    }

    suggestions: reactive[Suggestions | None] = reactive(None)
    index: reactive[int] = reactive(0)
    """The row that is the ghost text now."""
    message: reactive[str] = reactive("")
    """Shown while there is nothing to offer."""

    class Chosen(Message):
        """A row was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def render(self) -> Text:
        if self.suggestions is None or not self.suggestions.completions:
            return Text(self.message)
        width = max(self.size.width - _BAR - 11, 8)
        bar_style = self.get_component_rich_style("alternatives--bar")
        number_style = self.get_component_rich_style("alternatives--number")
        here_style = self.get_component_rich_style("alternatives--here")
        largest = max(each.word_probability for each in self.suggestions.completions) or 1.0
        rows = []
        for i, completion in enumerate(self.suggestions.completions):
            filled = round(_BAR * completion.word_probability / largest)
            row = Text(("▸ " if i == self.index else "  "), no_wrap=True)
            row.append(
                set_cell_size(visible_line(completion.word), width), here_style if i == self.index else ""
            )
            row.append("█" * filled + "·" * (_BAR - filled), bar_style)
            row.append(f"  {formats.share(completion.word_probability)}", number_style)
            rows.append(row)
        return Text("\n", no_wrap=True).join(rows)

    def watch_suggestions(self) -> None:
        self.index = 0

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset and self.suggestions and offset.y < len(self.suggestions.completions):
            self.post_message(self.Chosen(offset.y))
