"""Several processes that train one model: the numbers of one process, and one end for all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest
import torch
from safetensors.torch import load_file

from rnntui.core import tasks
from rnntui.core.errors import InputError
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Command, Run, request
from rnntui.core.tasks.base import EventTime, Sharing
from rnntui.core.tasks.classification.task import load_classifier
from rnntui.core.tasks.translation.task import load_translator
from rnntui.core.training.ranks import Ranks
from tests.conftest import TINY, MakeRun, posix

ROOT = Path(__file__).resolve().parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m"]
pytestmark = [posix, pytest.mark.timeout(240)]


def run_worker(out: Path, *launcher: str) -> dict[str, torch.Tensor]:
    command = [*(launcher or (sys.executable, "-m")), "tests.training.ranks_worker", str(out)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert found.returncode == 0, found.stderr
    return load_file(out)


def test_two_ranks_learn_what_one_process_does(tmp_path: Path) -> None:
    """Protects the numbers: weights, averages, losses and states of every cell, optimiser and task.

    In float64 to 1e-8, in fp32 to 1e-4.  Dropout masks and sampled words are those of the whole batch, and a rank that
    is short of memory changes nothing.
    """
    alone, shared = run_worker(tmp_path / "alone"), run_worker(tmp_path / "shared", *TORCHRUN)
    assert alone.keys() == shared.keys() and len({name.split("/")[1] for name in alone}) > 10
    for name, value in alone.items():
        tolerance = 1e-4 if name.startswith("fp32/") else 1e-8
        assert float((shared[name] - value).abs().max()) <= tolerance, name


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(corpus_file: Path, tmp_path: Path) -> Start:
    """Starts `rnntui train` on a tiny run folder, in two processes."""

    def start(*flags: str, processes: int = 2, **settings: Any) -> subprocess.Popen[str]:
        resuming = "--resume" in flags
        chosen = {} if resuming else TINY | {"eval_every": 50, "max_steps": 2000} | settings
        words = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
        return subprocess.Popen(
            [sys.executable, "-m", "rnntui", "train", *([] if resuming else [str(corpus_file)]), "--headless",
             f"--processes={processes}", "--run", str(tmp_path / "run"), *words, *flags],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip

    return start


def until(found: Callable[[], Any], process: subprocess.Popen[str], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > end or process.poll() is not None:
            process.kill()
            raise AssertionError(process.communicate())
        time.sleep(0.05)
    return value


def events_of(path: Path) -> list[ev.AnyEvent]:
    return Run.open(path).events() if (path / "run.toml").exists() else []


def last_step(path: Path) -> int:
    return max((event.step for event in events_of(path)), default=0)


def test_requests_reach_all_ranks(start: Start, tmp_path: Path) -> None:
    """Protects control: pause, resume, another rate and stop act alike on all, and the run goes on alone afterwards."""
    path, process = tmp_path / "run", start()
    until(lambda: last_step(path) > 20, process)

    def ask(command: Command, kind: type[ev.Event]) -> ev.Event:
        before = len(events_of(path))
        request(path, command)
        return until(
            lambda: next((event for event in events_of(path)[before:] if isinstance(event, kind)), None),
            process,
        )

    paused = ask("pause", ev.Paused)
    time.sleep(0.5)
    assert last_step(path) == paused.step
    ask("evaluate", ev.Evaluated)
    ask("resume", ev.Resumed)
    assert isinstance(ask("faster", ev.Adjusted), ev.Adjusted)
    until(lambda: last_step(path) > paused.step + 20, process)
    ask("stop", ev.Finished)
    assert process.wait(30) == 130
    started, *_ = (event for event in events_of(path) if isinstance(event, ev.Started))
    assert started.processes == 2
    stopped = last_step(path)
    # With another number of processes it goes on, and says once that bits may differ.
    alone = start("--resume", f"--max-steps={stopped + 20}", processes=1)
    assert alone.wait(60) == 0, alone.communicate()
    told = [event for event in events_of(path) if isinstance(event, ev.Warned)]
    assert sum("processes 2 then, 1 now" in event.message for event in told) == 1
    assert last_step(path) == stopped + 20


def test_a_killed_rank_ends_all(start: Start, tmp_path: Path) -> None:
    """Protects against hanging: all end within 30 s, one line says why, and the run goes on from its checkpoint."""
    path, process = tmp_path / "run", start()
    until(lambda: list(path.glob("checkpoints/*/manifest.json")) and last_step(path) > 60, process)
    ranks = sorted(psutil.Process(process.pid).children(), key=lambda child: child.environ()["RANK"])
    os.kill(ranks[1].pid, signal.SIGKILL)
    assert process.wait(30) == 1
    _, stderr = process.communicate()
    lines = [line for line in stderr.splitlines() if "resume" in line]
    assert lines == ["rnntui: rank 1 of 2 was killed (SIGKILL); go on with --resume"], stderr
    assert not psutil.pid_exists(ranks[0].pid)
    again = start("--resume", "--max-steps=120", processes=2)
    assert again.wait(60) == 0, again.communicate()
    assert last_step(path) == 120


def test_a_signal_stops_all_ranks(start: Start, tmp_path: Path) -> None:
    """Protects ctrl+c: the launcher's processes save and end, with the exit code of one process."""
    path, process = tmp_path / "run", start()
    until(lambda: last_step(path) > 20, process)
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 130
    finished = events_of(path)[-1]
    assert isinstance(finished, ev.Finished) and finished.reason == "interrupted"
    assert Run.open(path).checkpoint_path("last").name.endswith(str(finished.step))


def test_bad_numbers_end_alike(start: Start, tmp_path: Path) -> None:
    """Protects divergence: all ranks go back together, again and again, and then give up in one line."""
    process = start(optimizer="sgd", lr="9000", clip="1e9", eval_every=5)
    _, stderr = process.communicate(timeout=90)
    assert process.returncode == 1 and "smaller --lr" in stderr.strip().splitlines()[-1], stderr
    told = [event.message for event in events_of(tmp_path / "run") if isinstance(event, ev.Warned)]
    assert sum("with half the learning rate" in message for message in told) == 5


def test_bad_input_is_one_line(start: Start) -> None:
    """Protects the first try: what one process says is said once, with its exit code."""
    process = start(split="no")
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2 and len(stderr.strip().splitlines()) == 1 and "--split" in stderr


def test_streams_are_no_fewer_than_ranks(make_run: MakeRun) -> None:
    """Protects against ranks without work, whose state would be nobody's."""
    with pytest.raises(InputError, match="--batch-size: 4 streams are too few for 8 processes"):
        Ranks(0, 8).check(make_run().config)


class Sharers:
    """Three processes that share an evaluation, as threads."""

    def __init__(self) -> None:
        self.count = 3
        self._found: list[Any] = [None] * 3
        self._all = threading.Barrier(3, timeout=60)

    def seen_from(self, rank: int) -> Sharing:
        def gathered(own: object) -> list[Any]:
            self._found[rank] = own
            self._all.wait()
            found = list(self._found)
            self._all.wait()
            return found

        return cast("Sharing", SimpleNamespace(rank=rank, count=3, gathered=gathered))


@pytest.mark.parametrize("kind", ["classifier", "translator"])
def test_a_shared_evaluation_has_the_same_figures(kind: str, request: pytest.FixtureRequest) -> None:
    """Protects the figures: every text is scored once, by whichever process; loss to 1e-6, the others exactly."""
    run: Run = request.getfixturevalue(kind)
    task, now, sharers = tasks.reopen(run), EventTime(1, 1.0), Sharers()
    loaded = load_classifier if kind == "classifier" else load_translator
    model = loaded(run, run.checkpoint_path("best") / "model.safetensors")[0]
    assert task.shares_evaluation
    alone = task.evaluate(model, "cpu", now, lambda: None)
    with ThreadPoolExecutor(3) as pool:
        shared = list(
            pool.map(
                lambda rank: task.evaluate(model, "cpu", now, lambda: None, sharers.seen_from(rank)), range(3)
            )
        )
    assert shared[0] == shared[1] == shared[2] and alone.loss is not None
    assert shared[0].loss == pytest.approx(alone.loss, abs=1e-6)
    assert (shared[0].accuracy, shared[0].confusion) == (alone.accuracy, alone.confusion)
    assert shared[0].metrics == pytest.approx(alone.metrics, abs=1e-6)
