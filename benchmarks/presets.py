"""What the presets rest on: how much to leave out and how to step, by tokens and by size of the text.

    python benchmarks/presets.py TEXT [--sizes 50000 1000000 20000000] [--seconds 20 30 12] [--seeds 5]
                                      [--tokens char word bpe]

TEXT is a text of a megabyte or more; of it, its first characters are used, and where it has too few, the interpreter's
own library in its place.  `--tokens cells` are characters, read by other cells than the LSTM.  The rows of a size take
turns; each trains for the same seconds and is scored on the held-out part at four moments; the best of these counts, as
a run keeps its best checkpoint, and what it loses until the end shows how far it overfits.  The first row of each is
what rnntui sets where nobody chooses.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from learners import made
from results import difference, mean_and_spread, write_section
from turns import train_in_turns

from rnntui.core.inference.scoring import score_split
from rnntui.core.text import corpus
from rnntui.core.training.autotuning import choose_plan
from rnntui.core.training.learner import Learner

_MOMENTS = 4
_HELD_OUT = 100_000
"""Tokens at most that a look reads: all rows read the same."""
_NOTHING = dict.fromkeys(
    ("dropout", "input_dropout", "embedding_dropout", "weight_drop", "label_smoothing"), 0.0
)
_SOME = _NOTHING | {"dropout": 0.2}
_SMOOTHED = {"label_smoothing": 0.1, "weight_decay": 0.1}
_CHARACTERS: dict[str, dict[str, Any]] = {
    "nothing left out": _NOTHING,
    "dropout 0.2": _SOME,
    "dropout 0.2, decay 0.01": _SOME | {"weight_decay": 0.01},
    "dropout 0.5, input 0.2": _NOTHING | {"dropout": 0.5, "input_dropout": 0.2},
}
_WORDS: dict[str, dict[str, Any]] = {
    "nothing left out": _NOTHING,
    "dropout 0.2, input 0.1": _SOME | {"input_dropout": 0.1},
    "the same, smoothed": _SOME | {"input_dropout": 0.1} | _SMOOTHED,
    "dropout 0.4, input 0.3, smoothed": _NOTHING | {"dropout": 0.4, "input_dropout": 0.3} | _SMOOTHED,
}
_STEPS: dict[str, dict[str, dict[str, Any]]] = {
    "char": {
        "by itself, inverse-sqrt": {"schedule": "inverse-sqrt"},
        "by itself, AdamW": {"optimizer": "adamw"},
        "by itself, in its order": {"shuffle": False},
    },
    "word": {
        "by itself, epsilon 1e-4": {"epsilon": 1e-4},
        "by itself, all words compared": {"softmax": "full"},
    },
    "bpe": {"by itself, epsilon 1e-4": {"epsilon": 1e-4}},
}
_AS_LSTM = {"dropout": 0.5, "input_dropout": 0.2, "weight_decay": 0.01}
_FLAT = {"cell": "mingru", "num_layers": 1}
_WIDE = {"cell": "elman", "hidden_size": 900}
_CELLS: dict[str, dict[str, Any]] = {
    "elman": {"cell": "elman"},
    "elman, left out as for lstm": _AS_LSTM | {"cell": "elman"},
    "elman, 900 units": _WIDE,
    "elman, 900 units, rate 0.008": _WIDE | {"lr": 8e-3},
    "mingru": {"cell": "mingru"},
    "mingru, left out as for lstm": _AS_LSTM | {"cell": "mingru"},
    "mingru, 1 layer": _FLAT,
    "mingru, 1 layer, left out as for lstm": _AS_LSTM | _FLAT,
    "minlstm": {"cell": "minlstm"},
    "minlstm, left out as for lstm": _AS_LSTM | {"cell": "minlstm"},
}
_BY_ITSELF = {"what is set by itself": {}}
_CANDIDATES = {
    "char": _BY_ITSELF | _CHARACTERS | _STEPS["char"],
    "word": _BY_ITSELF | _WORDS | _STEPS["word"],
    "bpe": _BY_ITSELF | _WORDS | _STEPS["bpe"],
    "cells": _BY_ITSELF | _CELLS,
}


def text_of(path: str, size: int) -> str:
    """So many characters of the text, or of the interpreter's library."""
    text = corpus.load(path).text
    return (text if len(text) >= size else corpus.load("python-stdlib").text)[:size]


def measure(
    file: Path, tokenizer: str, offered: dict[str, dict[str, Any]], seconds: float, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Of each row the best loss of the moments and the last, in bits a byte, and the epochs read."""
    learners: dict[str, Learner] = {}
    for name, settings in offered.items():
        kind = "char" if tokenizer == "cells" else tokenizer
        given = {"corpus": str(file), "tokenizer": kind, "max_time": seconds, "seed": seed}
        learner, learned, data = made(given | settings)
        learners[name] = learner
        learner.use(*choose_plan("auto", learner))
    found: dict[str, list[float]] = {name: [] for name in offered}
    share = min(1.0, _HELD_OUT / len(data["valid"].tokens))
    held_out = replace(
        data["valid"],
        tokens=data["valid"].tokens[:_HELD_OUT],
        chars=round(share * data["valid"].chars),
        bytes=round(share * data["valid"].bytes),
    )

    def look(name: str, learner: Learner) -> None:
        if learner.fraction >= (len(found[name]) + 1) / _MOMENTS:
            found[name].append(score_split(learner.evaluated_model, held_out, learned.start).bits_per_byte)

    train_in_turns(learners, look)
    return {name: (min(losses), losses[-1], learners[name].epoch) for name, losses in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text")
    parser.add_argument("--sizes", type=int, nargs="*", default=[50_000, 1_000_000, 20_000_000])
    parser.add_argument("--seconds", type=float, nargs="*", default=[20, 30, 12])
    parser.add_argument("--tokens", nargs="*", default=list(_CANDIDATES), choices=_CANDIDATES)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    rows: dict[str, list[str]] = {tokenizer: [] for tokenizer in options.tokens}
    with tempfile.TemporaryDirectory() as folder:
        for size, seconds in zip(options.sizes, options.seconds, strict=True):
            file = Path(folder) / f"{size}.txt"
            file.write_text(text_of(options.text, size), encoding="utf-8")
            for tokenizer in options.tokens:
                found = [
                    measure(file, tokenizer, _CANDIDATES[tokenizer], seconds, seed)
                    for seed in range(1, options.seeds + 1)
                ]
                bests = {name: [each[name][0] for each in found] for name in found[0]}
                for name, best in bests.items():
                    lost = statistics.mean(each[name][1] - each[name][0] for each in found)
                    epochs = statistics.mean(each[name][2] for each in found)
                    gain = "" if name in _BY_ITSELF else difference(best, bests[next(iter(_BY_ITSELF))])
                    rows[tokenizer].append(
                        f"| {size / 1e6:g} MB | {seconds:g} | {name} | {mean_and_spread(best)} | {gain} "
                        f"| {lost:.3f} | {epochs:.1f} |"
                    )
                    print(tokenizer, rows[tokenizer][-1], flush=True)
    given = (
        f"--sizes {' '.join(map(str, options.sizes))} --seconds {' '.join(f'{s:g}' for s in options.seconds)}"
    )
    for tokenizer in options.tokens:
        lines = [
            f"{Path(options.text).name} and the standard library, so many seconds of training each, "
            f"{options.seeds} seeds; bits a byte on the held-out part (stream), mean (lowest to highest).  `lower by`: "
            "than the first row, with its 95% interval, bold where that leaves out zero; `smoothed`: label smoothing "
            "0.1 and weight decay 0.1; `then lost`: how much worse the end is than the best.",
            "",
            "| text | seconds | candidate | best | lower by | then lost | epochs |",
            "|---|---|---|---|---|---|---|",
            *rows[tokenizer],
        ]
        command = f"python benchmarks/presets.py TEXT {given} --seeds {options.seeds} --tokens {tokenizer}"
        write_section(f"What the presets rest on, {tokenizer}", command, lines)


if __name__ == "__main__":
    main()
