"""Which optimiser characters learn by: Shampoo or AdamW, each with what rnntui sets beside it, at equal time.

    python benchmarks/optimizers.py TEXT ... [--seconds 10 60 300] [--seeds 5] [--cells lstm ...] [--processes 2]

For every text, cell, time and seed both train in turns, a second each, on one thread of one process; what counts is
processor time, so that other programs take from neither.  Both begin with the same weights and read the same batches.
The best of four looks at the held-out part counts, as a run keeps its best checkpoint.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from learners import made
from results import difference, mean_and_spread, write_section
from turns import train_in_turns

from rnntui.core.inference.scoring import score_split
from rnntui.core.training import learner as learning

_LOOKS = 4
_HELD_OUT = 100_000
"""Characters at most that a look reads."""
_OPTIMISERS = ("shampoo", "adamw")


class Race(NamedTuple):
    """What the two are compared on."""

    text: str
    cell: str
    seconds: float
    seed: int


def measure(race: Race) -> dict[str, tuple[float, int]]:
    """Of each optimiser the validation loss in nats a character, and the steps taken."""
    torch.set_num_threads(1)
    setattr(learning, "running_seconds", time.process_time)  # noqa: B010, the name is not ours to export
    learners: dict[str, learning.Learner] = {}
    for name in _OPTIMISERS:
        given = {"corpus": race.text, "cell": race.cell, "max_time": race.seconds, "seed": race.seed}
        learner, tokenizer, data = made(given | {"optimizer": name})
        learners[name] = learner
        learner.use("bf16", 1)
        learner.trial()  # builds the kernels
    losses: dict[str, list[float]] = {name: [] for name in _OPTIMISERS}
    share = min(1.0, _HELD_OUT / len(data["valid"].tokens))
    held_out = replace(data["valid"], tokens=data["valid"].tokens[: round(share * len(data["valid"].tokens))])

    def look(name: str, learner: learning.Learner) -> None:
        if learner.fraction >= (len(losses[name]) + 1) / _LOOKS:
            losses[name].append(score_split(learner.evaluated_model, held_out, tokenizer.start).loss)

    train_in_turns(learners, look)
    return {name: (min(losses[name]), learners[name].counters.step) for name in _OPTIMISERS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="+", metavar="TEXT")
    parser.add_argument("--seconds", type=float, nargs="*", default=[10, 60, 300])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cells", nargs="*", default=["lstm"])
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    seeds = range(1, options.seeds + 1)
    races = [
        Race(text, cell, seconds, seed)
        for seconds, seed, cell, text in itertools.product(
            options.seconds, seeds, options.cells, options.texts
        )
    ]
    found: dict[Race, dict[str, tuple[float, int]]] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.processes, mp_context=context) as pool:
        for race, result in zip(races, pool.map(measure, races), strict=True):
            found[race] = result
            print(race, result, flush=True)
    lines = [
        f"{options.seeds} seeds, what rnntui sets for characters and each optimiser, processor seconds of one "
        "thread; best validation loss (stream) in nats a character.  `Shampoo lower by`: the mean of the pairs of one "
        "seed and the 95% interval of that mean; bold where the interval leaves out zero.",
        "",
        "| text | cell | seconds | Shampoo, mean (lowest to highest) | steps | AdamW, likewise | steps "
        "| Shampoo lower by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for text, cell, seconds in itertools.product(options.texts, options.cells, options.seconds):
        results = [found[Race(text, cell, seconds, seed)] for seed in seeds]
        losses = {name: [result[name][0] for result in results] for name in _OPTIMISERS}
        steps = {name: sum(result[name][1] for result in results) / len(results) for name in _OPTIMISERS}
        columns = [f"{mean_and_spread(losses[name])} | {steps[name]:,.0f}" for name in _OPTIMISERS]
        lines.append(
            f"| {Path(text).name} | {cell} | {seconds:g} | {' | '.join(columns)} "
            f"| {difference(losses['shampoo'], losses['adamw'])} |"
        )
    given = f"--seconds {' '.join(f'{s:g}' for s in options.seconds)} --seeds {options.seeds}"
    command = f"python benchmarks/optimizers.py TEXT ... {given} --cells {' '.join(options.cells)}"
    write_section("Optimisers for characters", command, lines)


if __name__ == "__main__":
    main()
