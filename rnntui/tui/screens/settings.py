"""Every setting of a run, with its default and its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import DescendantFocus
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static

from rnntui.core import config
from rnntui.core.config import FIELDS, SECTIONS, Field
from rnntui.core.errors import InputError, oneline
from rnntui.core.typed import parse
from rnntui.tui.widgets.choice import Choice
from rnntui.visible import visible_line

_LABEL = 18
_ELSEWHERE = ("corpus", "sha256")
"""The text is chosen on the first screen; its digest is nobody's choice."""
_DECISIVE = ("corpus", "task", "tokenizer", "softmax", "cell")
"""What the defaults of the others depend on."""
_DEFAULT = "default"


class Rows(VerticalScroll, inherit_bindings=False):
    """The rows; up and down go from one to the next and do not scroll past them."""


class SettingsScreen(ModalScreen[dict[str, Any] | None]):
    """A row for each setting; answers those that differ from the preset, or None when given up.

    The rows, their values and their meaning come from the configuration.  What is typed is checked at
    every key.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "take", "Use these", priority=True),
        Binding("escape", "give_up", "Cancel"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, settings: Mapping[str, Any], preset: str, title: str) -> None:
        super().__init__()
        self._given = dict(settings)
        self._preset = preset
        self._title = title
        decisive = {name: value for name, value in settings.items() if name in _DECISIVE}
        self._base = config.build(decisive, preset)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="settings"):
            yield Label(visible_line(self._title), markup=False)
            with Rows(id="rows", can_focus=False):
                for section, struct in SECTIONS.items():
                    yield Label((struct.__doc__ or section).splitlines()[0], classes="heading")
                    for field in FIELDS.values():
                        if field.section == section and field.name not in _ELSEWHERE:
                            yield self._row(field)
            yield Static(id="setting-meaning", markup=False)
            with Horizontal():
                yield Button("Use these (^s)", id="take", variant="primary", compact=True)
                yield Button("Cancel (Escape)", id="cancel", compact=True)

    def _row(self, field: Field) -> Widget:
        given = self._given.get(field.name)
        choices = ("on", "off") if field.kind is bool else field.choices
        if choices:
            chosen = {True: "on", False: "off"}.get(given, str(given)) if given is not None else _DEFAULT
            return Choice(field.name, [_DEFAULT, *choices], chosen, id=field.name, label_width=_LABEL)
        value = "" if given is None else f"{given:g}" if isinstance(given, float) else str(given)
        return Horizontal(
            Label(f"{field.name:<{_LABEL}}", classes="name"),
            Input(visible_line(value), placeholder=self._default(field), compact=True, id=field.name),
            classes="row",
        )

    def _default(self, field: Field) -> str:
        """What holds where nothing is given, under the preset chosen."""
        value = config.value_of(self._base, field.name)
        if value in (None, ""):
            return "chosen for you" if "(default:" in field.description else "none"
        return "on" if value is True else "off" if value is False else str(value)

    # --- what is typed ---

    def on_input_changed(self) -> None:
        self._check()

    def on_choice_changed(self) -> None:
        self._check()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if event.widget.id in FIELDS:
            self._explain(FIELDS[event.widget.id])

    def on_input_submitted(self) -> None:
        self.action_take()

    def _explain(self, field: Field) -> None:
        meaning = self.query_one("#setting-meaning", Static)
        meaning.remove_class("-fault")
        meaning.update(
            f"{field.name}: {field.description}\ndefault of '{self._preset}': {self._default(field)}"
        )

    def _check(self) -> bool:
        """Say what is wrong, if something is, and where."""
        try:
            config.build(self._values(), self._preset)
        except InputError as error:
            meaning = self.query_one("#setting-meaning", Static)
            meaning.add_class("-fault")
            meaning.update(visible_line(oneline(error)))
            return False
        if self.focused is not None and self.focused.id in FIELDS:
            self._explain(FIELDS[self.focused.id])
        return True

    def _values(self) -> dict[str, Any]:
        """The settings that are given.  Raises InputError for one that cannot be read."""
        values = {name: value for name, value in self._given.items() if name in _ELSEWHERE}
        for each in self.query(Input):
            if each.id in FIELDS and each.value.strip():
                values[each.id] = parse(each.id, each.value)
        for choice in self.query(Choice):
            if choice.id in FIELDS and choice.value != _DEFAULT:
                values[choice.id] = parse(choice.id, choice.value)
        return values

    # --- keys ---

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "take":
            self.action_take()
        else:
            self.action_give_up()

    def action_take(self) -> None:
        if self._check():
            self.dismiss(self._values())

    def action_give_up(self) -> None:
        self.dismiss(None)
