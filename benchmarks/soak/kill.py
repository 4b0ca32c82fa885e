"""SIGKILL at random instants: the newest complete checkpoint loads, little is lost, the end is the same to the byte.

python benchmarks/soak/kill.py [--kills 500] [--seed 1]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from pathlib import Path

from common import VARIANTS, forked, make_run, tell

from rnntui.core.completion.loading import verify
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.training.checkpoints import settle
from rnntui.core.training.start import resume_run
from tests.conftest import train_all

_STEPS, _EVERY = 2400, 25


def contents(run: Run) -> list[bytes]:
    folder = run.checkpoint_path("last")
    return [(folder / name).read_bytes() for name in ("model.safetensors", "trainer.safetensors")]


def newest_step(run: Run) -> int:
    """The step of the last event that was told, void or not."""
    lines = ev.decode_lines(run.events_path.read_bytes().rpartition(b"\n")[0])
    started = max((i for i, event in enumerate(lines) if isinstance(event, ev.Started)), default=0)
    return max((event.step for event in lines[started:]), default=0)


def _wait_for_life(run: Run) -> None:
    """Wait until the child has told of its first steps."""
    size = run.events_path.stat().st_size if run.events_path.exists() else 0
    for _ in range(20_000):
        if run.events_path.exists() and run.events_path.stat().st_size > size + 500:
            return
        time.sleep(0.002)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, kills, in_saves, most_lost, runs, began = random.Random(options.seed), 0, 0, 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["RNNTUI_HOME"] = str(folder / "home")
        for number, variant in enumerate(
            VARIANTS
        ):  # what is compiled and loaded here, every child has at once
            train_all(make_run(folder, f"warm{number}", **variant | {"max_steps": 3}))
        while kills < options.kills:
            settings = VARIANTS[runs % len(VARIANTS)] | {
                "max_steps": _STEPS, "save_every": _EVERY, "eval_every": 200, "log_every": 1, "sample_every": 400,
            }  # fmt: skip
            whole, broken = (make_run(folder, f"{name}{runs}", **settings) for name in ("whole", "broken"))
            child = forked(lambda whole=whole: train_all(whole))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            while True:
                child = forked(lambda broken=broken: train_all(resume_run(broken.path, {})))
                if kills < options.kills:
                    _wait_for_life(broken)
                    time.sleep(rng.uniform(0, 0.5))
                    os.kill(child, signal.SIGKILL)
                status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                if status == 0:
                    break
                assert status == -signal.SIGKILL, f"it ended by itself with {status}"
                kills += 1
                in_saves += bool(list((broken.path / "checkpoints").glob(".*.part")))
                if not broken.events_path.exists():
                    continue
                reached = newest_step(broken)
                settle(broken)
                saved = 0
                if (broken.path / "last").exists():
                    verify(broken.checkpoint_path("last"))
                    verify(broken.checkpoint_path("best"))
                    saved = int(broken.checkpoint_path("last").name)
                most_lost = max(most_lost, reached - saved)
            assert contents(whole) == contents(broken), settings
            runs += 1
            print(f"{kills} kills, {runs} runs", flush=True)
    assert most_lost <= _EVERY, most_lost
    tell(
        "kills",
        f"python benchmarks/soak/kill.py --kills {options.kills}",
        [
            f"{kills} SIGKILLs at random instants, {in_saves} of them inside a save, over {runs} runs "
            f"of four kinds: every time "
            f"the newest complete checkpoint loaded and training went on from it; at most {most_lost} "
            f"steps were lost, with a "
            f"checkpoint every {_EVERY}; each finished run equalled its uninterrupted twin byte for "
            f"byte, weights and optimiser. "
            f"{time.monotonic() - began:.0f} s.",
        ],
    )


if __name__ == "__main__":
    main()
