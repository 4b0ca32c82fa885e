"""Choosing settings by validation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rnntui.core.errors import InputError
from rnntui.core.runs.folder import Run, read_toml
from rnntui.core.studies.space import Choices, Range, space_of
from rnntui.core.studies.sweep import Sweep, Trial
from tests.cli.test_commands import assert_one_line, rnntui
from tests.conftest import TINY

SPACE = {"cell": Choices(("lstm", "gru")), "lr": Range(1e-6, 3e-2, False, True)}


def sweep(corpus: Path, folder: Path, **settings: Any) -> Sweep:
    return Sweep(folder, TINY | {"corpus": str(corpus)} | settings, SPACE, "balanced")


def test_a_space_is_read_as_it_is_typed() -> None:
    """Protects the flags: choices, ranges of whole numbers and others, what is fixed."""
    fixed, space = space_of(
        {
            "cell": "lstm,gru",
            "hidden_size": "128..1024",
            "lr": "1e-4..1e-2",
            "dropout": "0..0.5",
            "bptt": "64",
        }
    )
    assert fixed == {"bptt": 64}
    assert space == {
        "cell": Choices(("lstm", "gru")),
        "hidden_size": Range(128, 1024, True, True),
        "lr": Range(1e-4, 1e-2, False, True),
        "dropout": Range(0, 0.5, False, False),
    }


@pytest.mark.parametrize(
    "texts", [{"lr": "1e-2..1e-4"}, {"lr": "a..b"}, {"lr": "1e-3..inf"}, {"bptt": "1,x"}, {"cell": "lstm,"}]
)
def test_a_space_that_makes_no_sense_names_its_flag(texts: dict[str, str]) -> None:
    with pytest.raises(InputError, match="--" + next(iter(texts))):
        space_of(texts)


def test_trials_are_told_kept_and_gone_on_with(corpus_file: Path, tmp_path: Path) -> None:
    """Protects a sweep: every trial has an end, the best keeps its weights, a second process goes on."""
    first = sweep(corpus_file, tmp_path / "s")
    told = list(first.run(3))
    assert [trial.number for trial in told if trial.state != "running"] == [0, 1, 2]
    again = sweep(corpus_file, tmp_path / "s")
    assert [trial.number for trial in again.run(5) if trial.state != "running"] == [3, 4]
    trials = again.trials()
    assert trials == first.trials() and len(trials) == 5
    best = again.best
    assert best is not None and best.bits == min(
        trial.bits for trial in trials if trial.state == "complete" and trial.bits
    )
    written = read_toml(tmp_path / "s" / "run.toml")
    assert written.model.cell == best.settings["cell"] and written.training.lr == best.settings["lr"]
    assert written == Run.open(tmp_path / "s" / "trials" / f"{best.number:04d}").config
    kept = [path.parent.name for path in (tmp_path / "s" / "trials").glob("*/checkpoints")]
    assert kept == [f"{best.number:04d}"]
    assert again.importance() == {}
    list(again.run(12))
    complete = [trial for trial in again.trials() if trial.state == "complete"]
    assert len(complete) < 6 or sum(again.importance().values()) == pytest.approx(1)


def test_an_interrupted_trial_is_made_anew(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the count: a trial that a signal ended is none, and its settings are tried when the sweep goes on."""
    searching = sweep(corpus_file, tmp_path / "s")
    list(searching.run(1))

    def interrupted(*rest: object) -> Iterator[Trial]:
        raise KeyboardInterrupt
        yield

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(searching, "_train", interrupted)
        for trial in searching.run(2):
            broken = trial
    again = sweep(corpus_file, tmp_path / "s")
    list(again.run(2))
    assert [trial.state for trial in again.trials()] == ["complete"] * 2
    assert again.trials()[1].settings == broken.settings


def test_a_hopeless_trial_is_ended_early(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the time of a sweep: what is behind the median of the others is not trained to its end."""
    searching = sweep(corpus_file, tmp_path / "s", eval_every=10)
    rates = iter([2e-2, 2e-2, 2e-2, 2e-2, 1e-6])
    monkeypatch.setattr(searching, "_suggested", lambda asked: {"cell": "lstm", "lr": next(rates)})
    list(searching.run(5))
    states = [trial.state for trial in searching.trials()]
    assert states == ["complete"] * 4 + ["pruned"]
    last = Run.open(tmp_path / "s" / "trials" / "0004").events()[-1]
    assert last.step < TINY["max_steps"]


def test_a_trial_that_cannot_be_is_told_and_passed_over(corpus_file: Path, tmp_path: Path) -> None:
    searching = Sweep(
        tmp_path / "s",
        TINY | {"corpus": str(corpus_file)},
        {"encoding": Choices(("klingon", "utf-17"))},
        "quick",
    )
    told: list[Trial] = list(searching.run(2))
    assert [trial.state for trial in told] == ["running", "failed"] * 2 and "--encoding" in told[1].fault
    assert searching.best is None


@pytest.mark.parametrize(
    ("flag", "space"),
    [
        ("--cell", {"cell": Choices(("lstm", "gruu"))}),
        ("--dropout", {"dropout": Range(0, 1.5, False, False)}),
        ("--hidden-size", {"hidden_size": Range(-5, -1, True, False)}),
    ],
)
def test_what_cannot_be_is_found_before_the_first_trial(flag: str, space: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=flag):
        Sweep(tmp_path / "s", {}, space, "quick")
    assert not (tmp_path / "s").exists()


def test_a_setting_that_a_short_text_changes_was_not_tried(tmp_path: Path) -> None:
    """Protects the table: a batch that shrinks to its text is no trial of the batch that was asked for."""
    text = tmp_path / "short.txt"
    text.write_text("a few words and no more than that, said twice. " * 2)
    settings = TINY | {"corpus": str(text), "max_steps": 3}
    for size, state in ((64, "failed"), (2, "complete")):
        space = {"batch_size": Choices((size,))}
        trials = list(Sweep(tmp_path / str(size), settings, space, "balanced").run(1))
        assert trials[-1].state == state
        expected = f"--batch-size: {size} cannot be tried, this text makes it" if state == "failed" else ""
        assert trials[-1].fault.startswith(expected) and bool(trials[-1].fault) == (state == "failed")


def test_another_search_wants_another_folder(corpus_file: Path, tmp_path: Path) -> None:
    sweep(corpus_file, tmp_path / "s")
    with pytest.raises(InputError, match="--study"):
        sweep(corpus_file, tmp_path / "s", bptt=8)
    with pytest.raises(InputError, match="nothing to search"):
        Sweep(tmp_path / "t", TINY, {}, "quick")


def test_the_command_prints_the_best_as_a_command(corpus_file: Path, tmp_path: Path) -> None:
    """Protects `rnntui sweep` in scripts: trials on standard error, the best on standard output, or JSON lines."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items() if name != "max_steps"]
    line = [
        "sweep",
        str(corpus_file),
        *flags,
        "--max-steps=20",
        "--lr",
        "1e-3..2e-2",
        "--study",
        str(tmp_path / "s"),
    ]
    result = rnntui(*line, "--trials", "2")
    assert result.returncode == 0, result.stderr
    best, toml, command = result.stdout.splitlines()
    assert best.startswith("best: trial ") and toml == str(tmp_path / "s" / "run.toml")
    assert (
        command.startswith("rnntui train --preset ")
        and "--lr=" in command
        and command.endswith(str(corpus_file))
    )
    assert "trial 1  complete" in result.stderr and "bits/byte over trials" in result.stderr
    told = [json.loads(each) for each in rnntui(*line, "--trials", "3", "--json").stdout.splitlines()]
    assert [each["number"] for each in told[:-1]] == [2] * (len(told) - 1)
    assert told[-1]["type"] == "best" and told[-1]["command"].startswith("rnntui train")
    assert_one_line(rnntui("sweep", corpus_file, "--lr", "1..x"), 2, "--lr")
