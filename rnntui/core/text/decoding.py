"""From bytes to text: one reading, or one line that says why not."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Iterator

from rnntui.core.errors import InputError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(blocks: Iterable[bytes], name: str, encoding: str = "auto") -> Iterator[str]:
    """The text in `blocks`, a block of each, line ends as `\\n`.

    `auto` reads UTF-8 with or without byte order mark and UTF-16 with one; the first block holds the
    mark.  Raises InputError that names the file, the byte offset of the fault and the `--encoding` to try.
    """
    head, decoder, chosen, done = b"", None, "", 0
    for block in blocks:
        data = block
        if decoder is None:
            mark, marked = next(((m, e) for m, e in _MARKS if block.startswith(m)), (b"", "utf-8"))
            chosen = marked if encoding == "auto" else encoding
            decoder = _decoder(chosen)
            if chosen.lower() in ("utf-8", marked):
                data, done = block[len(mark) :], len(mark)
            head = data
        yield _text(decoder, data, done, name, chosen, head)
        done += len(data)
    if decoder is not None:
        yield _text(decoder, b"", done, name, chosen, head)


def check_encoding(encoding: str) -> None:
    """Refuse an encoding that nobody knows.  Raises InputError."""
    _decoder(encoding)


def _decoder(encoding: str) -> io.IncrementalNewlineDecoder:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)  # refuses codecs that are no text's, such as base64
        return io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    except (LookupError, ValueError):
        raise InputError(
            f"--encoding: '{encoding[:40]}' is no known encoding; try utf-8, cp1252 or gb18030"
        ) from None


def _text(
    decoder: io.IncrementalNewlineDecoder, data: bytes, done: int, name: str, encoding: str, head: bytes
) -> str:
    """The text of `data`, which stands `done` bytes into the file; no data means its end."""
    try:
        text = decoder.decode(data, final=not data)
    except UnicodeDecodeError as error:
        # What the decoder kept of the block before counts as well.
        offset = done + error.start - (len(error.object) - len(data))
        raise InputError(
            f"{name}: not {encoding} at byte {offset:,}; try --encoding {_guess(head, encoding)}"
        ) from None
    except UnicodeError as error:
        raise InputError(f"{name}: cannot be read as {encoding}: {error}") from None
    if "\0" in text:
        hint = "; try --encoding utf-16-le" if _looks_utf16(head) else ""
        offset = done + data.find(b"\0")
        raise InputError(f"{name}: looks binary, not text (zero byte at {offset:,}){hint}")
    return text


def _looks_utf16(data: bytes) -> bool:
    sample = data[:4096]
    return max(sample[::2].count(0), sample[1::2].count(0)) > len(sample) // 5


def _guess(data: bytes, tried: str) -> str:
    """An encoding in which `data` reads as text: a double-byte one where high bytes come in pairs."""
    sample = data[: 1 << 16]
    if _looks_utf16(sample):
        return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
    for candidate in ("gb18030", "shift_jis", "euc_kr"):
        text = codecs.getincrementaldecoder(candidate)("replace").decode(sample)
        wide = sum(ord(character) > 0x2FFF for character in text)
        if "\ufffd" not in text and wide > 0.8 * sum(ord(character) > 0x7F for character in text):
            return candidate
    return "cp1252" if tried != "cp1252" else "latin-1"
