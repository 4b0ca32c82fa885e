"""Sampling and completion."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from rnntui.core.completion import sampling
from rnntui.core.completion.arrays import Array
from rnntui.core.completion.completion import complete
from rnntui.core.completion.loading import engine_of, open_engine
from rnntui.core.completion.sampling import generate, probabilities
from rnntui.core.completion.session import Session
from rnntui.core.config.sampling import Sampling
from rnntui.core.config.schema import ModelConfig, TextConfig
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.errors import InputError, NumericalError
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.runs.folder import Run
from rnntui.core.tasks.language.samples import Sampler
from rnntui.core.text import tokenizers
from rnntui.core.text.segmentation import goes_on
from tests.conftest import MakeRun, train_all

LOGITS = np.array([2.0, 1.0, 0.0, -1.0])


def session_of(run: Run) -> Session:
    return Session(*open_engine(run, run.checkpoint_path() / "model.safetensors"))


def softmax_of(logits: Array) -> Array:
    shares: Array = np.exp(logits - logits.max())
    return shares / shares.sum()


def chances(recent: list[int] | None = None, **options: Any) -> list[float]:
    p: list[float] = probabilities(
        Sampling(**({"temperature": 1.0} | options)), LOGITS, recent or []
    ).tolist()
    return p


def test_filters_keep_what_they_say() -> None:
    """Protects the flags: each keeps exactly the tokens of its definition, renormalised."""
    softmax = softmax_of(LOGITS)
    assert chances() == pytest.approx(softmax.tolist(), abs=1e-5)
    two = [*(softmax[:2] / softmax[:2].sum()).tolist(), 0, 0]
    assert chances(top_k=2) == pytest.approx(two, abs=1e-5)
    assert chances(top_p=0.7) == pytest.approx(two, abs=1e-5)  # the first has 0.64
    assert chances(min_p=0.3) == pytest.approx(two, abs=1e-5)  # the third has 0.14 of the first
    assert chances(temperature=0) == [1, 0, 0, 0]
    assert chances(top_p=1e-9) == [1, 0, 0, 0]
    halved = softmax_of(np.array([1.0, 1.0, 0.0, -2.0])).tolist()
    assert chances(recent=[0, 3], repetition_penalty=2.0) == pytest.approx(halved, abs=1e-5)


def test_filters_at_their_bounds() -> None:
    """Protects the definitions: a tie stays with `min_p` 1, the sum that just reaches `top_p` is enough."""
    tie = np.array([0.0, 0.0, -1.0])
    assert probabilities(Sampling(temperature=1, min_p=1), tie, []).tolist() == [0.5, 0.5, 0]
    assert probabilities(Sampling(temperature=1, top_p=0.5), tie[:2], []).tolist() == [1, 0]
    assert chances(top_k=4) == chances() and chances(top_k=1) == [1, 0, 0, 0]
    both = chances(top_k=3, top_p=0.7)
    assert both[2:] == [0, 0] and sum(both) == pytest.approx(1)
    unordered = probabilities(Sampling(temperature=1, top_k=2), LOGITS[::-1], []).tolist()
    assert unordered == chances(top_k=2)[::-1]


def test_without_options_only_the_temperature_acts() -> None:
    """Protects the defaults: temperature 0.8, and neither a filter nor a penalty."""
    expected = softmax_of(LOGITS / 0.8).tolist()
    assert probabilities(Sampling(), LOGITS, [0, 3]).tolist() == pytest.approx(expected, abs=1e-6)
    assert Sampling().seed is None


def test_the_penalty_counts_a_token_once_and_changes_no_logits() -> None:
    """Protects the penalty: repetitions of a token do not add up, zero stays, the caller's logits too."""
    logits = np.array([2.0, 0.5, 0.0, -0.5])
    before = logits.copy()
    sampling = Sampling(temperature=1, repetition_penalty=2.0)
    once = probabilities(sampling, logits, [0, 1, 3]).tolist()
    assert probabilities(sampling, logits, [0, 3, 0, 1, 0, 2]).tolist() == once
    assert once == pytest.approx(softmax_of(np.array([1.0, 0.25, 0.0, -1.0])).tolist(), abs=1e-6)
    assert probabilities(sampling, logits, []).tolist() == pytest.approx(
        softmax_of(logits).tolist(), abs=1e-6
    )
    certain = probabilities(Sampling(temperature=0, repetition_penalty=8.0), logits, [0])
    assert certain.tolist() == [0, 1, 0, 0]
    assert logits.tolist() == before.tolist()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("temperature", 0),
        ("top_k", 0),
        ("top_p", 1),
        ("top_p", 1e-9),
        ("min_p", 0),
        ("min_p", 1),
        ("repetition_penalty", 0.5),
        ("seed", 0),
    ],
)
def test_values_at_the_bounds_are_taken(option: str, value: float) -> None:
    """Protects the ranges that the flags document: their ends belong to them."""
    assert getattr(Sampling(**{option: value}), option) == value


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("temperature", -1),
        ("temperature", float("inf")),
        ("temperature", float("nan")),
        ("top_k", -1),
        ("top_p", 0),
        ("top_p", 1.5),
        ("min_p", 1.5),
        ("min_p", -0.5),
        ("repetition_penalty", 0),
        ("repetition_penalty", float("inf")),
        ("seed", -1),
    ],
)
def test_out_of_range_is_named(option: str, value: float) -> None:
    with pytest.raises(InputError, match=f"^--{option.replace('_', '-')}: must be "):
        Sampling(**{option: value})


def test_a_seed_draws_the_same_text(trained: Run) -> None:
    def text(seed: int) -> str:
        session = session_of(trained)
        session.set_text("the ")
        return "".join(generate(session, 50, Sampling(seed=seed)))

    assert text(1) == text(1) != text(2)
    assert len(text(1)) == 50


def test_numbers_that_are_none_end_the_writing(trained: Run) -> None:
    """Protects against a model whose training has gone wrong: one line, and no token that does not exist."""
    tokenizer = tokenizers.load(trained.path / "tokenizer.json")
    model = LanguageModel(trained.config.model, tokenizer.vocab_size)
    with torch.no_grad():
        model.head.bias.fill_(torch.nan)
    session = Session(engine_of(model, trained.config.model), tokenizer)
    with pytest.raises(NumericalError, match="its numbers are not finite; train it anew with a smaller --lr"):
        list(generate(session, 5, Sampling(seed=1)))
    sample = Sampler(tokenizer).write(model, trained.config, 3, lambda: None)
    assert (sample.step, sample.text) == (3, "")


@pytest.mark.parametrize(("temperature", "deviation"), [(2.0, 0.05), (100.0, 0.02)])
def test_tokens_are_drawn_as_often_as_they_are_probable(
    temperature: float, deviation: float, trained: Run
) -> None:
    """Protects the draw: over 2,000 seeds each next character comes as often as the distribution says."""
    session = session_of(trained)
    session.set_text("the cat ")
    sampling = Sampling(temperature=temperature)
    p = probabilities(sampling, session.writer().logits(), [])
    drawn = [
        "".join(generate(session, 1, Sampling(temperature=temperature, seed=seed))) for seed in range(2000)
    ]
    shares = [drawn.count(session.tokenizer.decode([token])) / 2000 for token in range(len(p))]
    assert sum(shares) == pytest.approx(1)
    np.testing.assert_allclose(shares, p, atol=deviation)  # more than four deviations


def test_the_penalty_looks_back_on_64_tokens(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the penalty's reach: the last 64 tokens before each draw, of the text and of what was written."""

    def noting(settings: Sampling, logits: Array, recent: list[int]) -> Array:
        seen.append(recent)
        return probabilities(settings, logits, recent)

    seen: list[list[int]] = []
    monkeypatch.setattr(sampling, "probabilities", noting)
    session = session_of(trained)
    session.set_text("the cat sees a bird.\n" * 4)
    written = "".join(generate(session, 70, Sampling(seed=1)))
    tokens = [*session.tokens, *session.tokenizer.encode(written).tolist()]
    assert len(seen) == 70 and len(session.tokens) == 84
    assert seen == [tokens[20 + drawn : 84 + drawn] for drawn in range(70)]


def test_a_character_that_is_never_finished_is_shown(trained: Run) -> None:
    """Protects the end of the stream: bytes without their rest come out as one U+FFFD, not lost."""
    tokenizer = tokenizers.train(TextConfig(tokenizer="byte"), [])
    torch.manual_seed(0)
    config = ModelConfig(hidden_size=8, embedding_size=4)
    engine = engine_of(LanguageModel(config, tokenizer.vocab_size).eval(), config)
    engine.tensors["head.bias"][:] = -30
    engine.tensors["head.bias"][0xE4] = 30  # the first byte of three, again and again
    session = Session(engine, tokenizer)
    assert list(generate(session, 1, Sampling(temperature=0))) == ["\ufffd"]
    assert list(generate(session, 3, Sampling(temperature=0))) == ["\ufffd"] * 3
    assert list(generate(session, 0, Sampling(temperature=0))) == []


def test_bytes_are_written_as_whole_characters(make_run: MakeRun, tmp_path: Any) -> None:
    """Protects the stream: a character of three bytes appears at once or not at all."""
    corpus = tmp_path / "chinese.txt"
    corpus.write_text("你好，世界。\n" * 200, encoding="utf-8")
    run = make_run(corpus=str(corpus), tokenizer="byte", max_steps=200, lr=2e-2)
    train_all(run)
    session = session_of(run)
    session.set_text("你好，")
    pieces = list(generate(session, 30, Sampling(temperature=0)))
    assert "".join(pieces).startswith("世界。")
    assert all(len(piece.encode()) >= 3 or piece == "\n" for piece in pieces)


def brute_force(session: Session, depth: int) -> dict[str, float]:
    """P(word, then an end) for every word of up to `depth` characters, by enumeration."""
    letters = [
        i
        for i, b in enumerate(session.vocabulary.bytes)
        if goes_on(b.decode()) and i != session.tokenizer.unknown
    ]
    ends = session.vocabulary.ends_word
    found = {}

    def visit(moment: Any, word: str, p: float) -> None:
        logits = np.where(session.vocabulary.writable, session.engine.logits(moment.y)[0], -np.inf)
        after = softmax_of(logits)
        if word:
            found[word] = p * float(after[ends].sum())
        if len(word) < depth:
            for letter in letters:
                text = session.vocabulary.bytes[letter].decode()
                visit(session.advance(moment, [letter]), word + text, p * float(after[letter]))

    visit(session.moment(), "", 1.0)
    return found


def test_probabilities_are_those_of_the_model(make_run: MakeRun, tmp_path: Any) -> None:
    """Protects the list: its words and figures are the most probable of all words, enumerated."""
    corpus = tmp_path / "tiny.txt"
    corpus.write_text("ab ba ab aab " * 300, encoding="utf-8")
    run = make_run(corpus=str(corpus), max_steps=20)
    train_all(run)
    session = session_of(run)
    session.set_text("ab ")
    expected = sorted(brute_force(session, 6).items(), key=lambda item: -item[1])[:4]
    found = [c for c in complete(session, count=6) if c.text.isalpha()][:4]
    assert [c.text for c in found] == [word for word, _ in expected]
    assert [c.probability for c in found] == pytest.approx([p for _, p in expected], rel=1e-3)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_a_learned_text_is_completed(tokenizer: str, make_run: MakeRun) -> None:
    """Protects the purpose: after the beginning of a known word stands its end, however text is cut."""
    run = make_run(tokenizer=tokenizer, vocab_size=300, max_steps=400, lr=2e-2, hidden_size=64)
    train_all(run)
    session = session_of(run)
    session.set_text("the cat li")
    assert complete(session, count=3)[0].text == "kes"
    longer = complete(session, count=1, words=3)[0]
    assert longer.text.startswith("kes ") and not longer.text.endswith(" ")
    assert longer.word == "kes" and longer.probability <= longer.word_probability


def test_completions_differ_and_are_ordered(trained: Run) -> None:
    session = session_of(trained)
    for text in ("", "the ", "a", "the cat", "🐦", "a\n\n"):
        session.set_text(text)
        found = complete(session, count=5)
        assert found and len({c.text for c in found}) == len(found)
        assert all(a.probability >= b.probability for a, b in itertools.pairwise(found))
        assert sum(c.probability for c in found) <= 1 + 1e-5


def test_completing_leaves_the_session_as_it_was(trained: Run) -> None:
    session = session_of(trained)
    session.set_text("the c")
    before = session.moment().y.copy()
    complete(session, 3, words=3)
    list(generate(session, 10, Sampling(seed=1)))
    assert np.array_equal(session.moment().y, before) and session.text == "the c"
