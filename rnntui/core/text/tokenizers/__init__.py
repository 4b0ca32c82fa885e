"""The four ways to cut a text, saved as `tokenizer.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rnntui.core.errors import InputError, nearest, short
from rnntui.core.run_files import LARGE
from rnntui.core.runs import read_json
from rnntui.core.sections import TextConfig
from rnntui.core.text.tokenizers.base import Ids, Tokenizer
from rnntui.core.text.tokenizers.byte import ByteTokenizer
from rnntui.core.text.tokenizers.char import CharTokenizer
from rnntui.core.text.tokenizers.word import WordTokenizer

__all__ = ["Ids", "Tokenizer", "check_vocabulary", "dumps", "load", "train"]

FORMAT = 1


def train(config: TextConfig, blocks: Iterable[str]) -> Tokenizer:
    """Learn the tokenizer that `config` asks for from the text in `blocks`, the training part alone."""
    match config.tokenizer:
        case "char":
            return CharTokenizer.train(blocks)
        case "byte":
            return ByteTokenizer()
        case "word":
            return WordTokenizer.train(blocks, config.vocab_size, config.min_count)
        case "bpe":
            from rnntui.core.text.tokenizers.bpe import BPETokenizer

            return BPETokenizer.train(blocks, config.vocab_size)


def check_vocabulary(tokenizer: Tokenizer, config: TextConfig) -> None:
    """Refuse a vocabulary without a word.  Raises InputError."""
    if isinstance(tokenizer, WordTokenizer) and not tokenizer.words:
        raise InputError(
            f"--min-count: no word stands {config.min_count:,} times in the training part of {config.corpus}; "
            f"give a lower count"
        )


def dumps(tokenizer: Tokenizer) -> bytes:
    """The content of `tokenizer.json`."""
    content = {"format": FORMAT, "kind": tokenizer.kind} | tokenizer.to_json()
    return json.dumps(content, ensure_ascii=False, indent=0).encode()


def load(path: Path) -> Tokenizer:
    """Read `tokenizer.json`.  Raises InputError that names the file and the fault."""
    content: dict[str, Any] = read_json(path, LARGE)
    try:
        if content.get("format") != FORMAT:
            raise ValueError(
                f"format {short(str(content.get('format')))} is not {FORMAT}, the one this rnntui reads"
            )
        return _from_json(content)
    except ValueError as error:
        raise InputError(f"{path}: {error}; the run must be trained anew") from None


def _from_json(content: dict[str, Any]) -> Tokenizer:
    match content.get("kind"):
        case "char":
            return CharTokenizer.from_json(content)
        case "byte":
            return ByteTokenizer.from_json(content)
        case "word":
            return WordTokenizer.from_json(content)
        case "bpe":
            from rnntui.core.text.tokenizers.bpe import BPETokenizer

            return BPETokenizer.from_json(content)
        case other:
            kind = short(str(other))
            raise ValueError(f"unknown tokenizer '{kind}'; {nearest(kind, ('char', 'word', 'bpe', 'byte'))}")
