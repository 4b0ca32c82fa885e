"""Choosing settings by validation: many short trainings, the hopeless ones ended early.

A sweep is a folder:

    SWEEP/
      sweep.json       what is searched: settings, ranges, preset
      journal.log      Optuna's journal of the trials, which several terminals may share; machines share a database
      trials/0007/     the run folder of a trial; only the best keeps its checkpoints
      run.toml         the best settings so far

Optuna (Akiba et al. 2019) proposes settings by a tree of Parzen estimators and ends a trial that is behind the
median of the others at the same part of its time.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rnntui.core import config as configuration
from rnntui.core.config import CORPORA, FIELDS, Config, value_of
from rnntui.core.config.tasks import TASKS
from rnntui.core.config.toml import to_toml
from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.files import make_private, refused, write_atomically
from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run, read_json, require_empty
from rnntui.core.runs.safe_files import checkpoint_folders, delete_checkpoint, refuse_link
from rnntui.core.studies.space import Choices, Space, space_from
from rnntui.core.studies.storage import (
    agree_on,
    alive,
    give_back,
    given_back,
    open_study,
    optuna_library,
    reachable,
    search_in,
    this_worker,
)
from rnntui.core.studies.study_files import check_study, check_trials
from rnntui.core.text.spool import silent
from rnntui.core.training.control import Control
from rnntui.core.training.devices import choose_device
from rnntui.core.training.loop import train
from rnntui.core.training.needs import check_memory
from rnntui.core.training.start import create_run

_TENTHS = 10
"""Parts of a trial's time at which it is compared with the others."""
_TELLING = 6
"""Trials that came to their end, from which on it can be said what was important."""


class Trial(NamedTuple):
    """State of one training of the sweep."""

    number: int
    settings: dict[str, Any]
    state: str
    """`running`, `complete`, `pruned` or `failed`."""
    bits: float | None
    """A byte, or where texts are classified a text: the best so far, on the held-out part."""
    fault: str = ""
    worker: str = ""
    """The process that trains it, where machines share a sweep."""


def _is_begun(folder: Path) -> bool:
    """True if a folder is empty, or another process begins a sweep in it at this moment."""
    half = re.compile(r"\.sweep\.json\.[0-9]+\.part")
    return (folder / "sweep.json").exists() or all(half.fullmatch(path.name) for path in folder.iterdir())


def _check_tried(trial: Trial, made: Config) -> None:
    """Raises InputError where a text is so short that a setting is not what the trial was to try."""
    for name, wanted in trial.settings.items():
        value = value_of(made, name)
        if value != wanted:
            raise InputError(
                f"{FIELDS[name].flag}: {wanted} cannot be tried, this text makes it {value}; search below that"
            )


class Sweep:
    """A study of settings in a folder, new or gone on with.

    Raises InputError where Optuna is not installed, or where the folder searches something else.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        space: Space,
        preset: str,
        storage: str | None = None,
    ) -> None:
        """Search `space` with `settings` in the folder `path`.

        With a `storage`, the address of a database, the study there that is called as the folder is shared: workers on
        any machine join it, each with a folder of its own for its runs.  Without a space they search what it searches.
        """
        optuna = optuna_library()
        self.path, self._storage = path, storage
        study = open_study(path, storage) if storage else None
        if not space and study is not None and (found := search_in(study)):
            settings, space, preset = found["settings"], space_from(found["space"]), found["preset"]
        if not space:
            missing = f"no study called {path.name} is there yet; " if storage else ""
            raise InputError(
                f"{missing}nothing to search: give a setting choices or a range, as --lr 1e-4..1e-2"
            )
        self._settings, self._space, self._preset = dict(settings), space, preset
        check_study(path)
        self._remember()
        self._study = study or open_study(path, None)
        if storage:
            agree_on(self._study, read_json(path / "sweep.json"), path.name)
        where = path / "journal.log" if storage is None else Path(path.name)
        check_trials(self._study.get_trials(deepcopy=False), space, where)
        self._states = optuna.trial.TrialState

    def _remember(self) -> None:
        """Write what is searched, or compare it with what the folder searches; every end of a range must do."""
        for name, each in self._space.items():
            for value in each.values if isinstance(each, Choices) else (each.low, each.high):
                whole = isinstance(each, Choices) or not each.whole
                chosen = self._settings | {name: value if whole else int(value)}
                config = configuration.build(chosen, self._preset)
                check_memory([config], choose_device(config.training.device))
        space = {name: [type(each).__name__, *each] for name, each in self._space.items()}
        wanted = json.loads(json.dumps({"settings": self._settings, "space": space, "preset": self._preset}))
        file = self.path / "sweep.json"
        if not file.exists():
            # Another process may write it at this moment: its half is no other file.
            require_empty(self.path, "sweep", _is_begun)
            try:
                make_private(self.path)
            except OSError as error:
                raise InputError(str(refused(self.path, 0, error))) from None
            write_atomically(file, json.dumps(wanted, indent=1).encode())
        elif read_json(file) != wanted:
            raise InputError(
                f"--study: {self.path} searches other settings; give those again, or another folder"
            )

    def trials(self) -> list[Trial]:
        """All trials so far, in their order; those of other processes too."""
        names = {"RUNNING": "running", "COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
        found = []
        for each in self._asked(*(getattr(self._states, name) for name in names)):
            values = [*each.intermediate_values.values(), *([each.value] if each.value is not None else [])]
            fault = each.user_attrs.get("fault", "")
            state = names[each.state.name]
            # Names that are not searched are not of this sweep, whoever wrote them.
            params = {name: value for name, value in each.params.items() if name in self._space}
            worker = each.user_attrs.get("worker", "")
            found.append(Trial(each.number, params, state, min(values, default=None), fault, worker))
        return found

    def _asked(self, *states: Any) -> list[Any]:
        """Optuna's trials in these states, without those that were interrupted or given back: they are made anew."""
        found = self._study.get_trials(deepcopy=False)
        again = given_back(found)
        found = [each for each in found if each.number not in again and each.state in states]
        return [each for each in found if not each.user_attrs.get("interrupted")]

    @property
    def unit(self) -> str:
        """Unit of the bits of a trial."""
        return TASKS[configuration.build(self._settings, self._preset).text.task].unit

    @property
    def best(self) -> Trial | None:
        """The best trial that came to its end."""
        return _best(self.trials())

    def config_of(self, trial: Trial) -> Config:
        """All settings of a trial.  Raises InputError for some that do not fit together."""
        return configuration.build(self._settings | trial.settings, self._preset)

    def run(self, count: int) -> Iterator[Trial]:
        """Train until the sweep has so many trials, telling how each stands whenever that changes.

        Raises KeyboardInterrupt when a signal asks to stop: the sweep goes on another time.
        """
        done = (self._states.COMPLETE, self._states.PRUNED, self._states.FAIL)
        with reachable(self._storage):
            while True:
                give_back(self._study)
                if len(self._asked(*done)) >= count:
                    break
                yield from self._run_one()
        if not (self.path / "run.toml").exists():  # somebody has deleted it since
            self._keep_the_best()

    def _run_one(self) -> Iterator[Trial]:
        asked = self._study.ask()
        worker = this_worker() if self._storage else ""
        asked.set_user_attr("worker", worker)
        trial = Trial(asked.number, {}, "running", None, worker=worker)
        path = self.path / "trials" / f"{trial.number:04d}"
        try:
            yield (trial := trial._replace(settings=self._suggested(asked)))
            run = create_run(self.config_of(trial), path, silent)
            _check_tried(trial, run.config)
            with alive(self._study, asked):
                for told in self._train(run, asked, trial):
                    yield (trial := told)
        except Exception as error:  # too much memory, say: the others need less
            fault = (
                oneline(error)
                if isinstance(error, RnntuiError)
                else f"{type(error).__name__}: {oneline(error)}"
            )
            yield (trial := trial._replace(state="failed", fault=fault))
        except BaseException:
            asked.set_user_attr("interrupted", True)
            self._study.tell(asked, state=self._states.FAIL)
            self._study.enqueue_trial(asked.params)
            raise
        if trial.state == "failed":
            asked.set_user_attr("fault", trial.fault)
            self._study.tell(asked, state=self._states.FAIL)
        else:
            state = self._states.PRUNED if trial.state == "pruned" else self._states.COMPLETE
            self._study.tell(asked, trial.bits if trial.state == "complete" else None, state=state)
        self._keep_the_best()

    def _train(self, run: Run, asked: Any, trial: Trial) -> Iterator[Trial]:
        """One trial to its end, or to where it is hopeless."""
        fraction, reported, best = 0.0, 0, None
        control = Control(run.path)
        with run.owned(), control.signals():
            for event in run.record(train(run, control), lambda: control.signalled):
                if isinstance(event, ev.Progress):
                    fraction = event.fraction
                elif isinstance(event, ev.Evaluated) and event.bits is not None:
                    best = event.bits if best is None else min(best, event.bits)
                    yield (trial := trial._replace(bits=best))
                    if int(_TENTHS * fraction) > reported:
                        reported = int(_TENTHS * fraction)
                        asked.report(best, reported)
                        if reported < _TENTHS and asked.should_prune():
                            yield trial._replace(state="pruned")
                            return
                elif isinstance(event, ev.Finished) and event.reason == "interrupted":
                    raise KeyboardInterrupt
        fault = "" if best is not None else "no evaluation was finite"
        yield trial._replace(state="failed" if fault else "complete", fault=fault)

    def _suggested(self, asked: Any) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        for name, each in self._space.items():
            if isinstance(each, Choices):
                settings[name] = asked.suggest_categorical(name, each.values)
            elif each.whole:
                settings[name] = asked.suggest_int(name, int(each.low), int(each.high), log=each.log)
            else:
                settings[name] = asked.suggest_float(name, each.low, each.high, log=each.log)
        return settings

    def _keep_the_best(self) -> None:
        """Write the best settings, and leave checkpoints to the best trial alone."""
        trials = self.trials()  # one look: another process may end a better one at any moment
        best = _best(trials)
        if best is None:
            return
        # With the corpus's digest, as the trial has it; but what is learned from is the sweep's, not its folder's.
        config = wanted = self.config_of(best)
        folder = self.path / "trials" / f"{best.number:04d}"
        if (folder / "run.toml").exists():  # else another machine has it
            config = Run.open(folder).config
        if any(value_of(config, name) != value_of(wanted, name) for name in CORPORA):
            config = wanted
        write_atomically(self.path / "run.toml", to_toml(config).encode())
        for trial in trials:
            if trial.state != "running" and trial.number != best.number:
                folder = self.path / "trials" / f"{trial.number:04d}"
                if not folder.exists():
                    continue
                refuse_link(folder)
                for name in ("best", "last"):
                    (folder / name).unlink(missing_ok=True)
                for checkpoint in checkpoint_folders(folder):
                    delete_checkpoint(checkpoint)
                with suppress(OSError):  # what else is in it stays
                    (folder / "checkpoints").rmdir()

    def importance(self) -> dict[str, float]:
        """The share of each setting in how good a trial is, the most important first (PED-ANOVA; Watanabe et al. 2023).

        Empty while there are too few trials to say.
        """
        if sum(trial.state == "complete" for trial in self.trials()) < _TELLING:
            return {}
        importance = optuna_library().importance
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = importance.get_param_importances(
                self._study, evaluator=importance.PedAnovaImportanceEvaluator()
            )
        return {name: float(share) for name, share in found.items()}


def _best(trials: Sequence[Trial]) -> Trial | None:
    complete = [trial for trial in trials if trial.state == "complete"]
    return min(complete, key=lambda trial: trial.bits or 0.0, default=None)


def new_folder(config: Config) -> Path:
    """A free folder for a sweep, named after the corpus."""
    home, stem = store.home() / "sweeps", store.stem_of(config)
    number = 1
    while (path := home / f"{stem}-{number}").exists():
        number += 1
    return path
