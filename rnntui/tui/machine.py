"""Load of the machine: processor, memory, and a GPU where there is one."""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import suppress
from typing import NamedTuple

import psutil

from rnntui.core.processors import BUSY, OtherPrograms, processor_count


class Load(NamedTuple):
    """One look at the machine."""

    cpu: float
    """Share of all cores in use, 0 to 1."""
    memory: float
    """Share of the memory in use."""
    memory_bytes: int
    """Bytes of the whole machine."""
    training_bytes: int | None
    """Memory of the training processes; None where none is at work."""
    gpu: str
    """Use and memory of the GPUs, or ''."""
    busy: float | None
    """Processors that other programs keep busy, if that slows the training down; None if not."""
    processors: int
    processes: int = 1
    """Processes that train together."""


class Machine:
    """Looks at the machine, and at the process that trains."""

    def __init__(self) -> None:
        self._smi = shutil.which("nvidia-smi")
        self._gpu = ""
        self._trainer: int | None = None
        self._processes = 1
        self._others = OtherPrograms(self._own_seconds)
        self._before = 0.0
        psutil.cpu_percent()  # the first call only starts the measurement

    def look(self, trainer: int | None, processes: int = 1) -> Load:
        """The load now; `trainer` is the number of the training process, or of the first of several."""
        memory = psutil.virtual_memory()
        self._processes = processes
        own = None
        if trainer is not None:
            with suppress(psutil.Error):
                own = sum(process.memory_info().rss for process in self._ranks(trainer))
        busy, processors = self._busy(trainer), processor_count()
        cpu = psutil.cpu_percent() / 100
        return Load(cpu, memory.percent / 100, memory.total, own, self._gpu, busy, processors, processes)

    def _busy(self, trainer: int | None) -> float | None:
        """Number of processors that others use, if it was `BUSY` or more at the last look as well."""
        if trainer != self._trainer:
            self._trainer, self._before = trainer, 0.0
            self._others.look()
            return None
        before, self._before = self._before, self._others.look()
        return self._before if trainer is not None and min(before, self._before) >= BUSY else None

    def _own_seconds(self) -> float:
        """Processor seconds of this app and of the process that trains."""
        seconds = time.process_time()
        if self._trainer is not None:
            with suppress(psutil.Error):
                times = [process.cpu_times() for process in self._ranks(self._trainer)]
                seconds += sum(each.user + each.system for each in times)
        return seconds

    def _ranks(self, trainer: int) -> list[psutil.Process]:
        """The processes that train on this machine: those beside the first have its launcher as well."""
        first = psutil.Process(trainer)
        launcher = first.parent() if self._processes > 1 else None
        return launcher.children() if launcher else [first]

    async def look_at_gpu(self) -> None:
        """Ask the driver's own tool; where it is missing or fails, there is no GPU to speak of."""
        if self._smi is None:
            return
        query = "--query-gpu=utilization.gpu,memory.used,memory.total"
        process = await asyncio.create_subprocess_exec(
            self._smi,
            query,
            "--format=csv,noheader,nounits",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await process.communicate()
        self._gpu = gpu_line(output.decode("utf-8", "replace")) if process.returncode == 0 else ""


def gpu_line(answer: str) -> str:
    """The driver's answer, a line for each GPU, as one line."""
    shown = []
    for line in answer.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 3 and all(part.isdecimal() for part in parts):
            used, total = int(parts[1]) / 1024, int(parts[2]) / 1024
            shown.append(f"{parts[0]}% {used:.1f}/{total:.0f} GiB")
    return "  ".join(shown)
