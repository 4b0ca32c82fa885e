"""Standard streams closed, full or left by their reader: every command ends as documented, every training is saved.

python benchmarks/soak/streams.py [--count 300]
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from common import ROOT, make_run, tell

from rnntui.core.runs.folder import Run
from rnntui.core.runs.summaries import summarise
from tests.conftest import train_all

_OUT = ("", ">&-", ">/dev/full", "| head -c 0", "| head -c 200", "| head -n 3", ">/dev/null")
_ERR = ("", "2>&-", "2>/dev/full", "2>&1", "2>/dev/null")
_IN = ("", "<&-", "</dev/null", "</dev/zero")
COMMANDS = (
    "train --resume --headless --max-steps {steps} --run {run}",
    "train --resume --headless --json --max-steps {steps} --run {run}",
    "runs list",
    "runs show {run} --json",
    "generate {run} --length 200",
    "complete {run} 'the cat'",
    "score {run} 'a dog sees'",
    "evaluate {run}",
    "watch {run}",
    "doctor",
    "--help",
    "train --help",
    "runs show nowhere",
    "train nowhere.txt --headless",
    "runs remove {run}",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300)
    options = parser.parse_args()
    rng, codes = random.Random(0), collections.Counter[int]()
    saved = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["RNNTUI_HOME"] = str(folder / "home")
        original = make_run(folder, "original", hidden_size=8, max_steps=20, eval_every=10)
        train_all(original)
        for number in range(options.count):
            path = folder / "run"
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(original.path, path)
            steps = 20 + rng.choice([1, 15, 40])
            command = rng.choice(COMMANDS).format(run=path, steps=steps)
            out, err, given = rng.choice(_OUT), rng.choice(_ERR), rng.choice(_IN)
            before, after = (out, "") if not out.startswith("|") else ("", out)
            line = f"{sys.executable} -m rnntui {command} {given} {before} {err} {after}"
            answer = subprocess.run(
                ["bash", "-c", f"set -o pipefail; {line}"],
                check=False,
                capture_output=True,
                cwd=ROOT,
                timeout=120,
            )
            said = answer.stdout + answer.stderr
            where = f"{number}: {line}: {answer.returncode} {said[-500:]!r}"
            assert answer.returncode in (0, 1, 2), where
            assert (
                b"Traceback" not in said and b"RNNTUI_DEBUG" not in said and b"Exception ignored" not in said
            ), where
            codes[answer.returncode] += 1
            if command.startswith("train --resume"):
                summary = summarise(Run.open(path))
                assert (summary.state, summary.step) == ("finished", steps), where
                saved += 1
    tell(
        "streams",
        f"python benchmarks/soak/streams.py --count {options.count}",
        [
            f"{options.count:,} commands whose standard streams were closed, full, or read for a few lines only: "
            f"exit codes {', '.join(f'{code} {count} times' for code, count in sorted(codes.items()))}, no traceback. "
            f"All {saved} trainings among them went on to their end and were saved."
        ],
    )


if __name__ == "__main__":
    main()
