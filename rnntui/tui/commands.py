"""The menu: everything that can be done on the present screen at this moment."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from functools import partial
from typing import Any

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode
from textual.screen import Screen

from rnntui.tui.screens.base import RnntuiScreen


class KeyCommands(Provider):
    """A command for each of our key bindings that can act now, made from the bindings themselves."""

    def _commands(self) -> Iterator[tuple[str, str, partial[Coroutine[Any, Any, bool]]]]:
        """Title, key, and what runs it."""
        told = set()
        # What can be done on every screen comes after what can be done on this one.
        shared = everywhere(self.screen)
        found = sorted(
            self.screen.active_bindings.values(), key=lambda active: active.binding.action in shared
        )
        for node, binding, enabled, _ in found:
            title = binding.tooltip or binding.description
            if not (enabled and title and is_ours(node, binding)) or title in told:
                continue
            told.add(title)
            run = partial(self.app.run_action, binding.action, default_namespace=node)
            yield title, self.app.get_key_display(binding), run

    async def discover(self) -> Hits:
        for title, key, run in self._commands():
            yield DiscoveryHit(title, run, help=f"key: {key}")

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, key, run in self._commands():
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), run, help=f"key: {key}")


def everywhere(screen: Screen[Any]) -> set[str]:
    """Return the actions that every screen has."""
    return {
        binding.action
        for owner in (RnntuiScreen, screen.app)
        for binding in owner.BINDINGS
        if isinstance(binding, Binding)
    }


def is_ours(node: DOMNode, key: Binding) -> bool:
    """Return True if a binding is the program's own, and not how Textual moves focus and cursor."""
    return key.action != "command_palette" and any(
        isinstance(binding, Binding) and binding.action == key.action and key.key in binding.key.split(",")
        for ancestor in type(node).__mro__
        if ancestor.__module__.startswith("rnntui")
        for binding in vars(ancestor).get("BINDINGS", ())
    )
