"""Labelled texts: a table of them (see `records.py`), or a folder for each label with a file for each text."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rnntui.core.errors import InputError
from rnntui.core.files import expanded
from rnntui.core.sections import TextConfig
from rnntui.core.text import catalogue
from rnntui.core.text.corpus import Source, files_below, leads_out
from rnntui.core.text.kept import Read
from rnntui.core.text.records import Column, records, text_of

MOST_LABELS = 10_000
"""Labels that a classifier tells apart at most; a column with more holds something else."""


class Example(NamedTuple):
    """A text and what it is an example of."""

    text: str
    label: str
    where: str
    """The file and the line, for a person."""


def read(config: TextConfig) -> Read[Example]:
    """Every example of the corpus that `config` names.

    Raises InputError: one line that names the file, the line, what was expected and the next step.
    """
    found, digest = [], hashlib.sha256()
    elsewhere: list[Path] = []
    for example in _examples(config, elsewhere):
        if not example.label.strip():
            raise InputError(f"{example.where}: the label is empty; name one, or leave the line out")
        if not example.text.strip():
            raise InputError(f"{example.where}: the text is empty; leave the line out, or give it a text")
        found.append(example)
        digest.update(json.dumps([example.label, example.text]).encode())
    if not found:
        raise InputError(f"{config.corpus}: no examples; give texts with labels, a few dozen or more")
    left_out = f"links to other folders: {len(elsewhere):,}, {elsewhere[0]} first" if elsewhere else ""
    return Read(found, digest.hexdigest(), left_out)


def check_labels(examples: Sequence[Example]) -> None:
    """Raises InputError unless there are two labels or more, each seen twice or more often."""
    counts = Counter(example.label for example in examples)
    if len(counts) > MOST_LABELS:
        raise InputError(
            f"{examples[0].where}: {len(counts):,} labels; at most {MOST_LABELS:,} can be told apart: is it the right "
            f"column? Name another with --label-column"
        )
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


def _examples(config: TextConfig, elsewhere: list[Path]) -> Iterator[Example]:
    corpus = config.corpus
    folder = expanded(corpus)
    if corpus not in catalogue.SAMPLES and corpus != "-" and "://" not in corpus and folder.is_dir():
        yield from _folder(folder, config, elsewhere)
        return
    columns = (Column("text", config.text_column), Column("label", config.label_column, is_text=False))
    instead = "give a .tsv, .csv or .jsonl file, a folder for each label, or leave out --task classify"
    for record in records(config, columns, instead):
        text, label = record.fields
        yield Example(text, label.strip(), record.where)  # a blank that nobody sees makes no other label


def _folder(path: Path, config: TextConfig, elsewhere: list[Path]) -> Iterator[Example]:
    """A file for each text, in a folder for each label; links out of the folder go to `elsewhere`."""
    folders = sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))
    labels = [each for each in folders if not leads_out(each, path)]
    elsewhere += [each for each in folders if each not in labels]
    if len(labels) < 2:
        raise InputError(f"{path}: {len(labels)} folders; give one for each label, two or more")
    for label in labels:
        for file in files_below(label):
            if leads_out(file, path):
                elsewhere.append(file)
                continue
            if not file.stat().st_size:
                raise InputError(f"{file}: the text is empty; delete the file, or give it a text")
            text = text_of(Source(str(file), config.encoding, config.on_error).blocks(), str(file))
            yield Example(text, label.name, str(file))
