"""Tables of texts: what labelled texts and pairs of texts are read from.

    .tsv                a line of column names, then a row a line, columns between tabs, nothing quoted
    .csv                the same between commas, quoted where a field holds one (RFC 4180)
    .jsonl, .ndjson     an object a line
    hf:NAME             a dataset by its name, where the package `datasets` is installed

Every fault is one line that names the file, the line and what was expected.  No text is read beyond its bound, so
that memory does not depend on how long a line is.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rnntui.core.errors import InputError, nearest, oneline
from rnntui.core.files import expanded
from rnntui.core.sections import TextConfig
from rnntui.core.text import catalogue
from rnntui.core.text.corpus import Source, canonical

LONGEST_TEXT = 1 << 20
"""Characters of a text: more than a long novel has."""
_LONGEST_RECORD = 1 << 23
"""Characters of a row of all columns, or of an object: in JSON, six may stand for one."""
_DATASET = "hf:"


class Column(NamedTuple):
    """A column that is wanted."""

    setting: str
    """What the flag that names it calls it: `--text-column` is 'text'."""
    name: str
    is_text: bool = True
    """Whether nothing but text will do, where numbers can be told from it."""


class Record(NamedTuple):
    """The wanted fields of a row, in the order of the columns."""

    fields: tuple[str, ...]
    where: str
    """The file and the line, for a person."""


def records(config: TextConfig, columns: Sequence[Column], instead: str) -> Iterator[Record]:
    """The rows of the corpus that `config` names; `instead` is what to do where it is no table.

    Raises InputError: one line that names the file, the line, what was expected and the next step.
    """
    corpus = config.corpus
    if corpus.startswith(_DATASET):
        yield from _dataset(corpus.removeprefix(_DATASET), columns)
        return
    file = catalogue.SAMPLES[corpus].file if corpus in catalogue.SAMPLES else corpus
    if file == corpus and expanded(corpus).is_dir():
        raise InputError(f"{corpus}: a folder, not a table; {instead}")
    name = remembered_as(corpus)
    lines = lines_of(Source(corpus, config.encoding, config.on_error).blocks(), name)
    match Path(file).suffix.lower():
        case ".csv":
            yield from _table(_csv_rows(lines, name), name, columns, "row")
        case ".jsonl" | ".ndjson":
            yield from _objects(lines, name, columns)
        case ".tsv" | "":
            rows = (line.rstrip("\n").split("\t") for line in lines)
            yield from _table(rows, name, columns, "line")
        case other:
            raise InputError(f"{name}: '{other}' holds no columns; {instead}")


def remembered_as(corpus: str) -> str:
    """How a run and messages call a corpus of records."""
    return corpus if corpus.startswith(_DATASET) else canonical(corpus)


def lines_of(blocks: Iterable[str], name: str, most: int = _LONGEST_RECORD) -> Iterator[str]:
    """The lines of a text in blocks, each with its end.

    Raises InputError for a line of more than `most` characters, before it is read to its end.
    """
    number, parts, length = 1, list[str](), 0
    for block in blocks:
        for piece in io.StringIO(block):
            whole = piece.endswith("\n")
            parts.append(piece)
            length += len(piece) - whole
            if length > most:
                raise InputError(f"{name}: line {number}: {_too_long(most)}")
            if whole:
                yield "".join(parts)
                number, parts, length = number + 1, [], 0
    if parts:
        yield "".join(parts)


def text_of(blocks: Iterable[str], name: str) -> str:
    """The text in blocks.  Raises InputError where it has more than `LONGEST_TEXT` characters, before all are read."""
    parts, length = [], 0
    for block in blocks:
        parts.append(block)
        length += len(block)
        if length > LONGEST_TEXT:
            raise InputError(f"{name}: {_too_long(LONGEST_TEXT)}")
    return "".join(parts)


def _too_long(most: int) -> str:
    return f"more than {most:,} characters; divide it, or leave it out"


def _csv_rows(lines: Iterator[str], name: str) -> Iterator[list[str]]:
    """The rows of a CSV file, each of which may span several lines.  Raises InputError where one goes on too long."""
    number, taken = 1, 0

    def measured() -> Iterator[str]:
        nonlocal taken
        for line in lines:
            taken += len(line)
            if taken > _LONGEST_RECORD:
                raise InputError(f"{name}: row {number}: {_too_long(_LONGEST_RECORD)}; is a quote left open?")
            yield line

    csv.field_size_limit(_LONGEST_RECORD)  # the library's own limit of 131,072 is a page
    try:
        for row in csv.reader(measured(), strict=True):
            yield row
            number, taken = number + 1, 0
    except csv.Error as error:
        fault = f"{name}: row {number}: not CSV: {oneline(error)}"
        raise InputError(f"{fault}; mend it, or give the file as .tsv") from None


def _table(rows: Iterator[list[str]], name: str, columns: Sequence[Column], each: str) -> Iterator[Record]:
    """The rows of a table, whose first one names the columns; `each` is what a person calls one."""
    header: list[str] = []
    for number, row in enumerate(rows, start=1):
        where = f"{name}: {each} {number}"
        if not header:
            header = _header(row, columns, where)
        elif row and row != [""]:
            if len(row) != len(header):
                raise InputError(
                    f"{where}: {len(row)} columns, where the first one names {len(header)}; "
                    "mend it, or leave it out"
                )
            entry = dict(zip(header, row, strict=True))
            yield _bounded(Record(tuple(entry[column.name] for column in columns), where), columns)


def _bounded(record: Record, columns: Sequence[Column]) -> Record:
    """`record` itself.  Raises InputError where a field is too long."""
    for column, field in zip(columns, record.fields, strict=True):
        if len(field) > LONGEST_TEXT:
            raise InputError(f"{record.where}: '{column.name}': {_too_long(LONGEST_TEXT)}")
    return record


def _header(row: list[str], columns: Sequence[Column], where: str) -> list[str]:
    """The names of the columns.  Raises InputError where one that is wanted is missing."""
    header = [column.strip() for column in row]
    for column in columns:
        if column.name not in header:
            known = [name for name in header if name]
            raise InputError(f"{where}: no column '{column.name}'; {_advice(column, known)}")
        if header.count(column.name) > 1:
            raise InputError(f"{where}: more than one column '{column.name}'; rename all but one")
    return header


def _advice(column: Column, known: Collection[str]) -> str:
    """What to do where a column is not among those `known`."""
    step = f"rename one, or name it with --{column.setting}-column"
    return f"{nearest(column.name, known)}; {step}" if known else f"nothing is named here; {step}"


def _objects(lines: Iterable[str], name: str, columns: Sequence[Column]) -> Iterator[Record]:
    """An object a line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name}: line {number}"
        shape = "{" + ", ".join(f'"{column.name}": ...' for column in columns) + "}"
        try:
            entry = json.loads(line)
        except RecursionError:
            raise InputError(
                f"{where}: not JSON that can be read, nested too deeply; write {shape}"
            ) from None
        except ValueError as error:
            fault = error.msg if isinstance(error, json.JSONDecodeError) else oneline(error)
            raise InputError(f"{where}: not JSON: {fault}; write {shape}") from None
        if not isinstance(entry, dict):
            raise InputError(f"{where}: not an object; write {shape}")
        yield _record(entry, where, columns)


def _record(entry: dict[str, Any], where: str, columns: Sequence[Column]) -> Record:
    """The wanted fields of an object.  Raises InputError where one is missing or is no text."""
    for column in columns:
        if column.name not in entry:
            raise InputError(f"{where}: no key '{column.name}'; {_advice(column, entry)}")
        value = entry[column.name]
        if column.is_text and not isinstance(value, str):
            raise InputError(f"{where}: '{column.name}' is no text; put it between quotes")
        if not isinstance(value, str | int | bool):
            raise InputError(
                f"{where}: '{column.name}' is neither text nor whole number; give one, or leave the line out"
            )
    fields = tuple(_writable(str(entry[column.name])) for column in columns)
    return _bounded(Record(fields, where), columns)


def _writable(text: str) -> str:
    """`text` without halves of characters, which JSON can name and no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _dataset(name: str, columns: Sequence[Column]) -> Iterator[Record]:
    """The training part of a dataset, what it numbers by its names."""
    try:
        datasets = importlib.import_module("datasets")
    except ImportError:
        raise InputError(
            f"hf:{name}: needs one more package: pip install datasets; or give a .tsv, .csv or .jsonl file"
        ) from None
    try:
        found = datasets.load_dataset(name, split="train")
        named = [getattr(found.features.get(column.name), "int2str", None) for column in columns]
        for number, entry in enumerate(found):
            record = _record(entry, f"hf:{name}: example {number}", columns)
            fields = zip(columns, record.fields, named, strict=True)
            yield record._replace(
                fields=tuple(
                    name_of(entry[column.name]) if name_of else text for column, text, name_of in fields
                )
            )
    except InputError:
        raise
    except Exception as error:  # the library raises what its parts raise
        raise InputError(f"hf:{name}: cannot be read: {oneline(error)}") from None
