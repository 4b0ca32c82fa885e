"""The confusion matrix of a classifier, above the training screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from rnntui.tui.widgets.heat_map import HeatMap, HeatTable


class ConfusionScreen(ModalScreen[None]):
    """A row for each true label, a column for each predicted one; the stronger, the more of the row's texts."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,c,q,enter", "dismiss", "Close")]

    def __init__(self, labels: Sequence[str], confusion: Sequence[Sequence[int]], title: str) -> None:
        """`confusion[t][p]` is the number of texts with the label `t` that were taken for `p`."""
        super().__init__()
        self._title = title
        shares = [[count / max(sum(row), 1) for count in row] for row in confusion]
        texts = [[f"{count:,}" for count in row] for row in confusion]
        self._table = HeatTable(labels, labels, list(zip(*shares, strict=True)), texts)
        self._worst = _worst(labels, confusion)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="confusion"):
            yield Label(self._title, markup=False)
            yield Label("A row for each true label, a column for what it was predicted as.", classes="hint")
            with VerticalScroll(id="confusion-side"):
                yield HeatMap(id="confusion-map")
            yield Static(self._worst, id="confusion-worst", markup=False)

    def on_mount(self) -> None:
        matrix = self.query_one(HeatMap)
        matrix.table = self._table
        matrix.styles.height = len(self._table.down) + 1


def _worst(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> str:
    """The pair of labels that is confused most, in words."""
    pairs = [
        (count, true, predicted)
        for true, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if true != predicted and count
    ]
    if not pairs:
        return "No text got a wrong label. Escape closes."
    count, true, predicted = max(pairs, key=lambda pair: pair[0])
    texts = f"{count:,} of {sum(confusion[true]):,} texts"
    return f"Most often {labels[true]} is taken for {labels[predicted]}: {texts}. Escape closes."
