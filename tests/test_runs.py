"""The run folder: events, ownership, names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from rnntui.core import config, journal, store
from rnntui.core import events as ev
from rnntui.core.errors import InputError
from rnntui.core.files import write_atomically
from rnntui.core.journal import EventTail
from rnntui.core.ownership import Owner
from rnntui.core.runs import Run
from rnntui.core.summaries import summarise
from tests.conftest import MakeRun, train_all

SAVED = ev.Saved(step=1, path="checkpoints/00000001")
PAUSED = ev.Paused(step=2)


def test_events_survive_the_file(make_run: MakeRun) -> None:
    """Protects `events.jsonl`: each event comes back as it was, of its own type."""
    run = make_run()
    told = list(run.record([SAVED, PAUSED]))
    assert EventTail(run.events_path).poll() == told == [SAVED, PAUSED]
    assert [json.loads(line)["type"] for line in run.events_path.read_text().splitlines()] == [
        "saved",
        "paused",
    ]


def test_torn_last_line_is_not_there_yet(tmp_path: Path) -> None:
    """Protects a reader beside a writer: half a line is neither an event nor lost."""
    path, line = tmp_path / "events.jsonl", ev.encode(SAVED) + b"\n"
    tail = EventTail(path)
    assert tail.poll() == []
    path.write_bytes(line[:10])
    assert tail.poll() == []
    path.write_bytes(line + b"not json\n" + line)
    assert tail.poll() == [SAVED, SAVED]


def test_a_killed_writers_torn_line_is_cut_off(make_run: MakeRun) -> None:
    """Protects the next line: it does not grow out of what a killed process left."""
    run = make_run()
    run.events_path.write_bytes(ev.encode(SAVED) + b'\n{"type":"sav')
    list(run.record([PAUSED]))
    assert run.events() == [SAVED, PAUSED]


def test_one_owner_at_a_time(make_run: MakeRun) -> None:
    """Protects the folder: a second training is told who owns it."""
    run = make_run()
    program = (
        "import sys; from pathlib import Path; from rnntui.core.runs import Run\n"
        "with Run.open(Path(sys.argv[1])).owned(): print('mine', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(run.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None and other.stdout.readline() == "mine\n"
    with pytest.raises(InputError, match=f"process {other.pid} is training"), run.owned():
        pass
    with pytest.raises(InputError, match="stop it first"):
        store.remove(run.path)
    other.kill()
    other.wait()
    with run.owned():  # the dead owner's claim is taken over
        assert run.owner() == Owner.this_process()
    assert run.owner() is None


def test_a_reused_process_number_is_no_owner(make_run: MakeRun) -> None:
    run = make_run()
    write_atomically(run.path / "lock", msgspec.json.encode(Owner(pid=os.getpid(), started=1.0)))
    assert run.owner() is None


def test_runs_are_found_by_name_and_path(make_run: MakeRun, corpus_file: Path) -> None:
    stored = make_run()
    named = Run.create(
        store.runs_home() / "mine",
        stored.config,
        {"tokenizer.json": (stored.path / "tokenizer.json").read_bytes()},
    )
    assert store.find("mine") == named
    assert store.find(str(stored.path)) == stored
    assert list(store.newest_runs()) == [named]
    for missing in ("yours", str(corpus_file.parent)):
        with pytest.raises(InputError, match="rnntui runs list"):
            store.find(missing)


def test_new_names_are_free_and_readable() -> None:
    settings = config.build({"corpus": "/some/where/My Book (2).txt", "cell": "gru"})
    first = store.new_path(settings)
    first.mkdir(parents=True)
    assert first.name == "My-Book-2-gru-1"
    assert store.new_path(settings).name == "My-Book-2-gru-2"


def test_an_occupied_folder_is_refused(trained: Run) -> None:
    with pytest.raises(InputError, match="--resume"):
        Run.create(trained.path, trained.config, {"tokenizer.json": b"{}"})


def test_summary_tells_state_and_best_figures(make_run: MakeRun) -> None:
    """Protects the list: its figures are those of the best evaluation, named with split and protocol."""
    run = make_run()
    assert summarise(run).state == "new"
    events = train_all(run)
    best = [event for event in events if isinstance(event, ev.Evaluated) and event.best][-1]
    summary = summarise(run)
    assert (summary.state, summary.step) == ("finished", 60)
    assert (summary.loss, summary.split, summary.protocol) == (best.loss, "valid", "stream")


def test_a_run_that_died_is_crashed(make_run: MakeRun) -> None:
    run = make_run()
    train_all(run)
    kept = run.events_path.read_bytes().splitlines(keepends=True)[:-1]
    run.events_path.write_bytes(b"".join(kept))
    assert summarise(run).state == "crashed"


def test_a_fork_has_what_was_learned_and_leaves_the_rest(trained: Run, tmp_path: Path) -> None:
    """Protects forking: configuration, events and checkpoints are copied, claims and requests are not."""
    (trained.path / "control").write_text("stop\n")
    (trained.path / "lock").write_text("{}")
    path = store.fork(trained, tmp_path / "fork")
    assert Run.open(path).checkpoints() == trained.checkpoints()
    assert not (path / "lock").exists() and not (path / "control").exists()
    with pytest.raises(InputError, match="exists already"):
        store.fork(trained, path)


def test_a_run_gets_another_name_where_that_is_safe(trained: Run) -> None:
    """Protects the folder: no name that leads elsewhere, none that is taken, and not while it trains."""
    for bad in ("", "../x", "a/b", ".hidden", "x\x1b[2J", "ends."):
        with pytest.raises(InputError, match="no name for a run"):
            store.rename(trained, bad)
    path = store.rename(trained, "second try")
    assert path.name == "second try" and Run.open(path).config == trained.config
    run = Run.open(path)
    with run.owned(), pytest.raises(InputError, match="stop it first"):
        store.rename(run, "third")


def test_a_long_run_is_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the memory: a tail reads so much at once, says that there is more, and loses no line."""
    monkeypatch.setattr(journal, "_AT_ONCE", 1000)
    path = tmp_path / "events.jsonl"
    told = [ev.Warned(step=step, message="x" * 30) for step in range(100)]
    path.write_bytes(b"".join(ev.encode(event) + b"\n" for event in told) + b"y" * 3000)
    tail = EventTail(path)
    first = tail.poll()
    assert 0 < len(first) < 20 and tail.behind
    assert first + list(tail.all()) == told
    with path.open("ab") as file:
        file.write(b"\n" + ev.encode(SAVED) + b"\n")
    assert list(tail.all()) == [SAVED], "a line of no known kind is passed over, however long"
