"""Power losses after every write of some saves, and corrupted bytes in their checkpoints.

python benchmarks/soak/power.py [--seeds 10] [--bytes 20000]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from common import VARIANTS, make_run, tell

from rnntui.core.completion.loading import verify
from rnntui.core.errors import InputError
from rnntui.core.runs.folder import Run
from rnntui.core.runs.safe_files import CHECKPOINT_FILES
from rnntui.core.training.checkpoints import settle
from rnntui.core.training.start import resume_run
from tests.conftest import train_all
from tests.faulty_disk import Recorder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--bytes", type=int, default=20_000)
    options = parser.parse_args()
    losses = operations = found = 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["RNNTUI_HOME"] = str(folder / "home")
        for number, variant in enumerate(VARIANTS):
            run = make_run(folder, f"run{number}", hidden_size=4, eval_every=3, **variant | {"max_steps": 3})
            train_all(run)
            before = folder / f"before{number}"
            shutil.copytree(run.path, before)
            recorder = Recorder(run.path)
            with pytest.MonkeyPatch.context() as patch:
                recorder.watch(patch)
                train_all(resume_run(run.path, {"max_steps": 12}))
            operations += len(recorder.operations)
            for seed in range(options.seeds):
                for moment in recorder.after_power_loss(before, folder / "after", random.Random(seed)):
                    after = Run.open(folder / "after")
                    settle(after)
                    for name in ("last", "best"):
                        verify(after.checkpoint_path(name))
                    losses += 1
                    assert not list((after.path / "checkpoints").glob(".*")), moment
            print(f"{losses} losses", flush=True)
        checkpoint, rng = run.checkpoint_path("last"), random.Random(1)
        for _ in range(options.bytes):
            path = checkpoint / rng.choice(CHECKPOINT_FILES)
            content = path.read_bytes()
            at = rng.randrange(len(content))
            path.write_bytes(
                content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
            )
            try:
                verify(checkpoint)
            except InputError:
                found += 1
            path.write_bytes(content)
    assert found == options.bytes
    tell(
        "power",
        f"python benchmarks/soak/power.py --seeds {options.seeds}",
        [
            f"{losses:,} power losses after each of {operations} operations of the disk (write, "
            f"fsync, rename, fsync of the folder, "
            "removal) in three saves of four kinds of runs, what had not been forced dropped, kept "
            f"or mixed: every time the "
            f"checkpoints named `last` and `best` were whole by their manifests. Of {options.bytes:,} "
            f"checkpoints with one bit turned, "
            f"{found:,} were found damaged. "
            f"{time.monotonic() - began:.0f} s.",
        ],
    )


if __name__ == "__main__":
    main()
