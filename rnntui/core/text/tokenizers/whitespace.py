"""Tokens as the file has them: what stands between white space, and line ends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rnntui.core.text.tokenizers.base import cut_for_good
from rnntui.core.text.tokenizers.listed import ListedTokenizer

_PIECE = re.compile(r"[^\S\n]*(?:\n|\S+)")


class WhitespaceTokenizer(ListedTokenizer):
    """The word-level sets of the literature: a line end is one token, their `<eos>`, and `<unk>` is the model's own.

    A word is listed with one blank before it, and written so, also at the beginning of a line, as these files have it:
    other white space within a line comes back as one blank.
    """

    left_out_word = " <unk>"

    @classmethod
    def words_in(cls, blocks: Iterable[str]) -> Iterator[list[str]]:
        for text in cut_for_good(blocks, _complete):
            yield [_word_of(piece) for piece in _PIECE.findall(text)]

    def word_of(self, piece: str) -> str:
        return _word_of(piece)

    def pieces(self, text: str) -> list[str]:
        found = _PIECE.findall(text)
        if found:
            found[-1] += text[sum(map(len, found)) :]  # blanks at the end belong to no other piece
        return found

    def complete_prefix(self, text: str) -> int:
        return _complete(text)

    def begun(self, pending: str) -> str:
        return f" {pending.strip()}" if pending else ""


def _word_of(piece: str) -> str:
    return f" {word}" if (word := piece.strip()) else "\n"


def _complete(text: str) -> int:
    """The beginning of the last piece with the blanks before it, which may still grow; a line end does not."""
    words = text.rsplit(None, 1) if text and not text[-1].isspace() else []
    before = text[: len(text) - len(words[-1])] if words else text
    end = len(before.rstrip())
    line_end = before.rfind("\n", end)
    return end if line_end < 0 else line_end + 1
