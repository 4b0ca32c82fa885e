"""The choices of the first screen, what they mean and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from rnntui.core import config
from rnntui.core.cells import CELLS, equations
from rnntui.core.config import Config
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.tui.estimator import expected, limit
from rnntui.tui.widgets.choice import Choice
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line


class Recipe(Vertical):
    """Cell, tokens and time, with the equations of the cell."""

    def compose(self) -> ComposeResult:
        with Horizontal(id="choices"):
            with Vertical(id="dials"):
                yield Choice("cell", list(CELLS), "lstm", id="cell")
                yield Choice("tokens", list(TOKENIZERS), "char", id="tokenizer")
                yield Choice("time", list(config.PRESETS), config.DEFAULT_PRESET, id="preset")
            yield Static(id="equations", markup=False)
        yield Static(id="meaning", markup=False)
        yield Static(id="cost", markup=False)

    @property
    def cell(self) -> str:
        """The chosen cell."""
        return self.query_one("#cell", Choice).value

    @property
    def tokenizer(self) -> str:
        """The chosen tokenizer."""
        return self.query_one("#tokenizer", Choice).value

    @property
    def preset(self) -> str:
        """The chosen preset."""
        return self.query_one("#preset", Choice).value

    def choose(self, name: str, value: str) -> None:
        """Choose a value of `cell`, `tokenizer` or `preset`."""
        self.query_one(f"#{name}", Choice).choose(value)

    def explain(self, setting: Config) -> None:
        """Show the meaning of the chosen values."""
        layers, size = setting.model.num_layers, setting.model.hidden_size
        shape = f"{layers} layer{'s' * (layers > 1)} of {size} units"
        lines = [
            f"{self.cell}: {CELLS[self.cell].summary}",
            f"{self.tokenizer}: {TOKENIZERS[self.tokenizer].summary}",
            f"{self.preset}: {shape}, {limit(setting)}",
        ]
        self.query_one("#meaning", Static).update("\n".join(lines))
        self.query_one("#equations", Static).update("\n".join(equations(self.cell)))

    def show_cost(self, cost: Mapping[str, Any], setting: Config, tokens: float | None) -> None:
        """Show what the estimator has answered; `tokens` are those of the text, once they are known."""
        self.query_one("#cost", Static).update(_cost_line(cost, setting, tokens))


def _cost_line(cost: Mapping[str, Any], setting: Config, tokens: float | None) -> str:
    if "fault" in cost:
        return visible_line(cost["fault"])
    if not cost:
        return "measuring this machine …"
    about = "about " if TOKENIZERS[setting.text.tokenizer].vocab_size else ""
    parts = [f"{about}{formats.count(cost['parameters'])} parameters", cost["device"]]
    if "tokens_per_s" not in cost:
        return " · ".join([*parts, cost.get("compiling", "measuring this machine …")])
    speed = cost["tokens_per_s"]
    parts[1] += f" {cost['precision']}"
    parts.append(f"{formats.count(speed)} tokens/s here")
    if tokens is not None:
        parts.append(expected(setting, tokens, speed))
    return " · ".join(parts)
