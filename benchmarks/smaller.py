"""Smaller models: what int8 costs, and what it saves.

    python benchmarks/smaller.py TEXT [--seconds 60]

Trains characters and words on TEXT with the defaults for so many seconds each, then exports the model in int8; the
held-out part is scored before and after.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from commands import rnntui
from results import write_section

_TOKENS = {"characters": ("--tokenizer", "char"), "words": ("--tokenizer", "word")}
_WAYS: dict[str, tuple[str, ...]] = {
    "int8": ("--quantize", "int8"),
}


def rows_of(folder: Path, name: str, text: str, seconds: float) -> list[str]:
    run, output = folder / name, folder / f"{name}.safetensors"
    rnntui("train", text, "--headless", "--max-time", f"{seconds:g}s", "--run", str(run), *_TOKENS[name])
    rows: list[str] = []
    for way, flags in _WAYS.items():
        output.unlink(missing_ok=True)
        told: dict[str, Any] = json.loads(rnntui("export", str(run), "-o", str(output), "--json", *flags))
        whole = told["bytes_before"]
        if not rows:
            rows.append(
                f"| {name} | all of it | {told['before']['perplexity']:.3f} | {whole / 2**20:.2f} | 100% |"
            )
        size = told["bytes"]
        perplexity = told["after"]["perplexity"]
        rows.append(f"| {name} | {way} | {perplexity:.3f} | {size / 2**20:.2f} | {size / whole:.0%} |")
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text")
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = [
            row for name in _TOKENS for row in rows_of(Path(scratch), name, options.text, options.seconds)
        ]
    lines = [
        f"`rnntui export` with `--quantize int8`, after {options.seconds:g} s of training on "
        f"{Path(options.text).name}: perplexity a token of the whole held-out part by protocol `stream`, and the "
        "file's size.",
        "",
        "| tokens | what is done | perplexity | MB | of the size |",
        "|---|---|---|---|---|",
        *rows,
    ]
    write_section(
        "Smaller models",
        f"python benchmarks/smaller.py {Path(options.text).name} --seconds {options.seconds:g}",
        lines,
    )


if __name__ == "__main__":
    main()
