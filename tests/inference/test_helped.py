"""What helps a model while it reads: learning from the text, and looking for places that were alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rnntui.core.completion.arrays import log_softmax
from rnntui.core.completion.cache import SIZE, with_cache
from rnntui.core.completion.loading import open_engine
from rnntui.core.completion.session import Session
from rnntui.core.errors import InputError
from rnntui.core.inference.dynamic_evaluation import PIECE, Adapting
from rnntui.core.inference.online_adaptation import LearningAlong
from rnntui.core.inference.scoring import Helped, score_tokens
from rnntui.core.nn.weights import load_model
from rnntui.core.runs.folder import Run
from tests.conftest import MakeRun, train_all

NEWS = "zebra quince zebra quince zebra quince likes the moon.\n" * 12


def session_of(run: Run, cache: bool = False) -> Session:
    engine, tokenizer = open_engine(run, run.checkpoint_path() / "model.safetensors")
    return Session(engine, tokenizer, cache=cache)


def bits(run: Run, text: str, helped: Helped) -> np.ndarray:
    model, tokenizer = load_model(run, run.checkpoint_path() / "model.safetensors")
    nats, _ = score_tokens(model, tokenizer.encode(text), tokenizer.start, helped=helped)
    return nats.numpy()


@pytest.mark.parametrize(
    "helped", [Helped(dynamic=True), Helped(cache=True), Helped(dynamic=True, cache=True)]
)
def test_help_finds_again_what_was_read(helped: Helped, trained: Run) -> None:
    """Protects the gain: a text that repeats itself is less surprising with help, all of which is earned."""
    plain, better = bits(trained, NEWS, Helped()), bits(trained, NEWS, helped)
    assert better[-200:].mean() < plain[-200:].mean()
    assert better[0] == pytest.approx(plain[0], rel=1e-4)


@pytest.mark.parametrize("helped", [Helped(dynamic=True), Helped(cache=True)])
def test_nothing_is_learned_before_it_is_scored(helped: Helped, trained: Run) -> None:
    """Protects the figures: what comes later changes no score before it, and the first piece has no help."""
    changed = NEWS[:300] + "the cat sees a bird." * 10
    first, second = bits(trained, NEWS, helped), bits(trained, changed, helped)
    np.testing.assert_array_equal(first[:300], second[:300])
    if helped.dynamic:
        np.testing.assert_allclose(first[:PIECE], bits(trained, NEWS, Helped())[:PIECE], rtol=1e-4)


def test_windows_take_no_help(trained: Run) -> None:
    model, tokenizer = load_model(trained, trained.checkpoint_path() / "model.safetensors")
    with pytest.raises(InputError, match="--protocol"):
        score_tokens(model, tokenizer.encode("the cat"), 0, "windows", helped=Helped(cache=True))


def test_the_cache_is_the_mixture_of_its_paper() -> None:
    """Protects the formula, with and without places that each see what is before them."""
    rng = np.random.default_rng(0)
    log_p = log_softmax(rng.normal(size=(3, 5)))
    outputs, tokens = rng.normal(size=(8, 4)), rng.integers(0, 5, 8)
    y = outputs[5:]
    found = np.exp(with_cache(log_p, y, outputs, tokens, seen=5))
    for k in range(3):
        weights = np.exp(0.3 * outputs[: 5 + k] @ y[k])
        shares = np.array([weights[tokens[: 5 + k] == w].sum() for w in range(5)]) / weights.sum()
        np.testing.assert_allclose(found[k], 0.9 * np.exp(log_p[k]) + 0.1 * shares)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(np.exp(with_cache(log_p, y, outputs, tokens)).sum(axis=1), 1)
    assert with_cache(log_p, y, outputs[:0], tokens[:0]) is log_p


def test_a_session_remembers_as_scoring_does(trained: Run) -> None:
    """Protects the playground's cache: its surprises are those that `evaluate --cache` gives."""
    session = session_of(trained, cache=True)
    session.set_text(NEWS)
    assert len(session.tokens) < SIZE
    found = np.array([nats for _, nats in session.surprises()])
    np.testing.assert_allclose(found, bits(trained, NEWS, Helped(cache=True)), atol=1e-4)
    plain = session_of(trained)
    plain.set_text(NEWS + "zebra quince z")
    session.set_text(NEWS + "zebra quince z")
    e = session.tokenizer.encode("e")[0]
    assert log_softmax(session.writer().logits())[e] > log_softmax(plain.writer().logits())[e]


def test_a_long_draft_is_remembered_as_scoring_does(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the marks of a long text: what is read at once remembers all that the cache holds."""
    for module in ("completion.session", "inference.scoring", "completion.cache"):
        monkeypatch.setattr(f"rnntui.core.{module}.SIZE", 150)
    monkeypatch.setattr("rnntui.core.completion.session._RECENT", 160)
    monkeypatch.setattr("rnntui.core.completion.session._SCORED", 40)
    session = session_of(trained, cache=True)
    session.set_text(NEWS * 3)
    assert len(session.tokens) > 3 * 150
    found = [nats for _, nats in session.surprises()]
    np.testing.assert_allclose(found, bits(trained, NEWS * 3, Helped(cache=True)), atol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"tied": True, "embedding_size": 24}, {"cell": "mingru"}], ids=str)
def test_it_learns_from_you_and_forgets(settings: dict[str, Any], make_run: MakeRun) -> None:
    """Protects the playground: what is written moves the weights in use, and forgetting undoes it to the bit."""
    train_all(run := make_run(**settings))
    session = session_of(run)
    before = {name: array.copy() for name, array in session.engine.tensors.items()}
    along = LearningAlong(session)
    session.set_text(NEWS[: PIECE // 2])
    assert along.follow() == 0
    session.set_text(NEWS)
    assert along.follow() == (len(session.tokens) - 1) // PIECE == along.steps
    assert along.follow() == 0
    moved = Session(session.engine, session.tokenizer)
    fresh = session_of(run)
    for each in (moved, fresh):
        each.set_text(NEWS)
    better, plain = (sum(nats for _, nats in each.surprises()) for each in (moved, fresh))
    assert better < plain
    along.forget()
    assert along.steps == 0 and along.follow() == 0
    assert all((before[name] == array).all() for name, array in session.engine.tensors.items())


def test_what_is_written_again_is_learned_again(trained: Run) -> None:
    session = session_of(trained)
    along = LearningAlong(session)
    session.set_text(NEWS[: 3 * PIECE + 1])
    assert along.follow() == 3
    session.set_text(NEWS[: PIECE + 1])
    assert along.follow() == 0
    session.set_text(NEWS[: PIECE + 1] + "a dog" * PIECE)
    assert along.follow() >= 4


def test_a_step_of_adaptation_is_the_rule(trained: Run) -> None:
    """Protects the rule: a share of the way back, then the gradient by its usual size."""
    model, tokenizer = load_model(trained, trained.checkpoint_path() / "model.safetensors")
    weight = model.head.bias
    trained_bias = weight.detach().clone()
    adapting = Adapting(model)
    x = torch.from_numpy(tokenizer.encode("the cat sees a bird").astype(np.int64)).unsqueeze(1)
    adapting.read(x[:-1], x[1:], model.initial_state(1))
    moved = weight.detach() - trained_bias
    # The first gradient is its own usual size: every weight with a gradient moves as far, an eighth of the rate.
    torch.testing.assert_close(moved.abs(), torch.full_like(moved, 3e-4 / 8), rtol=1e-2, atol=0)
