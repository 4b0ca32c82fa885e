"""What every cell learns in the first minute, with no other flag than the stop.

    python benchmarks/first_minute.py TEXT [--seconds 60] [--rounds 3]

Runs `rnntui train TEXT --headless --max-time SECONDS --cell CELL` as a process of its own for every
cell, the cells in turn within a round so that a machine whose speed drifts treats them alike, and each
round with another seed.  The loss is that of `rnntui evaluate`, on the held-out 5% before the last 5% of the text
(protocols `stream` and `windows`), which is checked against the one that training told.  Writes the
medians and the spread into docs/results.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from commands import rnntui
from results import mean_and_spread, write_section

from rnntui.core.cells import CELLS

VARIANTS = {name: ["--cell", name] for name in CELLS} | {
    "elman, relu": ["--cell", "elman", "--nonlinearity", "relu"]
}


def measure(text: str, seconds: float, flags: list[str], seed: int) -> dict[str, Any]:
    """Train once and evaluate by both protocols."""
    with tempfile.TemporaryDirectory() as folder:
        run = str(Path(folder) / "run")
        limits = ["--max-time", f"{seconds}s", "--seed", str(seed)]
        rnntui("train", text, "--headless", "--run", run, *limits, *flags)
        summary = json.loads(rnntui("runs", "show", run, "--json"))
        stream = json.loads(rnntui("evaluate", run, "--json"))
        windows = json.loads(rnntui("evaluate", run, "--json", "--protocol", "windows"))
    assert stream["loss"] == summary["loss"], "evaluate must give the number that training told"
    return {"stream": stream["loss"], "windows": windows["loss"], "bits": stream["bits_per_byte"]} | {
        name: summary[name] for name in ("parameters", "tokens_per_s", "train_s")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    for seed in range(1, options.rounds + 1):
        for name, flags in VARIANTS.items():
            measured[name].append(measure(options.text, options.seconds, flags, seed))
            print(name, measured[name][-1], flush=True)

    lines = [
        f"{Path(options.text).name}, characters, split 90/5/5, {options.seconds:g} s of training, nothing else set; "
        f"validation loss in nats a character, mean of {options.rounds} seeds (lowest to highest): where ranges "
        "overlap, nothing is ranked.",
        "",
        "| cell | parameters | loss, stream | loss, windows | bits/byte, stream | tokens/s |",
        "|---|---|---|---|---|---|",
    ]
    for name, rounds in measured.items():
        middle = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        stream, windows = (mean_and_spread([each[key] for each in rounds]) for key in ("stream", "windows"))
        lines.append(
            f"| {name} | {middle['parameters']:,.0f} | {stream} | {windows} | {middle['bits']:.3f} "
            f"| {middle['tokens_per_s']:,.0f} |"
        )
    command = f"python benchmarks/first_minute.py {Path(options.text).name} --seconds {options.seconds:g}"
    write_section("The first minute", f"{command} --rounds {options.rounds}", lines)


if __name__ == "__main__":
    main()
