"""Tables of texts: what labelled texts and pairs of texts are read from.

    .tsv                a line of column names, then a row a line, columns between tabs, nothing quoted
    .csv                the same between commas, semicolons or bars, quoted where a field holds one (RFC 4180)
    .jsonl, .ndjson     an object a line
    .json               the same, or one array of objects
    .parquet            where the package `pyarrow` is installed
    hf:NAME             a dataset by its name, where the package `datasets` is installed

Columns have names, or numbers from 1 where a table has no line of names.  Each may be packed (`.csv.gz`).  Rows that
cannot be read are counted to the end, and the first ones named.  No text is read beyond its bound, so that memory
does not depend on how long a line is.
"""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from rnntui.core.config.schema import TextConfig
from rnntui.core.errors import InputError, nearest, oneline
from rnntui.core.files import expanded
from rnntui.core.text import catalogue
from rnntui.core.text.corpus import DATASET, Source, canonical
from rnntui.core.text.csv_rows import LONGEST_RECORD, Reading, WantedColumn, csv_rows, too_long

TABLES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
"""Endings of files with columns."""
LONGEST_TEXT = 1 << 20
"""Characters of a text: more than a long novel has."""
_LONGEST_ARRAY = 1 << 28
"""Characters of one JSON array."""
_BUFFER = 1 << 16
_ROWS = 256
"""Rows of a Parquet file that are held at once."""
_NAMES = {
    "text": ("text", "texts", "sentence", "review", "content", "body", "document"),
    "label": ("label", "labels", "class", "category", "sentiment", "target", "y"),
    "source": ("source", "src", "input", "from"),
    "target": ("target", "tgt", "output", "to"),
}
"""Common names of columns, by what they hold."""
FASTTEXT = "__label__"
"""First characters of a line of fastText."""


class Record(NamedTuple):
    """The wanted fields of a row, in the order of the columns."""

    fields: tuple[str, ...]
    where: str
    """The file and the line, for a person."""


def records(
    config: TextConfig,
    columns: Sequence[WantedColumn],
    instead: str,
    reading: Reading | None = None,
    streaming: bool = False,
) -> Iterator[Record]:
    """The rows of the corpus that `config` names; `instead` is what to do where it is no table.

    A dataset is fetched as a whole first, or with `streaming` row by row.

    Raises InputError: one line that names the file, the line, what was expected and the next step; of rows that
    cannot be read the first ones, after all were looked at.
    """
    reading = reading or Reading()
    corpus = config.corpus
    if corpus.startswith(DATASET):
        yield from _dataset(corpus.removeprefix(DATASET), columns, streaming)
        return
    file = catalogue.SAMPLES[corpus].file if corpus in catalogue.SAMPLES else corpus
    if file == corpus and expanded(corpus).is_dir():
        raise InputError(f"{corpus}: a folder, not a table; {instead}")
    name = canonical(corpus)
    if kind_of(file) == ".parquet":
        yield from _parquet(name, columns)
        return
    source = Source(corpus, config.encoding, config.on_error)
    lines = lines_of(source.blocks(), name)
    match kind_of(file):
        case ".csv":
            yield from _table(csv_rows(lines, name, columns, reading), name, columns, "row", reading)
        case ".jsonl" | ".ndjson":
            yield from _objects(lines, name, columns, reading)
        case ".json":
            yield from _json(lines, name, columns, reading)
        case ".tsv" | "":
            yield from _table(
                (line.rstrip("\n").split("\t") for line in lines), name, columns, "line", reading
            )
        case other:
            first = next(lines, "")  # a file that is not there is named before its ending
            if not (first.startswith(FASTTEXT) and columns[-1].setting == "label"):
                raise InputError(f"{name}: '{other}' holds no columns; {instead}")
            yield from _fasttext(chain([first], lines), name, reading)
    reading.check()
    reading.notes += source.remarks()


def kind_of(file: str) -> str:
    """The ending of a table's name, without that of its packing."""
    path = Path(file)
    packed = path.suffix.lower() in (".gz", ".bz2", ".xz", ".zst")
    return (Path(path.stem) if packed else path).suffix.lower()


def lines_of(blocks: Iterable[str], name: str, most: int = LONGEST_RECORD) -> Iterator[str]:
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
                raise InputError(f"{name}: line {number}: {too_long(most)}")
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
            raise InputError(f"{name}: {too_long(LONGEST_TEXT)}")
    return "".join(parts)


def _table(
    rows: Iterator[list[str]], name: str, columns: Sequence[WantedColumn], each: str, reading: Reading
) -> Iterator[Record]:
    """The rows of a table, whose first one names the columns; `each` is what a person calls one.

    Where the columns are given by number there is no such row.
    """
    header: list[str] = []
    by_number = all(column.name.isdigit() for column in columns)
    for number, row in enumerate(rows, start=1):
        where = f"{name}: {each} {number}"
        if not header:
            if by_number and row and row != [""]:
                header = [str(place) for place in range(1, len(row) + 1)]
            _check_header(header := header or [column.strip() for column in row], columns, where)
            if not by_number or _names_columns(dict(zip(header, row, strict=True)), columns, reading):
                continue
        if row and row != [""]:
            if len(row) != len(header):
                reading.add_fault(
                    f"{where}: {len(row)} columns, where the first one names {len(header)}; mend it, or leave it out"
                )
                continue
            entry = dict(zip(header, row, strict=True))
            yield _bounded(Record(tuple(entry[column.name] for column in columns), where), columns)


def _names_columns(row: dict[str, str], columns: Sequence[WantedColumn], reading: Reading) -> bool:
    """Return True if the first row of a table whose columns are given by number is their names all the same."""
    found = all(row[column.name].strip().lower() in _NAMES[column.setting] for column in columns)
    if found:
        reading.notes.append("the first row names the columns, and is none of the texts")
    return found


def _fasttext(lines: Iterable[str], name: str, reading: Reading) -> Iterator[Record]:
    """A text a line, behind its label as fastText has it: `__label__x text`."""
    for number, line in enumerate(lines, start=1):
        label, _, text = line.strip().partition(" ")
        if not label:
            continue
        if not label.startswith(FASTTEXT) or text.startswith(FASTTEXT):
            reading.add_fault(
                f"{name}: line {number}: not one label; begin it with {FASTTEXT}NAME and a space"
            )
            continue
        yield Record((text, label.removeprefix(FASTTEXT)), f"{name}: line {number}")


def _bounded(record: Record, columns: Sequence[WantedColumn]) -> Record:
    """`record` itself.  Raises InputError where a field is too long."""
    for column, field in zip(columns, record.fields, strict=True):
        if len(field) > LONGEST_TEXT:
            raise InputError(f"{record.where}: '{column.name}': {too_long(LONGEST_TEXT)}")
    return record


def _check_header(header: list[str], columns: Sequence[WantedColumn], where: str) -> None:
    """Raises InputError where a column that is wanted is missing, or is there twice."""
    for column in columns:
        if column.name not in header:
            known = [name for name in header if name]
            raise InputError(
                f"{where}: no column '{column.name}'; {_advice(column, known)}; by its number, from 1, where no row "
                f"names the columns"
            )
        if header.count(column.name) > 1:
            raise InputError(f"{where}: more than one column '{column.name}'; rename all but one")


def _advice(column: WantedColumn, known: Collection[str]) -> str:
    """Advice where a column is not among those `known`."""
    step = f"rename one, or name it with --{column.setting}-column"
    return f"{nearest(column.name, known)}; {step}" if known else f"nothing is named here; {step}"


def _objects(
    lines: Iterable[str], name: str, columns: Sequence[WantedColumn], reading: Reading
) -> Iterator[Record]:
    """An object a line."""
    shape = "{" + ", ".join(f'"{column.name}": ...' for column in columns) + "}"
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name}: line {number}"
        try:
            yield _record(json.loads(line), where, columns, shape)
        except RecursionError:
            reading.add_fault(f"{where}: not JSON that can be read, nested too deeply; write {shape}")
        except json.JSONDecodeError as error:
            reading.add_fault(f"{where}: not JSON: {error.msg}; write {shape}")
        except ValueError as error:
            reading.add_fault(f"{where}: not JSON: {oneline(error)}; write {shape}")
        except InputError as error:
            reading.add_fault(str(error))


def _json(
    lines: Iterator[str], name: str, columns: Sequence[WantedColumn], reading: Reading
) -> Iterator[Record]:
    """One array of objects, or an object a line."""
    first = next(lines, "")
    while first and not first.strip():
        first = next(lines, "")
    if not first.lstrip().startswith("["):
        yield from _objects(chain([first], lines), name, columns, reading)
        return
    parts, length = [first], len(first)
    for line in lines:
        parts.append(line)
        length += len(line)
        if length > _LONGEST_ARRAY:
            raise InputError(
                f"{name}: an array of more than {_LONGEST_ARRAY:,} characters; write an object a line"
            )
    try:
        entries = json.loads("".join(parts))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not JSON: {oneline(error)}; write an object a line") from None
    for number, entry in enumerate(entries, start=1):
        try:
            yield _record(entry, f"{name}: entry {number}", columns)
        except InputError as error:
            reading.add_fault(str(error))


def _package(module: str, who: str) -> Any:
    """A module of a package that is not always installed.  Raises InputError that says `who` needs it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise InputError(
            f"{who} needs one more package: pip install {package}; or give a .tsv, .csv or .jsonl file"
        ) from None


def _parquet(name: str, columns: Sequence[WantedColumn]) -> Iterator[Record]:
    """The rows of a Parquet file, where the package pyarrow is installed."""
    parquet = _package("pyarrow.parquet", f"{name}: Parquet")
    try:
        # Page by page: otherwise the column of a whole group of rows is held, which may be most of the file.
        file = parquet.ParquetFile(name, buffer_size=_BUFFER, pre_buffer=False)
        _check_header(list(file.schema_arrow.names), columns, name)
        number = 0
        for batch in file.iter_batches(_ROWS, columns=[column.name for column in columns]):
            for entry in batch.to_pylist():
                number += 1
                yield _record(entry, f"{name}: row {number}", columns)
    except InputError:
        raise
    except Exception as error:  # the library raises what its parts raise
        raise InputError(f"{name}: cannot be read: {oneline(error)}") from None


def _record(entry: Any, where: str, columns: Sequence[WantedColumn], shape: str = "an object") -> Record:
    """The wanted fields of an object.  Raises InputError where it is none, and where a field is missing or no text."""
    if not isinstance(entry, dict):
        raise InputError(f"{where}: not an object; write {shape}")
    for column in columns:
        if column.name not in entry:
            raise InputError(f"{where}: no key '{column.name}'; {_advice(column, entry)}")
        value = entry[column.name]
        if column.is_text and not isinstance(value, str | None):
            raise InputError(f"{where}: '{column.name}' is no text; put it between quotes")
        if not isinstance(value, str | int | float | bool | None):
            raise InputError(
                f"{where}: '{column.name}' is neither text nor a number; give one, or leave the line out"
            )
    values = (entry[column.name] for column in columns)
    fields = tuple("" if value is None else _writable(str(value)) for value in values)
    return _bounded(Record(fields, where), columns)


def _writable(text: str) -> str:
    """`text` without halves of characters, which JSON can name and no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _dataset(name: str, columns: Sequence[WantedColumn], streaming: bool) -> Iterator[Record]:
    """The training part of a dataset, what it numbers by its names."""
    datasets = _package("datasets", f"hf:{name}:")
    try:
        found = datasets.load_dataset(name, split="train", streaming=streaming)
        features = found.features or {}  # of a stream nobody may know them
        named = [getattr(features.get(column.name), "int2str", None) for column in columns]
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
