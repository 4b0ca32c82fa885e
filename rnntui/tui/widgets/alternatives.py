"""The ways in which the text may go on, with their probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import set_cell_size
from rich.text import Text
from textual.reactive import reactive
from textual.widgets import Static

from rnntui import formats
from rnntui.visible import visible_line

if TYPE_CHECKING:
    from rnntui.tui.companion import Suggestions

_BAR = 10


class Alternatives(Static):
    """A row each: the first word, a bar as long as its probability is high, the probability."""

    COMPONENT_CLASSES = {"alternatives--bar", "alternatives--number"}
    DEFAULT_CSS = """
    Alternatives > .alternatives--bar { color: $primary; }
    Alternatives > .alternatives--number { color: $text-muted; }
    """

    suggestions: reactive[Suggestions | None] = reactive(None)
    message: reactive[str] = reactive("")
    """Shown while there is nothing to offer."""

    def render(self) -> Text:
        if self.suggestions is None or not self.suggestions.completions:
            return Text(self.message)
        width = max(self.size.width - _BAR - 9, 8)
        bar_style = self.get_component_rich_style("alternatives--bar")
        number_style = self.get_component_rich_style("alternatives--number")
        text = Text(no_wrap=True)
        for completion in self.suggestions.completions:
            filled = round(_BAR * completion.word_probability)
            text.append(set_cell_size(visible_line(completion.word), width))
            text.append("█" * filled + "·" * (_BAR - filled), bar_style)
            text.append(f"  {formats.share(completion.word_probability)}\n", number_style)
        text.rstrip()
        return text
