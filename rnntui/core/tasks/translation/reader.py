"""Pairs of texts: a table of them (see `records.py`), or two files whose lines belong together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

from rnntui.core.config.schema import PART_CORPORA, TextConfig
from rnntui.core.config.splits import split_fractions
from rnntui.core.errors import InputError
from rnntui.core.text.corpus import Source, canonical
from rnntui.core.text.csv_rows import Reading, WantedColumn
from rnntui.core.text.parts import part_texts
from rnntui.core.text.record_cache import LeftOut, Read
from rnntui.core.text.records import LONGEST_TEXT, lines_of, records


class Pair(NamedTuple):
    """A text and what it becomes, each in one line."""

    source: str
    target: str
    where: str
    """The file and the line, for a person."""
    part: str = ""
    """The held-out part whose own file it is from; '' where its corpus is to be divided."""


def read(config: TextConfig) -> Read[Pair]:
    """Every pair of the corpus that `config` names, line ends within a text as spaces.

    A pair that is empty on one side is left out: in texts that were aligned by machine there are many.
    Raises InputError: one line that names the file, the line, what was expected and the next step.
    """
    found: list[Pair] = []
    digest = hashlib.sha256(b"pairs")
    left_out, form = LeftOut(), Reading()
    for part, text in part_texts(config).items():
        count = len(found)
        for pair in _side_by_side(text) if text.target_corpus else _of_table(text, form, part):
            if not (pair.source and pair.target):
                left_out.add("with an empty side", pair.where)
                continue
            found.append(pair._replace(part=part))
            digest.update(json.dumps([*pair[:2], *([part] if part else [])]).encode())
        if len(found) == count:
            raise InputError(f"{text.corpus}: no pairs{left_out.told()}; give some hundred or more")
    return Read(found, digest.hexdigest(), str(left_out), tuple(form.notes))


def in_one_line(text: str) -> str:
    """`text` with a space for every line end, and none around it."""
    return " ".join(text.split("\n")).strip() if "\n" in text else text.strip()


def divide(pairs: list[Pair], split: str) -> dict[str, list[Pair]]:
    """The pairs in three parts, the held-out ones at the end: what stands close together stays together.

    A pair of the beginning whose source is held out as well is left out.  Where nothing is held out, there is one part,
    and those that are files of their own.
    """
    own = {part: [pair for pair in pairs if pair.part == part] for part in PART_CORPORA}
    divided = _divided([pair for pair in pairs if not pair.part], split)
    return divided | {name: part for name, part in own.items() if part}


def _divided(pairs: list[Pair], split: str) -> dict[str, list[Pair]]:
    _, valid, test = split_fractions(split)
    if not valid:
        return {"train": pairs}
    count = len(pairs)
    ends = [max(1, round(count * valid)), round(count * test)]
    cut = max(1, count - sum(ends))
    held_out = {"valid": pairs[cut : cut + ends[0]], "test": pairs[cut + ends[0] :]}
    known = {pair.source for part in held_out.values() for pair in part}
    train = [pair for pair in pairs[:cut] if pair.source not in known]
    return {"train": train} | {name: part for name, part in held_out.items() if part or name != "test"}


def _of_table(config: TextConfig, form: Reading, part: str) -> Iterator[Pair]:
    columns = (WantedColumn("source", config.source_column), WantedColumn("target", config.target_column))
    flag = f"--{part}-target-corpus" if part else "--target-corpus"
    instead = f"give a .tsv, .csv or .jsonl file, or name the file of the other side's lines with {flag}"
    for record in records(config, columns, instead, form):
        source, target = record.fields
        yield Pair(in_one_line(source), in_one_line(target), record.where)


def _side_by_side(config: TextConfig) -> Iterator[Pair]:
    """The lines of two files.  Raises InputError where one has more of them."""
    names = (config.corpus, config.target_corpus)
    sources = [Source(name, config.encoding, config.on_error) for name in names]
    sides = [lines_of(each.blocks(), canonical(each.source), LONGEST_TEXT) for each in sources]
    for number, (source, target) in enumerate(zip_longest(*sides), start=1):
        if source is None or target is None:
            longer, shorter = names if target is None else names[::-1]
            raise InputError(
                f"{canonical(longer)}: line {number} has no partner: {canonical(shorter)} ends after {number - 1:,} "
                f"lines; the two must have the same number"
            )
        yield Pair(source.strip(), target.strip(), f"{canonical(config.corpus)}: line {number}")
