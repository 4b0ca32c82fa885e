"""What bf16 costs: held-out loss after the same tokens as in fp32, for each cell.

    python benchmarks/precision.py TEXT [--steps 600] [--seeds 5]

The same streams, weights and rates, in the one precision and in the other.  Writes the differences into
docs/results.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from learners import made
from results import difference, mean_and_spread, write_section

from rnntui.core.cells import CELLS
from rnntui.core.inference.scoring import score_split


def loss(text: str, cell: str, seed: int, precision: str, steps: int) -> float:
    """The loss in nats a token on the held-out part, in windows: a young LSTM may latch onto a state for long."""
    settings = {"corpus": text, "cell": cell, "seed": seed, "max_steps": steps}
    if cell.startswith("min"):
        settings |= {"num_layers": 2, "lr": 4e-3}
    learner, tokenizer, splits = made(settings)
    learner.use(precision, torch.get_num_threads())  # type: ignore[arg-type]
    for _ in range(steps):
        learner.step()
    return score_split(learner.model, splits["valid"], tokenizer.start, "windows").loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    lines = [
        f"{Path(options.text).name}, characters, defaults, {options.steps} steps; validation loss in nats a "
        "character, mean (lowest to highest) of the seeds; bound: 0.01.",
        "",
        "| cell | fp32 | bf16 | bf16 - fp32, of pairs of one seed |",
        "|---|---|---|---|",
    ]
    for cell in CELLS:
        losses = {
            precision: [
                loss(options.text, cell, seed, precision, options.steps) for seed in range(options.seeds)
            ]
            for precision in ("fp32", "bf16")
        }
        means = {precision: mean_and_spread(values) for precision, values in losses.items()}
        lines.append(
            f"| {cell} | {means['fp32']} | {means['bf16']} | {difference(losses['fp32'], losses['bf16'])} |"
        )
        print(lines[-1], flush=True)
    command = f"python benchmarks/precision.py TEXT --steps {options.steps} --seeds {options.seeds}"
    write_section("What bf16 costs", command, lines)


if __name__ == "__main__":
    main()
