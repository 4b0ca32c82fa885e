"""The running text of a run: all of a corpus, or the texts of one column of a table, of shards, or of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from rnntui.core.config.schema import TextConfig
from rnntui.core.files import expanded
from rnntui.core.text.corpus import DATASET, Source, files_below, leads_out
from rnntui.core.text.csv_rows import Reading, WantedColumn
from rnntui.core.text.record_cache import LeftOut
from rnntui.core.text.records import TABLES, kind_of, records

_BLOCK = 1 << 18
"""Characters of a block."""
_USUAL = "text"
"""Column of a dataset whose texts are read where nobody names one."""


def source_of(config: TextConfig) -> Source:
    """The text that a language model of `config` learns.  Raises InputError for an encoding that nobody knows."""
    column = config.text_column or (_USUAL if config.corpus.startswith(DATASET) else None)
    if column is None:
        return Source(config.corpus, config.encoding, config.on_error)
    return _ColumnSource(config, column)


def another_of(config: TextConfig, corpus: str, encoding: str, on_error: str) -> Source:
    """As `source_of`, for another corpus; one that is no table is a text as a whole."""
    column = config.text_column if kind_of(corpus) in TABLES or _shards(corpus) else None
    changed = {"corpus": corpus, "encoding": encoding, "on_error": on_error, "text_column": column}
    return source_of(msgspec.structs.replace(config, **changed))


class _ColumnSource(Source):
    """The texts of a column, a line end behind each; blank ones are left out and counted."""

    def __init__(self, config: TextConfig, column: str) -> None:
        super().__init__(config.corpus, config.encoding, config.on_error)
        self._config, self._column = config, column
        self._reading, self._left_out = Reading(), LeftOut()

    def _blocks(self) -> Iterator[str]:
        yield from _gathered(self._texts())

    def _texts(self) -> Iterator[str]:
        shards = _shards(self.source)
        if not shards:
            yield from self._texts_of(self._config)
            return
        self._size = sum(shard.stat().st_size for shard in shards)
        for shard in shards:
            if leads_out(shard, Path(self.source)):
                self.skipped.append(f"{shard}: a link to another folder")
                continue
            yield from self._texts_of(msgspec.structs.replace(self._config, corpus=str(shard)))
            self._read += shard.stat().st_size

    def _texts_of(self, config: TextConfig) -> Iterator[str]:
        """The texts of one table, or of a dataset, which is read from where it lies."""
        self.files += 1
        instead = "give a .tsv, .csv, .jsonl or .parquet file or a folder of them, or leave out --text-column"
        wanted = [WantedColumn("text", self._column)]
        for record in records(config, wanted, instead, self._reading, streaming=True):
            text = record.fields[0]
            if text.strip():
                yield f"{text}\n"
            else:
                self._left_out.add("without text", record.where)

    def remarks(self) -> list[str]:
        left_out = str(self._left_out)
        found = [*self._reading.notes, *([f"left out: {left_out}"] if left_out else [])]
        if self.files > 1:
            found.append(f"read {self.files:,} shards")
        return [*found, *super().remarks()]


def _gathered(texts: Iterator[str]) -> Iterator[str]:
    """The same text in blocks of about one size: what is kept of each block must not depend on how short texts are."""
    parts, length = list[str](), 0
    for text in texts:
        parts.append(text)
        length += len(text)
        if length >= _BLOCK:
            yield "".join(parts)
            parts, length = [], 0
    if parts:
        yield "".join(parts)


def _shards(corpus: str) -> list[Path]:
    """Tables in a folder, sorted by name; an empty list if `corpus` is not a local folder."""
    if (
        "://" in corpus
        or corpus.startswith(DATASET)
        or corpus == "-"
        or not (folder := expanded(corpus)).is_dir()
    ):
        return []
    return [path for path in files_below(folder) if kind_of(path.name) in TABLES]
