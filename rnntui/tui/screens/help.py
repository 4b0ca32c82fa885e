"""All keys of a screen: its own first, then those of every screen, then those of what has the focus."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static, TextArea

from rnntui.tui.commands import everywhere, is_ours

_KEY = 18
_HERE, _EVERYWHERE, _TEXT, _MOVING = _GROUPS = ("This screen", "Everywhere", "While writing", "Moving about")
"""Groups in their order: the app's own keys come before those of Textual's widgets."""


class KeyHelp(NamedTuple):
    """A key, its meaning, and the group that it belongs to."""

    keys: str
    meaning: str
    group: str
    enabled: bool
    shown: bool
    """True for a key of the last row."""


class HelpScreen(ModalScreen[None]):
    """The keys of the screen below, grouped; what is typed narrows them down."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1", "close", "Close", priority=True),
        Binding("down", "scroll(1)", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        self._keys = keys_of(below)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="help"):
            yield Input(placeholder="type to search; Escape closes", id="search", compact=True)
            with VerticalScroll(id="help-rows", can_focus=False):
                yield Static(id="help-keys", markup=False)

    def on_mount(self) -> None:
        self.query_one("#help").border_title = "keys"
        self._show("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, sought: str) -> None:
        words = sought.lower().split()
        text = Text()
        group = ""
        for key in self._keys:
            if not all(word in f"{key.keys} {key.meaning}".lower() for word in words):
                continue
            if key.group != group:
                text.append("\n" * bool(text)).append(f"{key.group}\n", "bold underline")
                group = key.group
            look = "" if key.enabled else "dim"
            text.append(f"{key.keys:<{_KEY}} ", f"bold {look}").append(f"{key.meaning}\n", look)
        self.query_one("#help-keys", Static).update(text or Text("No key does that. ^p is the menu."))
        self.query_one("#help-rows").scroll_home(animate=False)

    def action_scroll(self, by: int) -> None:
        """Scroll the keys."""
        self.query_one("#help-rows").scroll_relative(y=by, animate=False)

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)


def keys_of(screen: Screen[Any]) -> list[KeyHelp]:
    """The keys that act on a screen, group by group; several keys of one action are one entry."""
    found: dict[tuple[str, str], KeyHelp] = {}
    for node, binding, enabled, _ in screen.active_bindings.values():
        meaning = binding.tooltip or binding.description
        if not meaning:
            continue
        group = _group_of(screen, node, binding)
        keys = screen.app.get_key_display(binding)
        if known := found.get((group, meaning)):
            keys = known.keys if keys in known.keys.split() else f"{known.keys} {keys}"
        acts = enabled or bool(known and known.enabled)
        found[group, meaning] = KeyHelp(keys, meaning, group, acts, binding.show)
    return sorted(found.values(), key=lambda key: (_GROUPS.index(key.group), not key.shown))


def _group_of(screen: Screen[Any], node: DOMNode, binding: Binding) -> str:
    if is_ours(node, binding):
        return _EVERYWHERE if binding.action in everywhere(screen) else _HERE
    if isinstance(node, TextArea | Input):
        return _TEXT
    return _MOVING
