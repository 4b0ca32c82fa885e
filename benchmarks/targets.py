"""Characters: how soon known losses are reached, each in the windows that it was measured in.

    python benchmarks/targets.py TEXT [--seeds 5]
    python benchmarks/targets.py TEXT --thorough

Two peers, on the last 10% of TEXT:

    the small transformer    nanoGPT's recipe for CPUs, written anew in transformer.py, trains here; both are scored
                             in the same windows of 64 characters, each read from nothing
    1.4697                   what nanoGPT's recipe for GPUs is reported to reach on tinyshakespeare in some minutes of
                             an A100, in windows of 256 characters; rnntui is scored in windows of 256

rnntui is what `rnntui train TEXT --split 90/10 --target-loss LOSS` trains, looked at every 50 steps, and what
`--max-time 60s` trains.  Within a seed all take turns, one after the other.  With `--thorough`, the preset of that name
runs for its twenty minutes instead, and its best checkpoint is scored by `stream`: plainly, with the neural cache, and
with dynamic evaluation.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import transformer
from commands import rnntui
from learners import made
from results import mean_and_spread, write_section
from torch import Tensor

from rnntui.core.inference.scoring import score_split
from rnntui.core.nn.base import evaluating
from rnntui.core.training.autotuning import choose_plan
from rnntui.core.training.learner import Learner

LOSS_OF_GPU, WINDOW_OF_GPU = 1.4697, 256
_LOOK = 50
"""Steps from one look to the next."""


class Text:
    """A text in characters, its last tenth held out."""

    def __init__(self, path: str) -> None:
        self.path = path
        _, self.tokenizer, self.data = made({"corpus": path, "split": "90/10"})
        self.train, self.valid = (self.data[name].tokens for name in ("train", "valid"))

    def learner(self, seed: int, **settings: Any) -> Learner:
        """One that trains as the command does with these settings."""
        given = {"corpus": self.path, "split": "90/10", "seed": seed} | settings
        learner, _, _ = made(given)
        learner.use(*choose_plan("auto", learner))
        return learner

    def in_windows(self, learner: Learner, window: int) -> float:
        """The loss of what it would keep, in windows from nothing."""
        model = learner.evaluated_model

        def logits(x: Tensor) -> Tensor:
            return model(x.t(), model.initial_state(len(x)))[0].transpose(0, 1)

        with evaluating(model):
            return transformer.loss_in_windows(logits, self.valid, window)


def seconds_to(text: Text, loss: float, window: int, seed: int) -> float:
    """Training seconds until the loss in windows was seen at `loss` or below; infinite if it was not."""
    learner = text.learner(seed, target_loss=loss)
    while learner.fraction < 1:
        learner.step()
        if learner.counters.step % _LOOK == 0 and text.in_windows(learner, window) <= loss:
            return learner.counters.train_s
    return math.inf


def after(text: Text, seconds: float, seed: int) -> dict[str, float]:
    """The losses after so many seconds, by protocol."""
    learner = text.learner(seed, max_time=seconds)
    while learner.fraction < 1:
        learner.step()
    stream = score_split(learner.evaluated_model, text.data["valid"], text.tokenizer.start).loss
    return {f"windows of {window}": text.in_windows(learner, window) for window in (64, 256)} | {
        "stream": stream
    }


def soon(path: str, seeds: int) -> list[str]:
    """Both peers, and the loss after a minute."""
    text = Text(path)
    found: dict[str, list[float]] = {}
    for seed in range(1, seeds + 1):
        took, loss = transformer.train(text.train, text.valid, text.tokenizer.vocab_size, seed)
        ours = seconds_to(text, loss, transformer.BLOCK, seed)
        row = {"peer s": took, "peer loss": loss, "ours s": ours, "sooner": took / ours}
        row["gpu s"] = seconds_to(text, LOSS_OF_GPU, WINDOW_OF_GPU, seed)
        row |= after(text, 60, seed)
        print(seed, row, flush=True)
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    rough = {"peer s", "ours s", "gpu s", "sooner"}
    shown = {name: mean_and_spread(values, 1 if name in rough else 4) for name, values in found.items()}
    rows = [
        ("the usual small transformer, 2,000 steps", "windows of 64", shown["peer loss"], shown["peer s"]),
        ("rnntui, to the same loss", "windows of 64", "the same, each seed", shown["ours s"]),
        ("how many times sooner", "", "", shown["sooner"]),
        (f"rnntui, to {LOSS_OF_GPU}", "windows of 256", str(LOSS_OF_GPU), shown["gpu s"]),
        *(
            ("rnntui, `--max-time 60s`", protocol, shown[protocol], "60")
            for protocol in ("windows of 64", "windows of 256", "stream")
        ),
    ]
    return [f"| {' | '.join(row)} |" for row in rows]


def thorough(text: str) -> list[str]:
    """The preset of that name, and what helps at test time."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        run = str(Path(folder) / "run")
        rnntui("train", text, "--split", "90/10", "--headless", "--run", run, "--preset", "thorough")
        for name, flags in {"": [], ", cache": ["--cache"], ", dynamic": ["--dynamic"]}.items():
            loss = json.loads(rnntui("evaluate", run, "--json", *flags))["loss"]
            rows.append(f"| `--preset thorough` | stream{name} | {loss:.4f} | 1,200 |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--thorough", action="store_true")
    options = parser.parse_args()
    rows = thorough(options.text) if options.thorough else soon(options.text, options.seeds)
    seeds = "one seed" if options.thorough else f"{options.seeds} seeds, mean (lowest to highest)"
    lines = [
        f"{Path(options.text).name}, characters, the last 10% held out, loss in nats a character; {seeds}. Losses of "
        "different protocols do not compare: a window begins with nothing, a stream with all that came before.",
        "",
        "| run | protocol | loss | training, s |",
        "|---|---|---|---|",
        *rows,
    ]
    title, flags = (
        ("Thorough", "--thorough") if options.thorough else ("Known losses", f"--seeds {options.seeds}")
    )
    write_section(title, f"python benchmarks/targets.py TEXT {flags}", lines)


if __name__ == "__main__":
    main()
