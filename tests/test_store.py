"""Where runs live: their names, the list of them, their home, and who is meant by a name."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from rnntui.core import config
from rnntui.core.errors import InputError
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.runs.summaries import summarise
from tests.cli.test_commands import rnntui
from tests.conftest import MakeRun, train_all
from tests.test_folders import contents


def test_new_names_are_free_and_readable() -> None:
    """Protects what is there: a new name is none that another one begins with, as the runs of a duel do."""
    settings = config.build({"corpus": "/some/where/My Book (2).txt", "cell": "gru"})
    first = store.new_path(settings)
    first.mkdir(parents=True)
    assert first == store.runs_home() / "My-Book-2-gru-1"
    assert store.new_path(settings).name == "My-Book-2-gru-2"
    duel = store.free_path(settings, "duel")
    assert duel.name == "My-Book-2-duel-1"
    duel.with_name(f"{duel.name}-lstm").mkdir()
    assert store.free_path(settings, "duel").name == "My-Book-2-duel-2"
    store.free_path(settings, "duel").mkdir()
    assert store.free_path(settings, "duel").name == "My-Book-2-duel-3"


@pytest.mark.parametrize(
    ("corpus", "short", "stem"),
    [
        ("/some/where/book.v2.txt", "book.v2.txt", "book-v2"),
        ("C:\\texts\\Buch.txt", "Buch.txt", "Buch"),
        ("https://example.org/a/page.html", "page.html", "page"),
        ("/some/folder/", "folder", "folder"),
        ("/", "/", "stdin"),
        ("-", "-", "stdin"),
        ("tales", "tales", "tales"),
        ("(xerox) .txt", "(xerox) .txt", "xerox"),
        ("/x/" + "n" * 60 + ".txt", "n" * 60 + ".txt", "n" * 40),
    ],
)
def test_a_corpus_has_a_short_name(corpus: str, short: str, stem: str) -> None:
    """Protects names of runs: a folder's name on every system, out of any path or address."""
    assert store.short_corpus(corpus) == short
    assert store.stem_of(config.build({"corpus": corpus})) == stem


def test_homes_are_where_they_are_documented(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects existing runs: they are looked for in the same place by every version."""
    assert store.home() == home
    assert (store.runs_home(), store.cache_home()) == (home / "runs", home / "cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RNNTUI_HOME", "~/models")
    assert store.home() == tmp_path / "models"
    monkeypatch.delenv("RNNTUI_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if sys.platform == "linux":
        assert store.home() == tmp_path / "data" / "rnntui"


def test_pasted_texts_are_numbered(home: Path) -> None:
    """Protects pasted texts: a second one takes no other's place."""
    paths = [store.keep_text(text) for text in ("eins", "zwei é")]
    assert paths == [home / "texts" / "pasted-1.txt", home / "texts" / "pasted-2.txt"]
    assert [path.read_text(encoding="utf-8") for path in paths] == ["eins", "zwei é"]


def test_runs_are_listed_the_newest_last(trained: Run) -> None:
    """Protects lists: by the time of their settings, with what cannot be read, without what is no run."""
    assert store.names() == [] and store.run_folders() == []
    for age, name in ((3, "middle"), (1, "a-new"), (9, "z-old")):
        path = store.fork(trained, store.runs_home() / name)
        os.utime(path / "run.toml", (1e9 - age, 1e9 - age))
    (store.runs_home() / "broken").mkdir()
    (store.runs_home() / "broken" / "run.toml").write_text("nonsense")
    os.utime(store.runs_home() / "broken" / "run.toml", (1e9 - 5, 1e9 - 5))
    (store.runs_home() / "no-run").mkdir()
    found = [store.opened(path) for path in store.run_folders()]
    assert [each.path.name for each in found] == ["z-old", "broken", "middle", "a-new"]
    assert isinstance(found[1], store.Unreadable) and "run.toml" in found[1].reason
    assert [run.name for run in store.newest_runs()] == ["a-new", "middle", "z-old"]
    assert store.names() == ["a-new", "broken", "middle", "z-old"]
    assert store._written(store.runs_home() / "no-run") == 0


def test_a_home_that_is_no_folder_is_one_line(home: Path) -> None:
    home.mkdir()
    (home / "runs").write_text("")
    found = store.opened(*store.run_folders())
    assert isinstance(found, store.Unreadable)
    assert found.reason == f"{home / 'runs'}: cannot be read: Not a directory"
    assert list(store.newest_runs()) == [] and store.names() == []


def test_a_run_is_found_for_its_task_alone(trained: Run, classifier: Run) -> None:
    assert store.find(str(trained.path), "lm") == trained == store.find(str(trained.path))
    assert store.find(str(classifier.path), "classify") == classifier
    with pytest.raises(InputError, match="trained with --task classify"):
        store.find(str(classifier.path), "lm")


def test_what_is_no_run_s_name_is_one_line(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects who mistypes: the reason, and where the names are."""
    for name, said in {
        " ": "an empty name",
        "nobody": "^nobody: no such run; see `rnntui runs list`",
        str(tmp_path): "no run lives there",
        "n" * 3000: "^n{80}: no such run: .*name too long",
        "~nobody-here/run": "nobody of that name",
        "sub/run": "no such run",
    }.items():
        with pytest.raises(InputError, match=f"(?i){said}"):
            store.locate(name)
    store.fork(trained, store.runs_home() / "inside")
    (store.runs_home() / "sub").mkdir()
    store.fork(trained, store.runs_home() / "sub" / "run")
    assert store.locate("inside") == store.runs_home() / "inside"
    with pytest.raises(InputError, match="no such run"):
        store.locate("sub/run")  # a path, not a name
    monkeypatch.chdir(trained.path.parent)
    assert store.locate(trained.name) == trained.path
    strange = trained.path.rename(tmp_path / "r\udcff")
    with pytest.raises(InputError, match="not UTF-8"):
        store.find(str(strange))


def test_a_line_names_five_files_at_most() -> None:
    paths = [Path("x") / name for name in "abcdefg"]
    assert store.names_of(paths[:5]) == "a, b, c, d, e"
    assert store.names_of(paths) == "a, b, c, d, e and 2 more"


def test_a_copy_of_a_run_that_trains_is_nobody_s(make_run: MakeRun, tmp_path: Path) -> None:
    """Protects backups: a copy has a copy of the lock's record, and is trained and deleted all the same."""
    run = make_run(max_steps=20)
    train_all(run)
    with run.owned():
        copy = Run(tmp_path / "copy", run.config)
        shutil.copytree(run.path, copy.path)
        assert summarise(run).state == "running" and summarise(copy).state == "finished"
        with copy.owned():
            assert copy.owner() is not None
        store.remove(copy.path)
        with pytest.raises(InputError, match="is training this run"):
            store.remove(run.path)


def test_a_sweep_is_not_deleted_as_a_run(corpus_file: Path, tmp_path: Path) -> None:
    """Protects the best settings of a sweep, which stand in a `run.toml` as well."""
    command = ["sweep", str(corpus_file), "--hidden-size", "8,12", "--max-steps", "4", "--trials", "1"]
    assert rnntui(*command, "--study", tmp_path / "S").returncode == 0
    before = contents(tmp_path / "S")
    answer = rnntui("runs", "remove", tmp_path / "S", "--yes")
    assert answer.returncode == 2 and "a sweep and no run" in answer.stderr
    assert contents(tmp_path / "S") == before
