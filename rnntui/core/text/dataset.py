"""A corpus as three arrays of tokens: train, valid and test, cached on disk and mapped into memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rnntui.core.config import Config, TextConfig, changed, split_fractions
from rnntui.core.errors import InputError
from rnntui.core.files import folder_written_atomically
from rnntui.core.runs import Run, cache_home
from rnntui.core.text import corpus, tokenizers
from rnntui.core.text.statistics import statistics
from rnntui.core.text.tokenizers import Ids, Tokenizer

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Split:
    """A contiguous part of the corpus."""

    name: str
    tokens: Ids
    """(N,) token numbers, mapped from the cache."""
    chars: int
    bytes: int
    """Of the part's text as UTF-8: what bits per byte are counted over."""
    floors: dict[str, float] = field(default_factory=dict)
    """Bits a byte that need no model: `characters` by their frequencies, `gzip`.  Of held-out parts only."""


@dataclass(frozen=True)
class Dataset:
    """The corpus of a run: the held-out parts are its end, and nothing was learned from them."""

    splits: dict[str, Split]

    def __getitem__(self, name: str) -> Split:
        """The split called `name`.  Raises InputError where the run has none."""
        if name not in self.splits:
            raise InputError(f"--split: this run has no '{name}' part; it has {', '.join(self.splits)}")
        return self.splits[name]


def prepare(
    config: Config, narrate: Callable[[str], None] = lambda line: None
) -> tuple[Config, Tokenizer, Dataset]:
    """Read the corpus, learn the tokenizer from its training part, and encode all parts.

    Returns the configuration with the corpus's digest, the tokenizer and the tokens.  Raises InputError
    where the corpus cannot be read or is too short for the batch.
    """
    narrate(f"reading {config.text.corpus}")
    text = corpus.load(config.text.corpus, config.text.encoding)
    if text.skipped:
        narrate(f"left out {len(text.skipped)} files that are no text, {text.skipped[0]} first")
    parts = _parts(text.text, config.text.split)
    narrate(f"learning the {config.text.tokenizer} tokenizer")
    tokenizer = tokenizers.train(config.text, parts["train"])
    config = changed(config, {"sha256": text.sha256, "corpus": text.source})
    narrate(f"encoding {len(text.text):,} characters")
    dataset = _encode(parts, tokenizer, _cache_path(config.text, tokenizer))
    _check_size(dataset, config)
    return config, tokenizer, dataset


def reopen(run: Run, tokenizer: Tokenizer) -> Dataset:
    """The tokens of an existing run: from the cache, or encoded anew from the same corpus.

    Raises InputError where the corpus has changed or is gone and the cache is empty.
    """
    text_config = run.config.text
    path = _cache_path(text_config, tokenizer)
    if cached := _cached(path):
        return cached
    if text_config.corpus == "-":
        raise InputError(f"{run.path}: its corpus came from standard input and is no longer in {path.parent}")
    text = corpus.load(text_config.corpus, text_config.encoding)
    if text.sha256 != text_config.sha256:
        raise InputError(
            f"{text_config.corpus}: no longer the text that {run.path} was trained on "
            f"(sha256 {text.sha256[:12]}, not {text_config.sha256[:12]}); restore it or train a new run"
        )
    return _encode(_parts(text.text, text_config.split), tokenizer, path)


def _parts(text: str, split: str) -> dict[str, str]:
    """Cut the text at the given shares of its characters."""
    train, valid, test = split_fractions(split)
    first = int(len(text) * train)
    second = len(text) if not test else int(len(text) * (train + valid))
    parts = {"train": text[:first], "valid": text[first:second], "test": text[second:]}
    return {name: part for name, part in parts.items() if part}


def _cache_path(text: TextConfig, tokenizer: Tokenizer) -> Path:
    key = hashlib.sha256(f"{text.sha256} {text.split} ".encode() + tokenizers.dumps(tokenizer)).hexdigest()
    return cache_home() / "tokens" / key[:32]


def _encode(parts: dict[str, str], tokenizer: Tokenizer, path: Path) -> Dataset:
    """Encode the parts into the cache folder `path` and map them."""
    if cached := _cached(path):
        return cached
    path.parent.mkdir(parents=True, exist_ok=True)
    with folder_written_atomically(path) as folder:
        sizes: dict[str, dict[str, Any]] = {}
        for name, part in parts.items():
            np.save(folder / f"{name}.npy", tokenizer.encode(part).astype(tokenizer.dtype, copy=False))
            sizes[name] = {"chars": len(part), "bytes": len(part.encode("utf-8", "replace"))}
            sizes[name]["floors"] = {} if name == "train" else _floors(part)
        (folder / "sizes.json").write_text(json.dumps(sizes), encoding="utf-8")
    dataset = _cached(path)
    assert dataset is not None, "the folder was just written whole"
    return dataset


def _floors(part: str) -> dict[str, float]:
    figures = statistics(part)
    return {
        "characters": figures.entropy * figures.characters / figures.bytes,
        "gzip": figures.gzip_bits_per_byte,
    }


def _cached(path: Path) -> Dataset | None:
    """The dataset in the cache folder `path`, if it is there."""
    try:
        sizes = json.loads((path / "sizes.json").read_text(encoding="utf-8"))
        return Dataset(
            {
                name: Split(name, np.load(path / f"{name}.npy", mmap_mode="r"), **size)
                for name, size in sizes.items()
            }
        )
    except (OSError, ValueError, TypeError):
        return None  # not there, or written by another version


def _check_size(dataset: Dataset, config: Config) -> None:
    """Refuse a corpus that does not fill one batch, or whose held-out part is empty."""
    training = config.training
    train = len(dataset.splits["train"].tokens) if "train" in dataset.splits else 0
    needed = training.batch_size * (training.bptt + 1)
    if train < needed:
        fits = train // (training.bptt + 1)
        advice = f"--batch-size {fits}" if fits else f"--bptt {max(train // training.batch_size - 1, 1)}"
        raise InputError(
            f"{config.text.corpus}: too short: {train:,} training tokens, but a batch of "
            f"{training.batch_size} streams of {training.bptt} needs {needed:,}; "
            f"use a longer text or {advice}"
        )
    if "valid" not in dataset.splits or len(dataset.splits["valid"].tokens) < 2:
        raise InputError(f"{config.text.corpus}: too short: the held-out part of --split is empty")
