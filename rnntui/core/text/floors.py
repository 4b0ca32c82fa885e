"""What a text gives away without any other text to learn from."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Iterable

from rnntui.core.text.statistics import statistics

_PACKED = 1 << 22
"""Characters of a held-out part that are packed at most: more of them take minutes and say the same."""


def floors(blocks: Iterable[str]) -> dict[str, float]:
    """Bits a byte of a text by what needs no training text: the frequencies of its own characters, and gzip, bz2
    and xz on its bytes alone, each at its best level."""
    beginning: list[str] = []
    size = 0
    for block in blocks:
        beginning.append(block[: _PACKED - size])
        size += len(beginning[-1])
        if size >= _PACKED:
            break
    figures = statistics(beginning)
    raw = "".join(beginning).encode("utf-8", "replace")
    packed = {"bz2": len(bz2.compress(raw, 9)), "xz": len(lzma.compress(raw, preset=9))}
    return {
        "characters": figures.entropy * figures.characters / max(figures.bytes, 1),
        "gzip": figures.gzip_bits_per_byte,
    } | {name: 8 * size / max(len(raw), 1) for name, size in packed.items()}
