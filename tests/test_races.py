"""Two at once: one owner, one line for the other, and no reader ever sees half a line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rnntui.core.errors import InputError
from rnntui.core.files import write_atomically
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.runs.journal import EventTail, Journal
from rnntui.core.runs.ownership import owner_of
from tests.conftest import MakeRun, train_all

CONTENDER = """
import sys, time
from pathlib import Path
from rnntui.core.config import build
from rnntui.core.errors import InputError
from rnntui.core.runs.folder import Run
path, at = Path(sys.argv[1]), float(sys.argv[2])
while time.time() < at:
    pass
try:
    run = Run.create(path, build({}), {"tokenizer.json": b"{}"})
    with run.owned():
        print("owner", flush=True)
        sys.stdin.readline()
except InputError as error:
    print(error, flush=True)
"""


def contend(path: Path, count: int = 2) -> list[str]:
    """What processes say that want to make the same run at the same moment."""
    import time

    at = str(time.time() + 0.6)
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", CONTENDER, str(path), at], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]  # fmt: skip
    said = []
    for process in racing:
        assert process.stdout is not None
        said.append(process.stdout.readline().strip())
    for process in racing:
        process.communicate("\n")
    return said


def test_one_of_two_makes_the_run(tmp_path: Path) -> None:
    """Protects the folder: whoever comes second gets one clear line."""
    for number in range(4):
        said = contend(tmp_path / f"run{number}", 3)
        losers = [line for line in said if line != "owner"]
        assert len(losers) == 2, said
        assert all(
            ("lives there already" in line or "is making this run" in line) and "run" in line
            for line in losers
        )


def test_one_of_two_resumes_it(trained: Run) -> None:
    with trained.owned():
        line = subprocess.run(
            [sys.executable, "-m", "rnntui", "train", "--run", str(trained.path), "--resume", "--headless"],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert line.returncode == 2
        assert f"process {os.getpid()} is training this run; watch it with" in line.stderr
        with pytest.raises(InputError, match="is training this run"), Run.open(trained.path).owned():
            pass


def test_a_dead_owner_is_no_owner(trained: Run) -> None:
    """Protects against a lock that nobody holds: of a process that was killed, and of another one with its number."""
    code = (
        "import sys, os; from pathlib import Path; from rnntui.core.runs.folder import Run\n"
        "with Run.open(Path(sys.argv[1])).owned():\n    os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(trained.path)], check=False)
    assert killed.returncode != 0 and (trained.path / "lock").exists()
    assert owner_of(trained.path) is None
    write_atomically(trained.path / "lock", json.dumps({"pid": os.getpid(), "started": 1.0}).encode())
    assert owner_of(trained.path) is None
    with trained.owned():
        assert owner_of(trained.path) is not None
    assert owner_of(trained.path) is None


def test_a_reader_never_sees_half_a_line(tmp_path: Path) -> None:
    path, count = tmp_path / "events.jsonl", 3000
    text = "é" * 300

    def write() -> None:
        with Journal(path) as journal:
            for step in range(count):
                journal.add(ev.Warned(step=step, message=text))

    writer = threading.Thread(target=write)
    writer.start()
    tail, seen = EventTail(path), []
    while writer.is_alive() or len(seen) < count:
        seen += tail.poll()
    writer.join()
    assert seen == [ev.Warned(step=step, message=text) for step in range(count)]


TIMES = {"train_s", "wall_s", "tokens_per_s", "run"}


@pytest.mark.parametrize(
    "settings", [{"cell": "lstm"}, {"cell": "gru", "tokenizer": "word", "dropout": 0.3}], ids=str
)
def test_the_same_command_makes_the_same_run(settings: dict[str, str], make_run: MakeRun) -> None:
    """Protects trust in numbers: the same bytes in the weights, the same events but for times."""
    made = [make_run(**settings) for _ in range(2)]
    told = []
    for run in made:
        train_all(run)
        lines = [json.loads(line) for line in run.events_path.read_text().splitlines()]
        told.append([{key: value for key, value in line.items() if key not in TIMES} for line in lines])
    assert told[0] == told[1] and len(told[0]) > 10
    for name in ("model.safetensors", "trainer.safetensors"):
        assert len({(run.checkpoint_path("last") / name).read_bytes() for run in made}) == 1
