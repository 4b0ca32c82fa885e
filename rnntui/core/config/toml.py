"""`run.toml`: a configuration as a file that people read and edit."""

from __future__ import annotations

import tomllib
from typing import Any

import msgspec

from rnntui.core.config.defaults import DEFAULT_PRESET, PRESETS
from rnntui.core.config.fields import FIELDS
from rnntui.core.config.given import Given
from rnntui.core.config.resolve import CONFIG_FORMAT, Config, check_value, converted, value_of
from rnntui.core.config.schema import SECTIONS
from rnntui.core.errors import InputError, nearest


def to_toml(config: Config) -> str:
    """`run.toml` as text: every setting with its meaning; a setting left open is a commented line."""
    lines = [
        "# A run of rnntui.  Training settings may be edited before --resume.",
        f"format = {config.format}",
    ]
    for section, struct in SECTIONS.items():
        lines += ["", f"[{section}]  # {(struct.__doc__ or section).splitlines()[0].rstrip('.').lower()}"]
        for field in (field for field in FIELDS.values() if field.section == section):
            value = value_of(config, field.name)
            entry = f"# {field.name} =" if value is None else f"{field.name} = {_toml_value(value)}"
            lines.append(f"{entry:<32}  # {field.description}")
    if config.given is not None:
        lines += ["", "[given]  # what was chosen; the rest comes from rules and from the text"]
        lines += [f"preset = {_toml_value(config.given.preset)}"]
        lines += [f"{name} = {_toml_value(value)}" for name, value in config.given.settings.items()]
    if config.why:
        lines += ["", "[why]  # the reason for each other value"]
        lines += [f"{name} = {_toml_value(reason)}" for name, reason in config.why.items()]
    return "\n".join(lines) + "\n"


def from_toml(text: str, where: str) -> Config:
    """Read `run.toml`.  Raises InputError that names the file `where` and the key."""
    tree = toml_tree(text, where)
    version = tree.get("format")
    if isinstance(version, int) and version > CONFIG_FORMAT:
        raise InputError(
            f"{where}: format {str(version)[:12]} is newer than this rnntui knows ({CONFIG_FORMAT}); "
            "upgrade with pip install -U rnntui"
        )
    tree = _as_now(tree, where)
    given = tree.pop("given", None)
    config = converted(tree, where)
    if not config.why.keys() <= FIELDS.keys():
        raise InputError(f"{where}: why: names a setting that does not exist; delete the table")
    return config if given is None else msgspec.structs.replace(config, given=_given(given, where))


def _given(table: Any, where: str) -> Given:
    """Return the table [given], each value within the bounds of its setting.  Raises InputError naming the key."""
    if not isinstance(table, dict):
        raise InputError(f"{where}: given: expected a table; delete the key")
    settings = dict(table)
    preset = settings.pop("preset", DEFAULT_PRESET)
    if preset not in PRESETS:
        raise InputError(f"{where}: given.preset: unknown preset; {nearest(str(preset), PRESETS)}")
    for name, value in settings.items():
        if name not in FIELDS:
            raise InputError(f"{where}: given.{name}: unknown setting; {nearest(name, FIELDS)}")
        try:
            check_value(name, value)
        except InputError as error:
            raise InputError(f"{where}: given.{name}: {error}") from None
    return Given(settings, preset)


_OLDEST = {"lr": 1e-2, "epsilon": 1e-6, "schedule": "cosine", "weight_decay": 0.0}
"""Defaults of the oldest runs of format 1, where their file leaves them open."""


def _as_now(tree: dict[str, Any], where: str) -> dict[str, Any]:
    """A tree as this version writes it.  Raises InputError where a run has what is no longer supported.

    Language models learned whole tables until they could extend a vocabulary; what stood there of a column was
    nothing that they knew.
    """
    text, model = tree.get("text"), tree.get("model")
    if not isinstance(text, dict) or not isinstance(model, dict):
        return tree
    if model.get("softmax") == "adaptive":
        raise InputError(
            f"{where}: softmax 'adaptive' is no longer supported; train again with --softmax sampled"
        )
    training = tree.get("training")
    if tree.get("format", 1) == 1 and isinstance(training, dict):
        tree = tree | {"training": _OLDEST | training}
    if text.get("task", "lm") != "lm" or "extend_vocabulary" in model:
        return tree
    return tree | {"text": {name: value for name, value in text.items() if name != "text_column"}}


def toml_tree(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text.  Raises InputError that names the file `where`."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InputError(f"{where}: not TOML that can be read, nested too deeply") from None
    except ValueError as error:  # also a number of thousands of digits, which Python does not convert
        reason = str(error).partition(";")[0]
        raise InputError(f"{where}: not valid TOML: {reason}") from None


def _toml_value(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
        return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
    return repr(value)
