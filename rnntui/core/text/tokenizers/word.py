"""Words as tokens, with the white space kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Self

from rnntui.core.text.segmentation import WORD_RULE, in_word, is_han_or_kana, word_pattern
from rnntui.core.text.tokenizers.base import cut_for_good, known_rule
from rnntui.core.text.tokenizers.listed import ListedTokenizer, listed_words


class WordTokenizer(ListedTokenizer):
    """One token a word, mark or piece of white space of the training text; `<unk>` for every other."""

    def __init__(self, words: list[str], rule: int = WORD_RULE) -> None:
        """`rule` is the version of the rule by which texts are cut into words."""
        super().__init__(words)
        self.rule = rule

    @classmethod
    def words_in(cls, blocks: Iterable[str]) -> Iterator[list[str]]:
        for text in cut_for_good(blocks, partial(complete_pieces, in_blocks=True)):
            yield word_pattern(WORD_RULE, text).findall(text)

    def with_words(self, words: list[str]) -> Self:
        return type(self)(words, self.rule)

    def pieces(self, text: str) -> list[str]:
        return list(word_pattern(self.rule, text).findall(text))

    def complete_prefix(self, text: str) -> int:
        return complete_pieces(text, self.rule)

    def cut(self, blocks: Iterable[str]) -> Iterator[str]:
        return cut_for_good(blocks, partial(complete_pieces, rule=self.rule, in_blocks=True))

    def to_json(self) -> dict[str, Any]:
        # Of the older rule as it was written then: caches are found by this content.
        rule = {"rule": self.rule} if self.rule > 1 else {}
        return rule | super().to_json()

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls(listed_words(content), known_rule(content, WORD_RULE))


def complete_pieces(text: str, rule: int = WORD_RULE, in_blocks: bool = False) -> int:
    """Start of the last piece that could still grow: a word, an apostrophe in one, or a space.

    What a person types next rarely joins a mark that stands there; in a text that comes `in_blocks` it may.
    """
    line_start = text.rfind("\n") + 1
    start = len(text)
    for piece in word_pattern(rule, text[line_start:]).finditer(text, line_start):
        start = piece.start()
    last = text[start:]
    if (
        start < len(text)
        and last.endswith(("'", "’"))
        and start > line_start
        and _is_open(text[start - 1], rule)
    ):
        # don' may yet become don't: the word before the apostrophe is open as well.
        return complete_pieces(text[:start], rule, in_blocks)
    if not last or last == "\n":
        return len(text)
    may_grow = _is_open(last[-1], rule) or not last.strip(" ") or (in_blocks and rule > 1)
    return start if may_grow else len(text)


def _is_open(character: str, rule: int) -> bool:
    """True if the piece that ends with `character` may go on."""
    if rule == 1:
        return (character.isalnum() or character == "_") and not is_han_or_kana(character)
    return in_word(character) and not is_han_or_kana(character)
