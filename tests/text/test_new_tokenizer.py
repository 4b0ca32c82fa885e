"""A tokenizer from outside the package: one class and one entry."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import pytest

from rnntui.core.config.tokenizers import TOKENIZERS, TokenizerSpec
from rnntui.core.text import tokenizers
from rnntui.core.text.tokenizers.base import (
    UNKNOWN_BYTES,
    Ids,
    Tokenizer,
    cut_for_good,
    numbered,
    valid_vocabulary,
)
from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.corpora import CorporaScreen
from tests.cli.test_commands import rnntui
from tests.conftest import MakeRun, sentences, train_all
from tests.text import test_tokenizers as promises
from tests.tui.conftest import until

_PIECE = re.compile(r"\n|[^\S\n]+|\S+")


class SpacesTokenizer(Tokenizer):
    """What stands between white space, and the white space."""

    unknown = 0

    def __init__(self, words: list[str]) -> None:
        self.words, self._numbers = words, numbered(words)

    @classmethod
    def train(cls, blocks: Iterable[str], vocab_size: int | None = None, min_count: int = 1) -> Self:
        counts: Counter[str] = Counter()
        for text in cut_for_good(blocks, _complete):
            counts.update(_PIECE.findall(text))
        words = [word for word, count in counts.most_common() if count >= min_count]
        return cls(words[: vocab_size and vocab_size - 1])

    @property
    def vocab_size(self) -> int:
        return len(self.words) + 1

    def encode(self, text: str) -> Ids:
        return np.array([self._numbers.get(piece, 0) for piece in self.pieces(text)], dtype=self.dtype)

    def pieces(self, text: str) -> list[str]:
        return _PIECE.findall(text)

    def token_bytes(self, token: int) -> bytes:
        return self.words[token - 1].encode() if token else UNKNOWN_BYTES

    def complete_prefix(self, text: str) -> int:
        return _complete(text)

    def to_json(self) -> dict[str, Any]:
        return {"vocabulary": self.words}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls(valid_vocabulary(content))


def _complete(text: str) -> int:
    pieces = [*_PIECE.finditer(text)]
    return len(text) if not pieces or pieces[-1][0] == "\n" else pieces[-1].start()


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = TokenizerSpec(f"{__name__}:SpacesTokenizer", "all between white space", "word", vocab_size=300)
    monkeypatch.setitem(TOKENIZERS, "spaces", spec)


def test_it_keeps_the_promises_of_every_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the extension point: the tests of the registry hold for an entry as it is."""
    monkeypatch.setitem(promises.MADE, "spaces", promises.make("spaces"))
    promises.test_known_text_comes_back("spaces")
    promises.test_blocks_join_to_the_whole("spaces")
    promises.test_no_text_crashes_and_no_number_is_out_of_range("spaces")
    assert tokenizers.train(promises.TextConfig(tokenizer="spaces"), [sentences()]).kind == "spaces"


def test_it_trains_and_completes_with_the_defaults_of_its_unit(make_run: MakeRun) -> None:
    """Protects the extension point: defaults, files, batches and completion know the entry alone."""
    run = make_run(tokenizer="spaces", embedding_size=None, bptt=None, hidden_size=None, max_steps=120)
    assert run.config.model.hidden_size == 400 and run.config.model.softmax == "sampled"
    train_all(run)
    completed = json.loads(rnntui("complete", run.path, "the cat ", "--json").stdout)
    assert completed["completions"][0]["text"].strip() in {"sees", "likes", "feeds"}


def test_a_class_without_an_entry_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects whoever forgets the entry: no tokenizer.json is written that cannot be read."""
    made = tokenizers.train(promises.TextConfig(tokenizer="spaces"), ["a b"])
    monkeypatch.delitem(TOKENIZERS, "spaces")
    with pytest.raises(LookupError, match="has no entry in"):
        tokenizers.dumps(made)


async def test_the_form_offers_it() -> None:
    """Protects the extension point: choice, meaning and preview of the first screen."""
    screen = CorporaScreen()
    async with RnntuiApp(screen).run_test(size=(140, 45)) as pilot:
        await until(pilot, lambda: len(screen.cuts) == len(TOKENIZERS))
        assert screen.cuts[-1].kind == "spaces" and screen.cuts[-1].pieces
