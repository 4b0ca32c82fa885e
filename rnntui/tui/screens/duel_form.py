"""Form of a new duel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from rnntui.core import config
from rnntui.core.config import LIMITS
from rnntui.core.config.defaults import NOTHING_KNOWN, Facts
from rnntui.core.config.parse import parse, shown
from rnntui.core.errors import InputError, oneline
from rnntui.core.studies.duelists import DUELISTS, cells_named, reservations
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

_PARAMETERS, _TIME = "1M", "60s"
Asked = tuple[list[str], dict[str, Any]]
"""The cells of a duel, and the settings of its runs."""


class DuelForm(ModalScreen[Asked | None]):
    """Cells, parameters and time of a duel; answers None when it is given up.

    `settings` are those of the first screen; `busy` names what trains at the moment.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Cancel")]

    def __init__(
        self, settings: Mapping[str, Any], preset: str, busy: str = "", facts: Facts = NOTHING_KNOWN
    ) -> None:
        """`facts` about the text settle the defaults that depend on it."""
        super().__init__()
        self._facts = facts
        left_out = ("cell", "hidden_size", "parameters", *LIMITS)
        self._settings = {name: value for name, value in settings.items() if name not in left_out}
        self._given, self._preset, self._busy = settings, preset, busy

    def compose(self) -> ComposeResult:
        parameters = self._given.get("parameters")
        time = self._given.get("max_time")
        with Vertical(classes="dialog", id="duel-form"):
            yield Label("Duel: cells train in turns on this text, with equal parameters and equal time.")
            for name, label, value in (
                ("cells", "cells", ", ".join(DUELISTS)),
                ("parameters", "parameters each", _PARAMETERS if parameters is None else shown(parameters)),
                ("max_time", "time each, as 90s or 5m", _TIME if time is None else f"{time:g}s"),
            ):
                with Horizontal(classes="row"):
                    yield Label(label, classes="name", markup=False)
                    yield Input(value, id=name, compact=True)
            yield Static(id="duel-means", markup=False)
            with Horizontal():
                yield Button("Start (Enter)", id="start", variant="primary", compact=True)
                yield Button("Cancel (Escape)", id="cancel", compact=True)

    def on_mount(self) -> None:
        self._explain()

    def on_input_changed(self) -> None:
        self._explain()

    def _asked(self) -> Asked:
        """Read the form.  Raises InputError for an invalid value."""
        values = {each.id or "": each.value for each in self.query(Input)}
        cells = cells_named(values.pop("cells"))
        settings = self._settings | {name: parse(name, value) for name, value in values.items()}
        if not settings["max_time"]:
            raise InputError("--max-time: a duel needs a time for each cell; give one, as 90s or 5m")
        for cell in cells:
            config.build(settings | {"cell": cell}, self._preset)
        return cells, settings

    def _explain(self) -> None:
        """Show the total time, the settings in which the cells differ, and other running trainings."""
        means = self.query_one("#duel-means", Static)
        try:
            cells, settings = self._asked()
        except InputError as error:
            means.update(visible_line(oneline(error)))
            means.set_class(True, "-fault")
            return
        configs = [config.build(settings | {"cell": cell}, self._preset) for cell in cells]
        if self._facts.train_tokens:
            configs = [config.completed(each, self._facts) for each in configs]
        lines = [f"{formats.duration(len(cells) * settings['max_time'])} in all", reservations(configs)]
        if self._busy:
            lines.append(f"{visible_line(self._busy, 60)} trains at the moment: both will be slower")
        means.set_class(False, "-fault")
        means.update("\n".join(lines))

    @on(Button.Pressed, "#start")
    @on(Input.Submitted)
    def take(self) -> None:
        """Close with what stands in the form, if it can be."""
        try:
            asked = self._asked()
        except InputError:
            return  # the form says why
        self.dismiss(asked)

    @on(Button.Pressed, "#cancel")
    def action_give_up(self) -> None:
        """Close without a duel."""
        self.dismiss(None)
