"""Several seeds, and cross-validation: what is trained, what is reported, what is compared."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from rnntui.core import config as configuration
from rnntui.core.runs.repeats import groups_of, paired, shared_settings, spread
from rnntui.core.tasks.classification.data import divide
from rnntui.core.tasks.classification.reader import Example
from tests.cli.test_commands import rnntui
from tests.conftest import ratings, sentences

SMALL = ("--hidden-size", 8, "--embedding-size", 8, "--max-steps", 4, "--device", "cpu")


def test_folds_hold_out_every_text_once_with_all_labels() -> None:
    """Protects the protocol: the test parts are all texts, none twice, and a text that is repeated is in one alone."""
    examples = [Example(f"text {number}", "ab"[number % 2], "") for number in range(60)]
    examples += [Example("text 1", "b", "again")]
    seen: list[Example] = []
    for number in range(1, 6):
        parts = divide(examples, "90/10", f"{number}/5")
        assert {example.label for example in parts["test"]} == {"a", "b"}
        assert 12 <= len(parts["test"]) <= 13 and len(parts["valid"]) in (4, 5, 6)
        assert not {example.text for example in parts["train"] + parts["valid"]} & {
            example.text for example in parts["test"]
        }
        seen += parts["test"]
    assert sorted(seen) == sorted(examples)


def test_cross_validation_goes_on_where_it_was_left(tmp_path: Path) -> None:
    """Protects resuming: folds that are finished are not trained again, and the figures are those of one go."""
    table, base = tmp_path / "ratings.tsv", tmp_path / "cv"
    table.write_text(ratings(120))
    command = ("train", table, "--folds", 3, "--run", base, *SMALL)
    whole = rnntui(*command)
    assert whole.returncode == 0, whole.stderr
    assert "fold 3/3, seed 1" in whole.stdout and "std. deviation" in whole.stdout
    before = [(tmp_path / f"cv-fold{number}" / "events.jsonl").stat().st_mtime_ns for number in (1, 2)]
    for path in (tmp_path / "cv-fold3").iterdir():
        if path.name == "events.jsonl":
            path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    again = rnntui(*command, "--resume", "--json")
    answer = json.loads(again.stdout.splitlines()[-1])
    assert answer["type"] == "repeated" and answer["split"] == "test" and len(answer["runs"]) == 3
    assert answer["mean"]["accuracy"] == pytest.approx(sum(each["accuracy"] for each in answer["runs"]) / 3)
    assert before == [
        (tmp_path / f"cv-fold{number}" / "events.jsonl").stat().st_mtime_ns for number in (1, 2)
    ]
    refused = rnntui(*command)
    assert refused.returncode == 2 and "cv-fold1" in refused.stderr
    other = rnntui(*command[:-2], "--device", "cpu", "--seed", 4, "--resume")
    assert other.returncode == 2 and "holds a run with --seed" in other.stderr


def test_seeds_are_listed_with_mean_and_spread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNTUI_HOME", str(tmp_path / "home"))
    text = tmp_path / "text.txt"
    text.write_text(sentences(300))
    told = rnntui("train", text, "--seeds", 2, *SMALL)
    assert told.returncode == 0, told.stderr
    assert "seed 2" in told.stdout and "mean" in told.stdout
    listed = rnntui("runs", "list").stdout
    assert "text-lstm-seeds-1: 2 runs, " in listed and "± " in listed


def test_a_duel_of_seeds_is_compared_seed_by_seed(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(sentences(300))
    told = rnntui(
        "duel", text, "--cells", "elman,gru", "--seeds", 2, "--parameters", "3k", "--max-steps", 4,
        "--run", tmp_path / "duel",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "duel-gru-seed2").is_dir()
    assert " against duel-" in told.stdout and "of 2" in told.stdout and "2 seeds each" in told.stderr


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        (("--seeds", 2, "--folds", 2), "one or the other"),
        (("--folds", 2), "--folds: of labelled texts, and --task lm has none"),
        (("--folds", 2, "--task", "classify", "--fold", "1/2"), "--folds trains all of them"),
        (("--fold", "3/2", "--task", "classify"), "--fold: '3/2': there are 2 to 1,000 folds"),
        (("--fold", "third", "--task", "classify"), "write its number and their count, as 3/10"),
        (("--fold", "1/2", "--task", "classify", "--test-corpus", "x"), "leave out --test-corpus"),
    ],
)
def test_what_does_not_go_together_is_named(flags: tuple[object, ...], fault: str, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(sentences(30))
    told = rnntui("train", text, *flags, *SMALL)
    assert told.returncode == 2 and fault in told.stderr


def test_paired_differences_are_students() -> None:
    """Protects the comparison: mean, interval (t of 2 degrees is 4.303) and count, by repetition and not by order."""
    first = {"seed 1": 1.0, "seed 2": 2.0, "seed 3": 3.0}
    found = paired(first, {"seed 3": 3.3, "seed 1": 1.1, "seed 2": 2.2, "seed 9": 0.0})
    assert found is not None and found.size == 3 and found.higher == 3
    assert found.mean == pytest.approx(0.2)
    assert found.high - found.mean == pytest.approx(4.303 * 0.1 / math.sqrt(3))
    assert not found.is_clear and paired(first, {}) is None
    assert spread([1.0, 3.0]) == (2.0, pytest.approx(math.sqrt(2)), 2)


def test_repetitions_share_all_but_seed_and_fold() -> None:
    base = configuration.build({"corpus": "reviews", "task": "classify"})
    other = configuration.build({"corpus": "reviews", "task": "classify", "seed": 9, "fold": "2/10"})
    wider = configuration.build({"corpus": "reviews", "task": "classify", "hidden_size": 9})
    assert shared_settings(base) == shared_settings(other) != shared_settings(wider)
    runs = [SimpleNamespace(settings="a", repeat=f"seed {seed}") for seed in (1, 2, 2)]
    assert [len(group) for group in groups_of([*runs, SimpleNamespace(settings="b", repeat="seed 1")])] == [2]
