"""Several trainings that answer one question: `duel` and `sweep`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import rich_click as click

from rnntui.cli.display import preparing
from rnntui.cli.options import RUN_FOLDER, CorpusName, config_options, with_task
from rnntui.cli.output import report, show_line, write_line
from rnntui.cli.repeats import RunsDisplay, group_lines, print_columns, require_one_process, seeds_of
from rnntui.core import config
from rnntui.core.config import FIELDS, LIMITS
from rnntui.core.config.parse import shown
from rnntui.core.config.tasks import TASKS
from rnntui.core.errors import InputError, RnntuiError
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run, require_free
from rnntui.core.studies.duelists import DUELISTS, cells_named, paths_of, reservations
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

if TYPE_CHECKING:
    from rnntui.core.runs.folder import Run
    from rnntui.core.runs.summaries import RunSummary

_PARAMETERS, _SECONDS = 1_000_000, 60.0
_WIDTH, _HEIGHT = 80, 20
"""Columns and rows of a plot in plain output."""


@click.command()
@click.argument("corpus", required=False, type=CorpusName())
@click.option("--cells", default=",".join(DUELISTS), show_default=True, help="who meets whom")
@click.option("--headless", is_flag=True, help="run here, without the screen")
@click.option(
    "--seeds",
    type=click.IntRange(min=2),
    help="so many duels, each with another seed, and a paired comparison; without the screen",
)
@click.option(
    "--run",
    "base",
    type=RUN_FOLDER,
    help="how the run folders' names begin [default: new ones]",
)
@click.option("--json", "as_json", is_flag=True, help="print the events, then the standings, as JSON lines")
@config_options(without=("cell", "hidden_size"))
def duel(
    corpus: str | None,
    cells: str,
    headless: bool,
    seeds: int | None,
    base: Path | None,
    as_json: bool,
    preset: str,
    **settings: Any,
) -> int:
    """Let cells race on CORPUS: equal parameters (1M), equal time (60s), in turns on one device.

    Each is a run like any other afterwards: it can be looked at, written with, and trained on.  Standard output is
    the standings, the best first, by bits per byte of the held-out part.
    """
    names = cells_named(cells)
    given = {"corpus": corpus, **settings}
    given = {name: value for name, value in given.items() if value is not None}
    given = with_task(given)
    given.setdefault("parameters", _PARAMETERS)
    if not any(limit in given for limit in LIMITS):
        given["max_time"] = _SECONDS
    configs = [config.build(given | {"cell": cell}, preset) for cell in names]
    require_one_process(configs[0])
    base = (base or store.free_path(configs[0], "duel")).resolve()
    rounds = [
        (ending, [config.build(given | {"cell": cell, **seed}, preset) for cell in names])
        for ending, seed in seeds_of(configs[0], seeds)
    ]
    for ending, _ in rounds:
        for path in paths_of(base, names, ending):
            require_free(path)
    if seeds and corpus == "-":
        raise InputError("--seeds: read the text again, and standard input can be read once; name a file")
    if not headless and not as_json and not seeds and sys.stdout.isatty() and sys.stdin.isatty():
        if corpus == "-":
            raise InputError("CORPUS: standard input cannot feed both the text and the keys; add --headless")
        from rnntui.tui.app import open_duel

        code = open_duel(given, preset, names, base)
        opened = [run for path in paths_of(base, names) if (run := _opened(path))]
        if opened:
            _tell_standings(opened)
        return code if opened else 1
    from rnntui.core.studies.duel import contestants, standings
    from rnntui.core.studies.duel import duel as dueling

    display = RunsDisplay(as_json)
    raced: list[Run] = []
    for ending, wanted in rounds:
        with preparing() as show:
            racing = contestants(wanted, base, show, ending)
        raced += racing
        display.expect((run.path for run in racing), names)
        for told in dueling(racing):
            display.show(told)
        if "interrupted" in display.reasons:
            break
    reasons = display.reasons
    if display.stream:
        found = standings(raced)
        answer = {"type": "standings", "runs": found, "comparison": group_lines(found)}
        display.stream.write(msgspec.json.encode(answer).decode())
        display.stream.end()
    else:
        report("\n".join(_plot(raced)))
        _tell_standings(raced, len(rounds))
    return 130 if "interrupted" in reasons else 1 if reasons == {"error"} else 0


def _opened(path: Path) -> Run | None:
    """The run at `path`, if it came to be one."""
    try:
        return Run.open(path)
    except InputError:
        return None


def _plot(racing: Sequence[Run]) -> list[str]:
    """The curves over the seconds, for plain output."""
    from rnntui.core.runs.summaries import read_history
    from rnntui.plots.chart import LETTERS, MARGIN, chart, plain
    from rnntui.plots.series import EVALUATED, fitted, series_of

    found = [
        each
        for number, run in enumerate(racing)
        for each in series_of(read_history(run), "seconds", "bits/byte", _WIDTH, run=number)
        if each.role in ("training", *EVALUATED)
    ]
    x, y = fitted(found, log=True)
    names = "  ".join(f"{LETTERS[i]} {visible_line(run.name, 24)}" for i, run in enumerate(racing))
    unit = TASKS[racing[0].config.text.task].unit
    return [f"{unit} over seconds", *plain(chart(found, x, y, _WIDTH - MARGIN, _HEIGHT, "braille")), names]


def _tell_standings(racing: Sequence[Run], seeds: int = 1) -> None:
    from rnntui.core.studies.duel import standings

    spec = TASKS[racing[0].config.text.task]
    print_columns(
        [
            "cell",
            "units",
            "parameters",
            f"valid {spec.unit} ({spec.protocol})",
            "perplexity",
            "tokens/s",
            "steps",
            "run",
        ],
        [_row(run, each) for each in standings(racing) for run in racing if str(run.path) == each.path],
    )
    for line in group_lines(standings(racing)):
        show_line(line)
    report(reservations((run.config for run in racing), seeds))


def _row(run: Run, each: RunSummary) -> list[str]:
    return [
        each.cell,
        f"{run.config.model.hidden_size:,}",
        f"{each.parameters:,}" if each.parameters else "–",
        formats.number(each.bits),
        formats.number(each.perplexity),
        f"{each.tokens_per_s:,.0f}" if each.tokens_per_s else "–",
        f"{each.step:,}",
        each.name,
    ]


@click.command()
@click.argument("corpus", required=False, type=CorpusName())
@click.option("--trials", type=click.IntRange(min=1), default=30, show_default=True, help="trainings in all")
@click.option(
    "--study",
    type=RUN_FOLDER,
    help="the folder of the sweep; one that exists is gone on with, also by several at once [default: a new one]",
)
@click.option(
    "--storage",
    metavar="URL",
    help="a database that machines share, as postgresql://USER@HOST/DB; workers join by the name of --study",
)
@click.option("--json", "as_json", is_flag=True, help="print each trial, then the best, as JSON lines")
@config_options(searched=True)
def sweep(
    corpus: str | None,
    trials: int,
    study: Path | None,
    storage: str | None,
    as_json: bool,
    preset: str,
    **texts: str | None,
) -> None:
    """Choose settings for CORPUS by validation: those given as a choice or a range are searched.

    As in: rnntui sweep tales --cell lstm,gru --hidden-size 128..1024 --lr 1e-3..2e-2 --trials 30 --max-time 60s.
    Trials that are behind the median of the others are ended early.  The best settings are written into run.toml in
    the sweep's folder, and printed as a command.  With --storage, workers on any machine share the trials: the first
    one gives the settings, others need --storage and --study alone.
    """
    from rnntui.cli.sweep_trials import sweep_plot, trials_display
    from rnntui.core.studies.space import space_of
    from rnntui.core.studies.storage import hidden
    from rnntui.core.studies.sweep import Sweep, new_folder
    from rnntui.core.text.corpus import canonical

    if corpus == "-":
        raise InputError("CORPUS: standard input can be read once, but every trial reads it; name a file")
    if storage is not None and study is None:
        raise InputError("--storage: name the study that all workers share, as --study NAME")
    fixed, space = space_of({name: text for name, text in texts.items() if text is not None})
    if corpus is not None:
        fixed["corpus"] = canonical(corpus)
        fixed = with_task(fixed)
    if storage is not None and (fixed or corpus) and not space:
        raise InputError(
            "nothing to search: give a setting choices or a range; to join a study give no settings at all"
        )
    if not any(limit in fixed or limit in space for limit in LIMITS):
        fixed["max_time"] = _SECONDS
    configuration = config.build(fixed, preset)
    require_one_process(configuration)
    searching = Sweep((study or new_folder(configuration)).resolve(), fixed, space, preset, storage)
    shared = f", shared in {visible_line(hidden(storage))}" if storage else ""
    report(f"sweep in {visible_line(str(searching.path))}{shared}")
    with trials_display(as_json) as display:
        for trial in searching.run(trials):
            display.show(trial, searching)
    best = searching.best
    if best is None:
        raise RnntuiError(f"{searching.path}: no trial came to its end; see the faults above")
    command = config.command_of(searching.config_of(best))
    importance = searching.importance()
    if as_json:
        answer = {"type": "best", **best._asdict(), "importance": importance, "command": command}
        write_line(json.dumps(answer | {"study": str(searching.path)}, ensure_ascii=False))
        return
    report("\n".join(sweep_plot(searching.trials(), searching.unit, _WIDTH, _HEIGHT)))
    for name, share in importance.items():
        report(f"{FIELDS[name].flag:<20} importance {share:.0%}")
    told = "  ".join(f"{name} {shown(value)}" for name, value in best.settings.items())
    show_line(f"best: trial {best.number}, {formats.number(best.bits)} {searching.unit}: {told}")
    show_line(visible_line(str(searching.path / "run.toml")))
    show_line(visible_line(command))


COMMANDS = (duel, sweep)
