"""What depends on how often a text will be read: what is read many times is soon learned by heart."""

from __future__ import annotations

import math

from rnntui.core.cells.base import torch_knows_bf16
from rnntui.core.cells.steps import STEPS
from rnntui.core.config import Config, changed, value_of
from rnntui.core.kinds import foreign
from rnntui.core.sections import TaskKind, TokenizerKind, TrainingConfig
from rnntui.core.splits import NOTHING_HELD_OUT

_SPEEDS: dict[TokenizerKind, float] = {"char": 100_000, "byte": 100_000, "word": 20_000, "bpe": 25_000}
"""Tokens a second of the default models on two cores with products in bf16: only whether it is five epochs or
fifty matters."""
_UNITS: dict[TokenizerKind, int] = {"char": 320, "byte": 320, "word": 400, "bpe": 400}
"""Of these models, in one layer; wider and deeper ones read less in the same time."""
_WITHOUT_BF16 = 3.0
"""Times slower than that where the processor has fp32 alone."""
_TO_TARGET = 1 / 5
"""The share of its limit after which a run with a target loss is taken to have met that: what keeps from learning by
heart would delay it."""
_RATES = {"adamw": 1e-2, "shampoo": 8e-3, "sgd": 1e-2}
_FEW_STEPS = 2_000
"""Up to so many, characters need their small gradients as well, however often they are read."""
_WARMED_UP = 1_500
"""Steps from which Shampoo is ahead of AdamW: before, its step is not worth its time."""
Settings = dict[str, float | str]
Recipe = tuple[tuple[float, Settings], ...]
"""What is set for a text that is read up to so many times."""
_ONCE: Settings = {
    "dropout": 0.0,
    "input_dropout": 0.0,
    "embedding_dropout": 0.0,
    "weight_drop": 0.0,
    "weight_decay": 0.01,
    "label_smoothing": 0.0,
    "epsilon": 1e-6,
    "schedule": "cosine",
}
_COARSE: Settings = {"epsilon": 1e-4}
_FADING: Settings = _COARSE | {"weight_decay": 0.1}
_CHARACTERS: Recipe = (
    (2, {"weight_decay": 0.05}),
    (12, _FADING),
    (40, _FADING | {"dropout": 0.1}),
    (math.inf, _FADING | {"dropout": 0.2}),
)
_SOME: Recipe = (
    (2, {"weight_decay": 0.05}),
    (8, _FADING | {"dropout": 0.1}),
    (math.inf, _FADING | {"dropout": 0.35, "input_dropout": 0.1}),
)
_LITTLE: Recipe = (
    (2, {}),
    (5, _COARSE),
    (math.inf, _COARSE | {"dropout": 0.5, "input_dropout": 0.2}),
)
_LEAST: Recipe = (
    *_LITTLE[:-1],
    (15, _LITTLE[-1][1]),
    (math.inf, _COARSE | {"dropout": 0.5, "input_dropout": 0.5, "weight_drop": 0.2}),
)
_LITTLE_TEXT = 400_000
_BY_SIZE: tuple[tuple[float, Recipe], ...] = (
    (80_000, _LEAST),
    (200_000, _LITTLE),
    (_LITTLE_TEXT, _SOME),
    (math.inf, _CHARACTERS),
)
"""Of characters, by how many there are: little text is known by heart after a few epochs."""
_LIGHT: Recipe = (
    (2, {"weight_decay": 0.05}),
    (12, _FADING),
    (math.inf, _FADING | {"dropout": 0.2}),
)
"""Of characters, for networks without gates, or whose gates do not read the state: they learn less by heart, and large
weights make the first chaotic."""
_SHALLOW: Recipe = ((2, {"weight_decay": 0.05}), (math.inf, _FADING))
"""Of characters, for one layer of the second kind: whatever is left out only costs it."""
_SMOOTHED: Settings = {"weight_decay": 0.1, "label_smoothing": 0.1}
_BY_HEART: Settings = _SMOOTHED | {
    "dropout": 0.5,
    "input_dropout": 0.4,
    "embedding_dropout": 0.05,
    "weight_drop": 0.2,
}
_WORDS: Recipe = (
    (2, {}),
    (5, _SMOOTHED | {"dropout": 0.3, "input_dropout": 0.2}),
    (math.inf, _BY_HEART),
)
_PIECES: Recipe = (
    (4, {}),
    (10, {"dropout": 0.3, "input_dropout": 0.2}),
    (math.inf, _BY_HEART),
)
_TEXTS: Settings = _ONCE | {
    "dropout": 0.3,
    "input_dropout": 0.1,
    "embedding_dropout": 0.05,
    "weight_decay": 0.1,
}
"""Of classifiers, whose texts are few and read many times."""
_PAIRS: Settings = _ONCE | {
    "dropout": 0.3,
    "input_dropout": 0.1,
    "embedding_dropout": 0.05,
    "weight_decay": 0.1,
    "label_smoothing": 0.1,
}
"""Of translators, likewise."""
_OF_TASKS: dict[TaskKind, Settings] = {"classify": _TEXTS, "translate": _PAIRS}
_RECIPES: dict[TokenizerKind, tuple[tuple[float, Recipe], ...]] = {
    "char": _BY_SIZE,
    "byte": _BY_SIZE,
    "word": ((math.inf, _WORDS),),
    "bpe": ((math.inf, _PIECES),),
}
"""Chosen on single runs; benchmarks/presets.py compares them."""


_UNREGULARISED: Settings = {
    "dropout": 0.0,
    "input_dropout": 0.0,
    "embedding_dropout": 0.0,
    "label_smoothing": 0.0,
}
_MEMORISED = 20_000
"""Tokens of a text with nothing held out, up to which it is to be memorised and not generalised from."""


def by_epochs(config: Config, train_tokens: int) -> Config:
    """`config` with what nobody chose set by how often a training text of so many tokens will be read."""
    config = _with(config, {"optimizer": _optimizer(config, train_tokens)})
    to_target = config.training.target_loss is not None
    course: Settings = {"lr": _rate(config)}
    if to_target:  # what falls towards the end of a run must know where that is
        course["schedule"] = "inverse-sqrt"
    memorised = config.text.split == NOTHING_HELD_OUT and train_tokens <= _MEMORISED
    if config.text.task != "lm":
        return _with(config, _OF_TASKS[config.text.task] | course | (_UNREGULARISED if memorised else {}))
    epochs = _epochs(config, train_tokens)
    recipe = next(row for bound, row in _recipe(config, train_tokens) if epochs <= bound)
    if memorised:
        recipe = {}  # the text itself is what is asked for
    chosen = _ONCE | recipe | course
    # A large epsilon is for AdamW's steps, each weight by itself; Shampoo's have one length a row.
    if _steps(config, train_tokens) <= _FEW_STEPS or config.training.optimizer == "shampoo":
        chosen["epsilon"] = _ONCE["epsilon"]
    if not STEPS[config.model.cell].recurrent:
        chosen["weight_drop"] = 0.0
    return _with(config, chosen)


def _epochs(config: Config, train_tokens: int) -> float:
    """How often a text of so many tokens will be read."""
    epochs = expected_epochs(config.training, train_tokens, _expected_speed(config))
    return epochs if config.training.target_loss is None else epochs * _TO_TARGET


def _steps(config: Config, train_tokens: int) -> float:
    """How many steps a run takes."""
    training = config.training
    return _epochs(config, train_tokens) * train_tokens / (training.batch_size * training.bptt)


def _optimizer(config: Config, train_tokens: int) -> str:
    """Shampoo for long runs on much text in characters; AdamW where that was better, or Shampoo was not measured."""
    in_characters = config.text.task == "lm" and config.text.tokenizer in ("char", "byte")
    much = train_tokens > _LITTLE_TEXT and _steps(config, train_tokens) >= _WARMED_UP
    return "shampoo" if in_characters and much else "adamw"


def _recipe(config: Config, train_tokens: int) -> Recipe:
    """What suits the cell, the kind of tokens and how many of them there are."""
    cell, sizes = STEPS[config.model.cell], _RECIPES[config.text.tokenizer]
    if sizes is _BY_SIZE and not cell.recurrent and config.model.num_layers == 1:
        return _SHALLOW
    if sizes is _BY_SIZE and (not cell.recurrent or cell.gates == 1):
        return _LIGHT
    return next(recipe for bound, recipe in sizes if train_tokens <= bound)


def _with(config: Config, chosen: Settings) -> Config:
    """`config` with what nobody chose, as far as the task knows it."""
    open_names = set(chosen) - foreign(config.text.task)
    return changed(config, {name: chosen[name] for name in open_names if value_of(config, name) is None})


def _rate(config: Config) -> float:
    """The peak of the learning rate.

    A network without gates becomes chaotic where steps are long for its width.
    """
    optimizer, model = config.training.optimizer or "adamw", config.model
    rate = _RATES[optimizer]
    if model.cell == "elman" and optimizer != "sgd":
        rate *= min(1.0, _UNITS["char"] / model.hidden_size)
    return rate


def _expected_speed(config: Config) -> float:
    """Tokens a second, roughly: by the products of a step, those of each gate with what it reads."""
    model, units = config.model, _UNITS[config.text.tokenizer]
    speed = _SPEEDS[config.text.tokenizer] / (1.0 if torch_knows_bf16() else _WITHOUT_BF16)
    gates, recurrent = STEPS[model.cell].gates, STEPS[model.cell].recurrent
    read = model.embedding_size + model.hidden_size * (model.num_layers - 1 + model.num_layers * recurrent)
    usual = STEPS["lstm"].gates * units * (model.embedding_size + units)
    return speed / max(1.0, gates * model.hidden_size * read / usual)


def expected_epochs(training: TrainingConfig, train_tokens: int, tokens_per_s: float) -> float:
    """How often a text of so many tokens will be read until the nearest limit; infinite without a limit."""
    limits = (
        training.max_epochs,
        training.max_steps and training.max_steps * training.batch_size * training.bptt / train_tokens,
        training.max_time and training.max_time * tokens_per_s / train_tokens,
    )
    return min((limit for limit in limits if limit is not None), default=math.inf)
