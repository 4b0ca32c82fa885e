"""The program's own commands, as a person gives them."""

from __future__ import annotations

import subprocess
import sys


def rnntui(*arguments: str) -> str:
    """Run `rnntui` with these arguments to its end; what it writes to standard output."""
    command = [sys.executable, "-m", "rnntui", *arguments]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ).stdout
