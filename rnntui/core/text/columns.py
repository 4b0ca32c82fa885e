"""The running text of a run: all of a corpus, or the texts of one column of a table."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from rnntui.core.config.schema import TextConfig
from rnntui.core.text.corpus import Source
from rnntui.core.text.csv_rows import Reading, WantedColumn
from rnntui.core.text.record_cache import LeftOut
from rnntui.core.text.records import TABLES, kind_of, records


def source_of(config: TextConfig) -> Source:
    """The text that a language model of `config` learns.  Raises InputError for an encoding that nobody knows."""
    if config.text_column is None:
        return Source(config.corpus, config.encoding, config.on_error)
    return _ColumnSource(config, config.text_column)


def another_of(config: TextConfig, corpus: str, encoding: str, on_error: str) -> Source:
    """As `source_of`, for another corpus; one that is no table is a text as a whole."""
    column = config.text_column if kind_of(corpus) in TABLES else None
    changed = {"corpus": corpus, "encoding": encoding, "on_error": on_error, "text_column": column}
    return source_of(msgspec.structs.replace(config, **changed))


class _ColumnSource(Source):
    """The texts of a column, a line end behind each; blank ones are left out and counted."""

    def __init__(self, config: TextConfig, column: str) -> None:
        super().__init__(config.corpus, config.encoding, config.on_error)
        self._config, self._column = config, column
        self._reading, self._left_out = Reading(), LeftOut()

    def _blocks(self) -> Iterator[str]:
        self.files = 1
        instead = "give a .tsv, .csv or .jsonl file, or leave out --text-column"
        for record in records(self._config, [WantedColumn("text", self._column)], instead, self._reading):
            text = record.fields[0]
            if text.strip():
                yield f"{text}\n"
            else:
                self._left_out.add("without text", record.where)

    def remarks(self) -> list[str]:
        left_out = str(self._left_out)
        return [*self._reading.notes, *([f"left out: {left_out}"] if left_out else [])]
