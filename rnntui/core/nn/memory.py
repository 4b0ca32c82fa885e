"""Memory that this process may use."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from typing import NamedTuple

_GROUPS, _HOME = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


class AvailableMemory(NamedTuple):
    """Bytes."""

    fast: int
    """Memory for what every step uses."""
    total: int
    """With what is swapped out to disk; a system that swaps as it likes has no bound."""


def available_memory() -> AvailableMemory:
    """The memory of this machine, or less where a container or a limit of the shell says so.

    What others use at the moment counts as well: they may be gone soon.
    """
    import psutil

    fast = min([psutil.virtual_memory().total, *group_limits()])
    # Elsewhere the system makes room for more while it is needed.
    total = fast + psutil.swap_memory().total if sys.platform == "linux" else sys.maxsize
    address_space = _address_space()
    return AvailableMemory(min(fast, address_space), min(total, address_space))


def gigabytes(size: float) -> str:
    """`size` bytes for a person."""
    return f"{size / 1e9:,.{0 if size >= 1e11 else 1}f} GB"


def group_limits(groups: Path = _GROUPS, home: Path = _HOME) -> list[int]:
    """The limits of the control groups that a process is in, the first version's and the second's.

    `groups` is the file that names them, `home` the folder that they are in.
    """
    try:
        lines = groups.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    limits = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if not controllers:
            root, file = home, "memory.max"
        elif "memory" in controllers.split(","):
            root, file = home / "memory", "memory.limit_in_bytes"
        else:
            continue
        inner = PurePosixPath(name.lstrip("/"))
        for group in (inner, *inner.parents):  # within a container its own group is the root
            limits += _number_in(root / group / file)
    return limits


def _number_in(path: Path) -> list[int]:
    """The number in a file, unless there is none: no limit is the word 'max'."""
    try:
        return [int(path.read_text(encoding="ascii"))]
    except (OSError, ValueError):
        return []


def _address_space() -> int:
    """The limit that `ulimit -v` sets."""
    try:
        import resource
    except ImportError:  # Windows
        return sys.maxsize
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit
