"""The last row of every screen: the keys that can act now."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.widget import Widget

MOST = 7
"""Keys shown at most, the menu's among them.  The menu names the others."""


class KeyBar(Widget):
    """Key and meaning of what can be done here; a click presses the key.

    One widget that draws one row, where Textual's footer mounts a widget for each key anew whenever a
    binding changes: the ghost text changes at every key.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"keybar--key", "keybar--description"}

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def shown(self) -> list[Binding]:
        """The bindings in the row, the menu last."""
        found: dict[str, Binding] = {}
        menu = None
        for _, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.action == "command_palette":
                menu = binding
            elif binding.show and enabled and self._label(binding):
                found.setdefault(binding.action, binding)
        return [*list(found.values())[: MOST - 1], *([menu] if menu else [])]

    def render(self) -> Text:
        text = Text(no_wrap=True)
        for key, description in self._labels():
            text.append(f" {key} ", self.get_component_rich_style("keybar--key"))
            text.append(f"{description} ", self.get_component_rich_style("keybar--description"))
        return text

    def _labels(self) -> list[tuple[str, str]]:
        return [(self.app.get_key_display(each), self._label(each)) for each in self.shown()]

    def _label(self, binding: Binding) -> str:
        """What a key does now, as its screen says; the screens of Textual's own say what they always say."""
        label_of: Callable[[Binding], str] | None = getattr(self.screen, "label_of", None)
        return label_of(binding) if label_of else binding.description

    async def on_click(self, event: events.Click) -> None:
        x = event.x
        for binding, (key, description) in zip(self.shown(), self._labels(), strict=True):
            x -= cell_len(f" {key} {description} ")
            if x < 0:
                self.app.simulate_key(binding.key)
                return
