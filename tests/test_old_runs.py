"""Runs of every version that was released: each loads, scores what it scored, and goes on, for ever."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rnntui.core.errors import InputError
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.training.start import resume_run
from tests.cli.test_commands import assert_one_line, rnntui
from tests.conftest import train_all

DATA = Path(__file__).parent / "data"
OLD = sorted(path.parent for path in DATA.glob("*/*/run.toml"))


@pytest.fixture
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an old run beside its text."""
    source: Path = request.param
    run = shutil.copytree(source, tmp_path / "run")
    content = (run / "run.toml").read_text(encoding="utf-8")
    for text in (*source.parent.glob("*.txt"), *source.parent.glob("*.tsv")):
        shutil.copy(text, tmp_path)
        content = content.replace(f'"{text.name}"', f'"{tmp_path / text.name}"')
    (run / "run.toml").write_text(content, encoding="utf-8")
    return run


USED = {"lm": ("complete", "the c"), "classify": ("classify", "the c"), "translate": ("translate", "red cat")}


@pytest.mark.parametrize("old", OLD, ids=lambda path: f"{path.parent.name}-{path.name}", indirect=True)
def test_an_old_run_scores_and_goes_on(old: Path, request: pytest.FixtureRequest) -> None:
    """Protects what people trained: the recorded loss to 1e-4, what it is there for, and forty steps more."""
    source = request.node.callspec.params["old"]
    recorded = json.loads((source.parent / f"{source.name}.json").read_text())
    answer = json.loads(rnntui("evaluate", old, "--json").stdout)
    assert answer["loss"] == pytest.approx(recorded["loss"], abs=1e-4)
    command, text = USED[Run.open(old).config.text.task]
    assert rnntui(command, old, text).returncode == 0
    assert rnntui("runs", "show", old).returncode == 0
    told = train_all(resume_run(old, {"max_steps": 80}))
    assert told[0].step == recorded["step"] and told[-1] == ev.Finished(step=80, reason="steps")


def test_every_tokenizer_and_every_task_has_an_old_run() -> None:
    kinds = {"char", "word", "bpe", "byte", "classify", "translate"}
    assert {path.name.partition("-")[0] for path in OLD} == kinds


def test_a_newer_format_is_one_line(tmp_path: Path) -> None:
    shutil.copytree(OLD[0], tmp_path / "run")
    toml = tmp_path / "run" / "run.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("format = 1", "format = 3"), encoding="utf-8")
    with pytest.raises(InputError, match=r"format 3 is newer than this rnntui knows \(2\); upgrade"):
        Run.open(tmp_path / "run")


@pytest.mark.parametrize("command", [("generate", "--length", "5"), ("complete", "a"), ("evaluate",)])
def test_a_newer_version_is_named(command: tuple[str, ...], tmp_path: Path) -> None:
    """Protects who has two machines: what a newer version wrote is one line that says to upgrade, in all commands."""
    source = next(path for path in OLD if path.name.startswith("word"))
    verb, *flags = command
    for file, old, new in (
        ("run.toml", "format = 1", "format = 9"),
        ("tokenizer.json", '"format": 1', '"format": 9'),
        ("tokenizer.json", '"vocabulary"', '"rule": 99, "vocabulary"'),
    ):
        run = tmp_path / f"run-{new[-9:-1].strip()}".replace('"', "")
        shutil.copytree(source, run)
        path = run / file
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        assert_one_line(rnntui(verb, run, *flags), 2, file)
