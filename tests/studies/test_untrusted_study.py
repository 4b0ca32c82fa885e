"""Sweeps from strangers: their folder leads nowhere else, and their journal decides nothing that is not searched."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.test_commands import rnntui
from tests.conftest import posix

STUDIES = (
    "journal is a link",
    "journal is a pipe",
    "journal is no journal",
    "trials is a link",
    "a trial is a link",
    "journal's lock is a link",
)


def sweeping(corpus: Path, study: Path) -> list[str | Path]:
    """The command of a tiny sweep; the number of its trials follows."""
    return ["sweep", corpus, "--hidden-size", "8,12", "--max-steps", "4", "--study", study, "--trials"]


@pytest.mark.parametrize("damage", STUDIES)
@posix
def test_a_study_from_a_stranger_leads_nowhere(damage: str, corpus_file: Path, tmp_path: Path) -> None:
    """Protects files outside of a sweep's folder, and against waiting for ever."""
    study, victim = tmp_path / "S", tmp_path / "victim"
    command = sweeping(corpus_file, study)
    assert rnntui(*command, "2").returncode == 0
    (victim / "checkpoints" / "keep").mkdir(parents=True)
    (victim / "checkpoints" / "keep" / "thesis").write_text("mine")
    (victim / "best").write_text("mine")
    before = {path: path.read_bytes() for path in victim.rglob("*") if path.is_file()}
    journal = study / "journal.log"
    if damage == "journal is a link":
        journal.unlink()
        journal.symlink_to(victim / "best")
    elif damage == "journal is a pipe":
        journal.unlink()
        os.mkfifo(journal)
    elif damage == "journal is no journal":
        journal.write_text(journal.read_text() + "null\n")
    elif damage == "trials is a link":
        shutil.rmtree(study / "trials")
        (study / "trials").symlink_to(victim)
    elif damage == "a trial is a link":
        shutil.rmtree(study / "trials" / "0001")
        (study / "trials" / "0001").symlink_to(victim)
    else:
        (study / "journal.log.lock").symlink_to("nowhere")
    answer = rnntui(*command, "3")
    expected = 0 if "lock" in damage else 2
    assert answer.returncode == expected and "RNNTUI_DEBUG" not in answer.stderr, answer.stderr
    assert {path: path.read_bytes() for path in victim.rglob("*") if path.is_file()} == before


def test_a_study_s_journal_names_no_other_corpus(corpus_file: Path, tmp_path: Path) -> None:
    """Protects who pastes the command that a sweep prints: only what is searched comes from its journal."""
    study = tmp_path / "S"
    command = sweeping(corpus_file, study)
    assert rnntui(*command, "1").returncode == 0
    journal = study / "journal.log"
    lines = journal.read_text().splitlines()
    parameter = next(line for line in lines if '"param_name"' in line)
    evil = json.loads(parameter) | {"param_name": "corpus"}
    evil["distribution"] = json.dumps(
        {"name": "CategoricalDistribution", "attributes": {"choices": ["http://evil.example/x"]}}
    )
    at = lines.index(parameter)
    journal.write_text(
        "\n".join([*lines[: at + 1], json.dumps(evil | {"param_value_internal": 0}), *lines[at + 1 :]]) + "\n"
    )
    toml = study / "trials" / "0000" / "run.toml"
    toml.write_text(toml.read_text().replace(str(corpus_file), "http://evil.example/y"))
    answer = rnntui(*command, "2")
    assert answer.returncode == 0, answer.stderr
    assert "evil" not in answer.stdout and "evil" not in (study / "run.toml").read_text()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("values", ["x"]),
        ("values", [1.0, 2.0]),
        ("values", [[1]]),
        ("intermediate_value", "x"),
        ("intermediate_value", None),
        ("param_value_internal", 7.0),
    ],
    ids=str,
)
def test_trials_that_no_sweep_makes_are_refused(
    key: str, value: object, corpus_file: Path, tmp_path: Path
) -> None:
    """Protects the sweep: results that are not numbers are found before another trial is trained."""
    study = tmp_path / "S"
    command = sweeping(corpus_file, study)
    assert rnntui(*command, "2").returncode == 0
    journal = study / "journal.log"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    next(line for line in lines if key in line)[key] = value
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    answer = rnntui(*command, "3")
    assert answer.returncode == 2 and "journal.log: " in answer.stderr, answer.stderr
    assert "give another --study" in answer.stderr and not (study / "trials" / "0002").exists()
