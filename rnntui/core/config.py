"""What a run is made of: one frozen, validated tree.

The command-line flags, the form on the first screen, `run.toml` and the table in the documentation all
come from the three sections in `sections.py`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from rnntui.core.cells import CELLS
from rnntui.core.errors import InputError, nearest, plain, short
from rnntui.core.kinds import KINDS, SAMPLE_TASKS, foreign
from rnntui.core.sections import ModelConfig, Section, TaskKind, TextConfig, TokenizerKind, TrainingConfig

FORMAT = 1
"""The version of the run folder's format.  A newer one than this is refused with one line."""


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
    "balanced": {"hidden_size": 320, "max_time": 300.0},
    "thorough": {"num_layers": 2, "max_time": 1200.0},
}
DEFAULT_PRESET = "balanced"

_WORDS: dict[str, Any] = {"tied": True, "embedding_size": 200, "hidden_size": 400, "bptt": 35}
RECIPES: dict[TokenizerKind, dict[str, Any]] = {
    "char": {},
    "byte": {},
    "word": _WORDS | {"softmax": "sampled"},
    "bpe": _WORDS,
}
"""What each kind of tokens adds to `balanced`; the other presets go before it."""
_STACKED: dict[str, Any] = {"num_layers": 3}
"""What `mingru` and `minlstm` add for characters: their gates read no state, so that one layer only sums up what it
reads, and others above it tell what came after what (Feng et al. 2024).  Of words one layer is enough."""
INHERITED = frozenset(
    (
        "tokenizer",
        "vocab_size",
        "min_count",
        "cell",
        "nonlinearity",
        "timescale",
        "num_layers",
        "hidden_size",
        "parameters",
        "embedding_size",
        "residual",
        "layer_norm",
        "tied",
        "softmax",
    )
)
"""Settings that a run which begins with another one has from that."""

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
        return _FLAGS.get(self.name) or "--" + self.name.replace("_", "-")


_FLAGS = {"corpus": "CORPUS", "begin_from": "--from"}
"""Settings that the command line calls otherwise."""


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
    task: TaskKind = settings.get("task") or SAMPLE_TASKS.get(str(settings.get("corpus")), "lm")
    if task not in KINDS:
        raise InputError(f"--task: unknown task '{task}'; {nearest(task, KINDS)}")
    for name in foreign(task):
        if settings.get(name) is not None:
            raise InputError(f"{FIELDS[name].flag}: nothing that --task {task} knows; leave it out")
    if settings.get("begin_from"):
        for name in sorted(INHERITED):
            if settings.get(name) is not None:
                raise InputError(f"{FIELDS[name].flag}: comes with --from; leave one of the two out")
    if settings.get("embeddings") and settings.get("embedding_size") is not None:
        raise InputError("--embedding-size: comes with --embeddings; leave it out")
    recipe = RECIPES.get(settings.get("tokenizer") or "char", {})
    chosen = PRESETS[preset]
    if task != "lm":
        recipe = {"task": task, **KINDS[task].recipe}
        if settings.get("begin_from"):
            recipe["bidirectional"] = False
        chosen = {name: value for name, value in chosen.items() if name in LIMITS}
    base = chosen | recipe if preset == DEFAULT_PRESET else recipe | chosen
    base = base | {"patience": _PRESET_PATIENCE}
    in_characters = task == "lm" and (settings.get("tokenizer") or "char") in ("char", "byte")
    if in_characters and settings.get("cell") in ("mingru", "minlstm"):
        base |= _STACKED
    if any(settings.get(limit) is not None for limit in LIMITS):
        base = {name: value for name, value in base.items() if name not in (*LIMITS, "patience")}
    if settings.get("optimizer") not in (None, base.get("optimizer", "adamw")):
        base.pop("lr", None)  # it is the other optimiser's
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


def check_value(name: str, value: Any) -> None:
    """Compare a value with the bounds of its setting alone.  Raises InputError naming the flag."""
    field = FIELDS[name]
    hints = get_type_hints(SECTIONS[field.section], include_extras=True)
    try:
        msgspec.convert(value, hints[name], strict=True)
    except msgspec.ValidationError as error:
        raise InputError(f"{field.flag}: {_with_value(str(error), field, value)}") from None


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
    decisive: dict[str, Any] = {"task": config.text.task}
    if config.model.begin_from:
        decisive["begin_from"] = config.model.begin_from
    else:
        decisive["tokenizer"] = config.text.tokenizer
        if config.text.task == "lm":
            decisive |= {"softmax": config.model.softmax, "cell": config.model.cell}
    for preset in PRESETS:
        of_preset = limits == {name: PRESETS[preset].get(name) for name in limits}
        given = decisive if of_preset else decisive | limits
        wanted = _without_inheritance(config, build(given, preset))
        settings = given | differences(build(given, preset), wanted)
        unknown = foreign(config.text.task)  # of those, an older version may have had other defaults
        settings = {
            name: value for name, value in settings.items() if value is not None and name not in unknown
        }
        exact = not differences(build(settings, preset), wanted)
        for name in decisive:
            without = {each: value for each, value in settings.items() if each != name}
            if name in settings and _makes(without, preset, build(settings, preset)):
                settings = without
        found.append((not exact, len(settings), preset, settings))
    _, _, preset, settings = min(found, key=lambda each: each[:2])
    return preset, settings | {"corpus": config.text.corpus}


def _makes(settings: Mapping[str, Any], preset: str, config: Config) -> bool:
    """Whether `settings` on top of a preset are `config`."""
    try:
        return build(settings, preset) == config
    except InputError:
        return False


def _without_inheritance(config: Config, plain: Config) -> Config:
    """`config` as it was before it had its network, or its embeddings, from elsewhere: there as `plain` has it."""
    names = INHERITED if config.model.begin_from else {"embedding_size"} if config.model.embeddings else ()
    return changed(config, {name: value_of(plain, name) for name in names})


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
        raise InputError(_explain(str(error), tree, where)) from None


def _with_value(reason: str, field: Field, value: Any) -> str:
    """Reason why the value of a setting is invalid, with the value."""
    if reason.startswith("Invalid enum value"):
        return f"'{short(str(value))}' is not one of {', '.join(field.choices)}"
    explained = plain(reason)
    return (
        explained if explained == reason or ", not " in explained else f"{explained}, not {short(str(value))}"
    )


def _explain(message: str, tree: Mapping[str, Any], where: str) -> str:
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
    of_a_setting = bool(section) and key in FIELDS
    reason = _with_value(reason, FIELDS[key], tree[section][key]) if of_a_setting else plain(reason)
    if where:
        return f"{where}: {section}.{key}: {reason}" if key else f"{where}: {section or 'run.toml'}: {reason}"
    return f"{FIELDS[key].flag}: {reason}" if key in FIELDS else reason
