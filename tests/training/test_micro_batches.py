"""Where memory is short for a batch: micro_batches of it, with the same result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from rnntui.core import tasks
from rnntui.core.nn.base import Loss
from rnntui.core.runs import events as ev
from rnntui.core.tasks.classification.task import ClassificationTask
from rnntui.core.tasks.language.task import subject
from rnntui.core.tasks.translation.task import TranslationTask
from rnntui.core.training.learner import Learner
from rnntui.core.training.micro_batches import out_of_memory
from tests.conftest import CLASSIFIER, TRANSLATOR, MakeRun, train_all
from tests.training.test_loop import reopen_tokens

SHORT = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried ..."
)


def short_for(monkeypatch: pytest.MonkeyPatch, streams: int, error: Exception) -> None:
    """Let memory be short for more than so many streams at once."""
    honest = Learner._loss

    def loss(learner: Learner, part: Any, *rest: Any) -> Loss:
        if part.targets.shape[1] > streams:
            raise error
        return honest(learner, part, *rest)

    monkeypatch.setattr(Learner, "_loss", loss)


@pytest.mark.parametrize(
    "error", [RuntimeError(SHORT), torch.OutOfMemoryError("CUDA out of memory"), MemoryError()]
)
@pytest.mark.parametrize(("streams", "micro_batches"), [(3, 2), (2, 4), (1, 5)])
def test_micro_batches_give_the_same_gradients(
    error: Exception, streams: int, micro_batches: int, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the numbers: loss, gradients and carried state are the whole batch's, to 1e-6."""
    run = make_run(
        batch_size=5, num_layers=2, activation_penalty=1.0, temporal_penalty=1.0, label_smoothing=0.1
    )
    results = []
    for short in (False, True):
        if short:
            short_for(monkeypatch, streams, error)
        learner = Learner(run.config, subject(run.config, 30, reopen_tokens(run)), "cpu")
        for _ in range(3):
            nats, _ = learner.step()
        assert learner.micro_batches == (micro_batches if short else 1)
        gradients = [p.grad for p in learner.model.parameters() if p.grad is not None]
        results.append([nats, *gradients, *(part for layer in learner.state for part in layer)])
    torch.testing.assert_close(*results, atol=1e-6, rtol=1e-5)


def test_micro_batches_are_told_once(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    short_for(monkeypatch, 2, RuntimeError(SHORT))
    told = [event for event in train_all(make_run()) if isinstance(event, ev.Warned)]
    assert [event.message for event in told] == [
        "memory is short for a whole batch: gradients are accumulated over 2 micro-batches, with the same result"
    ]


def test_what_single_streams_cannot_have_is_an_error(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_for(monkeypatch, 0, RuntimeError(SHORT))
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        train_all(make_run())


def test_other_errors_are_no_shortage() -> None:
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not out_of_memory(ValueError("out of memory"))


@pytest.mark.parametrize("kind", ["classify", "translate"])
def test_a_small_last_batch_has_no_more_micro_batches_than_texts(
    kind: str, make_run: MakeRun, examples: Path, pairs_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the end of an epoch where memory is short: a few texts are taken one by one, and no further."""
    chosen = {"classify": (CLASSIFIER, examples), "translate": (TRANSLATOR, pairs_file)}
    settings, corpus = chosen[kind]
    run = make_run(**settings | {"corpus": str(corpus), "batch_size": 7, "max_epochs": 1, "max_steps": None})
    honest, told = Learner._loss, 0

    def loss(learner: Learner, part: Any, *rest: Any) -> Loss:
        nonlocal told
        if part.sequences > 1:
            raise MemoryError
        told += part.sequences
        return honest(learner, part, *rest)

    monkeypatch.setattr(Learner, "_loss", loss)
    task = tasks.reopen(run)
    assert isinstance(task, ClassificationTask | TranslationTask)
    batches = task.subject(run.config).batches
    learner = Learner(run.config, task.subject(run.config), "cpu")
    sizes = [batches[i].sequences for i in range(len(batches))]
    assert min(sizes) < 7 == max(sizes)
    for _ in sizes:
        learner.step()
    assert learner.counters.step == len(sizes) and learner.micro_batches == 7
    assert told >= sum(sizes), "some are computed twice while the right size is looked for"
