"""The base of all screens."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from rnntui.core.config import FIELDS
from rnntui.core.config.parse import parse
from rnntui.core.config.tasks import DEFAULT_TASK
from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.runs.folder import Command, Run, request
from rnntui.tui.base_app import BaseApp
from rnntui.tui.messages import TABS, ResumeRequested, Tab
from rnntui.tui.widgets.keybar import KeyBar
from rnntui.tui.widgets.topbar import TopBar
from rnntui.ui.explanations import ShownFigure, token_name
from rnntui.ui.preferences import Preferences
from rnntui.ui.terminal_safety import visible_line

SMALLEST = (60, 18)
"""Columns and rows below which the screens ask for more room."""


def is_left(screen: Screen[Any]) -> bool:
    """Return True if a screen was left: what a thread or a worker found for it has no place any more.

    Its parts go one by one then, while it is still attached and its workers are still at work.
    """
    return not (screen.is_attached and screen.app.is_running and screen in screen.app.screen_stack)


def token_of(path: Path) -> str:
    """Name of what the model of the run at `path` predicts."""
    with suppress(InputError):
        text = Run.open(path).config.text
        return token_name(text.tokenizer, text.task)
    return token_name(str(FIELDS["tokenizer"].default), DEFAULT_TASK)


class RnntuiScreen(Screen[None]):
    """A row that says where one is, the screen's own part, a row of keys."""

    TAB: ClassVar[Tab]
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(key, f"app.open_tab('{tab}')", tab.title(), show=False, tooltip=f"Go to {tab}")
            for number, tab in enumerate(TABS, start=1)
            for key in (str(number), f"f{number + 1}")  # where digits are typed, the function keys
        ),
        Binding("f1", "app.keys", "Keys", show=False, tooltip="Show all keys"),
        *(
            Binding(key, "explain", "Explain", show=False, tooltip="Explain the figures on this screen")
            for key in ("question_mark", "f9")  # where text is typed, the function key
        ),
    ]

    app: BaseApp

    def compose(self) -> ComposeResult:
        yield TopBar(self.TAB)
        yield from self.compose_body()
        yield KeyBar()
        yield Static(
            f"rnntui needs a terminal of {SMALLEST[0]} columns and {SMALLEST[1]} rows.\n"
            "Make this one larger: nothing is lost meanwhile.",
            id="too-small",
        )

    @abstractmethod
    def compose_body(self) -> ComposeResult:
        """The screen's own part."""

    @property
    def shows(self) -> bool:
        """True if its parts are there: from its mounting on until it is left."""
        return self.is_mounted and not is_left(self)

    @property
    def preferences(self) -> Preferences:
        """The preferences of the app."""
        return self.app.preferences

    def label_of(self, binding: Binding) -> str:
        """Label of a key in the last row; '' hides the key."""
        return binding.description

    def figures(self) -> Sequence[ShownFigure]:
        """The figures that the screen shows at this moment."""
        return ()

    @property
    def token(self) -> str:
        """Name of what the model predicts, for the explanations."""
        return token_name(str(FIELDS["tokenizer"].default), DEFAULT_TASK)

    def action_explain(self, first: str = "") -> None:
        """Explain the figures, that called `first` before the others."""
        from rnntui.tui.screens.explain import ExplainScreen

        if shown := self.figures():
            self.app.push_screen(ExplainScreen(shown, self.token, first))
        else:
            self.say("There are no figures here yet.")

    def say(self, message: str, fault: bool = False) -> None:
        """A toast: something happened, or a person can mend something."""
        self.notify(visible_line(message), severity="error" if fault else "information", markup=False)

    def ask(self, path: Path, command: Command) -> bool:
        """Ask the training in `path` for something; whether it was asked.  A disk without room is told."""
        try:
            request(path, command)
        except RnntuiError as error:
            self.say(oneline(error), fault=True)
            return False
        return True

    def go_on(self, path: Path, at_its_end: bool, train_s: float) -> None:
        """Go on training a run; one that reached its limit needs another limit."""
        if not at_its_end:
            self.post_message(ResumeRequested(path))
            return
        from rnntui.tui.screens.dialogs import Ask

        def take(answer: str | None) -> None:
            if longer := parse("max_time", answer or ""):
                self.post_message(ResumeRequested(path, {"max_time": train_s + longer}))

        self.app.push_screen(
            Ask(
                f"{path.name} has ended. Train how much longer? (as 90s, 5m, 1h)",
                "5m",
                partial(parse, "max_time"),
            ),
            take,
        )
