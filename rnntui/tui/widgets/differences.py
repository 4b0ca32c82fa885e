"""Differences between runs, in words."""

from __future__ import annotations

from pathlib import Path

from rnntui.core.config import FIELDS, value_of
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run, log_end
from rnntui.core.runs.summaries import RunSummary
from rnntui.plots.chart import LETTERS
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line


def differences(found: list[Run], here: RunSummary | None) -> str:
    """The settings in which runs differ, a line each; of a lone run, what it is and how it died."""
    if len(found) < 2:
        if here is None:
            return ""
        if here.reason is not None:
            return f"{visible_line(here.name)}\ncannot be read: {visible_line(here.reason, 400)}\n\nd deletes it."
        lines = [
            visible_line(here.name),
            f"{here.state} at step {here.step:,}, {formats.duration(here.train_s)} trained",
        ]
        if here.state == "crashed":
            lines.append(visible_line(log_end(Path(here.path))[-400:].strip() or "it left no word"))
        return "\n".join([*lines, "", "Space marks runs to compare."])
    lines = ["  ".join(f"{LETTERS[i]} {visible_line(run.name, 24)}" for i, run in enumerate(found)), ""]
    for name in FIELDS:
        values = [value_of(run.config, name) for run in found]
        if name != "sha256" and any(value != values[0] for value in values):
            shown = (_told(value) for value in values)
            lines.append(f"{name:<18}" + "  ".join(f"{LETTERS[i]} {value}" for i, value in enumerate(shown)))
    return "\n".join(lines if len(lines) > 2 else [*lines, "The same settings."])


def _told(value: object) -> str:
    """A setting in a few characters."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.4g}" if isinstance(value, float) else visible_line(store.short_corpus(str(value)), 16)
