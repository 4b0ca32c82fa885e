"""Baselines without a network: the frequencies of characters, and compressors."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterable

from rnntui.core.text.statistics import statistics

PACKED = 1 << 21
"""Characters of a held-out part that are packed at most, and of the training text before it: more of them take minutes
and say the same."""
AFTER_TRAINING = "+train"
"""Suffix of a compressor that has packed the training text first."""
_PPMD_ORDER, _PPMD_MEMORY = 8, 1 << 26


def _ppmd(raw: bytes) -> bytes:
    """Prediction by partial matching, PPMd variant I (Shkarin 2002): counts of what followed up to 8 bytes."""
    import pyppmd

    packed: bytes = pyppmd.compress(raw, max_order=_PPMD_ORDER, mem_size=_PPMD_MEMORY)
    return packed


_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda raw: gzip.compress(raw, 9),
    "bz2": lambda raw: bz2.compress(raw, 9),
    "xz": lambda raw: lzma.compress(raw, preset=9),
    "ppmd": _ppmd,
}


def floors(blocks: Iterable[str], before: Iterable[str] = ()) -> dict[str, float]:
    """Bits a byte of a text by the frequencies of its own characters, and by gzip, bz2, xz and PPMd at their best.

    `gzip` is of the text alone.  `gzip+train` is what it adds to the training text `before` it, packed together: a
    model has read that text as well, so that this is the fair comparison, as far as a packer looks back (gzip 32 KB,
    bz2 900 KB, xz and PPMd all of it).
    """
    held_out = _beginning(blocks)
    figures = statistics([held_out])
    raw = held_out.encode("utf-8", "replace")
    found = {"characters": figures.entropy * figures.characters / max(figures.bytes, 1)}
    packed = {name: len(pack(raw)) for name, pack in _PACKERS.items()}
    if read := "".join(before).encode("utf-8", "replace"):
        for name, pack in _PACKERS.items():
            packed[name + AFTER_TRAINING] = max(len(pack(read + raw)) - len(pack(read)), 0)
    return found | {name: 8 * size / max(len(raw), 1) for name, size in packed.items()}


def _beginning(blocks: Iterable[str]) -> str:
    """The first characters of a text, as many as are packed."""
    found: list[str] = []
    size = 0
    for block in blocks:
        found.append(block[: PACKED - size])
        size += len(found[-1])
        if size >= PACKED:
            break
    return "".join(found)
