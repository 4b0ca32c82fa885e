"""Characters: how soon two known losses are reached, and how low the thorough preset comes.

    python benchmarks/targets.py TEXT [--seeds 3] [--thorough]

Runs `rnntui train TEXT --split 90/10 --headless` with `--target-loss` and no other flag as a process of its own, once
for each target and seed, and tells the training time at the stop:

    1.874    what nanoGPT's recipe for CPUs reaches on tinyshakespeare
    1.4697   what its recipe for GPUs reaches there in some minutes of an A100

The second also with `--max-time` 60 and 120 seconds, scored by both protocols.  With `--thorough`, the preset of that
name runs for its twenty minutes, and its best checkpoint is scored plainly, with the neural cache, and with dynamic
evaluation.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from results import write_section

TARGETS = {1.874: "5.5 s, a twelfth of 66 s", 1.4697: "60 s"}


def rnntui(*arguments: str) -> str:
    command = [sys.executable, "-m", "rnntui", *arguments]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ).stdout


def trained(text: str, folder: str, *flags: str) -> Path:
    run = Path(folder) / "run"
    rnntui("train", text, "--split", "90/10", "--headless", "--run", str(run), *flags)
    return run


def last_evaluation(run: Path) -> dict[str, Any]:
    told = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [event for event in told if event["type"] == "evaluated"][-1]


def spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--thorough", action="store_true")
    options = parser.parse_args()
    lines = [
        f"{Path(options.text).name}, characters, the last 10% held out, loss in nats a character; median of "
        f"{options.seeds} seeds (lowest to highest).",
        "",
        "| run | what | here | bound |",
        "|---|---|---|---|",
    ]
    for target, bound in TARGETS.items():
        took, losses = [], []
        for seed in range(1, options.seeds + 1):
            with tempfile.TemporaryDirectory() as folder:
                flags = ("--target-loss", str(target), "--seed", str(seed))
                evaluated = last_evaluation(trained(options.text, folder, *flags))
            took.append(evaluated["train_s"])
            losses.append(evaluated["loss"])
            print(target, took[-1], losses[-1], flush=True)
        what = f"training until stream loss {spread(losses, 4)}"
        lines.append(f"| `--target-loss {target}` | {what} | {spread(took, 1)} s | {bound} |")
    for seconds, protocol in ((60, "stream"), (120, "windows")):
        losses = []
        for seed in range(1, options.seeds + 1):
            with tempfile.TemporaryDirectory() as folder:
                run = trained(options.text, folder, "--max-time", f"{seconds}s", "--seed", str(seed))
                losses.append(
                    json.loads(rnntui("evaluate", str(run), "--json", "--protocol", protocol))["loss"]
                )
            print(seconds, protocol, losses[-1], flush=True)
        lines.append(f"| `--max-time {seconds}s` | loss, {protocol} | {spread(losses, 4)} | 1.4697 |")
    if options.thorough:
        with tempfile.TemporaryDirectory() as folder:
            run = trained(options.text, folder, "--preset", "thorough")
            for name, flags in {"": (), ", cache": ("--cache",), ", dynamic": ("--dynamic",)}.items():
                loss = json.loads(rnntui("evaluate", str(run), "--json", *flags))["loss"]
                bound = "" if name else "1.40"
                lines.append(
                    f"| `--preset thorough` (20 minutes) | loss, stream{name} | {loss:.4f} | {bound} |"
                )
    print("\n".join(lines))
    command = f"python benchmarks/targets.py TEXT --seeds {options.seeds}"
    write_section("Known losses", command + (" --thorough" if options.thorough else ""), lines)


if __name__ == "__main__":
    main()
