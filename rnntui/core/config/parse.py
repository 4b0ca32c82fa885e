"""Settings as a person types them, and reads them."""

from __future__ import annotations

import math
import re
from typing import Any

from rnntui.core.config import FIELDS, Field
from rnntui.core.errors import InputError, short

_UNITS: dict[str, tuple[dict[str, float], str]] = {
    "duration": ({"": 1, "s": 1, "m": 60, "h": 3600}, "90s, 5m or 1h"),
    "count": ({"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "m": 1e6, "G": 1e9}, "500k or 1M"),
}


def scaled(text: str, unit: str) -> float:
    """A number with a unit letter: a 'duration' in seconds, or a 'count'; finite.  Raises ValueError."""
    letters, examples = _UNITS[unit]
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([a-zA-Z]?)", text.strip())
    if not match or match[2] not in letters:
        raise ValueError(f"'{short(text)}' is no {unit}; write it as {examples}")
    number = float(match[1]) * letters[match[2]]
    if not math.isfinite(number):
        raise ValueError(f"'{short(text)}' is too large; write it as {examples}")
    return number


def parse(name: str, text: str) -> Any:
    """The value of the setting called `name` as a person types it; None where nothing is typed.

    Raises InputError naming the flag.  Whether the value is in range, `build` says.
    """
    field, text = FIELDS[name], text.strip()
    if not text and field.kind is not str:
        return None
    try:
        return read(field, text)
    except ValueError as error:
        raise InputError(f"{field.flag}: {error}") from None


def read(field: Field, text: str) -> Any:
    """The value of a setting as a person types it.  Raises ValueError."""
    if field.unit:
        return field.kind(scaled(text, field.unit))
    try:
        return {"on": True, "off": False}[text] if field.kind is bool else field.kind(text)
    except (ValueError, KeyError):
        raise ValueError(f"'{short(text)}' is no {_KINDS[field.kind]}") from None


_KINDS = {int: "whole number", float: "number", bool: "choice of on and off", str: "text"}


def shown(value: object) -> str:
    """Return a setting's value as text, numbers in four figures."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
