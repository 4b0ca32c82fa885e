"""Defaults: ordered, named rules for what a person left open.

A rule reads a draft of the configuration and what is known of the text, and answers with values and the reason for
them.  A later rule overrides an earlier one; what a person gave overrides every rule.  Single runs chose most of the
figures; `benchmarks/presets.py` and `benchmarks/optimizers.py` compare them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from rnntui.core.cells import CELLS
from rnntui.core.cells.spec import LOOP
from rnntui.core.config.fields import default_of
from rnntui.core.config.schema import LIMITS
from rnntui.core.config.splits import NOTHING_HELD_OUT
from rnntui.core.config.tasks import TASKS, TaskSpec, foreign
from rnntui.core.config.tokenizers import TOKENIZERS, Unit

Settings = Mapping[str, Any]

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"max_time": 60.0},
    "balanced": {"max_time": 300.0},
    "thorough": {"max_time": 1200.0},
}
"""The time that a preset gives."""
DEFAULT_PRESET = "balanced"


class Facts(NamedTuple):
    """Facts about the text and the machine that defaults depend on."""

    train_tokens: int | None = None
    """Tokens of the training part; None before the corpus is read."""
    bf16: bool = True
    """True if the processor multiplies in bf16."""


NOTHING_KNOWN = Facts()


class Default(NamedTuple):
    """The answer of a rule."""

    reason: str
    values: Settings


class Draft:
    """A configuration while rules complete it."""

    def __init__(self, chosen: Settings, preset: str, facts: Facts) -> None:
        self.chosen = {name: value for name, value in chosen.items() if value is not None}
        """Values that no rule may change."""
        self.preset = preset
        self.facts = facts
        self.values: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}

    def __getitem__(self, name: str) -> Any:
        """Return the value of a setting so far: as chosen, by a rule, or the schema's."""
        if name in self.chosen:
            return self.chosen[name]
        return self.values.get(name, default_of(name))

    def complete(self) -> None:
        """Apply every rule, in order."""
        unknown = foreign(self["task"])
        for rule in RULES:
            if (default := rule(self)) is None:
                continue
            for name, value in default.values.items():
                if name not in self.chosen and name not in unknown:
                    self.values[name], self.reasons[name] = value, default.reason

    @property
    def spec(self) -> TaskSpec:
        """The specification of the task."""
        return TASKS[self["task"]]

    @property
    def unit(self) -> Unit:
        """The scale of a token."""
        return TOKENIZERS[self["tokenizer"]].unit

    @property
    def in_characters(self) -> bool:
        """True for a language model of characters or bytes."""
        return self.spec.running_text and self.unit == "character"


# --- what the model is ---

_NARROW = {"tied": True, "embedding_size": 200, "bptt": 35}
_UNITS = {"quick": 256, "balanced": 320, "thorough": 512}
_UNITS_OF_WORDS = 400


def task(draft: Draft) -> Default | None:
    """A classifier and a translator read words, in both directions unless initialised from a language model."""
    if not draft.spec.defaults:
        return None
    one_way = {"bidirectional": False} if draft["begin_from"] else {}
    return Default(f"--task {draft['task']}", {**draft.spec.defaults, **one_way})


def tokens(draft: Draft) -> Default | None:
    """Words and sub-words have a narrow embedding tied to the output and short segments; rare words are sampled."""
    if not draft.spec.running_text or draft.in_characters:
        return None
    sampled = {"softmax": "sampled"} if draft.unit == "word" else {}
    return Default(f"--tokenizer {draft['tokenizer']}", {**_NARROW, **sampled})


def depth(draft: Draft) -> Default | None:
    """A language model has two layers where the preset gives it time for them."""
    if not draft.spec.running_text or draft.preset != "thorough":
        return None
    return Default("--preset thorough", {"num_layers": 2})


def width(draft: Draft) -> Default | None:
    """The hidden size by task, tokens and preset, unless --parameters chooses it."""
    if draft["parameters"] is not None:
        return None
    if draft.spec.hidden_size is not None:
        return Default(f"--task {draft['task']}", {"hidden_size": draft.spec.hidden_size})
    if draft.in_characters or draft.preset == "quick":
        return Default(f"--preset {draft.preset}", {"hidden_size": _UNITS[draft.preset]})
    return Default(f"--tokenizer {draft['tokenizer']}", {"hidden_size": _UNITS_OF_WORDS})


def stacked(draft: Draft) -> Default | None:
    """Cells whose gates read no state need layers that see what came after what (Feng et al. 2024), in characters."""
    if not draft.in_characters or CELLS[draft["cell"]].recurrent:
        return None
    return Default(f"{draft['cell']}: gates that read no state", {"num_layers": 3})


def budget(draft: Draft) -> Default | None:
    """A preset limits the time and stops early, unless another limit is given."""
    if any(draft.chosen.get(limit) is not None for limit in LIMITS):
        return None
    return Default(f"--preset {draft.preset}", {**PRESETS[draft.preset], "patience": 8})


# --- how it learns ---

_SPEEDS: dict[Unit, float] = {"character": 100_000, "word": 20_000, "subword": 25_000}
"""Tokens a second of the default models on two cores with products in bf16: only whether it is five epochs or
fifty matters."""
_USUAL: dict[Unit, int] = {"character": 320, "word": 400, "subword": 400}
"""Units of these models, in one layer; wider and deeper ones read less in the same time."""
_WITHOUT_BF16 = 3.0
"""Times slower than that where the processor has fp32 alone."""
_WITHOUT_KERNELS = 4.0
"""Times slower that a cell is without kernels of its own."""
_TO_TARGET = 1 / 5
"""Share of its limit after which a run with a target loss is taken to have met it: dropout would delay it."""
_RATES = {"adamw": 1e-2, "shampoo": 8e-3, "sgd": 1e-2}
_SMALL, _LARGE = 1e-6, 1e-4
_FEW_STEPS = 2_000
"""Up to so many steps, small gradients count in characters as well, however often they are read."""
_LITTLE_TEXT = 400_000
"""Characters."""
_WARMED_UP = 1_500
"""Steps from which Shampoo is ahead of AdamW: before, its step is not worth its time."""


def optimizer(draft: Draft) -> Default | None:
    """Shampoo for long runs on much text in characters; AdamW where that was better, or Shampoo was not measured."""
    if not draft.in_characters:
        return Default("not characters", {"optimizer": "adamw"})
    if draft.facts.train_tokens is None:
        return None
    if draft.facts.train_tokens <= _LITTLE_TEXT:
        return Default(f"at most {_LITTLE_TEXT:,} characters", {"optimizer": "adamw"})
    if _steps(draft) < _WARMED_UP:
        return Default(f"fewer than {_WARMED_UP:,} expected steps", {"optimizer": "adamw"})
    return Default(f"{_WARMED_UP:,} expected steps or more on much text", {"optimizer": "shampoo"})


def learning_rate(draft: Draft) -> Default | None:
    """Peak learning rate by optimiser; lower where a network without gates is wide, which makes it chaotic."""
    kind = draft["optimizer"]
    open_size = draft["parameters"] is not None or (draft["begin_from"] and draft.facts.train_tokens is None)
    if kind is None or open_size:
        return None
    if draft.spec.learning_rate is not None and kind == "adamw":
        return Default(f"--task {draft['task']}", {"lr": draft.spec.learning_rate})
    share = min(1.0, _USUAL["character"] / draft["hidden_size"])
    if not CELLS[draft["cell"]].gated and kind != "sgd" and share < 1:
        return Default(f"{kind}, a wide network without gates", {"lr": _RATES[kind] * share})
    return Default(kind, {"lr": _RATES[kind]})


def schedule(draft: Draft) -> Default:
    """Half a cosine over the run; with a target loss nobody knows its end, so the rate falls as 1/sqrt(step)."""
    if draft["target_loss"] is not None:
        return Default("--target-loss: the end of the run is not known", {"schedule": "inverse-sqrt"})
    return Default("the end of the run is known", {"schedule": "cosine"})


Regularisation = tuple[tuple[float, Settings], ...]
"""Regularisation of a text that is read up to so many times."""

_NONE: Settings = {
    "dropout": 0.0,
    "input_dropout": 0.0,
    "embedding_dropout": 0.0,
    "weight_drop": 0.0,
    "weight_decay": 0.01,
    "label_smoothing": 0.0,
    "epsilon": _SMALL,
}
_SEEN_AGAIN = {"epsilon": _LARGE}
_DECAYED = _SEEN_AGAIN | {"weight_decay": 0.1}
_SEEN_TWICE: tuple[float, Settings] = (2, {"weight_decay": 0.05})
_HALF = _SEEN_AGAIN | {"dropout": 0.5, "input_dropout": 0.2}
_BY_CHARACTERS: tuple[tuple[float, Regularisation], ...] = (
    (
        80_000,
        (
            (2, {}),
            (5, _SEEN_AGAIN),
            (15, _HALF),
            (math.inf, _SEEN_AGAIN | {"dropout": 0.5, "input_dropout": 0.5, "weight_drop": 0.2}),
        ),
    ),
    (200_000, ((2, {}), (5, _SEEN_AGAIN), (math.inf, _HALF))),
    (
        _LITTLE_TEXT,
        (
            _SEEN_TWICE,
            (8, _DECAYED | {"dropout": 0.1}),
            (math.inf, _DECAYED | {"dropout": 0.35, "input_dropout": 0.1}),
        ),
    ),
    (
        math.inf,
        (
            _SEEN_TWICE,
            (12, _DECAYED),
            (40, _DECAYED | {"dropout": 0.1}),
            (math.inf, _DECAYED | {"dropout": 0.2}),
        ),
    ),
)
"""By the number of characters: a small text overfits sooner."""
_LIGHT: Regularisation = (_SEEN_TWICE, (12, _DECAYED), (math.inf, _DECAYED | {"dropout": 0.2}))
"""Networks without gates, or whose gates do not read the state: they overfit less."""
_LIGHTEST: Regularisation = (_SEEN_TWICE, (math.inf, _DECAYED))
"""One layer of the second kind: every dropout only costs it."""
_SMOOTHED = {"weight_decay": 0.1, "label_smoothing": 0.1}
_STRONG = _SMOOTHED | {
    "dropout": 0.5,
    "input_dropout": 0.4,
    "embedding_dropout": 0.05,
    "weight_drop": 0.2,
}
_BY_TOKENS: dict[Unit, Regularisation] = {
    "word": ((2, {}), (5, _SMOOTHED | {"dropout": 0.3, "input_dropout": 0.2}), (math.inf, _STRONG)),
    "subword": ((4, {}), (10, {"dropout": 0.3, "input_dropout": 0.2}), (math.inf, _STRONG)),
}
_OF_TEXTS: Settings = {
    "dropout": 0.3,
    "input_dropout": 0.1,
    "embedding_dropout": 0.05,
    "weight_drop": 0.0,
    "weight_decay": 0.1,
    "epsilon": _SMALL,
}
"""Regularisation of classifiers and translators: few examples, read many times."""
_MEMORISED = 20_000
"""Tokens of a text with nothing held out, up to which memorising it is the aim."""


def regularisation(draft: Draft) -> Default | None:
    """Regularisation by the expected number of epochs: small texts overfit sooner."""
    if draft.facts.train_tokens is None:
        return None
    if not draft.spec.running_text:
        smoothing = {"label_smoothing": draft.spec.label_smoothing}
        return Default(f"--task {draft['task']}", {**_OF_TEXTS, **smoothing})
    epochs = _epochs(draft)
    kind, rows = _rows(draft, draft.facts.train_tokens)
    values = next(values for bound, values in rows if epochs <= bound)
    times = "without end" if math.isinf(epochs) else f"about {epochs:,.{0 if epochs >= 10 else 1}f} times"
    return Default(f"{kind}, read {times}", {**_NONE, **values})


def _rows(draft: Draft, train_tokens: int) -> tuple[str, Regularisation]:
    """Return the name of the kind of text, and its rows."""
    if not draft.in_characters:
        return draft["tokenizer"], _BY_TOKENS[draft.unit]
    cell = CELLS[draft["cell"]]
    if not cell.recurrent and draft["num_layers"] == 1:
        return f"characters, one layer of {draft['cell']}", _LIGHTEST
    if not cell.recurrent or not cell.gated:
        return f"characters, {draft['cell']}", _LIGHT
    bound, rows = next((bound, rows) for bound, rows in _BY_CHARACTERS if train_tokens <= bound)
    return f"up to {bound:,} characters" if bound < math.inf else "characters", rows


def memorise(draft: Draft) -> Default | None:
    """A tiny text with nothing held out is to be memorised: no regularisation."""
    tokens = draft.facts.train_tokens
    if draft["split"] != NOTHING_HELD_OUT or draft["valid_corpus"] or tokens is None or tokens > _MEMORISED:
        return None
    kept = () if draft.spec.running_text else ("weight_decay", "epsilon")
    return Default(
        "a tiny text, nothing held out", {name: each for name, each in _NONE.items() if name not in kept}
    )


def small_epsilon(draft: Draft) -> Default | None:
    """A large epsilon is for AdamW in long runs; Shampoo's steps have one length a row."""
    if not draft.spec.running_text or draft.facts.train_tokens is None:
        return None
    if draft["optimizer"] == "shampoo":
        return Default("shampoo", {"epsilon": _SMALL})
    if _steps(draft) <= _FEW_STEPS:
        return Default(f"at most {_FEW_STEPS:,} expected steps", {"epsilon": _SMALL})
    return None


def no_recurrent_weights(draft: Draft) -> Default | None:
    """A cell whose gates read no state has no recurrent weights to drop."""
    if not draft.spec.running_text or draft.facts.train_tokens is None or CELLS[draft["cell"]].recurrent:
        return None
    return Default(f"{draft['cell']} has no recurrent weights", {"weight_drop": 0.0})


RULES: tuple[Callable[[Draft], Default | None], ...] = (
    task,
    tokens,
    depth,
    width,
    stacked,
    budget,
    optimizer,
    learning_rate,
    schedule,
    regularisation,
    memorise,
    small_epsilon,
    no_recurrent_weights,
)


def rules() -> Iterator[tuple[str, str]]:
    """Yield the name and the meaning of every rule, in order."""
    for rule in RULES:
        yield rule.__name__.replace("_", " "), (rule.__doc__ or "").splitlines()[0]


# --- how often the text is read ---


def _epochs(draft: Draft) -> float:
    """Return how often the text will be read until the nearest limit."""
    assert draft.facts.train_tokens is not None
    epochs = expected_epochs(draft, draft.facts.train_tokens, _expected_speed(draft))
    return epochs if draft["target_loss"] is None else epochs * _TO_TARGET


def _steps(draft: Draft) -> float:
    """Return how many steps a run takes."""
    assert draft.facts.train_tokens is not None
    steps: float = _epochs(draft) * draft.facts.train_tokens / (draft["batch_size"] * draft["bptt"])
    return steps


def _expected_speed(draft: Draft) -> float:
    """Return tokens a second, roughly: by the multiplications of a step."""
    units = _USUAL[draft.unit]
    speed = _SPEEDS[draft.unit] / (1.0 if draft.facts.bf16 else _WITHOUT_BF16)
    cell, embedding, hidden = CELLS[draft["cell"]], draft["embedding_size"], draft["hidden_size"]
    above = (draft["num_layers"] - 1) * cell.products(hidden, hidden)
    usual = CELLS["lstm"].products(embedding, units)
    if cell.implementation == LOOP:
        speed /= _WITHOUT_KERNELS
    slower: float = max(1.0, (cell.products(embedding, hidden) + above) / usual)
    return speed / slower


def expected_epochs(training: Draft, train_tokens: int, tokens_per_s: float) -> float:
    """Return how often a text of so many tokens will be read until the nearest limit; infinite without a limit."""
    steps, time = training["max_steps"], training["max_time"]
    limits = (
        training["max_epochs"],
        steps and steps * training["batch_size"] * training["bptt"] / train_tokens,
        time and time * tokens_per_s / train_tokens,
    )
    return min((limit for limit in limits if limit is not None), default=math.inf)
