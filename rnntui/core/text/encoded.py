"""Tokens of the parts of a corpus, cached on disk and mapped into memory."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import numpy as np

from rnntui.core.config.schema import TextConfig
from rnntui.core.config.splits import part_of
from rnntui.core.errors import RnntuiError
from rnntui.core.files import folder_written_atomically, open_named
from rnntui.core.runs.store import cache_home
from rnntui.core.text import tokenizers
from rnntui.core.text.compressors import PACKED, floors
from rnntui.core.text.parts import TextPart
from rnntui.core.text.spelling import spelled
from rnntui.core.text.spool import Report
from rnntui.core.text.statistics import WordCount
from rnntui.core.text.tokenizers import Ids, Tokenizer

_SPELLED = 1 << 21
"""Characters of a training part whose unknown words are spelled as well, for who scores it."""
_VERSION = 4
"""Version of the content of a cache folder."""
OLDER = (3, 2)
"""Versions that can still be read: 3 counted no words, 2 spelled no unknown ones."""


@dataclass(frozen=True)
class Split:
    """A contiguous part of the corpus."""

    name: str
    tokens: Ids
    """(N,) token numbers, mapped from the cache."""
    chars: int
    bytes: int
    """Bytes of the part's text as UTF-8, over which bits per byte are counted."""
    words: int | None = None
    """Words between white space, and line ends, over which perplexity per word is counted; None where nobody has."""
    floors: dict[str, float] = field(default_factory=dict)
    """Bits a byte that need no model: `characters` by their frequencies, and packers.  Of held-out parts only."""
    spelling: float = math.nan
    """Nats that the letters of its unknown tokens cost; not a number where nobody has counted."""
    unknown: int = 0
    """Number of these tokens."""


@dataclass(frozen=True)
class Dataset:
    """The corpus of a run: the held-out parts are its end, and nothing was learned from them."""

    splits: dict[str, Split]

    def __getitem__(self, name: str) -> Split:
        """The split called `name`.  Raises InputError where the run has none."""
        return part_of(self.splits, name)

    @property
    def held_out(self) -> int:
        """Tokens that are held out while training, in the part `valid`."""
        return len(self.splits["valid"].tokens) if "valid" in self.splits else 0

    @property
    def scored(self) -> Split:
        """The part that figures are about: the held-out one, or where nothing is held out what is learned from."""
        return self.splits["valid" if self.held_out else "train"]


def cache_path(text: TextConfig, tokenizer: Tokenizer, version: int = _VERSION) -> Path:
    """The cache folder of a corpus in these tokens."""
    key = hashlib.sha256(
        f"{version} {text.sha256} {text.split} ".encode() + tokenizers.dumps(tokenizer)
    ).hexdigest()
    return cache_home() / "tokens" / key[:32]


def encode(parts: Mapping[str, TextPart], tokenizer: Tokenizer, path: Path, report: Report) -> Dataset:
    """Encode the parts into the cache folder `path` and map them."""
    if found := cached(path):
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    with folder_written_atomically(path) as folder:
        sizes = {}
        done, total = 0, sum(part.chars for part in parts.values())
        for name, part in parts.items():
            sizes[name] = _encode_part(part, tokenizer, folder / f"{name}.npy", report, done, total)
            done += part.chars
        for name, part in parts.items():
            if name != "train":
                sizes[name]["floors"] = floors(part.blocks(), parts["train"].end(PACKED))
            if name != "train" or len(sizes) == 1 or part.chars <= _SPELLED:
                sizes[name] |= spelled(tokenizer, part.blocks())._asdict()
        (folder / "sizes.json").write_text(json.dumps(sizes), encoding="utf-8")
    found = cached(path)
    if found is None:
        raise RnntuiError(f"{path}: was written and cannot be read; is something else at work on it?")
    return found


def _encode_part(
    part: TextPart, tokenizer: Tokenizer, path: Path, report: Report, done: int, total: int
) -> dict[str, Any]:
    """Write the tokens of a part to `path`, where `done` of `total` characters are encoded; returns its sizes."""
    size, words = 0, WordCount()

    def counted() -> Iterator[str]:
        nonlocal size, done
        for block in part.blocks():
            yield block
            size += len(block.encode())
            words.add(block)
            done += len(block)
            report(f"encoding {total:,} characters", done / total)

    _write_tokens(path, tokenizer.dtype, tokenizer.encode_blocks(counted()))
    return {"chars": part.chars, "bytes": size, "words": words.total, "sha256": _digest(path)}


def _write_tokens(path: Path, dtype: type[np.unsignedinteger[Any]], blocks: Iterator[Ids]) -> None:
    """The tokens as a .npy file; its header has room for the number of them, known in the end."""
    with path.open("wb") as file:
        total = 0
        header = {"descr": np.dtype(dtype).str, "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, header | {"shape": (total,)})
        for block in blocks:
            file.write(block.astype(dtype, copy=False).data)
            total += len(block)
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, header | {"shape": (total,)})


def _digest(path: Path) -> str:
    """The sha256 of a file in the cache.  Raises OSError."""
    with open_named(path) as file:
        return hashlib.file_digest(cast("io.BufferedReader", file), "sha256").hexdigest()


def cached(path: Path) -> Dataset | None:
    """The dataset in the cache folder `path`, if it is there and as it was written."""
    try:
        with open_named(path / "sizes.json") as file:
            sizes = msgspec.json.decode(file.read(), type=dict[str, _Sizes])
        splits = {name: _cached_split(path / f"{name}.npy", name, size) for name, size in sizes.items()}
        return Dataset(splits) if "train" in splits else None
    except (OSError, ValueError, RecursionError, EOFError):
        return None  # not there, damaged, or written by another version


class _Sizes(msgspec.Struct, forbid_unknown_fields=True):
    """An entry of `sizes.json`."""

    chars: Annotated[int, msgspec.Meta(ge=0)]
    bytes: Annotated[int, msgspec.Meta(ge=0)]
    words: int | None = None
    floors: dict[str, float] = {}
    spelling: float | None = None
    unknown: int = 0
    sha256: str | None = None
    """Digest of the part's tokens; older versions wrote none."""


def _cached_split(path: Path, name: str, size: _Sizes) -> Split:
    """A part as it was written.  Raises ValueError where its file is damaged."""
    if size.sha256 is not None and _digest(path) != size.sha256:
        raise ValueError(f"{path}: damaged")
    return Split(
        name,
        np.load(path, mmap_mode="r"),
        size.chars,
        size.bytes,
        size.words,
        size.floors,
        math.nan if size.spelling is None else size.spelling,
        size.unknown,
    )
