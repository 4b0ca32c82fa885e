"""The numbers of a run."""

from __future__ import annotations

from rich.text import Text
from textual.reactive import reactive
from textual.widgets import Static

from rnntui import formats
from rnntui.core import events as ev

_COLUMN = 26


class Figures(Static):
    """The newest numbers, in as many columns as fit."""

    COMPONENT_CLASSES = {"figures--name", "figures--value"}

    started: reactive[ev.Started | None] = reactive(None)
    progress: reactive[ev.Progress | None] = reactive(None)
    best: reactive[ev.Evaluated | None] = reactive(None)

    def render(self) -> Text:
        columns = max(1, self.size.width // _COLUMN)
        text = Text(no_wrap=True)
        rows = self._rows()
        for i, (name, value) in enumerate(rows):
            text.append(f"{name:<11}", self.get_component_rich_style("figures--name"))
            text.append(f"{value:<{_COLUMN - 11}}", self.get_component_rich_style("figures--value"))
            if i % columns == columns - 1 and i < len(rows) - 1:
                text.append("\n")
        return text

    def _rows(self) -> list[tuple[str, str]]:
        started, progress, best = self.started, self.progress, self.best
        rows = [
            ("loss", f"{formats.number(progress.loss)} nats" if progress else "–"),
            ("perplexity", formats.number(formats.perplexity(progress.loss), 2) if progress else "–"),
            ("held-out", f"{formats.number(best.perplexity, 2)} best" if best else "–"),
            ("bits/byte", formats.number(best.bits_per_byte) if best else "–"),
            ("speed", f"{formats.count(progress.tokens_per_s)} tok/s" if progress else "–"),
            ("epoch", f"{progress.epoch:.2f}" if progress else "–"),
            ("step", f"{progress.step:,}" if progress else "–"),
            ("time left", formats.time_left(progress.fraction, progress.train_s) if progress else "–"),
            ("rate", f"{progress.lr:.2e}" if progress else "–"),
            ("gradient", formats.number(progress.grad_norm) if progress else "–"),
        ]
        if started:
            rows += [
                ("model", f"{formats.count(started.parameters)} weights"),
                ("device", f"{started.device} {started.precision}"),
            ]
        return rows
