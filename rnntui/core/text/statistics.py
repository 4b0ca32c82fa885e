"""Statistics of a text without a model."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rnntui.core.text.tokenizers.char import code_points


class WordCount:
    """Counts the words between white space, and the line ends, of a text that comes in blocks.

    These are the tokens of the word-level sets of the literature, where a line end is `<eos>`.
    """

    def __init__(self) -> None:
        self.total = 0
        self._within = False

    def add(self, block: str) -> None:
        """Count a block; a word may go on from the one before it."""
        if not block:
            return
        self.total += len(block.split()) + block.count("\n")
        self.total -= self._within and not block[0].isspace()
        self._within = not block[-1].isspace()


@dataclass(frozen=True)
class TextStatistics:
    """Sizes of a text and two floors that a model must get below."""

    characters: int
    bytes: int
    lines: int
    vocabulary: int
    """Different characters."""
    entropy: float
    """Unigram entropy in bits per character (Shannon 1948): a model that knows frequencies only."""
    gzip_bits_per_byte: float
    """Size under gzip's deflate at its best level, in bits a byte of the raw UTF-8 text."""
    commonest: tuple[tuple[str, float], ...]
    """The commonest characters with their shares."""


def statistics(blocks: Iterable[str], commonest: int = 12) -> TextStatistics:
    """Measure the text in `blocks`; of no text, all figures are 0."""
    found = np.zeros(sys.maxunicode + 1, dtype=np.int64)
    packer = zlib.compressobj(level=9, wbits=31)
    raw = packed = lines = 0
    last = ""
    for block in blocks:
        counts = np.bincount(code_points(block))
        found[: len(counts)] += counts
        content = block.encode("utf-8", "replace")
        raw += len(content)
        packed += len(packer.compress(content))
        lines += block.count("\n")
        last = block[-1:] or last
    packed += len(packer.flush())
    characters = int(found.sum())
    codes = np.flatnonzero(found)
    ranked = codes[np.argsort(-found[codes], kind="stable")]
    shares = found[ranked] / max(characters, 1)
    return TextStatistics(
        characters=characters,
        bytes=raw,
        lines=lines + (last not in ("", "\n")),
        vocabulary=len(ranked),
        entropy=float(-(shares * np.log2(shares)).sum()) + 0.0,
        gzip_bits_per_byte=8 * packed / max(raw, 1),
        commonest=tuple(
            (chr(code), float(share)) for code, share in zip(ranked[:commonest], shares, strict=False)
        ),
    )
