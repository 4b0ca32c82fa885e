"""From bytes to text: one reading, or one line that says what the bytes are and what to do."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from rnntui.core.errors import InputError
from rnntui.core.text.encodings import guess, wide_unicode

OnError = Literal["stop", "replace"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as that of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SOUND = 1.0
"""Characters beyond ASCII for each fault, at least, in a damaged text: in another encoding most of them are faults."""
_LOOKED_AT = 1 << 26
"""Bytes from the first fault on in which faults are counted, where they end the reading anyway."""
_SHIFTED = re.compile(rb"\x1b\$(?:[@B]|\)C)")
"""Escape by which a text of 7 bits changes to Japanese or Korean letters (ISO 2022)."""
_SAMPLE = 1 << 16
"""Bytes from the first fault on that an encoding is guessed from."""


@dataclass
class Damage:
    """Faults in a text, and whether it is damaged or in another encoding."""

    faults: int = 0
    """Bytes, or beginnings of characters, that cannot be read."""
    first: int = 0
    """Offset of the first one in the file."""
    sound: int = 0
    """Bytes of characters beyond ASCII, but the first of each, that were read right."""
    sample: bytes = b""
    """From the first fault on."""
    is_loose: bool = False
    """True for UTF-8 with halves of characters, or a zero of two bytes, as some programs write it (CESU-8)."""
    at_end: bool = False
    """True if the only fault is that the text ends within a character."""

    @property
    def is_other_encoding(self) -> bool:
        """True if so much cannot be read that the text is none in the encoding that was tried."""
        return not (self.at_end or self.is_loose or self.sound >= _SOUND * self.faults)

    def __str__(self) -> str:
        if self.faults == 1:
            return f"1 byte at {self.first:,}"
        return f"{self.faults:,} bytes, the first at {self.first:,}"


def decode(
    blocks: Iterable[bytes],
    name: str,
    encoding: str = "auto",
    on_error: OnError = "stop",
    damage: Damage | None = None,
) -> Iterator[str]:
    """The text in `blocks`, a block of each, line ends as `\\n`.

    `auto` reads UTF-8 with or without byte order mark, UTF-16 and UTF-32 with one, which the first block holds.  With
    `replace` what cannot be read becomes U+FFFD and is counted in `damage`.  Raises InputError that names the file,
    the offset of the fault, whether the text is damaged or in another encoding, and the flag to give.
    """
    decoder, chosen, done = None, "", 0
    damage = Damage() if damage is None else damage
    for block in blocks:
        data = block
        if decoder is None:
            mark, marked = next(((m, e) for m, e in _MARKS if block.startswith(m)), (b"", "utf-8"))
            chosen = marked if encoding == "auto" else encoding
            decoder = _Decoder(chosen, name, damage)
            if chosen.lower() in ("utf-8", marked):
                data, done = block[len(mark) :], len(mark)
        text = decoder.decode(data, done, final=False)
        done += len(data)
        if not damage.faults or on_error == "replace":
            yield text
        elif done - damage.first > _LOOKED_AT:
            break
    if decoder is None:
        return
    text = decoder.decode(b"", done, final=True)
    if damage.faults and (on_error == "stop" or damage.is_other_encoding):
        raise InputError(f"{name}: {_fault(damage, chosen)}")
    yield text


def check_encoding(encoding: str) -> None:
    """Refuse an encoding that nobody knows.  Raises InputError."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)  # refuses codecs that are no text's, such as base64
        codecs.getincrementaldecoder(encoding)("replace").decode(b"a", final=True)  # and idna, of names
    except (LookupError, ValueError):
        raise InputError(
            f"--encoding: '{encoding[:40]}' is no known encoding; try utf-8, cp1252 or gb18030"
        ) from None


class _Decoder:
    """Strict up to the first fault; from there on it counts, and reads U+FFFD."""

    def __init__(self, encoding: str, name: str, damage: Damage) -> None:
        check_encoding(encoding)
        self._encoding, self._name, self._damage = encoding, name, damage
        self._strict = codecs.getincrementaldecoder(encoding)()
        self._lines = io.IncrementalNewlineDecoder(None, translate=True)
        self._tolerant: codecs.IncrementalDecoder | None = None

    def decode(self, data: bytes, done: int, final: bool) -> str:
        """The text of `data`, which stands `done` bytes into the file."""
        text = self._read(data, done, final)
        if "\0" in text and not self._damage.faults:
            wide = wide_unicode(data)
            step = (
                f"as in {wide}: add --encoding {wide}" if wide else "give a text, or take its zero bytes out"
            )
            raise InputError(f"{self._name}: looks binary (zero byte at {done + data.find(0):,}); {step}")
        if self._encoding == "utf-8" and b"\x1b" in data and (escaped := _SHIFTED.search(data)):
            name = "iso2022_kr" if escaped[0].endswith(b"C") else "iso2022_jp"
            at = f"{done + escaped.start():,}"
            raise InputError(
                f"{self._name}: not utf-8: another alphabet begins at byte {at}, as in {name}: add --encoding {name}"
            )
        return str(self._lines.decode(text, final=final))

    def _read(self, data: bytes, done: int, final: bool) -> str:
        if self._tolerant is not None:
            return self._counted(data, final)
        waiting = self._strict.getstate()[0]
        try:
            text = self._strict.decode(data, final)
            self._damage.sound += max(len(data) - len(text), 0)
            return text
        except UnicodeDecodeError as error:
            # What the decoder kept of the block before counts as well.
            self._damage.first = done - len(waiting) + error.start
            self._damage.sample = (waiting + data)[error.start :][:_SAMPLE]
            self._damage.is_loose = self._encoding == "utf-8" and _is_loose_utf8(self._damage.sample)
            self._damage.at_end = final and not data
        except UnicodeError as error:
            raise InputError(f"{self._name}: cannot be read as {self._encoding}: {error}") from None
        self._tolerant = codecs.getincrementaldecoder(self._encoding)("replace")
        return self._counted(waiting + data, final)

    def _counted(self, data: bytes, final: bool) -> str:
        assert self._tolerant is not None
        text = self._tolerant.decode(data, final)
        faults = max(
            text.count("\ufffd") - data.count("\ufffd".encode(self._encoding, "ignore") or b"\xff"), 0
        )
        self._damage.faults += faults
        self._damage.sound += max(len(data) - len(text), 0)
        return text


def _is_loose_utf8(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")("surrogatepass").decode(sample.replace(b"\xc0\x80", b" "))
    except UnicodeDecodeError:
        return False
    return True


def _fault(damage: Damage, encoding: str) -> str:
    """Fault of a text, and the next step."""
    if not damage.is_other_encoding:
        them = "it" if damage.faults == 1 else "them"
        return f"{encoding.upper()} but for {damage}; --on-error replace reads {them} as U+FFFD"
    at = f"not {encoding} at byte {damage.first:,}"
    # UTF-16 and UTF-32 are read from where a character begins.
    found = wide_unicode(damage.sample[-damage.first % 4 :]) or guess(damage.sample)
    if found and found != encoding:
        return f"{at}; it looks like {found}: add --encoding {found}"
    return f"{at}, and in no encoding that is known for sure; name it with --encoding, or convert the file to UTF-8"
