"""The task that a corpus is meant for, by its columns or its first characters."""

from __future__ import annotations

import json
from contextlib import suppress

from rnntui.core.config.tasks import DEFAULT_TASK, TASKS, task_of_sample
from rnntui.core.errors import InputError
from rnntui.core.files import expanded, open_named
from rnntui.core.text.catalogue import SAMPLES
from rnntui.core.text.csv_rows import SEPARATORS
from rnntui.core.text.packed import Counted, blocks_of
from rnntui.core.text.records import TABLES, kind_of

_LOOKED_AT = 1 << 16
"""Bytes in which the names of the columns stand."""


def task_for(corpus: str) -> str:
    """The task that a corpus is for: that of a sample, or of a table whose columns say so; else 'lm'."""
    if corpus in SAMPLES:
        return task_of_sample(corpus)
    names = columns_of(corpus)
    head = "" if names else _beginning(corpus)
    for task, spec in TASKS.items():
        if (spec.columns and spec.columns <= names) or (spec.opening and head.startswith(spec.opening)):
            return task
    return DEFAULT_TASK


def columns_of(corpus: str) -> set[str]:
    """The names of the columns of a table in a file; none where it is no table, or cannot be read."""
    if kind_of(corpus) not in TABLES:
        return set()
    with suppress(ValueError, RecursionError):
        head = _beginning(corpus).lstrip(" \t\r\n[")
        if kind_of(corpus) in (".csv", ".tsv"):
            line = head.partition("\n")[0]
            found = max((line.split(each) for each in SEPARATORS), key=len)
            return {name.strip().strip('"') for name in found} if len(found) > 1 else set()
        entry, _ = json.JSONDecoder().raw_decode(head)
        return set(entry) if isinstance(entry, dict) else set()
    return set()


def _beginning(corpus: str) -> str:
    """The first characters of a file; none where it cannot be read, or would have to be fetched or waited for."""
    with suppress(InputError, OSError, ValueError):
        path = expanded(corpus)
        if "://" not in corpus and path.is_file():
            with open_named(path) as file:
                head = next(blocks_of(Counted(file), corpus), b"")[:_LOOKED_AT]
            return head.decode("utf-8", "replace").removeprefix("\ufeff")
    return ""
