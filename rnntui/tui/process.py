"""Commands that start another process of this program."""

from __future__ import annotations

import sys
from pathlib import Path

import rnntui


def module_command(module: str) -> list[str]:
    """The command that runs a module of ours with this Python.

    `-P` keeps the working directory off the path of modules: a `torch.py` beside somebody's texts is never run.
    Without it only where this process has found the program there itself, as in a clone that is not installed.
    """
    root = Path(rnntui.__file__).resolve().parents[1]
    in_clone = bool(sys.path) and Path(sys.path[0]).resolve() == root
    return [sys.executable, *([] if in_clone else ["-P"]), "-m", module]
