"""Labelled texts: a table, JSON lines, a folder for each label, or a dataset of Hugging Face's library.

    .tsv                a line of column names, then a text a line, columns between tabs, nothing quoted
    .csv                the same between commas, quoted where a field holds one (RFC 4180)
    .jsonl, .ndjson     an object a line
    a folder            one folder for each label, a file for each text
    hf:NAME             a dataset by its name, where the package `datasets` is installed

Every fault is one line that names the file, the line and what was expected.
"""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rnntui.core.errors import InputError, nearest, oneline
from rnntui.core.sections import TextConfig
from rnntui.core.text import catalogue
from rnntui.core.text.corpus import Source, canonical

_LONGEST_FIELD = 1 << 27
"""Characters of a field in a table; the library's own limit of 131,072 is a page."""
_DATASET = "hf:"


class Example(NamedTuple):
    """A text and what it is an example of."""

    text: str
    label: str
    where: str
    """The file and the line, for a person."""


class Examples(NamedTuple):
    """What was read of a corpus."""

    examples: list[Example]
    sha256: str
    """Of the labels and the texts in their order."""


def read(config: TextConfig) -> Examples:
    """Every example of the corpus that `config` names.

    Raises InputError: one line that names the file, the line, what was expected and the next step.
    """
    found, digest = [], hashlib.sha256()
    for example in _examples(config):
        if not example.label.strip():
            raise InputError(f"{example.where}: the label is empty; name one, or leave the line out")
        if not example.text.strip():
            raise InputError(f"{example.where}: the text is empty; leave the line out, or give it a text")
        found.append(example)
        digest.update(json.dumps([example.label, example.text]).encode())
    if not found:
        raise InputError(f"{config.corpus}: no examples; give texts with labels, a few dozen or more")
    return Examples(found, digest.hexdigest())


def check_labels(examples: Sequence[Example]) -> None:
    """Raises InputError unless there are two labels or more, each seen twice or more often."""
    counts = Counter(example.label for example in examples)
    if len(counts) < 2:
        raise InputError(
            f"{examples[0].where}: every text has the label '{examples[0].label}'; there must be two labels or more"
        )
    for example in examples:
        if counts[example.label] == 1:
            raise InputError(
                f"{example.where}: the label '{example.label}' is seen once; two texts are needed, "
                f"one to learn from and one held out"
            )


def _examples(config: TextConfig) -> Iterator[Example]:
    corpus = config.corpus
    if corpus.startswith(_DATASET):
        yield from _dataset(corpus.removeprefix(_DATASET), config)
        return
    folder = Path(corpus).expanduser()
    if corpus not in catalogue.SAMPLES and corpus != "-" and "://" not in corpus and folder.is_dir():
        yield from _folder(folder, config)
        return
    suffix = catalogue.suffix(corpus) if corpus in catalogue.SAMPLES else Path(corpus).suffix.lower()
    lines = _lines(Source(corpus, config.encoding).blocks())
    name = corpus if corpus in catalogue.SAMPLES else canonical(corpus)
    match suffix:
        case ".csv":
            yield from _table(csv.reader(lines, strict=True), name, config, quoted=True)
        case ".jsonl" | ".ndjson":
            yield from _objects(lines, name, config)
        case ".tsv" | "":
            rows = (line.rstrip("\n").split("\t") for line in lines)
            yield from _table(rows, name, config, quoted=False)
        case other:
            raise InputError(
                f"{name}: '{other}' holds no labels; give a .tsv, .csv or .jsonl file, a folder for each "
                f"label, or leave out --task classify"
            )


def _lines(blocks: Iterable[str]) -> Iterator[str]:
    """The lines of a text in blocks, each with its end."""
    rest = ""
    for block in blocks:
        *whole, rest = (rest + block).split("\n")
        yield from (line + "\n" for line in whole)
    if rest:
        yield rest


def _table(rows: Iterator[list[str]], name: str, config: TextConfig, *, quoted: bool) -> Iterator[Example]:
    """The rows of a table, whose first one names the columns."""
    wanted = {"text": config.text_column, "label": config.label_column}
    header: list[str] = []
    number = 0
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        for number, row in enumerate(rows, start=1):
            where = f"{name}: {'row' if quoted else 'line'} {number}"
            if not header:
                header = _header(row, wanted, where)
            elif row and row != [""]:
                if len(row) != len(header):
                    raise InputError(f"{where}: {len(row)} columns, where the first one names {len(header)}")
                entry = dict(zip(header, row, strict=True))
                yield Example(entry[wanted["text"]], entry[wanted["label"]], where)
    except csv.Error as error:
        raise InputError(f"{name}: row {number + 1}: not CSV: {oneline(error)}") from None


def _header(row: list[str], wanted: dict[str, str], where: str) -> list[str]:
    """The names of the columns.  Raises InputError where one that is wanted is missing."""
    header = [column.strip() for column in row]
    for kind, column in wanted.items():
        if header.count(column) != 1:
            fault = "no column" if column not in header else "more than one column"
            raise InputError(
                f"{where}: {fault} '{column}'; {nearest(column, header)}; name it with --{kind}-column"
            )
    return header


def _objects(lines: Iterable[str], name: str, config: TextConfig) -> Iterator[Example]:
    """An object a line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name}: line {number}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not JSON: {oneline(error)}") from None
        if not isinstance(entry, dict):
            raise InputError(f'{where}: not an object; write {{"label": ..., "text": ...}}')
        yield _entry(entry, where, config)


def _entry(entry: dict[str, Any], where: str, config: TextConfig) -> Example:
    """The example in an object.  Raises InputError where something is missing or is no text."""
    for kind, column in (("text", config.text_column), ("label", config.label_column)):
        if column not in entry:
            raise InputError(
                f"{where}: no key '{column}'; {nearest(column, entry)}; name it with --{kind}-column"
            )
    text, label = entry[config.text_column], entry[config.label_column]
    if not isinstance(text, str):
        raise InputError(f"{where}: '{config.text_column}' is no text; put it between quotes")
    if not isinstance(label, str | int | bool):
        raise InputError(f"{where}: '{config.label_column}' is neither text nor whole number")
    return Example(text, str(label), where)


def _folder(path: Path, config: TextConfig) -> Iterator[Example]:
    """A file for each text, in a folder for each label; what begins with a dot is passed over."""
    labels = sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))
    if len(labels) < 2:
        raise InputError(f"{path}: {len(labels)} folders; give one for each label, two or more")
    for label in labels:
        for file in sorted(label.rglob("*")):
            if file.is_file() and not file.name.startswith("."):
                text = "".join(Source(str(file), config.encoding).blocks())
                yield Example(text, label.name, str(file))


def _dataset(name: str, config: TextConfig) -> Iterator[Example]:
    """The training part of a dataset, its labels by their names."""
    try:
        datasets = importlib.import_module("datasets")
    except ImportError:
        raise InputError(
            f"hf:{name}: needs one more package: pip install datasets; or give a .tsv, .csv or .jsonl file"
        ) from None
    try:
        found = datasets.load_dataset(name, split="train")
        feature = found.features.get(config.label_column)
        named = getattr(feature, "int2str", str)
        for number, entry in enumerate(found):
            where = f"hf:{name}: example {number}"
            example = _entry(entry, where, config)
            yield example._replace(label=named(entry[config.label_column]))
    except InputError:
        raise
    except Exception as error:  # the library raises what its parts raise
        raise InputError(f"hf:{name}: cannot be read: {oneline(error)}") from None
