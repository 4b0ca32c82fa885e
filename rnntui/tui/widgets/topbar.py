"""The first row of every screen: where one is, and where one can go."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.widget import Widget

from rnntui.tui.messages import TABS, MenuRequested, TabRequested

_BRAND = " rnntui "
_MENU = " ☰ Menu "


class TopBar(Widget):
    """The four screens, the present one marked; a click opens another, or the menu at the right end."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"topbar--brand", "topbar--tab", "topbar--here"}

    def __init__(self, here: str) -> None:
        super().__init__()
        self._here = here

    def render(self) -> Text:
        text = Text(no_wrap=True)
        text.append(_BRAND, self.get_component_rich_style("topbar--brand"))
        for tab in TABS:
            kind = "topbar--here" if tab == self._here else "topbar--tab"
            text.append(self._shown(tab), self.get_component_rich_style(kind))
        text.append(" " * (self.size.width - cell_len(text.plain) - cell_len(_MENU)))
        return text.append(_MENU, self.get_component_rich_style("topbar--tab"))

    def _shown(self, tab: str) -> str:
        # The brackets say where one is where colours cannot.
        number = TABS.index(tab) + 1
        return f"[{number} {tab.title()}]" if tab == self._here else f" {number} {tab.title()} "

    def on_click(self, event: events.Click) -> None:
        if event.x >= self.size.width - cell_len(_MENU):
            self.post_message(MenuRequested())
            return
        x = event.x - len(_BRAND)
        for tab in TABS:
            if 0 <= x < len(self._shown(tab)):
                self.post_message(TabRequested(tab))
            x -= len(self._shown(tab))
