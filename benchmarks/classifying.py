"""Classification: what the defaults reach on the sample `reviews`, and what a language model gives a classifier.

    python benchmarks/classifying.py [--seeds 3]

Trains `rnntui train reviews` with no other flag but the seed, a minute and a preset's patience, and scores the held-out
part.  Then a language model reads the training texts without their labels for a minute, and a classifier learns from a
hundred labelled ones, from scratch and `--from` that model, with the same network and as many steps; both are scored on
all texts that neither was shown a label of.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from commands import rnntui
from results import write_section

from rnntui.core.config.schema import TextConfig
from rnntui.core.tasks.classification.data import divide
from rnntui.core.tasks.classification.reader import Example, read

_SECONDS = 60
_LABELLED = 100
_STEPS = 300
_NETWORK = ("--tokenizer", "word", "--hidden-size", "128", "--embedding-size", "64")


def evaluated(run: Path, *flags: str) -> dict[str, Any]:
    return json.loads(rnntui("evaluate", str(run), "--json", *flags))


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1%} ({min(values):.1%} to {max(values):.1%})"


def defaults(folder: Path, seeds: int) -> list[str]:
    """Accuracy on the held-out parts, and when training stopped."""
    found: dict[str, list[float]] = {"valid": [], "test": []}
    seconds = []
    for seed in range(1, seeds + 1):
        run = folder / f"default{seed}"
        rnntui("train", "reviews", "--headless", "--max-time", f"{_SECONDS}s", "--patience", "8", "--seed",
               str(seed), "--run", str(run))  # fmt: skip
        for split, values in found.items():
            values.append(evaluated(run, "--split", split)["accuracy"])
        told = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
        seconds.append([event["train_s"] for event in told if event["type"] == "evaluated"][-1])
        print(seed, {split: values[-1] for split, values in found.items()}, seconds[-1], flush=True)
    ended = f"{statistics.median(seconds):.0f} s"
    return [f"| `reviews`, {split} | {spread(values)} | {ended} |" for split, values in found.items()]


def table(path: Path, examples: list[Example]) -> Path:
    path.write_text("label\ttext\n" + "".join(f"{e.label}\t{e.text}\n" for e in examples), encoding="utf-8")
    return path


def transfer(folder: Path, seeds: int) -> list[str]:
    """With a hundred labels, from scratch and from a language model of the other texts."""
    examples = read(TextConfig(corpus="reviews", task="classify")).rows
    parts = divide(examples, "80/10/10")
    text = folder / "unlabelled.txt"
    text.write_text("\n".join(each.text for each in parts["train"]) + "\n", encoding="utf-8")
    model = folder / "lm"
    rnntui(
        "train",
        str(text),
        "--headless",
        *_NETWORK,
        "--no-tied",
        "--max-time",
        f"{_SECONDS}s",
        "--run",
        str(model),
    )
    loss = evaluated(model)["perplexity"]
    print("language model: perplexity", loss, flush=True)
    accuracy: dict[str, list[float]] = {"from scratch": [], "`--from` the language model": []}
    for seed in range(1, seeds + 1):
        drawn = np.random.default_rng(seed).permutation(len(parts["train"]))
        # A tenth more: what is held out of them chooses the best checkpoint.
        shown = [parts["train"][i] for i in drawn[: round(_LABELLED / 0.9)]]
        labelled = table(folder / f"labelled{seed}.tsv", shown)
        others = table(folder / f"others{seed}.tsv", parts["valid"] + parts["test"])
        for name, flags in zip(accuracy, (_NETWORK, ("--from", str(model))), strict=True):
            run = folder / f"{len(flags)}-{seed}"
            fixed = (
                "--split",
                "90/10",
                "--no-bidirectional",
                "--max-steps",
                str(_STEPS),
                "--eval-every",
                "20",
            )
            command = ("train", str(labelled), "--task", "classify", "--headless", "--seed", str(seed))
            rnntui(*command, *fixed, "--run", str(run), *flags)
            accuracy[name].append(evaluated(run, "--corpus", str(others))["accuracy"])
            print(seed, name, accuracy[name][-1], flush=True)
    return [f"| {_LABELLED} labels, {name} | {spread(values)} | |" for name, values in accuracy.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = defaults(Path(scratch), options.seeds) + transfer(Path(scratch), options.seeds)
    lines = [
        f"The sample `reviews`, three labels; median of {options.seeds} seeds (lowest to highest).  Above: the "
        f"defaults and `--max-time {_SECONDS}s --patience 8`, asked for 85%.  Below: one network, {_STEPS} steps, "
        f"scored on 480 texts; the language model read the training texts for {_SECONDS} s, asked for 5 points more.",
        "",
        "| what | accuracy | training |",
        "|---|---|---|",
        *rows,
    ]
    command = f"python benchmarks/classifying.py --seeds {options.seeds}"
    write_section("Classification", command, lines)


if __name__ == "__main__":
    main()
