"""The run folder: events, ownership, names."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import msgspec
import pytest

from rnntui.core.errors import InputError, RnntuiError, WriteError
from rnntui.core.files import write_atomically
from rnntui.core.runs import events as ev
from rnntui.core.runs import folder as runs
from rnntui.core.runs import journal, store
from rnntui.core.runs.folder import Run
from rnntui.core.runs.folder_handle import FolderHandle
from rnntui.core.runs.ownership import Owner, guarded
from rnntui.core.runs.summaries import summarise
from tests.conftest import MakeRun, train_all
from tests.test_journal import SAVED

# --- what a run says of itself ---


def test_checkpoints_go_by_name(trained: Run, make_run: MakeRun) -> None:
    """Protects `--checkpoint`: best, last or a number, else a line that names those that are there."""
    assert trained.checkpoint_path("60").name == trained.checkpoint_path("last").name == "00000060"
    assert trained.checkpoint_path("00000040").name == "00000040"
    (trained.path / "best").write_text("00000040\n")
    assert trained.checkpoint_path().name == "00000040"
    assert trained.checkpoints() == [("00000060", ""), ("00000040", ", best")]
    (trained.path / "best").unlink()
    assert trained.checkpoint_path("best").name == "00000060"
    assert trained.checkpoints() == [("00000060", ""), ("00000040", "")]
    for name in ("7", "x", "", "-40", "9" * 19, "٤٠"):
        with pytest.raises(InputError, match=r"; there are: 00000040, 00000060$"):
            trained.checkpoint_path(name)
    new = make_run()
    assert new.checkpoints() == [] and new.versions() == {}
    for name, said in (
        ("best", "no checkpoint is saved yet"),
        ("last", "no checkpoint is saved yet"),
        ("5", "none is"),
    ):
        with pytest.raises(InputError, match=said):
            new.checkpoint_path(name)
    (trained.path / "last").write_bytes(b"\xff")
    with pytest.raises(InputError, match="last: cannot be read"):
        trained.checkpoint_path("last")


def test_a_run_says_which_versions_trained_it(trained: Run) -> None:
    import torch

    import rnntui

    assert trained.versions() == {"rnntui": rnntui.__version__, "torch": str(torch.__version__)}


def test_what_is_in_the_way_of_a_run_is_named(tmp_path: Path, trained: Run) -> None:
    """Protects a person's folder and their time: the first of the files, and how many more there are."""
    with pytest.raises(InputError, match=r"holds other files \(\.guard and \d+ more\); a new sweep"):
        runs.require_empty(trained.path, "sweep", lambda path: False)
    folder = tmp_path / "mine"
    folder.mkdir()
    runs.require_free(folder)
    (folder / "a.txt").write_text("")
    with pytest.raises(InputError, match=r"holds other files \(a.txt\); a new run needs"):
        runs.require_free(folder)
    (folder / "b.txt").write_text("")
    with pytest.raises(InputError, match=r"holds other files \(a.txt and 1 more\)"):
        runs.reserve(folder)
    for make in (runs.require_free, runs.reserve):
        with pytest.raises(InputError, match="no folder for a run: Not a directory"):
            make(folder / "a.txt")
        with pytest.raises(InputError, match="a run lives there already; go on with --resume"):
            make(trained.path)
    with pytest.raises(InputError, match=r"below: no folder for a run: Not a directory"):
        runs.reserve(folder / "a.txt" / "below")
    with pytest.raises(InputError, match=r"a.txt: cannot be read: Not a directory"):
        Run.open(folder / "a.txt")
    with pytest.raises(InputError, match=r"nowhere: no run lives there \(no run.toml\)"):
        Run.open(tmp_path / "nowhere")


def test_a_run_made_meanwhile_is_no_other_s(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the first of two: a run that came between the look and the lock is not written over."""

    @contextmanager
    def overtaken(path: Path, doing: str) -> Iterator[None]:
        with guarded(path, doing):
            (path / "run.toml").write_text("theirs")
            yield

    monkeypatch.setattr(runs, "guarded", overtaken)
    path = tmp_path / "wanted"
    with pytest.raises(InputError, match="a run lives there already"):
        Run.create(path, trained.config, {"tokenizer.json": b"{}"})
    assert (path / "run.toml").read_text() == "theirs" and not (path / "tokenizer.json").exists()


def test_a_folder_that_goes_while_events_wait_ends_the_wait(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects against waiting for ever: room may come back, a folder that is gone does not."""
    faults = [errno.ENOSPC, errno.ENOSPC, errno.ENOENT]

    def refuse(file: object, data: bytes) -> None:
        fault = faults.pop(0)
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(journal, "append", refuse)
    monkeypatch.setattr(runs, "_RETRY_S", 0)
    events = make_run().record([SAVED])
    warned = next(events)
    assert isinstance(warned, ev.Warned) and warned.message.endswith("training waits for room")
    with pytest.raises(RnntuiError, match="was it moved or deleted") as caught:
        next(events)
    assert not isinstance(caught.value, WriteError) and not faults


def test_why_a_training_failed_is_kept(trained: Run) -> None:
    """Protects whoever looks later: the line, for a fault of ours its trace too, and a last event of the last step."""
    assert runs.log_end(trained.path) == runs.last_words(trained.path) == ""
    runs.note_failure(FolderHandle(trained.path), InputError("x.txt:\n gone"))
    assert runs.log_end(trained.path) == "x.txt: gone\n"
    assert trained.events()[-1] == ev.Finished(step=60, reason="error")
    assert summarise(trained).state == "crashed"
    runs.note_failure(FolderHandle(trained.path), InputError("x\udcff.txt: gone"))  # a name that is not UTF-8
    assert runs.last_words(trained.path) == "x?.txt: gone"
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError as error:
        runs.note_failure(FolderHandle(trained.path), error)
    assert "Traceback" in runs.log_end(trained.path) and runs.last_words(trained.path) == "by zero"
    with (trained.path / "stderr.log").open("ab") as log:
        log.write(b"\xff" + b"z" * 30_000 + b"\n  the end \n\n \n")
    assert len(runs.log_end(trained.path)) == 20_000
    assert runs.log_end(trained.path).endswith("z\n  the end \n\n \n")
    assert runs.last_words(trained.path) == "the end"


def test_requests_are_lines_in_their_order(trained: Run) -> None:
    runs.request(trained.path, "pause")
    runs.request(trained.path, "stop")
    assert (trained.path / "control").read_text() == "pause\nstop\n"
    with pytest.raises(RnntuiError, match=r"control: cannot be written \(5 bytes\)"):
        runs.request(trained.path / "gone", "stop")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"7", b'"x"', b"[" * 100_000, b"\xff"], ids=repr)
def test_what_is_no_json_object_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path}: not (valid JSON|a JSON object)"):
        runs.read_json(path)
    with pytest.raises(InputError, match=r"none\.json: cannot be read: No such file"):
        runs.read_json(tmp_path / "none.json")


def test_a_json_object_has_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b'{"a": 1}')
    assert runs.read_json(path, 8) == {"a": 1}
    with pytest.raises(InputError, match="larger than 7 bytes"):
        runs.read_json(path, 7)


def test_one_owner_at_a_time(make_run: MakeRun) -> None:
    """Protects the folder: a second training is told who owns it."""
    run = make_run()
    program = (
        "import sys; from pathlib import Path; from rnntui.core.runs.folder import Run\n"
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
        assert run.owner() == Owner.this_process(run.path)
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
    assert store.find("mine") == named and not named.trusts_corpus
    assert store.find(str(stored.path)) == stored
    assert list(store.newest_runs()) == [named]
    for missing in ("yours", str(corpus_file.parent)):
        with pytest.raises(InputError, match="rnntui runs list"):
            store.find(missing)


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
    assert {each.name for each in path.iterdir()} == {
        ".guard", "tokenizer.json", "signature", "events.jsonl", "best", "last", "run.toml", "checkpoints"
    }  # fmt: skip
    assert (path / "events.jsonl").read_bytes() == trained.events_path.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        store.fork(trained, path)


def test_a_fork_of_a_run_that_trains_is_tried_again(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects forking while it trains: a checkpoint may go while it is copied; then nothing half copied is left."""
    tries: list[list[str]] = []
    honest = store._copy

    def copy(source: Path, target: Path) -> None:
        tries.append([each.name for each in target.iterdir()])
        if len(tries) < fine_at:
            (target / "tokenizer.json").write_text("half")
            raise FileNotFoundError(2, "No such file or directory", "model.safetensors")
        honest(source, target)

    monkeypatch.setattr(store, "_copy", copy)
    for owned, fine_at, count in ((False, 2, 1), (True, 6, 5), (True, 5, 5)):
        tries.clear()
        with trained.owned() if owned else nullcontext():
            if count == fine_at:
                assert Run.open(store.fork(trained, tmp_path / "fork")).config == trained.config
                continue
            with pytest.raises(InputError, match=r"the run cannot be copied: .*No such file"):
                store.fork(trained, tmp_path / "fork")
        assert tries == [[".guard"]] * count and not (tmp_path / "fork").exists()
    assert tries == [[".guard"]] * 5


def test_a_run_gets_another_name_where_that_is_safe(trained: Run) -> None:
    """Protects the folder: no name that leads elsewhere, none that is taken, and not while it trains."""
    for bad in ("", "../x", "a/b", ".hidden", "x\x1b[2J", "ends.", "ends ", "-x", "n" * 81):
        with pytest.raises(InputError, match="no name for a run"):
            store.rename(trained, bad)
    (trained.path.parent / "taken").write_text("mine")
    with pytest.raises(InputError, match="taken: exists already"):
        store.rename(trained, "taken")
    with pytest.raises(InputError, match="the run cannot be renamed: File name too long"):
        store.rename(trained, "𐐀" * 80)  # 320 bytes
    trained = Run.open(store.rename(trained, "n" * 80))
    path = store.rename(trained, "second try")
    assert path.name == "second try" and Run.open(path).config == trained.config
    run = Run.open(path)
    store.require_idle(path)
    with run.owned():
        with pytest.raises(InputError, match="stop it first"):
            store.rename(run, "third")
        with pytest.raises(InputError, match=f"process {os.getpid()} is training this run; stop it first"):
            store.require_idle(path)


def test_a_run_that_cannot_be_deleted_is_one_line(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(folder: Path) -> list[Path]:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(store, "delete_run", busy)
    with pytest.raises(RnntuiError, match=f"^{trained.path}: cannot be deleted: Device or resource busy$"):
        store.remove(trained.path)
    assert Run.open(trained.path) == trained
