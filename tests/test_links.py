"""Links, second names and special files in a run folder: nothing outside is read, written or deleted by them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rnntui.core.errors import InputError
from rnntui.core.files import write_atomically
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run, log_end, note_failure, request
from rnntui.core.runs.folder_handle import FolderHandle
from rnntui.core.runs.ownership import owner_of
from rnntui.core.runs.safe_files import CHECKPOINT_FILES, GROWING, RUN_FILES
from rnntui.core.runs.summaries import summarise
from tests.cli.test_commands import rnntui

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")

SECRET = b"alias ls='ls --color'\nno line end"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of a person, outside of any run."""
    path = tmp_path / "bashrc"
    path.write_bytes(SECRET)
    return path


def _symbolic(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def _hard(path: Path, victim: Path) -> None:
    path.hardlink_to(victim)


def names(run: Run) -> list[str]:
    """Every file that a run can have, relative to it."""
    last = run.checkpoint_path("last").relative_to(run.path)
    return [*RUN_FILES, *(str(last / name) for name in CHECKPOINT_FILES)]


@pytest.mark.parametrize(
    "command", ["train --resume --headless --max-steps 80 --run", "evaluate", "runs show"]
)
def test_no_link_is_followed_out_of_a_run(trained: Run, victim: Path, command: str) -> None:
    """Protects files outside: whichever file of the run is a link, one line names it, and nothing is written."""
    for name in ("events.jsonl", "control", ".guard", "stderr.log", "last", "tokenizer.json"):
        path, before = trained.path / name, None
        if path.exists():
            before = path.read_bytes()
            path.unlink()
        path.symlink_to(victim)
        answer = rnntui(*command.split(), trained.path)
        assert answer.returncode == 2, (name, answer.stderr)
        assert f"{path}: a link" in answer.stderr and answer.stderr.count("\n") == 1
        assert victim.read_bytes() == SECRET
        path.unlink()
        if before is not None:
            path.write_bytes(before)


def test_every_name_of_ours_is_refused_as_a_link(trained: Run, victim: Path) -> None:
    """Protects against the one file that was forgotten: a run is opened only where each of them is itself."""
    for name in names(trained):
        path = trained.path / name
        before = path.read_bytes() if path.exists() else None
        for make in (_symbolic, _directory, _pipe, _dangling):
            path.unlink(missing_ok=True)
            make(path, victim)
            with pytest.raises(InputError, match=r"a link|not a regular file") as caught:
                Run.open(trained.path)
            assert str(path) in str(caught.value)
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        if before is not None:
            path.write_bytes(before)
    assert Run.open(trained.path) == trained


def _directory(path: Path, victim: Path) -> None:
    path.mkdir()


def _pipe(path: Path, victim: Path) -> None:
    os.mkfifo(path)


def _dangling(path: Path, victim: Path) -> None:
    path.symlink_to(victim.with_name("nowhere"))


def test_folders_of_checkpoints_are_no_links(trained: Run, tmp_path: Path) -> None:
    """Protects a folder elsewhere: through a linked `checkpoints` nothing is read and nothing is tidied up."""
    elsewhere = tmp_path / "elsewhere"
    (trained.path / "checkpoints").rename(elsewhere)
    half = elsewhere / ".00000060.7.part"
    half.mkdir()
    (trained.path / "checkpoints").symlink_to(elsewhere)
    answer = rnntui("train", "--resume", "--headless", "--max-steps", "80", "--run", trained.path)
    assert answer.returncode == 2 and "checkpoints: a link" in answer.stderr
    assert half.is_dir()
    (trained.path / "checkpoints").unlink()
    (trained.path / "checkpoints").mkdir()
    for folder in elsewhere.iterdir():
        (trained.path / "checkpoints" / folder.name).symlink_to(folder)
    with pytest.raises(InputError, match="a link"):
        Run.open(trained.path)
    left = store.remove(trained.path)
    assert not left and not trained.path.exists() and len(list(elsewhere.iterdir())) > 2


@pytest.mark.parametrize("name", GROWING)
def test_a_second_name_is_never_written_through(trained: Run, victim: Path, name: str) -> None:
    """Protects against hard links: a file that grows has one name, or training says which one has two."""
    path = trained.path / name
    path.unlink(missing_ok=True)
    path.hardlink_to(victim)
    answer = rnntui("train", "--resume", "--headless", "--max-steps", "80", "--run", trained.path)
    assert answer.returncode == 2 and f"{path}: has a second name" in answer.stderr
    assert victim.read_bytes() == SECRET
    with pytest.raises(InputError, match="second name"), trained.owned():
        pass
    assert store.remove(trained.path) == [] and not trained.path.exists()
    assert victim.read_bytes() == SECRET


def test_a_request_is_written_into_no_other_file(trained: Run, victim: Path) -> None:
    """Protects who only watches: `control` may be a link as well."""
    for make in (_symbolic, _hard):
        make(trained.path / "control", victim)
        with pytest.raises(InputError, match="control: "):
            request(trained.path, "pause")
        (trained.path / "control").unlink()
    (trained.path / "stderr.log").symlink_to(victim)
    note_failure(FolderHandle(trained.path), RuntimeError("boom"))
    assert log_end(trained.path) == ""
    assert victim.read_bytes() == SECRET


def test_a_backup_by_hard_links_can_be_read(trained: Run, tmp_path: Path) -> None:
    """Protects backups: files that are only read may have any number of names."""
    copy = tmp_path / "backup"
    for path in trained.path.rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(trained.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)
    assert summarise(Run.open(copy)).state == "finished"


def test_half_written_files_replace_links(tmp_path: Path, victim: Path) -> None:
    """Protects against names that can be foreseen: a link under the name of a half-written file is replaced."""
    target = tmp_path / "last"
    part = tmp_path / f".last.{os.getpid()}.part"
    for make in (_symbolic, _hard):
        make(part, victim)
        write_atomically(target, b"00000001\n")
        assert target.read_bytes() == b"00000001\n" and victim.read_bytes() == SECRET


def test_a_fork_copies_known_files_and_follows_nothing(trained: Run, victim: Path, tmp_path: Path) -> None:
    """Protects secrets and disks: two loops of links made gigabytes of a megabyte, and a linked secret was copied."""
    (trained.path / "notes.txt").write_text("mine")
    (trained.path / "secret").symlink_to(victim)
    (trained.path / "loop").symlink_to(trained.path)
    (trained.path / "checkpoints" / "loop").symlink_to(trained.path)
    path = store.fork(trained, tmp_path / "fork")
    found = {each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file()}
    assert not any(name.endswith(("notes.txt", "secret")) or "loop" in name for name in found)
    assert Run.open(path).checkpoints() == trained.checkpoints()
    (trained.path / "events.jsonl").unlink()
    (trained.path / "events.jsonl").symlink_to(victim)
    with pytest.raises(InputError, match="cannot be copied"):
        store.fork(trained, tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_a_run_behind_a_link_is_a_run(trained: Run, tmp_path: Path) -> None:
    """Protects large disks: the run folder itself may stand behind a link; deleting it deletes both."""
    store.runs_home().mkdir(parents=True)
    link = store.runs_home() / "linked"
    link.symlink_to(trained.path)
    assert store.find("linked").path == trained.path.resolve()
    assert rnntui("runs", "remove", "linked", "--yes").returncode == 0
    assert not trained.path.exists() and not link.is_symlink()


@pytest.mark.parametrize("make", [_pipe, _dangling])
def test_a_lock_that_is_no_file_is_nobody_s(
    trained: Run, victim: Path, make: Callable[[Path, Path], None]
) -> None:
    """Protects lists from hanging: whoever asks for the owner never waits for a pipe."""
    for name in ("lock", ".guard"):
        (trained.path / name).unlink(missing_ok=True)
        make(trained.path / name, victim)
    assert owner_of(trained.path) is None
    assert store.remove(trained.path) == [] and not trained.path.exists()
