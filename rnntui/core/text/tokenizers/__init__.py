"""Tokenizers: how a text is cut, learned from its training part and saved as `tokenizer.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import msgspec
import numpy as np

from rnntui.core.config.schema import TextConfig
from rnntui.core.config.tokenizers import TOKENIZERS, TokenizerSpec
from rnntui.core.errors import InputError, nearest, short
from rnntui.core.runs.folder import read_json
from rnntui.core.runs.safe_files import LARGE
from rnntui.core.text.tokenizers.base import Ids, Tokenizer

__all__ = [
    "EVERY_WORD",
    "MOSTLY",
    "OWN_UNKNOWN",
    "Ids",
    "Tokenizer",
    "check_vocabulary",
    "dumps",
    "growth",
    "load",
    "train",
    "train_on_texts",
    "unknown_share",
    "wants_all_words",
]

TOKENIZER_FORMAT = 1
_LOOKED_AT = 1_000
"""Texts whose words are looked up to find out how many are known."""


def train(config: TextConfig, blocks: Iterable[str]) -> Tokenizer:
    """Train the tokenizer that `config` names on the text in `blocks`, the training part alone."""
    spec = TOKENIZERS[config.tokenizer]
    return _class_of(spec).train(blocks, config.vocab_size or spec.vocab_size, config.min_count)


def _class_of(spec: TokenizerSpec) -> type[Tokenizer]:
    found: type[Tokenizer] = resolve_name(spec.implementation)
    return found


OWN_UNKNOWN = "the text has its own <unk>: --min-count 1, so that all of its words are words of the model"
EVERY_WORD = "many words come once: --min-count 1, so that they are words of the model"
_LITTLE = 20_000
"""Tokens of a text that can be known whole."""
MOSTLY = 0.45
"""Share of unknown tokens above which a vocabulary is none for its text: half are all words, one to a line."""


def unknown_share(tokenizer: Tokenizer, tokens: Ids) -> float:
    """The share of the tokens (N,) that the vocabulary does not have."""
    if tokenizer.unknown is None or not len(tokens):
        return 0.0
    return float(np.count_nonzero(tokens == tokenizer.unknown) / len(tokens))


def wants_all_words(tokenizer: Tokenizer, tokens: Ids, nothing_held_out: bool) -> bool:
    """Return True if words that come once have to be words of a model.

    They have to where they are most of its text, where it is so little that all of it is to be known, and where it
    already has `<unk>` in the place of all others.
    """
    if tokenizer.marks_unknown:
        return True
    share = unknown_share(tokenizer, tokens)
    return share > MOSTLY or (nothing_held_out and share > 0 and len(tokens) <= _LITTLE)


def train_on_texts(
    config: TextConfig, texts: Sequence[str], report: Callable[[str, float | None], None]
) -> tuple[Tokenizer, TextConfig]:
    """The tokenizer of texts that lie in memory, with a lower `min_count` where most of their words come once."""
    tokenizer = train(config, texts)
    if config.min_count == TextConfig().min_count and tokenizer.unknown is not None:
        read = np.concatenate([tokenizer.encode(text) for text in texts[:_LOOKED_AT]])
        if wants_all_words(tokenizer, read, not config.holds_out):
            report(OWN_UNKNOWN if tokenizer.marks_unknown else EVERY_WORD, None)
            config = msgspec.structs.replace(config, min_count=1)
            tokenizer = train(config, texts)
    return tokenizer, config


def growth(old: Tokenizer, new: Tokenizer) -> str:
    """A line that says how much a vocabulary has grown."""
    added = new.vocab_size - old.vocab_size
    if not added:
        return "the vocabulary of --from has all of this text: nothing to extend"
    return f"{added:,} tokens added to the {old.vocab_size:,} of --from"


def check_vocabulary(tokenizer: Tokenizer, config: TextConfig) -> None:
    """Refuse a vocabulary without a word.  Raises InputError."""
    if tokenizer.unknown is not None and tokenizer.vocab_size == 1:
        raise InputError(
            f"--min-count: no word stands {config.min_count:,} times in the training part of {config.corpus}; "
            f"give a lower count"
        )


def dumps(tokenizer: Tokenizer) -> bytes:
    """The content of `tokenizer.json`."""
    content = {"format": TOKENIZER_FORMAT, "kind": tokenizer.kind} | tokenizer.to_json()
    return json.dumps(content, ensure_ascii=False, indent=0).encode()


def load(path: Path) -> Tokenizer:
    """Read `tokenizer.json`.  Raises InputError that names the file and the fault."""
    content: dict[str, Any] = read_json(path, LARGE)
    try:
        if content.get("format") != TOKENIZER_FORMAT:
            raise ValueError(
                f"format {short(str(content.get('format')))} is not {TOKENIZER_FORMAT}, the one this rnntui reads"
            )
        return _from_json(content)
    except ValueError as error:
        raise InputError(f"{path}: {error}; the run must be trained anew") from None


def _from_json(content: dict[str, Any]) -> Tokenizer:
    kind = content.get("kind")
    if not isinstance(kind, str) or kind not in TOKENIZERS:
        name = short(str(kind))
        raise ValueError(f"unknown tokenizer '{name}'; {nearest(name, TOKENIZERS)}")
    return _class_of(TOKENIZERS[kind]).from_json(content)
