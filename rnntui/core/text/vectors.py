"""Word vectors from files: word2vec's text and binary forms, GloVe's and fastText's, also packed by gzip or zip.

word2vec text, fastText .vec   a line with the number of words and of features, then a word a line
GloVe                          a word a line, its features after it
word2vec binary                the first line as in the text form, then for each word its UTF-8 bytes, a
                               space, and its features as little-endian float32
"""

from __future__ import annotations

import gzip
import itertools
import os
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from rnntui.core.errors import InputError, oneline
from rnntui.core.files import open_named
from rnntui.core.text.spool import Report, silent

_LONGEST_WORD = 1 << 12
_MOST_FEATURES = 1 << 16
_LONGEST_NUMBER = 64
"""Bytes of a number and the space before it: twice what a double needs in full."""
_MOST_DIGITS = 20
_NAMED = 3
"""Faulty lines that are named."""
_TOLD_EVERY = 20_000
"""Words."""
_PROBE = 1 << 16
"""Bytes looked at to find out whether the file is binary."""

WordVector = npt.NDArray[np.float32]


class Vectors(NamedTuple):
    """The vectors of the words that were asked for."""

    size: int
    """Features of each."""
    found: dict[str, WordVector]
    passed_over: str = ""
    """Lines that hold no vector, counted, for a person; '' where all do."""


def read_vectors(path: Path, wanted: Collection[str], report: Report = silent) -> Vectors:
    """The vectors of the words in `wanted` that the file at `path` has; what else it holds is passed over.

    `report` is told how much of the file is read.

    Memory depends on what is wanted alone: no line is read further than its features can take.  Faulty lines are
    passed over and counted.  Raises InputError that names the file and the fault where most of them are.
    """
    try:
        with open_named(path) as raw, ExitStack() as opened:
            begins = raw.read(4)
            raw.seek(0)
            file = raw
            if begins[:2] == b"\x1f\x8b":
                file = cast("BinaryIO", gzip.GzipFile(fileobj=raw))
            elif begins == b"PK\x03\x04":  # as GloVe's are handed out: one text in it
                file = opened.enter_context(_in_archive(raw, path))
            head = file.read(_PROBE)
            file.seek(0)
            header = _header(head.partition(b"\n")[0])
            count, size = header or (0, 0)
            if header and not 0 < size <= _MOST_FEATURES:
                raise InputError(f"{path}: line 1: {size} features; from 1 to {_MOST_FEATURES:,} can be")
            faults = PassedOver()
            entries = (
                _binary(file, path, count, size) if _is_binary(head) else _lines(file, path, size, faults)
            )
            length = os.fstat(raw.fileno()).st_size
            seen = _reported(entries, lambda: report(f"reading {path.name}", min(raw.tell() / length, 1.0)))
            return _chosen(seen, wanted, path, size, faults)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or oneline(error)
        raise InputError(f"{path}: cannot be read: {reason}") from None


def _in_archive(raw: BinaryIO, path: Path) -> BinaryIO:
    """The first file in a zip archive.  Raises InputError where there is none that can be read, BadZipFile."""
    archive = zipfile.ZipFile(raw)
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if not names:
        raise InputError(f"{path}: an empty archive; give word2vec, GloVe or fastText vectors")
    try:
        return cast("BinaryIO", archive.open(names[0]))
    except (NotImplementedError, RuntimeError) as error:  # packed in another way, or encrypted
        raise InputError(f"{path}: {names[0]}: {oneline(error)}; unpack it, and give the file") from None


def _is_binary(head: bytes) -> bool:
    """Return True if the line after a header is not one of the text format: few of its parts are numbers.

    A line of text may be faulty, and is then to be named; so not all of them have to be.
    """
    first, _, rest = head.partition(b"\n")
    if not _header(first):
        return False
    parts = rest.partition(b"\n")[0].split()[1:]
    return 2 * sum(map(_is_number, parts)) <= len(parts)


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def _header(line: bytes) -> tuple[int, int] | None:
    """The number of words and of features, if the line is that."""
    parts = line.split()
    if len(parts) == 2 and all(part.isdigit() and len(part) <= _MOST_DIGITS for part in parts):
        return int(parts[0]), int(parts[1])
    return None


def _floats(parts: list[str]) -> WordVector:
    """The numbers in the parts of a line.  Raises ValueError where one is none, or not finite."""
    with np.errstate(over="ignore"):  # what is too large for fp32 is infinite there
        vector = np.array([float(part) for part in parts if part], dtype=np.float32)
    if not np.isfinite(vector).all():
        raise ValueError("a number is not finite")
    return vector


class _Entry(NamedTuple):
    word: str
    features: list[str] | WordVector
    where: str


class PassedOver:
    """Lines that hold no word with its numbers: counted, the first ones kept."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def add(self, fault: str) -> None:
        """Count a line."""
        self.count += 1
        if len(self.first) < _NAMED:
            self.first.append(fault)

    def __str__(self) -> str:
        lines = "1 line" if self.count == 1 else f"{self.count:,} lines"
        more = f" and {self.count - len(self.first):,} more" if self.count > len(self.first) else ""
        return f"{lines}: {'; '.join(self.first)}{more}"


def _lines(file: BinaryIO, path: Path, size: int, faults: PassedOver) -> Iterator[_Entry]:
    """The entries of a text; `size` is what its header says, 0 where it has none.

    The last `size` parts of a line are its numbers; what stands before them is the word, which may hold spaces.
    """
    for number in itertools.count(1):
        bound = _LONGEST_WORD + _LONGEST_NUMBER * (size or _MOST_FEATURES)
        line = file.readline(bound + 1)
        where = f"{path}: line {number}"
        if not line:
            return
        if len(line) > bound:
            raise InputError(
                f"{where}: longer than {bound:,} bytes, the most that a word and its "
                f"{size or _MOST_FEATURES:,} numbers take; give word2vec, GloVe or fastText vectors"
            )
        if number == 1 and _header(line):
            continue
        try:
            parts = line.decode().rstrip().replace("\t", " ").split(" ")
        except UnicodeDecodeError:
            faults.add(f"line {number}: not UTF-8")
            continue
        size = size or _numbers_in(parts)
        if size > _MOST_FEATURES:
            raise InputError(f"{where}: {size:,} features; from 1 to {_MOST_FEATURES:,} can be")
        if not any(parts):
            continue
        if not size or len(parts) <= size:
            found = "1 number" if len(parts) == 2 else f"{len(parts) - 1} numbers"
            faults.add(f"line {number}: {found} after '{parts[0][:40]}', not {size}")
            continue
        yield _Entry(" ".join(parts[:-size]), parts[-size:], where)


def _numbers_in(parts: list[str]) -> int:
    """Number of numbers at the end of a line."""
    return sum(1 for _ in itertools.takewhile(_reads_as_number, reversed(parts[1:])))


def _reads_as_number(part: str) -> bool:
    return _is_number(part.encode("utf-8", "replace"))


def _binary(file: BinaryIO, path: Path, count: int, size: int) -> Iterator[_Entry]:
    file.readline(_PROBE)  # the header, which was looked at
    for number in range(1, count + 1):
        where, word = f"{path}: word {number}", bytearray()
        while (byte := file.read(1)) not in (b" ", b""):
            word += byte
            if len(word) > _LONGEST_WORD:
                raise InputError(f"{where}: no space after {_LONGEST_WORD:,} bytes; the file is damaged")
        content = file.read(4 * size)
        if len(content) != 4 * size:
            raise InputError(f"{where}: the file ends here, and should hold {count:,} words")
        yield _Entry(word.decode("utf-8", "replace").lstrip("\n"), np.frombuffer(content, "<f4"), where)


def _reported(entries: Iterator[_Entry], tell: Callable[[], None]) -> Iterator[_Entry]:
    """The same entries; after every so many it is told."""
    for number, entry in enumerate(entries):
        if number % _TOLD_EVERY == 0:
            tell()
        yield entry


def _chosen(
    entries: Iterator[_Entry], wanted: Collection[str], path: Path, size: int, faults: PassedOver
) -> Vectors:
    """Yield the wanted vectors, all of `size` features, or of as many as the first has where that is 0.

    Raises InputError where most of the lines are none of words and numbers.
    """
    found: dict[str, WordVector] = {}
    known = 0
    for word, features, where in entries:
        size = size or len(features)
        if word not in wanted or word in found:
            known += 1
            continue
        try:
            vector = _floats(features) if isinstance(features, list) else features.astype(np.float32)
            if not np.isfinite(vector).all():
                raise ValueError("a number is not finite")
        except ValueError as error:
            faults.add(f"{where.removeprefix(f'{path}: ')}: '{word[:40]}': {error}")
        else:
            known += 1
            found[word] = vector
    if known < faults.count or not known:
        told = f" ({faults})" if faults.count else ""
        raise InputError(f"{path}: no vectors{told}; give word2vec, GloVe or fastText vectors")
    return Vectors(size, found, f"passed over {faults}" if faults.count else "")


def as_text(words: list[str], vectors: WordVector) -> Iterator[str]:
    """Words and their vectors (N, E) as lines in word2vec's text form."""
    yield f"{len(words)} {vectors.shape[1]}\n"
    for word, vector in zip(words, vectors.tolist(), strict=True):
        yield f"{word} {' '.join(f'{number:.7g}' for number in vector)}\n"
