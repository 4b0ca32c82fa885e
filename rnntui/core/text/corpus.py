"""Sources of text: a sample, a file, a folder, standard input or a URL."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from rnntui.core.errors import InputError, nearest, oneline
from rnntui.core.files import expanded
from rnntui.core.runs import store
from rnntui.core.runs.origin import made_here
from rnntui.core.runs.safe_files import holds_run
from rnntui.core.text import catalogue
from rnntui.core.text.decoding import Damage, OnError, check_encoding, decode
from rnntui.core.text.documents import text_of_zip
from rnntui.core.text.encodings import encoded_twice
from rnntui.core.text.packed import Counted, blocks_of, form_of

_BLOCK = 1 << 18
"""Bytes read at once."""
_BEGINNING = 100_000
DATASET = "hf:"
"""First characters of a dataset's name in Hugging Face's library."""
_RUNS_LOOKED_AT = 100


@dataclass(frozen=True)
class Corpus:
    """A text in memory."""

    source: str
    """Name given by a person: a sample, a path, a URL or '-'."""
    text: str
    sha256: str
    """Digest of the text, as in `Source`."""


def canonical(source: str) -> str:
    """Return the name of `source` that a run keeps: a sample's name, '-' and a URL as they are, a path in full."""
    if source in catalogue.SAMPLES or source == "-" or "://" in source or source.startswith(DATASET):
        return source
    if is_pipe(source):
        return source
    return str(_path(source).resolve())


def is_pipe(source: str) -> bool:
    """True if `source` is what a shell puts for `<(command)`: it can be read once."""
    return re.fullmatch(r"/dev/fd/[0-9]+|/proc/self/fd/[0-9]+", source) is not None


def _path(source: str) -> Path:
    """The path that a person names.  Raises InputError where it cannot be one."""
    if not source.strip():
        raise InputError("CORPUS: an empty name; give a text file, a folder, a sample's name or '-'")
    try:
        source.encode()
    except UnicodeEncodeError:
        raise InputError(f"{source}: the name is not UTF-8, which `run.toml` needs; rename it") from None
    return expanded(source)


def _of_the_system(path: Path) -> bool:
    """True if what stands at `path` is made up by the system when it is read, as below /proc: it may never end."""
    here = path.stat().st_dev
    return any(here == Path(root).stat().st_dev for root in ("/proc", "/sys") if Path(root).is_dir())


def files_below(folder: Path) -> Iterator[Path]:
    """Regular files below a folder in the order of their names.

    What begins with a dot is passed over, and so are runs and what `rnntui` keeps: a model must not learn from its own
    checkpoints and logs.
    """
    kept, waiting = store.home().resolve(), _inside(folder)
    while waiting:
        path = waiting.pop()
        if path.is_dir() and not path.is_symlink():
            if not holds_run(path) and path.resolve() != kept:
                waiting += _inside(path)
        elif path.is_file() and not _of_the_system(path):
            yield path


def leads_out(path: Path, folder: Path) -> bool:
    """True for a link to a file that is not in the folder: it may be anybody's secret, and a model remembers it."""
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())


def _inside(folder: Path) -> list[Path]:
    """Entries of a folder that do not begin with a dot, the first name last."""
    return sorted((path for path in folder.iterdir() if not path.name.startswith(".")), reverse=True)


def recent_texts(most: int) -> list[str]:
    """The files and folders that the newest runs made here were trained on, the last one first.

    A screen reads a text as soon as the cursor is on it: so runs from elsewhere, the network and pipes are left out.
    """
    runs = islice(store.newest_runs(), _RUNS_LOOKED_AT)
    found = dict.fromkeys(run.config.text.corpus for run in runs if made_here(run))
    return [text for text in found if Path(text).is_absolute() and not is_pipe(text)][:most]


_SOON = 20_000_000
"""Bytes of a text that is read within seconds."""


def is_soon_read(source: str) -> bool:
    """True for a sample, a file or a folder on this machine that is read within seconds."""
    if source in catalogue.SAMPLES:
        return bool(catalogue.SAMPLES[source].file)
    with suppress(InputError, OSError, ValueError):
        path = expanded(source)
        if "://" not in source and not is_pipe(source):
            left = _SOON
            for file in files_below(path) if path.is_dir() else (path,):
                left -= file.stat().st_size
                if left < 0:
                    return False
            return path.exists()
    return False


def load(source: str, encoding: str = "auto", on_error: OnError = "stop") -> Corpus:
    """Read the whole corpus that `source` names.  Raises InputError as `Source.blocks` does."""
    opened = Source(source, encoding, on_error)
    text = "".join(opened.blocks())
    return Corpus(canonical(source), text, opened.sha256)


class Source:
    """A corpus that is read block by block, so that it need not fit into memory.

    A sample's name comes before a file of that name: `./tales` means the file.
    """

    def __init__(self, source: str, encoding: str = "auto", on_error: OnError = "stop") -> None:
        """`on_error` says what to do where a text is damaged: stop, or read U+FFFD.

        Raises InputError for an encoding that nobody knows.
        """
        if encoding != "auto":
            check_encoding(encoding)
        self.source, self.encoding, self.on_error = source, encoding, on_error
        self.files = 0
        """Texts read so far."""
        self.skipped: list[str] = []
        """Files of a folder that are not read, each with the reason."""
        self.damaged: list[str] = []
        """Files with bytes that were read as U+FFFD, each with where these are."""
        self.beginning = ""
        """Its first characters, some 100,000."""
        self._size, self._read = 0, 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest of what was read as UTF-8, line ends as `\\n`: what the corpus is, wherever it lies."""
        return self._digest.hexdigest()

    def remarks(self) -> list[str]:
        """Remarks on the text as read: files left out, damage."""
        found = []
        if self.skipped:
            files = "1 file" if len(self.skipped) == 1 else f"{len(self.skipped):,} files"
            found.append(f"left out {files}: {self.skipped[0]}" + " …" * (len(self.skipped) > 1))
        if self.damaged:
            files = "" if len(self.damaged) == 1 else f" and damage in {len(self.damaged) - 1:,} more files"
            found.append(f"read as U+FFFD: {self.damaged[0]}{files}")
        if twice := encoded_twice(self.beginning):
            found.append(f"its characters were encoded twice ({twice}); mend that where the text comes from")
        return found

    @property
    def fraction(self) -> float | None:
        """Share of it that is read; None where its size is not known."""
        return self._read / self._size if self._size else None

    def blocks(self) -> Iterator[str]:
        """The text in order, line ends as `\\n`.

        Raises InputError: one line that names the source, what is wrong with it and the next step.
        """
        empty = True
        for block in self._blocks():
            empty = empty and not block.strip()
            if len(self.beginning) < _BEGINNING:
                self.beginning += block[:_BEGINNING]
            self._digest.update(block.encode("utf-8", "replace"))
            yield block
        if empty:
            raise InputError(f"{canonical(self.source)}: empty; give a text")

    def _blocks(self) -> Iterator[str]:
        if self.source in catalogue.SAMPLES:
            self.files = 1
            yield from catalogue.blocks(self.source)
        elif self.source == "-":
            yield from self._decoded(sys.stdin.buffer, "standard input")
        elif "://" in self.source:
            yield from self._download()
        else:
            path = _path(self.source)
            try:
                yield from self._folder(path) if path.is_dir() else self._file(path)
            except OSError as error:
                raise InputError(f"{error.filename or path}: cannot be read: {error.strerror}") from None

    def _decoded(self, file: BinaryIO, name: str) -> Iterator[str]:
        self.files += 1
        damage = Damage()
        yield from _texts(Counted(file, self._count), name, self.encoding, self.on_error, damage)
        if damage.faults:
            self.damaged.append(f"{name}: {damage}")

    def _count(self, read: int) -> None:
        self._read += read

    def _file(self, path: Path) -> Iterator[str]:
        if not path.exists():
            hint = nearest(str(path), catalogue.SAMPLES)
            raise InputError(f"{path}: no such file, and no sample of that name ({hint})")
        piped = is_pipe(self.source) and path.is_fifo()
        if not piped and (not path.is_file() or _of_the_system(path)):
            raise InputError(
                f"{path}: not a regular file; give a text file, a folder, a sample's name or '-'"
            )
        self._size = 0 if piped else path.stat().st_size
        with path.open("rb") as file:
            yield from self._decoded(file, self.source)

    def _folder(self, path: Path) -> Iterator[str]:
        """Every text below `path`, in the order of their names, with a line end between them."""
        if holds_run(path):
            raise InputError(f"{path}: a run, and no text; give the text that it should learn from")
        if _of_the_system(path):
            raise InputError(f"{path}: not a folder of files; give one that lies on a disk")
        files = list(files_below(path))
        self._size = sum(file.stat().st_size for file in files)
        for file in files:
            try:
                encoding, damage = self._reading_of(file, path)
            except InputError as error:
                self.skipped.append(oneline(error))
                continue
            if self.files:
                yield "\n"
            self.files += 1
            with file.open("rb") as opened:
                yield from _texts(Counted(opened, self._count), str(file), encoding, "replace", Damage())
            if damage.faults:
                self.damaged.append(f"{file}: {damage}")
        if not self.files:
            found = f"{len(self.skipped)} files, none of them text" if self.skipped else "no files"
            if any(file.suffix.lower() == ".parquet" for file in files):
                raise InputError(
                    f"{path}: a folder of tables; name the column of the texts with --text-column"
                )
            raise InputError(f"{path}: a folder without text ({found}); give a folder of UTF-8 files")

    def _reading_of(self, file: Path, folder: Path) -> tuple[str, Damage]:
        """In which encoding a file of a folder can be read, and its damage then.  Raises InputError for no text."""
        if leads_out(file, folder):
            raise InputError(f"{file}: a link to another folder")
        return reading_of(file, self.encoding)

    def _download(self) -> Iterator[str]:
        import fsspec

        opened: AbstractContextManager[BinaryIO]
        try:
            opened = fsspec.open(self.source, "rb")
            with opened as file:
                self._size = getattr(file, "size", None) or 0
                yield from self._decoded(file, self.source)
        except InputError:
            raise
        except ImportError as error:
            raise InputError(
                f"{self.source}: this kind of URL needs one more package: {oneline(error)}"
            ) from None
        except Exception as error:  # fsspec's backends raise what their libraries raise
            reason = oneline(error)
            if reason == self.source:  # it names no reason, but what it comes from may
                reason = oneline(error.__cause__ or error.__context__ or error)
            raise InputError(f"{self.source}: cannot be read: {reason}; check the address") from None


def reading_of(file: Path, encoding: str) -> tuple[str, Damage]:
    """The encoding in which a file among others is read, and its damage then.

    An `encoding` that was named for all of them is for those that are not Unicode: beside one old file there are new
    ones.  Raises InputError where it cannot be read as text; what is merely damaged can.
    """
    try:
        return "auto", _damage_of(file, "auto")
    except InputError:
        if encoding == "auto":
            raise
        return encoding, _damage_of(file, encoding)


def _damage_of(file: Path, encoding: str) -> Damage:
    damage = Damage()
    try:
        with file.open("rb") as opened:
            for _ in _texts(Counted(opened), str(file), encoding, "replace", damage):
                pass
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from None
    return damage


def _texts(file: Counted, name: str, encoding: str, on_error: OnError, damage: Damage) -> Iterator[str]:
    """The text of a file, packed or not, or of a document."""
    form = form_of(file.head)
    if form is not None and form.name == "zip":
        yield from text_of_zip(file, name)
    else:
        yield from decode(blocks_of(file, name), name, encoding, on_error, damage)
