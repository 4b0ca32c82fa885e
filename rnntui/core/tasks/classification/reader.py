"""Labelled texts: a table of them (see `records.py`), or a folder for each label with a file for each text."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rnntui.core.config.schema import TextConfig
from rnntui.core.errors import InputError, short
from rnntui.core.files import expanded
from rnntui.core.text import catalogue
from rnntui.core.text.corpus import Source, files_below, leads_out, reading_of
from rnntui.core.text.csv_rows import Reading, WantedColumn
from rnntui.core.text.parts import part_texts
from rnntui.core.text.record_cache import LeftOut, Read
from rnntui.core.text.records import records, text_of

_NAMED = 10
"""Labels that a message names at most."""
MOST_LABELS = 10_000
"""Labels that a classifier tells apart at most; a column with more holds something else."""


class Example(NamedTuple):
    """A text and what it is an example of."""

    text: str
    label: str
    where: str
    """The file and the line, for a person."""
    part: str = ""
    """The held-out part whose own file it is from; '' where its corpus is to be divided."""


def read(config: TextConfig) -> Read[Example]:
    """Every example of the corpus that `config` names.

    Raises InputError: one line that names the file, the line, what was expected and the next step.
    """
    elsewhere: list[Path] = []
    left_out = LeftOut()
    found = []
    form = Reading()
    for part, text in part_texts(config).items():
        for example in _examples(text, elsewhere, form):
            if not example.text.strip():
                left_out.add("without text", example.where)
            elif not example.label.strip():
                left_out.add("without a label", example.where)
            else:
                found.append(example._replace(part=part))
    for file in elsewhere:
        left_out.add("in other folders, by links", str(file))
    found = _common(found, config.min_label_count, left_out)
    for part, text in part_texts(config).items():
        if not any(example.part == part for example in found):
            raise InputError(
                f"{text.corpus}: no examples{left_out.told()}; give texts with labels, a few dozen or more"
            )
    digest = hashlib.sha256()
    for example in found:
        own = [example.part] if example.part else []
        digest.update(json.dumps([example.label, example.text, *own]).encode())
    return Read(found, digest.hexdigest(), str(left_out), tuple(form.notes))


def _common(examples: list[Example], least: int, left_out: LeftOut) -> list[Example]:
    """Return the examples whose label has `least` texts or more, beside the files of held-out parts."""
    counts = Counter(example.label for example in examples if not example.part)
    if least == 1:
        return examples  # a label that only a held-out part has is a fault, not a rare one
    for example in examples:
        if counts[example.label] < least:
            left_out.add(f"with labels seen less than {least} times", example.where)
    return [example for example in examples if counts[example.label] >= least]


def check_labels(examples: Sequence[Example], hold_out: bool = True) -> None:
    """Raises InputError unless there are two labels or more, and where texts are held out, each seen twice or more."""
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
    rare = [example for example in examples if counts[example.label] == 1]
    if rare and len(rare) == len(examples) > _NAMED:
        raise InputError(
            f"{rare[0].where}: every label is seen once, as numbers and names are: is it the right column? Name "
            f"another with --label-column"
        )
    if hold_out and rare:
        named = ", ".join(f"'{short(example.label)}'" for example in rare[:_NAMED])
        more = f" and {len(rare) - _NAMED:,} more" if len(rare) > _NAMED else ""
        raise InputError(
            f"{rare[0].where}: labels that are seen once: {named}{more}; add texts, one to learn from and one to hold "
            f"out, or leave these labels out with --min-label-count 2"
        )


def _examples(config: TextConfig, elsewhere: list[Path], form: Reading) -> Iterator[Example]:
    corpus = config.corpus
    folder = expanded(corpus)
    if corpus not in catalogue.SAMPLES and corpus != "-" and "://" not in corpus and folder.is_dir():
        yield from _folder(folder, config, elsewhere)
        return
    columns = (
        WantedColumn("text", config.text_column or "text"),
        WantedColumn("label", config.label_column, is_text=False),
    )
    instead = "give a .tsv, .csv or .jsonl file, a folder for each label, or leave out --task classify"
    for record in records(config, columns, instead, form):
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
            encoding = config.encoding
            if encoding != "auto":
                encoding, _ = reading_of(file, encoding)
            source = Source(str(file), encoding, config.on_error)
            yield Example(
                text_of(source.blocks(), str(file)) if file.stat().st_size else "", label.name, str(file)
            )
