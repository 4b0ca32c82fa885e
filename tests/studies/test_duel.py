"""Cells against each other."""

from __future__ import annotations

import json
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from rnntui.core import config
from rnntui.core.config import defaults
from rnntui.core.errors import InputError
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run, last_words, request
from rnntui.core.studies import duel as duels
from rnntui.core.studies.duel import Told, contestants, duel, standings
from rnntui.core.studies.duelists import cells_named, paths_of, reservations
from rnntui.core.text.spool import silent
from tests.cli.test_commands import assert_one_line, rnntui
from tests.conftest import TINY

CELLS = ["lstm", "elman", "mingru"]
SETTINGS = {name: value for name, value in TINY.items() if name != "hidden_size"} | {"parameters": 6000}


def made(corpus: Path, base: Path, **settings: object) -> list[Run]:
    chosen = SETTINGS | {"corpus": str(corpus)} | settings
    return contestants([config.build(chosen | {"cell": cell}) for cell in CELLS], base, silent)


def test_equal_parameters_in_turns_to_a_table(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the fairness of a duel: counted parameters, turns by time, all to the end, ranked by bits a byte."""
    monkeypatch.setattr(duels, "_TURN_S", 0.005)
    runs_made = made(corpus_file, tmp_path / "d", log_every=1)
    told: list[Told] = list(duel(runs_made))
    parameters = [each.event.parameters for each in told if isinstance(each.event, ev.Started)]
    assert len(parameters) == 3 and all(0.95 * 6000 < count <= 6000 for count in parameters)
    turns = [each.run.name for each in told if isinstance(each.event, ev.Progress)]
    assert sum(a != b for a, b in pairwise(turns)) > 6, "they take turns"
    assert [type(run.events()[-1]) for run in runs_made] == [ev.Finished] * 3
    table = standings(runs_made)
    assert [each.bits_per_byte for each in table] == sorted(each.bits_per_byte or 9 for each in table)
    assert {each.cell for each in table} == set(CELLS)
    layers = {run.config.model.cell: run.config.model.num_layers for run in runs_made}
    assert layers == {"lstm": 1, "elman": 1, "mingru": 3}, "each as it is by itself"


def test_what_differs_beside_the_cells_is_said() -> None:
    """Protects what a duel shows: who leads by layers, rate or dropout does not lead by its cell."""
    configs = [config.build({"cell": cell, "corpus": "tales"}) for cell in CELLS]
    assert reservations(configs) == "one seed each; different: --num-layers 1 (lstm, elman), 3 (mingru)"
    assert reservations(configs[:2]) == "one seed each; all else is the same"
    others = [config.changed(configs[0], {"lr": 0.01}), config.changed(configs[1], {"optimizer": "sgd"})]
    assert "--lr 0.01 (lstm), unset (elman)" in reservations(others)
    assert "--optimizer unset (lstm), sgd (elman)" in reservations(others)


def test_all_learn_by_one_optimiser(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the comparison: where a faster cell alone takes enough steps for another optimiser, all have one."""
    by_cell = {"lstm": "shampoo", "elman": "adamw", "mingru": "adamw"}

    def by_time(draft: defaults.Draft) -> defaults.Default | None:
        known = draft.facts.train_tokens is not None
        return defaults.Default("by time", {"optimizer": by_cell[draft["cell"]]}) if known else None

    rules = tuple(by_time if rule is defaults.optimizer else rule for rule in defaults.RULES)
    monkeypatch.setattr(defaults, "RULES", rules)
    made_of = {run.config.model.cell: run.config.training for run in made(corpus_file, tmp_path / "d")}
    assert {cell: training.optimizer for cell, training in made_of.items()} == dict.fromkeys(CELLS, "shampoo")
    assert len({training.lr for training in made_of.values()}) == 1


def test_one_that_fails_does_not_end_the_others(corpus_file: Path, tmp_path: Path) -> None:
    """Protects a duel: a run that cannot begin says so in its folder, the others go on."""
    runs_made = made(corpus_file, tmp_path / "d")
    (runs_made[1].path / "tokenizer.json").write_text("{}")
    told = list(duel(runs_made))
    assert not (runs_made[0].path / "stderr.log").exists()
    ends = {each.run.name: each.event.reason for each in told if isinstance(each.event, ev.Finished)}
    assert ends == {"d-lstm": "steps", "d-elman": "error", "d-mingru": "steps"}
    assert "tokenizer.json" in last_words(runs_made[1].path)


def test_stopping_one_stops_all(corpus_file: Path, tmp_path: Path) -> None:
    runs_made = made(corpus_file, tmp_path / "d", max_steps=100_000, log_every=1)
    told = []
    for each in duel(runs_made):
        told.append(each)
        if each.event.step == 5:
            request(runs_made[0].path, "stop")
    reasons = [each.event.reason for each in told if isinstance(each.event, ev.Finished)]
    assert reasons == ["interrupted"] * 3


def test_the_turns_change_nothing(corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the figures: with dropout, too, a contestant learns what it would have learned alone."""
    weights = []
    for number, turn in enumerate((0.002, 60.0)):
        monkeypatch.setattr(duels, "_TURN_S", turn)
        runs_made = made(corpus_file, tmp_path / f"d{number}", log_every=1, dropout=0.3)
        list(duel(runs_made))
        weights.append([(r.checkpoint_path("last") / "trainer.safetensors").read_bytes() for r in runs_made])
    assert weights[0] == weights[1]


def test_a_signal_reaches_those_that_are_left(corpus_file: Path, tmp_path: Path) -> None:
    """Protects ctrl+c when the first contestant is over already."""
    runs_made = made(corpus_file, tmp_path / "d", max_steps=100_000, log_every=1)
    (runs_made[0].path / "tokenizer.json").write_text("{}")
    told = []
    for each in duel(runs_made):
        told.append(each)
        if len(told) == 40:
            signal.raise_signal(signal.SIGTERM)
    reasons = [each.event.reason for each in told if isinstance(each.event, ev.Finished)]
    assert reasons == ["error", "interrupted", "interrupted"]


@pytest.mark.parametrize("names", ["lstm", "lstm,lstm", "lstm,grux", ""])
def test_who_meets_whom_is_checked(names: str) -> None:
    with pytest.raises(InputError, match="--cells"):
        cells_named(names)


def test_a_duel_that_cannot_begin_leaves_nothing(corpus_file: Path, tmp_path: Path) -> None:
    """Protects the runs' home: a budget that does for the smallest cell alone makes no run at all."""
    cells, base = ["elman", "lstm"], tmp_path / "d"
    chosen = SETTINGS | {"corpus": str(corpus_file), "parameters": 280}
    with pytest.raises(InputError, match="--parameters"):
        contestants([config.build(chosen | {"cell": cell}) for cell in cells], base, silent)
    assert not any(path.exists() for path in paths_of(base, cells))


def test_the_command_tells_curves_and_standings(corpus_file: Path, tmp_path: Path) -> None:
    """Protects `rnntui duel` in scripts: standings on standard output, a plot on standard error, or JSON lines."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
    line = ["duel", str(corpus_file), "--cells", "lstm,gru", "--headless", *flags]
    result = rnntui(*line, "--run", tmp_path / "a")
    assert result.returncode == 0, result.stderr
    rows = result.stdout.splitlines()
    assert rows[0].split()[:5] == ["cell", "units", "parameters", "valid", "bits/byte"] and len(rows) == 3
    assert {row.split()[0] for row in rows[1:]} == {"lstm", "gru"}
    assert "one seed each; all else is the same" in result.stderr
    assert "bits/byte over seconds" in result.stderr and "┤" in result.stderr
    told = [json.loads(each) for each in rnntui(*line, "--json", "--run", tmp_path / "b").stdout.splitlines()]
    assert told[-1]["type"] == "standings" and len(told[-1]["runs"]) == 2
    assert {each["run"] for each in told[:-1]} == {"b-lstm", "b-gru"}
    assert_one_line(rnntui(*line, "--run", tmp_path / "a"), 2, "a-lstm", "--run")
