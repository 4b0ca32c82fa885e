"""Storage of a sweep's trials: a journal in its folder, or a database that machines share.

Both are Optuna's.  In a database each trial that is at work gives a sign of life; one whose worker has died is given
back and tried again.
"""

from __future__ import annotations

import json
import os
import platform
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.studies.study_files import StudyLock, check_journal

_HEARTBEAT_S, _DEAD_S = 10, 40
"""Seconds between two signs of life, and without one after which a worker is dead."""
_SEARCH = "rnntui search"
"""The study's attribute that says what is searched."""
_STARTUP_TRIALS = 4
"""Trials that no other is compared with before they are over."""


def optuna_library() -> Any:
    """The library.  Raises InputError where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise InputError("a sweep needs Optuna: pip install 'rnntui[sweep]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    # Trials are asked for one by one here, and `alive` does what Optuna's own loop would.
    warnings.filterwarnings(
        "ignore", message="Heartbeat of storage is supposed to be used with Study.optimize"
    )
    return optuna


def open_study(path: Path, url: str | None) -> Any:
    """The study of a sweep's folder, made where there is none: in the database at `url`, or in the folder's journal.

    Raises InputError where it cannot be reached or read.
    """
    if url is not None:
        return _created(_database(url), path.name, f"--storage: {hidden(url)}")
    journal = path / "journal.log"
    check_journal(journal)
    storages = optuna_library().storages
    backend = storages.journal.JournalFileBackend(str(journal), lock_obj=StudyLock(path))
    return _created(lambda: storages.JournalStorage(backend), "sweep", str(journal))


def _database(url: str) -> Any:
    storages = optuna_library().storages
    # The driver that comes with rnntui; SQLAlchemy would take another one by this name.
    url = f"postgresql+psycopg://{rest}" if (rest := url.partition("postgresql://")[2]) else url
    return lambda: storages.RDBStorage(
        url,
        heartbeat_interval=_HEARTBEAT_S,
        grace_period=_DEAD_S,
        heartbeat_stale_trial_callback=storages.RetryHeartbeatStaleTrialCallback(),
        engine_kwargs={"pool_pre_ping": True},
    )


def _created(storage: Any, name: str, where: str) -> Any:
    optuna = optuna_library()
    try:
        return optuna.create_study(
            storage=storage(),
            study_name=name,
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(constant_liar=True),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS),
        )
    except ImportError as error:
        raise InputError(f"{where}: {oneline(error)}; pip install 'rnntui[sweep]'") from None
    except Exception as error:  # whatever Optuna, SQLAlchemy and drivers make of what they find
        advice = (
            "give another --study"
            if not where.startswith("--")
            else "check the address, the user and the database"
        )
        fault = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{where}: cannot be read: {fault[:160]}; {advice}") from None


def hidden(url: str) -> str:
    """An address without its password."""
    before, at, host = url.rpartition("@")
    scheme, slashes, user = before.partition("://")
    return f"{scheme}{slashes}{user.partition(':')[0]}@{host}" if at else url


def search_in(study: Any) -> dict[str, Any] | None:
    """Search space and settings of a study as `agree_on` stores them, or None."""
    found = study.user_attrs.get(_SEARCH)
    return json.loads(found) if isinstance(found, str) else None


def agree_on(study: Any, search: Mapping[str, Any], name: str) -> None:
    """Write what a study searches, for those who join it.  Raises InputError where it searches something else."""
    if search_in(study) is None:
        study.set_user_attr(_SEARCH, json.dumps(search))
    if search_in(study) != search:
        raise InputError(
            f"--study: {name} searches other settings; give those again, none at all, or another name"
        )


@contextmanager
def alive(study: Any, asked: Any) -> Iterator[None]:
    """Within the block, the storage hears that the trial is at work, if it listens."""
    from optuna.storages._heartbeat import get_heartbeat_thread

    with get_heartbeat_thread(asked._trial_id, study._storage):
        yield


def give_back(study: Any) -> None:
    """Have the trials of workers that have died tried again."""
    optuna_library().storages.fail_stale_trials(study)


def given_back(trials: list[Any]) -> set[int]:
    """Numbers of the trials that another one has taken the place of."""
    history = optuna_library().storages.RetryHeartbeatStaleTrialCallback.retry_history
    return {number for trial in trials for number in history(trial)}


def this_worker() -> str:
    """Name of this process among those that share a sweep."""
    return f"{platform.node()}:{os.getpid()}"


@contextmanager
def reachable(url: str | None) -> Iterator[None]:
    """Raise RnntuiError, in one line, where the database is lost within the block."""
    try:
        yield
    except optuna_library().exceptions.StorageInternalError as error:
        where = hidden(url) if url else "the journal"
        raise RnntuiError(
            f"--storage: {where}: lost ({oneline(error)[:120]}); the same command goes on when it is back"
        ) from None
