"""The run folder: everything that training writes and everything else reads.

RUN/
  run.toml            the whole configuration, with the corpus's sha256
  tokenizer.json
  events.jsonl        append only, one JSON object a line
  checkpoints/00001200/
  best, last          one-line files that name a checkpoint
  live.safetensors    the newest weights, replaced atomically when a reader asks for them
  control             one-word requests to a training process, a line each
  lock, .guard        who owns the folder now
  stderr.log          what training said when it died
"""

from __future__ import annotations

import os
import re
import signal
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from rnntui.core.config import Config
from rnntui.core.config.toml import from_toml, to_toml
from rnntui.core.errors import InputError, RnntuiError, WriteError, oneline
from rnntui.core.files import append, make_private, refused, write_atomically
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder_handle import FolderHandle
from rnntui.core.runs.journal import EventTail, Journal
from rnntui.core.runs.ownership import Owner, guarded, owned, owner_of
from rnntui.core.runs.safe_files import (
    GUARD,
    SMALL,
    check_folder,
    checkpoint_folders,
    checkpoint_name,
    holds_run,
    open_file,
    open_growing,
    read_file,
    unfinished,
)

Command = Literal["pause", "resume", "stop", "evaluate", "sample", "live", "faster", "slower"]
_RETRY_S = 0.5
"""Between two tries to write where there was no room."""
RunState = Literal["running", "paused", "finished", "interrupted", "crashed", "new", "unreadable"]


@dataclass(frozen=True)
class Run:
    """A run folder that exists."""

    path: Path
    config: Config
    trusts_corpus: bool = False
    """True if a person said that its corpus may be fetched, though the run was made elsewhere."""

    @property
    def name(self) -> str:
        return self.path.name

    @classmethod
    def create(cls, path: Path, config: Config, files: Mapping[str, bytes]) -> Run:
        """Write a new run folder, for its owner's eyes alone, with the task's `files` in it.

        Raises InputError where a run or anything else lives there already, or is being made by another process.
        """
        reserve(path)
        run = cls(path, config)
        with guarded(path, "is making this run"):
            require_free(path)  # since the look above
            for name, content in files.items():
                write_atomically(path / name, content)
            run.write_config()
        return run

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open the run folder at `path`.

        Raises InputError where there is none, where it is damaged, and where a file of it is a link or no file.
        """
        try:
            check_folder(path)
        except FileNotFoundError:
            pass  # which `read_toml` says better
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from None
        return cls(path, read_toml(path / "run.toml"))

    def write_config(self) -> None:
        write_atomically(self.path / "run.toml", to_toml(self.config).encode())

    # --- events ---

    @property
    def events_path(self) -> Path:
        return self.path / "events.jsonl"

    def record(
        self, events: Iterable[ev.AnyEvent], stopped: Callable[[], bool] = lambda: False
    ) -> Generator[ev.AnyEvent]:
        """Pass events on after writing each to `events.jsonl`, whole lines at a time.

        Where there is no room, that is told by a `Warned` of its own and whoever makes the events waits, until
        there is room or `stopped` says that nobody wants to wait.  Raises RnntuiError where the folder is gone.
        """
        with Journal(self.events_path) as journal:
            for event in events:
                fault = journal.add(event)
                if fault and not stopped():
                    yield ev.Warned(step=event.step, message=f"{fault}; training waits for room")
                    while (fault := journal.flush()) and not stopped():
                        if not isinstance(fault, WriteError):
                            raise fault
                        time.sleep(_RETRY_S)
                yield event

    def events(self) -> list[ev.AnyEvent]:
        """Every event so far, those made void by a later `Started` left out."""
        kept: list[ev.AnyEvent] = []
        for event in EventTail(self.events_path).all():
            if isinstance(event, ev.Started):
                kept = [earlier for earlier in kept if earlier.step <= event.step]
            kept.append(event)
        return kept

    # --- checkpoints ---

    def checkpoint_path(self, name: str = "best") -> Path:
        """The folder of the checkpoint `best`, `last` or a step's number.  Raises InputError.

        Before the first evaluation the best one is the last one.
        """
        if name in ("best", "last"):
            named = self.named(name) or (self.named("last") if name == "best" else "")
            if not named:
                step = (
                    "it is training: wait for its first evaluation"
                    if owner_of(self.path)
                    else "train it first"
                )
                raise InputError(f"{self.path}: no checkpoint is saved yet; {step}")
            name = named
        number = name if re.fullmatch(r"[0-9]{1,18}", name) else None
        found = self.path / "checkpoints" / checkpoint_name(int(number or 0))
        if number is None or found not in checkpoint_folders(self.path):
            raise InputError(f"{self.path}: no checkpoint '{name[:40]}'; {self._known_checkpoints()}")
        return found

    def named(self, pointer: str) -> str:
        """The name in the one-line file `best` or `last`, or '' where there is none.  Raises InputError."""
        path = self.path / pointer
        try:
            return read_file(path).decode().strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read: {error}; name a step with --checkpoint") from None

    def checkpoints(self) -> list[tuple[str, str]]:
        """The checkpoints saved, the newest first: the name, and what is said of it (best)."""
        try:
            best = self.named("best")
        except InputError:
            best = ""  # what is wrong with it says whoever asks for it
        names = [folder.name for folder in checkpoint_folders(self.path)]
        return [(name, ", best" if name == best else "") for name in reversed(names)]

    def versions(self) -> dict[str, str]:
        """Versions of rnntui and PyTorch at the newest checkpoint; empty where none is saved."""
        try:
            state = read_json(self.checkpoint_path("last") / "state.json")
        except InputError:
            return {}
        return {name: str(state[name]) for name in ("rnntui", "torch") if name in state}

    def _known_checkpoints(self) -> str:
        names = [folder.name for folder in checkpoint_folders(self.path)]
        return f"there are: {', '.join(names)}" if names else "none is saved yet"

    # --- ownership ---

    def owned(self) -> AbstractContextManager[FolderHandle]:
        """Own the folder for the length of the block; what it yields knows where the folder is then.

        Raises InputError naming the present owner, or where the folder cannot be written.
        """
        return owned(self.path)

    def owner(self) -> Owner | None:
        """The living process that trains this run, if there is one."""
        return owner_of(self.path)


def lives_there(path: Path) -> str:
    """Message where a new run cannot be made because there is one."""
    return f"{path}: a run lives there already; go on with --resume or choose another --run"


def require_free(path: Path) -> None:
    """Refuse a folder for a new run in which anything lives; what an interrupted start left is nothing.

    Raises InputError that names what is in the way.
    """
    try:
        require_empty(path, "run", unfinished)
    except InputError:
        if holds_run(path):  # looked at last: another process may make one at this moment
            raise InputError(lives_there(path)) from None
        raise
    if not os.path.lexists(path):
        _require_room(path)


def _require_room(path: Path) -> None:
    """Refuse a folder that could not be made.  Raises InputError."""
    try:
        parent = next(each for each in path.absolute().parents if os.path.lexists(each))
        path.lstat()
    except FileNotFoundError:
        if not parent.is_dir():
            raise InputError(f"{path}: {parent} is no folder; choose another --run") from None
        if not os.access(parent, os.W_OK | os.X_OK):
            raise InputError(f"{path}: {parent} cannot be written; choose another --run") from None
    except OSError as error:
        raise InputError(f"{path}: no folder for a run: {error.strerror}; choose another --run") from None


def require_empty(path: Path, kind: str, is_empty: Callable[[Path], bool]) -> None:
    """Refuse a folder for a new `kind` (run, sweep) that exists and is not empty.  Raises InputError."""
    try:
        if os.path.lexists(path) and not is_empty(path):
            names = sorted(each.name for each in path.iterdir())
            more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
            raise InputError(
                f"{path}: holds other files ({names[0]}{more}); a new {kind} needs a folder that is new or empty"
            )
    except OSError as error:
        raise InputError(f"{path}: no folder for a {kind}: {error.strerror}; choose another one") from None


def reserve(path: Path) -> None:
    """Make the folder `path` for a run that is about to be made, or take an empty one; its mark is the lock's file.

    Raises InputError where anything lives there, or where the folder cannot be made.
    """
    require_free(path)
    try:
        make_private(path)
        open_growing(path / GUARD).close()
    except OSError as error:
        raise InputError(str(refused(path, 0, error))) from None


def request(path: Path, command: Command) -> None:
    """Ask the process that trains in `path` for something; it answers with an event.

    Where the disk has no room for the word, a stop goes by signal.  Raises RnntuiError where neither can be.
    """
    try:
        with open_growing(path / "control") as file:
            append(file, f"{command}\n".encode())
    except OSError as error:
        owner = owner_of(path)
        if command != "stop" or owner is None:
            raise refused(path / "control", len(command) + 1, error) from error
        os.kill(owner.pid, signal.SIGTERM)


_LOG_END = 20_000


def log_end(path: Path) -> str:
    """The end of the `stderr.log` in the folder `path`, or ''."""
    try:
        with open_file(path / "stderr.log") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - _LOG_END, 0))
            return file.read(_LOG_END).decode("utf-8", "replace")
    except (OSError, InputError):
        return ""


def last_words(path: Path) -> str:
    """The last line of the `stderr.log` in the folder `path`, or ''."""
    lines = [line for line in log_end(path).splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def note_failure(folder: FolderHandle, error: Exception) -> None:
    """Leave the reason why its training failed in the run folder, wherever it is, for whoever looks later."""
    try:
        folder.follow()
    except RnntuiError:
        return
    with suppress(OSError, InputError), open_growing(folder.path / "stderr.log") as log:
        told = "" if isinstance(error, RnntuiError) else "".join(traceback.format_exception(error))
        append(log, f"{told}{oneline(error)}\n".encode("utf-8", "replace"))
    with suppress(RnntuiError):
        last = 0
        for event in EventTail(folder.path / "events.jsonl").all():
            last = event.step
        # The training that failed may still have it open.
        with Journal(folder.path / "events.jsonl", alone=False) as journal:
            journal.add(ev.Finished(step=last, reason="error"))


def read_json(path: Path, limit: int = SMALL) -> dict[str, object]:
    """The JSON object in a file of at most `limit` bytes.  Raises InputError that names the file."""
    try:
        content = msgspec.json.decode(read_file(path, limit))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a JSON object")
    return content


def read_toml(path: Path) -> Config:
    """Read the `run.toml` at `path`.  Raises InputError that names the file and the key."""
    try:
        text = read_file(path).decode()
    except FileNotFoundError:
        raise InputError(f"{path.parent}: no run lives there (no run.toml); see `rnntui runs list`") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    return from_toml(text, str(path))
