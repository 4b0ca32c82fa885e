"""Writes measurements into docs/results/, a section each, with machine, versions and date."""

from __future__ import annotations

import datetime
import math
import platform
import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

import rnntui

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "results"
TOPICS = {
    "screen": ("The screen", "Completion"),
    "speed": (
        "Training speed",
        "Under load",
        "Several processes",
        "Words per second",
        "Data",
        "What bf16 costs",
        "The first minute",
    ),
    "robustness": ("Soak", "Mutations"),
    "standard": ("Standard set",),
}
"""The file of a section, by how its title begins; all others are in `losses`."""

_QUANTILES = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""Of Student's t at 97.5%, for two to ten seeds; more than ten are taken as ten."""


class Difference(NamedTuple):
    """How much lower one row is than another, by pairs of the same seed."""

    mean: float
    margin: float
    """Half of the interval that holds the true mean in 95 of 100 such experiments; infinite for one pair."""

    @property
    def is_one(self) -> bool:
        """Whether it is more than what the seeds make; one in twenty is by chance alone."""
        return abs(self.mean) > self.margin

    def __str__(self) -> str:
        if math.isinf(self.margin):
            return f"{self.mean:+.4f} (one seed)"
        shown = f"{self.mean:+.4f} ± {self.margin:.4f}"
        return f"**{shown}**" if self.is_one else f"{shown}: no difference shown"


def difference(row: Sequence[float], other: Sequence[float]) -> Difference:
    """How much lower `row` is than `other`; both hold one number for every seed, in the same order."""
    gains = [theirs - ours for ours, theirs in zip(row, other, strict=True)]
    if len(gains) == 1:
        return Difference(gains[0], math.inf)
    quantile = _QUANTILES[min(len(gains), len(_QUANTILES) + 1) - 2]
    return Difference(statistics.mean(gains), quantile * statistics.stdev(gains) / math.sqrt(len(gains)))


def mean_and_spread(numbers: Sequence[float], digits: int = 4) -> str:
    """`1.5369 (1.5015 to 1.5691)`: the mean, and from the lowest to the highest."""
    mean, low, high = (
        f"{each:.{digits}f}" for each in (statistics.mean(numbers), min(numbers), max(numbers))
    )
    return f"{mean} ({low} to {high})" if len(numbers) > 1 else f"{mean} (one seed)"


def machine() -> str:
    """The processor and the versions, in one line."""
    name = platform.processor() or platform.machine()
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        name = found[1] if found else name
    except OSError:
        pass
    instructions = torch.backends.cpu.get_cpu_capability()
    return (
        f"{name} ({instructions}), {torch.get_num_threads()} threads; Python {platform.python_version()}, "
        f"PyTorch {torch.__version__}, rnntui {rnntui.__version__}; {datetime.date.today().isoformat()}"
    )


def topic_of(title: str) -> str:
    """The file of a section."""
    return next((topic for topic, titles in TOPICS.items() if title.startswith(titles)), "losses")


def write_section(title: str, command: str, lines: list[str]) -> None:
    """Replace the section called `title` in its topic's file, or add it at the end."""
    path = FOLDER / f"{topic_of(title)}.md"
    text = path.read_text(encoding="utf-8") if path.exists() else f"# {path.stem.capitalize()}\n"
    section = "\n".join([f"## {title}", "", f"`{command}`", "", machine(), "", *lines]) + "\n\n"
    old = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    text = old.sub(lambda _: section, text) if old.search(text) else f"{text}\n{section}"
    path.write_text(text.rstrip() + "\n", encoding="utf-8")
