"""Attention of a translator, in colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from rnntui.ui.attention_map import heat
from rnntui.ui.terminal_safety import visible_line

if TYPE_CHECKING:
    from rnntui.core.tasks.translation.predict import Translation


class HeatMap(Widget):
    """The source's words downwards, the target's across; the stronger a field's colour, the more was it looked at."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"heat--most", "heat--word"}

    translation: reactive[Translation | None] = reactive(None)
    message: reactive[str] = reactive("")
    """Shown while there is nothing to show."""

    def render(self) -> Text:
        found = self.translation
        if found is None:
            return Text(self.message)
        shown = heat(
            [visible_line(piece) for piece in found.source],
            [visible_line(piece) for piece in found.target],
            found.looked.tolist(),
            self.size.width,
        )
        word = self.get_component_rich_style("heat--word")
        most = self.get_component_styles("heat--most").color
        _, least = self.background_colors
        text = Text(shown.heading, word, no_wrap=True)
        for label, shares in zip(shown.labels, shown.shares, strict=True):
            text.append("\n").append(f"{label} ", word)
            for share in shares:
                colour = least.blend(most, min(1.0, share))
                text.append(" " * shown.width, Style(bgcolor=colour.rich_color))
        return text
