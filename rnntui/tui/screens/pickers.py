"""Choosing runs and checkpoints from a list."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.strip import Strip
from textual.widgets import Label, OptionList, SelectionList
from textual.widgets._toggle_button import ToggleButton
from textual.widgets.option_list import Option
from textual.widgets.selection_list import Selection

from rnntui.core.errors import InputError
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.tui.messages import PlayRequested
from rnntui.ui.terminal_safety import visible_line

OFFERED = 100
"""Runs that a list offers at most, the newest first."""


class CheckpointScreen(ModalScreen[tuple[Path, str | None] | None]):
    """Any run and any checkpoint of it; answers the run's folder and the checkpoint, None for the newest."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Cancel")]

    def __init__(self, found: list[Run]) -> None:
        super().__init__()
        self._answers: list[tuple[Path, str | None]] = []
        self._options: list[Option] = []
        for run in found:
            self._offer(run, None, f"{visible_line(run.name, 40)}  newest weights")
            for name, note in run.checkpoints():
                self._offer(run, name, f"    step {int(name):,}{note}")

    def _offer(self, run: Run, checkpoint: str | None, text: str) -> None:
        self._options.append(Option(Text(text)))
        self._answers.append((run.path, checkpoint))

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="chooser"):
            yield Label("Which model?")
            yield OptionList(*self._options)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._answers[event.option_index])

    def action_give_up(self) -> None:
        """Close without a choice."""
        self.dismiss(None)


def choose_model(screen: Screen[None], path: Path) -> None:
    """Let a person choose what `screen` is to use next: those of the run at `path` first, then those of the others."""

    def take(answer: tuple[Path, str | None] | None) -> None:
        if answer is not None:
            screen.post_message(PlayRequested(*answer))

    found = [run for run in islice(store.newest_runs(), OFFERED) if run.path != path]
    with suppress(InputError):  # of a run that is not written yet there is nothing to choose
        found.insert(0, Run.open(path))  # it may live anywhere
    screen.app.push_screen(CheckpointScreen(found), take)


class RunList(SelectionList[Path]):
    """Runs to mark; its mark is seen without colours, and Enter comes after the keys before it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "screen.take", "Draw")]

    def render_line(self, y: int) -> Strip:
        """Textual's row, in which the sign of a run that is not marked is left out."""
        strip = super().render_line(y)
        index = y + self.scroll_offset.y
        if index < self.option_count and self.get_option_at_index(index).value not in self.selected:
            segments = list(strip)
            for i, (text, style, control) in enumerate(segments):
                if text == ToggleButton.BUTTON_INNER:
                    segments[i] = Segment(" ", style, control)
                    break
            return Strip(segments, strip.cell_length)
        return strip


class OverlayScreen(ModalScreen[list[Path] | None]):
    """Runs whose curves are drawn beside the one watched."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "Cancel"),
    ]

    def __init__(self, found: list[Run], chosen: list[Path]) -> None:
        super().__init__()
        self._selections = [
            Selection(Text(visible_line(run.name, 50)), run.path, run.path in chosen) for run in found
        ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="chooser"):
            yield Label("Runs to draw beside this one: space marks, Enter draws.")
            yield RunList(*self._selections)

    def action_take(self) -> None:
        """Close with the runs chosen."""
        self.dismiss(list(self.query_one(SelectionList).selected))

    def action_give_up(self) -> None:
        """Close without a choice."""
        self.dismiss(None)
