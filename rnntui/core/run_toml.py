"""`run.toml`: a configuration as a file that people read and edit."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from rnntui.core.config import FIELDS, FORMAT, SECTIONS, Config, converted, value_of
from rnntui.core.errors import InputError


def to_toml(config: Config) -> str:
    """`run.toml` as text: every setting with its meaning; a setting left open is a commented line."""
    lines = [
        "# A run of rnntui.  Training settings may be edited before --resume.",
        f"format = {config.format}",
    ]
    for section, struct in SECTIONS.items():
        lines += ["", f"[{section}]  # {(struct.__doc__ or '').splitlines()[0].rstrip('.').lower()}"]
        for field in (field for field in FIELDS.values() if field.section == section):
            value = value_of(config, field.name)
            entry = f"# {field.name} =" if value is None else f"{field.name} = {_toml_value(value)}"
            lines.append(f"{entry:<32}  # {field.description}")
    return "\n".join(lines) + "\n"


def from_toml(text: str, where: str) -> Config:
    """Read `run.toml`.  Raises InputError that names the file `where` and the key."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where}: not valid TOML: {error}") from None
    version = tree.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise InputError(
            f"{where}: format {version} is newer than this rnntui knows ({FORMAT}); upgrade with pip install -U rnntui"
        )
    return converted(tree, where)


def read_toml(path: Path) -> Config:
    """Read the `run.toml` at `path`.  Raises InputError that names the file and the key."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path.parent}: no run lives there (no run.toml); see `rnntui runs list`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    return from_toml(text, str(path))


def _toml_value(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
        return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
    return repr(value)
