"""Segmentation into words and characters by the properties of Unicode, and into its graphemes (UAX 29).

A word is a run of letters, marks, digits, underscores and joiners.  Scripts that are written without spaces (Han,
kana, Thai, Lao, Khmer, Burmese) have no such runs: there a word is a grapheme, what a person takes for one character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

NormalForm = Literal["NFC", "NFD"]

WORD_RULE = 2
"""The version of the rule, kept in `tokenizer.json`: 1, of older runs, took marks and joiners for ends of words."""
APOSTROPHES = "'’"
_HAN_AND_KANA = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
# Every character falls into exactly one alternative, so the pieces joined are the text again.  A space
# belongs to the word after it, as in GPT-2, so that running text needs no tokens of its own for spaces.
_BY_CHARACTERS = re.compile(
    rf"""
      [{_HAN_AND_KANA}]                                                       # one Han character or kana
    | \ ?[^\W{_HAN_AND_KANA}]+ (?: ['’] [^\W{_HAN_AND_KANA}]+ )*              # a word, don't in one piece
    | \ ?[^\w\s]                                                              # one mark
    | \n
    | \ +                                                                     # an indentation
    | \s
    """,
    re.VERBOSE,
)
_UNCOMMON = re.compile(
    "[^\x00-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u3000-\u3004\u3008-\u3020"
    "\u3041-\u3096\u30a1-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff01-\uff5e]"
)
"""Characters outside of the blocks in which none is joining: most texts have none, and are soon looked through."""
_BEYOND = re.compile("[\U00020000-\U0010ffff]")
_ALONE = rf"\p{{Han}}\p{{Hiragana}}\p{{Katakana}}\p{{Thai}}\p{{Lao}}\p{{Khmer}}\p{{Myanmar}}{_HAN_AND_KANA}"
_SPACE = r"\s\x1c-\x1f"
"""White space, as Python's own patterns have it."""
_JOINERS = r"\u200c\u200d\u05f3\u05f4"
"""Without a width of their own, and Hebrew's marks of abbreviations and foreign sounds."""
_INSIDE = rf"[[\p{{L}}\p{{M}}\p{{N}}_{_JOINERS}]--[{_ALONE}]]"


@cache
def _compiled(pattern: str) -> Any:
    """A pattern of the `regex` library, which knows Unicode's properties; it is loaded where it is needed."""
    import regex

    return regex.compile(pattern, regex.V1 | regex.VERBOSE)


def _by_graphemes() -> Any:
    return _compiled(
        rf"""
          (?=[{_ALONE}])\X                              # one grapheme of a script without spaces
        | \ ?{_INSIDE}+ (?: ['’] {_INSIDE}+ )*          # a word, don't in one piece
        | \ ?(?![{_SPACE}])\X                           # one mark or emoji, with all that is joined to it
        | \n
        | \ +                                           # an indentation
        | [{_SPACE}]
        """
    )


def word_pattern(rule: int, text: str) -> Any:
    """Return the pattern of the pieces of `text`: words, marks and white space, which joined are the text.

    The older rule is several times as fast, and finds the same wherever no character joins another one.
    """
    if rule == 1 or text.isascii() or not _UNCOMMON.search(text):
        return _BY_CHARACTERS
    if _BEYOND.search(text) or not _joining().isdisjoint(text):
        return _by_graphemes()
    return _BY_CHARACTERS


@cache
def _joining() -> frozenset[str]:
    """Characters by which the rules differ: marks, joiners, and scripts without spaces but Han and kana.

    All in the planes beyond the first two count as well, see `_BEYOND`.
    """
    every = "".join(chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000)
    pattern = (
        rf"[\p{{M}}{_JOINERS}]|"
        r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=Prepend}"
        r"\p{GCB=L}\p{GCB=V}\p{GCB=T}\p{GCB=Regional_Indicator}]|[[\p{Han}\p{Hiragana}\p{Katakana}]--["
        rf"{_HAN_AND_KANA}]]"
    )
    # The library may know a newer Unicode than Python, with letters that are none to the older rule.
    letters = {character for character in every if character.isalnum() or character == "_"}
    newer = letters.symmetric_difference(_compiled(r"[\p{L}\p{N}_]").findall(every))
    return frozenset(_compiled(pattern).findall(every)) | newer


def in_word(character: str) -> bool:
    """True if a word may go on after `character`: a letter, mark or digit of any script, `_` or a joiner."""
    return character.isalnum() or character == "_" or (not character.isascii() and _is_mark(character))


def goes_on(character: str) -> bool:
    """True if a word goes on with `character`, who knows what comes after it: also for an apostrophe."""
    return in_word(character) or character in APOSTROPHES


@cache
def _is_mark(character: str) -> bool:
    return bool(_compiled(rf"[\p{{M}}{_JOINERS}]").fullmatch(character))


def is_han_or_kana(character: str) -> bool:
    """True for what is a word by itself, to which nothing more comes."""
    return (
        "\u3040" <= character <= "\u30ff"
        or "\u3400" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
    )


def words_of(text: str) -> list[str]:
    """The words of `text`, one after the other as `first_word` takes them; white space at the end is none."""
    found = []
    while text.strip():
        found.append(first_word(text))
        text = text[len(found[-1]) :]
    return found


def word_count(text: str) -> int:
    """Number of words of `text`; marks and white space are none."""
    return sum(1 for piece in word_pattern(WORD_RULE, text).findall(text) if any(map(in_word, piece)))


def first_word(text: str) -> str:
    """The first word of `text`, or its first run of marks, with the white space before it; never part of a grapheme."""
    found = _compiled(
        rf"""
          [{_SPACE}]* (?: (?: {_INSIDE} | ['’] )+ | (?=[{_ALONE}])\X | (?: (?![{_SPACE}{_ALONE}]) (?!{_INSIDE}) \X )+ )
        | [{_SPACE}]+
        """
    ).match(text)
    return str(found[0]) if found else text


def form_of(characters: Iterable[str]) -> NormalForm | None:
    """The Unicode normal form (UAX 15) of a text of these characters; None where they are those of both or of none."""
    known = set(characters)
    composed = any(not unicodedata.is_normalized("NFD", character) for character in known)
    marks = any(unicodedata.combining(character) or "\u1100" <= character <= "\u11ff" for character in known)
    if composed == marks:
        return None
    return "NFC" if composed else "NFD"


def graphemes(text: str) -> list[str]:
    """Pattern of user-perceived characters (UAX 29, extended grapheme clusters)."""
    return list(text) if text.isascii() else list(_compiled(r"\X").findall(text))
