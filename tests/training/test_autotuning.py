"""Autotuning: timed once, remembered, and never a part of what is learned."""

from __future__ import annotations

import json
import time

import pytest
import torch

from rnntui.core.processors import OtherPrograms
from rnntui.core.runs.store import cache_home
from rnntui.core.tasks.language.task import subject
from rnntui.core.training import autotuning
from rnntui.core.training.autotuning import Plan, choose_plan
from rnntui.core.training.learner import Learner
from tests.conftest import MakeRun
from tests.training.test_loop import reopen_tokens


def make_learner(make_run: MakeRun) -> Learner:
    run = make_run()
    return Learner(run.config, subject(run.config, 30, reopen_tokens(run)), "cpu")


def test_the_winner_is_remembered(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the start of a run: the second one of a shape does not race precisions again, on an idle machine.

    The number of threads is timed at every start, and not kept: it depends on what else runs.
    """
    threads, busy = 2, [1.0]
    monkeypatch.setattr(OtherPrograms, "look", lambda self: busy[0])
    monkeypatch.setattr(autotuning, "_ALL_THREADS", threads)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    learner = make_learner(make_run)
    path = cache_home() / "plans.json"
    choose_plan("auto", learner)
    assert not path.exists()  # another program computed meanwhile
    busy[0] = 0.0
    plan = choose_plan("auto", learner)
    assert plan.precision in ("fp32", "bf16") and 1 <= plan.threads <= threads
    ((key, kept),) = json.loads(path.read_text()).items()
    assert kept == {"precision": plan.precision}
    path.write_text(json.dumps({key: {"precision": "bf16", "threads": 1}}))  # as older versions kept it
    assert choose_plan("auto", learner).precision == "bf16" and list(json.loads(path.read_text())) == [key]
    path.write_text("{ torn")
    assert choose_plan("auto", learner).precision in ("fp32", "bf16")


def test_what_is_clearly_faster_wins(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects speed: a later plan wins where it leads clearly, whatever happens in one turn; a tie is the first's.

    Nor does it win by one lucky turn, as it has beside another program.
    """
    learner, slow_turns = make_learner(make_run), iter([1, 1, 9, 1, 0.1])
    clock = [0.0]

    def pass_time(seconds: dict[str, float]) -> None:
        def trial() -> None:
            late = next(slow_turns, 1) if learner.precision == "bf16" else 1
            clock[0] += seconds[learner.precision] * late

        monkeypatch.setattr(learner, "trial", trial)

    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    plans = [Plan("fp32", 1), Plan("bf16", 1)]
    pass_time({"fp32": 0.010, "bf16": 0.007})
    assert autotuning._fastest(learner, plans) == plans[1]
    pass_time({"fp32": 0.010, "bf16": 0.0095})
    assert autotuning._fastest(learner, plans) == plans[0]


def test_what_a_processor_does_not_know_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the start on older processors: bf16 in software would take minutes for its trials."""
    monkeypatch.setattr(autotuning, "torch_knows_bf16", lambda: False)
    assert autotuning.candidates("cpu") == ("fp32",) and autotuning.candidates("cuda") == (
        "fp32",
        "bf16",
        "fp16",
    )
    monkeypatch.setattr(autotuning, "torch_knows_bf16", lambda: True)
    assert autotuning.candidates("cpu") == ("fp32", "bf16")


def test_the_race_leaves_no_trace(make_run: MakeRun) -> None:
    """Protects reproducibility: weights, gradients, state and random numbers are as before."""
    raced, other = make_learner(make_run), make_learner(make_run)
    choose_plan("auto", raced)
    noise = torch.rand(3)
    torch.manual_seed(other.config.training.seed)
    make_learner(make_run)
    assert torch.equal(noise, torch.rand(3))
    for name, weight in raced.model.named_parameters():
        assert weight.grad is None and torch.equal(weight, dict(other.model.named_parameters())[name])
