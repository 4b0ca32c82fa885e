"""The errors that a person can act on: one line each, and the exit code that goes with it."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable
from itertools import islice

_COMPARED, _LISTED = 100_000, 80
"""Known names that a wrong one is compared with, and that a message lists, at most."""
_QUOTED = 60
"""Characters of what a person gave that a message repeats."""


class RnntuiError(Exception):
    """Something failed for a reason that one line can say.  Commands print it and exit 1."""

    exit_code = 1


class InputError(RnntuiError):
    """The input or the usage is wrong: names the file or key, the fault and the next step.  Exit 2."""

    exit_code = 2


class WriteError(RnntuiError):
    """The system refused a write, as for want of room; what was there before is as it was."""


class NumericalError(RnntuiError):
    """Training met non-finite numbers or diverged, again and again at ever smaller rates."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that is closest to `name`, or a list of them; a file may hold any number."""
    names = sorted(map(short, islice(known, _COMPARED)))
    close = difflib.get_close_matches(short(name), names, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return f"known: {', '.join(names[:_LISTED])}{more}"


_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}
_BOUNDS = {">=": "of at least", ">": "above", "<=": "of at most", "<": "below"}
_EXPECTED = re.compile(r"Expected `(\w+)(?: \| null)?`(?: (>=|>|<=|<) (\S+)|, got `(\w+)`)?")


def plain(reason: str) -> str:
    """The reason of a `msgspec.ValidationError` for those who do not know Python's types."""
    match = _EXPECTED.match(reason)
    if not match or match[1] not in _TYPES:
        return reason
    kind, relation, bound, found = match.groups()
    wanted = f"has to be {_TYPES[kind]}"
    if relation:
        wanted += f" {_BOUNDS[relation]} {float(bound):,g}"
    return wanted + (f", not {_TYPES.get(found, found)}" if found else "") + reason[match.end() :]


def short(text: str) -> str:
    """`text` as a message quotes it."""
    return text if len(text) <= _QUOTED else text[: _QUOTED - 1] + "…"


def command(*words: object) -> str:
    """A command that a message advises, quoted for a shell: names of files may come from anybody."""
    return f"`{shlex.join(map(str, words))}`"


def oneline(error: BaseException) -> str:
    """The error's message on one line, or its class when it has none."""
    message = " ".join(str(error).split())
    return message or type(error).__name__
