"""Characters: how soon two known losses are reached, and how low the thorough preset comes.

    python benchmarks/targets.py TEXT [--seeds 3]
    python benchmarks/targets.py TEXT --thorough

Runs `rnntui train TEXT --split 90/10 --headless` with `--target-loss` and no other flag as a process of its own, once
for each target and seed, and tells the training time at the stop:

    1.874    what nanoGPT's recipe for CPUs reaches on tinyshakespeare; the same recipe, written anew in
             transformer.py, trains in between, and the share of its time is told
    1.4697   what its recipe for GPUs reaches there in some minutes of an A100

Then with `--max-time` 60 and 120 seconds, scored by each protocol.  With `--thorough`, the preset of that
name runs for its twenty minutes instead, and its best checkpoint is scored plainly, with the neural cache, and with
dynamic evaluation.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import transformer
from commands import rnntui
from results import write_section

from rnntui.core import config as configuration
from rnntui.core.text import dataset

LOSS_OF_PEER, LOSS_OF_GPU = 1.874, 1.4697


def trained(text: str, folder: str, *flags: str) -> Path:
    run = Path(folder) / "run"
    rnntui("train", text, "--split", "90/10", "--headless", "--run", str(run), *flags)
    return run


def last_evaluation(run: Path) -> dict[str, Any]:
    told = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [event for event in told if event["type"] == "evaluated"][-1]


def spread(values: list[float], digits: int) -> str:
    middle = f"{statistics.median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def reached(text: str, target: float, seed: int) -> tuple[float, float]:
    """Training seconds until the held-out loss was seen at the target or below, and that loss."""
    with tempfile.TemporaryDirectory() as folder:
        flags = ("--target-loss", str(target), "--seed", str(seed))
        evaluated = last_evaluation(trained(text, folder, *flags))
    print(target, evaluated["train_s"], evaluated["loss"], flush=True)
    return evaluated["train_s"], evaluated["loss"]


def after(text: str, seconds: int, protocol: str, seed: int) -> float:
    """Loss by a protocol after so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        run = trained(text, folder, "--max-time", f"{seconds}s", "--seed", str(seed))
        loss = json.loads(rnntui("evaluate", str(run), "--json", "--protocol", protocol))["loss"]
    print(seconds, protocol, loss, flush=True)
    return loss


def soon(text: str, seeds: int) -> list[str]:
    """Both targets, and the loss after fixed times."""
    _, tokenizer, data = dataset.prepare(configuration.build({"corpus": text, "split": "90/10"}))
    first, second, peers, at = [], [], [], {(60, "stream"): [], (120, "windows"): []}
    for seed in range(1, seeds + 1):
        first.append(reached(text, LOSS_OF_PEER, seed))
        peers.append(
            transformer.train(data["train"].tokens, data["valid"].tokens, tokenizer.vocab_size, seed)
        )
        print("transformer", *peers[-1], flush=True)
        second.append(reached(text, LOSS_OF_GPU, seed))
        for (seconds, protocol), losses in at.items():
            losses.append(after(text, seconds, protocol, seed))
    shares = [peer / took for (took, _), (peer, _) in zip(first, peers, strict=True)]
    rows = [
        (
            "the usual small transformer, 2,000 steps",
            "loss, windows of 64",
            [loss for _, loss in peers],
            4,
            "",
        ),
        ("the same", "training, s", [took for took, _ in peers], 1, ""),
        (f"`--target-loss {LOSS_OF_PEER}`", "training, s", [took for took, _ in first], 1, ""),
        ("the same", "times sooner than the transformer", shares, 1, "12"),
        (f"`--target-loss {LOSS_OF_GPU}`", "training, s", [took for took, _ in second], 1, "60"),
    ]
    for (seconds, protocol), losses in at.items():
        rows.append((f"`--max-time {seconds}s`", f"loss, {protocol}", losses, 4, str(LOSS_OF_GPU)))
    return [
        f"| {run} | {what} | {spread(values, digits)} | {bound} |"
        for run, what, values, digits, bound in rows
    ]


def thorough(text: str) -> list[str]:
    """The preset of that name, and what helps at test time."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        run = trained(text, folder, "--preset", "thorough")
        for name, flags in {"": [], ", cache": ["--cache"], ", dynamic": ["--dynamic"]}.items():
            loss = json.loads(rnntui("evaluate", str(run), "--json", *flags))["loss"]
            bound = "" if name else "1.40"
            rows.append(f"| `--preset thorough` | loss, stream{name} | {loss:.4f} | {bound} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--thorough", action="store_true")
    options = parser.parse_args()
    seeds = 1 if options.thorough else options.seeds
    rows = thorough(options.text) if options.thorough else soon(options.text, seeds)
    lines = [
        f"{Path(options.text).name}, characters, the last 10% held out, loss in nats a character; "
        + (
            "one seed, twenty minutes."
            if options.thorough
            else f"median of {seeds} seeds (lowest to highest)."
            if seeds > 1
            else "one seed."
        ),
        "",
        "| run | what | here | bound |",
        "|---|---|---|---|",
        *rows,
    ]
    print("\n".join(lines))
    title, flags = ("Thorough", "--thorough") if options.thorough else ("Known losses", f"--seeds {seeds}")
    write_section(title, f"python benchmarks/targets.py TEXT {flags}", lines)


if __name__ == "__main__":
    main()
