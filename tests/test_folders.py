"""Folders of a person: no run begins in them, and deleting a run takes nothing but the run."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import psutil
import pytest

from rnntui.core.errors import InputError
from rnntui.core.files import write_atomically
from rnntui.core.runs import events as ev
from rnntui.core.runs import locks, store
from rnntui.core.runs.folder import Run, reserve
from rnntui.core.runs.folder_handle import FolderHandle
from rnntui.core.runs.journal import Journal
from rnntui.core.runs.ownership import guarded, owner_of
from rnntui.core.runs.safe_files import BEFORE_TRAINING, RUN_FILES, delete_run
from rnntui.core.runs.summaries import summarise
from rnntui.core.training.checkpoints import load_checkpoint
from rnntui.core.training.control import Control
from rnntui.core.training.loop import Loop
from tests.cli.test_commands import FLAGS, as_process, rnntui
from tests.conftest import CLASSIFIER, TRANSLATOR, MakeRun, train_all


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    "held",
    [
        "thesis.txt",
        "tokenizer.json",
        "control",
        ".dl.part",
        "stderr.log",
        "checkpoints/2024/talk.txt",
        "best",
    ],
)
@pytest.mark.parametrize("command", ["train", "duel", "sweep"])
def test_no_run_begins_among_other_files(command: str, held: str, corpus_file: Path, tmp_path: Path) -> None:
    """Protects a person's folder: a new run needs one that is new or empty, and the line names what is in the way."""
    folder = tmp_path / "mine"
    (folder / held).parent.mkdir(parents=True)
    (folder / held).write_text("my own words")
    before = contents(folder)
    if command == "duel":
        folder.rename(tmp_path / "mine-elman")
        folder = tmp_path / "mine-elman"
        answer = rnntui(
            "duel",
            corpus_file,
            "--cells",
            "elman,lstm",
            "--max-steps",
            "1",
            "--headless",
            "--run",
            tmp_path / "mine",
        )
    elif command == "sweep":
        answer = rnntui("sweep", corpus_file, "--lr", "1e-3..1e-2", "--trials", "1", "--study", folder)
    else:
        answer = rnntui("train", corpus_file, "--headless", *FLAGS, "--run", folder)
    assert answer.returncode == 2, answer.stderr
    assert "holds other files" in answer.stderr and held.partition("/")[0] in answer.stderr
    assert answer.stderr.count("\n") == 1 and contents(folder) == before


@pytest.mark.parametrize("make", ["new", "empty", "interrupted", "reserved"])
def test_a_run_begins_in_a_new_or_empty_folder(make: str, make_run: MakeRun, tmp_path: Path) -> None:
    """Protects who tries again: what an interrupted start of ours left counts as nothing."""
    model, path = make_run(), tmp_path / "fresh"
    if make == "empty":
        path.mkdir()
    if make in ("interrupted", "reserved"):
        reserve(path)
    if make == "interrupted":
        (path / "tokenizer.json").write_text("half")
        (path / ".tokenizer.json.123.part").write_text("half")
        (path / ".run.toml.123.part").write_text("half")
        (path / "stderr.log").write_text("why it died\n")
    run = Run.create(path, model.config, {"tokenizer.json": (model.path / "tokenizer.json").read_bytes()})
    train_all(run)
    assert summarise(run).state == "finished" and not list(path.glob(".*.part"))


def test_an_empty_name_is_no_folder(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the present folder: a variable that is not set must not stand for it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text("mine")
    before = contents(tmp_path)
    for arguments in (
        ["train", corpus_file, "--headless", "--run", ""],
        ["train", corpus_file, "--headless", "--run", " "],
        ["train", "--headless", "--resume", "--run", ""],
        ["train", "", "--headless"],
        ["train", corpus_file, "--headless", "--from", ""],
        ["duel", corpus_file, "--headless", "--run", ""],
        ["sweep", corpus_file, "--lr", "1e-3..1e-2", "--study", ""],
        ["runs", "remove", "", "--yes"],
        ["runs", "show", ""],
        ["runs", "plot", "", "-o", "x.svg"],
        ["evaluate", ""],
        ["watch", ""],
        ["complete", "", "x"],
    ):
        answer = rnntui(*arguments)
        assert answer.returncode == 2 and answer.stderr.count("\n") == 1, (arguments, answer.stderr)
        assert "empty name" in answer.stderr, (arguments, answer.stderr)
    assert contents(tmp_path) == before


def test_the_root_is_no_folder_for_a_run(corpus_file: Path) -> None:
    answer = rnntui("train", corpus_file, "--headless", *FLAGS, "--run", "/")
    assert answer.returncode == 2 and "/: holds other files" in answer.stderr


def test_deleting_a_run_leaves_what_is_not_of_it(trained: Run) -> None:
    """Protects what a person put beside it: the run goes, the rest stays, and is named."""
    mine = ["thesis.txt", "checkpoints/2024/talk.txt", "checkpoints/00000040/notes.txt", ".dl.part"]
    for name in mine:
        (trained.path / name).parent.mkdir(exist_ok=True)
        (trained.path / name).write_text("mine")
    (trained.path / "stderr.log").write_text("x")
    (trained.path / ".best.17.part").write_text("x")
    answer = rnntui("runs", "remove", trained.path, "--yes")
    assert answer.returncode == 0 and "left: .dl.part, checkpoints, thesis.txt" in answer.stderr
    assert sorted(contents(trained.path)) == sorted(mine)
    with pytest.raises(InputError, match="no run lives there"):
        store.remove(trained.path)


@pytest.mark.parametrize(
    "settings", [{}, CLASSIFIER, TRANSLATOR, {"tokenizer": "bpe", "vocab_size": 300}], ids=str
)
def test_deleting_a_run_takes_all_of_it(
    settings: dict[str, object], make_run: MakeRun, examples: Path, pairs_file: Path
) -> None:
    """Protects the disk: of a run of any task nothing is left, and every file that it makes is known by name."""
    corpus = {"classify": examples, "translate": pairs_file}.get(str(settings.get("task")))
    run = make_run(
        **settings | {"max_steps": 4, "eval_every": 2} | ({"corpus": str(corpus)} if corpus else {})
    )
    with run.owned():
        train_all(run)
        there = {path.name for path in run.path.iterdir() if path.is_file()}
    assert there <= set(RUN_FILES) and (there - {"lock"}) & set(BEFORE_TRAINING)
    assert store.remove(run.path) == [] and not run.path.exists()


def test_several_are_deleted_only_if_all_can_be(trained: Run, make_run: MakeRun) -> None:
    """Protects against half a deed: a name given twice is one run, and a run that trains keeps all of them."""
    other = make_run()
    with other.owned():
        answer = rnntui("runs", "remove", trained.path, other.path, "--yes")
        assert answer.returncode == 2 and "stop it first" in answer.stderr
        assert (trained.path / "run.toml").exists()
    assert rnntui("runs", "remove", trained.path, other.path, trained.path, "--yes").returncode == 0
    assert not trained.path.exists() and not other.path.exists()


# --- who lives ---


def test_a_clock_that_moves_kills_nobody(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects a training while the clock is set: the lock says who lives, not the time of a process's start."""
    with trained.owned():
        real = psutil.Process.create_time
        for shift in (-3600.0, -2.0, 2.0, 3600.0):
            monkeypatch.setattr(psutil.Process, "create_time", lambda self, by=shift: real(self) + by)
            assert owner_of(trained.path) is not None
            assert summarise(trained).state == "running"
            for change in (lambda: store.remove(trained.path), lambda: store.rename(trained, "other")):
                with pytest.raises(
                    InputError, match=f"process {os.getpid()} is training this run; stop it first"
                ):
                    change()
        assert (trained.path / "run.toml").exists()


def test_an_owner_of_an_older_version_is_one(trained: Run) -> None:
    """Protects trainings that were started before an upgrade: their record has no identity, their lock holds."""
    with trained.owned():
        record = {"pid": os.getpid(), "started": 1.0}
        write_atomically(trained.path / "lock", json.dumps(record).encode())
        assert owner_of(trained.path) is not None
        with pytest.raises(InputError, match="stop it first"):
            store.remove(trained.path)


def test_a_lock_deleted_under_its_owner_frees_nothing(trained: Run) -> None:
    """Protects against tidy people: without the lock's file, the record still names a living process."""
    with trained.owned():
        (trained.path / ".guard").unlink()
        assert owner_of(trained.path) is not None
        assert as_process("train", "--resume", "--headless", "--run", trained.path).returncode == 2
        assert as_process("runs", "remove", trained.path, "--yes").returncode == 2


def test_both_deleted_free_nothing(trained: Run) -> None:
    """Protects a live training from who clears away `lock` and `.guard`: its `events.jsonl` is locked as well."""
    with trained.owned(), Journal(trained.events_path):
        (trained.path / ".guard").unlink()
        (trained.path / "lock").unlink()
        for command in (
            ["train", "--resume", "--headless", "--max-steps", "80", "--run", trained.path],
            ["runs", "remove", trained.path, "--yes"],
        ):
            answer = as_process(*command)
            assert answer.returncode == 2 and "another process is training this run" in answer.stderr
        assert (trained.path / "run.toml").exists()
    assert as_process("runs", "remove", trained.path, "--yes").returncode == 0


def test_where_there_are_no_locks_the_record_decides(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects network file systems: the record names the process by what no other one has."""

    def refused(*_: object, **__: object) -> None:
        raise locks.UnsupportedError

    monkeypatch.setattr(locks, "lock", refused)
    with trained.owned():
        assert owner_of(trained.path) is not None
    assert owner_of(trained.path) is None
    with trained.owned():
        record = json.loads((trained.path / "lock").read_bytes())
    for wrong in (
        record | {"pid": 1},
        record | {"identity": record["identity"] + "0"},
        record | {"identity": ""},
    ):
        write_atomically(trained.path / "lock", json.dumps(wrong).encode())
        assert owner_of(trained.path) is None


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
def test_who_waits_for_a_deleted_run_makes_none(trained: Run) -> None:
    """Protects against a run that comes back: a lock whose file was deleted by its holder locks nothing."""
    failures: list[str] = []

    def wait() -> None:
        try:
            with trained.owned():
                failures.append("owned a deleted run")
        except InputError as error:
            failures.append(str(error))

    waiting = threading.Thread(target=wait)
    with guarded(trained.path, "is deleting this run"):
        waiting.start()
        assert delete_run(trained.path) == []
    waiting.join()
    assert len(failures) == 1 and str(trained.path) in failures[0]
    assert not trained.path.exists()


# --- checks come before deletions ---


@pytest.mark.parametrize(
    "flags",
    [
        ["--hidden-size", "99"],
        ["--lr", "nonsense"],
        ["--corpus-of-nobody", "x"],
        ["--device", "cuda"],
        ["tales"],
    ],
    ids=" ".join,
)
def test_nothing_is_deleted_before_all_is_checked(trained: Run, flags: list[str]) -> None:
    """Protects checkpoints: going back to an earlier one deletes the later ones only where training goes on."""
    import torch

    if flags[-1] == "cuda" and torch.cuda.is_available():
        pytest.skip("has a GPU")
    before = contents(trained.path)
    command = ["train", *flags, "--headless", "--run", trained.path, "--resume", "--checkpoint", "40"]
    assert rnntui(*command).returncode == 2
    after = contents(trained.path)
    checkpoints = {name for name in before if name.startswith(("checkpoints", "best", "last"))}
    assert {name: after.get(name) for name in checkpoints} == {name: before[name] for name in checkpoints}


def test_a_checkpoint_that_cannot_be_loaded_deletes_none(trained: Run) -> None:
    """Protects the later checkpoints: a sound earlier one that does not fit the run is found out first."""
    from rnntui.core.completion.loading import manifest_of
    from rnntui.core.runs.safe_files import CHECKPOINT_FILES

    folder = trained.path / "checkpoints" / "00000040"
    state = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps(state | {"threads": "many"}))
    digested = {name: (folder / name).read_bytes() for name in CHECKPOINT_FILES[:-1]}
    (folder / "manifest.json").write_bytes(manifest_of(digested))
    answer = rnntui(
        "train", "--headless", "--run", trained.path, "--resume", "--checkpoint", "40", "--max-steps", "80"
    )
    assert answer.returncode == 2 and "does not fit this run" in answer.stderr
    assert trained.checkpoint_path("last").name == "00000060"


def test_an_earlier_checkpoint_is_the_last_one_then(trained: Run) -> None:
    answer = rnntui(
        "train", "--headless", "--run", trained.path, "--resume", "--checkpoint", "40", "--max-steps", "50"
    )
    assert answer.returncode == 0 and "resumed from step 40" in answer.stderr
    assert [name for name, _ in trained.checkpoints()] == ["00000050", "00000040"]


# --- what other hands found ---


@pytest.mark.parametrize(
    "damage", ["other numbers", "nothing in sizes.json", "words in sizes.json", "cut", "a pipe"]
)
def test_a_damaged_cache_of_tokens_is_made_anew(damage: str, make_run: MakeRun) -> None:
    """Protects the figures: what is trained on and scored is the text, or it is encoded again."""
    import numpy as np

    expected = train_all(make_run(max_steps=20))
    (folder,) = (store.cache_home() / "tokens").iterdir()
    tokens = folder / "train.npy"
    if damage == "other numbers":
        numbers = np.load(tokens)
        numbers[:] = 5
        np.save(tokens, numbers)
    elif damage == "nothing in sizes.json":
        (folder / "sizes.json").write_text("{}")
    elif damage == "words in sizes.json":
        sizes = (folder / "sizes.json").read_text()
        (folder / "sizes.json").write_text(sizes.replace('"chars": ', '"chars": "x", "c": '))
    elif damage == "cut":
        tokens.write_bytes(tokens.read_bytes()[:-100])
    else:
        tokens.unlink()
        os.mkfifo(tokens)
    found = train_all(make_run(max_steps=20))
    losses = [[event.loss for event in told if isinstance(event, ev.Evaluated)] for told in (expected, found)]
    assert losses[0] == losses[1] and losses[0]


@pytest.mark.parametrize("home", [" ", "~nosuchuser/x", "/dev/null", "n" * 300])
def test_a_home_that_cannot_be_is_one_line(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects who set RNNTUI_HOME wrongly: the line names it, before anything is read or made."""
    monkeypatch.setenv("RNNTUI_HOME", home)
    for command in (["runs", "list"], ["train", "tales", "--headless", *FLAGS]):
        answer = rnntui(*command)
        assert answer.returncode == 2 and answer.stderr.startswith("rnntui: RNNTUI_HOME: "), answer.stderr


def test_a_place_that_cannot_be_is_said_before_a_text_is_read(
    trained: Run, corpus_file: Path, tmp_path: Path
) -> None:
    """Protects minutes: what is wrong with the place of a run, or with its text, is the first thing to be said."""
    (tmp_path / "loop").symlink_to("loop")
    store.home().mkdir(parents=True, exist_ok=True)
    for path in (
        tmp_path / ("x" * 300),
        corpus_file / "x",
        "/dev/null/x",
        tmp_path / "loop" / "x",
        store.runs_home(),
    ):
        answer = rnntui("train", corpus_file, "--headless", *FLAGS, "--run", path)
        assert answer.returncode == 2 and answer.stderr.count("\n") == 1, answer.stderr
    for arguments in ([trained.path], ["tales", "--encoding", "nonsense"]):
        answer = rnntui("train", *arguments, "--headless", *FLAGS)
        assert answer.returncode == 2 and "rnntui: " in answer.stderr.splitlines()[-1], answer.stderr


def test_a_second_try_wants_no_second_copy(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects a disk that is nearly full: where only the name of a checkpoint is missing, only that is written."""
    from rnntui.core.training import checkpoints

    run = make_run(max_steps=20)
    train_all(run)
    run.path.joinpath("last").unlink()
    (run.path / "best").unlink()
    loop = Loop(run, Control(run.path), FolderHandle(run.path))
    load_checkpoint(run.path / "checkpoints" / "00000020", loop.learner)
    monkeypatch.setattr(checkpoints, "put", None)  # nothing of the folder is written again
    assert checkpoints.save_checkpoint(run, loop.learner, best=True).name == "00000020"
    assert run.checkpoint_path("last").name == "00000020"
