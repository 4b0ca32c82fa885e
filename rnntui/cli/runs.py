"""`rnntui runs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import rich_click as click

from rnntui.cli.display import beside
from rnntui.cli.options import RunName, json_option, output_option
from rnntui.cli.output import as_json_text, confirm, print_table, report, show_line, write, write_line
from rnntui.cli.repeats import group_lines
from rnntui.core.config import FIELDS, Config, command_of, reason_for, value_of
from rnntui.core.config.toml import to_toml
from rnntui.core.errors import InputError, oneline
from rnntui.core.runs import store
from rnntui.core.runs.folder import last_words
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible, visible_line

if TYPE_CHECKING:
    from rnntui.core.runs.summaries import RunSummary


_CELL = 60
"""Characters of a cell of the table at most."""


@click.group()
def runs() -> None:
    """The runs that are kept."""


@runs.command("list")
@json_option
def list_(as_json: bool) -> None:
    """All runs in the runs' home, the newest last."""
    from rnntui.core.runs.index import RunIndex

    summaries = RunIndex().look()
    if as_json:
        write_line(as_json_text(summaries))
    elif not summaries:
        report(f"no runs yet in {store.runs_home()}; start one with `rnntui train`")
    else:
        _print_table(summaries)
        for line in group_lines(summaries):
            show_line(line)
        for each in summaries:
            if each.reason is not None:
                report(f"unreadable: {visible_line(each.reason, 400)}")


def _print_table(summaries: list[RunSummary]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "corpus", "cell", "tokens", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("parameters", "steps", "perplexity", "bits/byte", "accuracy", "tokens/s"):
        table.add_column(heading, justify="right")
    for each in summaries:
        cells = (
            each.name,
            store.short_corpus(each.corpus),
            each.cell,
            each.tokenizer,
            each.state,
            formats.count(each.parameters) if each.parameters else "–",
            f"{each.step:,}",
            formats.number(each.perplexity, 2),
            formats.number(each.bits_per_byte),
            "–" if each.accuracy is None else f"{each.accuracy:.1%}",
            f"{each.tokens_per_s:,.0f}" if each.tokens_per_s else "–",
        )
        table.add_row(*(Text(visible_line(cell, _CELL)) for cell in cells))
    print_table(table, None if sys.stdout.isatty() else 200)  # a pipe has no width to fit


@runs.command()
@click.argument("run", type=RunName())
@click.option("--why", is_flag=True, help="the reason for every setting, in the place of run.toml")
@json_option
def show(run: str, why: bool, as_json: bool) -> None:
    """One run: its figures, the command that reproduces it, and its configuration."""
    from rnntui.core.runs.summaries import read_history, summary_of

    found = store.find(run)
    history = read_history(found)
    summary, rivals = summary_of(found, history), list(history.baselines.values())
    if as_json:
        content = msgspec.to_builtins(summary) | {
            "baselines": msgspec.to_builtins(rivals),
            "config": msgspec.to_builtins(found.config),
            "command": _command(found.config),
            "why": {name: reason_for(found.config, name) for name in FIELDS},
            "versions": found.versions(),
        }
        write_line(as_json_text(content))
        return
    show_line(f"{visible_line(summary.path)}: {summary.state} at step {summary.step:,}")
    best = history.best
    if best is not None and best.loss is not None:
        show_line(f"best {visible_line(best.split)} ({visible_line(best.protocol)}): {formats.scores(best)}")
    for line in beside(rivals, summary.bits_per_byte):
        show_line(line)
    if summary.state == "crashed" and (words := last_words(found.path)):
        show_line(f"stderr.log ends: {visible_line(words, 200)}")
    show_line(f"reproduce: {visible_line(_command(found.config))}")
    if changed := len(history.adjustments):
        times = "once" if changed == 1 else f"{changed} times"
        show_line(f"by hand: the learning rate was changed {times}, which that command does not repeat")
    if versions := found.versions():
        show_line(
            "made with: " + ", ".join(f"{name} {visible_line(each)}" for name, each in versions.items())
        )
    write("\n" + (_reasons(found.config) if why else visible(to_toml(found.config))))


def _reasons(config: Config) -> str:
    """A line for each setting: its value and the reason for it."""
    rows = [
        (
            name,
            "-" if (value := value_of(config, name)) in (None, "") else str(value),
            reason_for(config, name),
        )
        for name in FIELDS
    ]
    name_width = max(len(name) for name, _, _ in rows)
    width = min(24, max(len(value) for _, value, _ in rows))
    lines = (
        f"{name:<{name_width}}  {visible_line(value, 200):<{width}}  {visible_line(reason, 200)}"
        for name, value, reason in rows
    )
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _command(config: Config) -> str:
    """The command that makes a run again, or why there is none: its file may have been edited."""
    try:
        return command_of(config)
    except InputError as error:
        return f"not with these settings ({oneline(error)})"


@runs.command()
@click.argument("run", nargs=-1, required=True, type=RunName())
@click.option("--yes", is_flag=True, help="do not ask")
def remove(run: tuple[str, ...], yes: bool) -> None:
    """Delete runs with all their checkpoints."""
    found = list(dict.fromkeys(store.locate(name) for name in run))
    for each in found:
        store.require_idle(each)  # all of them are looked at before one is deleted
    if not yes:
        if not sys.stdin.isatty():
            raise InputError("--yes: needed to delete runs without a terminal to ask on")
        names = ", ".join(visible_line(each.name) for each in found)
        confirm(f"Delete {names} with all checkpoints?")
    for each in found:
        left = store.remove(each)
        kept = f"; not part of the run, and left: {store.names_of(left)}" if left else ""
        report(f"removed {visible_line(str(each))}{visible_line(kept)}")


@runs.command()
@click.argument("run", nargs=-1, required=True, type=RunName())
@output_option("where the picture goes", default=Path("curves.svg"), show_default=True)
@click.option(
    "--x",
    "x_axis",
    type=click.Choice(["steps", "tokens", "seconds"]),
    default="steps",
    show_default=True,
    help="what the curves run along",
)
@click.option(
    "--unit",
    type=click.Choice(["bits/byte", "perplexity"]),
    default="bits/byte",
    show_default=True,
    help="what they show; bits per byte compare between tokenizers",
)
@click.option("--linear", is_flag=True, help="a linear scale in the place of a logarithmic one")
def plot(run: tuple[str, ...], output: Path, x_axis: Any, unit: Any, linear: bool) -> None:
    """The learning curves of runs as a picture, an SVG file."""
    from rnntui.cli.pictures import check_picture, write_picture
    from rnntui.core.runs.summaries import read_history
    from rnntui.plots.svg import picture

    check_picture(output)
    found = [store.find(name) for name in run]
    drawn = picture([(each.name, read_history(each)) for each in found], x_axis, unit, not linear)
    write_picture(output, drawn)
    write_line(str(output))


COMMANDS = (runs,)
