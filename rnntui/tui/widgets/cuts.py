"""Tokenization of the first lines by each tokenizer, and the commonest tokens."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.reactive import reactive
from textual.widgets import Static

from rnntui.core.text.preview import Cut
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

_BAR = 16
_CHART = 1
"""Rows of the chart at least: where they do not fit, only the chosen tokenizer shows its tokens."""


class Cuts(Static):
    """Rows of tokens for each tokenizer, in alternating shades with a bar between, and a chart."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "cuts--title",
        "cuts--even",
        "cuts--odd",
        "cuts--between",
        "cuts--bar",
    }

    cuts: reactive[tuple[Cut, ...]] = reactive(())
    chosen: reactive[str] = reactive("char")
    """The tokenizer whose commonest tokens are charted."""

    def render(self) -> Text:
        if not self.cuts:
            return Text("…")
        lines, count, height = [], len(self.cuts), self.size.height
        rows = 2 if height >= 3 * count + _CHART + 1 else 1
        everyone = height >= 2 * count + _CHART
        for each in self.cuts:
            lines.append(self._title(each))
            if everyone or each.kind == self.chosen:
                lines += self._pieces(each, rows)
        room = height - len(lines)
        gap = [Text()] if room > _CHART else []
        return Text("\n").join([*lines, *gap, *self._chart(room - len(gap))])

    def _title(self, cut: Cut) -> Text:
        mark = "▸ " if cut.kind == self.chosen else "  "
        title = f"{mark}{cut.kind}  vocabulary {cut.vocab_size:,}, {cut.characters_per_token:.1f} chars/token"
        shown = Text(title, self.get_component_rich_style("cuts--title"), no_wrap=True)
        shown.truncate(max(self.size.width, 10), overflow="ellipsis")
        return shown

    def _pieces(self, cut: Cut, rows: int) -> list[Text]:
        """As many tokens as fit into `rows` rows."""
        shades = [self.get_component_rich_style(f"cuts--{which}") for which in ("even", "odd")]
        between = self.get_component_rich_style("cuts--between")
        lines, line = [], Text(no_wrap=True)
        for number, piece in enumerate(cut.pieces):
            shown = visible_line(piece).replace(" ", "␣") if not piece.strip() else visible_line(piece)
            if line.cell_len + cell_len(shown) + 1 > max(self.size.width, 10):
                lines.append(line)
                line = Text(no_wrap=True)
                if len(lines) == rows:
                    return lines
            line.append(shown, shades[number % 2]).append("│", between)
        return [*lines, line]

    def _chart(self, rows: int) -> list[Text]:
        """The commonest tokens of the tokenizer chosen, a bar each."""
        cut = next((each for each in self.cuts if each.kind == self.chosen), self.cuts[0])
        style = self.get_component_rich_style("cuts--bar")
        most = max(share for _, share in cut.commonest)
        lines = []
        for token, share in cut.commonest[: max(rows, 0)]:
            shown = set_cell_size(visible_line(token).replace(" ", "␣"), 8)
            bar = "█" * max(round(_BAR * share / most), 1)
            lines.append(Text.assemble(f"{shown} ", (f"{bar:<{_BAR}}", style), f" {formats.share(share)}"))
        return lines
