"""The counted model beside the network: its equations, its gain, and that what was read can be taken back."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rnntui.core.completion import counts as module
from rnntui.core.completion.completion import complete
from rnntui.core.completion.count_tables import are_kept, open_counts
from rnntui.core.completion.counts import CountedModel, counted_text
from rnntui.core.completion.loading import engine_of, open_engine
from rnntui.core.completion.session import Session
from rnntui.core.config.schema import TextConfig
from rnntui.core.errors import InputError
from rnntui.core.inference.scoring import Helped, score_tokens
from rnntui.core.nn.weights import load_model
from rnntui.core.runs.folder import Run
from rnntui.core.text import tokenizers
from rnntui.core.text.segmentation import first_word
from tests.completion.test_session import CONFIG, edits, make_model
from tests.conftest import MakeRun, sentences, train_all

ORDER, KINDS = 3, 5
SENTENCES = (
    "Zorblax the wizard ate blue cheese.",
    "Quenby drove her tractor to Mumford.",
    "The gribbleworm sleeps under Tilda and Ock.",
    "Captain Orrin lost his monocle near Vesthaven.",
    "My cousin Ferdil paints tiny submarines.",
    "Under the bridge lives an accountant named Pook.",
    "Nobody in Drelgate owns a working toaster.",
    "She sold seven kalimpras to the brass owl.",
    "Old Ulmo collects broken metronomes.",
    "Every Thursday the Hexley twins juggle lanterns.",
)


def random_tokens(count: int, seed: int) -> list[int]:
    """Tokens that repeat themselves, so that long contexts are found again."""
    rng = random.Random(seed)
    phrases = [[rng.randrange(KINDS) for _ in range(6)] for _ in range(5)]
    return [token for _ in range(count // 6) for token in rng.choice(phrases)]


def expected(train: Sequence[int], read: Sequence[int], start: int) -> np.ndarray[Any, Any]:
    """P(next token) by the equations, counted anew from the texts."""
    live: dict[tuple[int, ...], Counter[int]] = {}
    for at, token in enumerate(read):
        for k in range(min(ORDER, at), -1, -1):
            seen = live.setdefault(tuple(read[at - k : at]), Counter())
            known = token in seen
            seen[token] += 1
            if known:
                break
    p = np.full(KINDS, 1 / KINDS)
    context = [start, *read]
    for k in range(ORDER + 1):
        last = tuple(context[len(context) - k :]) if k <= len(context) else None
        # A token counts once for each longer context that it stood behind.
        longer = {
            (tuple(train[at - k - 1 : at - k]), train[at])
            for at in range(k, len(train))
            if tuple(train[at - k : at]) == last
        }
        counted = Counter(token for _, token in longer)
        now = live.get(tuple(read[len(read) - k :]) if k else (), Counter()) if k <= len(read) else Counter()
        total, newer = sum(counted.values()), module._LIVE_WEIGHT * sum(now.values())
        if not total + newer:
            continue
        found, left = np.zeros(KINDS), 0.0
        for token, count in counted.items():
            discount = module._DISCOUNTS[min(count, 3)]
            found[token] += (count - discount) / (total + newer)
            left += discount / (total + newer)
        for token, count in now.items():
            share = newer / (total + newer) / sum(now.values())
            found[token] += share * (count - module._LIVE_DISCOUNT)
            left += share * module._LIVE_DISCOUNT
        p = found + left * p
    return p


def test_probabilities_are_those_of_the_equations() -> None:
    """Protects the loops: bounds, memory of common contexts and lists say what counting the texts anew says."""
    train, read = random_tokens(1200, 1), random_tokens(120, 1)[:100] + random_tokens(60, 2)
    counts = CountedModel(counted_text(np.array(train), KINDS, ORDER), ORDER)
    context, start = counts.start(2), 2
    even = np.zeros((1, KINDS), np.float32) - np.log(KINDS).astype(np.float32)
    counts._rules.weights[:] = 0.0, 1.0  # the counts alone
    counts._rules.rates[:] = 0.0
    for at, token in enumerate(read):
        p = np.exp(counts.mixed(even, [context])[0])
        np.testing.assert_allclose(p, expected(train, read[:at], start), atol=1e-5)
        mixed, context = counts.read_along(context, even, [token])
        np.testing.assert_allclose(np.exp(mixed[0]), p, atol=1e-5)
        assert p.sum() == pytest.approx(1, abs=1e-5)


def test_what_was_read_is_taken_back_exactly() -> None:
    """Protects backspace: after reading and taking back in any order, all is as after reading what is left."""
    text = counted_text(np.array(random_tokens(300, 3)), KINDS, ORDER)
    counts, rng, tokens = CountedModel(text, ORDER), random.Random(5), list[int]()
    log_p = np.log(np.random.default_rng(0).dirichlet(np.ones(KINDS), 2000)).astype(np.float32)
    contexts = [counts.start(0)]
    for _ in range(60):
        if rng.random() < 0.6 or not tokens:
            new = random_tokens(rng.randrange(6, 40), rng.randrange(4))
            for token in new:
                at = len(tokens)
                tokens.append(token)
                contexts.append(counts.read_along(contexts[-1], log_p[at : at + 1], [token])[1])
        else:
            gone = rng.randrange(1, min(len(tokens), 60) + 1)
            counts.undo(gone)
            del tokens[-gone:], contexts[-gone:]
    assert len(tokens) > 100
    fresh = CountedModel(text, ORDER)
    _, end = fresh.read_along(fresh.start(0), log_p[: len(tokens)], tokens)
    np.testing.assert_array_equal(fresh._rules.weights, counts._rules.weights)
    np.testing.assert_array_equal(fresh._live.sizes, counts._live.sizes)
    ahead = log_p[-1:]
    np.testing.assert_array_equal(fresh.mixed(ahead, [end]), counts.mixed(ahead, [contexts[-1]]))


@pytest.mark.parametrize("kind", ["char", "word", "whitespace", "bpe"])
def test_any_editing_ends_in_the_counts_of_the_text(kind: Any) -> None:
    """Protects ghost text: after typing, deleting and pasting, offers are those of reading the text anew."""
    tokenizer = tokenizers.train(TextConfig(tokenizer=kind, min_count=1, vocab_size=300), [sentences()])
    engine = engine_of(make_model(tokenizer.vocab_size), CONFIG)
    text = counted_text(tokenizer.encode(sentences()), tokenizer.vocab_size, ORDER)
    session, written = Session(engine, tokenizer, counts=CountedModel(text, ORDER)), ""
    for written in edits(60, ["the cat ", "a", " ", "\n", "quux ", "sees ", "é"]):
        session.set_text(written)
    fresh = Session(engine, tokenizer, counts=CountedModel(text, ORDER))
    fresh.set_text(written)
    np.testing.assert_allclose(session.logits([session.moment()]), fresh.logits([fresh.moment()]), atol=2e-4)
    assert [piece for piece, _ in session.surprises()] == [piece for piece, _ in fresh.surprises()]
    np.testing.assert_allclose(
        [nats for _, nats in session.surprises()], [nats for _, nats in fresh.surprises()], atol=2e-4
    )


def counted(run: Run) -> tuple[Session, Session]:
    """A session with the counted model of a run, and one without."""
    engine, tokenizer = open_engine(run, run.checkpoint_path() / "model.safetensors")
    return Session(engine, tokenizer, counts=open_counts(run, tokenizer)), Session(engine, tokenizer)


def test_counts_gain_on_held_out_text_and_every_place_is_scored_before_it_is_counted(trained: Run) -> None:
    """Protects the figures: what comes later changes no score before it."""
    model, tokenizer = load_model(trained, trained.checkpoint_path() / "model.safetensors")
    news = "zebra quince likes the moon. " * 20
    first, second = tokenizer.encode(news), tokenizer.encode(news[:200] + "the cat sees a bird. " * 9)
    found = [
        score_tokens(model, tokens, tokenizer.start, helped=Helped(counts=open_counts(trained, tokenizer)))[0]
        for tokens in (first, second)
    ]
    np.testing.assert_array_equal(found[0][:200], found[1][:200])
    plain, _ = score_tokens(model, first, tokenizer.start)
    assert float(found[0][-200:].mean()) < 0.5 * float(plain[-200:].mean())
    session, _ = counted(trained)
    session.set_text(news)
    nats = [nats for _, nats in session.surprises()]
    np.testing.assert_allclose(nats, found[0][: len(nats)], atol=2e-3)
    with pytest.raises(InputError, match="--counts"):
        score_tokens(model, first, 0, "windows", helped=Helped(counts=open_counts(trained, tokenizer)))


def test_tables_are_kept_and_damaged_ones_made_anew(trained: Run) -> None:
    tokenizer = tokenizers.load(trained.path / "tokenizer.json")
    first = open_counts(trained, tokenizer)
    assert are_kept(trained, tokenizer)
    from rnntui.core.runs.store import cache_home

    (file,) = (cache_home() / "counts").glob("*/places.npy")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)
    second = open_counts(trained, tokenizer)
    np.testing.assert_array_equal(first.text.places[:-1], second.text.places[:-1])


def first_offer(session: Session) -> str:
    found = sorted(complete(session, 5), key=lambda each: -each.word_probability)
    return found[0].word.strip() if found else ""


@pytest.mark.parametrize("tokenizer", ["char", "word", "bpe"])
def test_a_sentence_typed_twice_is_offered_the_third_time(tokenizer: str, make_run: MakeRun) -> None:
    """Protects what a person sees of learning: from the second word on, also words that the model does not have.

    Forgetting restores the offers from before, and what the model wrote itself is not learned.
    """
    run = make_run(
        corpus="tales",
        tokenizer=tokenizer,
        max_steps=700,
        hidden_size=64,
        embedding_size=32,
        batch_size=16,
        bptt=32,
    )
    train_all(run)
    session, _ = counted(run)
    for sentence in SENTENCES:
        words = sentence.split()
        for at in range(1, len(words)):
            session.set_text(f"{sentence} {sentence} {' '.join(words[:at])} ")
            assert first_offer(session) == first_word(words[at]), (sentence, at)
    text = f"{SENTENCES[0]} {SENTENCES[0]} Zorblax the "
    untouched, plain = counted(run)
    for other in (untouched, plain):
        other.set_text(text, [(0, len(text))])  # as if the model had written all of it
        assert first_offer(other) != "wizard"
    session.set_text(text)
    session.forget_counts()
    session.start_anew()
    assert complete(session, 5, 4) == complete(untouched, 5, 4)
