"""`rnntui train`."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from rnntui.cli.display import display_for, preparing
from rnntui.cli.options import RUN_FOLDER, CorpusName, config_options, with_task
from rnntui.cli.output import OutputError, ReaderGoneError, report, show_line, write_line
from rnntui.cli.repeats import repetitions, require_one_process, train_repeatedly
from rnntui.cli.trust import trust_option, trusted
from rnntui.core import config
from rnntui.core.config.splits import MOST_FOLDS
from rnntui.core.errors import InputError, RnntuiError
from rnntui.core.processors import launched, launched_rank
from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run, note_failure, require_free
from rnntui.core.runs.safe_files import holds_run
from rnntui.ui.terminal_safety import visible_line

if TYPE_CHECKING:
    from rnntui.core.training.ranks import Ranks
    from rnntui.tui.training_process import Resume

_WIDTH, _HEIGHT = 80, 18
"""Columns and rows of the curve of learning rates."""
_PATIENCE_S = 15.0
"""Seconds in which further signals to one of several processes are no other request."""
QUIET = "RNNTUI_LAUNCHED"
"""Set for processes whose launcher says why they end."""
_EXIT_CODES: dict[str, int] = {"interrupted": 130, "error": 1}


@click.command()
@click.argument("corpus", required=False, type=CorpusName())
@click.option("--headless", is_flag=True, help="train here, without the screen")
@click.option("--run", "run_path", type=RUN_FOLDER, help="the run folder [default: a new one]")
@click.option(
    "--resume", is_flag=True, help="go on from the newest checkpoint of --run, or start if there is none"
)
@click.option(
    "--checkpoint",
    metavar="STEP",
    help="with --resume: go on from this one; those of later steps are deleted",
)
@click.option("--json", "as_json", is_flag=True, help="print the events as JSON lines")
@click.option(
    "--find-lr",
    "finding",
    is_flag=True,
    help="train nothing: try ever larger rates for a moment, and name a good one",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=2),
    help="train so many runs, each with another seed, and print mean and spread; without the screen",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2, max=MOST_FOLDS),
    help="cross-validation of labelled texts: a run for each fold, and the mean on their test parts",
)
@trust_option
@config_options()
def train(
    corpus: str | None,
    headless: bool,
    run_path: Path | None,
    resume: bool,
    checkpoint: str | None,
    as_json: bool,
    finding: bool,
    seeds: int | None,
    folds: int | None,
    trust: bool,
    preset: str,
    **settings: Any,
) -> int:
    """Train a model on CORPUS: a sample's name, a file, a folder, - for standard input, or a URL.

    On a terminal the training screen opens; with --headless, or without a terminal, the training runs
    here and tells its progress on standard error.  The run folder's path is printed at the end.
    """
    settings["corpus"] = corpus
    screen = not headless and not as_json and sys.stdout.isatty() and sys.stdin.isatty()
    if launched() and (screen or finding):
        raise InputError("torchrun: starts trainings alone; add --headless")
    if launched_rank():
        return _train_beside(checkpoint or "last")
    given = {name: value for name, value in settings.items() if value is not None}
    if resume and run_path is None:
        raise InputError("--resume: name the run to go on with, as --run DIR")
    if finding and (resume or run_path is not None):
        raise InputError("--find-lr: trains no run; leave out --run and --resume")
    if finding and (given.get("begin_from") or given.get("embeddings")):
        raise InputError("--find-lr: for a network that begins anew; leave out --from and --embeddings")
    if checkpoint is not None and not resume:
        raise InputError("--checkpoint: says where to go on from; add --resume")
    run_path = run_path.resolve() if run_path else None
    if seeds or folds:
        if finding or checkpoint is not None or given.get("corpus") == "-":
            raise InputError("--seeds, --folds: read the text again; leave out --find-lr, --checkpoint and -")
        repeats = repetitions(with_task(given), preset, seeds, folds)
        require_one_process(repeats[0][1])
        return train_repeatedly(repeats, run_path, resume, as_json)
    resuming = resume and run_path is not None and holds_run(run_path)
    # Whatever is wrong is said before anything opens, and before anything is written or deleted.
    if resuming:
        assert run_path is not None
        run = _resumed(run_path, given, checkpoint, trust)
    elif checkpoint is not None:
        raise InputError(f"--checkpoint: {run_path}: no run lives there; leave it out to start one")
    else:
        given = with_task(given)
        configuration = config.build(given, preset)
        if run_path is not None:
            store.require_place(run_path)
            require_free(run_path)
            if resume:
                report(
                    visible_line(
                        f"{run_path}: no run is there yet; a new one begins on {configuration.text.corpus}"
                    )
                )
    if finding:
        return _find_rate(configuration, as_json)
    if screen:
        from rnntui.tui.training_process import Resume

        going_on = Resume(checkpoint, resuming and run.trusts_corpus) if resume else None
        return _on_screen(given, preset, run_path, going_on)

    processes = run.config.training.processes if resuming else configuration.training.processes
    if processes > 1 and not launched():
        from rnntui.core.training.launcher import launch
        from rnntui.tui.process import module_command

        os.environ[QUIET] = "1"
        return launch(processes, [*module_command("rnntui"), *sys.argv[1:]])
    from rnntui.core.training.ranks import joined_ranks
    from rnntui.core.training.start import create_run, resume_run

    ranks = joined_ranks()
    if resuming:
        assert run_path is not None
        run = replace(resume_run(run_path, given, checkpoint), trusts_corpus=run.trusts_corpus)
    else:
        with preparing() as show:
            run = create_run(configuration, run_path, show)
    return _train_here(run, as_json, checkpoint or "last", ranks)


def _find_rate(configuration: config.Config, as_json: bool) -> int:
    """Name a learning rate on standard output, and draw the curve it was read from."""
    import numpy as np

    from rnntui.core.studies.finder import find_lr
    from rnntui.plots.chart import MARGIN, chart, plain
    from rnntui.plots.scales import Scale
    from rnntui.plots.series import Series

    with preparing() as show:
        found = find_lr(configuration, show)
    if as_json:
        answer = {"lr": found.suggestion, "rates": found.rates.tolist(), "losses": found.losses.tolist()}
        write_line(json.dumps(answer))
        return 0
    # The explosion at the end must not press the valley flat.
    calm = found.losses[found.losses <= found.losses[0] * 1.1]
    x, y = Scale(float(found.rates[0]), float(found.rates[-1]), log=True), Scale.around(calm)
    at = int(np.searchsorted(found.rates, found.suggestion))
    series = [
        Series("loss", "training", found.rates, found.losses),
        Series("suggestion", "heldout", found.rates[at : at + 1], found.losses[at : at + 1]),
    ]
    rows = plain(chart(series, x, y, _WIDTH - MARGIN, _HEIGHT, "braille"))
    report("\n".join(["training loss over the learning rate, ◆ the one to take", *rows]))
    show_line(f"--lr {found.suggestion:g}")
    return 0


def _train_beside(checkpoint: str) -> int:
    """Train in this process as one of several, of which another one tells events and writes the run folder."""
    from rnntui.core.training.control import Control
    from rnntui.core.training.loop import train as training
    from rnntui.core.training.ranks import RankGoneError, copied_run, joined_ranks

    reason = "error"
    try:
        ranks = joined_ranks()
        with copied_run(ranks, None) as run:
            control = Control(run.path, patience_s=_PATIENCE_S)
            with control.signals():
                for event in training(run, control, checkpoint, ranks):
                    if isinstance(event, ev.Finished):
                        reason = event.reason
        ranks.end()
    except KeyboardInterrupt:  # rank 0 says what there is to say
        reason = "interrupted"
    except RankGoneError:
        if launched_rank() == 1 and QUIET not in os.environ:
            raise  # it may have been rank 0
    return _EXIT_CODES.get(reason, 0)


def _train_here(run: Run, as_json: bool, checkpoint: str, ranks: Ranks) -> int:
    """Train in this process, telling events as they come; the exit code says how it ended."""
    from rnntui.core.kernels.kernel_cache import report_compiling
    from rnntui.core.training.control import Control
    from rnntui.core.training.loop import train as training
    from rnntui.core.training.ranks import RankGoneError, copied_run

    reason = "error"
    display = display_for(as_json)
    report_compiling(display.note)
    with run.owned() as folder, copied_run(ranks, run):
        control = Control(run.path, patience_s=0.0 if ranks.alone else _PATIENCE_S)
        with control.signals(), display:
            try:
                for event in run.record(training(run, control, checkpoint, ranks), lambda: control.signalled):
                    display.show(event)
                    if isinstance(event, ev.Finished):
                        reason = event.reason
            except RankGoneError:
                if QUIET in os.environ:
                    return _EXIT_CODES["error"]
                raise
            except Exception as error:
                note_failure(folder, error)
                raise
        with suppress(RnntuiError):
            folder.follow()
    ranks.end()
    code = _EXIT_CODES.get(reason, 0)
    try:
        display.end()
        if not as_json:
            write_line(str(folder.path))
    except (OutputError, ReaderGoneError):
        if code == 0:
            raise  # how the training ended says more
    return code


def _resumed(path: Path, given: dict[str, Any], checkpoint: str | None, trust: bool) -> Run:
    """The run at `path` as it would go on, if it can.  Raises InputError as `check_resume`."""
    from rnntui.core.training.start import check_resume

    return trusted(check_resume(path, given, checkpoint), trust)


def _on_screen(given: dict[str, Any], preset: str, run_path: Path | None, going_on: Resume | None) -> int:
    """Open the app on the training screen; the training is a process of its own."""
    if given.get("corpus") == "-":
        raise InputError("CORPUS: standard input cannot feed both the text and the keys; add --headless")
    from rnntui.tui.app import open_training

    return open_training(given, preset, run_path, going_on)


COMMANDS = (train,)
