"""Repeated trainings on standard output: a row each, mean and spread, and paired comparisons of groups."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from rnntui.cli.display import PlainLines, PreparingLines
from rnntui.cli.output import JsonStream, report, show_line
from rnntui.core.config import Config, build
from rnntui.core.config.tasks import TASKS
from rnntui.core.errors import InputError, RnntuiError
from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run, require_free
from rnntui.core.runs.repeats import PairedDifference, Spread, groups_of, paired, repetition_of, spread
from rnntui.core.runs.safe_files import holds_run
from rnntui.ui import formats
from rnntui.ui.terminal_safety import visible_line

if TYPE_CHECKING:
    from rnntui.core.runs.summaries import RunSummary
    from rnntui.core.studies.duel import Told


_REPETITION = re.compile(r"-(seed|fold)\d+$")
"""End of the name of a repetition's run folder."""


class RunsDisplay:
    """Events of several runs: JSON lines with the name of the run, or lines that begin with what tells it apart."""

    def __init__(self, as_json: bool) -> None:
        self.stream: JsonStream | None = JsonStream() if as_json else None
        self.reasons: set[str] = set()
        """Reasons for which runs ended."""
        self._lines: dict[Path, PlainLines] = {}

    def expect(self, paths: Iterable[Path], names: Iterable[str]) -> None:
        """Take in the runs that come next, and the name that each of their lines begins with."""
        self._lines |= {path: PlainLines(f"{name:>8}  ") for path, name in zip(paths, names, strict=True)}

    def show(self, told: Told) -> None:
        """Show an event of a run."""
        if isinstance(told.event, ev.Finished):
            self.reasons.add(told.event.reason)
        if self.stream:
            content = msgspec.to_builtins(told.event) | {"run": told.run.name}
            self.stream.write(json.dumps(content, ensure_ascii=False))
        else:
            self._lines[told.run.path].show(told.event)


def seeds_of(first: Config, count: int | None) -> list[tuple[str, dict[str, int]]]:
    """Endings of the names of runs, and their seeds from that of `first` on; of a single run neither."""
    if count is None:
        return [("", {})]
    seed = first.training.seed
    return [(f"-seed{each}", {"seed": each}) for each in range(seed, seed + count)]


def repetitions(
    given: dict[str, object], preset: str, seeds: int | None, folds: int | None
) -> list[tuple[str, Config]]:
    """The configuration of each repetition behind the name that its run folder ends with.

    Raises InputError where the settings do not fit together, or the task has no folds.
    """
    if seeds is not None and folds is not None:
        raise InputError("--seeds, --folds: one or the other; leave one out")
    if folds is not None and "fold" in given:
        raise InputError("--fold: --folds trains all of them; leave one out")
    first = build(given, preset)
    if folds is not None:
        if "fold" not in TASKS[first.text.task].settings:
            raise InputError(
                f"--folds: of labelled texts, and --task {first.text.task} has none; leave it out"
            )
        return [
            (f"-fold{number}", build(given | {"fold": f"{number}/{folds}"}, preset))
            for number in range(1, folds + 1)
        ]
    return [(ending, build(given | seed, preset)) for ending, seed in seeds_of(first, seeds)]


def require_one_process(configuration: Config) -> None:
    """Raise InputError where several processes are asked for: they share one training at a time."""
    if configuration.training.processes > 1:
        raise InputError("--processes: for `rnntui train` alone, which shares one training; leave it out")


def train_repeatedly(
    found: Sequence[tuple[str, Config]], base: Path | None, resume: bool, as_json: bool
) -> int:
    """Train every repetition here, and print what they reached; the exit code says how it ended."""
    from rnntui.core.runs.summaries import read_history
    from rnntui.core.studies.repeated import repeat, tested

    config = found[0][1]
    folds = bool(config.text.fold)
    base = base or store.free_path(config, f"{config.model.cell}-{'folds' if folds else 'seeds'}")
    paths = [base.with_name(base.name + ending) for ending, _ in found]
    for path in paths:
        if not (resume and holds_run(path)):
            store.require_place(path)
            require_free(path)
    display = RunsDisplay(as_json)
    display.expect(paths, (ending[1:] for ending, _ in found))
    for told in repeat([each for _, each in found], paths, PreparingLines().show):
        display.show(told)
    if "interrupted" in display.reasons:
        report(f"interrupted; go on with --resume --run {visible_line(str(base))}")
        return 130
    runs = [Run.open(path) for path in paths]
    events = [read_history(run).best for run in runs]
    for run, event in zip(runs, events, strict=True):
        if event is None:
            raise RnntuiError(
                f"{run.path}: no evaluation was finite, so there is no mean; try a smaller --lr"
            )
    _show_figures(
        runs, [tested(run) for run in runs] if folds else [each for each in events if each], display.stream
    )
    if display.stream:
        display.stream.end()
    return 0


def _show_figures(runs: Sequence[Run], events: Sequence[ev.Evaluated], stream: JsonStream | None) -> None:
    """A row for each run, mean and standard deviation below; to a `stream` as JSON."""
    rows = TASKS[runs[0].config.text.task].figures
    values = {row.key: [formats.measured(row, event) for event in events] for row in rows}
    known = {
        key: spread(found)
        for key, column in values.items()
        if (found := [x for x in column if x is not None])
    }
    if stream:
        content = {
            "type": "repeated",
            "split": events[0].split,
            "runs": [
                {"run": run.name, "repeat": repetition_of(run.config), "step": event.step}
                | {key: column[place] for key, column in values.items()}
                for place, (run, event) in enumerate(zip(runs, events, strict=True))
            ],
            "mean": {key: each.mean for key, each in known.items()},
            "deviation": {key: ev.finite(each.deviation) for key, each in known.items()},
        }
        stream.write(json.dumps(content, ensure_ascii=False))
        return
    names = [row.label.removeprefix("val. ") for row in rows]
    table = [
        [
            repetition_of(run.config),
            *(formats.figure(row, event) for row in rows),
            f"{event.step:,}",
            run.name,
        ]
        for run, event in zip(runs, events, strict=True)
    ]
    for label, attribute in (("mean", "mean"), ("std. deviation", "deviation")):
        cells = [
            formats.styled(row, getattr(known[row.key], attribute)) if row.key in known else "–"
            for row in rows
        ]
        table.append([label, *cells, "", ""])
    print_columns([f"{events[0].split} part", *names, "best step", "run"], table)


def group_lines(summaries: Sequence[RunSummary]) -> list[str]:
    """Lines on the groups of repetitions among some runs: mean and spread, and how each differs from the best."""
    found: dict[tuple[str, str], list[list[RunSummary]]] = {}
    for group in groups_of([each for each in summaries if _headline(each) is not None]):
        found.setdefault((group[0].corpus, group[0].task), []).append(group)
    lines: list[str] = []
    for (_, task), groups in found.items():
        spec = TASKS[task]
        better = 1 if spec.headline == "accuracy" else -1
        groups.sort(key=lambda group: -better * _spread_of(group).mean)
        best = groups[0]
        for group in groups:
            mean, deviation, size = _spread_of(group)
            figure = (
                f"accuracy {mean:.1%} ± {deviation:.1%}"
                if better > 0
                else f"{mean:.3f} ± {deviation:.3f} {spec.unit}"
            )
            line = f"{_name_of(group)}: {size} runs, {figure} (mean, standard deviation)"
            if group is not best and (difference := paired(_by_repetition(best), _by_repetition(group))):
                line += f"; {_difference(difference, better, _name_of(best))}"
            lines.append(visible_line(line, 400))
    return lines


def _difference(found: PairedDifference, better: int, best: str) -> str:
    """A paired comparison with the best group in words."""
    scale, unit, digits = (100, " points", 1) if better > 0 else (1, "", 3)
    worse = found.size - found.higher if better > 0 else found.higher
    interval = f"95% {scale * found.low:+.{digits}f} to {scale * found.high:+.{digits}f}"
    doubt = "" if found.is_clear else ", which may be chance"
    difference = f"{scale * found.mean:+.{digits}f}{unit} against {best}"
    return f"{difference} ({interval}{doubt}), worse in {worse} of {found.size}"


def _headline(each: RunSummary) -> float | None:
    return each.accuracy if TASKS[each.task].headline == "accuracy" else each.bits


def _by_repetition(group: Sequence[RunSummary]) -> dict[str, float]:
    return {each.repeat: value for each in group if (value := _headline(each)) is not None}


def _spread_of(group: Sequence[RunSummary]) -> Spread:
    return spread(list(_by_repetition(group).values()))


def _name_of(group: Sequence[RunSummary]) -> str:
    """Name of a group: that of its runs without seed and fold."""
    return _REPETITION.sub("", group[0].name)


def print_columns(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns under headings, numbers to the right."""
    widths = [max(len(row[i]) for row in [headings, *rows]) for i in range(len(headings))]
    for row in [headings, *rows]:
        cells = (
            f"{visible_line(cell):>{width}}" if 0 < i < len(row) - 1 else f"{visible_line(cell):<{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        show_line("  ".join(cells).rstrip())
