"""The session: the state after every token typed."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

from rnntui.core.inference import session as module
from rnntui.core.inference.completion import complete
from rnntui.core.inference.opening import engine_of
from rnntui.core.inference.scoring import score_tokens
from rnntui.core.inference.session import Session
from rnntui.core.models.language_model import LanguageModel
from rnntui.core.sections import ModelConfig, TextConfig
from rnntui.core.text import tokenizers
from tests.conftest import sentences

KINDS: list[Any] = ["char", "byte", "word", "bpe"]


CONFIG = ModelConfig(cell="gru", hidden_size=8, embedding_size=4, num_layers=2)


def make_model(vocab_size: int) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(CONFIG, vocab_size).eval().requires_grad_(False)


def make(kind: Any) -> Session:
    tokenizer = tokenizers.train(TextConfig(tokenizer=kind, min_count=1, vocab_size=300), [sentences()])
    return Session(engine_of(make_model(tokenizer.vocab_size), CONFIG), tokenizer)


def expected_y(session: Session) -> np.ndarray[Any, Any]:
    """The stack's output at the end of the fed text, computed from the start."""
    fixed = session.text[: len(session.text) - len(session.pending)]
    tokens = [session.tokenizer.start, *session.tokenizer.encode(fixed).tolist()]
    model = make_model(session.tokenizer.vocab_size)
    y, _ = model.features(torch.tensor(tokens).unsqueeze(1), model.initial_state(1))
    return y[-1].numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_any_editing_ends_in_the_state_of_the_text(kind: Any) -> None:
    """Protects ghost text: after typing, deleting and pasting, the state is that of reading the text anew."""
    session, rng = make(kind), random.Random(4)
    text = ""
    for _ in range(120):
        action = rng.random()
        if action < 0.6:
            text += rng.choice(
                ["a", "t", "h", "e", " ", "\n", "cat", "é", "'", ". ", "  ", "the ", "\u2028", "\x0b"]
            )
        elif action < 0.9:
            text = text[: max(0, len(text) - rng.randrange(1, 6))]
        else:
            at = rng.randrange(len(text) + 1)
            text = text[:at] + sentences(3, seed=rng.randrange(99)) + text[at:]
        session.set_text(text)
        fixed = text[: len(text) - len(session.pending)]
        assert session.text == text
        assert session.tokens == session.tokenizer.encode(fixed).tolist()
        np.testing.assert_allclose(session.moment().y, expected_y(session), atol=1e-5, rtol=1e-4)


def count_fed(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the tokens that the model reads from here on."""
    fed: list[int] = []
    step = session.engine.step
    monkeypatch.setattr(session.engine, "step", lambda t, s: (fed.append(t.size), step(t, s))[1])
    return fed


def test_a_key_feeds_one_token_and_backspace_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects latency: it does not grow with the document."""
    session = make("char")
    text = sentences(300)
    session.set_text(text)
    session.set_text(text[:-1])  # makes the states of the last stretch
    fed = count_fed(session, monkeypatch)
    session.set_text(text[:-1] + "a")
    assert sum(fed) == 1
    session.set_text(text[:-1])
    session.set_text(text[:-2])
    assert sum(fed) == 1


def test_a_long_text_keeps_few_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects memory: far back, one state in many is kept, and editing there still works."""
    monkeypatch.setattr(module, "_RECENT", 100)
    session = make("char")
    for i in range(0, 600, 10):
        session.set_text(sentences()[:i])
    assert len(session._moments) < 200
    session.set_text(sentences()[:205])
    np.testing.assert_allclose(session.moment().y, expected_y(session), atol=1e-5, rtol=1e-4)


def test_half_a_word_is_pending_and_kept() -> None:
    """Protects word-level writing: what is typed of a word stays, and the model finishes it."""
    session = make("word")
    session.set_text("the cat se")
    assert session.pending == " se"
    writer = session.writer()
    allowed = [session.vocabulary.bytes[i] for i in np.isfinite(writer.logits()).nonzero()[0].tolist()]
    assert allowed == [b" sees"]
    assert writer.write(int(session.tokenizer.encode(" sees")[0])) == "es"


@pytest.mark.parametrize("text", ["the zqx", "The abacu", "Annaz", "a\naardvark", "the catcat", "my  auntz"])
def test_an_unknown_word_does_not_block_the_writer(text: str) -> None:
    """Protects typing: a word that begins with a known one but goes on otherwise is no dead end."""
    session = make("word")
    session.set_text(text)
    writer = session.writer()
    for _ in range(4):
        logits = writer.logits()
        assert np.isfinite(logits).any()
        writer.write(int(logits.argmax()))
    found = complete(session, count=3, words=2)
    assert found and all(0 < each.probability <= 1 for each in found)


def test_words_without_beginnings_are_completed_or_not_but_never_fail() -> None:
    """Protects a text in one long line: every token has a space before it, and no word goes on."""
    tokenizer = tokenizers.train(TextConfig(tokenizer="word", min_count=2), [" one two three" * 20])
    session = Session(engine_of(make_model(tokenizer.vocab_size), CONFIG), tokenizer)
    for text in ("", "on", "one", "one t", "one two"):
        session.set_text(text)
        assert all(0 < each.probability <= 1 for each in complete(session, 3, words=3))


def test_characters_without_an_end_of_words_are_completed() -> None:
    tokenizer = tokenizers.train(TextConfig(tokenizer="char"), ["abba"])
    session = Session(engine_of(make_model(tokenizer.vocab_size), CONFIG), tokenizer)
    session.set_text("ab")
    assert all(0 < each.probability <= 1 for each in complete(session, 3, words=3))


def test_unknown_is_never_written() -> None:
    session = make("char")
    session.set_text("🐦")
    unknown = session.tokenizer.unknown
    assert unknown is not None and session.writer().logits()[unknown] == -np.inf


@pytest.mark.parametrize("kind", KINDS)
def test_surprises_are_those_of_scoring(kind: Any) -> None:
    """Protects the colours: token by token the figures of `score`, however the text came about."""
    session = make(kind)
    text = "the cat sees Anna.\na dog likes zebras.\n" * 20
    for end in (4, 9, 3, 700, 650, len(text)):
        session.set_text(text[:end])
        session.surprises()
    found = session.surprises()
    nats, _ = score_tokens(
        make_model(session.tokenizer.vocab_size), session.tokenizer.encode(text), session.tokenizer.start
    )
    assert "".join(piece for piece, _ in found) == text
    assert [nat for _, nat in found] == pytest.approx(nats.tolist(), abs=1e-4)
    likeliest = session.next_tokens(5)
    assert likeliest == sorted(likeliest, key=lambda each: -each[1]) and len(likeliest) == 5
