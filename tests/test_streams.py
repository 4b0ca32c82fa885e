"""Standard streams that are closed, full or left by their reader: no training is lost, exit codes are as documented."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.runs.summaries import summarise
from tests.cli.test_commands import FLAGS, as_process
from tests.tui.terminal import pty

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells and terminals")


def shell(line: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in which "$@" stands for the program with its arguments."""
    command = [
        "bash",
        "-c",
        f"set -o pipefail; {line}",
        "bash",
        sys.executable,
        "-m",
        "rnntui",
        *map(str, arguments),
    ]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=os.environ | environment, timeout=120
    )


@pytest.mark.parametrize(
    "line",
    ['"$@" --json | head -n 1', '"$@" 2>/dev/full'],
    ids=["--json | head", "2>/dev/full"],
)  # fmt: skip
def test_training_outlives_its_reader(line: str, corpus_file: Path, tmp_path: Path) -> None:
    """Protects the night's work: where nobody reads any more, training goes on to its end, and is saved."""
    path = tmp_path / "R"
    answer = shell(line, "train", corpus_file, *FLAGS, "--headless", "--run", path)
    assert answer.returncode == 0, answer.stderr
    assert summarise(Run.open(path)).state == "finished"
    assert "Traceback" not in answer.stderr and "Exception" not in answer.stderr


def test_a_duel_outlives_its_reader(corpus_file: Path, tmp_path: Path) -> None:
    answer = shell(
        '"$@" --json | head -n 1', "duel", corpus_file, "--cells", "elman,gru", "--max-steps", "20",
        "--parameters", "2000", "--headless", "--run", tmp_path / "D",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert {summarise(Run.open(tmp_path / f"D-{cell}")).state for cell in ("elman", "gru")} == {"finished"}


def test_a_sweep_outlives_its_reader(corpus_file: Path, tmp_path: Path) -> None:
    answer = shell(
        '"$@" --json | head -n 1', "sweep", corpus_file, "--lr", "1e-3..1e-2", "--trials", "2", "--max-steps", "20",
        "--hidden-size", "8", "--study", tmp_path / "S",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert (
        sum(summarise(Run.open(path)).state == "finished" for path in (tmp_path / "S" / "trials").iterdir())
        == 2
    )


@pytest.mark.parametrize("ignored", [True, False], ids=["SIGHUP ignored", "SIGHUP"])
def test_a_terminal_that_is_gone_loses_nothing(ignored: bool, corpus_file: Path, tmp_path: Path) -> None:
    """Protects against a closed window: under nohup it goes on without a display, else it is saved."""
    path = tmp_path / "R"
    steps = "300" if ignored else "1000000"
    master, slave = pty.openpty()
    pid = os.fork()
    if pid == 0:
        os.close(master)
        os.login_tty(slave)
        if ignored:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        command = [sys.executable, "-m", "rnntui", "train", str(corpus_file), *FLAGS, "--max-steps", steps]
        os.execv(sys.executable, [*command, "--headless", "--run", str(path)])
    os.close(slave)
    told = b""
    while b"epoch" not in told:
        told += os.read(master, 1 << 12)
    os.close(master)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == (0 if ignored else 130)
    summary = summarise(Run.open(path))
    assert summary.state == ("finished" if ignored else "interrupted")
    assert int(Run.open(path).checkpoint_path("last").name) == summary.step


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ('"$@" >&-', 1, "rnntui: standard output: cannot be written: Bad file descriptor"),
        ('"$@" >/dev/full', 1, "rnntui: standard output: cannot be written: No space left on device"),
        ('"$@" | true', 0, ""),
        ('"$@" 2>&- >/dev/null', 0, ""),
        ('"$@" <&- >/dev/null', 0, ""),
        ('"$@" >&- 2>&-', 1, ""),
    ],
    ids=[">&-", ">/dev/full", "| true", "2>&-", "<&-", ">&- 2>&-"],
)
@pytest.mark.parametrize(
    "arguments", [["--help"], ["runs", "show", "RUN"], ["generate", "RUN", "--length", "40"]], ids=" ".join
)
def test_streams_that_break_are_said_where_that_can_be(
    arguments: list[str], line: str, code: int, said: str, trained: Run
) -> None:
    """Protects scripts: one line where one can be said, and the exit code that is documented."""
    arguments = [str(trained.path) if each == "RUN" else each for each in arguments]
    answer = shell(line, *arguments)
    assert (answer.returncode, answer.stderr.strip()) == (code, said)


def test_a_closed_stream_s_number_goes_to_no_file_of_ours(corpus_file: Path, tmp_path: Path) -> None:
    """Protects the run's files: what libraries print must not land in the file that was opened next."""
    path = tmp_path / "R"
    answer = shell('"$@" >&- 2>&-', "train", corpus_file, *FLAGS, "--headless", "--run", path)
    assert answer.returncode == 1  # the path could not be printed
    assert summarise(Run.open(path)).state == "finished"
    assert all(json.loads(line) for line in (path / "events.jsonl").read_text().splitlines())


def test_what_ends_too_early_is_no_ctrl_c(trained: Run) -> None:
    """Protects the exit code: a confirmation that cannot be asked is bad usage, and no interruption by hand."""
    answer = as_process("runs", "remove", trained.path)
    assert answer.returncode == 2 and "--yes" in answer.stderr


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_names_are_utf8_in_any_locale(corpus_file: Path, tmp_path: Path) -> None:
    """Protects names like é: trained in a plain C locale, found in any other."""
    folder = tmp_path / "ü"
    folder.mkdir()
    text = folder / "é.txt"
    text.write_bytes(corpus_file.read_bytes())
    answer = shell('"$@"', "train", text, *FLAGS, "--headless", "--run", folder / "R", **C_LOCALE)
    assert answer.returncode == 0, answer.stderr
    assert Run.open(folder / "R").config.text.corpus == str(text)
    for environment in ({}, C_LOCALE):
        shown = shell('"$@"', "runs", "show", folder / "R", "--json", **environment)
        assert json.loads(shown.stdout)["path"] == str(folder / "R")


def test_names_that_are_no_utf8_are_refused_at_once(
    corpus_file: Path, tmp_path: Path, trained_home: None
) -> None:
    """Protects against work for nothing: the line comes before anything is read, and one such run breaks no list."""
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/x\xff")
    Path(odd).write_bytes(corpus_file.read_bytes())
    for arguments in (
        ["train", odd],
        ["train", corpus_file, "--run", f"{odd}R"],
        ["evaluate", "first", "--corpus", odd],
    ):
        answer = shell('"$@"', *arguments, **C_LOCALE)
        assert answer.returncode == 2 and "the name is not UTF-8" in answer.stderr, answer.stderr
        assert answer.stderr.count("\n") == 1
    (store.runs_home() / "first").rename(os.fsdecode(os.fsencode(store.runs_home()) + b"/first\xff"))
    listed = shell('"$@"', "runs", "list", "--json", **C_LOCALE)
    assert listed.returncode == 0 and [run["name"] for run in json.loads(listed.stdout)] == ["first?"]
    assert shell('"$@"', "runs", "list").returncode == 0
