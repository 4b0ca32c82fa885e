"""What a run is made of: one frozen, validated tree.

The command-line flags, the form on the first screen, `run.toml` and the table in the documentation all
come from the three sections below.  A field's name is its flag (`max_steps` is `--max-steps`) and its
key in `run.toml`; names are unique across the sections.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from rnntui.core.cells import CELLS
from rnntui.core.cells.steps import STEPS
from rnntui.core.errors import InputError, nearest
from rnntui.core.splits import split_fractions

FORMAT = 1
"""The version of the run folder's format.  A newer one than this is refused with one line."""

TokenizerKind = Literal["char", "word", "bpe", "byte"]
Schedule = Literal["constant", "cosine", "one-cycle", "plateau"]
Average = Literal["none", "ema", "nt-asgd"]

Seconds = Annotated[float, Meta(gt=0, extra={"unit": "duration"})]
Positive = Annotated[int, Meta(ge=1)]
Size = Annotated[int, Meta(ge=1, le=1 << 16)]
"""Bounded, so that a file from anywhere cannot ask for what no machine has."""
Layers = Annotated[int, Meta(ge=1, le=64)]
Count = Annotated[int, Meta(ge=1, extra={"unit": "count"})]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
NotNegative = Annotated[float, Meta(ge=0)]


def _doc(text: str) -> Meta:
    return Meta(description=text)


def _by_epochs(text: str) -> Meta:
    """Of what keeps a model from learning its text by heart; see `core/training/recipes.py`."""
    return _doc(f"{text} (default: by how often the text will be read)")


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration: a table of `run.toml`."""


class TextConfig(Section, frozen=True, kw_only=True):
    """The text and how it is cut into tokens."""

    corpus: Annotated[str, _doc("sample name, file, folder, '-' for standard input, or URL")] = "tales"
    encoding: Annotated[str, _doc("'auto' reads UTF-8, and UTF-16 with a byte order mark")] = "auto"
    split: Annotated[
        str,
        _doc(
            "train/valid/test in percent; two numbers leave no test part; 'auto' is 90/5/5, less of long texts"
        ),
    ] = "auto"
    tokenizer: Annotated[TokenizerKind, _doc("what a token is")] = "char"
    vocab_size: Annotated[
        Annotated[int, Meta(ge=2)] | None, _doc("largest vocabulary (default: word 20000, bpe 2000)")
    ] = None
    min_count: Annotated[Positive, _doc("a word seen less often in training becomes <unk> (word only)")] = 2
    sha256: Annotated[str, _doc("digest of the corpus as read; written when the run is created")] = ""

    def __post_init__(self) -> None:
        try:
            if self.split != "auto":
                split_fractions(self.split)
        except ValueError as error:
            raise ValueError(f"split: {error}") from None


class ModelConfig(Section, frozen=True, kw_only=True):
    """The network."""

    cell: Annotated[str, _doc("recurrent cell")] = "lstm"
    nonlinearity: Annotated[Literal["tanh", "relu"], _doc("of the elman cell")] = "tanh"
    num_layers: Annotated[Layers, _doc("recurrent layers")] = 1
    hidden_size: Annotated[Size, _doc("units a layer")] = 512
    parameters: Annotated[
        Count | None, _doc("parameter budget, as 1M: solves --hidden-size so that cells compare fairly")
    ] = None
    embedding_size: Annotated[Size, _doc("features a token")] = 64
    dropout: Annotated[
        Fraction | None, _by_epochs("between the layers and on the outputs, one mask a piece of text")
    ] = None
    input_dropout: Annotated[Fraction | None, _by_epochs("on the embedded tokens, one mask a piece")] = None
    embedding_dropout: Annotated[Fraction | None, _by_epochs("of whole tokens of the vocabulary")] = None
    weight_drop: Annotated[Fraction | None, _by_epochs("of the recurrent weights (elman, lstm, gru)")] = None
    tied: Annotated[bool, _doc("output weights are the embedding's")] = False
    softmax: Annotated[
        Literal["full", "adaptive"],
        _doc("over the vocabulary; 'adaptive' takes less time and memory for rare words"),
    ] = "full"
    residual: Annotated[bool, _doc("add a layer's input to its output where the sizes agree")] = False
    layer_norm: Annotated[bool, _doc("normalise each layer's output")] = False

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ValueError(f"cell: unknown cell '{self.cell}'; {nearest(self.cell, CELLS)}")
        if self.tied and self.softmax == "adaptive":
            raise ValueError(
                "softmax: 'adaptive' has no weights that could be tied; leave out --tied or --softmax"
            )
        if self.weight_drop and not STEPS[self.cell].recurrent:
            raise ValueError(f"weight_drop: {self.cell} has no recurrent weights; leave it out")


class TrainingConfig(Section, frozen=True, kw_only=True):
    """How the network learns, when it stops, and what it says meanwhile."""

    batch_size: Annotated[Size, _doc("streams read side by side")] = 16
    bptt: Annotated[Size, _doc("tokens that the gradient goes back")] = 64
    shuffle: Annotated[bool, _doc("begin each stream at another of its tokens in every epoch")] = False
    vary_bptt: Annotated[bool, _doc("pieces of half, once and one and a half times --bptt")] = False
    optimizer: Annotated[Literal["adamw", "sgd"], _doc("optimiser")] = "adamw"
    lr: Annotated[Annotated[float, Meta(gt=0)], _doc("peak learning rate")] = 1e-2
    schedule: Annotated[Schedule, _doc("how the learning rate moves")] = "cosine"
    warmup: Annotated[Annotated[int, Meta(ge=0)], _doc("steps of linear warm-up (not for one-cycle)")] = 50
    weight_decay: Annotated[NotNegative | None, _by_epochs("on matrices, not on biases and norms")] = None
    epsilon: Annotated[
        Annotated[float, Meta(gt=0)] | None, _by_epochs("of adamw: gradients below it move a weight less")
    ] = None
    momentum: Annotated[Fraction, _doc("of sgd")] = 0.9
    clip: Annotated[Annotated[float, Meta(gt=0)], _doc("largest norm of the gradient")] = 1.0
    average: Annotated[
        Average,
        _doc(
            "judge and keep a mean of the weights: 'ema' of the last ones, 'nt-asgd' since learning stalled"
        ),
    ] = "ema"
    activation_penalty: Annotated[NotNegative, _doc("on the mean square of the outputs")] = 0.0
    temporal_penalty: Annotated[NotNegative, _doc("on the mean square of their change a token")] = 0.0
    label_smoothing: Annotated[
        Fraction | None, _by_epochs("share of each target that all tokens get alike")
    ] = None
    max_steps: Annotated[Positive | None, _doc("stop after so many steps")] = None
    max_epochs: Annotated[Annotated[float, Meta(gt=0)] | None, _doc("stop after so many passes")] = None
    max_time: Annotated[Seconds | None, _doc("stop after so much training time, as 90s, 5m or 1h")] = None
    target_loss: Annotated[
        Annotated[float, Meta(gt=0)] | None, _doc("stop at this validation loss, nats a token")
    ] = None
    patience: Annotated[Positive | None, _doc("stop after so many evaluations without gain")] = None
    eval_every: Annotated[
        Positive | None, _doc("steps between evaluations (default: they take about 15% of the time)")
    ] = None
    save_every: Annotated[Positive | None, _doc("steps between checkpoints (default: as evaluations)")] = None
    sample_every: Annotated[
        Positive | None, _doc("steps between samples (default: 200, or as evaluations)")
    ] = None
    sample_prompt: Annotated[str, _doc("how the samples begin")] = ""
    log_every: Annotated[Positive, _doc("steps between progress events")] = 10
    seed: Annotated[Annotated[int, Meta(ge=0)], _doc("of weights and dropout")] = 1
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], _doc("where to train")] = "auto"
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "fp16"], _doc("of the products; 'auto' races fp32 against bf16")
    ] = "auto"


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole run: the content of `run.toml`."""

    format: int = FORMAT
    text: TextConfig = TextConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()


SECTIONS: dict[str, type[Section]] = {"text": TextConfig, "model": ModelConfig, "training": TrainingConfig}

LIMITS = ("max_steps", "max_epochs", "max_time")

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"hidden_size": 256, "max_time": 60.0},
    "balanced": {"max_time": 300.0},
    "thorough": {"num_layers": 2, "batch_size": 32, "dropout": 0.5, "input_dropout": 0.1, "max_time": 1200.0},
}
DEFAULT_PRESET = "balanced"

_WORDS: dict[str, Any] = {"tied": True, "embedding_size": 200, "hidden_size": 400, "bptt": 35}
RECIPES: dict[TokenizerKind, dict[str, Any]] = {"char": {}, "byte": {}, "word": _WORDS, "bpe": _WORDS}
"""What a preset becomes for other tokens than characters."""

RESUMABLE = frozenset(TrainingConfig.__struct_fields__) - {
    "batch_size",
    "bptt",
    "shuffle",
    "vary_bptt",
    "optimizer",
    "epsilon",
    "average",
    "seed",
    "precision",
}
"""Settings that may change when a run goes on.  The others shape the text, the model, the data's order or
the optimiser's state."""

_PRESET_PATIENCE = 8


class Field(NamedTuple):
    """One setting: what a flag, a form row or a line of documentation needs to know of it."""

    name: str
    section: str
    default: Any
    description: str
    kind: type
    """str, int, float or bool."""
    choices: tuple[str, ...]
    unit: str
    """'duration' (seconds), 'count' (1M) or ''."""

    @property
    def flag(self) -> str:
        """The setting on the command line."""
        return "CORPUS" if self.name == "corpus" else "--" + self.name.replace("_", "-")


def fields() -> Iterator[Field]:
    """Every setting of the configuration, in the order of `run.toml`."""
    for section, struct in SECTIONS.items():
        hints = get_type_hints(struct, include_extras=True)
        for info in msgspec.structs.fields(struct):
            kind, choices, unit, description = _inspect(hints[info.name])
            if info.name == "cell":
                choices = tuple(CELLS)
            yield Field(info.name, section, info.default, description, kind, choices, unit)


def _inspect(hint: Any) -> tuple[type, tuple[str, ...], str, str]:
    """The plain type, the choices, the unit and the description that an annotation spells."""
    kind: type = str
    choices: tuple[str, ...] = ()
    unit = description = ""
    if hasattr(hint, "__metadata__"):
        kind, choices, unit, _ = _inspect(get_args(hint)[0])
        for meta in hint.__metadata__:
            description = meta.description or description
            unit = (meta.extra or {}).get("unit", unit)
        return kind, choices, unit, description
    if get_origin(hint) is Literal:
        return str, get_args(hint), "", ""
    arguments = [argument for argument in get_args(hint) if argument is not type(None)]
    if arguments:
        return _inspect(arguments[0])
    return hint, (), "", ""


FIELDS: dict[str, Field] = {field.name: field for field in fields()}


def build(settings: Mapping[str, Any], preset: str = DEFAULT_PRESET) -> Config:
    """The configuration that `settings` (field name to value) make on top of a preset.

    A preset's time limit and patience hold only where the settings name no limit of their own.
    Raises InputError naming the flag.
    """
    if preset not in PRESETS:
        raise InputError(f"--preset: unknown preset '{preset}'; {nearest(preset, PRESETS)}")
    recipe = RECIPES.get(settings.get("tokenizer") or "char", {})
    if settings.get("softmax") == "adaptive":
        recipe = {name: value for name, value in recipe.items() if name != "tied"}
    base = {**recipe, **PRESETS[preset], "patience": _PRESET_PATIENCE}
    if any(settings.get(limit) is not None for limit in LIMITS):
        base = {name: value for name, value in base.items() if name not in (*LIMITS, "patience")}
    if settings.get("parameters") is not None:
        if settings.get("hidden_size") is not None:
            raise InputError("--parameters solves --hidden-size: give one of the two")
        base.pop("hidden_size", None)
    merged = base | {name: value for name, value in settings.items() if value is not None}
    tree: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for name, value in merged.items():
        if name not in FIELDS:
            raise InputError(f"unknown setting '{name}'; {nearest(name, FIELDS)}")
        tree[FIELDS[name].section][name] = value
    return converted(tree, where="")


def changed(config: Config, settings: Mapping[str, Any]) -> Config:
    """`config` with some settings replaced, validated anew.  Raises InputError naming the flag."""
    tree = msgspec.to_builtins(config)
    for name, value in settings.items():
        tree[FIELDS[name].section][name] = value
    return converted(tree, where="")


def value_of(config: Config, name: str) -> Any:
    """The value of the setting called `name`."""
    return getattr(getattr(config, FIELDS[name].section), name)


def differences(old: Config, new: Config) -> dict[str, Any]:
    """The settings of `new` that are not those of `old`; what was written by the program is no setting."""
    return {
        name: value_of(new, name)
        for name in FIELDS
        if name != "sha256" and value_of(new, name) != value_of(old, name)
    }


def as_given(config: Config) -> tuple[str, dict[str, Any]]:
    """A preset, and the settings on top of it, that make `config`: the preset that leaves the fewest.

    The corpus is always among the settings.
    """
    found = []
    limits = {name: value_of(config, name) for name in LIMITS if value_of(config, name) is not None}
    decisive = {"tokenizer": config.text.tokenizer, "softmax": config.model.softmax}
    for preset in PRESETS:
        of_preset = limits == {name: PRESETS[preset].get(name) for name in limits}
        given = decisive if of_preset else decisive | limits
        settings = given | differences(build(given, preset), config)
        settings = {name: value for name, value in settings.items() if value is not None}
        exact = not differences(build(settings, preset), config)
        for name in decisive:
            if settings.get(name) == FIELDS[name].default:
                del settings[name]
        found.append((not exact, len(settings), preset, settings))
    _, _, preset, settings = min(found, key=lambda each: each[:2])
    return preset, settings | {"corpus": config.text.corpus}


def as_flags(settings: Mapping[str, Any]) -> list[str]:
    """Settings as a command line writes them, the corpus last."""
    flags = []
    for name, value in settings.items():
        if value is None or name == "corpus":
            continue
        flag = FIELDS[name].flag
        if isinstance(value, bool):
            flags.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            flags.append(f"{flag}={value}")
    corpus = settings.get("corpus")
    return flags if corpus is None else [*flags, "--", str(corpus)]


def command_of(config: Config) -> str:
    """The command line that makes a run of `config` again."""
    preset, settings = as_given(config)
    return shlex.join(["rnntui", "train", "--preset", preset, *as_flags(settings)])


_UNKNOWN = re.compile(r"unknown field `(\w+)`")
_NAMED = re.compile(r"(\w+): (.*)")
_PATH = re.compile(r"\$\.(\w+)\.?(\w*)")


def converted(tree: Mapping[str, Any], where: str) -> Config:
    try:
        return msgspec.convert(tree, Config, strict=True)
    except msgspec.ValidationError as error:
        raise InputError(_explain(str(error), where)) from None


def _explain(message: str, where: str) -> str:
    """One line from a validation message: the file and key, or the flag, then what is wrong."""
    reason, _, _ = message.partition(" - at `")
    path = _PATH.search(message)
    section, key = path.groups() if path else ("", "")
    if unknown := _UNKNOWN.search(message):
        known = [f.name for f in FIELDS.values() if f.section == section] if section else list(SECTIONS)
        return f"{where}: unknown key '{unknown[1]}' in [{section}]; {nearest(unknown[1], known)}"
    if not key and (named := _NAMED.match(reason)):
        # Checks of a whole section begin with the key that they speak of.
        key, reason = named.groups()
    if where:
        return f"{where}: {section}.{key}: {reason}" if key else f"{where}: {section or 'run.toml'}: {reason}"
    return f"{FIELDS[key].flag}: {reason}" if key in FIELDS else reason
