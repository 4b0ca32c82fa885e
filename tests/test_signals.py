"""Signals: what is open is saved, the terminal is as it was, and the exit code says what happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.runs.ownership import owner_of
from rnntui.core.training.start import resume_run
from tests.cli.test_commands import rnntui
from tests.conftest import sentences, train_all
from tests.tui.terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

SIGNALS = [signal.SIGTERM, signal.SIGHUP]
_LIMIT_S = 5.0


def started(*arguments: str | Path, until: str, before: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    """The program, once a line of its standard error has `until` in it."""
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "rnntui", *map(str, arguments)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    told = b""
    while until.encode() not in told:
        line = process.stderr.readline()
        assert line, f"it ended before it said {until!r}: {told.decode()}"
        told += line
    return process


def ended(process: subprocess.Popen[bytes], number: int) -> tuple[int, str]:
    """The exit code and the rest of standard error, after a signal; within the time that is promised."""
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - began < _LIMIT_S
    return process.returncode, err.decode()


def test_training_is_saved_in_the_middle_of_long_work(tmp_path: Path) -> None:
    """Protects the last minutes: a signal in a long evaluation saves at once, and nothing is evaluated by half."""
    text, run = tmp_path / "long.txt", tmp_path / "R"
    text.write_text(sentences(60_000))  # its held-out half takes many seconds
    process = started(
        "train", text, "--split", "50/50", "--headless", "--run", run, "--hidden-size", "256", "--precision", "fp32",
        "--max-steps", "1000000", "--eval-every", "5", "--log-every", "1", until="step 1 ",
    )  # fmt: skip
    while not list(run.glob("events.jsonl")) or b'"step":5,' not in (run / "events.jsonl").read_bytes():
        time.sleep(0.02)
    time.sleep(0.3)
    code, err = ended(process, signal.SIGHUP)
    assert code == 130 and "Traceback" not in err
    assert Run.open(run).checkpoint_path("last").name == "00000005"
    assert b'"evaluated"' not in (run / "events.jsonl").read_bytes()


def test_other_work_ends_at_once(tmp_path: Path) -> None:
    """Protects the hand on the keyboard: reading and tokenizing are left with one line, and no run is half made."""
    text, run = tmp_path / "long.txt", tmp_path / "R"
    with text.open("w") as file:
        for _ in range(20):
            file.write(sentences(20_000))
    process = started(
        "train",
        text,
        "--tokenizer",
        "bpe",
        "--vocab-size",
        "4000",
        "--headless",
        "--run",
        run,
        until="learning the bpe",
    )
    time.sleep(0.2)
    code, err = ended(process, signal.SIGTERM)
    assert code == 130 and err.strip().splitlines()[-1] == "rnntui: interrupted"
    assert not (run / "run.toml").exists()


def test_a_second_signal_leaves_at_once(corpus_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "R"
    process = started(
        "train", corpus_file, "--headless", "--run", run, "--hidden-size", "64", until="step 1 "
    )
    os.kill(process.pid, signal.SIGSTOP)  # both are waiting when it goes on
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(process.pid, number)
    code, err = ended(process, signal.SIGCONT)
    assert code == 130 and "Traceback" not in err


def test_a_pause_is_no_training_time(corpus_file: Path, tmp_path: Path) -> None:
    """Protects `--max-time`: the time in which the process is stopped, by ctrl+z or a lid, is not learned in."""
    run, pause_s, steps = tmp_path / "R", 1.5, "60"
    process = started(
        "train", corpus_file, "--headless", "--run", run, "--hidden-size", "256", "--batch-size", "8", "--precision",
        "fp32", "--max-steps", steps, "--log-every", steps, until="step 1 ",
    )  # fmt: skip
    watched = psutil.Process(process.pid)
    until = watched.cpu_times().user + 0.2
    while watched.cpu_times().user < until:  # in the middle of the steps that follow
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    time.sleep(pause_s)  # the pause itself
    os.kill(process.pid, signal.SIGCONT)
    process.communicate()
    first, last = [event for event in Run.open(run).events() if isinstance(event, ev.Progress)]
    passed, counted = last.wall_s - first.wall_s, last.train_s - first.train_s
    assert passed > pause_s and counted < passed - pause_s / 2


def test_what_nohup_ignores_stays_ignored(corpus_file: Path, tmp_path: Path) -> None:
    """Protects `nohup rnntui train &`: the end of the terminal is not the end of the training."""
    run = tmp_path / "R"
    process = started(
        "train", corpus_file, "--headless", "--run", run, "--hidden-size", "32", until="step 1 ",
        before=("nohup",),
    )  # fmt: skip
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None and owner_of(run) is not None
    assert ended(process, signal.SIGTERM)[0] == 130


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_the_screen_leaves_the_terminal_as_it_was(number: int, home: Path) -> None:
    """Protects the shell afterwards; and the training goes on without the screen."""
    path = home / "runs" / "reber-lstm-1"
    with Terminal("train", "reber", "--max-steps", "1000000", "--hidden-size", "16") as terminal:
        terminal.wait(lambda shown: "tok/s" in shown)
        os.kill(terminal.pid, number)
        terminal.wait_for_end(code=130)
        terminal.assert_left_as_it_was()
        owner = owner_of(path)
        assert owner is not None
        os.kill(owner.pid, signal.SIGTERM)
        end = time.monotonic() + _LIMIT_S
        while owner_of(path):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert Run.open(path).checkpoints()


def test_the_bar_leaves_the_terminal_as_it_was(home: Path) -> None:
    with Terminal(
        "train", "reber", "--headless", "--max-steps", "1000000", "--hidden-size", "16"
    ) as terminal:
        terminal.wait(lambda shown: "epoch" in shown)
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.wait_for_end(code=130)
        terminal.assert_left_as_it_was()


def test_killed_and_resumed_equals_uninterrupted(corpus_file: Path, tmp_path: Path) -> None:
    """Protects against the plug: SIGKILL between two saves; the end is the same to the byte."""
    flags = [
        "--headless", "--hidden-size", "48", "--batch-size", "4", "--bptt", "16", "--max-steps", "120", "--eval-every",
        "20", "--log-every", "1", "--precision", "fp32",
    ]  # fmt: skip
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert rnntui("train", corpus_file, "--run", whole, *flags).returncode == 0
    process = started("train", corpus_file, "--run", broken, *flags, until="parameters on")
    while b'"step":70,' not in (broken / "events.jsonl").read_bytes():
        time.sleep(0.005)
    process.kill()
    process.communicate()
    names = [int(path.name) for path in (broken / "checkpoints").glob("[0-9]*")]
    assert max(names) >= 70 - 21, "at most one interval is lost"
    train_all(resume_run(broken, {}))
    for name in ("model.safetensors", "trainer.safetensors"):
        contents = [(Run.open(run).checkpoint_path("last") / name).read_bytes() for run in (whole, broken)]
        assert contents[0] == contents[1]
