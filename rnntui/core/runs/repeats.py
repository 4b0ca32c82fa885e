"""Repetitions of a run, which differ in their seed or fold alone: mean, spread, and paired comparisons."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from rnntui.core.config import SECTIONS, Config

_BY_REPETITION = ("seed", "fold")
"""Settings in which repetitions differ."""
_T_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Student's t at 97.5%, by degrees of freedom from 1 (Student 1908)."""
_T_MORE = 1.96


class Repeatable(Protocol):
    """The fields of a `RunSummary` by which repetitions are found."""

    @property
    def settings(self) -> str: ...

    @property
    def repeat(self) -> str: ...


RunT = TypeVar("RunT", bound=Repeatable)


class Spread(NamedTuple):
    """A figure over the repetitions."""

    mean: float
    deviation: float
    """Standard deviation (of a sample); not a number of a single one."""
    size: int


class PairedDifference(NamedTuple):
    """Difference between two groups, repetition by repetition."""

    mean: float
    """Second minus first."""
    low: float
    high: float
    """95% interval by Student's t; infinite of a single pair."""
    size: int
    """Repetitions that both have."""
    higher: int
    """Number of repetitions in which the second value is higher."""

    @property
    def is_clear(self) -> bool:
        """True if the interval is on one side of zero."""
        return self.low > 0 or self.high < 0


def repetition_of(config: Config) -> str:
    """Label of a repetition: `seed 3`, or `fold 2/10, seed 1`."""
    seed = f"seed {config.training.seed}"
    return f"fold {config.text.fold}, {seed}" if config.text.fold else seed


def shared_settings(config: Config) -> str:
    """Digest of the corpus and of all settings but those in which repetitions differ."""
    tree = {section: msgspec.to_builtins(getattr(config, section)) for section in SECTIONS}
    for settings in tree.values():
        for name in _BY_REPETITION:
            settings.pop(name, None)
    return hashlib.sha256(msgspec.json.encode(tree, order="deterministic")).hexdigest()[:16]


def groups_of(runs: Sequence[RunT]) -> list[list[RunT]]:
    """The runs that are repetitions of one another, two or more, each once; the newest of the same repetition."""
    found: dict[str, dict[str, RunT]] = {}
    for run in runs:
        if run.settings:
            found.setdefault(run.settings, {})[run.repeat] = run
    return [list(group.values()) for group in found.values() if len(group) > 1]


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation of one value or more."""
    deviation = statistics.stdev(values) if len(values) > 1 else math.nan
    return Spread(statistics.fmean(values), deviation, len(values))


def paired(first: Mapping[str, float], second: Mapping[str, float]) -> PairedDifference | None:
    """The difference between two groups by repetition; None where they have none in common."""
    differences = [second[each] - first[each] for each in first if each in second]
    if not differences:
        return None
    mean, deviation, size = spread(differences)
    degrees = size - 1
    half = math.inf
    if degrees:
        t = _T_95[degrees - 1] if degrees <= len(_T_95) else _T_MORE
        half = t * deviation / math.sqrt(size)
    return PairedDifference(mean, mean - half, mean + half, size, sum(each > 0 for each in differences))
