"""What can be said of a text before anything is learned from it."""

from __future__ import annotations

import zlib
from collections import Counter
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


_AT_ONCE = 1 << 20
"""Characters looked at together: a large text must not be in memory several times over."""


def statistics(text: str, commonest: int = 12) -> TextStatistics:
    """Measure `text`, which must not be empty."""
    found: Counter[int] = Counter()
    packer = zlib.compressobj(level=9, wbits=31)
    raw = packed = 0
    for start in range(0, len(text), _AT_ONCE):
        part = text[start : start + _AT_ONCE]
        codes, counts = np.unique(
            np.frombuffer(part.encode("utf-32-le", "replace"), "<u4"), return_counts=True
        )
        found.update(dict(zip(codes.tolist(), counts.tolist(), strict=True)))
        content = part.encode("utf-8", "replace")
        raw += len(content)
        packed += len(packer.compress(content))
    packed += len(packer.flush())
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    shares = np.array([number for _, number in ranked]) / len(text)
    return TextStatistics(
        characters=len(text),
        bytes=raw,
        lines=text.count("\n") + (not text.endswith("\n")),
        vocabulary=len(ranked),
        entropy=float(-(shares * np.log2(shares)).sum()) + 0.0,
        gzip_bits_per_byte=8 * packed / raw,
        commonest=tuple(
            (chr(code), float(share)) for (code, _), share in zip(ranked[:commonest], shares, strict=False)
        ),
    )
