"""A sweep that several workers share in a real PostgreSQL, which these tests start."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rnntui.core.errors import InputError
from rnntui.core.studies import storage
from rnntui.core.studies.space import Range
from rnntui.core.studies.storage import hidden
from rnntui.core.studies.sweep import Sweep
from tests.cli.test_commands import assert_one_line, rnntui
from tests.conftest import TINY, posix

pytestmark = posix
SPACE = {"lr": Range(1e-3, 3e-2, False, True)}


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs; Debian keeps them off the path."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of an empty database, served on a free port of this machine by an ordinary user."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="rnntui-pg-"))
    if user:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, *arguments], check=True, user=user, cwd=folder, capture_output=True
        )

    with socket.socket() as free:  # workers that share these tests out have a server each
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "rnntui", "-A", "trust", "--no-sync")
    options = f"-F -k {folder} -p {port} -c listen_addresses=127.0.0.1"
    run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://rnntui:secret@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def sweep(folder: Path, corpus: Path, database: str, **settings: Any) -> Sweep:
    chosen = TINY | {"max_steps": 20, "eval_every": 10, "corpus": str(corpus)} | settings
    return Sweep(folder, chosen, SPACE, "balanced", database)


def test_workers_share_trials_by_the_studys_name(database: str, corpus_file: Path, tmp_path: Path) -> None:
    """Protects a sweep on several machines: one table for all, each run where it was trained, one best."""
    first = sweep(tmp_path / "here" / "shared", corpus_file, database)
    list(first.run(2))
    # A worker of another machine knows the name alone.
    joined = Sweep(tmp_path / "there" / "shared", {}, {}, "balanced", database)
    list(joined.run(4))
    trials = first.trials()
    assert trials == joined.trials() and [trial.number for trial in trials] == [0, 1, 2, 3]
    assert all(trial.worker.endswith(f":{os.getpid()}") for trial in trials)
    folders = [
        sorted(path.name for path in (tmp_path / place / "shared" / "trials").iterdir())
        for place in ("here", "there")
    ]
    assert folders == [["0000", "0001"], ["0002", "0003"]]
    best = first.best
    assert best is not None and (tmp_path / "there" / "shared" / "run.toml").exists()
    with pytest.raises(InputError, match="searches other settings"):
        sweep(tmp_path / "other" / "shared", corpus_file, database, hidden_size=8)
    with pytest.raises(InputError, match="no study called nobody is there yet"):
        Sweep(tmp_path / "nobody", {}, {}, "balanced", database)


def test_a_worker_that_dies_gives_its_trial_back(
    database: str, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the count: what a killed worker was trying is tried again by another, with the same settings."""
    monkeypatch.setattr(storage, "_HEARTBEAT_S", 1)
    monkeypatch.setattr(storage, "_DEAD_S", 2)
    searching = sweep(tmp_path / "dying", corpus_file, database, max_steps=100_000)
    command = f"""
from pathlib import Path
from rnntui.core.studies import storage
from rnntui.core.studies.sweep import Sweep
storage._HEARTBEAT_S, storage._DEAD_S = 1, 2
for trial in Sweep(Path({str(tmp_path / "worker" / "dying")!r}), {{}}, {{}}, "", {database!r}).run(1):
    print(trial.number, flush=True)
"""
    worker = subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None and worker.stdout.readline() == "0\n"
    until = time.monotonic() + 30
    while not list((tmp_path / "worker").glob("dying/trials/0000/events.jsonl")) and time.monotonic() < until:
        time.sleep(0.05)
    settings = searching.trials()[0].settings
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    time.sleep(3.5)
    monkeypatch.setattr(searching, "_settings", searching._settings | {"max_steps": 20})
    list(searching.run(1))
    (again,) = searching.trials()
    assert (again.number, again.state, again.settings) == (1, "complete", settings)


def test_a_database_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    """Protects the first try: the address without its password, the fault, and what to check."""
    url = "postgresql://me:secret@127.0.0.1:9/none"
    found = rnntui("sweep", "tales", "--lr", "1e-3..1e-2", "--storage", url, "--study", str(tmp_path / "s"))
    assert_one_line(found, 2, "--storage: postgresql://me@127.0.0.1:9/none")
    assert "secret" not in found.stderr
    assert hidden("sqlite:///here.db") == "sqlite:///here.db"
    found = rnntui(
        "sweep", "tales", "--lr", "1e-3..1e-2", "--storage", "nonsense", "--study", str(tmp_path / "s")
    )
    assert_one_line(found, 2, "--storage: nonsense")
    assert_one_line(rnntui("sweep", "tales", "--lr", "1e-3..1e-2", "--storage", url), 2, "as --study NAME")


def test_the_table_names_the_workers(database: str, corpus_file: Path, tmp_path: Path) -> None:
    """Protects the command: workers join it, and every trial says who tried it."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in (TINY | {"max_steps": 20}).items()]
    shared = ["--storage", database, "--json", "--study"]
    first = ["sweep", str(corpus_file), "--lr=1e-3..1e-2", *flags, "--trials=1"]
    begun = rnntui(*first, *shared, str(tmp_path / "a" / "t"))
    assert begun.returncode == 0, begun.stderr
    joined = rnntui("sweep", "--trials=2", *shared, str(tmp_path / "b" / "t"))
    assert joined.returncode == 0 and '"worker": ' in joined.stdout, joined.stderr
    assert "secret" not in begun.stderr + begun.stdout
