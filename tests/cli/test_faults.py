"""Faults that are answered with one line before long work begins, or where no work can go on."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

from rnntui.core.runs.folder import Run
from tests.cli.test_commands import FLAGS, assert_one_line, rnntui
from tests.test_signals import started


def test_vectors_that_are_not_there_are_named_before_the_text_is_read(
    corpus_file: Path, tmp_path: Path
) -> None:
    """Protects the wait: a long text is not read for a path that is wrong."""
    flags = ("--tokenizer", "word", "--embeddings", tmp_path / "no.vec", "--run", tmp_path / "R")
    assert_one_line(rnntui("train", corpus_file, "--headless", *flags), 2, "no.vec", "No such file")
    assert not (tmp_path / "R").exists()


@pytest.mark.skipif(find_spec("datasets") is not None, reason="the package is there")
def test_a_dataset_says_what_it_needs(tmp_path: Path) -> None:
    """Protects the advice: the line names the package that is missing."""
    answer = rnntui("train", "hf:imdb", "--headless", "--run", tmp_path / "R")
    assert_one_line(answer, 2, "hf:imdb", "pip install datasets")


def test_exhausted_memory_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects who gave a limit: not a traceback, but what can be done."""

    def exhausted(*given: object) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr("rnntui.core.runs.index.run_folders", exhausted)
    assert_one_line(rnntui("runs", "list"), 1, "memory is exhausted", "ulimit -v", "smaller sizes")


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (errno.EROFS, 2, "Read-only file system; set RNNTUI_HOME to a folder that can be written"),
        (errno.EFBIG, 1, "File too large; raise the limit (`ulimit -f`)"),
    ],
)
def test_a_cache_that_takes_no_text_is_one_line_with_a_way_out(
    number: int, code: int, words: str, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects who trains from a home that cannot be written: the folder, the reason and the next step."""

    def refuse(dir: Path) -> NoReturn:
        raise OSError(number, os.strerror(number), str(dir))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    answer = rnntui("train", corpus_file, "--headless", *FLAGS, "--run", tmp_path / "R")
    assert answer.returncode == code and words in answer.stderr.splitlines()[-1], answer.stderr


SENTENCES = "I love deep learning. You love recurrent networks.\n"


@pytest.mark.parametrize("tokenizer", ["word", "char"])
def test_two_sentences_are_learned(tokenizer: str, tmp_path: Path) -> None:
    """Protects the articles' own example: so little text trains, by words and by characters, and is completed."""
    text, run = tmp_path / "two.txt", tmp_path / "R"
    text.write_text(SENTENCES)
    flags = (
        "--tokenizer",
        tokenizer,
        "--headless",
        "--hidden-size",
        "64",
        "--max-steps",
        "300",
        "--run",
        run,
    )
    answer = rnntui("train", text, *flags)
    assert answer.returncode == 0, answer.stderr
    assert "nothing is held out" in answer.stderr and "to beat" not in answer.stderr
    assert (run / "best").read_bytes() == (run / "last").read_bytes()
    written = rnntui("generate", run, "--prompt", "I", "--temperature", "0", "--length", "60").stdout
    assert written.startswith("I love deep learning. You love recurrent networks."), written
    scored = rnntui("evaluate", run)
    assert scored.stdout.startswith("train (stream)") and "nothing was held out" in scored.stderr


def test_a_target_counts_the_training_loss_where_nothing_is_held_out(tmp_path: Path) -> None:
    """Protects training to a threshold on all of a text: the run ends as soon as the text is known so well."""
    text, run = tmp_path / "two.txt", tmp_path / "R"
    text.write_text(SENTENCES)
    flags = ("--split", "100", "--headless", "--hidden-size", "64", "--target-loss", "0.2", "--run", run)
    answer = rnntui("train", text, *flags)
    assert answer.returncode == 0 and "finished: target loss" in answer.stderr, answer.stderr


def test_a_table_without_labels_is_said_to_be_running_text(tmp_path: Path) -> None:
    """Protects against braces learned in silence: the columns are named, and what can be done."""
    path = tmp_path / "chat.jsonl"
    path.write_text("".join(f'{{"id": {n}, "body": "hello there {n}"}}\n' for n in range(20)))
    answer = rnntui("train", path, "--headless", *FLAGS, "--max-steps", "2", "--run", tmp_path / "R")
    assert answer.returncode == 0
    assert "read as running text" in answer.stderr and "(body, id)" in answer.stderr


def test_what_another_model_cannot_write_is_named(trained: Run, tmp_path: Path) -> None:
    """Protects who begins with a run: characters that its vocabulary lacks are named with their share."""
    path = tmp_path / "danish.txt"
    path.write_text("a dog likes søen. æ bird sees the mål.\n" * 40)
    flags = ("--headless", "--max-steps", "2", "--from", trained.path, "--run", tmp_path / "R")
    answer = rnntui("train", path, *flags)
    assert answer.returncode == 0, answer.stderr
    line = next(line for line in answer.stderr.splitlines() if "cannot be written by this model" in line)
    assert all(character in line for character in "øæå") and "% of the text" in line
    assert "--extend-vocabulary" in line


@pytest.mark.parametrize("saved", [False, True])
def test_a_run_that_is_still_training_answers(saved: bool, corpus_file: Path, tmp_path: Path) -> None:
    """Protects who cannot wait: before the first checkpoint one line, from then on an answer, and it trains on."""
    run, never = tmp_path / "R", 1_000_000
    counts = {
        "max-steps": never,
        "eval-every": never,
        "save-every": 5 if saved else never,
        "log-every": never,
    }
    flags = [f"--{name}={count}" for name, count in counts.items()]
    process = started(
        "train", corpus_file, "--headless", *FLAGS, *flags, "--run", run, until="saved" if saved else "6-gram"
    )
    threading.Thread(target=process.stderr.read, daemon=True).start()  # so that it never waits for its reader
    try:
        for command in (("generate", run, "--length", "5"), ("complete", run, "a"), ("evaluate", run)):
            answer = rnntui(*command)
            if saved:
                assert answer.returncode == 0 and answer.stdout, answer.stderr
            else:
                assert_one_line(answer, 2, "no checkpoint is saved yet", "it is training")
        assert process.poll() is None, "it trains on"
    finally:
        process.kill()
        process.wait()


def test_one_token_is_a_vocabulary(tmp_path: Path) -> None:
    """Protects the smallest text there is: one character, over and over, is learned, written and completed."""
    text = tmp_path / "hum.txt"
    text.write_text("m" * 400)
    run = tmp_path / "R"
    assert rnntui("train", text, "--headless", *FLAGS, "--max-steps", "20", "--run", run).returncode == 0
    assert rnntui("generate", run, "--length", "6").stdout == "m" * 6 + "\n"
    assert rnntui("complete", run, "mm").stdout.split()[0] == "100.0%"
    assert "perplexity 1.0" in rnntui("evaluate", run).stdout


def test_three_pairs_are_learned(tmp_path: Path) -> None:
    """Protects the articles' own example of translation: by its columns it is one, and the three come out."""
    table = tmp_path / "three.tsv"
    pairs = {"a dog barks": "ein hund bellt", "the cat sleeps": "die katze schläft", "it rains": "es regnet"}
    rows = "".join(f"{source}\t{target}\n" for source, target in pairs.items())
    table.write_text(f"source\ttarget\n{rows}", encoding="utf-8")
    flags = ("--headless", "--hidden-size", "64", "--target-loss", "0.1", "--max-steps", "400")
    answer = rnntui("train", table, *flags, "--run", tmp_path / "R")
    assert answer.returncode == 0 and "a table for --task translate" in answer.stderr, answer.stderr
    assert "nothing is held out" in answer.stderr or "nothing was held out" in answer.stderr
    for source, target in pairs.items():
        assert rnntui("translate", tmp_path / "R", source).stdout.strip() == target


@pytest.mark.parametrize(
    ("content", "name", "flags", "task"),
    [
        ("a\ta b\nc\tc d\ne\te f\n", "rows.tsv", ("--text-column", "2", "--label-column", "1"), "classify"),
        (
            "en,de\none,eins\ntwo,zwei\n",
            "rows.csv",
            ("--source-column", "en", "--target-column", "de"),
            "translate",
        ),
        ("__label__a good soup\n__label__b cold soup\n", "rows.txt", (), "classify"),
    ],
    ids=["labels", "pairs", "fasttext"],
)
def test_what_is_given_says_which_task_it_is(
    content: str, name: str, flags: tuple[str, ...], task: str, tmp_path: Path
) -> None:
    """Protects who names a column and no task: it is that of the column, and is said."""
    table = tmp_path / name
    table.write_text(content)
    answer = rnntui("train", table, *flags, "--headless", "--max-steps", "1", "--run", tmp_path / "R")
    assert answer.returncode == 0, answer.stderr
    assert f"--task {task}" in answer.stderr and Run.open(tmp_path / "R").config.text.task == task


def test_advice_about_tables_works_where_it_is_followed(tmp_path: Path) -> None:
    """Protects against advice that loses a row, or leads in circles."""
    table = tmp_path / "nohead.csv"
    table.write_text("good soup,yes\ncold soup,no\nwarm room,yes\nbad bed,no\n")
    base = ("train", table, "--task", "classify", "--headless", "--max-steps", "1")
    assert_one_line(rnntui(*base), 2, "no column 'text'", "by its number, from 1")
    answer = rnntui(*base, "--text-column", "1", "--label-column", "2", "--run", tmp_path / "R")
    assert answer.returncode == 0 and "4 texts to learn from" in answer.stderr, answer.stderr
    table.write_text("text,label\n" + "".join(f"soup {n},0.{n}\n" for n in range(10, 40)))
    assert_one_line(rnntui(*base), 2, "every label is seen once", "--label-column")
    table.write_text('text,label\n"open soup,1\nb,0\n')
    assert_one_line(rnntui(*base), 2, "is a quote left open?")
