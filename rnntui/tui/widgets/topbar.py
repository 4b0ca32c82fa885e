"""The first row of every screen: where one is, and where one can go."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.widget import Widget

from rnntui.tui.messages import TABS, TabRequested

_BRAND = " rnntui "


class TopBar(Widget):
    """The four screens, the present one marked; at the right end, what helps everywhere.  A click does it."""

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
        ends = "".join(label for label, _ in self._ends())
        text.append(" " * (self.size.width - cell_len(text.plain) - cell_len(ends)))
        return text.append(ends, self.get_component_rich_style("topbar--tab"))

    def _shown(self, tab: str) -> str:
        # The brackets say where one is where colours cannot.
        number = TABS.index(tab) + 1
        return f"[{number} {tab.title()}]" if tab == self._here else f" {number} {tab.title()} "

    def _ends(self) -> list[tuple[str, str]]:
        """What stands at the right end, as far as there is room, each with its action."""
        typing = self._here == "playground"  # there a question mark is text
        offered = [
            (f"{'F9' if typing else '?'} Explain", "screen.explain"),
            ("  F1 Keys", "app.keys"),
            ("  ≡ Menu ", "app.command_palette"),
        ]
        room = self.size.width - len(_BRAND) - sum(len(self._shown(tab)) for tab in TABS)
        while sum(cell_len(label) for label, _ in offered) > room and len(offered) > 1:
            offered.pop(0)
        return offered

    async def on_click(self, event: events.Click) -> None:
        x = self.size.width - event.x
        for label, action in reversed(self._ends()):
            if x <= cell_len(label):
                await self.run_action(action)
                return
            x -= cell_len(label)
        x = event.x - len(_BRAND)
        for tab in TABS:
            if 0 <= x < len(self._shown(tab)):
                self.post_message(TabRequested(tab))
            x -= len(self._shown(tab))
