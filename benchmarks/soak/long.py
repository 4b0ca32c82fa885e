"""A run of two million steps: neither memory nor the time of a step grows, and its events can be read at once.

python benchmarks/soak/long.py [--steps 2000000]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import psutil
from common import make_run, tell

from rnntui.core.runs import events as ev
from rnntui.core.runs.summaries import read_history
from rnntui.core.training.control import Control
from rnntui.core.training.loop import train

_PARTS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2_000_000)
    options = parser.parse_args()
    process, part = psutil.Process(), options.steps // _PARTS
    memory: list[float] = []
    speeds: list[list[float]] = [[] for _ in range(_PARTS)]
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["RNNTUI_HOME"] = str(Path(scratch) / "home")
        run = make_run(
            Path(scratch), "long", hidden_size=2, embedding_size=2, batch_size=1, bptt=1, cell="lstm",
            max_steps=options.steps, eval_every=part // 10, sample_every=part // 2, log_every=100,
            schedule="constant", lr=1e-4,
        )  # fmt: skip
        began = time.monotonic()
        for event in run.record(train(run, Control(run.path))):
            if isinstance(event, ev.Progress):
                speeds[min(event.step // part, _PARTS - 1)].append(event.tokens_per_s)
                if event.step % part == 0:
                    memory.append(process.memory_info().rss / 2**20)
                    print(
                        f"{event.step:,}: {memory[-1]:.0f} MB, "
                        f"{statistics.median(speeds[event.step // part - 1]):.0f}/s",
                        flush=True,
                    )
        took = time.monotonic() - began
        size = run.events_path.stat().st_size / 2**20
        began = time.monotonic()
        history = read_history(run)
        reading = time.monotonic() - began
        kept = len(list((run.path / "checkpoints").iterdir()))
        assert history.step == options.steps and kept <= 3
    first, last = statistics.median(speeds[0]), statistics.median(speeds[-1])
    tell(
        "a long run",
        f"python benchmarks/soak/long.py --steps {options.steps}",
        [
            f"{options.steps:,} steps of a model of two units in {took / 60:.0f} min.",
            "",
            "| what | first tenth | last tenth |",
            "|---|---|---|",
            f"| memory at its end, MB | {memory[0]:.0f} | {memory[-1]:.0f} |",
            f"| steps a second, median | {first:.0f} | {last:.0f} |",
            "",
            f"`events.jsonl` has {size:.0f} MB and is read into a history in {reading:.1f} s; {kept} "
            f"checkpoints are kept.",
        ],
    )
    assert memory[-1] < memory[0] + 16, memory


if __name__ == "__main__":
    main()
