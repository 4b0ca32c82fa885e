"""Processes that want one run folder at the same moment: one owner each time, one line for the others.

python benchmarks/soak/races.py [--races 500]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from common import forked, tell

from rnntui.core.config import build
from rnntui.core.errors import InputError
from rnntui.core.runs.folder import Run
from rnntui.core.runs.ownership import owner_of

_HELD: list[AbstractContextManager[None]] = []
"""What a contender owns until it is killed."""


def race(contenders: list[Callable[[], None]], rng: random.Random) -> list[str]:
    """What each said: 'owner', or the line that told it of the other."""
    gate_in, gate_out = os.pipe()
    answers = []
    children = []
    for contend in contenders:
        read, write = os.pipe()

        def work(
            contend: Callable[[], None] = contend, write: int = write, delay: float = rng.random() * 1e-3
        ) -> None:
            os.read(gate_in, 1)
            time.sleep(delay)
            try:
                contend()
                os.write(write, b"owner")
                time.sleep(60)  # until it is killed: as an owner that dies
            except InputError as error:
                os.write(write, str(error).encode())

        children.append(forked(work))
        os.close(write)
        answers.append(read)
    os.write(gate_out, b"x" * len(contenders))
    said = [os.read(read, 10_000).decode() for read in answers]
    for child, line in zip(children, said, strict=True):
        if line == "owner":
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    for descriptor in (*answers, gate_in, gate_out):
        os.close(descriptor)
    return said


def creating(path: Path) -> Callable[[], None]:
    def contend() -> None:
        _HELD.append(Run.create(path, build({}), {"tokenizer.json": b"{}"}).owned())
        _HELD[-1].__enter__()

    return contend


def resuming(path: Path) -> Callable[[], None]:
    def contend() -> None:
        _HELD.append(Run.open(path).owned())
        _HELD[-1].__enter__()

    return contend


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--races", type=int, default=500)
    options = parser.parse_args()
    rng, began, taken_over = random.Random(1), time.monotonic(), 0
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(options.races):
            path = Path(scratch) / f"run{number // 2}"
            make = creating if number % 2 == 0 else resuming
            if make is resuming:  # the owner before was killed
                assert (path / "lock").exists() and owner_of(path) is None
                taken_over += 1
            said = race([make(path)] * 2, rng)
            losers = [line for line in said if line != "owner"]
            assert len(losers) == 1 and "\n" not in losers[0] and str(path) in losers[0], said
    tell(
        "races",
        f"python benchmarks/soak/races.py --races {options.races}",
        [
            f"{options.races} races of two processes for one run folder, half to make it and half to "
            f"go on with it: one owner "
            f"each time, one line for the other; {taken_over} locks of owners that had been killed "
            f"were taken over. "
            f"{time.monotonic() - began:.0f} s.",
        ],
    )


if __name__ == "__main__":
    main()
