"""A run's events as columns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnntui.core.runs import events as ev
from rnntui.core.runs.history import History

STARTED = ev.Started(
    step=0,
    run="r",
    device="cpu",
    precision="fp32",
    parameters=1,
    corpus="x",
    seed=1,
    vocab_size=2,
    train_tokens=100,
    valid_tokens=10,
    train_bytes=200,
    valid_bytes=20,
)


def progress(step: int, loss: float | None = 2.0) -> ev.Progress:
    return ev.Progress(
        step=step,
        tokens=step * 100,
        epoch=0.0,
        loss=loss,
        lr=0.1,
        grad_norm=1.0,
        tokens_per_s=10.0,
        train_s=float(step),
        wall_s=float(step),
        fraction=0.0,
    )


def evaluated(step: int, best: bool = True) -> ev.Evaluated:
    return ev.Evaluated(
        step=step,
        split="valid",
        loss=1.0,
        perplexity=math.e,
        bits_per_byte=0.7,
        bits_per_char=0.7,
        accuracy=0.5,
        protocol="stream",
        train_s=float(step),
        best=best,
    )


def test_what_a_resumed_run_takes_anew_is_forgotten() -> None:
    """Protects the curve from steps that are void: they are drawn once, and the best is one that counts."""
    history = History()
    history.add([STARTED, *(progress(step) for step in range(1, 1001)), evaluated(500), evaluated(900)])
    assert len(history.steps) == 1000 and history.best is not None and history.best.step == 900
    history.add([ev.Started(**{**_fields(STARTED), "step": 600}), progress(601, 3.0)])
    assert history.steps.values[-2:].tolist() == [600, 601]
    assert history.best.step == 500 and len(history.evaluations) == 1
    assert {len(column) for column in history.columns} == {601}
    assert history.smooth.values[-1] == pytest.approx(2.2, abs=0.05), (
        "the average goes on as if nothing had been void"
    )


def _fields(event: ev.Started) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_the_average_is_debiased_and_keeps_gaps() -> None:
    """Protects the curve: a constant loss is a constant line from its first point, and a gap stays one."""
    history = History()
    history.add([progress(1), progress(2), progress(3, None), progress(4)])
    smooth = history.smooth.values
    assert smooth[[0, 1, 3]].tolist() == pytest.approx([2.0, 2.0, 2.0]) and np.isnan(smooth[2])
    assert np.isnan(history.losses.values[2])


def test_the_average_follows_a_fast_fall() -> None:
    """Protects the first minute: of losses that fall fast, the average stays near, and it is calm later."""
    history = History()
    falling = [3 * 0.9**step + 1 for step in range(30)]
    history.add([progress(step + 1, loss) for step, loss in enumerate(falling)])
    assert history.smooth.values[9] - falling[9] < 0.35
    rough = [2 + 0.5 * (-1) ** step for step in range(400)]
    history = History()
    history.add([progress(step + 1, loss) for step, loss in enumerate(rough)])
    assert abs(history.smooth.values[-1] - 2) < 0.08


def test_pause_and_end_are_told() -> None:
    history = History()
    history.add([STARTED, progress(1), ev.Paused(step=1)])
    assert history.paused
    history.add([ev.Resumed(step=1), ev.Finished(step=1, reason="steps")])
    assert not history.paused and history.finished is not None and history.step == 1
    history.add([STARTED])
    assert history.finished is None, "it goes on"
