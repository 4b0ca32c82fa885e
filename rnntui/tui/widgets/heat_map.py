"""A table of shares, in colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.color import Color as RichColor
from rich.style import Style
from rich.text import Text
from textual.color import Color
from textual.reactive import reactive
from textual.widget import Widget

from rnntui.ui.attention_map import SHADES, heat
from rnntui.ui.terminal_safety import visible_line

_WITH_TEXT = 14, 7
"""Columns of a field with a text, at most and at least."""


class HeatTable(NamedTuple):
    """Labels downwards and across, a share from 0 to 1 for each pair, and a text in its field if there is one."""

    down: Sequence[str]
    across: Sequence[str]
    shares: Sequence[Sequence[float]]
    """(len(across), len(down))"""
    texts: Sequence[Sequence[str]] = ()
    """(len(down), len(across))"""


class HeatMap(Widget):
    """The larger a share, the stronger the colour of its field."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"heat--most", "heat--word"}

    table: reactive[HeatTable | None] = reactive(None)
    message: reactive[str] = reactive("")
    """Shown while there is nothing to show."""

    def render(self) -> Text:
        found = self.table
        if found is None:
            return Text(self.message)
        shown = heat(
            [visible_line(label) for label in found.down],
            [visible_line(label) for label in found.across],
            found.shares,
            self.size.width,
            *(_WITH_TEXT if found.texts else ()),
        )
        word = self.get_component_rich_style("heat--word")
        text = Text(shown.heading, word, no_wrap=True)
        for row, (label, shares) in enumerate(zip(shown.labels, shown.shares, strict=True)):
            text.append("\n").append(f"{label} ", word)
            for column, share in enumerate(shares):
                inside = found.texts[row][column] if found.texts else ""
                text.append_text(self._field(inside, min(1.0, share), shown.width))
        return text

    def _field(self, inside: str, share: float, width: int) -> Text:
        """A field: its text, and shading, which is seen where the terminal's own colours cannot be mixed."""
        most = self.get_component_styles("heat--most").color
        _, least = self.background_colors
        told = f"{inside} "[:width] if inside else ""
        shade = SHADES[min(int(share * len(SHADES)), len(SHADES) - 1)]
        shading = (shade * (width - len(told) - 1)).ljust(width - len(told)) if told else shade * width
        if most.ansi is not None or least.ansi is not None:
            return Text.assemble(told, shading)
        color = least.blend(most, share)
        field = color.rich_color
        return Text.assemble(
            (told, Style(color=_on(color), bgcolor=field)), (shading, Style(color=field, bgcolor=field))
        )


def _on(color: Color) -> RichColor:
    """The colour of a text on a field."""
    return color.get_contrast_text(1.0).rich_color
