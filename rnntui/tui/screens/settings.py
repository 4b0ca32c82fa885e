"""Every setting of a run, with its default, the reason for it, and its meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import DescendantFocus
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static

from rnntui.core import config
from rnntui.core.config import FIELDS, SECTIONS, Config, Field
from rnntui.core.config.defaults import NOTHING_KNOWN, Facts
from rnntui.core.config.parse import parse
from rnntui.core.config.tasks import foreign
from rnntui.core.errors import InputError, oneline
from rnntui.tui.widgets.choice import Choice
from rnntui.ui.terminal_safety import visible_line

_LABEL = 18
_ELSEWHERE = ("corpus", "sha256")
"""The text is chosen on the first screen; its digest is nobody's choice."""
_AUTO = "auto"
_OPEN = "once the text is read"


_OWN = "Chosen"
_SEARCH = "search"


class FormRows(VerticalScroll, inherit_bindings=False):
    """The rows; up and down go from one to the next and do not scroll past them."""


class SettingsScreen(ModalScreen[dict[str, Any] | None]):
    """A row for each setting of the task; answers those that are given, or None when given up.

    The rows, their values and their meaning come from the configuration.  Those that were given before come first.
    What is typed is checked at every key.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "take", "Apply", priority=True),
        Binding("escape", "give_up", "Cancel"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(
        self, settings: Mapping[str, Any], preset: str, title: str, facts: Facts = NOTHING_KNOWN
    ) -> None:
        """`facts` about the text settle defaults that depend on it."""
        super().__init__()
        self._given = dict(settings)
        self._preset = preset
        self._title = title
        self._facts = facts
        self._resolved = self._build(settings)
        self._headings: dict[str, list[str]] = {}
        """The settings under each heading."""

    def _build(self, settings: Mapping[str, Any]) -> Config:
        """The configuration of a run with these settings.  Raises InputError."""
        found = config.build(settings, self._preset)
        return config.completed(found, self._facts) if self._facts.train_tokens else found

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="settings"):
            yield Label(visible_line(self._title), markup=False)
            yield Input(
                placeholder="type to search a setting; an empty field means auto", id=_SEARCH, compact=True
            )
            with FormRows(id="rows", can_focus=False):
                own = [field for field in FIELDS.values() if self._is_given(field)]
                yield from self._group("own", _OWN, own)
                for section, struct in SECTIONS.items():
                    fields = [field for field in FIELDS.values() if field.section == section]
                    title = (struct.__doc__ or section).splitlines()[0]
                    yield from self._group(section, title, [field for field in fields if field not in own])
            yield Static(id="setting-meaning", markup=False)
            with Horizontal():
                yield Button("Apply (^s)", id="take", variant="primary", compact=True)
                yield Button("Cancel (Escape)", id="cancel", compact=True)

    def _group(self, name: str, title: str, fields: Iterable[Field]) -> ComposeResult:
        """A heading and the rows below it."""
        below = [field for field in fields if field.name not in _ELSEWHERE]
        self._headings[f"heading-{name}"] = [field.name for field in below]
        yield Label(title, classes="heading", id=f"heading-{name}")
        for field in below:
            yield self._row(field)

    def on_mount(self) -> None:
        self._filter()

    def _filter(self) -> None:
        """Show the settings of the task that are sought."""
        words = self.query_one(f"#{_SEARCH}", Input).value.lower().split()
        others = foreign(self._resolved.text.task)
        for heading, names in self._headings.items():
            shown = [
                name
                for name in names
                if (name not in others or name in self._given)
                and all(word in f"{name} {FIELDS[name].description}".lower() for word in words)
            ]
            for name in names:
                self.query_one(f"#row-{name}").display = name in shown
            self.query_one(f"#{heading}").display = bool(shown)
        if words and not any(row.display for row in self.query(".row")):
            self.query_one("#setting-meaning", Static).update("No setting is called or described so.")

    def _row(self, field: Field) -> Widget:
        given = self._given.get(field.name)
        if _values_of(field):
            chosen = _as_text(given) if given is not None else _AUTO
            choice = Choice(field.name, _values_of(field), chosen, id=field.name, label_width=_LABEL)
            choice.note = self._note(field)
            return Horizontal(choice, classes="row", id=f"row-{field.name}")
        value = "" if given is None else f"{given:g}" if isinstance(given, float) else str(given)
        return Horizontal(
            Label(f"{field.name:<{_LABEL}}", classes="name"),
            Input(
                visible_line(value),
                placeholder=self._auto(field),
                compact=True,
                id=field.name,
            ),
            classes="row",
            id=f"row-{field.name}",
        )

    def _default(self, field: Field) -> str:
        """Return the value where nothing is given, and the reason for it."""
        value = config.value_of(self._resolved, field.name)
        if value in (None, ""):
            return _OPEN if "(default:" in field.description else "none"
        reason = config.reason_for(self._resolved, field.name)
        return _as_text(value) if reason == "default" else f"{_as_text(value)} ({reason})"

    def _auto(self, field: Field) -> str:
        """Return what stands in an empty field."""
        value = self._default(field)
        return f"[{_AUTO}]" if value == _AUTO else f"[{_AUTO}: {value}]"

    def _note(self, field: Field) -> str:
        """Return what stands behind the chosen value: what 'auto' comes to, where that is chosen."""
        return "" if self._is_given(field) else self._default(field)

    def _is_given(self, field: Field) -> bool:
        given = self._resolved.given
        return given is not None and field.name in given.settings

    # --- what is typed ---

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == _SEARCH:
            self._filter()
        else:
            self._check()

    def on_choice_changed(self) -> None:
        self._check()
        self._filter()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if event.widget.id in FIELDS:
            self._explain(FIELDS[event.widget.id])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == _SEARCH:
            self.app.action_focus_next()
        else:
            self.action_take()

    def _explain(self, field: Field) -> None:
        meaning = self.query_one("#setting-meaning", Static)
        meaning.remove_class("-fault")
        held = "given" if self._is_given(field) else f"{_AUTO}: {self._default(field)}"
        meaning.update(f"{field.name}: {field.description}\n{held}")

    def _check(self) -> bool:
        """Say what is wrong, if something is, and where."""
        try:
            self._resolved = self._build(self._values())
        except InputError as error:
            meaning = self.query_one("#setting-meaning", Static)
            meaning.add_class("-fault")
            meaning.update(visible_line(oneline(error)))
            return False
        for each in self.query(Input):
            if each.id in FIELDS:
                each.placeholder = self._auto(FIELDS[each.id])
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
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
