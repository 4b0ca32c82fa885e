"""Every setting of a run, with its default, the reason for it, and its meaning."""

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
from rnntui.core.config.parse import parse
from rnntui.core.errors import InputError, oneline
from rnntui.tui.widgets.choice import Choice
from rnntui.ui.terminal_safety import visible_line

_LABEL = 18
_ELSEWHERE = ("corpus", "sha256")
"""The text is chosen on the first screen; its digest is nobody's choice."""
_AUTO = "auto"
_OPEN = "once the text is read"


class FormRows(VerticalScroll, inherit_bindings=False):
    """The rows; up and down go from one to the next and do not scroll past them."""


class SettingsScreen(ModalScreen[dict[str, Any] | None]):
    """A row for each setting; answers those that differ from the preset, or None when given up.

    The rows, their values and their meaning come from the configuration.  What is typed is checked at
    every key.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "take", "Apply", priority=True),
        Binding("escape", "give_up", "Cancel"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, settings: Mapping[str, Any], preset: str, title: str) -> None:
        super().__init__()
        self._given = dict(settings)
        self._preset = preset
        self._title = title
        self._resolved = config.build(settings, preset)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="settings"):
            yield Label(visible_line(self._title), markup=False)
            with FormRows(id="rows", can_focus=False):
                for section, struct in SECTIONS.items():
                    yield Label((struct.__doc__ or section).splitlines()[0], classes="heading")
                    for field in FIELDS.values():
                        if field.section == section and field.name not in _ELSEWHERE:
                            yield self._row(field)
            yield Static(id="setting-meaning", markup=False)
            with Horizontal():
                yield Button("Apply (^s)", id="take", variant="primary", compact=True)
                yield Button("Cancel (Escape)", id="cancel", compact=True)

    def _row(self, field: Field) -> Widget:
        given = self._given.get(field.name)
        if _values_of(field):
            chosen = _as_text(given) if given is not None else _AUTO
            choice = Choice(field.name, _values_of(field), chosen, id=field.name, label_width=_LABEL)
            choice.note = self._note(field)
            return choice
        value = "" if given is None else f"{given:g}" if isinstance(given, float) else str(given)
        return Horizontal(
            Label(f"{field.name:<{_LABEL}}", classes="name"),
            Input(visible_line(value), placeholder=self._default(field), compact=True, id=field.name),
            classes="row",
        )

    def _default(self, field: Field) -> str:
        """Return the value where nothing is given, and the reason for it."""
        value = config.value_of(self._resolved, field.name)
        if value in (None, ""):
            return f"{_AUTO} · {_OPEN}" if "(default:" in field.description else "none"
        reason = config.reason_for(self._resolved, field.name)
        return _as_text(value) if reason == "default" else f"{_as_text(value)} · {reason}"

    def _note(self, field: Field) -> str:
        """Return what stands behind the values of a choice: the default, where that is what holds."""
        return "" if self._is_given(field) else self._default(field)

    def _is_given(self, field: Field) -> bool:
        given = self._resolved.given
        return given is not None and field.name in given.settings

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
        held = "given" if self._is_given(field) else self._default(field)
        meaning.update(f"{field.name}: {field.description}\n{held}")

    def _check(self) -> bool:
        """Say what is wrong, if something is, and where."""
        try:
            self._resolved = config.build(self._values(), self._preset)
        except InputError as error:
            meaning = self.query_one("#setting-meaning", Static)
            meaning.add_class("-fault")
            meaning.update(visible_line(oneline(error)))
            return False
        for each in self.query(Input):
            if each.id in FIELDS:
                each.placeholder = self._default(FIELDS[each.id])
        for choice in self.query(Choice):
            if choice.id in FIELDS:
                choice.note = self._note(FIELDS[choice.id])
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
            if choice.id in FIELDS and choice.value != _AUTO:
                values[choice.id] = parse(choice.id, choice.value)
        return values

    # --- keys ---

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "take":
            self.action_take()
        else:
            self.action_give_up()

    def action_take(self) -> None:
        """Close with the settings, if all are valid."""
        if self._check():
            self.dismiss(self._values())

    def action_give_up(self) -> None:
        """Close without changes."""
        self.dismiss(None)


def _values_of(field: Field) -> list[str]:
    """Return the values of a setting that has few of them; 'auto' leaves it open, unless that is one of its own."""
    choices = ("on", "off") if field.kind is bool else field.choices
    return list(dict.fromkeys((_AUTO, *choices))) if choices else []


def _as_text(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
