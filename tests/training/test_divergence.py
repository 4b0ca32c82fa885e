"""Numbers gone bad: the step is skipped, then the run goes back; nothing that is kept was ever infinite."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from rnntui.core.errors import NumericalError
from rnntui.core.nn.base import Loss
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.training import divergence
from rnntui.core.training.checkpoints import read_counters
from rnntui.core.training.control import Control
from rnntui.core.training.divergence import ROLLBACKS, diverged, suspicious, take_in
from rnntui.core.training.learner import Counters, Learner
from rnntui.core.training.loop import train
from tests.conftest import MakeRun, train_all

Poison = Callable[[Learner, Loss], Loss]


def in_the_loss(learner: Learner, loss: Loss) -> Loss:
    return loss._replace(nats=loss.nats * math.nan)


def in_the_gradient(learner: Learner, loss: Loss) -> Loss:
    return loss._replace(objective=loss.objective * math.inf)


def in_the_state(learner: Learner, loss: Loss) -> Loss:
    return loss._replace(
        objective=loss.objective * math.nan,
        nats=loss.nats * math.nan,
        state=tuple(tuple(part * math.nan for part in layer) for layer in loss.state),
    )


def in_the_weights(learner: Learner, loss: Loss) -> Loss:
    # Behind autograd's back, as a fault of the memory would.
    learner.model.embedding.weight.data.fill_(math.nan)
    return in_the_state(learner, loss)


def poisoned(monkeypatch: pytest.MonkeyPatch, steps: set[int], poison: Poison) -> None:
    """Let `poison` work in the passes so numbered, over the whole of the test."""
    honest, passes = Learner._loss, iter(range(10**6))

    def loss(learner: Learner, *arguments: Any) -> Loss:
        found = honest(learner, *arguments)
        return poison(learner, found) if next(passes) in steps else found

    monkeypatch.setattr(Learner, "_loss", loss)


def all_numbers(value: Any) -> list[float]:
    if isinstance(value, dict | list):
        return [
            n for each in (value.values() if isinstance(value, dict) else value) for n in all_numbers(each)
        ]
    return [value] if isinstance(value, float) else []


def assert_clean(run: Run) -> None:
    """No number that was kept, in events or checkpoints, is infinite or none at all."""
    for line in run.events_path.read_text().splitlines():
        assert all(math.isfinite(number) for number in all_numbers(json.loads(line)))
    state = json.loads((run.checkpoint_path("last") / "state.json").read_text())
    assert all(math.isfinite(number) for number in all_numbers(state))


@pytest.mark.parametrize("poison", [in_the_loss, in_the_gradient, in_the_state])
def test_a_bad_step_is_not_taken(poison: Poison, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the weights: they are as before the step, and the carried state begins anew."""
    run = make_run(log_every=1, max_steps=30)
    poisoned(monkeypatch, {12}, poison)
    seen: list[tuple[Tensor, Tensor]] = []
    honest = Learner.step

    def step(learner: Learner) -> tuple[Tensor, Tensor]:
        before = learner.model.embedding.weight.detach().clone()
        told = honest(learner)
        seen.append((before, learner.model.embedding.weight.detach().clone()))
        if len(seen) == 13:
            assert all(not part.any() for layer in learner.state for part in layer)
        return told

    monkeypatch.setattr(Learner, "step", step)
    told = train_all(run)
    assert [torch.equal(*pair) for pair in seen] == [i == 12 for i in range(30)]
    (warning,) = [event for event in told if isinstance(event, ev.Warned)]
    assert "not finite" in warning.message and warning.step == 13
    assert_clean(run)


@pytest.mark.parametrize("poison", [in_the_loss, in_the_weights])
@pytest.mark.parametrize(("first", "back_at"), [(25, 20), (5, 0)])
def test_three_in_a_row_go_back_with_half_the_rate(
    poison: Poison, first: int, back_at: int, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the overnight run: it goes on from its last good checkpoint, or from the beginning, and says so."""
    run = make_run(log_every=1)
    poisoned(monkeypatch, {first, first + 1, first + 2}, poison)
    told = train_all(run)
    again = [event for event in told if isinstance(event, ev.Started)][-1]
    warning = [event for event in told if isinstance(event, ev.Warned)][-1]
    assert (again.step, warning.step) == (back_at, back_at)
    assert "with half the learning rate" in warning.message
    assert told[-1] == ev.Finished(step=60, reason="steps")
    times = [event.train_s for event in told if isinstance(event, ev.Progress)]
    assert times == sorted(times), "the time of what is undone counts"
    counters = read_counters(run.checkpoint_path("last"))
    assert counters.lr_factor == 0.5 and counters.best_loss is not None and counters.best_loss < 3
    steps = [event.step for event in run.events()]
    assert steps == sorted(steps), "what was told of steps that are void is left out"
    assert_clean(run)


def test_numbers_that_stay_bad_end_the_run(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(log_every=1)
    poisoned(monkeypatch, set(range(25, 1000)), in_the_loss)
    with pytest.raises(NumericalError, match=r"run1: .* resume with a smaller --lr"):
        train_all(run)
    assert sum(isinstance(event, ev.Started) for event in _all(run)) == 1 + ROLLBACKS
    assert run.checkpoint_path("last").name == "00000020"
    assert_clean(run)


def _all(run: Run) -> list[ev.AnyEvent]:
    return ev.decode_lines(run.events_path.read_bytes())


def test_weights_that_went_bad_are_not_saved(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the checkpoints: a save right after the damage goes back in the place of keeping it."""
    run = make_run(log_every=1, save_every=5)
    honest, times = Learner.sound, iter([True] * 4 + [False])
    monkeypatch.setattr(Learner, "sound", lambda learner: next(times, True) and honest(learner))
    told = train_all(run)
    assert any(
        isinstance(e, ev.Warned) and e.message.startswith("weights were not finite or beyond any use: back")
        for e in told
    )
    assert told[-1] == ev.Finished(step=60, reason="steps")


def test_a_diverging_run_is_caught_before_four_epochs_are_lost(make_run: MakeRun) -> None:
    """Protects time: a rate that is far too large is halved until the run learns, or it ends with a line."""
    run = make_run(
        lr=30.0, optimizer="sgd", momentum=0.99, clip=1e9, schedule="constant", warmup=0,
        max_steps=None, max_epochs=6.0, eval_every=1_000_000,
    )  # fmt: skip
    wasted, returned = [], 0
    try:
        for event in run.record(train(run, Control(run.path))):
            if isinstance(event, ev.Progress):
                wasted.append(event.epoch)
            elif isinstance(event, ev.Started) and wasted:
                returned += 1
                assert wasted[-1] - wasted[0] < 4
                wasted.clear()
    except NumericalError:
        assert returned == ROLLBACKS
    assert returned >= 1


def test_what_never_learns_is_given_up(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects against going back for ever: an evaluation of what has come apart is no gain."""
    run = make_run(max_steps=400, eval_every=100)
    monkeypatch.setattr(divergence, "diverged", lambda counters, loss, frequencies: True)
    with pytest.raises(NumericalError, match="training has diverged, also with a learning rate of"):
        train_all(run)
    told = _all(run)
    assert sum(isinstance(event, ev.Started) for event in told) == 1 + ROLLBACKS
    assert not any(event.best for event in told if isinstance(event, ev.Evaluated))


def test_weights_that_are_never_sound_are_given_up(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects against going back for ever: a gain whose weights cannot be kept is none."""
    run = make_run(max_steps=400, eval_every=10)
    monkeypatch.setattr(Learner, "sound", lambda self: False)
    with pytest.raises(NumericalError, match="beyond any use, also with a learning rate of"):
        train_all(run)
    assert sum(isinstance(event, ev.Started) for event in _all(run)) == 1 + ROLLBACKS


def test_what_counts_as_divergence() -> None:
    """Protects against false alarms: overfitting and a change of text are none."""
    calm = Counters(train_loss=1.5, lowest_train_loss=1.4, best_loss=1.6)
    assert not diverged(calm, 1.7, 3.0) and not diverged(calm, 9.0, 3.0), "overfitting"
    rough = Counters(train_loss=2.5, lowest_train_loss=1.4, best_loss=1.6)
    assert not diverged(rough, 1.6, 3.0), "another kind of text"
    assert diverged(rough, 2.9, 3.0) and diverged(rough, None, 3.0)
    ignorant = Counters(step=99, train_loss=3.3, lowest_train_loss=3.1, best_loss=2.9)
    assert not diverged(ignorant, 2.9, 3.1), "too early to say"
    ignorant.step = 100
    assert diverged(ignorant, 2.9, 3.1), "knows less than the frequencies"


def test_single_tokens_are_no_alarm() -> None:
    """Protects tiny batches: the loss of one token says nothing, of some thousand it does."""
    rng, counters = random.Random(1), Counters()
    for step in range(1, 20_000):
        counters.step = step
        take_in(counters, rng.expovariate(1 / 3.0), 1, 3.1)
        assert not suspicious(counters, 3.1), step
