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
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from rnntui.core import events as ev
from rnntui.core.config import Config
from rnntui.core.errors import InputError, RnntuiError, WriteError, oneline
from rnntui.core.files import append, make_private, refused, write_atomically
from rnntui.core.journal import EventTail, Journal
from rnntui.core.run_toml import read_toml, to_toml

Command = Literal["pause", "resume", "stop", "evaluate", "sample", "live", "faster", "slower"]
_MOMENT_S = 2.0
"""How long another process may hold the guard that owns nothing."""
_RETRY_S = 0.5
"""Between two tries to write where there was no room."""
RunState = Literal["running", "paused", "finished", "interrupted", "crashed", "new"]


class Owner(msgspec.Struct, frozen=True):
    """The process that owns a run folder."""

    pid: int
    started: float
    """Its creation time: a later process with the same number is not the owner."""

    @classmethod
    def this_process(cls) -> Owner:
        import psutil

        return cls(pid=os.getpid(), started=psutil.Process().create_time())

    def alive(self) -> bool:
        import psutil

        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, ValueError, OverflowError):  # no such process, or no number that one could have
            return False


@dataclass(frozen=True)
class Run:
    """A run folder that exists."""

    path: Path
    config: Config

    @property
    def name(self) -> str:
        return self.path.name

    @classmethod
    def create(cls, path: Path, config: Config, files: Mapping[str, bytes]) -> Run:
        """Write a new run folder, for its owner's eyes alone, with the task's `files` in it.

        Raises InputError where a run lives there already, or is being made by another process.
        """
        if (path / "run.toml").exists():
            raise InputError(lives_there(path))
        try:
            make_private(path)
        except OSError as error:
            raise InputError(str(refused(path, 0, error))) from None
        run = cls(path, config)
        with run._guarded("is making this run"):
            if (path / "run.toml").exists():  # since the look above
                raise InputError(lives_there(path))
            for name, content in files.items():
                write_atomically(path / name, content)
            run.write_config()
        return run

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open the run folder at `path`.  Raises InputError where there is none or it is damaged."""
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
        if name == "best" and not (self.path / "best").exists():
            name = "last"
        if name in ("best", "last"):
            try:
                name = (self.path / name).read_text(encoding="utf-8").strip()
            except FileNotFoundError:
                raise InputError(f"{self.path}: no checkpoint is saved yet; train it first") from None
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(f"{self.path / name}: cannot be read: {error}") from None
        number = name if re.fullmatch(r"[0-9]{1,18}", name) else None
        found = self.path / "checkpoints" / f"{int(number or 0):08d}"
        if number is None or not found.is_dir():
            raise InputError(f"{self.path}: no checkpoint '{name[:40]}'; {self._known_checkpoints()}")
        return found

    def checkpoints(self) -> list[tuple[str, str]]:
        """The checkpoints saved, the newest first: the name, and what is said of it (best)."""
        folder = self.path / "checkpoints"
        names = sorted((path.name for path in folder.glob("[0-9]*") if path.name.isdecimal()), reverse=True)
        try:
            best = (self.path / "best").read_text(encoding="utf-8").strip()
        except OSError:
            best = ""
        return [(name, ", best" if name == best else "") for name in names]

    def versions(self) -> dict[str, str]:
        """Of rnntui and PyTorch, as of the newest checkpoint; nothing where none is saved."""
        try:
            state = read_json(self.checkpoint_path("last") / "state.json")
        except InputError:
            return {}
        return {name: str(state[name]) for name in ("rnntui", "torch") if name in state}

    def _known_checkpoints(self) -> str:
        folder = self.path / "checkpoints"
        names = sorted(path.name for path in folder.glob("[0-9]*")) if folder.is_dir() else []
        return f"there are: {', '.join(names)}" if names else "none is saved yet"

    # --- ownership and control ---

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Own the folder for the length of the block.

        Raises InputError naming the present owner, or where the folder cannot be written.
        """
        with self._guarded(f"is training this run; watch it with `rnntui watch {self.path}`"):
            lock = self.path / "lock"
            try:
                write_atomically(lock, msgspec.json.encode(Owner.this_process()), durable=False)
                yield
            finally:
                with suppress(OSError):
                    lock.unlink(missing_ok=True)

    @contextmanager
    def _guarded(self, doing: str) -> Iterator[None]:
        """Hold the folder's guard, which the system takes from a process that dies."""
        import filelock

        guard = filelock.FileLock(self.path / ".guard")
        end = time.monotonic() + _MOMENT_S
        while not guard.is_locked:
            try:
                guard.acquire(timeout=0)
            except filelock.Timeout:
                # Who looks or makes a run holds the guard for a moment; an owner soon says so in `lock`.
                owner = self.owner()
                if owner or time.monotonic() > end:
                    who = f"process {owner.pid}" if owner else "another process"
                    raise InputError(f"{self.path}: {who} {doing}") from None
                time.sleep(0.005)
            except OSError as error:
                raise InputError(str(refused(self.path, 0, error))) from None
        try:
            yield
        finally:
            guard.release()

    def owner(self) -> Owner | None:
        """The living process that trains this run, if there is one."""
        return owner_of(self.path)


def lives_there(path: Path) -> str:
    """What to say where a new run cannot be made because there is one."""
    return f"{path}: a run lives there already; go on with --resume or choose another --run"


def owner_of(path: Path) -> Owner | None:
    """The living process that trains in the run folder `path`, if there is one."""
    try:
        owner = msgspec.json.decode((path / "lock").read_bytes(), type=Owner)
    except (OSError, msgspec.DecodeError):
        return None
    return owner if owner.alive() else None


def request(path: Path, command: Command) -> None:
    """Ask the process that trains in `path` for something; it answers with an event.

    Where the disk has no room for the word, a stop goes by signal.  Raises RnntuiError where neither can be.
    """
    try:
        with (path / "control").open("ab", buffering=0) as file:
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
        with (path / "stderr.log").open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - _LOG_END, 0))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def last_words(path: Path) -> str:
    """The last line of the `stderr.log` in the folder `path`, or ''."""
    lines = [line for line in log_end(path).splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def note_failure(run: Run, error: Exception) -> None:
    """Leave the reason why its training failed in the run folder, for whoever looks later."""
    with suppress(OSError), (run.path / "stderr.log").open("a", encoding="utf-8") as log:
        if not isinstance(error, RnntuiError):
            log.write("".join(traceback.format_exception(error)))
        log.write(f"{oneline(error)}\n")
    with suppress(RnntuiError):
        last = 0
        for event in EventTail(run.events_path).all():
            last = event.step
        with Journal(run.events_path) as journal:
            journal.add(ev.Finished(step=last, reason="error"))


def read_json(path: Path) -> dict[str, object]:
    """The JSON object in a file.  Raises InputError that names the file."""
    try:
        content = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a JSON object")
    return content
