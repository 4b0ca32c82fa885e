"""From bytes to text: one reading, or one line that says why not."""

from __future__ import annotations

import codecs

from rnntui.core.errors import InputError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(data: bytes, name: str, encoding: str = "auto") -> str:
    """The text in `data`, line ends as `\\n`.

    `auto` reads UTF-8 with or without byte order mark and UTF-16 with one.  Raises InputError that
    names the file, the byte offset of the fault and the `--encoding` to try.
    """
    mark, marked = next(((m, e) for m, e in _MARKS if data.startswith(m)), (b"", "utf-8"))
    chosen = marked if encoding == "auto" else encoding
    body = data[len(mark) :] if chosen.lower() in ("utf-8", marked) else data
    try:
        text = body.decode(chosen)
    except LookupError:
        raise InputError(
            f"--encoding: '{encoding}' is no known encoding; try utf-8, cp1252 or gb18030"
        ) from None
    except UnicodeDecodeError as error:
        offset = error.start + len(data) - len(body)
        raise InputError(
            f"{name}: not {chosen} at byte {offset:,}; try --encoding {_guess(body, chosen)}"
        ) from None
    if "\0" in text:
        offset = data.find(b"\0")
        hint = "; try --encoding utf-16-le" if _looks_utf16(data) else ""
        raise InputError(f"{name}: looks binary, not text (zero byte at {offset:,}){hint}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
