"""CSV files as people write them: between commas, semicolons or bars, with quotes doubled or escaped."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from rnntui.core.errors import InputError, oneline

LONGEST_RECORD = 1 << 23
"""Characters of a row of all columns, or of an object: in JSON, six may stand for one."""
_SNIFFED = 200
"""Lines of a table by which its form is found out."""
SEPARATORS = (",", ";", "|", "\t")
_NAMED = 3
"""Faulty rows that a message names."""


class WantedColumn(NamedTuple):
    """A column that is wanted."""

    setting: str
    """Name in its flag: 'text' for `--text-column`."""
    name: str
    is_text: bool = True
    """True if nothing but text will do, where numbers can be told from it."""


class Reading:
    """Remarks on a table as read: faulty rows, and its form."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._faults: list[str] = []
        self._count = 0

    def add_fault(self, fault: str) -> None:
        """Count a row that cannot be read."""
        self._count += 1
        if len(self._faults) < _NAMED:
            self._faults.append(fault)

    def check(self) -> None:
        """Raise InputError if any row could not be read."""
        if self._count:
            more = f"; {self._count:,} such rows in all" if self._count > len(self._faults) else ""
            raise InputError("; ".join(self._faults) + more)


def csv_rows(
    lines: Iterator[str], name: str, columns: Sequence[WantedColumn], reading: Reading
) -> Iterator[list[str]]:
    """The rows of a CSV file, each of which may span several lines.  Raises InputError where one goes on too long."""
    number, taken = 1, 0

    def measured(lines: Iterable[str]) -> Iterator[str]:
        nonlocal taken
        for line in lines:
            taken += len(line)
            if taken > LONGEST_RECORD:
                raise InputError(f"{name}: row {number}: {too_long(LONGEST_RECORD)}; is a quote left open?")
            yield line

    csv.field_size_limit(LONGEST_RECORD)  # the library's own limit of 131,072 is a page
    head = list(islice(measured(lines), _SNIFFED))
    taken = 0
    separator = _separator(head, columns)
    escape = _escapes(head, separator)
    if separator != ",":
        reading.notes.append(
            "columns between tabs" if separator == "\t" else f"columns between '{separator}'"
        )
    if escape:
        reading.notes.append('quotes within quotes written as \\"')
    try:
        for row in csv.reader(
            measured(chain(head, lines)),
            strict=True,
            delimiter=separator,
            escapechar="\\" if escape else None,
        ):
            yield row
            number, taken = number + 1, 0
    except csv.Error as error:
        fault = f"{name}: row {number}: not CSV: {oneline(error)}"
        raise InputError(f"{fault}; is a quote left open? Mend it") from None


def _separator(head: Sequence[str], columns: Sequence[WantedColumn]) -> str:
    """Return the separator: the one with the wanted names, else the one that divides all rows alike, into the most."""

    def fit(separator: str) -> tuple[int, int, int]:
        rows = list(
            csv.reader(head[:-1] or head, delimiter=separator)
        )  # the last row may go on behind the head
        names = [name.strip() for name in rows[0]] if rows else []
        alike = {len(row) for row in rows if row} == {len(names)}
        return sum(column.name in names for column in columns), alike and len(names) > 1, len(names)

    return max(SEPARATORS, key=fit)


def _escapes(head: Sequence[str], separator: str) -> bool:
    """True if quotes within quotes are written as \\", where doubled ones cannot be meant."""
    if not any('\\"' in line for line in head):
        return False
    try:
        for _ in csv.reader(head, strict=True, delimiter=separator):
            pass
    except csv.Error:
        return True
    return False


def too_long(most: int) -> str:
    """Message for a text that is longer than can be read."""
    return f"more than {most:,} characters; divide it, or leave it out"
