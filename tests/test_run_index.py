"""The index of runs: what it says is what reading all of them says, and it may be thrown away."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rnntui.core.runs import events as ev
from rnntui.core.runs import index as run_index
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.runs.index import RunIndex
from rnntui.core.runs.summaries import RunSummary, summarise
from tests.conftest import train_all


def read_all() -> list[RunSummary]:
    """Every run read anew."""
    return [summarise(store.opened(path)) for path in store.run_folders()]


@pytest.fixture
def several(trained: Run) -> list[Path]:
    """Three runs in the runs' home."""
    paths = [store.runs_home() / name for name in ("one", "two", "three")]
    return [Path(shutil.copytree(trained.path, path)) for path in paths]


def test_the_index_says_what_the_runs_say(several: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the list: whatever changes in a run is seen, and what has not changed is not read."""
    index = RunIndex()
    assert index.look() == read_all()
    read: list[Path] = []

    def counted(path: Path) -> Run | store.Unreadable:
        read.append(path)
        return store.opened(path)

    monkeypatch.setattr(run_index, "opened", counted)
    assert RunIndex().look() == read_all() and not read
    one, two, three = several
    run = Run.open(one)
    with run.owned():
        assert {each.name: each.state for each in index.look()}["one"] == "running"
        train_all(Run.open(one))
    assert index.look() == read_all() and set(read) == {one}
    with (two / "events.jsonl").open("ab") as file:
        file.write(ev.encode(ev.Finished(step=61, reason="error")) + b"\n")
    (three / "run.toml").write_text("nonsense")
    assert index.look() == read_all()
    assert {each.name: each.state for each in index.look()} == {
        "one": "finished",
        "two": "crashed",
        "three": "unreadable",
    }
    store.remove(one)
    store.rename(Run.open(two), "second")
    assert RunIndex().look() == read_all() == RunIndex().look()
    assert {each.name for each in index.look()} == {"second", "three"}


def test_a_damaged_index_is_none(several: list[Path]) -> None:
    """Protects starting: a cache may hold anything, and may be unwritable."""
    expected = RunIndex().look()
    file = store.cache_home() / "runs.json"
    for content in (
        b"",
        b"\0" * 1000,
        file.read_bytes()[:-20],
        b"[" * 100_000,
        b'{"version":"0","home":"","entries":{}}',
    ):
        file.write_bytes(content)
        assert RunIndex().look() == expected
    file.unlink()
    file.mkdir()
    assert RunIndex().look() == expected


def test_a_home_that_cannot_be_read_is_said(home: Path) -> None:
    home.mkdir()
    (home / "runs").write_text("no folder")
    (found,) = RunIndex().look()
    assert found.state == "unreadable" and str(home / "runs") in str(found.reason)
