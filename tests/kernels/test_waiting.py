"""Waiting threads: they leave the processor to others, and miss nobody's arrival."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rnntui.core import processors
from rnntui.core.kernels.openmp import find_threads
from rnntui.core.kernels.waiting import Spinning
from rnntui.core.processors import OtherPrograms, busy_seconds

needs_gomp = pytest.mark.skipif(
    find_threads() is None, reason="torch computes with no OpenMP that is known here"
)


@needs_gomp
def test_spinning_is_short_on_demand() -> None:
    """Protects other programs: the sleepers that shorten it are there while it is wanted, and gone afterwards."""
    threads = find_threads()
    assert threads is not None
    spinning, tasks = Spinning(threads.library), Path("/proc/self/task")
    before = len(list(tasks.iterdir()))
    spinning.shorten()
    assert spinning.short and len(list(tasks.iterdir())) >= before + 2
    spinning.shorten()
    spinning.lengthen()
    assert not spinning.short
    until = time.monotonic() + 10
    while len(list(tasks.iterdir())) > before and time.monotonic() < until:
        time.sleep(0.01)
    assert len(list(tasks.iterdir())) <= before


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs a choice of processors")
def test_threads_on_one_processor_meet() -> None:
    """Protects a busy machine: where threads have to take turns on one processor, they sleep, wake and agree."""
    script = """
import os, torch
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from tests.training.test_threads import learner_of, weights_after
from rnntui.core.training.autotuning import candidates
for cell in ("lstm", "gru", "mingru"):
    learners = [learner_of(cell), learner_of(cell)]
    for learner, threads in zip(learners, (1, 3)):
        learner.use(candidates("cpu")[-1], threads)
    some, other = (weights_after(4, learner) for learner in learners)
    assert all(torch.allclose(*pair) for pair in zip(some, other))
"""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=120)


def test_other_programs_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the figure on the screen: what others compute counts, what this process computes does not."""
    busy, own, clock = [100.0], [3.0], [0.0]
    monkeypatch.setattr(processors, "busy_seconds", lambda: busy[0])
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    others = OtherPrograms(own_seconds=lambda: own[0])
    busy[0], own[0], clock[0] = 103.5, 4.5, 2.0
    assert others.look() == pytest.approx(1.0)
    busy[0], own[0], clock[0] = 104.0, 5.1, 3.0  # counted in hundredths, a little late
    assert others.look() == 0.0


def test_the_system_counts_what_is_computed() -> None:
    """Protects the same against a system that counts otherwise: half a second of work is seen as such."""
    before, until = busy_seconds(), time.process_time() + 0.5
    while time.process_time() < until:
        pass
    assert busy_seconds() >= before + 0.4
