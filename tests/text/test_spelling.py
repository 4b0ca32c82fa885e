"""Bits per byte are honest for every tokenizer: what is unknown pays for its letters."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.runs import events as ev
from rnntui.core.runs.store import cache_home
from rnntui.core.text import dataset, encoded, tokenizers
from rnntui.core.text.spelling import Speller, spelled
from rnntui.core.text.tokenizers.char import CharTokenizer
from rnntui.core.text.tokenizers.word import WordTokenizer
from tests.cli.test_commands import rnntui
from tests.conftest import MakeRun, train_all

KNOWN = ["stone", "water", "light", "river", "house", "green", "night", "bread"]
LETTERS = 5


def text_of_known_entropy(words: int, seed: int = 1) -> str:
    """Two known words and one of random letters, in turns, a space after each."""
    rng = np.random.default_rng(seed)
    drawn = (
        str(rng.choice(KNOWN)) if place % 3 else "".join(map(chr, rng.integers(97, 123, LETTERS)))
        for place in range(words)
    )
    return " ".join(drawn) + "\n"


ENTROPY = (2 * math.log2(len(KNOWN)) + LETTERS * math.log2(26)) / (3 * (LETTERS + 1))
"""Bits a byte of that text, its order being known."""


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_no_text_scores_below_its_entropy(kind: str, make_run: MakeRun, corpus_file: Path) -> None:
    """Protects every comparison between tokenizers: not the network, nor the n-grams, nor `score`, nor packers."""
    corpus_file.write_text(text_of_known_entropy(6_000))
    run = make_run(tokenizer=kind, vocab_size=300, split="90/10", max_steps=60, eval_every=60, lr=2e-2)
    told = train_all(run)
    scored = [event for event in told if isinstance(event, ev.Evaluated)]
    rivals = [event for event in told if isinstance(event, ev.Baselined)]
    # The held-out part is short: of its own letters the entropy differs by a hundredth.
    assert scored and all(
        event.bits_per_byte is not None and event.bits_per_byte > 0.97 * ENTROPY for event in scored
    )
    assert rivals and all(event.bits_per_byte > 0.97 * ENTROPY for event in rivals)
    fresh = corpus_file.with_name("fresh.txt")
    fresh.write_text(text_of_known_entropy(2_000, seed=2))
    answer = json.loads(rnntui("score", run.path, fresh, "--json").stdout)
    assert answer["bits_per_byte"] > 0.97 * ENTROPY
    assert ((scored[-1].unknown or 0.0) > 0.25) == (kind in ("word", "whitespace"))
    if kind == "word":
        assert "of the tokens unknown" in rnntui("evaluate", run.path).stdout
        assert any(
            isinstance(event, ev.Warned) and "pay for their letters" in event.message for event in told
        )


def test_spelling_is_a_distribution() -> None:
    """Protects the promise: over all bytes and the end of a word the probabilities add up to one, in any context."""
    speller = Speller([b" the", b" there", b"soup", "é".encode()])
    for before in (b"", b" ", b" t", b" th", b"zz", b"s", "é".encode()[:1]):
        assert sum(speller._probability(before, outcome) for outcome in range(257)) == pytest.approx(1)
    assert speller.nats(" then") < speller.nats(" qxzj") < 7 * math.log(257)


def test_unknown_tokens_are_spelled_and_counted() -> None:
    words, characters = WordTokenizer(["a", " dog"]), CharTokenizer(["a", " ", "d", "o", "g"])
    assert spelled(words, ["a dog", " a cat"]).unknown == 2  # ' a', ' cat'
    assert spelled(characters, ["a dog \u00e9"]).unknown == 1
    assert spelled(characters, ["a dog"]) == (0, 0.0)


@pytest.mark.parametrize("version", encoded.OLDER)
def test_caches_from_before_are_read_or_counted_anew(
    make_run: MakeRun, corpus_file: Path, version: int
) -> None:
    """Protects old runs: tokens that nobody has counted are read again, and where the text has gone used without."""
    corpus_file.write_text(text_of_known_entropy(3_000))
    run = make_run(tokenizer="word", vocab_size=300, split="90/10")
    tokenizer = tokenizers.load(run.path / "tokenizer.json")
    (folder,) = (cache_home() / "tokens").iterdir()
    older = encoded.cache_path(run.config.text, tokenizer, version)
    folder.rename(older)
    sizes = json.loads((older / "sizes.json").read_text())
    for size in sizes.values():
        del size["words"]
        if version == 2:
            del size["spelling"], size["unknown"]
    (older / "sizes.json").write_text(json.dumps(sizes))
    assert dataset.is_cached(run)
    scored = dataset.reopen(run, tokenizer).scored
    assert scored.spelling > 0 and scored.words
    for path in (cache_home() / "tokens").iterdir():
        if path != older:
            path.rename(path.with_name("away"))
    corpus_file.unlink()
    scored = dataset.reopen(run, tokenizer).scored
    assert math.isnan(scored.spelling) == (version == 2) and scored.words is None
