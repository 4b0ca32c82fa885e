"""What can be said of a text before anything is learned from it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TextStatistics:
    """Sizes of a text and two floors that a model must get below."""

    characters: int
    bytes: int
    lines: int
    vocabulary: int
    """Different characters."""
    entropy: float
    """Of single characters, in bits a character (Shannon 1948): a model that knows frequencies only."""
    gzip_bits_per_byte: float
    """Size under gzip's deflate at its best level, in bits a byte of the raw UTF-8 text."""
    commonest: tuple[tuple[str, float], ...]
    """The commonest characters with their shares."""


def statistics(text: str, commonest: int = 12) -> TextStatistics:
    """Measure `text`, which must not be empty."""
    raw = text.encode("utf-8", "replace")
    codes, counts = np.unique(np.frombuffer(text.encode("utf-32-le", "replace"), "<u4"), return_counts=True)
    shares = counts / counts.sum()
    order = np.argsort(-counts, kind="stable")[:commonest]
    return TextStatistics(
        characters=len(text),
        bytes=len(raw),
        lines=text.count("\n") + (not text.endswith("\n")),
        vocabulary=len(codes),
        entropy=float(-(shares * np.log2(shares)).sum()) + 0.0,
        gzip_bits_per_byte=8 * len(zlib.compress(raw, level=9, wbits=31)) / len(raw),
        commonest=tuple((chr(codes[i]), float(shares[i])) for i in order),
    )
