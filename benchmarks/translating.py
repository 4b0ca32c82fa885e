"""Translation: what the defaults reach on the sample `phrases`, and what each part of the decoder is worth.

    python benchmarks/translating.py [--seeds 3] [--seconds 120]

Trains `rnntui train phrases` with no other flag but the seed and a limit of five minutes, as the preset has it, and
translates the test part, whose sentences put words together that stand together in none of the training part.  Then the
same with one thing changed, at equal training time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from commands import rnntui
from results import difference, mean_and_spread, write_section

_DEFAULT_S = 300
_CHANGES: dict[str, tuple[str, ...]] = {
    "as it is (lstm, luong, words)": (),
    "`--input-feeding`": ("--input-feeding",),
    "`--attention bahdanau`": ("--attention", "bahdanau"),
    "`--attention none`": ("--attention", "none"),
    "`--scheduled-sampling 0.2`": ("--scheduled-sampling", "0.2"),
    "`--no-bidirectional`": ("--no-bidirectional",),
    "`--tokenizer bpe`": ("--tokenizer", "bpe"),
    "`--tokenizer bpe --shared-vocabulary`": ("--tokenizer", "bpe", "--shared-vocabulary"),
    "`--tokenizer char`": ("--tokenizer", "char"),
    "`--tied`": ("--tied",),
    "`--cell gru`": ("--cell", "gru"),
    "`--cell mingru`": ("--cell", "mingru"),
    "`--cell elman`": ("--cell", "elman"),
}


class Outcome:
    """A trained run, evaluated on the test part."""

    def __init__(self, run: Path, seconds: float, seed: int, flags: tuple[str, ...]) -> None:
        limit = ("--max-time", f"{seconds:g}s", "--patience", "8")
        rnntui("train", "phrases", "--headless", *limit, "--seed", str(seed), "--run", str(run), *flags)
        told = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
        evaluations = [event for event in told if event["type"] == "evaluated"]
        self.seconds: float = evaluations[-1]["train_s"]
        self.best_s: float = next(event["train_s"] for event in reversed(evaluations) if event["best"])
        self.steps: int = told[-1]["step"]
        self.scores: dict[str, Any] = json.loads(rnntui("evaluate", str(run), "--split", "test", "--json"))

    def row(self) -> str:
        scores = self.scores
        return f"{scores['bleu']:.1f} | {scores['chrf']:.1f} | {scores['perplexity']:.3f} | {self.steps:,}"


def defaults(folder: Path, seeds: int) -> list[str]:
    outcomes = []
    for seed in range(1, seeds + 1):
        outcomes.append(Outcome(folder / f"default{seed}", _DEFAULT_S, seed, ()))
        print(seed, outcomes[-1].row(), outcomes[-1].seconds, flush=True)
    rows = []
    for name in ("bleu", "chrf"):
        values = [outcome.scores[name] for outcome in outcomes]
        rows.append(f"{name} {statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})")
    seconds = statistics.median(outcome.seconds for outcome in outcomes)
    best = statistics.median(outcome.best_s for outcome in outcomes)
    return [
        f"{'; '.join(rows)}; trained for {seconds:.0f} s, the best checkpoint after {best:.0f} s.",
        f"`{outcomes[0].scores['bleu_signature']}`, `{outcomes[0].scores['chrf_signature']}`",
    ]


def changes(folder: Path, seconds: float, seeds: int) -> list[str]:
    rows, base = [], list[float]()
    for number, (name, flags) in enumerate(_CHANGES.items()):
        outcomes = [
            Outcome(folder / f"change{number}-{seed}", seconds, seed, flags) for seed in range(1, seeds + 1)
        ]
        bleu, chrf, perplexity = (
            [outcome.scores[score] for outcome in outcomes] for score in ("bleu", "chrf", "perplexity")
        )
        base = base or bleu
        lower = "" if bleu is base else str(difference(bleu, base))
        steps = statistics.mean(outcome.steps for outcome in outcomes)
        figures = " | ".join(map(mean_and_spread, (bleu, chrf, perplexity)))
        rows.append(f"| {name} | {figures} | {lower} | {steps:,.0f} |")
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        told = defaults(Path(scratch), options.seeds)
        rows = changes(Path(scratch), options.seconds, options.seeds)
    lines = [
        "The sample `phrases`, English to Chinese: 300 test sentences of combinations that training has not seen, "
        f"with a beam of five.  The defaults, median of {options.seeds} seeds (lowest to highest), asked for 60 BLEU "
        f"in 300 s: {told[0]} {told[1]}",
        "",
        f"One thing changed, {options.seconds:g} s of training each, mean of {options.seeds} seeds (lowest to "
        "highest):",
        "",
        "| what | BLEU | chrF | perplexity a token | BLEU lower by | steps |",
        "|---|---|---|---|---|---|",
        *rows,
    ]
    command = f"python benchmarks/translating.py --seeds {options.seeds} --seconds {options.seconds:g}"
    write_section("Translation", command, lines)


if __name__ == "__main__":
    main()
