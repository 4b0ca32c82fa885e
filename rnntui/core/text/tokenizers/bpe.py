"""Byte-pair encoding."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from itertools import chain
from threading import Thread
from typing import Any, Self

import numpy as np
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from rnntui.core.text.tokenizers.base import Ids, Tokenizer, check_lengths, cut_for_good, known_rule

# Lines are encoded one by one, in training and in completion alike: a token never spans a line end, so
# what was typed on earlier lines is never cut anew.
_LINE = re.compile(r"[^\n]{0,9999}\n|[^\n]{1,9999}")  # longer ones are cut: merging takes long for them
# Within a line no token reaches from ink into the white space after it, nor, but for one space, from white
# space into ink.  So each stretch of either is encoded by itself, and once: texts repeat most of theirs.
# Ink without end is cut as well.
_SPACE = r"\t\v\f\r\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # White_Space, but for \n
_STRETCH = re.compile(
    rf"[{_SPACE}]+(?=[{_SPACE}][^{_SPACE}\n])|[{_SPACE}]?[^{_SPACE}\n]{{1,999}}|[{_SPACE}]*\n|[{_SPACE}]+"
)
BPE_RULE = 2
"""The version of the pattern by which a line is cut before pairs are merged: 1, of older runs, was GPT-2's own."""
_LETTER = r"\p{L}[\p{L}\p{M}\x{200c}\x{200d}\x{5f3}\x{5f4}]*"
_PIECE = rf"'s|'t|'re|'ve|'m|'ll|'d| ?{_LETTER}| ?\p{{N}}+| ?[^\s\p{{L}}\p{{N}}]+|\s+(?!\S)|\s+"
"""GPT-2's, but that a letter keeps its marks and joiners: there, every vowel sign of Hindi ended a word."""
_LOOK_S = 0.1
_WHITE_END = re.compile(rf"[{_SPACE}]+\Z")
_REMEMBERED = 1 << 17
"""Stretches whose tokens are kept: some twenty megabytes."""


class BPETokenizer(Tokenizer):
    """Byte-level BPE (Sennrich et al. 2016; bytes as in GPT-2): common strings in one token.

    All 256 bytes are tokens themselves, so any text can be written, and nothing is unknown.
    """

    def __init__(self, model: tokenizers.Tokenizer, rule: int = BPE_RULE) -> None:
        self._model, self._rule = _by_rule(model, rule), rule
        self._known: dict[str, list[int]] = {}
        byte_of = {character: byte for byte, character in _byte_characters().items()}
        vocabulary = model.get_vocab()
        self._bytes = [b""] * len(vocabulary)
        for token, number in vocabulary.items():
            if not all(character in byte_of for character in token):
                raise ValueError(f"token {number} is not made of bytes")
            self._bytes[number] = bytes(byte_of[character] for character in token)

    @classmethod
    def train(cls, blocks: Iterable[str], vocab_size: int | None = None, min_count: int = 1) -> Self:
        """Merge the commonest pairs of the text in `blocks` until `vocab_size` tokens, 256 bytes among them."""
        model = _by_rule(tokenizers.Tokenizer(models.BPE()), BPE_RULE)
        trainer = trainers.BpeTrainer(
            vocab_size=max(vocab_size or 0, 256),
            initial_alphabet=sorted(_byte_characters().values()),
            show_progress=False,
        )
        lines = (_LINE.findall(text) for text in cut_for_good(blocks, _last_line))
        _apart(lambda: model.train_from_iterator(lines, trainer))
        return cls(model)

    @property
    def vocab_size(self) -> int:
        return len(self._bytes)

    def encode(self, text: str) -> Ids:
        stretches = _STRETCH.findall(_clean(text))
        different = set(stretches)
        known = self._known if len(self._known) + len(different) < _REMEMBERED else {}
        new = [stretch for stretch in different if stretch not in known]
        found = self._model.encode_batch_fast(new)
        known.update((stretch, each.ids) for stretch, each in zip(new, found, strict=True))
        self._known = known
        return np.fromiter(chain.from_iterable(map(known.__getitem__, stretches)), dtype=self.dtype)

    def token_bytes(self, token: int) -> bytes:
        return self._bytes[token]

    def complete_prefix(self, text: str) -> int:
        # A line is cut into words, runs of marks and runs of spaces before pairs are merged, and pairs
        # never reach across: only the last of these pieces can still be cut differently.
        line_start = text.rfind("\n") + 1
        pieces = self._model.pre_tokenizer.pre_tokenize_str(_clean(text[line_start:]))
        if not pieces:
            return len(text)
        # Of white space before that piece the last character may go with it: none of it is sure.
        before = text[line_start : line_start + pieces[-1][1][0]]
        return line_start + len(_WHITE_END.sub("", before))

    def to_json(self) -> dict[str, Any]:
        # Of the older rule as it was written then: caches are found by this content.
        rule: dict[str, Any] = {"rule": self._rule} if self._rule > 1 else {}
        return rule | {"model": json.loads(self._model.to_str())}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        # Of the library's own format only the tokens and merges are taken: the rest of what it can hold (other
        # models, patterns that take for ever) is nothing that this program ever writes.
        model = content.get("model")
        inner = model.get("model") if isinstance(model, dict) else None
        vocabulary = inner.get("vocab") if isinstance(inner, dict) else None
        if not isinstance(vocabulary, dict) or not all(type(number) is int for number in vocabulary.values()):
            raise ValueError("'model.model.vocab' is not a table of tokens and numbers")
        check_lengths(vocabulary)
        listed, merges = (inner or {}).get("merges"), []
        if not isinstance(listed, list):
            raise ValueError("'model.model.merges' is not a list of pairs")
        for merge in listed:
            if not (isinstance(merge, list) and len(merge) == 2 and all(isinstance(m, str) for m in merge)):
                raise ValueError("'model.model.merges' is not a list of pairs")
            if not {*merge, "".join(merge)} <= vocabulary.keys():
                raise ValueError("'model.model.merges' joins what is no token")
            merges.append((merge[0], merge[1]))
        if not set(_byte_characters().values()) <= vocabulary.keys():
            raise ValueError("'model.model.vocab' lacks a byte")
        if sorted(vocabulary.values()) != list(range(len(vocabulary))):
            raise ValueError("'model.model.vocab' numbers its tokens with gaps")
        rule = known_rule(content, BPE_RULE)
        return cls(tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=merges)), rule)


def _clean(text: str) -> str:
    """`text` with ? for lone surrogates: they are no text, and the library would refuse them."""
    return text.encode("utf-8", "replace").decode()


def _apart(work: Callable[[], None]) -> None:
    """Do something long in a thread: inside the library it would keep signals waiting for its end."""
    faults: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            faults.append(error)

    thread = Thread(target=guarded, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_LOOK_S)
    if faults:
        raise faults[0]


def _by_rule(model: tokenizers.Tokenizer, rule: int) -> tokenizers.Tokenizer:
    """`model` cutting into words and bytes before it merges."""
    if rule == 1:
        model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        words = pre_tokenizers.Split(tokenizers.Regex(_PIECE), "isolated")
        to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        model.pre_tokenizer = pre_tokenizers.Sequence([words, to_bytes])
    model.decoder = decoders.ByteLevel()
    return model


def _last_line(text: str) -> int:
    return text.rfind("\n") + 1


def _byte_characters() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte: itself where it is printable, U+0100 and on elsewhere."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {byte: chr(byte) for byte in printable}
    return table | {byte: chr(0x100 + i) for i, byte in enumerate(others)}
