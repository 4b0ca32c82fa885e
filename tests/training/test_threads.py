"""Threads of a run: they follow the machine's load, and never change what is learned."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from rnntui.core import config as configuration
from rnntui.core.processors import OtherPrograms
from rnntui.core.runs import events as ev
from rnntui.core.tasks.language.task import LanguageTask
from rnntui.core.training import autotuning, threads
from rnntui.core.training.learner import Learner
from rnntui.core.training.threads import ThreadTuner
from tests.conftest import MakeRun, train_all

CELLS = ("lstm", "gru", "elman", "mingru", "minlstm")


def learner_of(cell: str, **settings: Any) -> Learner:
    """A learner on random tokens, of a size that several threads share."""
    shape = {
        "cell": cell,
        "hidden_size": 192,
        "embedding_size": 64,
        "batch_size": 16,
        "bptt": 32,
        "max_steps": 9,
    }
    config = configuration.completed(
        configuration.build(shape | {"device": "cpu", "dropout": 0.1} | settings),
        configuration.Facts(100_000, True),
    )
    return Learner(config, LanguageTask.random_subject(config, 60), "cpu")


def weights_after(steps: int, learner: Learner) -> list[torch.Tensor]:
    for _ in range(steps):
        torch.manual_seed(learner.counters.step)
        learner.step()
    return [weight.detach().clone() for weight in learner.weights]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("optimizer", ["adamw", "shampoo"])
def test_results_do_not_depend_on_threads(
    cell: str, precision: Any, optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects repetition: a run limited by steps has the same bits with every number of threads, or keeps its own."""
    if precision not in autotuning.candidates("cpu"):
        pytest.skip("bf16 takes minutes on this processor")
    monkeypatch.setattr(autotuning, "_ALL_THREADS", 2)
    monkeypatch.delenv("OMP_NUM_THREADS")
    some, changing = (learner_of(cell, optimizer=optimizer) for _ in range(2))
    for each in (some, changing):
        each.use(precision, 1)
    if autotuning.depends_on_threads(some):
        pytest.skip("this processor's library shares out long sums: such a run keeps its threads")
    expected = weights_after(6, some)
    weights_after(3, changing)
    changing.use(precision, 2)
    for weight, other in zip(expected, weights_after(3, changing), strict=True):
        assert torch.equal(weight, other)


def test_wide_matrices_are_whitened_by_one_thread() -> None:
    """Protects the same where a library computes eigenvectors: those of wide matrices depend on its threads."""
    learners = [learner_of("elman", hidden_size=512, optimizer="shampoo", num_layers=1) for _ in range(2)]
    found = []
    for learner, count in zip(learners, (1, 2), strict=True):
        learner.use("fp32", count)
        learner.weights[0].grad = None
        gradient = torch.randn(512, 512, generator=torch.Generator().manual_seed(1))
        weight = next(weight for weight in learner.weights if weight.shape == (512, 512))
        for _ in range(3):
            weight.grad = gradient
            learner.optimizer.step()
        found.append(weight.detach())
    assert torch.equal(*found)


@dataclass
class Machine:
    """A machine whose load a test sets."""

    busy: float = 0.0
    fastest: int = 2
    looked: int = 0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()

    def fastest(precision: Any, learner: Learner) -> int:
        machine.looked += 1
        learner.use(precision, machine.fastest)
        return machine.fastest

    monkeypatch.setattr(OtherPrograms, "look", lambda self: machine.busy)
    monkeypatch.setattr(threads, "fastest_threads", fastest)
    monkeypatch.setattr(threads, "thread_counts", lambda device: [2, 1])
    return machine


def pass_seconds(tuner: ThreadTuner, learner: Learner, seconds: int, tokens_per_s: int) -> list[ev.Retuned]:
    """What the tuner says of steps of a tenth of a second."""
    said = []
    for _ in range(10 * seconds):
        learner.counters.train_s += 0.1001
        learner.counters.tokens += tokens_per_s // 10
        if retuned := tuner.after_step(learner):
            said.append(retuned)
    return said


def test_threads_follow_the_load(machine: Machine) -> None:
    """Protects speed beside other programs: fewer threads within seconds when one comes, all when it goes."""
    learner = learner_of("lstm", max_steps=None, max_time=60.0)
    learner.use("fp32", 2)
    tuner = ThreadTuner(learner)
    assert not pass_seconds(tuner, learner, 5, 50_000) and not machine.looked
    machine.busy, machine.fastest = 1.1, 1
    (retuned,) = pass_seconds(tuner, learner, 5, 20_000)
    assert (retuned.threads, retuned.others, learner.threads) == (1, 1.1, 1)
    assert not pass_seconds(tuner, learner, 9, 40_000)
    looked = machine.looked
    assert (
        not pass_seconds(tuner, learner, 9, 40_000) and machine.looked == looked
    )  # it does not look again and again
    machine.busy, machine.fastest = 0.0, 2  # with one thread nothing becomes faster by itself
    (retuned,) = pass_seconds(tuner, learner, 5, 40_000)
    assert retuned.threads == learner.threads == 2


def test_a_moment_is_no_reason(machine: Machine) -> None:
    """Protects against restlessness: what lasts for a second changes nothing."""
    learner = learner_of("lstm", max_steps=None, max_time=60.0)
    tuner = ThreadTuner(learner)
    for _ in range(3):
        pass_seconds(tuner, learner, 3, 50_000)
        machine.busy = 1.0
        pass_seconds(tuner, learner, 1, 50_000)
        machine.busy = 0.0
    assert not machine.looked


def test_a_slower_machine_is_reason_enough(machine: Machine) -> None:
    """Protects speed where the load is not to be seen, as that of a machine's other guests."""
    learner = learner_of("lstm", max_steps=None, max_time=60.0)
    tuner = ThreadTuner(learner)
    pass_seconds(tuner, learner, 3, 50_000)
    pass_seconds(tuner, learner, 4, 20_000)
    assert machine.looked == 1


def test_a_run_of_steps_keeps_threads_that_matter(
    machine: Machine, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects repetition: where bits depend on the threads, a run limited by steps says that it keeps them."""
    monkeypatch.setattr(threads, "depends_on_threads", lambda learner: True)
    events = train_all(make_run(max_steps=20))
    assert any(isinstance(event, ev.Warned) and "to the end" in event.message for event in events)
    learner = learner_of("lstm")
    tuner = ThreadTuner(learner)
    machine.busy = 1.0
    assert tuner.keeps and not pass_seconds(tuner, learner, 9, 20_000) and not machine.looked
    free = ThreadTuner(learner_of("lstm", max_steps=None, max_time=60.0))
    assert not free.keeps


def test_a_difference_in_bits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the check itself: gradients with another last bit are told apart, and the threads stay as they were."""
    monkeypatch.setattr(autotuning, "thread_counts", lambda device: [2, 1])
    learner = learner_of("lstm")
    learner.use("fp32", 2)

    def trial(length: int = 0) -> list[torch.Tensor]:
        assert length == sys.maxsize
        return [torch.tensor([1.0, 1.0 + (learner.threads == 1) * 2**-23])]

    monkeypatch.setattr(learner, "trial", trial)
    assert autotuning.depends_on_threads(learner) and learner.threads == 2
