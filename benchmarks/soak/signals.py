"""Signals at random instants of training, evaluation, sampling and tokenizing: how soon the program is gone.

python benchmarks/soak/signals.py [--count 120]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import tell

from rnntui.core.completion.loading import verify
from rnntui.core.runs.folder import Run
from rnntui.core.training.checkpoints import settle
from tests.conftest import sentences

_KINDS = {
    "training": ("--eval-every", "1000000"),
    "evaluation": ("--eval-every", "2", "--split", "50/50"),
    "sampling": ("--sample-every", "1", "--eval-every", "1000000"),
    "tokenizing": ("--tokenizer", "bpe", "--vocab-size", "8000"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=120)
    options = parser.parse_args()
    rng, took, began = random.Random(1), {kind: [] for kind in _KINDS}, time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        text = folder / "text.txt"
        text.write_text("".join(sentences(20_000, seed) for seed in range(8)))
        environment = dict(os.environ) | {"RNNTUI_HOME": str(folder / "home")}
        for number in range(options.count):
            kind, run = list(_KINDS)[number % len(_KINDS)], folder / f"run{number}"
            process = subprocess.Popen(
                [sys.executable, "-m", "rnntui", "train", str(text), "--headless", "--run", str(run),
                 "--hidden-size", "256", "--max-steps", "1000000", "--precision", "fp32", *_KINDS[kind]],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment,
            )  # fmt: skip
            assert process.stderr is not None
            for line in process.stderr:
                if (b"bpe" if kind == "tokenizing" else b"step 1 ") in line:
                    break
            time.sleep(rng.uniform(0, 2))
            asked = time.monotonic()
            process.send_signal(rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
            _, err = process.communicate(timeout=120)
            took[kind].append(time.monotonic() - asked)
            assert process.returncode == 130 and b"Traceback" not in err, err.decode()
            if (run / "run.toml").exists() and kind != "tokenizing":
                settle(Run.open(run))
                verify(Run.open(run).checkpoint_path("last"))
            print(kind, f"{took[kind][-1]:.2f}", flush=True)
    every = [seconds for kind in took.values() for seconds in kind]
    lines = [
        f"{options.count} signals (SIGINT, SIGTERM, SIGHUP), each at a random instant of a run of 256 "
        f"units; all left with 130, saved.",
        "",
        "| during | signals | median, s | 99th percentile, s (5) | longest, s |",
        "|---|---|---|---|---|",
    ]
    for kind, seconds in [*took.items(), ("all", every)]:
        middle, late = np.percentile(seconds, [50, 99])
        lines.append(f"| {kind} | {len(seconds)} | {middle:.2f} | {late:.2f} | {max(seconds):.2f} |")
    print(f"{time.monotonic() - began:.0f} s")
    tell("signals", f"python benchmarks/soak/signals.py --count {options.count}", lines)


if __name__ == "__main__":
    main()
