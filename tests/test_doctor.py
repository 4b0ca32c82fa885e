"""`rnntui doctor`: every finding with what to do about it, and an exit code for scripts."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from rnntui.core import doctor
from rnntui.core.doctor import Finding, examine
from rnntui.core.kernels.kernel_cache import KernelFolder, kernels_path
from rnntui.core.processors import OtherPrograms
from rnntui.core.runs import store
from tests.cli.test_commands import rnntui


def found() -> dict[str, Finding]:
    return {finding.name: finding for finding in examine()}


def test_a_machine_in_order_is_said_to_be(trained_home: None) -> None:
    """Protects the report: what a person asks first is in it, and nothing is a fault."""
    result = rnntui("doctor", "--json")
    told = {each["name"]: each for each in json.loads(result.stdout)}
    assert {
        "rnntui",
        "processor",
        "memory",
        "PyTorch",
        "threads",
        "precision",
        "GPU",
        "disk",
        "runs",
    } <= told.keys()
    assert result.returncode == 0 and told["runs"]["value"].startswith("1 of 1 healthy")
    lines = rnntui("doctor").stdout.splitlines()
    assert all(line.startswith(("✓ ", "· ", "✗ ", "    → ")) for line in lines)


def test_a_busy_machine_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects whoever wonders why training is slow: how much others take, and that nothing is broken."""
    monkeypatch.setattr(OtherPrograms, "look", lambda self: 1.1)
    load = next(finding for finding in doctor._processor() if finding.name == "load")
    assert load.verdict == "hint" and "busy: other programs take 1.1 of" in load.value
    monkeypatch.setattr(OtherPrograms, "look", lambda self: 0.1)
    load = next(finding for finding in doctor._processor() if finding.name == "load")
    assert load.verdict == "good" and "are free" in load.value


def test_damaged_runs_are_found(trained_home: None) -> None:
    """Protects the store: a flipped byte, a bad key and a run that never saved, each with its advice."""
    first = store.runs_home() / "first"
    for name in ("flipped", "badkey", "unsaved"):
        shutil.copytree(first, store.runs_home() / name)

    for folder in (store.runs_home() / "flipped" / "checkpoints").iterdir():
        file = folder / "model.safetensors"
        file.write_bytes(file.read_bytes()[:-1] + b"\1")
    (store.runs_home() / "badkey" / "run.toml").write_text("[model]\nhiden_size = 3\n")
    (store.runs_home() / "unsaved" / "last").unlink()
    findings = found()
    assert "damaged" in findings["run flipped"].value
    assert "did you mean 'hidden_size'?" in findings["run badkey"].value
    assert "--resume" in findings["run unsaved"].advice
    assert findings["runs"].value.startswith("1 of 4 healthy")
    assert all(each.advice for each in findings.values() if each.verdict != "good")
    result = rnntui("doctor")
    assert result.returncode == 1 and result.stdout.count("✗") == 3


def test_little_room_and_looks_that_fail_are_findings(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    def broken(path: Any) -> Any:
        raise OSError("no such device")

    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    assert found()["disk"].verdict == "fault"
    monkeypatch.setattr(shutil, "disk_usage", broken)
    assert found()["room"] == Finding(
        "room", "could not be looked at: no such device", "fault", "please report this"
    )


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelFolder:
    """A folder with three compiled kernels, where the doctor looks for them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    folder = KernelFolder(kernels_path())
    for name in "abc":
        folder.save(name, bytes(1 << 19))
    return folder


def kernels_found() -> Finding:
    (finding,) = doctor._kernels()
    return finding


def test_kernels_are_counted_and_damaged_ones_with_them(kernels: KernelFolder) -> None:
    """Protects the report: folder, number, size, and what of it is damaged, which the doctor leaves as it is."""
    assert kernels_found() == Finding("kernels", f"3 compiled, 1.5 MB at {kernels.path}")
    file = kernels.path / "b.kernel"
    file.write_bytes(file.read_bytes()[:-1] + b"\1")
    finding = kernels_found()
    assert finding.verdict == "hint" and "3 compiled, 1.0 MB" in finding.value
    assert finding.value.endswith("1 damaged") and "compiles them anew" in finding.advice and file.exists()
    shutil.rmtree(kernels.path)
    assert kernels_found() == Finding("kernels", f"0 compiled, 0.0 MB at {kernels.path}")
    assert not kernels.path.exists(), "looking makes nothing"


def test_kernels_that_cannot_be_written_are_a_hint(kernels: KernelFolder, tmp_path: Path) -> None:
    """Protects from a wait at every start that nobody can explain: here a file is where the cache should be."""
    shutil.rmtree(tmp_path / "caches")
    (tmp_path / "caches").write_text("")
    finding = kernels_found()
    assert finding.verdict == "hint" and "cannot be written" in finding.value and finding.advice


@pytest.mark.skipif(sys.platform == "win32", reason="folders there belong to their owner anyway")
def test_kernels_of_another_user_are_a_hint(kernels: KernelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the report: whose folder it is, or that others can write there, and what to do."""
    kernels.path.chmod(0o777)
    finding = kernels_found()
    assert finding.verdict == "hint" and "can be written by other users" in finding.value
    assert "delete that folder" in finding.advice
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert "belongs to another user" in kernels_found().value
