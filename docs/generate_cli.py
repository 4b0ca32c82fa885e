"""Writes docs/cli.md from the commands, the settings and the registries of cells and tokenizers.

python docs/generate_cli.py
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from rnntui.cli.commands import cli
from rnntui.core.cells import CELLS
from rnntui.core.config import DEFAULT_PRESET, FIELDS, PRESETS, SECTIONS, build, value_of
from rnntui.core.config.defaults import rules
from rnntui.core.config.tasks import DEFAULT_TASK, TASKS
from rnntui.core.config.tokenizers import TOKENIZERS

PATH = Path(__file__).with_name("cli.md")


def reference() -> str:
    """The whole page."""
    root = click.Context(cli, info_name="rnntui")
    lines = ["# Commands", "", "Made by `python docs/generate_cli.py` from the commands themselves.", ""]
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        assert command is not None
        lines += describe(command, click.Context(command, info_name=name, parent=root))
    return "\n".join([*lines, *settings(), *defaults(), *cells(), *tokenizers()])


def describe(command: click.Command, context: click.Context) -> list[str]:
    """A command, or the commands of a group."""
    if isinstance(command, click.Group):
        lines = []
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            lines += describe(inner, click.Context(inner, info_name=name, parent=context))
        return lines
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    text = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    lines = [f"## `{context.command_path}`", "", f"    {usage}", "", text, ""]
    settings = FIELDS if command.name in ("train", "duel", "sweep") else {}
    options = [p for p in command.params if isinstance(p, click.Option) and p.name not in settings]
    if options:
        lines += ["| option | meaning |", "|---|---|"]
        lines += [f"| {row(option, context)} |" for option in options]
        lines.append("")
    if settings:
        known = {p.name for p in command.params}
        missing = [
            f"`{field.flag}`" for field in FIELDS.values() if field.name not in known | {"corpus", "sha256"}
        ]
        but = f" but {' and '.join(missing)}" if missing else ""
        lines += [f"And every flag of [Settings](#settings){but}.", ""]
    return lines


def row(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    assert record is not None
    flag, meaning = (text.replace("|", "\\|") for text in record)
    return f"`{flag}` | {meaning}"


def settings() -> list[str]:
    """The table of `run.toml`, which is the table of flags."""
    lines = ["## Settings", "", "Flags of `rnntui train` and keys of `run.toml`, by section.", ""]
    for section, struct in SECTIONS.items():
        heading = (struct.__doc__ or "").splitlines()[0]
        lines += [f"### [{section}]", "", heading, "", "| flag | default | meaning |", "|---|---|---|"]
        for field in (field for field in FIELDS.values() if field.section == section):
            name = "`sha256`" if field.name == "sha256" else f"`{field.flag}`"
            default = "" if field.default in (None, "") else f"`{str(field.default).lower()}`"
            choices = f": {', '.join(field.choices)}" if field.choices else ""
            lines.append(f"| {name} | {default} | {field.description}{choices} |")
        lines.append("")
    return lines


def defaults() -> list[str]:
    """The rules for what is left open, and what they make of the most common choices."""
    lines = [
        "## Defaults",
        "",
        "What no flag sets comes from these rules, in this order; a later one overrides an earlier one. "
        "`rnntui runs show RUN --why` names the reason for every value of a run.",
        "",
        "| rule | meaning |",
        "|---|---|",
        *(f"| {name} | {meaning} |" for name, meaning in rules()),
        "",
        "Before the text is read:",
        "",
        "| choice | sets |",
        "|---|---|",
    ]
    for choice in (
        *({"preset": preset} for preset in PRESETS),
        *({"cell": name} for name, spec in CELLS.items() if not spec.recurrent),
        *({"tokenizer": kind} for kind, spec in TOKENIZERS.items() if spec.unit != "character"),
        *({"task": task} for task in TASKS if task != DEFAULT_TASK),
    ):
        settings = {name: value for name, value in choice.items() if name != "preset"}
        config = build(settings, choice.get("preset", DEFAULT_PRESET))
        values = {name: value_of(config, name) for name in config.why}
        ((name, value),) = choice.items()
        lines.append(f"| `--{name} {value}` | {listed(values)} |")
    return [*lines, ""]


def listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in settings.items())


def cells() -> list[str]:
    lines = ["## Cells", "", "| `--cell` | name | what it is good and bad at |", "|---|---|---|"]
    lines += [f"| `{name}` | {entry.title} | {entry.summary} |" for name, entry in CELLS.items()]
    return [*lines, ""]


def tokenizers() -> list[str]:
    lines = ["## Tokenizers", "", "| `--tokenizer` | tokens | largest vocabulary |", "|---|---|---|"]
    lines += [f"| `{name}` | {spec.summary} | {spec.vocab_size or ''} |" for name, spec in TOKENIZERS.items()]
    return [*lines, ""]


if __name__ == "__main__":
    PATH.write_text(reference(), encoding="utf-8")
