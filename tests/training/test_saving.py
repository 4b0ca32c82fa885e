"""Saving: kills, full disks and power losses leave a checkpoint from which training goes on."""

from __future__ import annotations

import errno
import os
import random
import shutil
import stat
import threading
import time
from pathlib import Path

import pytest

from rnntui.core.completion.loading import verify
from rnntui.core.errors import InputError, RnntuiError, WriteError
from rnntui.core.runs import events as ev
from rnntui.core.runs import folder as runs
from rnntui.core.runs.folder import Run
from rnntui.core.runs.safe_files import CHECKPOINT_FILES
from rnntui.core.runs.summaries import summarise
from rnntui.core.training import checkpoints, retry
from rnntui.core.training.checkpoints import settle
from rnntui.core.training.control import Control
from rnntui.core.training.loop import train
from rnntui.core.training.start import resume_run
from tests.conftest import MakeRun, train_all
from tests.faulty_disk import FAULTS, Recorder, Refusing
from tests.training.test_resume import train_until, weights


def train_to(run: Run, step: int) -> None:
    train_all(resume_run(run.path, {"max_steps": step}))


def test_power_loss_leaves_the_old_checkpoint_or_the_new(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the night's work: whatever the disk had of a save, a whole checkpoint is found and named."""
    run = make_run(hidden_size=4, embedding_size=2, max_steps=3, eval_every=3)
    train_all(run)
    before = tmp_path / "before"
    shutil.copytree(run.path, before)
    with pytest.MonkeyPatch.context() as patch:
        recorder = Recorder(run.path)
        recorder.watch(patch)
        train_to(run, 12)
    assert {op.kind for op in recorder.operations} == {"put", "rename", "remove", "sync_file", "sync_folder"}
    found = set()
    for moment in recorder.after_power_loss(before, tmp_path / "after", random.Random(1)):
        after = Run.open(tmp_path / "after")
        settle(after)
        folder = after.checkpoint_path("last")
        verify(folder)
        verify(after.checkpoint_path("best"))
        assert not list((after.path / "checkpoints").glob(".*")), moment
        found.add(folder.name)
    assert found == {"00000003", "00000006", "00000009", "00000012"}


def test_the_same_step_saved_again_is_never_lost(make_run: MakeRun) -> None:
    """Protects the pointer: between the two moves of a folder that takes another's place, the old one is found."""
    run = make_run(max_steps=20)
    train_all(run)
    folder = run.checkpoint_path("last")
    folder.rename(folder.with_name(f".{folder.name}.77.old.part"))
    folder.with_name(f".{folder.name}.77.part").mkdir()
    settle(run)
    assert [path.name for path in folder.parent.iterdir()] == ["00000020"]
    verify(run.checkpoint_path("last"))


def test_half_written_files_of_others_stay(make_run: MakeRun) -> None:
    """Protects a person's downloads: what is half written under no name of ours is not ours to delete."""
    run = make_run(max_steps=20)
    train_all(run)
    others = [
        run.path / ".dl.part",
        run.path / "checkpoints" / ".movie.12.part",
        run.path / ".thesis.txt.7.part",
    ]
    for each in others:
        each.write_text("mine")
    ours = run.path / ".last.7.part"
    ours.write_text("half")
    settle(run)
    assert all(each.read_text() == "mine" for each in others) and not ours.exists()


def test_a_whole_checkpoint_that_nothing_names_is_taken(make_run: MakeRun) -> None:
    """Protects the last interval: a kill between a checkpoint and its name costs nothing."""
    run = make_run(max_steps=40)
    train_all(run)
    expected = weights(run)
    for pointer in ("last", "best"):
        (run.path / pointer).write_text("00000020\n")
    settle(run)
    assert weights(run) == expected and run.checkpoint_path("best").name == "00000040"
    (run.path / "last").write_text("00000020\n")
    damaged = run.path / "checkpoints" / "00000040" / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    settle(run)
    assert run.checkpoint_path("last").name == "00000020", "a damaged one is no checkpoint"


@pytest.mark.parametrize("name", CHECKPOINT_FILES)
def test_a_corrupted_byte_is_named_and_the_one_before_offered(
    name: str, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects against silent damage: any byte of any file; and the command that the line offers works.

    Of three checkpoints, so that the one before is not the oldest.
    """
    monkeypatch.setattr(checkpoints, "_KEPT", 3)
    run = make_run(max_steps=60)
    train_all(run)
    assert [each for each, _ in run.checkpoints()] == ["00000060", "00000040", "00000020"]
    path = run.checkpoint_path("last") / name
    content, rng = path.read_bytes(), random.Random(0)
    for at in [0, len(content) - 1, *(rng.randrange(len(content)) for _ in range(20))]:
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x11]) + content[at + 1 :])
        with pytest.raises(InputError) as caught:
            verify(path.parent)
        if name != "manifest.json":
            assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    offered = "manifest" if name == "manifest.json" else "--resume --checkpoint 00000040`"
    with pytest.raises(InputError, match=offered):
        train_all(resume_run(run.path, {"max_steps": 70}))
    told = train_from(resume_run(run.path, {"max_steps": 70}, "40"), "40")
    assert told[0].step == 40 and told[-1] == ev.Finished(step=70, reason="steps")


@pytest.mark.parametrize(
    ("damaged", "offered"),
    [("00000020", "00000060"), ("00000040", "00000020"), ("00000060", "00000040")],
)
def test_the_checkpoint_before_the_damaged_one_is_offered(
    damaged: str, offered: str, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects who goes on: the nearest earlier checkpoint, or the newest where there is no earlier one."""
    monkeypatch.setattr(checkpoints, "_KEPT", 3)
    run = make_run(max_steps=60)
    train_all(run)
    folder = run.checkpoint_path(damaged)
    (folder / "state.json").write_text("{}")
    with pytest.raises(InputError, match=f"--run {run.path} --resume --checkpoint {offered}`"):
        verify(folder)
    for other in run.checkpoint_path("last").parent.iterdir():
        if other != folder:
            shutil.rmtree(other)
    with pytest.raises(InputError, match="no other checkpoint is there"):
        verify(folder)


def test_going_back_takes_a_checkpoint_that_is_there(make_run: MakeRun) -> None:
    run = make_run(max_steps=40)
    train_all(run)
    with pytest.raises(InputError, match="no checkpoint '7'; there are: 00000020, 00000040"):
        resume_run(run.path, {}, "7")
    with run.owned(), pytest.raises(InputError, match="is training this run"):
        resume_run(run.path, {}, "20")


def train_from(run: Run, checkpoint: str) -> list[ev.AnyEvent]:
    """Train from a checkpoint to the end, recording, and return the events."""
    return list(run.record(train(run, Control(run.path), checkpoint)))


@pytest.mark.parametrize("fault", [FAULTS["no room"], FAULTS["device"]], ids=["no room", "device"])
def test_every_write_may_be_refused(
    fault: int, make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects what is there: at each write of a run the line names the path, training waits, and goes on."""
    monkeypatch.setattr(runs, "_RETRY_S", 0.005)
    monkeypatch.setattr(retry, "_RETRY_S", 0.005)
    begun = make_run(hidden_size=4, embedding_size=2, max_steps=2, eval_every=2, sample_every=4)
    train_all(begun)
    expected = None
    for at in range(1, 1000):
        run = Run.open(shutil.copytree(begun.path, tmp_path / f"copy{at}"))
        run = resume_run(run.path, {"max_steps": 4})
        with pytest.MonkeyPatch.context() as patch:
            disk = Refusing(patch, at, fault)
            told = []
            for event in run.record(train(run, Control(run.path))):
                told.append(event)
                if disk.refused:
                    verify(run.checkpoint_path("last"))
                if isinstance(event, ev.Warned):
                    assert "cannot be written" in event.message
                    assert str(run.path) in event.message
                    threading.Timer(0.02, disk.mend).start()
        assert told[-1] == ev.Finished(step=4, reason="steps")
        assert bool(disk.refused) == any(isinstance(event, ev.Warned) for event in told)
        expected = expected or weights(run)
        assert weights(run) == expected
        # What was told is in the file, once and in order; only the waiting for the file itself is not.
        kept = [event for event in told if not isinstance(event, ev.Warned)]
        assert [e for e in run.events() if not isinstance(e, ev.Warned)][-len(kept) :] == kept
        if not disk.refused:
            break
        shutil.rmtree(run.path)
    assert at > 20, "a save alone makes more writes than that"


def test_who_stops_while_there_is_no_room_gets_the_line(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(log_every=1)
    train_until(run, 10)
    expected = weights(run)
    with pytest.MonkeyPatch.context() as patch:
        Refusing(patch, 3, FAULTS["no room"])
        control = Control(run.path)
        threading.Timer(1.0, control._on_signal, (15, None)).start()
        began = time.monotonic()
        with pytest.raises(WriteError, match=r"cannot be written( \([\d,]+ bytes\))?: No space left"):
            list(run.record(train(run, control), lambda: control.signalled))
        assert time.monotonic() - began < 5
    assert weights(run) == expected


def test_a_folder_that_is_gone_is_not_waited_for(make_run: MakeRun) -> None:
    run = make_run()
    with pytest.raises(RnntuiError) as caught:
        for event in run.record(train(run, Control(run.path))):
            if isinstance(event, ev.Saved):
                shutil.rmtree(run.path)
    assert not isinstance(caught.value, WriteError) and str(run.path) in str(caught.value)


def test_a_request_without_room_goes_by_signal(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run, sent = make_run(), []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    with run.owned(), pytest.MonkeyPatch.context() as patch:
        Refusing(patch, 1, FAULTS["no room"])
        with pytest.raises(WriteError, match="control: cannot be written"):
            runs.request(run.path, "pause")
        runs.request(run.path, "stop")
    assert [pid for pid, _ in sent] == [os.getpid()]


def test_a_file_system_without_folder_sync_saves(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects saving on network mounts: a sync that a folder does not know is no failure, one that fails is."""
    real = os.fsync

    def without_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(fault, os.strerror(fault))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", without_folders)
    fault = errno.EINVAL
    run = make_run(max_steps=20)
    assert train_all(run)[-1] == ev.Finished(step=20, reason="steps")
    verify(run.checkpoint_path("last"))
    fault = errno.EIO
    with pytest.raises(WriteError, match="Input/output error"):
        run.write_config()


def test_a_file_that_may_not_grow_ends_the_training(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects against waiting for ever: where a limit of the process is reached, there never will be room."""
    run = make_run(max_steps=40)
    train_until(run, 20)
    with pytest.MonkeyPatch.context() as patch:
        Refusing(patch, 1, errno.EFBIG)
        with pytest.raises(RnntuiError, match="File too large") as caught:
            train_all(run)
        assert not isinstance(caught.value, WriteError)
    verify(run.checkpoint_path("last"))


@pytest.mark.skipif(os.name == "nt", reason="Windows moves no folder in which a file is open")
def test_a_run_that_is_moved_trains_on_in_its_new_place(make_run: MakeRun, tmp_path: Path) -> None:
    """Protects who tidies up: nothing is lost, requests are heard, and a new run in the old place is left alone."""
    run, moved = make_run(max_steps=400, eval_every=10), tmp_path / "else where"
    with run.owned() as folder:
        for event in run.record(train(run, Control(run.path))):
            if isinstance(event, ev.Saved) and event.step == 10:
                run.path.rename(moved)
                Run.create(run.path, run.config, {})
            if isinstance(event, ev.Saved) and event.step == 20:
                assert summarise(Run.open(moved)).state == "running"
                runs.request(moved, "stop")
        assert not folder.path.joinpath("live.safetensors").exists()
    assert folder.path == moved and not (moved / "lock").exists()
    told = Run.open(moved).events()
    assert [each.message for each in told if isinstance(each, ev.Warned)] == [
        f"the run folder was moved; training goes on in {moved}"
    ]
    assert told[-1] == ev.Finished(step=20, reason="interrupted")
    verify(Run.open(moved).checkpoint_path("last"))
    assert not (run.path / "checkpoints").exists() and not (run.path / "last").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no folder in which a file is open")
def test_a_run_that_is_deleted_ends_with_one_line(make_run: MakeRun) -> None:
    """Protects whoever takes the folder away while it trains: it ends at once, says why and writes nothing."""
    run = make_run(max_steps=400, eval_every=10)
    with run.owned() as folder:
        with pytest.raises(RnntuiError, match=f"{run.name}: deleted while in use, or moved to another disk"):
            for event in run.record(train(run, Control(run.path))):
                if isinstance(event, ev.Saved):
                    shutil.rmtree(run.path)
        runs.note_failure(folder, InputError("gone"))
    assert not run.path.exists()
