"""Saving: kills, full disks and power losses leave a checkpoint from which training goes on."""

from __future__ import annotations

import errno
import io
import json
import os
import random
import shutil
import stat
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save

from rnntui.core import events as ev
from rnntui.core import files, runs
from rnntui.core.config import changed
from rnntui.core.errors import InputError, RnntuiError, WriteError
from rnntui.core.files import folder_written_atomically, write_atomically
from rnntui.core.inference.opening import manifest_of, verify
from rnntui.core.run_files import CHECKPOINT_FILES
from rnntui.core.runs import Run
from rnntui.core.training import checkpoints, keeping
from rnntui.core.training.checkpoints import go_back, load_checkpoint, read_counters, save_checkpoint, settle
from rnntui.core.training.control import Control
from rnntui.core.training.learner import Learner
from rnntui.core.training.loop import Loop, train
from rnntui.core.training.race import candidates
from rnntui.core.training.start import resume_run
from tests.conftest import MakeRun, train_all
from tests.disk import FAULTS, Recorder, Refusing
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
    """Protects what is there: at each write of a run the line names path and bytes, training waits, and goes on."""
    monkeypatch.setattr(runs, "_RETRY_S", 0.005)
    monkeypatch.setattr(keeping, "_RETRY_S", 0.005)
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
                    assert "cannot be written" in event.message and "bytes" in event.message
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
        with pytest.raises(WriteError, match=r"cannot be written \([\d,]+ bytes\): No space left"):
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
    monkeypatch.setattr(runs.os, "kill", lambda pid, number: sent.append((pid, number)))
    with run.owned(), pytest.MonkeyPatch.context() as patch:
        Refusing(patch, 1, FAULTS["no room"])
        with pytest.raises(WriteError, match="control: cannot be written"):
            runs.request(run.path, "pause")
        runs.request(run.path, "stop")
    assert [pid for pid, _ in sent] == [runs.os.getpid()]


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


# --- the files below ---


class ShortOfRoom(io.FileIO):
    """A file on a disk that takes three bytes at first, and then the rest or nothing more."""

    def __init__(self, path: Path, full: bool) -> None:
        super().__init__(path, "rb+")
        self._writes, self._full = 0, full

    def write(self, data: Any) -> int:
        self._writes += 1
        if self._writes == 1:
            return super().write(data[:3])
        if self._full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("full", [False, True])
def test_a_line_is_added_whole_or_not_at_all(full: bool, tmp_path: Path) -> None:
    """Protects `events.jsonl` on a disk that is nearly full: it takes a part of a line, then the rest or nothing."""
    path = tmp_path / "lines"
    path.write_bytes(b"before\n")
    with ShortOfRoom(path, full) as file, pytest.raises(OSError, match="No space") if full else nullcontext():
        files.append(file, b"a line\n")
    assert path.read_bytes() == (b"before\n" if full else b"before\na line\n")


def test_what_must_last_is_forced_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects against power loss: the content, then the folder, reach fsync; where it need not last, nothing waits."""
    synced: list[str] = []
    descriptors: list[int] = []

    def fsync(descriptor: int) -> None:
        descriptors.append(descriptor)
        found = os.fstat(descriptor).st_ino
        synced.append(
            next(str(each) for each in [tmp_path, *tmp_path.rglob("*")] if each.stat().st_ino == found)
        )

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(tmp_path / "live", b"x", durable=False)
    assert synced == []
    write_atomically(tmp_path / "last", b"x")
    assert synced == [str(tmp_path / f".last.{os.getpid()}.part"), str(tmp_path)]
    synced.clear()
    with folder_written_atomically(tmp_path / "whole") as part:
        files.put(part / "one", b"1")
    assert synced == [str(part / "one"), str(part), str(tmp_path)]
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, when: Callable[..., bool]) -> None:
    """Let one of the operations fail for want of room."""
    honest = getattr(files, name)

    def operation(*arguments: Any) -> None:
        if when(*arguments):
            raise OSError(errno.ENOSPC, "No space left on device")
        honest(*arguments)

    monkeypatch.setattr(files, name, operation)


@pytest.mark.parametrize("name", ["put", "sync_file", "rename", "sync_folder"])
def test_a_refused_file_leaves_the_one_before(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects pointers and settings: whatever is refused, one whole content is there, and no half of another."""
    path = tmp_path / "last"
    write_atomically(path, b"before")
    refuse(monkeypatch, name, lambda *_: True)
    with pytest.raises(WriteError, match=r"last: cannot be written \(3 bytes\): No space left on device"):
        write_atomically(path, b"now")
    assert [each.name for each in tmp_path.iterdir()] == ["last"]
    assert path.read_bytes() == (b"now" if name == "sync_folder" else b"before")


@pytest.mark.parametrize("name", ["put", "sync_file", "sync_folder", "rename"])
def test_a_refused_folder_leaves_the_one_before(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects a checkpoint whose step is saved again: whatever is refused, the old one is in its place."""
    path = tmp_path / "00000020"
    path.mkdir()
    (path / "model").write_bytes(b"before")
    # Of the two moves the second: the old folder is aside by then.
    refuse(
        monkeypatch, name, lambda *given: name != "rename" or given[0].name.endswith(f"{os.getpid()}.part")
    )
    with (
        pytest.raises(WriteError, match=r"00000020: cannot be written \([03] bytes\): No space") as caught,
        folder_written_atomically(path) as part,
    ):
        files.put(part / "model", b"now")
    assert ("(0 bytes)" in str(caught.value)) == (name == "put")
    assert [each.name for each in tmp_path.iterdir()] == ["00000020"]
    assert (path / "model").read_bytes() == b"before"


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    """Protects the new content: what a killed writer left under the same name is no part of it, and stays nowhere."""
    path = tmp_path / "deep" / "00000020"
    for content in (b"first", b"second"):
        rest = path.with_name(f".{path.name}.{os.getpid()}.part")
        rest.mkdir(parents=True)
        (rest / "rest").write_text("of a killed writer")
        with folder_written_atomically(path) as part:
            assert part == rest and not list(part.iterdir())
            assert stat.S_IMODE(part.stat().st_mode) == 0o700 or sys.platform == "win32"
            files.put(part / "model", content)
        assert [(each.name, each.read_bytes()) for each in path.iterdir()] == [("model", content)]
        assert [each.name for each in path.parent.iterdir()] == ["00000020"]
    below = path / "model" / "00000020"  # below a file
    with (
        pytest.raises(WriteError, match=r"cannot be written \(0 bytes\): Not a directory"),
        folder_written_atomically(below),
    ):
        pass
    with pytest.raises(ZeroDivisionError), folder_written_atomically(path) as part:
        raise ZeroDivisionError
    assert (path / "model").read_bytes() == b"second" and not part.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_under_the_name_of_a_half_written_folder_is_replaced(tmp_path: Path) -> None:
    """Protects a person's folder to which such a link leads: nothing in it is deleted or written."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").write_text("mine")
    path = tmp_path / "00000020"
    (tmp_path / f".00000020.{os.getpid()}.part").symlink_to(tmp_path / "mine")
    with folder_written_atomically(path) as part:
        files.put(part / "model", b"x")
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["thesis"]
    assert path.is_dir() and not path.is_symlink()


# --- what is in a checkpoint ---


def rewritten(folder: Path, changes: dict[str, Any]) -> None:
    """Change entries of a checkpoint's `state.json`, with a manifest that fits."""
    state = json.loads((folder / "state.json").read_bytes()) | changes
    (folder / "state.json").write_text(json.dumps({k: v for k, v in state.items() if v is not ...}))
    contents = {name: (folder / name).read_bytes() for name in CHECKPOINT_FILES[:-1]}
    (folder / "manifest.json").write_bytes(manifest_of(contents))


def loaded(run: Run) -> tuple[Learner, str]:
    """A new learner of the run at its last checkpoint, and why it may go on in other bits."""
    learner = Loop(run, Control(run.path)).learner
    return learner, load_checkpoint(run.checkpoint_path("last"), learner)


def test_going_on_elsewhere_says_what_differs(trained: Run) -> None:
    """Protects trust in numbers: each of threads, precision, device and version that is another is named."""
    folder = trained.checkpoint_path("last")
    learner, difference = loaded(trained)
    assert difference == "" and learner.counters == read_counters(folder) and learner.counters.step == 60
    rewritten(folder, {"torch": "1.0", "device": "tpu", "precision": "bf16", "threads": 10_000})
    learner, difference = loaded(trained)
    assert learner.precision == "fp32", "as the settings say"
    assert learner.threads == os.cpu_count()
    assert difference.startswith("going on is not exact to the last bit: threads 10000 then")
    for said in (
        f"{os.cpu_count()} now",
        "precision bf16 then, fp32 now",
        "device tpu then, cpu now",
        "torch 1.0 then",
    ):
        assert said in difference
    rewritten(folder, {"torch": ..., "device": ..., "precision": "fp32", "threads": learner.threads})
    assert loaded(trained)[1] == "", "older checkpoints did not say"


@pytest.mark.parametrize(("chosen", "used"), [("bf16", "bf16"), ("fp32", "fp32"), ("fp8", "fp32")])
def test_a_precision_once_chosen_is_kept(chosen: str, used: str, trained: Run) -> None:
    """Protects going on exactly: the checkpoint's precision, where the settings leave it open and it is known."""
    if used not in candidates("cpu"):
        pytest.skip("no bf16 here")
    run = replace(trained, config=changed(trained.config, {"precision": "auto"}))
    rewritten(run.checkpoint_path("last"), {"precision": chosen})
    assert loaded(run)[0].precision == used


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("rng.cpu", None),
        ("state.0.0", None),
        ("state.0.0", torch.zeros(4, 23)),
        ("state.0.0", torch.zeros(4, 24, dtype=torch.int64)),
        ("learning.embedding.weight", torch.zeros(1)),
        ("optimizer.head.bias.", None),
    ],
    ids=str,
)
def test_a_checkpoint_that_does_not_fit_is_one_line(
    name: str, tensor: torch.Tensor | None, trained: Run
) -> None:
    """Protects against a traceback, and against numbers that are silently other ones."""
    folder = trained.checkpoint_path("last")
    tensors = load_file(folder / "trainer.safetensors")
    (first, *_) = [each for each in tensors if each.startswith(name)]
    del tensors[first]
    if tensor is not None:
        tensors[first] = tensor
    (folder / "trainer.safetensors").write_bytes(save(tensors))
    rewritten(folder, {})
    with pytest.raises(InputError, match=r"does not fit this run \((KeyError|ValueError): "):
        loaded(trained)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"step": ...}, "'step' is missing"),
        ({"tokens": -1}, "a number is negative"),
        ({"best_loss": -0.5}, "a number is negative"),
        ({"train_s": "long"}, "Expected `float`"),
        ({"step": None}, "Expected `int`"),
    ],
    ids=str,
)
def test_counters_that_are_none_are_named(changes: dict[str, Any], said: str, trained: Run) -> None:
    folder = trained.checkpoint_path("last")
    rewritten(folder, changes)
    with pytest.raises(InputError, match=f"state.json: .*{said}"):
        read_counters(folder)


def test_counters_of_older_checkpoints_are_read(trained: Run) -> None:
    """Protects runs of older versions: nothing was due after the step when nobody noted that; zero is a number."""
    folder = trained.checkpoint_path("last")
    rewritten(folder, {"looked": ..., "best_loss": None, "stale": 0, "lr_factor": 0.0, "tokens": ...})
    counters = read_counters(folder)
    assert (counters.step, counters.looked, counters.best_loss, counters.tokens) == (60, 60, None, 0)
    rewritten(folder, {"looked": 40})
    assert read_counters(folder).looked == 40


def test_a_save_names_what_it_is(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects `best`: it moves only with a checkpoint that is; a checkpoint that will not go stops no save."""
    (trained.path / "best").write_text("00000040\n")
    learner, _ = loaded(trained)
    for step, best in ((61, False), (62, True), (63, False)):
        learner.counters.step = step
        folder = save_checkpoint(trained, learner, best)
        assert folder == trained.path / "checkpoints" / f"000000{step}"
        assert trained.named("last") == folder.name
        assert trained.named("best") == ("00000040" if step == 61 else "00000062")
        state = json.loads((folder / "state.json").read_bytes())
        assert read_counters(folder) == learner.counters and state["device"] == "cpu"
    assert [name for name, _ in trained.checkpoints()] == ["00000063", "00000062"]

    def stays(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checkpoints, "delete_checkpoint", stays)
    learner.counters.step = 64
    save_checkpoint(trained, learner, best=True)
    assert [name for name, _ in trained.checkpoints()] == ["00000064", "00000063", "00000062"]
    with pytest.raises(WriteError, match=r"00000064: cannot be written \(0 bytes\): Permission denied"):
        go_back(trained, trained.checkpoint_path("63"))
    monkeypatch.undo()
    go_back(trained, trained.checkpoint_path("63"))
    assert [name for name, _ in trained.checkpoints()] == ["00000063", "00000062"]
    assert trained.named("last") == trained.named("best") == "00000063", "the best one is gone"
    go_back(trained, trained.checkpoint_path("63"))
    assert len(trained.checkpoints()) == 2
    shutil.rmtree(trained.path / "checkpoints")
    (trained.path / "checkpoints").write_text("")
    with pytest.raises(WriteError, match=r"checkpoints: cannot be written \(0 bytes\)"):
        save_checkpoint(trained, learner, best=False)


def test_settling_takes_no_other_best(trained: Run) -> None:
    """Protects `best` after a kill: the newest checkpoint is the best only where it says so, or none is named."""
    folder = trained.checkpoint_path("last")
    rewritten(folder, {"best_step": 40})
    for best, expected in (("00000040", "00000040"), ("00000777", "00000060"), (None, "00000060")):
        (trained.path / "last").write_text("00000040\n")
        if best:
            (trained.path / "best").write_text(f"{best}\n")
        else:
            (trained.path / "best").unlink()
        settle(trained)
        assert trained.named("last") == "00000060" and trained.named("best") == expected
    (folder / "state.json").write_text("{}")
    (trained.path / "last").unlink()
    with pytest.raises(InputError, match="damaged"):
        settle(trained)
    (trained.path / "last").write_text("00000040\n")
    settle(trained)
    assert trained.named("last") == "00000040"
    shutil.rmtree(trained.path / "checkpoints")
    settle(trained)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_settling_moves_back_and_deletes_what_is_ours(trained: Run, tmp_path: Path) -> None:
    """Protects the old checkpoint aside, and folders that links lead to; what is half written goes."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.safetensors").write_text("mine")
    folder = trained.path / "checkpoints"
    for name in (".00000060.7.part", ".00000060.7.old.part", ".00000050.8.part"):
        shutil.copytree(folder / "00000060", folder / name)
    (folder / ".00000070.7.old.part").symlink_to(tmp_path / "mine")
    (folder / ".00000080.7.part").symlink_to(tmp_path / "mine")
    (trained.path / ".best.7.old.part").write_text("a file is not moved back")
    (trained.path / "best").unlink()
    shutil.copytree(folder / "00000060", folder / ".00000055.7.old.part")
    settle(trained)
    assert sorted(each.name for each in folder.iterdir()) == ["00000040", "00000055", "00000060"]
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["model.safetensors"]
    assert not list(trained.path.glob(".*part")) and not (trained.path / "best").exists()
