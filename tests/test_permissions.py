"""Folders that permissions close: said as that, never as missing, and nothing half deleted."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnntui.core.runs import store
from rnntui.core.runs.folder import Run

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="drops a capability of Linux")

_DROP, _OVERRIDE, _SEARCH = 24, 1, 2
"""prctl's PR_CAPBSET_DROP; the capabilities by which root is allowed everything."""


def _obey_permissions() -> None:
    if os.geteuid() == 0:
        for capability in (_OVERRIDE, _SEARCH):
            ctypes.CDLL(None).prctl(_DROP, capability, 0, 0, 0)


def obedient(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the program as somebody whom permissions bind, root or not."""
    command = [sys.executable, "-m", "rnntui", *map(str, arguments)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, preexec_fn=_obey_permissions
    )


@pytest.fixture
def kept(trained_home: None) -> Iterator[Path]:
    """A run in the runs' home; all is open again at the end."""
    yield store.runs_home() / "first"
    for path in (store.home(), store.runs_home(), store.runs_home() / "first"):
        path.chmod(0o700)
    for path in (store.runs_home() / "first").rglob("*"):
        path.chmod(0o700)


@pytest.mark.parametrize("closed", ["..", ".", "checkpoints", "checkpoints/00000060"])
def test_a_run_that_cannot_be_deleted_whole_stays_whole(closed: str, kept: Path) -> None:
    """Protects checkpoints: that a folder cannot be written is found before anything is deleted."""
    before = sorted(kept.rglob("*"))
    (kept / closed).chmod(0o500)
    answer = obedient("runs", "remove", "first", "--yes")
    assert answer.returncode in (1, 2) and "cannot be" in answer.stderr, answer.stderr
    assert len(answer.stderr.splitlines()) == 1 and "RNNTUI_DEBUG" not in answer.stderr
    assert sorted(kept.rglob("*")) == before


def test_a_closed_run_is_said_to_be_closed(kept: Path) -> None:
    """Protects the advice: it is there and cannot be read, in the list, by name, by path and for the doctor."""
    kept.chmod(0o000)
    listed = obedient("runs", "list")
    assert "first" in listed.stdout and "unreadable" in listed.stdout and "Permission denied" in listed.stderr
    for command in (["runs", "show"], ["complete"], ["runs", "remove", "--yes"]):
        for name in ("first", str(kept)):
            answer = obedient(*command, name, *(["the"] if command == ["complete"] else []))
            assert answer.returncode in (1, 2), command
            assert "Permission denied" in answer.stderr, (command, answer.stderr)
    doctor = obedient("doctor")
    assert "✗ run first" in doctor.stdout and "chmod" in doctor.stdout


@pytest.mark.parametrize("closed", ["runs", "."])
def test_a_closed_home_is_no_empty_one(closed: str, kept: Path) -> None:
    """Protects the doctor's word: runs that nobody can look at are not healthy."""
    (store.home() / closed).chmod(0o000)
    doctor = obedient("doctor")
    assert doctor.returncode == 1 and "please report" not in doctor.stdout, doctor.stdout
    assert "Permission denied" in doctor.stdout and "RNNTUI_HOME" in doctor.stdout
    assert "healthy" not in doctor.stdout


def test_a_home_below_a_file_names_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects who has no home: preferences that cannot be there are none to mend or delete."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("RNNTUI_HOME", str(tmp_path / "file" / "below"))
    answer = obedient("config", "show")
    assert answer.returncode == 2 and "RNNTUI_HOME" in answer.stderr and "delete it" not in answer.stderr


def test_a_copy_of_another_person_trains_nothing(trained: Run, tmp_path: Path) -> None:
    """Protects a read-only copy: a run that cannot be written is not resumed, and is read all the same."""
    copy = tmp_path / "copy"
    shutil.copytree(trained.path, copy)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    answer = obedient("train", "--run", copy, "--resume", "--headless", "--max-steps", "70")
    assert answer.returncode in (1, 2) and "Permission denied" in answer.stderr, answer.stderr
    assert obedient("complete", copy, "the").returncode == 0
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o700)
