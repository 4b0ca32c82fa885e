"""Flags made from the configuration, and the value types that they read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click
from click.shell_completion import CompletionItem

from rnntui.cli import COMPLETING
from rnntui.cli.output import report, write_line
from rnntui.core.config import DEFAULT_PRESET, FIELDS, PLACES, PRESETS, Field
from rnntui.core.config.parse import read
from rnntui.core.errors import short
from rnntui.core.files import expanded
from rnntui.ui.terminal_safety import visible_line

_NOT_FLAGS = ("corpus", "sha256")
"""The corpus is the command's argument; its digest is written, not given."""

Function = TypeVar("Function", bound=Callable[..., Any])


class RunName(click.ParamType[str]):
    """A run: a folder, or a name in the runs' home.  The shell completes both."""

    name = "run"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from rnntui.core.runs.store import names

        found = [name for name in names() if name.startswith(incomplete)]
        return [CompletionItem(name) for name in found] or [CompletionItem(incomplete, type="dir")]


class _Path(click.Path):
    """A path.  An empty name, as of a variable that is not set, would be the present folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value).strip():
            self.fail("an empty name; leave the flag out, or give it one", param, ctx)
        value = str(expanded(str(value)))
        try:
            Path(value).resolve()
        except (RuntimeError, OSError):
            self.fail(f"{value}: a loop of links; choose another one", param, ctx)
        try:
            str(value).encode()
        except UnicodeEncodeError:
            self.fail(f"{value}: the name is not UTF-8; choose another one", param, ctx)
        return super().convert(value, param, ctx)


RUN_FOLDER = _Path(file_okay=False, path_type=Path)
"""The folder of a run or of a study."""


class CorpusName(click.ParamType[str]):
    """A corpus: a sample's name or a path.  The shell completes both."""

    name = "corpus"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from rnntui.core.text.catalogue import SAMPLES

        found = [name for name in SAMPLES if name.startswith(incomplete)]
        samples = [CompletionItem(name, help=SAMPLES[name].summary) for name in found]
        return samples or [CompletionItem(incomplete, type="file")]


class _Typed(click.ParamType[Any]):
    """A setting that is a number, with a unit letter where it has a unit."""

    def __init__(self, field: Field) -> None:
        self.field, self.name = field, field.unit or {int: "integer", float: "float"}[field.kind]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return read(self.field, str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def config_options(without: Container[str] = (), searched: bool = False) -> Callable[[Function], Function]:
    """Add a flag for every setting of the configuration but those `without`, and `--preset`.

    With `searched`, the flags take texts: what a setting may be, in place of what it is.
    """
    fields = [
        field for field in FIELDS.values() if field.name not in _NOT_FLAGS and field.name not in without
    ]
    preset = click.option(
        "--preset",
        type=click.Choice(list(PRESETS)),
        default=DEFAULT_PRESET,
        show_default=True,
        help="how much time a model is given: sets what no flag says",
    )

    def add(function: Function) -> Function:
        for field in reversed(fields):
            function = _option(field, searched)(function)
        return _help_all(preset(function))

    return add


def _show_all(context: click.Context, param: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    advanced = [each for each in context.command.params if isinstance(each, click.Option) and each.hidden]
    for each in advanced:
        each.hidden = False
    write_line(context.get_help())
    for each in advanced:
        each.hidden = True
    context.exit()


_help_all = click.option(
    "--help-all",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_all,
    help="show every flag, advanced ones too, and exit",
)


def _option(field: Field, searched: bool) -> Callable[[Function], Function]:
    shown = field.description
    if field.default not in (None, "", False):
        shown += f"  [default: {field.default}]"
    hidden = field.advanced and COMPLETING not in os.environ  # the shell completes every flag
    if searched:
        return click.option(field.flag, field.name, type=str, default=None, help=shown, hidden=hidden)
    if field.kind is bool:
        name = field.flag[2:]
        return click.option(f"--{name}/--no-{name}", field.name, default=None, help=shown, hidden=hidden)
    kind: Any = click.Choice(field.choices) if field.choices else field.kind
    if kind in (int, float):
        kind = _Typed(field)
    if field.name in PLACES:
        kind = _Path()
    return click.option(field.flag, field.name, type=kind, default=None, help=shown, hidden=hidden)


OUTPUT = _Path(dir_okay=False, path_type=Path)
"""A file that is written."""


def output_option(told: str, **more: Any) -> Callable[[Function], Function]:
    """`-o`, `--output`: a file that is written; `told` says what goes there."""
    return click.option("-o", "--output", type=OUTPUT, help=told, **more)


checkpoint_option = click.option(
    "--checkpoint", default="best", show_default=True, help="best, last, or a step that is saved"
)
device_option = click.option(
    "--device",
    type=click.Choice(FIELDS["device"].choices),
    default="cpu",
    show_default=True,
    help="where to compute",
)
writing_device_option = click.option(
    "--device",
    type=click.Choice(FIELDS["device"].choices),
    default="cpu",
    expose_value=False,
    help="taken as everywhere; token by token, the CPU is the fastest and does it",
)
quantize_option = click.option(
    "--quantize",
    type=click.Choice(["none", "int8"]),
    default="none",
    show_default=True,
    help="int8 holds the weights in a quarter of the memory: faster where they exceed the cache",
)


class Number(click.FloatRange):
    """A number between bounds; what is none, as `nan`, is refused, though no bound is passed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"{value} is no number; give one from {self.min:g} to {self.max:g}", param, ctx)
        return number


def helping_options(function: Function) -> Function:
    """Add the switches of what helps a model while it reads."""
    function = click.option(
        "--counts",
        is_flag=True,
        help="count what followed the last tokens, in training and in what was read, and mix that with the network",
    )(function)
    function = click.option(
        "--cache", is_flag=True, help="look for places in what was read that were alike (the neural cache)"
    )(function)
    return click.option(
        "--dynamic",
        is_flag=True,
        help="learn from every 32 tokens that were read (dynamic evaluation, at one rate for all texts)",
    )(function)


_NAMED = 5
"""Columns that a line names."""


def with_task(given: dict[str, Any]) -> dict[str, Any]:
    """Settings with the task that the corpus is for, where nobody named one; what was found in a table is said."""
    from rnntui.core.config.tasks import DEFAULT_TASK, TASKS
    from rnntui.core.text.catalogue import SAMPLES
    from rnntui.core.text.tables import columns_of, task_for

    corpus = str(given.get("corpus") or "")
    if given.get("task") or corpus in SAMPLES:
        return given
    for task, spec in TASKS.items():
        for name in spec.implied_by:
            if given.get(name) is not None:
                report(f"{FIELDS[name].flag}: so --task {task}")
                return given | {"task": task}
    if (task := task_for(corpus)) == DEFAULT_TASK:
        if given.get("text_column") is None and (columns := sorted(columns_of(corpus))):
            named = ", ".join(map(short, columns[:_NAMED])) + " …" * (len(columns) > _NAMED)
            report(
                visible_line(
                    f"{corpus}: read as running text, with all that stands between its columns ({named}); for one "
                    f"column add --text-column, for labels or pairs --task and the names of their columns"
                )
            )
        return given
    report(
        visible_line(
            f"{corpus}: a table for --task {task}, by its columns; --task lm reads it as running text"
        )
    )
    return given | {"task": task}


def encoding_options(function: Function) -> Function:
    """Options for the encoding of a text that the command reads."""
    for option in (
        click.option(
            "--on-error",
            type=click.Choice(["stop", "replace"]),
            default="stop",
            show_default=True,
            help="where that text is damaged: stop, or read U+FFFD",
        ),
        click.option("--encoding", default="auto", show_default=True, help="of a text that is read"),
    ):
        function = option(function)
    return function


json_option = click.option("--json", "as_json", is_flag=True, help="print JSON")


def text_argument(value: str) -> str:
    """A text from the command line; `-` reads standard input: no byte order mark, undecodable bytes replaced."""
    if value == "-":
        return sys.stdin.buffer.read().decode("utf-8", "replace").removeprefix("\ufeff")
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def named(value: str) -> str:
    """Name of an argument in messages."""
    return "standard input" if value == "-" else "TEXT"
