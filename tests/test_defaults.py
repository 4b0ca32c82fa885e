"""Defaults: the rules for what a person leaves open, and the reasons that a run keeps."""

from __future__ import annotations

from typing import Any

import pytest

from rnntui.core import config
from rnntui.core.cells import CELLS
from rnntui.core.config import (
    FIELDS,
    Config,
    Facts,
    Given,
    build,
    completed,
    given_of,
    reason_for,
    resolve,
    value_of,
)
from rnntui.core.config.defaults import RULES, Draft, expected_epochs
from rnntui.core.config.tasks import TASKS
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.config.toml import from_toml, to_toml
from rnntui.core.runs.folder import Run
from rnntui.core.training.start import resume_run
from tests.conftest import MakeRun, train_all

CHARACTERS = ("char", "byte")
COMBINATIONS = [
    (preset, task, tokenizer, cell)
    for preset in config.PRESETS
    for task in TASKS
    for tokenizer in TOKENIZERS
    for cell in CELLS
]


def after(tokens: int, preset: str = config.DEFAULT_PRESET, bf16: bool = True, **settings: Any) -> Config:
    """The configuration for a training part of so many tokens."""
    return resolve(Given(settings, preset), Facts(tokens, bf16))


def dropout(tokens: int, **settings: Any) -> float:
    found = after(tokens, **settings).model.dropout
    assert found is not None
    return found


@pytest.mark.parametrize(("preset", "task", "tokenizer", "cell"), COMBINATIONS)
def test_the_form_and_the_run_have_the_values_of_the_rules(
    preset: str, task: str, tokenizer: str, cell: str
) -> None:
    """Protects the defaults: what stands before a corpus is read holds in the run, and each value has its reason."""
    given = Given({"corpus": "x", "task": task, "tokenizer": tokenizer, "cell": cell}, preset)
    form = resolve(given)
    for tokens in (5_000, 300_000, 50_000_000):
        run = completed(form, Facts(tokens))
        assert run == resolve(given, Facts(tokens))
        draft = Draft(given.settings, preset, Facts(tokens))
        draft.complete()
        for name in FIELDS:
            shown, value = value_of(form, name), value_of(run, name)
            assert shown in (None, value), name
            expected = draft.values.get(name, FIELDS[name].default)
            assert value == given.settings.get(name, expected), name
            if name != "sha256":
                reason = "given" if name in given.settings else draft.reasons.get(name, "default")
                assert reason_for(run, name) == reason
    assert from_toml(to_toml(run), "run.toml") == run


def test_a_budget_of_parameters_leaves_the_width_open() -> None:
    """Protects `--parameters`: no rule sets the width that it chooses."""
    for made in ({}, {"tokenizer": "word"}, {"task": "classify"}, {"task": "translate"}):
        assert "hidden_size" in build(made).why
        assert "hidden_size" not in build(made | {"parameters": 1_000_000}).why


def test_every_rule_is_documented_and_used() -> None:
    """Protects docs/cli.md: every rule says what it does, and decides something."""
    used = set()
    for preset, task, tokenizer, cell in COMBINATIONS:
        for tokens, extra in ((5_000, {"split": "100"}), (10**6, {})):
            chosen = {"task": task, "tokenizer": tokenizer, "cell": cell, **extra}
            draft = Draft(chosen, preset, Facts(tokens))
            draft.complete()
            used |= {rule for rule in RULES if rule(draft) is not None}
    assert used == set(RULES)
    assert all(rule.__doc__ for rule in RULES)


def test_a_fork_keeps_what_was_chosen_and_what_was_left_open(make_run: MakeRun) -> None:
    """Protects forking and `runs show`: a run knows the choice behind it, and a longer text gets other defaults."""
    run = make_run(max_steps=4, hidden_size=16)
    given = given_of(Run.open(run.path).config)
    assert given.settings["hidden_size"] == 16 and "lr" not in given.settings
    assert resolve(given, Facts(10**6)).training.lr == 1e-2
    assert reason_for(run.config, "hidden_size") == "given"
    assert reason_for(run.config, "optimizer") == "at most 400,000 characters"
    train_all(run)
    resumed = resume_run(run.path, {"max_steps": 6}).config
    assert given_of(resumed).settings["max_steps"] == 6 and reason_for(resumed, "max_steps") == "given"
    assert reason_for(config.changed(resumed, {"clip": 2.0}), "clip") == "edited in run.toml"


def test_a_run_of_format_1_counts_as_given_whole() -> None:
    """Protects old runs: nobody knows what was chosen, so that a fork changes nothing by itself."""
    original = after(10**6, corpus="verse", cell="gru")
    old = from_toml(to_toml(original).partition("[given]")[0].replace("format = 2", "format = 1"), "run.toml")
    assert old.given is None and "format 1" in reason_for(old, "lr")
    again = resolve(given_of(old), Facts(1000))
    assert (again.text, again.model, again.training) == (old.text, old.model, old.training)


def test_an_optimiser_brings_its_own_rate() -> None:
    """Protects a comparison: an optimiser asked for by name learns at its rate, not at that of the default."""

    def rate(tokens: int = 10**6, **settings: Any) -> float:
        return after(tokens, **settings).training.lr or 0.0

    assert rate(optimizer="adamw") > rate(optimizer="shampoo") == rate()
    assert rate(tokens=100_000) == rate(optimizer="adamw") == rate(max_time=10.0), "little text, or few steps"
    assert rate(optimizer="adamw", lr=0.5) == 0.5
    assert rate(corpus="phrases", optimizer="adamw") == rate(corpus="phrases"), "the default, named"
    assert rate(cell="elman") == rate(), "as wide as usual"
    for optimizer in ("adamw", "shampoo"):
        elman, gru = (rate(optimizer=optimizer, cell=cell, hidden_size=900) for cell in ("elman", "gru"))
        assert elman < 0.5 * gru, "wide, without gates"
    for made in ({"tokenizer": "word"}, {"tokenizer": "bpe"}, {"task": "classify"}, {"task": "translate"}):
        assert after(10**7, **made).training.optimizer == "adamw"


def test_cells_whose_gates_read_no_state_are_stacked_for_characters() -> None:
    layers = {
        kind: build({"cell": "mingru", "tokenizer": kind}).model.num_layers for kind in ("char", "word")
    }
    assert layers == {"char": 3, "word": 1}
    assert build({"cell": "minlstm"}, "thorough").model.num_layers == 3
    assert build({"cell": "minlstm", "num_layers": 1}).model.num_layers == 1


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_regularisation_grows_with_the_epochs(kind: str) -> None:
    """Protects the rules: the more epochs, the more dropout; what a person chose stays."""
    found = [dropout(tokens, tokenizer=kind) for tokens in (40_000, 1_000_000, 20_000_000)]
    assert found == sorted(found, reverse=True) and found[0] > found[-1]
    whole = dropout(450_000, tokenizer=kind, max_time=300.0)
    sooner = dropout(450_000, tokenizer=kind, max_time=300.0, target_loss=1.0)
    assert sooner < whole, "a target is met before the limit"
    large = dropout(450_000, tokenizer=kind, num_layers=2, hidden_size=1024)
    assert large < whole, "a large model reads less in the same time"
    kept = after(40_000, tokenizer=kind, dropout=0.3, input_dropout=0.0).model
    assert (kept.dropout, kept.input_dropout) == (0.3, 0.0)
    decays = [after(tokens, tokenizer=kind).training.weight_decay or 0.0 for tokens in (500_000, 50_000_000)]
    assert decays[0] > decays[1] > 0, "decay is stronger where a text is read again"
    wide: dict[str, Any] = {"tokenizer": kind, "hidden_size": 5000, "max_time": 60.0}
    gated, scanned = (after(40_000, cell=cell, **wide).training for cell in ("lstm", "mingru"))
    assert (gated.weight_decay or 0.0) < (scanned.weight_decay or 0.0), (
        "one without recurrent weights reads more"
    )


@pytest.mark.parametrize("kind", CHARACTERS)
def test_small_texts_and_cells_that_overfit_have_more_dropout(kind: str) -> None:
    """Protects characters: by the size of the text, and by the cell."""
    little, much = (after(tokens, tokenizer=kind, max_epochs=12.0).model for tokens in (45_000, 1_000_000))
    assert (little.dropout or 0.0) > (much.dropout or 0.0)
    assert not little.weight_drop and after(45_000, tokenizer=kind).model.weight_drop, "and very often read"
    often: dict[str, Any] = {"tokenizer": kind, "max_epochs": 60.0}
    by_size = [dropout(tokens, **often) for tokens in (100_000, 300_000, 1_000_000)]
    assert by_size == sorted(set(by_size), reverse=True)
    elman, stacked, flat = (
        after(100_000, **often, **made)
        for made in ({"cell": "elman"}, {"cell": "mingru"}, {"cell": "mingru", "num_layers": 1})
    )
    assert [made.model.dropout for made in (elman, stacked, flat)] == [0.2, 0.2, 0.0]
    assert elman.training.weight_decay == 0.1, "large weights make chaos where there are no gates"
    assert stacked.model.weight_drop == 0.0


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_large_epsilon_is_for_adamw_in_long_runs_of_characters(kind: str) -> None:
    """Protects `--epsilon`: small gradients count in few steps, in a text read once, and with Shampoo."""

    def epsilon(tokens: int, **settings: Any) -> float | None:
        return after(tokens, tokenizer=kind, **settings).training.epsilon

    assert epsilon(40_000, optimizer="adamw") == (1e-4 if kind in CHARACTERS else 1e-6)
    assert epsilon(40_000, optimizer="shampoo") == 1e-6
    assert epsilon(20_000_000, optimizer="adamw") == epsilon(40_000, optimizer="adamw", max_steps=500) == 1e-6


def test_epochs_are_expected_until_the_nearest_limit() -> None:
    """Protects the rules: steps, time and epochs, whichever comes first."""

    def epochs(tokens: int, **settings: Any) -> float:
        return expected_epochs(Draft(settings, config.DEFAULT_PRESET, Facts(tokens)), tokens, 50.0)

    assert epochs(1000, max_epochs=3.0) == 3
    assert epochs(2000, max_steps=10, batch_size=4, bptt=25) == 0.5
    assert epochs(1000, max_time=60.0, max_epochs=9.0) == 3


def test_a_rate_falls_with_the_end_only_where_that_is_known() -> None:
    """Protects `--target-loss`: half a cosine over the limit would be at its peak when the loss could be met."""

    def schedule(tokens: int = 40_000, **settings: Any) -> str | None:
        return after(tokens, **settings).training.schedule

    reviews: dict[str, Any] = {"task": "classify", "corpus": "reviews"}
    made: dict[str, Any]
    for made in ({}, {"optimizer": "adamw"}, {"tokenizer": "word"}, reviews):
        assert schedule(**made) == schedule(**made, tokens=10**8) == "cosine"
        assert schedule(**made, target_loss=0.1) == "inverse-sqrt"
    assert schedule(tokenizer="word", target_loss=4.0, schedule="constant") == "constant"
