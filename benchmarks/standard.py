"""Results on the standard sets of the literature, beside published figures.

    python benchmarks/standard.py SET FOLDER --runs DIR [--rows NAME,...]

SET is one of ptb-characters, ptb-words, sst2, trec, multi30k; FOLDER holds its files (train, valid, test).  Every row
is a training by `rnntui train` into a folder below DIR, which is not repeated if it is finished, and evaluations of its
best checkpoint on the test part by `rnntui evaluate`.  Rows of less than five minutes are trained with three seeds.
Writes the table of the set into docs/results/standard.md; times are of training alone.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from commands import rnntui
from results import write_section

_CHARACTERS = (("--counts",), ("--dynamic", "--counts"))
_WORDS = (("--counts",), ("--cache", "--dynamic", "--counts"))
"""Test-time adaptations beside the network alone; the cache adds nothing to characters, and takes long."""


class Row(NamedTuple):
    """A training, and the test-time adaptations of its evaluations."""

    flags: tuple[str, ...]
    seeds: int = 1
    helped: tuple[tuple[str, ...], ...] = ()


class Standard(NamedTuple):
    """A standard set: its protocol, the figure, the rows, and what others have published."""

    protocol: str
    figure: Callable[[dict[str, Any]], float]
    """The figure of an evaluation, as `rnntui evaluate --json` prints it."""
    unit: str
    digits: int
    flags: tuple[str, ...]
    rows: dict[str, Row]
    published: tuple[str, ...]


def _bits(evaluation: dict[str, Any]) -> float:
    return float(evaluation["bits_per_char"])


def _perplexity(evaluation: dict[str, Any]) -> float:
    return float(evaluation["word_perplexity"])


def _accuracy(evaluation: dict[str, Any]) -> float:
    return 100 * float(evaluation["accuracy"])


def _bleu(evaluation: dict[str, Any]) -> float:
    return float(evaluation["metrics"]["bleu"])


SETS = {
    "ptb-characters": Standard(
        "Penn Treebank as Mikolov has it, blanks at both ends of lines dropped; test part read once, in order",
        _bits,
        "bits a character",
        3,
        (),
        {
            "default, 5 min": Row(("--max-time", "5m"), 1, _CHARACTERS),
            "thorough, 20 min": Row(("--preset", "thorough"), 1, _CHARACTERS),
            "thorough, 60 min": Row(("--preset", "thorough", "--max-time", "60m"), 1, _CHARACTERS),
        },
        (
            "maximum-entropy n-gram 1.37 (Mikolov et al. 2012)",
            "HM-LSTM 1.24 (Chung et al. 2017)",
            "AWD-LSTM 1.175 (Merity et al. 2018)",
            "Mogrifier LSTM 1.120, dynamic 1.083 (Melis et al. 2020)",
        ),
    ),
    "ptb-words": Standard(
        "Penn Treebank as Mikolov has it, 10,000 words, a line end is a token; test part read once, in order",
        _perplexity,
        "perplexity",
        1,
        ("--tokenizer", "whitespace"),
        {
            "default, 30 min": Row(("--max-time", "30m"), 1, _WORDS),
            "default, 2 h": Row(("--max-time", "2h"), 1, _WORDS),
        },
        (
            "KN5 141.2, RNN 124.7 (Mikolov and Zweig 2012)",
            "small LSTM 114.5, medium 82.7, large 78.4 (Zaremba et al. 2014)",
            "AWD-LSTM 57.3, with cache 52.8, dynamic 51.1 (Merity et al. 2018; Krause et al. 2018)",
        ),
    ),
    "sst2": Standard(
        "Stanford Sentiment Treebank, two labels, sentences only (no phrases), no outside vectors; accuracy on test",
        _accuracy,
        "% right",
        1,
        ("--task", "classify"),
        {"default, 3 min": Row(("--max-time", "3m"), 3)},
        ("CNN with random vectors, trained on phrases 83.5 (sent-conv-torch; Kim 2014 has 82.7)", "word2vec 87.2"),
    ),
    "trec": Standard(
        "TREC questions, six labels, a tenth of the training file for validation; accuracy on test",
        _accuracy,
        "% right",
        1,
        ("--task", "classify"),
        {"default, 1 min": Row(("--max-time", "1m"), 3)},
        ("CNN with random vectors 88.2 (sent-conv-torch), 91.2 (Kim 2014)", "tuned vectors 92.8"),
    ),
    "multi30k": Standard(
        "Multi30k English-German, lower case, Moses tokens; BLEU on test_2016 by sacrebleu (tok none), beam 5",
        _bleu,
        "BLEU",
        1,
        ("--task", "translate", "--source-column", "en", "--target-column", "de", "--tokenizer", "bpe",
         "--shared-vocabulary"),
        {"default, 20 min": Row(("--max-time", "20m"), 1)},
        ("text-only attentive GRU 39.0 (BPE of 10,000)",),
    ),
}  # fmt: skip


def trained(name: str, found: Standard, row: str, folder: Path, runs: Path, seed: int) -> Path:
    """The finished run of a row, trained if it is not there."""
    run = runs / f"{name}-{row.replace(', ', '-').replace(' ', '')}-{seed}"
    if run.exists() and json.loads(rnntui("runs", "show", str(run), "--json"))["state"] == "finished":
        return run
    flags = [*found.flags, *found.rows[row].flags, "--seed", str(seed)]
    going_on = ["--resume"] if run.exists() else []
    rnntui("train", *([] if going_on else [str(folder)]), "--headless", "--run", str(run), *flags, *going_on)
    return run


def stripped(folder: Path, runs: Path) -> Path:
    """The files of the treebank without the blanks at both ends of each line."""
    made = runs / "ptb-characters"
    made.mkdir(parents=True, exist_ok=True)
    for part in ("train", "valid", "test"):
        (source,) = folder.glob(f"*{part}*")
        lines = source.read_text(encoding="utf-8").splitlines()
        (made / f"{part}.txt").write_text("".join(f"{line.strip()}\n" for line in lines), encoding="utf-8")
    return made


def cell(values: list[float], digits: int) -> str:
    """A figure, or mean and deviation of several."""
    mean = f"{statistics.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", choices=SETS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=Path, required=True, help="where the run folders are kept")
    parser.add_argument(
        "--rows", help="the rows to train, as named in the table, a semicolon between; all otherwise"
    )
    options = parser.parse_args()

    found = SETS[options.set]
    folder = stripped(options.folder, options.runs) if options.set == "ptb-characters" else options.folder
    wanted = [row.strip() for row in options.rows.split(";")] if options.rows else list(found.rows)
    helps = [(), *next(iter(found.rows.values())).helped]
    headings = [
        "training",
        "seeds",
        "parameters",
        "seconds",
        "alone",
        *(" ".join(each) for each in helps[1:]),
    ]
    lines = [f"{found.protocol}.  {found.unit[0].upper()}{found.unit[1:]}.", ""]
    lines += ["| " + " | ".join(headings) + " |", "| " + " | ".join("---" for _ in headings) + " |"]
    for row in wanted:
        runs = [
            trained(options.set, found, row, folder, options.runs, seed)
            for seed in range(1, found.rows[row].seeds + 1)
        ]
        shown = [json.loads(rnntui("runs", "show", str(run), "--json")) for run in runs]
        cells = [
            row,
            str(len(runs)),
            f"{shown[0]['parameters']:,}",
            f"{statistics.mean(s['train_s'] for s in shown):.0f}",
        ]
        for help_given in helps:
            values = [
                found.figure(
                    json.loads(rnntui("evaluate", str(run), "--split", "test", "--json", *help_given))
                )
                for run in runs
            ]
            assert all(map(math.isfinite, values)), f"{row}: an evaluation without the figure"
            cells.append(cell(values, found.digits))
            print(row, help_given, values, flush=True)
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Published: " + "; ".join(found.published) + "."]
    write_section(
        f"Standard set: {options.set}",
        f"python benchmarks/standard.py {options.set} FOLDER --runs DIR",
        lines,
    )


if __name__ == "__main__":
    main()
