"""Where a text comes from: a sample, a file, a folder, standard input or a URL."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from rnntui.core.errors import InputError, nearest, oneline
from rnntui.core.text import catalogue
from rnntui.core.text.decoding import decode


@dataclass(frozen=True)
class Corpus:
    """A text in memory."""

    source: str
    """What a person calls it: the sample's name, the path, the URL or '-'."""
    text: str
    files: int = 1
    skipped: tuple[str, ...] = ()
    """Files of a folder that are no text."""

    @property
    def sha256(self) -> str:
        """The digest of the text as UTF-8, line ends as `\\n`: what the corpus is, wherever it lies."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def canonical(source: str) -> str:
    """How a run remembers `source`: a sample's name, '-' and a URL as they are, a path in full."""
    if source in catalogue.SAMPLES or source == "-" or "://" in source:
        return source
    return str(Path(source).expanduser().resolve())


def load(source: str, encoding: str = "auto") -> Corpus:
    """Read the corpus that `source` names.

    A sample's name comes before a file of that name: `./tales` means the file.  Raises InputError: one
    line that names the source, what is wrong with it and the next step.
    """
    if source in catalogue.SAMPLES:
        return _not_empty(Corpus(source, catalogue.read(source)))
    if source == "-":
        return _not_empty(Corpus(source, decode(sys.stdin.buffer.read(), "standard input", encoding)))
    if "://" in source:
        return _not_empty(Corpus(source, decode(_download(source), source, encoding)))
    path = Path(source).expanduser()
    if path.is_dir():
        return _folder(path, encoding)
    return _not_empty(Corpus(canonical(source), decode(_read(path), source, encoding)))


def _read(path: Path) -> bytes:
    if not path.exists():
        hint = nearest(str(path), catalogue.SAMPLES)
        raise InputError(f"{path}: no such file, and no sample of that name ({hint})")
    if not path.is_file():
        raise InputError(f"{path}: not a regular file; give a text file, a folder, a sample's name or '-'")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _folder(path: Path, encoding: str) -> Corpus:
    """Every text below `path`, in the order of their names, joined by a line end."""
    texts: list[str] = []
    skipped: list[str] = []
    for file in sorted(path.rglob("*")):
        if any(part.startswith(".") for part in file.relative_to(path).parts) or not file.is_file():
            continue
        try:
            texts.append(decode(file.read_bytes(), str(file), encoding))
        except (InputError, OSError):
            skipped.append(str(file))
    if not texts:
        found = f"{len(skipped)} files, none of them text" if skipped else "no files"
        raise InputError(f"{path}: a folder without text ({found}); give a folder of UTF-8 files")
    return _not_empty(Corpus(canonical(str(path)), "\n".join(texts), len(texts), tuple(skipped)))


def _download(url: str) -> bytes:
    import fsspec

    try:
        with fsspec.open(url, "rb") as file:
            data: bytes = file.read()
    except ImportError as error:
        raise InputError(f"{url}: this kind of URL needs one more package: {oneline(error)}") from None
    except Exception as error:  # fsspec's backends raise what their libraries raise
        raise InputError(f"{url}: cannot be read: {oneline(error)}") from None
    return data


def _not_empty(corpus: Corpus) -> Corpus:
    if not corpus.text.strip():
        raise InputError(
            f"{corpus.source}: empty, nothing to learn from; give a text of a few kilobytes or more"
        )
    return corpus
