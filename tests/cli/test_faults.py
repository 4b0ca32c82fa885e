"""Faults that are answered with one line before long work begins, or where no work can go on."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

from tests.cli.test_commands import FLAGS, assert_one_line, rnntui


def test_vectors_that_are_not_there_are_named_before_the_text_is_read(
    corpus_file: Path, tmp_path: Path
) -> None:
    """Protects the wait: a long text is not read for a path that is wrong."""
    flags = ("--tokenizer", "word", "--embeddings", tmp_path / "no.vec", "--run", tmp_path / "R")
    assert_one_line(rnntui("train", corpus_file, "--headless", *flags), 2, "no.vec", "No such file")
    assert not (tmp_path / "R").exists()


def test_a_dataset_of_labels_is_no_running_text(tmp_path: Path) -> None:
    """Protects the advice: the line names the flag that is missing."""
    answer = rnntui("train", "hf:imdb", "--headless", "--run", tmp_path / "R")
    assert answer.returncode == 2 and "--task classify" in answer.stderr.splitlines()[-1]


def test_exhausted_memory_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects who gave a limit: not a traceback, but what can be done."""

    def exhausted(*given: object) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr("rnntui.core.run_index.run_folders", exhausted)
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
