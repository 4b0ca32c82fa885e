"""Choosing a file: type its path, with completion, or walk the tree."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Button, DirectoryTree, Input, Label
from textual.widgets._directory_tree import DirEntry
from textual.widgets.tree import TreeNode

from rnntui.core.errors import InputError
from rnntui.core.files import expanded
from rnntui.ui.terminal_safety import visible, visible_line


class PathSuggester(Suggester):
    """Completes a path by what lies on the disk: the first name that begins as typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return completed(value)


def completed(value: str) -> str | None:
    """Return `value` with its last name written out, a folder's with a slash; None where nothing begins so."""
    names, beginning = _names_for(value)
    return value[: len(value) - len(beginning)] + names[0] if names else None


_NAMED = 6
"""Names that are shown where several go on as typed."""


def extended(value: str) -> str:
    """Return `value` with as much of its last name as all names share that begin so; a whole folder stays as it is."""
    if value.endswith(("/", os.sep)):
        return value
    names, beginning = _names_for(value)
    shared = names[0] if names else ""
    while shared and not all(name.startswith(shared) for name in names):
        shared = shared[:-1]
    return value[: len(value) - len(beginning)] + shared if len(shared) > len(beginning) else value


def _names_for(value: str) -> tuple[list[str], str]:
    """Return the names that begin as the last one in `value` does, in order, and that beginning."""
    if not value or "://" in value:
        return [], ""
    try:
        typed = expanded(value)
    except InputError:
        return [], ""  # the home of nobody holds nothing
    folder, beginning = (typed, "") if value.endswith(("/", os.sep)) else (typed.parent, typed.name)
    try:
        names = sorted(
            entry.name + ("/" if entry.is_dir() else "")
            for entry in os.scandir(folder)
            if entry.name.startswith(beginning) and (beginning or not entry.name.startswith("."))
        )
    except OSError:
        return [], ""
    # A name that could steer the terminal is not offered: it could not be shown as it is.
    return [name for name in names if visible(name) == name], beginning


class PathInput(Input):
    """A line for a path, in which what could steer the terminal becomes visible; Tab completes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Open", tooltip="Open this path"),
        Binding("tab", "complete", "Complete", tooltip="Complete the path"),
    ]

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(value, placeholder=placeholder, suggester=PathSuggester(), id=id)

    def validate_value(self, value: str) -> str:
        return visible(value)

    def action_complete(self) -> None:
        """Write out what all names share that begin as typed; where there is nothing to add, go to the next field."""
        longer = extended(self.value)
        if longer != self.value:
            self.value = longer
            self.cursor_position = len(longer)
            return
        names, _ = _names_for(self.value)
        if len(names) > 1:
            more = " …" if len(names) > _NAMED else ""
            self.notify("  ".join(names[:_NAMED]) + more, title="several names begin so", markup=False)
        self.screen.focus_next()


class SafeTree(DirectoryTree):
    """A tree whose names cannot steer the terminal."""

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Leave out what is hidden."""
        return [path for path in paths if not path.name.startswith(".")]

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        """Show a name without control characters."""
        label = super().render_label(node, base_style, style)
        label.plain = visible_line(label.plain)
        return label


class PickerScreen(ModalScreen[str]):
    """Answers a path, or '' when given up."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Cancel")]

    def __init__(self, title: str, start: str = "", saving: bool = False) -> None:
        super().__init__()
        self._title, self._start, self._saving = title, start, saving

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="picker"):
            yield Label(self._title)
            yield PathInput(
                self._start, placeholder="path; Tab completes, a folder/ opens below", id="typed-path"
            )
            yield SafeTree(Path.cwd())
            with Horizontal():
                yield Button("Save" if self._saving else "Open", id="take", variant="primary", compact=True)
                if not self._saving:
                    yield Button("This folder", id="folder", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        if self._saving:
            self.query_one(PathInput).value = str(event.path)
        else:
            self.dismiss(str(event.path))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Let the tree show the folder that is typed."""
        with suppress(InputError, OSError, ValueError):
            if event.value.endswith(("/", os.sep)) and (folder := expanded(event.value)).is_dir():
                self.query_one(SafeTree).path = folder

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._answer(event.value)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        node = self.query_one(SafeTree).cursor_node
        if event.button.id == "folder" and node is not None and node.data is not None:
            path = node.data.path
            self.dismiss(str(path if path.is_dir() else path.parent))
        elif event.button.id == "take":
            self._answer(self.query_one(PathInput).value)
        else:
            self.action_give_up()

    def _answer(self, value: str) -> None:
        if value.strip():
            self.dismiss(value.strip())

    def action_give_up(self) -> None:
        """Close without a path."""
        self.dismiss("")
