"""The protocol that every tokenizer keeps."""

from __future__ import annotations

import codecs
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rnntui.core.config.tokenizers import TOKENIZERS, Unit
from rnntui.core.errors import short
from rnntui.core.text.segmentation import NormalForm, form_of

Ids = npt.NDArray[Any]
"""Token numbers, of the smallest unsigned type that holds the vocabulary."""


class Tokenizer(ABC):
    """Cuts text into numbered tokens and joins them again.

    A new one is a subclass and an entry of `rnntui.core.config.tokenizers.TOKENIZERS` that names it.  It promises:

    - `decode(encode(x)) == x` for text whose tokens are all known, or where it normalises white space, another text of
      the same tokens; what is not known is `unknown`, and never an error.
    - A line end is a token of its own, or ends one: no token reaches across, so a line is cut alike wherever it stands.
    - `complete_prefix` says up to where a cut stands, so a text in blocks has the tokens of the whole.
    - A token has at most `LONGEST_TOKEN` characters: what has no end is cut there.
    """

    unknown: int | None = None
    """The number of `<unk>`; None where nothing can be unknown."""
    marks_unknown: bool = False
    """True if the text that it was learned from says itself where a word was left out."""

    @classmethod
    @abstractmethod
    def train(cls, blocks: Iterable[str], vocab_size: int | None = None, min_count: int = 1) -> Self:
        """Learn the tokens of the text in `blocks`: at most `vocab_size`, each seen `min_count` times or more."""

    @classmethod
    @abstractmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Return the tokenizer that `to_json` described.  Raises ValueError for damaged content."""

    @property
    def kind(self) -> str:
        """Its name in `TOKENIZERS`.  Raises LookupError for a class that has no entry."""
        location = f"{type(self).__module__}:{type(self).__qualname__}"
        for name, spec in TOKENIZERS.items():
            if spec.implementation == location:
                return name
        raise LookupError(f"{location} has no entry in rnntui.core.config.tokenizers.TOKENIZERS")

    @property
    def unit(self) -> Unit:
        """The scale of its tokens."""
        return TOKENIZERS[self.kind].unit

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """Number of distinct tokens."""

    @abstractmethod
    def encode(self, text: str) -> Ids:
        """The tokens of `text`."""

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[Ids]:
        """The tokens of a text that comes in blocks: joined, they are `encode` of the whole."""
        for text in self.cut(blocks):
            yield self.encode(text)

    def cut(self, blocks: Iterable[str]) -> Iterator[str]:
        """The same text in other blocks, each of which is encoded by itself as it is within the whole."""
        return cut_for_good(blocks, self.complete_prefix)

    def unknown_pieces(self, blocks: Iterable[str]) -> Iterator[str]:
        """Text of each unknown token."""
        for text in self.cut(blocks):
            tokens = self.encode(text)
            if (tokens == self.unknown).any():
                found = zip(self.pieces(text), tokens.tolist(), strict=True)
                yield from (piece for piece, token in found if token == self.unknown)

    def is_left_out(self, piece: str) -> bool:
        """Return True if a piece itself says that a word was left out there, so that it has no letters to spell."""
        return False

    def extended(self, blocks: Iterable[str], min_count: int) -> Tokenizer:
        """Return it with the new tokens that stand at least `min_count` times in `blocks`, behind all known ones.

        For `--extend-vocabulary`: a tokenizer with `unknown` tokens needs it.  Returns itself if there are none.
        """
        return self

    @abstractmethod
    def token_bytes(self, token: int) -> bytes:
        """The UTF-8 bytes that one token stands for; a part of a character where tokens cut so fine."""

    @abstractmethod
    def complete_prefix(self, text: str) -> int:
        """Return the number of characters of `text` whose cut stays, whatever follows.

        The rest, the unfinished last token, is the part that a completion may still make longer.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the content from which `from_json` makes the same tokenizer."""

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of `tokens`; bytes that are no whole character become U+FFFD."""
        return b"".join(self.token_bytes(int(token)) for token in tokens).decode("utf-8", "replace")

    def begun(self, pending: str) -> str:
        """The beginning of a token, as `decode` writes it, for the unfinished end of a text."""
        return pending

    def pieces(self, text: str) -> list[str]:
        """The part of `text` that each token of `encode(text)` stands for; joined, they are `text`.

        A character that several tokens share belongs to the last of them.
        """
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return [decoder.decode(self.token_bytes(token)) for token in self.encode(text).tolist()]

    @cached_property
    def form(self) -> NormalForm | None:
        """Normal form of the accents that it has read; None where they have both forms, or where there are none."""
        known = (token for token in range(self.vocab_size) if token != self.unknown)
        return form_of("".join(self.token_bytes(token).decode("utf-8", "ignore") for token in known))

    def as_read(self, text: str) -> str:
        """Return typed text in the normal form of the vocabulary."""
        return unicodedata.normalize(self.form, text) if not text.isascii() and self.form else text

    @property
    def start(self) -> int:
        """The token that stands before every text: a line end, where the vocabulary has one."""
        first = self.encode("\n")
        return int(first[0]) if len(first) else 0

    @property
    def dtype(self) -> type[np.unsignedinteger[Any]]:
        """The smallest unsigned type that holds the vocabulary."""
        return (
            np.uint8 if self.vocab_size <= 1 << 8 else np.uint16 if self.vocab_size <= 1 << 16 else np.uint32
        )


LONGEST_TOKEN = 1 << 16
"""Characters of a token, and of a text that may wait for the end of one: what has none is cut there all the same."""


def cut_for_good(blocks: Iterable[str], complete: Callable[[str], int]) -> Iterator[str]:
    """The same text in other blocks, each ended where `complete` says that it is cut for good."""
    rest = ""
    for block in blocks:
        text = rest + block
        end = complete(text) or (len(text) if len(text) > LONGEST_TOKEN else 0)
        if end:
            yield text[:end]
        rest = text[end:]
    if rest:
        yield rest


UNKNOWN_BYTES = "\ufffd".encode()
"""Text of `<unk>`."""


def valid_vocabulary(content: dict[str, Any]) -> list[str]:
    """The `vocabulary` of a saved tokenizer.  Raises ValueError where it is no list of unique texts."""
    words = content.get("vocabulary")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("'vocabulary' is not a list of texts")
    if len(set(words)) != len(words):
        raise ValueError("'vocabulary' holds a text twice")
    check_lengths(words)
    return words


def known_rule(content: dict[str, Any], newest: int) -> int:
    """The version of the rule that a saved tokenizer cuts by; before it was written it was 1.  Raises ValueError."""
    rule = content.get("rule", 1)
    if type(rule) is not int or not 1 <= rule <= newest:
        raise ValueError(f"rule {short(str(rule))} for words is not known to this rnntui; upgrade it, or")
    return rule


def check_lengths(tokens: Iterable[str]) -> None:
    """Raises ValueError for a token that is longer than training makes: every draw of it would be written out."""
    longest = max(map(len, tokens), default=0)
    if longest > LONGEST_TOKEN:
        raise ValueError(f"a token of {longest:,} characters; at most {LONGEST_TOKEN:,} can be")


def numbered(words: Sequence[str]) -> dict[str, int]:
    """Each word's number; 0 is `<unk>`'s."""
    return {word: number for number, word in enumerate(words, start=1)}
