"""The search space of a sweep: settings that are one of several values, or lie in a range."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from rnntui.core.config import FIELDS, check_value
from rnntui.core.config.parse import parse
from rnntui.core.errors import InputError

_LOG = 4.0
"""A range whose ends are so far apart, as a ratio, is searched by its logarithm."""
_RANGE = re.compile(r"(.+?)\.\.(.+)")


class Choices(NamedTuple):
    """One of these."""

    values: tuple[Any, ...]


class Range(NamedTuple):
    """From `low` to `high`, both included: whole numbers or not, evenly or by their logarithm."""

    low: float
    high: float
    whole: bool
    log: bool


Space = dict[str, Choices | Range]


def space_of(texts: Mapping[str, str]) -> tuple[dict[str, Any], Space]:
    """Settings as a person types them, divided into fixed ones and those to search.

    `lstm,gru` is a choice, `128..1024` a range; anything else is fixed.  Raises InputError naming the flag.
    """
    fixed: dict[str, Any] = {}
    space: Space = {}
    for name, text in texts.items():
        field = FIELDS[name]
        if field.kind in (int, float) and (ends := _RANGE.fullmatch(text.strip())):
            space[name] = _range(name, *(parse(name, end) for end in ends.groups()))
        elif "," in text and name != "sample_prompt":
            values = tuple(parse(name, part) for part in text.split(","))
            if None in values or "" in values:
                raise InputError(f"{field.flag}: '{text}': a choice between values, as 1,2")
            space[name] = Choices(values)
        else:
            fixed[name] = parse(name, text)
    return fixed, space


def space_from(content: Mapping[str, list[Any]]) -> Space:
    """The space that a study searches, from its JSON.  Raises InputError for one that no version has written."""
    try:
        return {
            name: Choices(tuple(values[0])) if kind == "Choices" else Range(*values)
            for name, (kind, *values) in content.items()
            if FIELDS[name]
        }
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(
            f"--study: searches what this rnntui does not know ({error}); give another name"
        ) from None


def _range(name: str, low: float, high: float) -> Range:
    flag = FIELDS[name].flag
    for end in (low, high):
        check_value(name, end)
    if not low < high:
        raise InputError(f"{flag}: {low:g}..{high:g}: a range wants two numbers, the smaller one first")
    return Range(low, high, FIELDS[name].kind is int, low > 0 and high / low >= _LOG)
