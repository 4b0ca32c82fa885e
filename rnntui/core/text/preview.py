"""Preview of each tokenizer on the beginning of a text."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from rnntui.core.config.schema import TextConfig
from rnntui.core.config.tasks import TASKS
from rnntui.core.errors import InputError
from rnntui.core.text import tokenizers
from rnntui.core.text.csv_rows import WantedColumn
from rnntui.core.text.records import records

HEAD = 100_000
"""Characters that the tokenizers learn from here: enough to see how they cut, in a moment."""
_SHOWN = 300
_COMMONEST = 12


@dataclass(frozen=True)
class Cut:
    """A text in the tokens of one tokenizer."""

    kind: str
    vocab_size: int
    """Vocabulary of a tokenizer trained on the beginning alone: that of the whole text may be larger."""
    characters_per_token: float
    pieces: tuple[str, ...]
    """The first tokens."""
    commonest: tuple[tuple[str, float], ...]
    """The commonest tokens with their shares."""


def cut(text: str, kind: str) -> Cut:
    """Cut the beginning of `text`, which must not be empty."""
    head = text[:HEAD]
    tokenizer = tokenizers.train(TextConfig(tokenizer=kind), [head])
    tokens = tokenizer.encode(head).tolist()
    counts = Counter(tokens)
    return Cut(
        kind=kind,
        vocab_size=tokenizer.vocab_size,
        characters_per_token=len(head) / max(len(tokens), 1),
        pieces=tuple(tokenizer.pieces(head[:_SHOWN])),
        commonest=tuple(
            (tokenizer.decode([token]), number / len(tokens))
            for token, number in counts.most_common(_COMMONEST)
        ),
    )


def first_records(config: TextConfig, most: int) -> list[tuple[str, ...]]:
    """First records of a table, with the columns of `TaskSpec.fields` in order; empty if the corpus is not a table."""
    wanted = [
        WantedColumn(
            setting.removesuffix("_column"), getattr(config, setting) or "text", setting != "label_column"
        )
        for setting in TASKS[config.task].fields
    ]
    if not wanted:
        return []
    with suppress(InputError):
        return [record.fields for record in islice(records(config, wanted, ""), most)]
    return []
