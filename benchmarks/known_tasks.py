"""Tasks whose answer is known: which cell remembers over how many steps.

    python benchmarks/known_tasks.py [--lags 10 50 100 200 500] [--steps 2000] [--tasks adding copying]

Draws the adding problem and copying memory with `sample_corpora/known.py`, trains each cell with 64 units for at most
the same number of steps, and tells how much of what must be remembered was.  Adding: the share of sums that are right,
where who knows one of the two digits is right one time in ten.  Copying: the share of the five letters' bits that the
model knows when they come again, from the loss on held-out lines, all of which it knows but the letters when they come
first.
Each cell begins as always, and those with gates also with `--timescale` at the lag.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from commands import rnntui
from results import write_section

from rnntui.core.cells import CELLS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sample_corpora"))
import known

_EXAMPLES, _LINES = 5000, 1000
_SHARED = (
    "--tokenizer", "char", "--hidden-size", "64", "--embedding-size", "16", "--dropout", "0", "--input-dropout", "0",
    "--embedding-dropout", "0", "--weight-drop", "0", "--weight-decay", "0", "--label-smoothing", "0",
    "--epsilon", "1e-8", "--lr", "5e-3", "--eval-every", "250", "--headless",
)  # fmt: skip


class Setting(NamedTuple):
    """What is trained."""

    cell: str
    chrono: bool
    """Whether the gates begin with the lag as their timescale."""
    steps: int


def scored(folder: Path, text: Path, lag: int, setting: Setting, *flags: str) -> dict[str, float]:
    run = folder / f"{text.stem}-{setting.cell}-{setting.chrono}"
    chosen: tuple[str, ...] = ("--cell", setting.cell, "--max-steps", str(setting.steps))
    if setting.chrono:
        chosen += ("--timescale", str(lag))
    rnntui("train", str(text), "--run", str(run), *chosen, *_SHARED, *flags)
    return json.loads(rnntui("evaluate", str(run), "--json"))


def added(folder: Path, lag: int, settings: list[Setting]) -> list[float]:
    """Of each setting the share of sums that are right."""
    table = folder / f"adding{lag}.tsv"
    table.write_text("\n".join(known.adding(lag, _EXAMPLES, seed=1)) + "\n")
    flags = ("--task", "classify", "--pooling", "last", "--no-bidirectional", "--target-loss", "0.02")
    return at_once(lambda setting: scored(folder, table, lag, setting, *flags)["accuracy"], settings)


def copied(folder: Path, lag: int, settings: list[Setting]) -> list[float]:
    """Of each setting the share of the letters' bits that is known when they come again."""
    text = folder / f"copying{lag}.txt"
    lines = list(known.copying(lag, _LINES, seed=1))
    text.write_text("\n".join(lines) + "\n")
    length = len(lines[0]) + 1
    least = known.BITS * math.log(2) / length
    flags: tuple[str, ...] = ("--bptt", str(2 * length), "--batch-size", "16", "--split", "90/10")
    flags += ("--target-loss", str(1.01 * least))

    def share(setting: Setting) -> float:
        return min(1.0, max(0.0, 2 - scored(folder, text, lag, setting, *flags)["loss"] / least))

    return at_once(share, settings)


def at_once(share: Callable[[Setting], float], settings: list[Setting]) -> list[float]:
    """Of each setting its share; as many train side by side as there are cores, on one thread each."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(share, settings))


MEASURES = {"adding": added, "copying": copied}
SETTINGS = [
    (cell, chrono) for chrono in (False, True) for cell in CELLS if not chrono or CELLS[cell].timescale
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lags", type=int, nargs="*", default=[10, 50, 100, 200, 500])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--tasks", nargs="*", default=list(MEASURES), choices=MEASURES)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.tasks:
            for lag in options.lags:
                settings = [Setting(cell, chrono, options.steps) for cell, chrono in SETTINGS]
                shares = MEASURES[name](Path(scratch), lag, settings)
                rows.append(f"| {name} | {lag} | " + " | ".join(f"{share:.0%}" for share in shares) + " |")
                print(rows[-1], flush=True)
    lags, tasks = " ".join(map(str, options.lags)), " ".join(options.tasks)
    lines = [
        f"One layer of 64 units, at most {options.steps} steps of 32 lines, one seed, on held-out ones.  Adding: "
        "sums that are right (chance is 10%).  Copying: of the five letters' bits, those known when they come again.  "
        "With `t`, the gates begin with the lag as their `--timescale`.",
        "",
        "| task | lag | " + " | ".join(f"{cell}{' t' * chrono}" for cell, chrono in SETTINGS) + " |",
        "|---|---|" + "---|" * len(SETTINGS),
        *rows,
    ]
    command = f"python benchmarks/known_tasks.py --lags {lags} --steps {options.steps} --tasks {tasks}"
    write_section(f"Tasks whose answer is known: {' and '.join(options.tasks)}", command, lines)


if __name__ == "__main__":
    main()
