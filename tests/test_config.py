"""The configuration: one tree for flags, form, file and documentation."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from rnntui.core import config
from rnntui.core.config import FIELDS, build, command_of
from rnntui.core.config.fields import fields
from rnntui.core.config.parse import parse
from rnntui.core.config.toml import from_toml, to_toml
from rnntui.core.errors import InputError
from rnntui.core.runs.folder import read_toml
from rnntui.core.studies.space import space_of
from tests.cli.test_commands import assert_one_line, rnntui


def test_toml_round_trip_keeps_every_value() -> None:
    """Protects `run.toml`: what is written is what is read, odd characters included."""
    corpus = 'a "quoted"\\ näme\n\x1b[2J\x7f 🐦.txt'
    original = build({"corpus": corpus, "cell": "gru", "tied": True, "lr": 1e-3, "target_loss": 1.5})
    assert from_toml(to_toml(original), "run.toml") == original


def test_setting_names_are_unique_and_described() -> None:
    """Protects the flags: a name means one setting, and each has its sentence."""
    assert len(list(fields())) == len(FIELDS)
    assert all(field.description for field in FIELDS.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[model]\nhiden_size = 3", "'hiden_size' in [model]; did you mean 'hidden_size'?"),
        ("[model]\nhidden_size = 'x'", "model.hidden_size"),
        ("[model]\nhidden_size = 0", "model.hidden_size"),
        ("[model]\ncell = 'lstn'", "did you mean 'lstm'?"),
        ("[text]\nsplit = '50/60'", "text.split"),
        ("[trainings]\n", "did you mean 'training'?"),
        ("format = 99", "format 99 is newer"),
        ('[text]\n[model]\nsoftmax = "adaptive"', "no longer supported"),
        ("[model", "not valid TOML"),
    ],
)
def test_bad_file_is_one_line_with_file_and_key(text: str, expected: str) -> None:
    """Protects the person who edits `run.toml`: the file, the key and the next step on one line."""
    with pytest.raises(InputError) as caught:
        from_toml(text, "some/run.toml")
    message = str(caught.value)
    assert message.startswith("some/run.toml: ") and expected in message and "\n" not in message


def test_a_flag_with_a_limit_lifts_the_presets_limits() -> None:
    """Protects `--max-steps N`: no hidden time limit or patience ends the run before."""
    training = build({"max_steps": 10}).training
    assert (training.max_steps, training.max_time, training.patience) == (10, None, None)
    assert build({}).training.max_time == config.PRESETS["balanced"]["max_time"]


def test_hidden_size_and_budget_exclude_each_other() -> None:
    with pytest.raises(InputError, match="--parameters"):
        build({"parameters": 1000, "hidden_size": 8})


def test_missing_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run lives there"):
        read_toml(tmp_path / "run.toml")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("max_time", "1.5m", 90.0),
        ("parameters", "500k", 500_000),
        ("tied", "on", True),
        ("lr", " 1e-3 ", 1e-3),
        ("max_steps", "", None),
    ],
)
def test_a_setting_is_read_as_typed(name: str, text: str, value: object) -> None:
    assert parse(name, text) == value


def test_a_setting_that_cannot_be_read_is_named() -> None:
    with pytest.raises(InputError, match="--bptt: 'many' is no whole number"):
        parse("bptt", "many")
    with pytest.raises(InputError, match="--max-time: 'soon' is no duration; write it as 90s"):
        parse("max_time", "soon")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"corpus": "/a b/it's.txt", "cell": "gru", "max_steps": 300, "tied": True, "lr": 1e-3},
        {"tokenizer": "word", "tied": False, "max_time": 90.5, "epsilon": 1e-5, "dropout": 0.25},
        {
            "tokenizer": "bpe",
            "vocab_size": 500,
            "softmax": "sampled",
            "max_epochs": 2.5,
            "sample_prompt": "- -x",
        },
        {"tokenizer": "word", "softmax": "full", "tied": True},
        {"softmax": "sampled", "max_steps": 5},
        {"cell": "mingru", "max_time": 60.0},
        {"num_layers": 2, "patience": 3, "target_loss": 1.5, "split": "90/10", "residual": True},
        {"corpus": "reviews"},
        {"corpus": "x.tsv", "task": "classify", "tokenizer": "char", "pooling": "last", "max_steps": 9},
        {"corpus": "reviews", "task": "lm", "begin_from": "/runs/r", "max_time": 60.0},
        {"corpus": "reviews", "begin_from": "/runs/r", "bidirectional": True},
        {"embeddings": "/v.vec.gz", "frozen_embeddings": True, "tokenizer": "word"},
    ],
    ids=str,
)
def test_the_command_makes_the_configuration_again(settings: dict[str, Any]) -> None:
    """Protects `runs show`: what it prints, typed into a shell, is the same run."""
    from rnntui.cli.commands import cli

    config = build(settings)
    words = shlex.split(command_of(config))
    assert words[:2] == ["rnntui", "train"]
    train = cli.commands["train"]
    given = train.make_context("train", words[2:]).params
    found = {name: value for name, value in given.items() if name in FIELDS and value is not None}
    again = build(found, given["preset"])
    assert (again.text, again.model, again.training) == (config.text, config.model, config.training)


def test_a_seed_that_no_generator_takes_is_refused() -> None:
    with pytest.raises(InputError, match="--seed"):
        build({"seed": 1 << 63})


NUMBERS = [field.name for field in FIELDS.values() if field.kind in (int, float)]
ABSURD = ("inf", "-inf", "nan", "1e400", "1e30", "9" * 400, "9" * 5000)


@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_is_beyond_its_bounds(name: str) -> None:
    """Protects every setting that is a number: what is none, or absurd, is one short line, however it comes."""
    field = FIELDS[name]
    for text in ("-inf", "nan") if name == "clip" else ABSURD:  # without a bound, nothing is clipped
        with pytest.raises(InputError) as typed:
            build(
                {name: parse(name, text), "max_steps": 1}
                if name != "max_steps"
                else {name: parse(name, text)}
            )
        with pytest.raises(InputError) as read:
            from_toml(f"[{field.section}]\n{name} = {text}", "some/run.toml")
        with pytest.raises(InputError) as searched:
            space_of({name: f"{text}..{text}"})
        for message in (str(typed.value), str(searched.value)):
            assert message.startswith(field.flag) and len(message) < 200 and "\n" not in message, message
        assert str(read.value).startswith("some/run.toml: ") and "\n" not in str(read.value)


def test_a_number_as_a_flag_is_bounded_as_well() -> None:
    """Protects the command line: the flag is named once, with what was typed, shortened."""
    for flag, text in (("--parameters", "9" * 400), ("--max-time", "9" * 400 + "s"), ("--bptt", "9" * 5000)):
        result = rnntui("train", "reber", "--headless", flag, text)
        assert_one_line(result, 2, flag)
        assert len(result.stderr) < 300
    assert_one_line(
        rnntui("sweep", "reber", "--parameters", f"1..{'9' * 400}"), 2, "--parameters", "too large"
    )
    assert_one_line(rnntui("sweep", "reber", "--bptt", f"1..{'9' * 400}"), 2, "--bptt", "at most 65,536")


@pytest.mark.parametrize(
    "split", ["nan/1", "inf/1", "1/nan", "nan/nan/nan", "1e400/-1e400/100", "9" * 400 + "/1"]
)
def test_a_split_that_is_no_number_is_refused(split: str) -> None:
    """Protects the figures: nothing but percentages that add up to 100 divides a text."""
    with pytest.raises(
        InputError, match=r"--split: .* is no split; write train/valid/test in percent"
    ) as raised:
        build({"split": split})
    assert len(str(raised.value)) < 200
