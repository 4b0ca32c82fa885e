"""Files by their first bytes: packed ones are unpacked while they are read, others are named with what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from rnntui.core.errors import InputError, oneline

_HEAD = 512
"""Bytes that are looked at."""
_BLOCK = 1 << 18
_RATIO = 100
"""Times its own size that a file may unpack to: text does by ten at most."""
_FREE = 1 << 30
"""Bytes that any file may unpack to."""


class FileKind(NamedTuple):
    """Kind of a file that begins so, and advice; no advice where it is read."""

    begins: bytes
    name: str
    advice: str = ""


_ARCHIVE = "unpack it, and give the file or folder"
_OFFICE = "save it as .docx, .odt or plain text"
_FORMS = (
    FileKind(b"\x1f\x8b", "gzip"),
    FileKind(b"BZh", "bzip2"),
    FileKind(b"\xfd7zXZ\x00", "xz"),
    FileKind(b"\x28\xb5\x2f\xfd", "zstd"),
    FileKind(b"PK\x03\x04", "zip"),
    FileKind(b"%PDF-", "a PDF", "save it as text first, as with `pdftotext FILE`"),
    FileKind(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", _OFFICE),
    FileKind(b"{\\rtf", "an RTF document", _OFFICE),
    FileKind(b"7z\xbc\xaf\x27\x1c", "a 7z archive", _ARCHIVE),
    FileKind(b"Rar!\x1a\x07", "a RAR archive", _ARCHIVE),
    FileKind(b"SQLite format 3\x00", "an SQLite database", "export the text that is in it"),
    FileKind(b"\x89PNG\r\n", "a PNG picture", "give a text"),
    FileKind(b"\xff\xd8\xff", "a JPEG picture", "give a text"),
    FileKind(b"\x7fELF", "a program", "give a text"),
)
_TAR = FileKind(b"", "a tar archive", _ARCHIVE)


def form_of(head: bytes) -> FileKind | None:
    """Kind of a file that begins with `head`, if it is more than text."""
    if head[257:262] == b"ustar":
        return _TAR
    return next((form for form in _FORMS if head.startswith(form.begins)), None)


class Counted(io.RawIOBase):
    """A file whose beginning was looked at, read from there again; `read_so_far` is told each number of bytes."""

    def __init__(self, file: BinaryIO, read_so_far: Callable[[int], None] = lambda count: None) -> None:
        self._file, self._told, self.count = file, read_so_far, 0
        self.head = b""
        while len(self.head) < _HEAD and (data := file.read(_HEAD - len(self.head))):
            self.head += data
        self._waiting = self.head

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if 0 <= size < len(self._waiting):
            data, self._waiting = self._waiting[:size], self._waiting[size:]
        else:
            data = self._waiting + self._file.read(size - len(self._waiting) if size >= 0 else -1)
            self._waiting = b""
        self.count += len(data)
        self._told(len(data))
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def blocks_of(file: Counted, name: str) -> Iterator[bytes]:
    """The bytes of a file, unpacked where it is packed; zip archives are for `text_of_zip`.

    Raises InputError for a form that is no text, one that is damaged, and one that unpacks to far more than a text.
    """
    form = form_of(file.head)
    if form is None:
        yield from iter(lambda: file.read(_BLOCK) or b"", b"")
        return
    if form.advice:
        raise InputError(f"{name}: {form.name}, not text; {form.advice}")
    total = 0
    try:
        for block in _UNPACKERS[form.name](io.BufferedReader(file, _BLOCK)):
            if not total and (inner := form_of(block)) and inner.advice:
                raise InputError(f"{name}: {inner.name} in {form.name}, not text; {inner.advice}")
            total += len(block)
            if total > _FREE and total > _RATIO * file.count:
                raise InputError(
                    f"{name}: unpacks to more than {_RATIO} times its size; unpack it, and look at it"
                )
            yield block
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise InputError(
            f"{name}: damaged {form.name} data: {oneline(error)}; pack or copy it again"
        ) from None


def _unpacked_by(reader: Callable[[BinaryIO], Any]) -> Callable[[io.BufferedReader], Iterator[bytes]]:
    """Blocks from one of the library's own readers."""

    def blocks(file: io.BufferedReader) -> Iterator[bytes]:
        unpacked = reader(file)
        yield from iter(lambda: unpacked.read(_BLOCK), b"")

    return blocks


def _zstd(file: io.BufferedReader) -> Iterator[bytes]:
    """Blocks of all frames.  Raises EOFError where the last one is cut, OSError where one is damaged."""
    import zstandard

    frames = zstandard.ZstdDecompressor()
    frame, begun = frames.decompressobj(), False
    try:
        while data := file.read(_BLOCK):
            while data:
                begun = True
                yield frame.decompress(data)
                data = frame.unused_data if frame.eof else b""
                if frame.eof:
                    frame, begun = frames.decompressobj(), False
    except zstandard.ZstdError as error:
        raise OSError(oneline(error)) from None
    if begun:
        raise EOFError("it ends too early")


_UNPACKERS: dict[str, Callable[[io.BufferedReader], Iterator[bytes]]] = {
    "gzip": _unpacked_by(lambda file: gzip.GzipFile(fileobj=file)),
    "bzip2": _unpacked_by(bz2.BZ2File),
    "xz": _unpacked_by(lzma.LZMAFile),
    "zstd": _zstd,
}
