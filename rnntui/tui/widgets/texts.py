"""The list of texts on the first screen."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from rnntui.core.runs import store
from rnntui.core.text import catalogue
from rnntui.core.text.corpus import recent_texts
from rnntui.ui.terminal_safety import visible_line

_RECENT = 8
OPEN, PASTE = "+open", "+paste"
"""Names of the two rows that bring another text."""


class Texts(OptionList):
    """The samples, two ways to bring another text, and texts of earlier runs; Enter starts the training."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Start", tooltip="Start training")]

    def __init__(self, *, id: str) -> None:
        samples = [Option(name, id=name) for name in catalogue.SAMPLES]
        ways = [Option("＋ open a file …", id=OPEN), Option("＋ paste a text …", id=PASTE)]
        super().__init__(*samples, *ways, id=id)

    def offer(self, source: str) -> None:
        """Add a text, if it is not in the list."""
        if source not in [option.id for option in self.options]:
            self.add_option(Option(Text(visible_line(store.short_corpus(source), 28)), id=source))

    def offer_recent(self) -> None:
        """Add the files that earlier runs were trained on; done once the screen stands, for there may be many runs."""
        for file in recent_texts(_RECENT):
            self.offer(file)
