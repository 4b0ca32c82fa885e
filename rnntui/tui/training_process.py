"""The training process: the headless command, started by the app and outliving it if asked to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rnntui.core.config import as_flags
from rnntui.core.runs.folder import reserve
from rnntui.core.runs.safe_files import holds_run, open_growing
from rnntui.tui.process import module_command

TrainingProcess = subprocess.Popen[bytes]


class Resume(NamedTuple):
    """Settings of a resumed run."""

    checkpoint: str | None = None
    """Checkpoint to resume from; None for the last one."""
    trust: bool = False
    """True if its corpus may be fetched, though the run was not made here."""

    @property
    def flags(self) -> list[str]:
        """The same on the command line."""
        at = [] if self.checkpoint is None else [f"--checkpoint={self.checkpoint}"]
        return ["--resume", *at, *(["--trust-corpus"] if self.trust else [])]


def start_training(
    path: Path, settings: Mapping[str, Any], preset: str, resume: Resume | None
) -> TrainingProcess:
    """Start `rnntui train --headless` on the run folder `path`.

    Raises RnntuiError where the folder cannot be used, OSError where the process cannot be started.
    """
    resuming = resume.flags if resume else []
    return _start(["train", *resuming], path, path, settings, preset)


def start_duel(
    base: Path, log: Path, cells: str, settings: Mapping[str, Any], preset: str
) -> TrainingProcess:
    """Start `rnntui duel --headless` on run folders whose names begin with `base`."""
    return _start(["duel", f"--cells={cells}"], base, log, settings, preset)


def _start(
    words: list[str], run: Path, log: Path, settings: Mapping[str, Any], preset: str
) -> TrainingProcess:
    """Start a headless command; what it says on dying goes to `stderr.log` in the folder `log`.

    A plain child process and not asyncio's, whose transport kills the process when the app's event
    loop closes: training must be able to go on after the app.
    """
    if not holds_run(log):
        reserve(log)
    command = [*module_command("rnntui"), *words, "--headless", "--json", "--run", str(run)]
    command += ["--preset", preset, *as_flags(settings)]
    # A group of its own, so that ctrl+c in the terminal reaches the app alone.
    if sys.platform == "win32":
        flags, session = subprocess.CREATE_NEW_PROCESS_GROUP, False
    else:
        flags, session = 0, True
    with open_growing(log / "stderr.log") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            creationflags=flags,
            start_new_session=session,
        )
