"""Checks of this machine: what it offers, what stands in the way, and what to do about it."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from rnntui import __version__
from rnntui.core.errors import InputError, command, oneline
from rnntui.core.processors import BUSY, OtherPrograms, processor_count, use_by_others
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.runs.safe_files import is_closed

Verdict = Literal["good", "hint", "fault"]

_LITTLE_ROOM = 1 << 30
_LITTLE_MEMORY = 2 << 30
_SMALL_SCREEN = (60, 18)
_LOOK_S = 0.3


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    value: str
    verdict: Verdict = "good"
    """`hint`: something could be better; `fault`: something does not work."""
    advice: str = ""
    """Advice."""


def examine() -> Iterator[Finding]:
    """Look at everything, one finding after the other; a look that fails is a finding too."""
    for look in (
        _program,
        _processor,
        _memory,
        _torch,
        _precision,
        _graphics,
        _terminal,
        _room,
        _cache,
        _kernels,
        _runs,
    ):
        try:
            yield from look()
        except PermissionError as error:
            advice = "make it readable for you, or set RNNTUI_HOME to a folder of your own"
            value = f"{error.filename} cannot be looked at: {error.strerror}"
            yield Finding(look.__name__.strip("_"), value, "fault", advice)
        except Exception as error:  # a doctor that falls over helps nobody
            name = look.__name__.strip("_")
            yield Finding(name, f"could not be looked at: {oneline(error)}", "fault", "please report this")


def _program() -> Iterator[Finding]:
    yield Finding("rnntui", f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    for package, extra in (("optuna", "sweep"),):
        if importlib.util.find_spec(package) is None:
            advice = f"pip install 'rnntui[{extra}]' for `rnntui {extra}`"
            yield Finding(package, "not installed", "hint", advice)


def _processor() -> Iterator[Finding]:
    cores = processor_count()
    yield Finding("processor", f"{platform.processor() or platform.machine()}, {cores} cores")
    others = OtherPrograms()
    time.sleep(_LOOK_S)
    busy = others.look()
    if busy < BUSY:
        yield Finding("load", f"{cores - busy:.1f} of {cores} cores are free")
    else:
        advice = "training takes what is left, with fewer threads; it is faster when they have finished"
        yield Finding("load", f"busy: {use_by_others(busy, cores)}", "hint", advice)


def _memory() -> Iterator[Finding]:
    import psutil

    memory = psutil.virtual_memory()
    little = memory.available < _LITTLE_MEMORY
    advice = "close other programs, or take a smaller --hidden-size and --batch-size" if little else ""
    value = f"{_gigabytes(memory.available)} free of {_gigabytes(memory.total)}"
    yield Finding("memory", value, "hint" if little else "good", advice)


def _torch() -> Iterator[Finding]:
    import torch

    threads, limited = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    yield Finding("PyTorch", str(torch.__version__))
    if limited:
        advice = f"OMP_NUM_THREADS={limited} is set: unset it to let rnntui choose"
        yield Finding("threads", str(threads), "hint", advice)
    else:
        yield Finding("threads", str(threads))


def _precision() -> Iterator[Finding]:
    import torch

    from rnntui.core.cells.fused import torch_knows_bf16

    instructions = torch.backends.cpu.get_cpu_capability()
    if torch_knows_bf16():
        yield Finding("precision", f"fp32 and bf16 ({instructions})")
    else:
        advice = "training takes fp32 by itself; --precision bf16 would be many times slower"
        yield Finding("precision", f"fp32 alone, no instructions for bf16 ({instructions})", "hint", advice)


def _graphics() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        yield Finding("GPU", torch.cuda.get_device_name())
    elif shutil.which("nvidia-smi"):
        advice = "install PyTorch's CUDA build, see pytorch.org"
        yield Finding("GPU", "there, but this PyTorch cannot use it", "hint", advice)
    else:
        yield Finding("GPU", "none; rnntui trains on the CPU")


def _terminal() -> Iterator[Finding]:
    if not sys.stdout.isatty():
        yield Finding("terminal", "none here: commands print plain lines")
        return
    columns, rows = shutil.get_terminal_size()
    if columns < _SMALL_SCREEN[0] or rows < _SMALL_SCREEN[1]:
        advice = f"the app needs {_SMALL_SCREEN[0]}x{_SMALL_SCREEN[1]}; make the window larger"
        yield Finding("terminal", f"{columns}x{rows}", "fault", advice)
    else:
        yield Finding("terminal", f"{columns}x{rows}")
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        yield Finding("characters", encoding, "hint", "set a UTF-8 locale, as LANG=C.UTF-8")
    kind, true_colour = os.environ.get("TERM", ""), os.environ.get("COLORTERM") in ("truecolor", "24bit")
    if kind in ("dumb", ""):
        yield Finding("colours", f"TERM={kind or 'unset'}", "fault", "set TERM, as TERM=xterm-256color")
    elif not true_colour and "256" not in kind:
        yield Finding("colours", f"TERM={kind}", "hint", "TERM=xterm-256color shows finer colours")
    else:
        yield Finding("colours", "true colour" if true_colour else "256")


def _room() -> Iterator[Finding]:
    home = store.home()
    there = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(there).free
    advice = "delete runs with `rnntui runs remove`, or set RNNTUI_HOME to a larger disk"
    little = free < _LITTLE_ROOM
    verdict: Verdict = "fault" if little else "good"
    yield Finding("disk", f"{_gigabytes(free)} free at {home}", verdict, advice if little else "")
    if not (there.is_dir() and os.access(there, os.R_OK | os.W_OK | os.X_OK)):
        yield Finding("home", f"{home} cannot be written", "fault", "set RNNTUI_HOME to a folder of your own")


def _cache() -> Iterator[Finding]:
    size = sum(file.stat().st_size for file in store.cache_home().rglob("*") if file.is_file())
    yield Finding("cache", f"{_gigabytes(size)} at {store.cache_home()}; it may be deleted at any time")


def _kernels() -> Iterator[Finding]:
    from rnntui.core.kernels.kernel_cache import KernelFolder, kernels_path

    folder = KernelFolder(kernels_path())
    if reason := folder.untrusted():
        value = f"{folder.path} {reason}: its compiled kernels are not used, every start compiles them"
        yield Finding("kernels", value, "hint", "delete that folder; the next training makes its own")
        return
    damaged, files, size = folder.check()
    value = f"{files} compiled, {size / (1 << 20):.1f} MB at {folder.path}"
    if not folder.writable():
        advice = "make that folder writable for you, or set XDG_CACHE_HOME to a folder of your own"
        yield Finding("kernels", f"{value}, which cannot be written", "hint", advice)
    elif damaged:
        advice = "nothing to do: the next training that needs them compiles them anew"
        yield Finding("kernels", f"{value}; {damaged} damaged", "hint", advice)
    else:
        yield Finding("kernels", value)


def _runs() -> Iterator[Finding]:
    home = store.runs_home()
    if not home.is_dir():
        yield Finding("runs", f"none yet at {home}")
        return
    found = [path.parent for pattern in ("*/run.toml", "*/*/run.toml") for path in home.glob(pattern)]
    folders = sorted({path.resolve() for path in [*found, *filter(is_closed, home.iterdir())]})
    faults = {folder: fault for folder in folders if (fault := _fault_of(folder))}
    for folder, (what, advice) in faults.items():
        remedy = f"{advice}, or delete it with {command('rnntui', 'runs', 'remove', folder)}"
        yield Finding(f"run {folder.name}", what, "fault", remedy)
    yield Finding("runs", f"{len(folders) - len(faults)} of {len(folders)} healthy at {home}")


def _fault_of(folder: Path) -> tuple[str, str] | None:
    """The fault of the run in `folder` with advice, or None."""
    from rnntui.core.completion.loading import verify
    from rnntui.core.runs.summaries import read_history

    try:
        run = Run.open(folder)
    except InputError as error:
        if is_closed(folder) or not os.access(folder / "run.toml", os.R_OK):
            return oneline(
                error
            ), f"make it readable for you, as with {command('chmod', '-R', 'u+rwX', folder)}"
        return oneline(error), "mend the file"
    if run.owner():
        return None  # its checkpoints come and go
    try:
        read_history(run)
    except InputError as error:
        return oneline(error), "go on from a copy of it"
    if not run.named("last"):
        return (
            "no checkpoint is saved",
            f"go on with {command('rnntui', 'train', '--run', folder, '--resume')}",
        )
    try:
        for name in ("last", "best"):
            verify(run.checkpoint_path(name))
    except InputError as error:
        return oneline(error), "go on from another checkpoint"
    return None


def _gigabytes(size: float) -> str:
    return f"{size / (1 << 30):.1f} GB"
