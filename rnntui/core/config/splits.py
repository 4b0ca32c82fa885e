"""Splits of a text into training, validation and test part."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from rnntui.core.errors import InputError, short

Part = TypeVar("Part")

NOTHING_HELD_OUT = "100"
"""The split of a text that is learned from as a whole."""
_FEW_EXAMPLES = 20
"""Examples of which a tenth says nothing."""
_HELDOUT = 1_000_000
MOST_FOLDS = 1000


def split_fractions(split: str) -> tuple[float, float, float]:
    """The fractions of train, valid and test in a text like `90/5/5`, `90/10`, or `100` where nothing is held out.

    Raises ValueError for anything else than one to three positive percentages that add up to 100.
    """
    try:
        parts = [float(part) for part in split.split("/")]
    except ValueError:
        parts = []
    if (
        len(parts) not in (1, 2, 3)
        or not all(part > 0 for part in parts)
        or not abs(sum(parts) - 100) <= 1e-6
    ):
        raise ValueError(
            f"'{short(split)}' is no split; write train/valid/test in percent, as 90/5/5, 90/10 or 100"
        )
    train, valid, test = [part / 100 for part in parts] + [0.0] * (3 - len(parts))
    return train, valid, test


def fold_of(fold: str) -> tuple[int, int]:
    """The fold, from 0, and how many there are, in a text like `3/10`.  Raises ValueError for anything else."""
    number, slash, count = fold.partition("/")
    if not (slash and number.isascii() and number.isdigit() and count.isascii() and count.isdigit()):
        raise ValueError(f"'{short(fold)}' is not a fold; write its number and their count, as 3/10")
    if not (2 <= int(count) <= MOST_FOLDS and 1 <= int(number) <= int(count)):
        raise ValueError(f"'{short(fold)}': there are 2 to {MOST_FOLDS:,} folds, counted from 1")
    return int(number) - 1, int(count)


def split_in_figures(split: str, chars: int, apart: Collection[str] = ()) -> str:
    """`split` in percent: 'auto' holds out twice 5% of a text, and no more than a million characters each.

    A million characters say how good a model is to 0.01 bits; more of them only take time.  The parts `apart` are files
    of their own, for which nothing is held out.
    """
    if split != "auto":
        return split
    return _percentages(min(5.0, 100 * _HELDOUT / max(chars, 1)), apart)


def split_of_examples(split: str, count: int, most: int, apart: Collection[str] = ()) -> str:
    """`split` in percent: 'auto' holds out twice a tenth of so many examples, and `most` each at most.

    Of a few examples nothing is held out, and nothing for the parts `apart`, which are files of their own.
    """
    if split != "auto":
        return split
    if count < _FEW_EXAMPLES:
        return NOTHING_HELD_OUT
    return _percentages(min(10.0, 100 * most / count), apart)


def _percentages(held_out: float, apart: Collection[str]) -> str:
    """Split that holds out `held_out` percent for each part without a file of its own."""
    if "valid" in apart:
        return NOTHING_HELD_OUT
    held_out = max(0.001, round(held_out, 3))
    if "test" in apart:
        return f"{round(100 - held_out, 3):g}/{held_out:g}"
    return f"{round(100 - 2 * held_out, 3):g}/{held_out:g}/{held_out:g}"


def part_of(parts: Mapping[str, Part], name: str) -> Part:
    """The part called `name`.  Raises InputError where there is none."""
    if name not in parts:
        raise InputError(f"--split: this run has no '{name}' part; it has {', '.join(parts)}")
    return parts[name]
