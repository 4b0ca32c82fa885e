"""The session: the state after every token typed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from rnntui.core.completion import session as module
from rnntui.core.completion.completion import complete
from rnntui.core.completion.loading import engine_of
from rnntui.core.completion.session import Session
from rnntui.core.config.schema import ModelConfig, TextConfig
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.inference.scoring import score_tokens
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.text import tokenizers
from tests.conftest import sentences

KINDS: list[Any] = list(TOKENIZERS)


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


def edits(count: int, typed: Sequence[str]) -> Iterator[str]:
    """A text after each of so many edits: something is `typed`, deleted or pasted."""
    rng, text = random.Random(4), ""
    for _ in range(count):
        action = rng.random()
        if action < 0.6:
            text += rng.choice(typed)
        elif action < 0.9:
            text = text[: max(0, len(text) - rng.randrange(1, 6))]
        else:
            at = rng.randrange(len(text) + 1)
            text = text[:at] + sentences(3, seed=rng.randrange(99)) + text[at:]
        yield text


@pytest.mark.parametrize("kind", KINDS)
def test_any_editing_ends_in_the_state_of_the_text(kind: Any) -> None:
    """Protects ghost text: after typing, deleting and pasting, the state is that of reading the text anew."""
    session = make(kind)
    odd = ["a", "t", "h", "e", " ", "\n", "cat", "é", "'", ". ", "  ", "the ", "\u2028", "\x0b"]
    for text in edits(120, odd):
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


def count_encoded(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the characters that the tokenizer cuts from here on."""
    encoded: list[int] = []
    encode = session.tokenizer.encode
    monkeypatch.setattr(
        session.tokenizer, "encode", lambda text: (encoded.append(len(text)), encode(text))[1]
    )
    return encoded


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_cuts_only_the_end_of_the_text(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects latency: in a long document only the last line is cut again, and while typing on not even that."""
    session = make(kind)
    text = sentences(300)
    session.set_text(text + "the cat ")
    encoded = count_encoded(session, monkeypatch)
    session.set_text(text + "the cat s")
    assert sum(encoded) <= 1
    session.set_text(text + "the ca")
    assert sum(encoded) <= 10
    lines = text.splitlines(keepends=True)
    before = sum(encoded)
    session.set_text(text[: -len(lines[-1]) - 1])
    assert sum(encoded) - before <= len(lines[-2])


def test_surprises_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects latency with the colours on: asked again nothing is read, after a key one token."""
    session = make("char")
    session.set_text(sentences(20))
    session.surprises()
    fed = count_fed(session, monkeypatch)
    before = session.surprises()
    assert fed == []
    session.set_text(session.text + "t")
    assert session.surprises()[:-1] == before
    assert sum(fed) == 2  # the state behind it, and what stood before it


def test_a_long_text_opened_at_once_is_read_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the opening of a book: only the last stretch is read, as if the text began there."""
    monkeypatch.setattr(module, "_CONTEXT", 50)
    session = make("char")
    fed = count_fed(session, monkeypatch)
    text = sentences()
    session.set_text(text[:50])
    assert sum(fed) == 50
    session.set_text("")
    fed.clear()
    session.set_text(text[:600])
    assert sum(fed) == 51  # a start as well
    found = session.moment().y
    fresh = make("char")
    fresh.set_text(text[550:600])
    np.testing.assert_allclose(found, fresh.moment().y, atol=1e-6)
    assert "".join(piece for piece, _ in session.surprises()) == text[:600]
    session.set_text(text[:580])
    fresh.set_text(text[550:580])
    np.testing.assert_allclose(session.moment().y, fresh.moment().y, atol=1e-6)


def test_states_kept_of_a_long_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects memory and editing: every recent state, one in 64 of the others, and the first."""
    monkeypatch.setattr(module, "_RECENT", 100)
    session = make("char")
    session.set_text(sentences()[:300])
    assert sorted(session._moments) == [0, 64, 128, 192, *range(201, 301)]
    place, moment = session.moment_from(100)
    assert place == 128 and moment is session._moments[128]
    assert session.moment_from(128)[0] == 128 and session.moment_from(300)[1] is session.moment()


def test_the_common_prefix_is_that_of_the_definition() -> None:
    rng = random.Random(0)
    for _ in range(300):
        a, b = ("".join(rng.choices("ab", weights=(9, 1), k=rng.randrange(12))) for _ in range(2))
        expected = 0
        while expected < min(len(a), len(b)) and a[expected] == b[expected]:
            expected += 1
        assert module.common_prefix(a, b) == expected == module.common_prefix(list(a), list(b))


def test_next_tokens_are_those_of_the_distribution() -> None:
    """Protects the list of next tokens: its probabilities are the model's; after half a word, what finishes it."""
    session = make("word")
    session.set_text("the cat")
    session.set_text("the cat ")
    p = np.exp(session.writer().logits())
    expected = sorted((p / p.sum()).tolist(), reverse=True)[:4]
    found = session.next_tokens(4)
    assert [probability for _, probability in found] == pytest.approx(expected, rel=1e-5)
    assert all(text.startswith(" ") for text, _ in found)
    session.set_text("the cat se")
    assert session.next_tokens(4) == [(" sees", pytest.approx(1))]


def test_half_a_character_pasted_does_not_block_the_writer() -> None:
    """Protects typing: a lone surrogate, as some terminals paste, is no UTF-8 and no crash."""
    session = make("bpe")
    session.set_text("the \ud83d")
    assert np.isfinite(session.writer().logits()).any()


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
