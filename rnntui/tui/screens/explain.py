"""The figures of a screen, each explained in one sentence and an equation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import set_cell_size
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList, Static

from rnntui.ui.explanations import ShownFigure, explain
from rnntui.ui.terminal_safety import visible_line

_LABEL = 22


class ExplainScreen(ModalScreen[None]):
    """A list of figures; the one that is highlighted is explained below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,f9,enter", "close", "Close", priority=True)
    ]

    def __init__(self, figures: Sequence[ShownFigure], token: str, first: str = "") -> None:
        """`token` is the name of what the model predicts; `first` the label of the figure to begin with."""
        super().__init__()
        self._figures, self._token = list(figures), token
        self._first = next((i for i, figure in enumerate(figures) if figure.label == first), 0)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="explain"):
            yield Label("What the figures mean: up and down choose one, Escape closes.", classes="hint")
            yield OptionList(*(self._row(figure) for figure in self._figures), id="explained")
            yield Static(id="explanation", markup=False)

    def _row(self, figure: ShownFigure) -> Text:
        label = set_cell_size(visible_line(figure.label, _LABEL), _LABEL)
        return Text.assemble(
            f"{label} ", (visible_line(f"{figure.value} {figure.note}", 44), "bold"), no_wrap=True
        )

    def on_mount(self) -> None:
        self.query_one(OptionList).highlighted = self._first

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        figure = self._figures[event.option_index]
        found = explain(figure, self._token)
        text = Text(found.sentence)
        if found.equation:
            text.append("\n\n").append(found.equation, "bold")
        self.query_one("#explanation", Static).update(text)

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)
