"""From what a person chose to a whole configuration, with the reason for every value."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, get_type_hints

import msgspec

from rnntui.core.config.defaults import DEFAULT_PRESET, NOTHING_KNOWN, PRESETS, Draft, Facts
from rnntui.core.config.fields import FIELDS, Field
from rnntui.core.config.given import Given, as_flags
from rnntui.core.config.schema import (
    INHERITED,
    PLACES,
    SECTIONS,
    ModelConfig,
    TextConfig,
    TrainingConfig,
)
from rnntui.core.config.tasks import DEFAULT_TASK, TASKS, foreign, task_of_sample
from rnntui.core.errors import InputError, nearest, plain, short

CONFIG_FORMAT = 2
"""The version of the run folder's format.  A newer one than this is refused with one line."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole run: the content of `run.toml`."""

    format: int = CONFIG_FORMAT
    text: TextConfig = TextConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    given: Given | None = None
    """The choice behind it; None in a run of format 1, which did not keep it."""
    why: dict[str, str] = {}
    """The reason for each value that is neither given nor the schema's default."""


def resolve(given: Given, facts: Facts = NOTHING_KNOWN) -> Config:
    """Return the configuration that a person's choice makes, as far as the facts decide it.

    Raises InputError that names the flag.
    """
    settings = {name: value for name, value in given.settings.items() if value is not None}
    for name in settings:
        if name not in FIELDS:
            raise InputError(f"unknown setting '{name}'; {nearest(name, FIELDS)}")
    if given.preset not in PRESETS:
        raise InputError(f"--preset: unknown preset '{given.preset}'; {nearest(given.preset, PRESETS)}")
    task: str = settings.get("task") or task_of_sample(str(settings.get("corpus")))
    if task not in TASKS:
        raise InputError(f"--task: unknown task '{task}'; {nearest(task, TASKS)}")
    _require_consistent(settings, task)
    converted(_by_section(settings), where="")  # rules may count on valid settings
    draft = Draft(settings | {"task": task}, given.preset, facts)
    draft.complete()
    reasons = draft.reasons
    if "task" not in settings and task != DEFAULT_TASK:
        reasons = reasons | {"task": "a sample's own"}
    config = converted(_by_section(draft.values | draft.chosen), where="")
    return msgspec.structs.replace(config, given=Given(settings, given.preset), why=reasons)


def build(settings: Mapping[str, Any], preset: str = DEFAULT_PRESET) -> Config:
    """Return `resolve` of settings on a preset, before a corpus is read."""
    return resolve(Given(dict(settings), preset))


def completed(config: Config, facts: Facts) -> Config:
    """Return `config` with what is still open set by the rules, now that more is known."""
    known = {name: value_of(config, name) for name in FIELDS}
    draft = Draft(known, config.given.preset if config.given else DEFAULT_PRESET, facts)
    draft.complete()
    found = changed(config, draft.values)
    return msgspec.structs.replace(found, why=config.why | draft.reasons)


def _by_section(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return settings as the tree of `run.toml`."""
    tree: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for name, value in settings.items():
        tree[FIELDS[name].section][name] = value
    return tree


def _require_consistent(settings: Mapping[str, Any], task: str) -> None:
    """Raise InputError for settings that exclude each other, or that the task does not have."""
    for name in foreign(task):
        if name in settings:
            raise InputError(f"{FIELDS[name].flag} is not a setting of --task {task}; remove it")
    if settings.get("begin_from"):
        for name in sorted(INHERITED):
            if name in settings:
                raise InputError(f"{FIELDS[name].flag} comes with --from; remove one of the two")
    if settings.get("embeddings") and "embedding_size" in settings:
        raise InputError("--embedding-size comes with --embeddings; remove it")
    if "parameters" in settings and "hidden_size" in settings:
        raise InputError("--parameters chooses --hidden-size; remove one of the two")


def changed(config: Config, settings: Mapping[str, Any], why: str = "") -> Config:
    """Return `config` with some settings replaced, validated anew, with the reason for it.

    Raises InputError naming the flag.
    """
    tree = {section: msgspec.to_builtins(getattr(config, section)) for section in SECTIONS}
    for name, value in settings.items():
        tree[FIELDS[name].section][name] = value
    found = converted(tree, where="")
    given, reasons = config.given, dict(config.why)
    if given is not None:  # a file is named in one form only
        places = {
            name: value for name, value in settings.items() if name in PLACES and name in given.settings
        }
        given = given.with_settings(places)
    if why:
        reasons |= dict.fromkeys(differences(config, found), why)
    return msgspec.structs.replace(found, format=config.format, given=given, why=reasons)


def chosen_anew(config: Config, settings: Mapping[str, Any]) -> Config:
    """Return `config` with settings that a person chose later.  Raises InputError naming the flag."""
    found = changed(config, settings)
    given = None if config.given is None else config.given.with_settings(settings)
    reasons = {name: each for name, each in config.why.items() if name not in settings}
    return msgspec.structs.replace(found, given=given, why=reasons)


def given_of(config: Config) -> Given:
    """Return what a person chose; of a run of format 1 all of its settings."""
    if config.given is not None:
        return config.given.with_settings({"corpus": config.text.corpus})
    inherited = (
        INHERITED if config.model.begin_from else {"embedding_size"} if config.model.embeddings else ()
    )
    unknown = {"sha256", *foreign(config.text.task), *inherited}
    return Given().with_settings({name: value_of(config, name) for name in FIELDS if name not in unknown})


def reason_for(config: Config, name: str) -> str:
    """Return why a setting has its value: 'given', a rule's reason, or 'default'."""
    if name == "sha256":
        return "digest of the text"
    if name in config.why:
        return config.why[name]
    if config.given is None:
        return "as in run.toml (format 1)"
    if name in config.given.settings:
        return "given" if config.given.settings[name] == value_of(config, name) else "edited in run.toml"
    return "default" if value_of(config, name) == FIELDS[name].default else "edited in run.toml"


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


def command_of(config: Config) -> str:
    """Return the command line that makes a run of `config` again."""
    given = given_of(config)
    return shlex.join(["rnntui", "train", "--preset", given.preset, *as_flags(given.settings)])


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
