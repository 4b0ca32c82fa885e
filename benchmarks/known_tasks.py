"""Tasks whose answer is known: which cell remembers over how many steps.

    python benchmarks/known_tasks.py [--lags 10 50 100 200 500] [--steps 1000]

Draws the adding problem and copying memory with `sample_corpora/known.py`, trains each cell with 64 units for the same
number of steps, and tells how much of what must be remembered was.  Adding: the share of sums that are right, where
who knows one of the two digits is right one time in ten.  Copying: the share of the five letters' bits that the model
knows when they come again, from the loss on held-out lines, all of which it knows but the letters when they come first.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from results import write_section

from rnntui.core.cells import CELLS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sample_corpora"))
import known

_EXAMPLES, _LINES = 5000, 1000
_SHARED = (
    "--tokenizer", "char", "--hidden-size", "64", "--embedding-size", "16", "--dropout", "0", "--input-dropout", "0",
    "--embedding-dropout", "0", "--weight-drop", "0", "--weight-decay", "0", "--epsilon", "1e-8", "--lr", "5e-3",
    "--eval-every", "250", "--headless",
)  # fmt: skip


def rnntui(*arguments: str) -> str:
    command = [sys.executable, "-m", "rnntui", *arguments]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ).stdout


def scored(folder: Path, text: Path, cell: str, steps: int, *flags: str) -> dict[str, float]:
    run = folder / f"{text.stem}-{cell}"
    rnntui("train", str(text), "--cell", cell, "--max-steps", str(steps), "--run", str(run), *_SHARED, *flags)
    return json.loads(rnntui("evaluate", str(run), "--json"))


def added(folder: Path, lag: int, cell: str, steps: int) -> float:
    """The share of sums that are right."""
    table = folder / f"adding{lag}.tsv"
    table.write_text("\n".join(known.adding(lag, _EXAMPLES, seed=1)) + "\n")
    flags = ("--task", "classify", "--pooling", "last", "--no-bidirectional")
    return scored(folder, table, cell, steps, *flags)["accuracy"]


def copied(folder: Path, lag: int, cell: str, steps: int) -> float:
    """The share of the letters' bits that is known when they come again."""
    text = folder / f"copying{lag}.txt"
    lines = list(known.copying(lag, _LINES, seed=1))
    text.write_text("\n".join(lines) + "\n")
    length = len(lines[0]) + 1
    flags = ("--bptt", str(2 * length), "--batch-size", "32", "--split", "90/10")
    bits = scored(folder, text, cell, steps, *flags)["loss"] * length / math.log(2)
    return min(1.0, max(0.0, 2 - bits / known.BITS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lags", type=int, nargs="*", default=[10, 50, 100, 200, 500])
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, measure in (("adding", added), ("copying", copied)):
            for lag in options.lags:
                shares = [measure(Path(scratch), lag, cell, options.steps) for cell in CELLS]
                rows.append(f"| {name} | {lag} | " + " | ".join(f"{share:.0%}" for share in shares) + " |")
                print(rows[-1], flush=True)
    lags = " ".join(map(str, options.lags))
    lines = [
        f"One layer of 64 units, {options.steps} steps of 32 sequences, one seed, on held-out ones.  Adding: sums "
        "that are right (chance is 10%).  Copying: of the five letters' bits, those known when they come again.",
        "",
        "| task | lag | " + " | ".join(CELLS) + " |",
        "|---|---|" + "---|" * len(CELLS),
        *rows,
    ]
    command = f"python benchmarks/known_tasks.py --lags {lags} --steps {options.steps}"
    write_section("Tasks whose answer is known", command, lines, about_speed=False)


if __name__ == "__main__":
    main()
