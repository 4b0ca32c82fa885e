"""Where texts come from: URLs of strangers' runs, files without an end, folders with runs, texts that changed."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from rnntui.core import config
from rnntui.core.runs import origin, store
from rnntui.core.runs.folder import Run
from tests.cli.test_commands import FLAGS, rnntui
from tests.conftest import MakeRun, posix, sentences
from tests.tui.terminal import Terminal


def _elsewhere(path: Path, url: str) -> None:
    """Train a run on a URL in a home of its own, as a stranger would."""
    environment = os.environ | {"RNNTUI_HOME": str(path.parent / "stranger")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNTUI_HOME", environment["RNNTUI_HOME"])
        assert rnntui("train", url, *FLAGS, "--headless", "--run", path).returncode == 0


def test_a_stranger_s_url_is_fetched_only_with_leave(server: tuple[str, list[str]], tmp_path: Path) -> None:
    """Protects who was given a run: no command asks the network for it, unless a person says so."""
    url, asked = server
    run = tmp_path / "R"
    _elsewhere(run, url)
    asked.clear()
    commands: list[list[str | Path]] = [
        ["evaluate", run],
        ["gradients", run, "--steps", "4"],
        ["train", "--headless", "--resume", "--max-steps", "62", "--run", run],
        [
            "export",
            run,
            "--format",
            "safetensors",
            "--quantize",
            "int8",
            "-o",
            tmp_path / "small.safetensors",
        ],
    ]
    for command in commands:
        answer = rnntui(*command)
        assert answer.returncode == 2 and "--trust-corpus" in answer.stderr and url in answer.stderr
        assert answer.stderr.count("\n") == 1 and not asked
    for others in (["complete", run, "the c"], ["runs", "show", run], ["doctor"], ["score", run, "a dog"]):
        rnntui(*others)
        assert not asked
    for number, command in enumerate(commands):
        shutil.rmtree(store.cache_home(), ignore_errors=True)
        assert rnntui(*command, "--trust-corpus").returncode == 0
        assert asked, command
        asked.clear()
        (tmp_path / "small.safetensors").unlink(missing_ok=True)
        if number == 0:
            assert rnntui(*command).returncode == 0 and not asked, (
                "a cached text with the right digest never asks"
            )


def test_a_folder_that_a_stranger_names_is_read_only_with_leave(
    corpus_file: Path, tmp_path: Path, home: Path
) -> None:
    """Protects disk, time and texts: a run could name `/usr`, all of which would be read and copied into the cache."""
    folder, run = tmp_path / "texts", tmp_path / "R"
    folder.mkdir()
    shutil.copy(corpus_file, folder)
    _elsewhere(run, str(folder))
    for command in (
        ["evaluate", run],
        ["train", "--headless", "--resume", "--max-steps", "62", "--run", run],
    ):
        answer = rnntui(*command)
        assert answer.returncode == 2 and f"read from the folder {folder}" in answer.stderr, answer.stderr
        assert "--trust-corpus" in answer.stderr and not store.cache_home().exists()
        assert rnntui(*command, "--trust-corpus").returncode == 0
        shutil.rmtree(store.cache_home())


@posix
def test_on_a_terminal_a_person_is_asked(server: tuple[str, list[str]], tmp_path: Path) -> None:
    url, asked = server
    run = tmp_path / "R"
    _elsewhere(run, url)
    asked.clear()
    for answer, code in (("n", 130), ("y", 0)):
        with Terminal("evaluate", str(run)) as terminal:
            terminal.wait(lambda shown: "was not made here" in shown)
            terminal.type(f"{answer}\n")
            terminal.wait_for_end(code=code)
        assert bool(asked) == (answer == "y")


def test_a_run_made_here_is_authenticated(server: tuple[str, list[str]], tmp_path: Path) -> None:
    """Protects one's own runs: they never ask, also with other training settings; and nobody can pretend."""
    url, _ = server
    path = tmp_path / "mine"
    assert rnntui("train", url, *FLAGS, "--headless", "--run", path).returncode == 0
    run = Run.open(path)
    assert origin.made_here(run) and (store.home() / "key").stat().st_mode & 0o077 == 0
    toml = (path / "run.toml").read_text()
    (path / "run.toml").write_text(toml.replace("clip = 1.0", "clip = 2.0"))
    shutil.rmtree(store.cache_home())
    assert rnntui("evaluate", path).returncode == 0
    assert origin.made_here(Run.open(store.fork(run, tmp_path / "fork")))
    (path / "run.toml").write_text(toml.replace(url, url.replace("text.txt", "other.txt")))
    assert not origin.made_here(Run.open(path))
    (path / "run.toml").write_text(toml)
    for forged in (b"", b"0" * 64 + b"\n", (path / "signature").read_bytes()[:-2]):
        (path / "signature").write_bytes(forged)
        assert not origin.made_here(run)


def test_two_first_runs_have_one_key(home: Path) -> None:
    """Protects signatures: whoever makes the key first makes it for all."""
    configuration = config.build({"corpus": "http://x/y"})
    keys: set[bytes] = set()
    racing = [threading.Thread(target=lambda: keys.add(origin.signature_of(configuration))) for _ in range(8)]
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join()
    assert len(keys) == 1 and not list(home.glob(".key*"))


@posix
@pytest.mark.parametrize(
    "corpus", ["/proc/kmsg", "/dev/zero", "PIPE", "/dev/stdin", "/proc/self/pagemap", "/proc"]
)
def test_a_corpus_that_never_ends_is_refused(corpus: str, trained: Run, tmp_path: Path) -> None:
    """Protects against hanging: a run names a file of the system, a device or a pipe as its text."""
    if corpus == "PIPE":
        corpus = str(tmp_path / "pipe")
        os.mkfifo(corpus)
    path = trained.path / "run.toml"
    path.write_text(path.read_text().replace(trained.config.text.corpus, corpus))
    shutil.rmtree(store.cache_home(), ignore_errors=True)
    answer = rnntui("evaluate", trained.path)
    assert answer.returncode == 2 and answer.stderr.count("\n") == 1, answer.stderr
    assert corpus in answer.stderr


@posix
def test_a_pipe_of_the_shell_can_be_learned_from(corpus_file: Path, tmp_path: Path) -> None:
    """Protects `rnntui train <(zcat book.gz)`."""
    from tests.test_streams import shell

    answer = shell(f'"$@" <(cat {corpus_file})', *["train", *FLAGS, "--headless", "--run", tmp_path / "R"])
    assert answer.returncode == 0, answer.stderr
    assert rnntui("evaluate", tmp_path / "R").returncode == 0
    shutil.rmtree(store.cache_home())
    answer = rnntui("evaluate", tmp_path / "R")
    assert answer.returncode == 2 and "came from a pipe" in answer.stderr


def test_a_run_is_no_training_text(corpus_file: Path, tmp_path: Path) -> None:
    """Protects the model from its own logs: runs inside the folder of the corpus are no part of it."""
    folder = tmp_path / "texts"
    folder.mkdir()
    shutil.copy(corpus_file, folder / "a.txt")
    for name in ("R", "S"):
        assert rnntui("train", folder, *FLAGS, "--headless", "--run", folder / name).returncode == 0
    one, other = (Run.open(folder / name).config.text.sha256 for name in ("R", "S"))
    assert one == other


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_a_corpus_that_changed_is_said_once(change: str, make_run: MakeRun, corpus_file: Path) -> None:
    """Protects trust in numbers: training goes on with the text that it began with, and says so."""
    from tests.conftest import train_all

    run = make_run(max_steps=20)
    train_all(run)
    if change == "gone":
        corpus_file.unlink()
    else:
        corpus_file.write_text(sentences(seed=7))
    answer = rnntui("train", "--headless", "--resume", "--max-steps", "40", "--run", run.path)
    assert answer.returncode == 0
    said = "is gone" if change == "gone" else "has changed since"
    assert answer.stderr.count(f"{said}; this run goes on with its text in the cache") == 1
    shutil.rmtree(store.cache_home())
    answer = rnntui("train", "--headless", "--resume", "--max-steps", "60", "--run", run.path)
    assert answer.returncode == 2 and str(corpus_file) in answer.stderr
