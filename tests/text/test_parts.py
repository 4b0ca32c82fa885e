"""Held-out parts that are files of their own: the standard sets of the literature."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rnntui.core import config as configuration
from rnntui.core import tasks
from rnntui.core.config import Config
from rnntui.core.errors import InputError
from rnntui.core.runs.folder import Run
from rnntui.core.text import dataset, tokenizers
from rnntui.core.training.start import create_run
from tests.cli.test_commands import rnntui
from tests.conftest import posix, sentences, train_all

TINY = {"hidden_size": 8, "embedding_size": 8, "max_steps": 2, "batch_size": 4, "device": "cpu"}


@pytest.fixture
def written(tmp_path: Path) -> dict[str, Path]:
    """A text for each part, in a folder with the names of the literature."""
    folder = tmp_path / "set"
    folder.mkdir()
    files = {}
    for seed, part in enumerate(("train", "valid", "test")):
        files[part] = folder / f"my.{part}.txt"
        files[part].write_text(sentences(200 if part == "train" else 30, seed=seed))
    return files


def prepared(**settings: Any) -> tuple[Config, Any, list[str]]:
    said: list[str] = []
    config, task = tasks.prepare(configuration.build(TINY | settings), lambda line, _: said.append(line))
    return config, task, said


def table(path: Path, rows: Sequence[tuple[str, str]], names: tuple[str, str] = ("label", "text")) -> str:
    path.write_text("\n".join("\t".join(row) for row in (names, *rows)) + "\n")
    return str(path)


def test_each_part_is_its_file(written: dict[str, Path]) -> None:
    """Protects figures held beside a paper: every character of each file is in its part, and in no other."""
    names = {
        "corpus": str(written["train"]),
        "valid_corpus": str(written["valid"]),
        "test_corpus": str(written["test"]),
    }
    config, task, _ = prepared(**names)
    for part, file in written.items():
        assert task.tokenizer.decode(task.dataset[part].tokens) == file.read_text()
        assert task.dataset[part].words == len(file.read_text().split()) + file.read_text().count("\n")
    assert config.text.split == "100" and task.holds_out and task.dataset.scored.name == "valid"


def test_a_test_file_alone_leaves_validation_to_the_training_file(written: dict[str, Path]) -> None:
    config, task, _ = prepared(corpus=str(written["train"]), test_corpus=str(written["test"]))
    assert config.text.split == "95/5"
    text = task.tokenizer.decode(task.dataset["train"].tokens) + task.tokenizer.decode(
        task.dataset["valid"].tokens
    )
    assert text == written["train"].read_text()
    assert task.tokenizer.decode(task.dataset["test"].tokens) == written["test"].read_text()


def test_a_folder_of_parts_is_read_as_such_and_said_so(written: dict[str, Path]) -> None:
    folder = written["train"].parent
    for name in (".hidden", "README.md"):
        (folder / name).write_text("not a part\n")
    config, _, said = prepared(corpus=str(folder))
    assert any("a folder of parts" in line and "my.valid.txt" in line for line in said)
    assert config.text.valid_corpus == str(written["valid"].resolve())
    assert (
        config.given is not None and "valid_corpus" in config.given.settings
    )  # so that a fork has it as well


def test_a_folder_of_texts_stays_one_corpus(tmp_path: Path) -> None:
    """Protects a folder of code with a train.py and a test.py: all of it is the text."""
    for name in ("train.py", "test.py", "model.py"):
        (tmp_path / name).write_text(sentences(60))
    config, task, _ = prepared(corpus=str(tmp_path))
    assert not config.text.apart and task.dataset["train"].chars > 2 * len(sentences(60))


def test_a_run_of_parts_goes_on_and_is_evaluated_on_its_test_file(written: dict[str, Path]) -> None:
    """Protects the cache: the digest is of all files, and a changed one is named."""
    run = create_run(
        configuration.build(TINY | {"corpus": str(written["train"].parent)}), None, lambda *_: None
    )
    train_all(run)
    found = json.loads(rnntui("evaluate", run.path, "--split", "test", "--json").stdout)
    assert found["split"] == "test" and found["word_perplexity"] > 1
    tokenizer = tokenizers.load(run.path / "tokenizer.json")
    again = dataset.reopen(Run.open(run.path), tokenizer)
    assert tokenizer.decode(again["test"].tokens) == written["test"].read_text()
    written["test"].write_text("another text\n")
    assert "a part beside it: has changed" in tasks.corpus_change(Run.open(run.path))


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"valid_corpus": "V", "split": "90/10"}, "--split: all of CORPUS is learned from"),
        ({"test_corpus": "T", "split": "90/5/5"}, "--split: --test-corpus is the test part"),
        ({"valid_target_corpus": "V", "task": "translate"}, "--valid-target-corpus: the other side"),
        ({"valid_corpus": "missing.txt"}, "missing.txt: no such file"),
    ],
)
def test_what_does_not_go_together_is_named(
    settings: dict[str, str], fault: str, written: dict[str, Path]
) -> None:
    with pytest.raises(InputError, match=fault):
        prepared(corpus=str(written["train"]), **settings)


def test_a_text_in_two_parts_is_reported(written: dict[str, Path]) -> None:
    line = "a line that is long enough to stand nowhere else by chance\n"
    for part in ("train", "test"):
        written[part].write_text(written[part].read_text() + line)
    _, _, said = prepared(corpus=str(written["train"].parent))
    assert any("1 of 1 long lines of the test part stand in the train part" in each for each in said)


def test_labelled_texts_have_the_labels_of_the_training_file(tmp_path: Path) -> None:
    rows = [(label, f"{label} text {number}") for number in range(30) for label in ("good", "bad")]
    settings: dict[str, Any] = {
        "task": "classify",
        "corpus": table(tmp_path / "train.tsv", rows),
        "valid_corpus": table(tmp_path / "dev.tsv", [("good", "good text 1"), ("bad", "other")]),
        "test_corpus": table(tmp_path / "test.tsv", [("bad", "one more")]),
    }
    _, task, said = prepared(**settings)
    assert [len(task[part].labels) for part in ("train", "valid", "test")] == [60, 2, 1]
    assert any(
        "1 of 2 texts of the valid part stand in the train part as well: 'good text 1'" in line
        for line in said
    )
    _, folder, _ = prepared(task="classify", corpus=str(tmp_path))
    assert [len(folder[part].labels) for part in ("train", "valid", "test")] == [60, 2, 1]
    table(tmp_path / "test.tsv", [("ugly", "one more")])
    with pytest.raises(InputError, match=r"test.tsv: line 2: unknown label 'ugly'"):
        prepared(**settings)


def test_pairs_of_files_have_two_sides_in_every_part(tmp_path: Path) -> None:
    for part, count in (("train", 40), ("val", 5), ("test_2016", 4)):
        (tmp_path / f"{part}.en").write_text("".join(f"{part} line {number}\n" for number in range(count)))
        (tmp_path / f"{part}.de").write_text("".join(f"{part} zeile {number}\n" for number in range(count)))
    sides = {"task": "translate", "source_column": "en", "target_column": "de"}
    config, task, _ = prepared(corpus=str(tmp_path), **sides)
    assert [len(task[part].pairs) for part in ("train", "valid", "test")] == [40, 5, 4]
    assert task["test"].pairs[0][:2] == ("test_2016 line 0", "test_2016 zeile 0")
    run = Run.create(tmp_path / "run", config, task.files())
    assert len(tasks.reopen(run)["valid"].pairs) == 5
    with pytest.raises(InputError, match=r"train.de, train.en; say which .* --source-column"):
        prepared(corpus=str(tmp_path), task="translate")


@posix
def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Protects against a traceback: whether it holds parts is asked before it is read."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o000)
    told = rnntui("train", folder, "--max-steps", 1, "--headless")
    folder.chmod(0o700)
    assert told.returncode == 2 and str(folder) in told.stderr and told.stderr.count("\n") <= 2
