"""Cache of the records of a corpus: a run resumes when the file has moved."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from rnntui.core.config.schema import CORPORA, TextConfig
from rnntui.core.errors import InputError
from rnntui.core.files import make_private, write_atomically
from rnntui.core.runs.folder import Run
from rnntui.core.runs.origin import check_corpus
from rnntui.core.runs.store import cache_home
from rnntui.core.text.corpus import is_pipe

RowT = TypeVar("RowT", bound=tuple[Any, ...])


class LeftOut:
    """Rows that are not used, counted by the reason, with the first of each."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, reason: str, where: str) -> None:
        """Count a row."""
        self._counts[reason] += 1
        self._first.setdefault(reason, where)

    def told(self) -> str:
        """In brackets, for a message; '' where nothing is left out."""
        return f" (left out: {self})" if self._counts else ""

    def __str__(self) -> str:
        return "; ".join(
            f"{count:,} {reason}, the first is {self._first[reason]}"
            for reason, count in self._counts.items()
        )


class Read(NamedTuple, Generic[RowT]):
    """The records of a corpus."""

    rows: list[RowT]
    sha256: str
    """Digest of the rows in their order."""
    left_out: str = ""
    """Rows or files that are not used, counted, for a person; '' where all are."""
    notes: tuple[str, ...] = ()
    """Remarks on the form of a table."""


def remember(found: Read[Any]) -> None:
    """Keep what was read."""
    path = _cached(found.sha256)
    if path.exists():
        return
    try:
        make_private(path.parent)
    except OSError:
        return  # told where the run folder is made
    write_atomically(path, json.dumps(found.rows).encode(), durable=False)


def is_cached(run: Run) -> bool:
    """True if the examples of a run are in the cache."""
    return _cached(run.config.text.sha256).exists()


def read_again(run: Run, read: Callable[[TextConfig], Read[RowT]], row: Callable[..., RowT]) -> list[RowT]:
    """Return the records of a run: from the cache, or by `read` from its corpus; `row` makes one of its fields.

    Raises InputError where the corpus has changed or is gone and the cache is empty.
    """
    text = run.config.text
    try:
        rows = msgspec.json.decode(_cached(text.sha256).read_bytes(), type=list[list[str]])
        return [row(*entry) for entry in rows]
    except (OSError, ValueError, TypeError, RecursionError):
        pass
    if any(named == "-" or is_pipe(named) for setting in CORPORA if (named := getattr(text, setting))):
        raise InputError(f"{run.path}: its examples came from a pipe and are no longer there")
    check_corpus(run)
    found = read(text)
    if found.sha256 != text.sha256:
        raise InputError(
            f"{text.corpus}: no longer the examples that {run.path} was trained on "
            f"(sha256 {found.sha256[:12]}, not {text.sha256[:12]}); restore them or train a new run"
        )
    remember(found)
    return found.rows


def _cached(sha256: str) -> Path:
    return cache_home() / "examples" / f"{sha256[:32]}.json"
