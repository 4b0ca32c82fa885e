"""The one boundary between text from outside and the terminal.

Corpora, file names, run names and model output may hold any character.  Control characters steer a
terminal and bidirectional ones reorder a line, so both are shown as visible stand-ins.
"""

from __future__ import annotations

import re

_REORDERING = "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff"
"""Bidirectional and invisible formatting characters.  Joiners (U+200C, U+200D) are none: words and emoji need them."""
# C0 but for tab and line end, DEL, C1.
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_REORDERING}]")
_STEERING = re.compile(f"[\x00-\x1f\x7f-\x9f{_REORDERING}]")


def harmless(text: str) -> str:
    """`text` of a row of the screen with no character left that a terminal obeys."""
    return _STEERING.sub(_stand_in, text)


def visible(text: str) -> str:
    """`text` with every character that could steer the terminal replaced by a visible one."""
    return _UNSAFE.sub(_stand_in, text)


def visible_line(text: str, width: int | None = None) -> str:
    """`text` on one safe line, line ends shown, cut to `width` characters if given."""
    head = text if width is None else text[: width + 1]
    line = visible(head).replace("\n", "⏎").replace("\t", " ")
    return line if width is None or len(line) <= width else line[: width - 1] + "…"


def _stand_in(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "\ufffd"
