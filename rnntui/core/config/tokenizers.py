"""Tokenizer specifications: facts about each tokenizer that need neither its code nor its library.

A tokenizer is one entry of `TOKENIZERS` and one subclass of `rnntui.core.text.tokenizers.base.Tokenizer`, named in the
entry and imported when it is first used.  Flags, form, defaults, preview and documentation follow from the entry.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Unit = Literal["character", "word", "subword"]
"""Scale of a token, on which speed, regularisation and completion depend."""


class TokenizerSpec(NamedTuple):
    """Specification of a tokenizer."""

    implementation: str
    """`module:class` of its `Tokenizer`."""
    summary: str
    """Description of its tokens, and of the text they suit."""
    unit: Unit
    vocab_size: int | None = None
    """Largest vocabulary by default; None where the text decides."""
    distinct_characters: bool = False
    """True if the tokens are the distinct characters of the text, so that all of a long text is read for them."""


TOKENIZERS: dict[str, TokenizerSpec] = {
    "char": TokenizerSpec(
        "rnntui.core.text.tokenizers.char:CharTokenizer",
        "characters, a small vocabulary that works with little text",
        "character",
        distinct_characters=True,
    ),
    "word": TokenizerSpec(
        "rnntui.core.text.tokenizers.word:WordTokenizer",
        "whole words, reads further back, wants a megabyte or more",
        "word",
        20_000,
    ),
    "whitespace": TokenizerSpec(
        "rnntui.core.text.tokenizers.whitespace:WhitespaceTokenizer",
        "what stands between blanks, as the sets of the literature have it",
        "word",
    ),
    "bpe": TokenizerSpec(
        "rnntui.core.text.tokenizers.bpe:BPETokenizer",
        "pieces of words, between characters and words",
        "subword",
        2_000,
    ),
    "byte": TokenizerSpec(
        "rnntui.core.text.tokenizers.byte:ByteTokenizer",
        "bytes of UTF-8, any text in any script",
        "character",
    ),
}
"""Every tokenizer by its name, as `--tokenizer` has it."""
