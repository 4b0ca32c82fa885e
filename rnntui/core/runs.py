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

import json
import os
import traceback
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from rnntui.core import events as ev
from rnntui.core.config import Config
from rnntui.core.errors import InputError, RnntuiError, oneline
from rnntui.core.files import unwritable, write_atomically
from rnntui.core.run_toml import read_toml, to_toml

Command = Literal["pause", "resume", "stop", "evaluate", "sample", "live", "faster", "slower"]
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
        except psutil.Error:
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
    def create(cls, path: Path, config: Config, tokenizer: bytes) -> Run:
        """Write a new run folder.  Raises InputError where a run lives there already."""
        if (path / "run.toml").exists():
            raise InputError(
                f"{path}: a run lives there already; go on with --resume or choose another --run"
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(unwritable(path, 0, error)) from None
        write_atomically(path / "tokenizer.json", tokenizer)
        run = cls(path, config)
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

    def record(self, events: Iterable[ev.AnyEvent]) -> Generator[ev.AnyEvent]:
        """Pass events on after writing each to `events.jsonl`, whole lines at a time."""
        _drop_torn_line(self.events_path)
        with self.events_path.open("ab", buffering=0) as file:
            for event in events:
                file.write(ev.encode(event) + b"\n")
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
        found = self.path / "checkpoints" / (f"{int(name):08d}" if name.isdecimal() else name)
        if not found.is_dir():
            raise InputError(f"{self.path}: no checkpoint '{name}'; {self._known_checkpoints()}")
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

    def _known_checkpoints(self) -> str:
        folder = self.path / "checkpoints"
        names = sorted(path.name for path in folder.glob("[0-9]*")) if folder.is_dir() else []
        return f"there are: {', '.join(names)}" if names else "none is saved yet"

    # --- ownership and control ---

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Own the folder for the length of the block.  Raises InputError naming the present owner."""
        import filelock

        guard = filelock.FileLock(self.path / ".guard")
        try:
            guard.acquire(timeout=0)
        except filelock.Timeout:
            owner = self.owner()
            who = f"process {owner.pid}" if owner else "another process"
            raise InputError(
                f"{self.path}: {who} is training this run; watch it with `rnntui watch {self.path}`"
            ) from None
        lock = self.path / "lock"
        try:
            write_atomically(lock, msgspec.json.encode(Owner.this_process()), durable=False)
            yield
        finally:
            lock.unlink(missing_ok=True)
            guard.release()

    def owner(self) -> Owner | None:
        """The living process that trains this run, if there is one."""
        return owner_of(self.path)


_AT_ONCE = 1 << 22
"""Bytes of `events.jsonl` read at once: a long run must not fill the memory."""


class EventTail:
    """Reads `events.jsonl` as it grows.

    A torn last line is not there yet; a line that cannot be read is passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self.behind = False
        """Whether the last poll left something to read."""

    def poll(self) -> list[ev.AnyEvent]:
        """The next events, some megabytes of them at most; none where all is read."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(_AT_ONCE)
        except FileNotFoundError:
            return []
        self.behind = len(data) == _AT_ONCE
        complete = data[: data.rfind(b"\n") + 1]
        if not complete and len(data) == _AT_ONCE:
            complete = data  # no line of ours is so long: pass over it in pieces
        self._offset += len(complete)
        events = ev.decode_lines(complete)
        return events or (self.poll() if complete else [])

    def all(self) -> Iterator[ev.AnyEvent]:
        """Every event from here to the end of the file."""
        while events := self.poll():
            yield from events


def owner_of(path: Path) -> Owner | None:
    """The living process that trains in the run folder `path`, if there is one."""
    try:
        owner = msgspec.json.decode((path / "lock").read_bytes(), type=Owner)
    except (OSError, msgspec.DecodeError):
        return None
    return owner if owner.alive() else None


def request(path: Path, command: Command) -> None:
    """Ask the process that trains in `path` for something; it answers with an event."""
    with (path / "control").open("a", encoding="utf-8") as file:
        file.write(command + "\n")


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
    with suppress(OSError):
        last = run.events()
        list(run.record([ev.Finished(step=last[-1].step if last else 0, reason="error")]))


def _drop_torn_line(path: Path) -> None:
    """Cut off what a killed writer left of its last line, so that the next line starts clean."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        data = file.read()
        file.truncate(data.rfind(b"\n") + 1)


def read_json(path: Path) -> dict[str, object]:
    """The JSON object in a file.  Raises InputError that names the file."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a JSON object")
    return content
