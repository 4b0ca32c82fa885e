"""Files of a sweep's folder, which may come from anybody: looked at before Optuna reads them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from rnntui.core.errors import InputError
from rnntui.core.runs import locks
from rnntui.core.runs.safe_files import GUARD, UnsafeFileError, check_folder, open_growing, refuse_link
from rnntui.core.studies.space import Choices, Range, Space

_LARGEST = 1 << 26
"""Bytes of a journal: that of some hundred thousand trials."""
_RETRY_S = 0.01


class _Line(msgspec.Struct):
    """Keys of every line of Optuna's journal."""

    op_code: int
    worker_id: str


def check_study(path: Path) -> None:
    """Refuse a study folder in which a name of ours stands for a link or a special file.  Raises InputError."""
    for name in ("sweep.json", "run.toml", "journal.log", "trials"):
        refuse_link(path / name)
    with suppress(FileNotFoundError, NotADirectoryError):
        for trial in (path / "trials").iterdir():
            refuse_link(trial)
            with suppress(NotADirectoryError):
                check_folder(trial)


def check_journal(path: Path) -> None:
    """Make a journal where there is none, and refuse one with lines that Optuna cannot have written.

    Raises InputError.
    """
    try:
        with open_growing(path) as file:
            file.seek(0)
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be used: {error.strerror}; give another --study") from None
    if len(content) > _LARGEST:
        raise UnsafeFileError(f"{path}: larger than {_LARGEST:,} bytes; give another --study")
    whole, _, _ = content.rpartition(b"\n")  # behind it another process may be writing
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            msgspec.json.decode(line, type=_Line)
        except (ValueError, RecursionError):
            raise InputError(f"{path}: line {number} is none of a sweep; give another --study") from None


def check_trials(trials: Iterable[Any], space: Space, path: Path) -> None:
    """Refuse trials whose results are not numbers, or whose settings lie outside the search.

    Raises InputError that names the journal at `path` and the trial.
    """
    for trial in trials:
        numbers = [*(trial.values or []), *trial.intermediate_values.values()]
        fits = all(_is_in(value, space[name]) for name, value in trial.params.items() if name in space)
        if len(trial.values or []) > 1 or not all(map(_is_number, numbers)) or not fits:
            raise InputError(f"{path}: trial {trial.number} is none of this sweep; give another --study")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_in(value: object, searched: Choices | Range) -> bool:
    if isinstance(searched, Choices):
        return value in searched.values
    slack = 1e-9 * abs(searched.high)  # a draw on a logarithmic scale is rounded
    return isinstance(value, int | float) and searched.low - slack <= value <= searched.high + slack


class StudyLock:
    """The lock under which Optuna appends to its journal, taken by the system from a process that dies.

    Its own lock is a link of another name, which whoever gives the folder away could leave behind.
    """

    def __init__(self, path: Path) -> None:
        self._path = path / GUARD
        self._file: BinaryIO | None = None

    def acquire(self) -> bool:
        """Wait for the lock."""
        file = open_growing(self._path)
        while True:
            try:
                locks.lock(file)
                break
            except locks.BusyError:
                time.sleep(_RETRY_S)
            except locks.UnsupportedError:
                break  # as without one: two terminals on such a file system share no sweep
        self._file = file
        return True

    def release(self) -> None:
        """Let others have it."""
        if self._file is not None:
            self._file.close()
            self._file = None
