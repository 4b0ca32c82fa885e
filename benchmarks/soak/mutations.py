"""Strangers' folders: files changed at random are used, or named in one line.

python benchmarks/soak/mutations.py [--count 100000]
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import tempfile
import time
import traceback
from pathlib import Path

import psutil
from common import VARIANTS, forked, make_run, tell

from tests.conftest import CLASSIFIER, ratings, train_all
from tests.mutations import outcome

_AT_ONCE = 2
_PART = 2500
"""Folders that one child tries: what a library keeps of each would add up over all."""


def part(runs: list[Path], folder: Path, seed: int) -> None:
    """Try some folders; what became of them goes into `folder`/told.json."""
    rng, told, slowest, most = random.Random(seed), collections.Counter[str](), 0.0, 0.0
    crashes = []
    process = psutil.Process()
    before = process.memory_info().rss
    for _ in range(_PART):
        turn = time.process_time()
        try:
            line, _ = outcome(rng.choice(runs), folder / "copy", rng)
        except Exception:
            crashes.append(traceback.format_exc())
            line = "crash"
        slowest = max(slowest, time.process_time() - turn)
        most = max(most, process.memory_info().rss - before)
        told[line.partition(":")[0].rpartition("/")[2]] += 1
    answer = {"told": told, "slowest": slowest, "most": most / 2**20, "crashes": crashes}
    (folder / "told.json").write_text(json.dumps(answer))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    options = parser.parse_args()
    told, slowest, grown, began = collections.Counter[str](), 0.0, 0.0, time.monotonic()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as scratch:
        folder = Path(scratch)
        os.environ["RNNTUI_HOME"] = str(folder / "home")
        runs = []
        table = folder / "rated.tsv"
        table.write_text(ratings(), encoding="utf-8")
        few = {"num_layers": 1, "hidden_size": 8, "max_steps": 4, "eval_every": 4}
        for number, variant in enumerate([*VARIANTS, CLASSIFIER | {"corpus": str(table)}]):
            run = make_run(folder, f"run{number}", **variant | few)
            train_all(run)
            (run.path / "lock").write_text('{"pid": 1, "started": 1.0}')
            runs.append(run.path)
            outcome(run.path, folder / "copy", random.Random(0))
        parts = -(-options.count // _PART)
        for first in range(0, parts, _AT_ONCE):
            children = {}
            for seed in range(first, min(first + _AT_ONCE, parts)):
                place = folder / f"part{seed}"
                place.mkdir()
                children[forked(lambda place=place, seed=seed: part(runs, place, seed))] = place
            for child, place in children.items():
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "a crash"
                answer = json.loads((place / "told.json").read_text())
                told.update(answer["told"])
                print(*answer["crashes"], sep="\n", flush=True)
                slowest, grown = max(slowest, answer["slowest"]), max(grown, answer["most"])
            print(f"{told.total()}: slowest {slowest:.2f} s, {grown:.0f} MB more", flush=True)
    assert slowest < 1 and grown < 64 and not told["crash"], (slowest, grown, told["crash"])
    shares = ", ".join(f"{name} {share:,}" for name, share in told.most_common())
    tell(
        "untrusted folders",
        f"python benchmarks/soak/mutations.py --count {options.count}",
        [
            f"{told.total():,} run folders of five kinds with one file mutated (bytes, lengths, "
            f"headers, shapes, types, JSON, TOML), "
            "each opened, listed, written or predicted with, scored with and loaded for training: no crash, "
            f"every refusal one line and "
            f"exit 2. Slowest {slowest:.2f} s (1), {max(grown, 0):.0f} MB more memory (64). By what "
            f"became of them: {shares}. "
            f"{time.monotonic() - began:.0f} s.",
        ],
    )


if __name__ == "__main__":
    main()
