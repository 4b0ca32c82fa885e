"""The counted training text of a run, kept in the cache: it is sorted once, and mapped into memory from then on.

    python -m rnntui.core.completion.count_tables RUN

counts it, and compiles what reads it, in a process of its own: a screen that waits for neither goes on without.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from pathlib import Path
from typing import cast

import msgspec
import numpy as np

from rnntui.core.completion.counts import ORDER_OF_CHARACTERS, ORDER_OF_WORDS, CountedModel, counted_text
from rnntui.core.errors import InputError, RnntuiError
from rnntui.core.files import folder_written_atomically, open_named
from rnntui.core.kernels.counted_text import CountedText
from rnntui.core.runs.folder import Run
from rnntui.core.runs.store import cache_home
from rnntui.core.text import tokenizers
from rnntui.core.text.dataset import reopen
from rnntui.core.text.spool import Report, silent
from rnntui.core.text.tokenizers import Tokenizer

_VERSION = 1
_COUNTED = 1 << 23
"""Tokens at the end of a training text that are counted: what a longer one adds is not worth its memory."""


def are_kept(run: Run, tokenizer: Tokenizer) -> bool:
    """Return True if the training text of a run was counted before."""
    return (_path(run, tokenizer, order_of(tokenizer)) / "digests.json").exists()


def order_of(tokenizer: Tokenizer) -> int:
    """Tokens that stand before the counted one at most."""
    return ORDER_OF_CHARACTERS if tokenizer.unit == "character" else ORDER_OF_WORDS


def open_counts(run: Run, tokenizer: Tokenizer, report: Report = silent) -> CountedModel:
    """The counted model of a run, with nothing read yet.

    Raises InputError where the training text has changed or is gone, and RnntuiError where the cache cannot be written.
    """
    order = order_of(tokenizer)
    path = _path(run, tokenizer, order)
    text = _read(path, tokenizer.vocab_size)
    if text is None:
        report(f"counting the training text of {run.name}, once", None)
        try:
            tokens = np.asarray(reopen(run, tokenizer)["train"].tokens[-_COUNTED:])
        except InputError as error:
            raise InputError(f"--counts: needs the training text: {error}") from None
        _write(path, counted_text(tokens, tokenizer.vocab_size, order))
        text = _read(path, tokenizer.vocab_size)
        if text is None:
            raise RnntuiError(f"{path}: was written and cannot be read; is something else at work on it?")
    return CountedModel(text, order)


def _path(run: Run, tokenizer: Tokenizer, order: int) -> Path:
    text = run.config.text
    key = f"{_VERSION} {order} {text.sha256} {text.split} ".encode() + tokenizers.dumps(tokenizer)
    return cache_home() / "counts" / hashlib.sha256(key).hexdigest()[:32]


def _write(path: Path, text: CountedText) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with folder_written_atomically(path) as folder:
        for name, array in text._asdict().items():
            np.save(folder / f"{name}.npy", array)
        digests = {name: _digest(folder / f"{name}.npy") for name in text._fields}
        (folder / "digests.json").write_text(json.dumps(digests), encoding="utf-8")


def _read(path: Path, vocab_size: int) -> CountedText | None:
    """The counted text in the cache folder `path`, if it is there and as it was written."""
    try:
        with open_named(path / "digests.json") as file:
            digests = msgspec.json.decode(file.read(), type=dict[str, str])
        if any(_digest(path / f"{name}.npy") != digests[name] for name in CountedText._fields):
            return None
        arrays = (np.load(path / f"{name}.npy", mmap_mode="r") for name in CountedText._fields)
        text = CountedText(*(np.asarray(array) for array in arrays))
        return text if len(text.starts) == vocab_size + 1 else None
    except (OSError, ValueError, LookupError, RecursionError, EOFError):
        return None  # not there, damaged, or written by another version


def _digest(path: Path) -> str:
    with open_named(path) as file:
        return hashlib.file_digest(cast("io.BufferedReader", file), "sha256").hexdigest()


def main(path: Path) -> None:
    """Count the training text of the run at `path`.  Raises RnntuiError."""
    run = Run.open(path)
    tokenizer = tokenizers.load(run.path / "tokenizer.json")
    counts = open_counts(run, tokenizer)
    context, even = counts.start(tokenizer.start), np.zeros((1, tokenizer.vocab_size), np.float32)
    counts.mixed(even, counts.after([context], [tokenizer.start]))
    counts.read_along(context, even, [tokenizer.start])
    counts.read_alone(context, [tokenizer.start])
    counts.undo(2)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except RnntuiError as error:
        sys.exit(str(error))
