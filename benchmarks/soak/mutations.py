"""Strangers' folders: files changed at random are used, or named in one line.

python benchmarks/soak/mutations.py [--count 100000] [--seed 1]
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import tempfile
import time
from pathlib import Path

import psutil
from common import VARIANTS, make_run, tell

from tests.conftest import train_all
from tests.mutations import outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, told, slowest, began = random.Random(options.seed), collections.Counter(), 0.0, time.monotonic()
    process = psutil.Process()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as scratch:
        folder = Path(scratch)
        os.environ["RNNTUI_HOME"] = str(folder / "home")
        runs = []
        for number, variant in enumerate(VARIANTS):
            run = make_run(
                folder,
                f"run{number}",
                hidden_size=8,
                max_steps=4,
                eval_every=4,
                **{**variant, "num_layers": 1},
            )
            train_all(run)
            (run.path / "lock").write_text('{"pid": 1, "started": 1.0}')
            runs.append(run.path)
            outcome(run.path, folder / "copy", rng)
        before = process.memory_info().rss
        for count in range(1, options.count + 1):
            turn = time.process_time()
            line, _ = outcome(rng.choice(runs), folder / "copy", rng)
            slowest = max(slowest, time.process_time() - turn)
            told[line.partition(":")[0].rpartition("/")[2]] += 1
            if count % 5000 == 0:
                grown = (process.memory_info().rss - before) / 2**20
                print(f"{count}: slowest {slowest:.2f} s, {grown:.0f} MB more", flush=True)
    grown = (process.memory_info().rss - before) / 2**20
    assert slowest < 1 and grown < 64, (slowest, grown)
    shares = ", ".join(f"{name} {share:,}" for name, share in told.most_common())
    tell(
        "strangers' folders",
        f"python benchmarks/soak/mutations.py --count {options.count}",
        [
            f"{options.count:,} run folders of four kinds with one file mutated (bytes, lengths, "
            f"headers, shapes, types, JSON, TOML), "
            "each opened, listed, completed with, scored with and loaded for training: no crash, "
            f"every refusal one line and "
            f"exit 2. Slowest {slowest:.2f} s (1), {max(grown, 0):.0f} MB more memory (64). By what "
            f"became of them: {shares}. "
            f"{time.monotonic() - began:.0f} s.",
        ],
    )


if __name__ == "__main__":
    main()
