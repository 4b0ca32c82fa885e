"""Where runs and caches live, and what is done with whole runs: find, list, name, copy, delete."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import platformdirs

from rnntui.core.config import Config
from rnntui.core.errors import InputError
from rnntui.core.files import make_private
from rnntui.core.kinds import KINDS
from rnntui.core.runs import Run
from rnntui.core.sections import TaskKind


def home() -> Path:
    """Where runs and caches live: `$RNNTUI_HOME`, or the user's data folder."""
    chosen = os.environ.get("RNNTUI_HOME")
    return (
        Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("rnntui", appauthor=False))
    )


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


def find(name: str, task: TaskKind | None = None) -> Run:
    """The run that a person means by `name`: a folder, or a run's name in the runs' home.

    Raises InputError where there is none, or where it was trained for something else than `task`.
    """
    found = _find(name)
    trained_for = found.config.text.task
    if task is not None and trained_for != task:
        raise InputError(f"{name}: trained with --task {trained_for}: {KINDS[trained_for].serves}")
    return found


def _find(name: str) -> Run:
    path = Path(name).expanduser()
    if (path / "run.toml").is_file():
        return Run.open(path.resolve())
    if path.name == name and (runs_home() / name / "run.toml").is_file():
        return Run.open(runs_home() / name)
    if path.is_dir():
        raise InputError(f"{path}: no run lives there (no run.toml); see `rnntui runs list`")
    raise InputError(f"{name}: no such run; see `rnntui runs list`")


def names() -> list[str]:
    """The names of the runs in the runs' home, in the order of the alphabet."""
    folder = runs_home()
    return sorted(path.parent.name for path in folder.glob("*/run.toml")) if folder.is_dir() else []


def list_runs() -> list[Run]:
    """The runs in the runs' home, the newest last.  A folder that cannot be read is passed over."""
    if not runs_home().is_dir():
        return []
    found = []
    for path in runs_home().iterdir():
        try:
            found.append(Run.open(path))
        except InputError:
            continue
    return sorted(found, key=lambda run: (run.path / "run.toml").stat().st_mtime)


def short_corpus(corpus: str) -> str:
    """A corpus's name without its folders."""
    return re.split(r"[/\\]", corpus.rstrip("/\\"))[-1] or corpus


def new_path(config: Config) -> Path:
    """A free folder in the runs' home, named after the corpus and the cell."""
    return free_path(config, config.model.cell)


def stem_of(config: Config) -> str:
    """A corpus's name as a folder's name."""
    return (
        re.sub(r"[^\w-]+", "-", short_corpus(config.text.corpus).rsplit(".", 1)[0]).strip("-")[:40] or "stdin"
    )


def free_path(config: Config, kind: str) -> Path:
    """A free name in the runs' home, after the corpus and what it is, with which no other name begins."""
    stem = stem_of(config)
    number = 1
    while any(runs_home().glob(f"{stem}-{kind}-{number}*")):
        number += 1
    return runs_home() / f"{stem}-{kind}-{number}"


def remove(run: Run) -> None:
    """Delete a run's folder.  Raises InputError while a process trains it."""
    if owner := run.owner():
        raise InputError(f"{run.path}: process {owner.pid} is training this run; stop it first")
    shutil.rmtree(run.path)


def rename(run: Run, name: str) -> Path:
    """Give a run's folder another name, beside where it is.

    Raises InputError for a name that is no folder's name or is taken, and while a process trains the run.
    """
    if owner := run.owner():
        raise InputError(f"{run.path}: process {owner.pid} is training this run; stop it first")
    if not re.fullmatch(r"[\w][\w .+=,@-]{0,79}", name) or name.endswith((".", " ")):
        raise InputError(f"'{name}': no name for a run; use letters, digits, spaces and . _ - up to 80")
    path = run.path.with_name(name)
    if path.exists():
        raise InputError(f"{path}: exists already; choose another name")
    run.path.rename(path)
    return path


def fork(run: Run, path: Path) -> Path:
    """Copy a run into a new folder `path`: what it was told and learned, to go on another way."""
    if path.exists():
        raise InputError(f"{path}: exists already; choose another name")
    left_behind = shutil.ignore_patterns(
        "lock", ".guard", "control", "live.safetensors", "stderr.log", ".*.part"
    )
    try:
        shutil.copytree(run.path, path, ignore=left_behind)
    except (OSError, shutil.Error) as error:
        shutil.rmtree(path, ignore_errors=True)
        raise InputError(f"{path}: the run cannot be copied: {error}") from None
    return path
