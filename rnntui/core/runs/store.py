"""The home of runs and caches; whole runs are found, listed, named, copied and deleted here."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import platformdirs

from rnntui.core.config import Config
from rnntui.core.config.tasks import TASKS
from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.files import expanded, make_private
from rnntui.core.runs.folder import Run
from rnntui.core.runs.ownership import guarded, owner_of
from rnntui.core.runs.safe_files import (
    CHECKPOINT_FILES,
    COPIED,
    GUARD,
    UnsafeFileError,
    checkpoint_folders,
    delete_run,
    holds_run,
    is_closed,
    open_file,
    open_growing,
)

_BUSY = "is training this run; stop it first"
_FORK_TRIES = 5
_NAMED = 5
"""Files that a line names at most."""


def home() -> Path:
    """Home of runs and caches: `$RNNTUI_HOME`, or the user's data folder."""
    chosen = os.environ.get("RNNTUI_HOME")
    if not chosen:
        return Path(platformdirs.user_data_dir("rnntui", appauthor=False))
    with suppress(InputError, UnicodeEncodeError, OSError):
        chosen.encode()
        path = expanded(chosen)
        if chosen.strip() and (path.is_dir() or not os.path.lexists(path)):
            return path
    raise InputError(
        f"RNNTUI_HOME: {chosen[:80]!r} is no folder and cannot become one; name another, or unset it"
    )


def require_place(path: Path) -> None:
    """Refuse the folders that hold runs and caches as the folder of a run.  Raises InputError."""
    if path.resolve() in [each.resolve() for each in (home(), runs_home(), cache_home())]:
        raise InputError(f"{path}: holds runs and caches, and cannot be a run itself; name a folder in it")


def runs_home() -> Path:
    return home() / "runs"


def cache_home() -> Path:
    return home() / "cache"


def keep_text(text: str) -> Path:
    """Keep a text that came from nowhere as a file, under a free name."""
    folder = home() / "texts"
    make_private(folder)
    number = 1
    while (path := folder / f"pasted-{number}.txt").exists():
        number += 1
    path.write_text(text, encoding="utf-8")
    return path


def find(name: str, task: str | None = None) -> Run:
    """The run that a person means by `name`: a folder, or a run's name in the runs' home.

    Raises InputError where there is none, or where it was trained for something else than `task`.
    """
    found = _find(name)
    trained_for = found.config.text.task
    if task is not None and trained_for != task:
        raise InputError(f"{name}: trained with --task {trained_for}: {TASKS[trained_for].advice}")
    return found


def _find(name: str) -> Run:
    path = locate(name).resolve()
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{path}: the name is not UTF-8, which other files of the run need; rename it"
        ) from None
    return Run.open(path)


def locate(name: str) -> Path:
    """The folder of the run that a person means by `name`, be it readable or not.  Raises InputError."""
    if not name.strip():
        raise InputError("RUN: an empty name; see `rnntui runs list`")
    try:
        path = expanded(name)
        if holds_run(path):
            return path.absolute()
        if path.name == name and holds_run(runs_home() / name):
            return runs_home() / name
        if is_closed(path) or (path.name == name and is_closed(path := runs_home() / name)):
            raise InputError(f"{path}: cannot be read: Permission denied; ask its owner, or see `ls -ld`")
        if path.is_dir():
            raise InputError(f"{path}: no run lives there (no run.toml); see `rnntui runs list`")
    except (OSError, RuntimeError) as error:  # a name too long, a loop of links
        raise InputError(
            f"{name[:80]}: no such run: {getattr(error, 'strerror', None) or oneline(error)}"
        ) from None
    raise InputError(f"{name[:80]}: no such run; see `rnntui runs list`")


def names() -> list[str]:
    """The names of the runs in the runs' home, in the order of the alphabet.

    A shell puts them on its command line as they are, so one that could mean more than a name is left out.
    """
    folder = runs_home()
    found = sorted(path.parent.name for path in folder.glob("*/run.toml")) if folder.is_dir() else []
    return [name for name in found if re.fullmatch(r"\w[\w.+=,@-]*", name)]


class Unreadable(NamedTuple):
    """A folder in the runs' home that looks like a run and cannot be opened."""

    path: Path
    reason: str


def run_folders() -> list[Path]:
    """The folders in the runs' home that hold a run, readable or not, the newest last.

    A home that cannot be read is the only one of them: `opened` says why.
    """
    try:
        paths = [path for path in runs_home().iterdir() if holds_run(path) or is_closed(path)]
    except FileNotFoundError:
        return []
    except OSError:
        return [runs_home()]
    return sorted(paths, key=_written)


def newest_runs() -> Iterator[Run]:
    """The runs in the runs' home that can be read, the newest first; each is opened when it is asked for."""
    for path in reversed(run_folders()):
        run = opened(path)
        if isinstance(run, Run):
            yield run


def opened(path: Path) -> Run | Unreadable:
    """The run at `path`, or why it cannot be read."""
    try:
        return Run.open(path)
    except InputError as error:
        return Unreadable(path, oneline(error))


def _written(path: Path) -> float:
    """Time when the `run.toml` in a folder was written; 0 for one that has gone meanwhile."""
    try:
        return (path / "run.toml").lstat().st_mtime
    except OSError:
        return 0.0


def short_corpus(corpus: str) -> str:
    """A corpus's name without its folders."""
    return re.split(r"[/\\]", corpus.rstrip("/\\"))[-1] or corpus


def new_path(config: Config) -> Path:
    """A free folder in the runs' home, named after the corpus and the cell."""
    return free_path(config, config.model.cell)


def stem_of(config: Config) -> str:
    """A corpus's name as a folder's name; a file that is called after its part has the name of its folder."""
    corpus = config.text.corpus
    stem = short_corpus(corpus).rsplit(".", 1)[0]
    if stem == "train" and config.text.apart:
        stem = short_corpus(corpus[: -len(short_corpus(corpus))]) or stem
    return re.sub(r"[^\w-]+", "-", stem).strip("-")[:40] or "stdin"


def free_path(config: Config, kind: str) -> Path:
    """A free name in the runs' home, after the corpus and what it is, with which no other name begins."""
    stem = stem_of(config)
    number = 1
    while any(runs_home().glob(f"{stem}-{kind}-{number}*")):
        number += 1
    return runs_home() / f"{stem}-{kind}-{number}"


def require_idle(path: Path) -> None:
    """Raise InputError while a process trains the run in the folder `path`."""
    if owner := owner_of(path):
        raise InputError(f"{path}: process {owner.pid} {_BUSY}")


def names_of(paths: Sequence[Path]) -> str:
    """The names of some paths, for a line."""
    more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    return ", ".join(path.name for path in paths[:_NAMED]) + more


def remove(path: Path) -> list[Path]:
    """Delete the run in the folder `path`, and the folder if nothing else is in it; return what was left in it.

    Raises InputError where no run lives there, and while a process trains it; RnntuiError where the system refuses.
    """
    if not holds_run(path):
        closed = (
            "cannot be read: Permission denied" if is_closed(path) else "no run lives there (no run.toml)"
        )
        raise InputError(f"{path}: {closed}; see `rnntui runs list`")
    if (path / "sweep.json").exists():
        raise InputError(
            f"{path}: a sweep and no run; delete the folder itself, or single runs below {path}/trials"
        )
    target = path.resolve()
    try:
        with ExitStack() as lock:
            with suppress(UnsafeFileError):  # a lock that is no file is nobody's
                lock.enter_context(guarded(target, _BUSY, writes=False))
            left = delete_run(target)
        if path.is_symlink() and not left:
            path.unlink()
    except OSError as error:
        raise RnntuiError(f"{path}: cannot be deleted: {error.strerror}") from None
    return left


def rename(run: Run, name: str) -> Path:
    """Give a run's folder another name, beside where it is.

    Raises InputError for a name that is no folder's name or is taken, and while a process trains the run.
    """
    if not re.fullmatch(r"[\w][\w .+=,@-]{0,79}", name) or name.endswith((".", " ")):
        raise InputError(f"'{name}': no name for a run; use letters, digits, spaces and . _ - up to 80")
    path = run.path.with_name(name)
    with guarded(run.path, _BUSY, writes=False):
        if os.path.lexists(path):
            raise InputError(f"{path}: exists already; choose another name")
        try:
            run.path.rename(path)
        except OSError as error:
            raise InputError(f"{path}: the run cannot be renamed: {error.strerror}") from None
    return path


def fork(run: Run, path: Path) -> Path:
    """Copy what a run was told and learned into a new folder `path`, to go on another way.

    Raises InputError where `path` exists, and where the run cannot be copied; then nothing is left.
    """
    if os.path.lexists(path):
        raise InputError(f"{path}: exists already; choose another name")
    for attempt in range(_FORK_TRIES):
        try:
            make_private(path)
            open_growing(path / GUARD).close()
            _copy(run.path, path)
            return path
        except (OSError, InputError) as error:
            delete_run(path)
            # Checkpoints of a run that trains come and go.
            if attempt == _FORK_TRIES - 1 or run.owner() is None:
                raise InputError(f"{path}: the run cannot be copied: {oneline(error)}") from None
    raise AssertionError("the last attempt returns or raises")


def _copy(source: Path, target: Path) -> None:
    """Copy the files of a run that a new one begins with, and no others; `run.toml`, which makes it one, last."""
    for folder in checkpoint_folders(source):
        copy = target / "checkpoints" / folder.name
        make_private(copy)
        for name in CHECKPOINT_FILES:
            _copy_file(folder / name, copy / name)
    for name in COPIED:
        if os.path.lexists(source / name):
            _copy_file(source / name, target / name)


def _copy_file(source: Path, target: Path) -> None:
    with open_file(source) as read, target.open("xb") as written:
        shutil.copyfileobj(read, written)
