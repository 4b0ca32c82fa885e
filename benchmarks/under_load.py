"""Training beside other programs, and several trainings at once.

    python benchmarks/under_load.py [--rounds 3] [--seconds 6] [--only lstm]

The program trains as a person starts it (`rnntui train --headless --json`), an LSTM of 320 units or another cell,
batch 16, 64 steps; tokens a second are counted by the wall clock, after the first seconds.  Beside it runs another
program with one process, or with one for each core, that does nothing but compute.  A plain torch loop takes its turn
in the same round: embedding, `nn.LSTM`, linear layer, cross-entropy, AdamW, in fp32.

Bounds: with one busy process 0.85 of the larger of one thread's idle speed and 2/3 of that of all threads; with one on
each core 0.4 of idle; two trainings at once 0.9 of one alone, four 0.8; so do two sweeps, two duels, and an
evaluation beside a training.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from results import write_section

CELLS = ("lstm", "gru", "elman", "mingru", "minlstm")
SETTLED_S = 7.0
"""Seconds after the first step before anything is counted: the program may choose its threads anew."""
_SHAPE = ("--hidden-size=320", "--num-layers=1", "--batch-size=16", "--bptt=64", "--dropout=0.1")
_ALONE = ("--eval-every=1000000", "--sample-every=1000000", "--save-every=1000000", "--max-time=1h")
STUDIES: dict[str, tuple[str, ...]] = {
    "sweep": ("sweep", "tales", "--lr=0.001..0.01", "--trials=99", "--max-time=4s", *_SHAPE, "--study"),
    "duel": ("duel", "tales", "--headless", "--cells=lstm,gru", "--max-time=5m", "--run"),
}
"""Commands that train several models, with the flag of their folder at the end."""
_BUSY = "while True: sum(range(100_000))"
_PLAIN = """
import time, torch
from torch import nn
from torch.nn.functional import cross_entropy
embedding, rnn, head = nn.Embedding(67, 128), nn.LSTM(128, 320), nn.Linear(320, 67)
optimizer = torch.optim.AdamW([*embedding.parameters(), *rnn.parameters(), *head.parameters()], 1e-3)
inputs, targets = torch.randint(67, (64, 16)), torch.randint(67, (1024,))
tokens = 0
while True:
    loss = cross_entropy(head(rnn(embedding(inputs))[0]).flatten(0, 1), targets)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    tokens += 1024
    print('{"type": "progress", "tokens": %d}' % tokens, flush=True)
"""


@contextmanager
def started(command: Sequence[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own, as in another terminal; it is killed at the end."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | environment,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, 9)
        process.communicate()


def training(folder: Path, *flags: str) -> list[str]:
    """The command of a training in a new run folder."""
    run = str(folder / f"run{time.monotonic_ns()}")
    return [
        sys.executable,
        "-m",
        "rnntui",
        "train",
        "tales",
        "--headless",
        "--json",
        "--run",
        run,
        *_SHAPE,
        *_ALONE,
        *flags,
    ]


def busy(processes: int) -> list[str]:
    """The command of a program that keeps so many processors busy."""
    if processes == 1:
        return [sys.executable, "-c", _BUSY]
    return ["sh", "-c", " & ".join(f"{sys.executable} -c '{_BUSY}'" for _ in range(processes))]


def speeds(
    processes: Sequence[subprocess.Popen[bytes]], seconds: float, settled: float = SETTLED_S
) -> list[float]:
    """Tokens a second of trainings side by side, counted from when the last one has settled."""
    for process in processes:
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
    tokens, rest = [0] * len(processes), [b""] * len(processes)

    def read() -> None:
        for i, process in enumerate(processes):
            assert process.stdout is not None
            *lines, rest[i] = (rest[i] + (process.stdout.read() or b"")).split(b"\n")
            counts = [json.loads(line).get("tokens", 0) for line in lines if b'"progress"' in line]
            tokens[i] = max([tokens[i], *counts])

    until = time.monotonic() + 60
    while not all(tokens):
        time.sleep(0.05)
        read()
        if time.monotonic() > until:
            return [0.0] * len(processes)
    time.sleep(settled)
    read()
    before, began = list(tokens), time.monotonic()
    time.sleep(seconds)
    read()
    took = time.monotonic() - began
    return [(now - then) / took for now, then in zip(tokens, before, strict=True)]


def speed(
    command: Sequence[str], load: int, seconds: float, settled: float = SETTLED_S, **environment: str
) -> float:
    """Tokens a second of one training beside a program with `load` busy processes."""
    with ExitStack() as stack:
        if load:
            stack.enter_context(started(busy(load)))
        process = stack.enter_context(started(command, **environment))
        return speeds([process], seconds, settled)[0]


def row(
    name: str, command: Callable[[], Sequence[str]], options: argparse.Namespace, cores: int
) -> tuple[str, bool]:
    """A line of the first table, and whether it holds its bounds."""
    found: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for arm, load, environment in (
            ("idle", 0, {}), ("idle, 1 thread", 0, {"OMP_NUM_THREADS": "1"}), ("1", 1, {}), ("each", cores, {}),
        ):  # fmt: skip
            found.setdefault(arm, []).append(speed(command(), load, options.seconds, **environment))
    idle, single, one, each = (
        statistics.median(found[arm]) for arm in ("idle", "idle, 1 thread", "1", "each")
    )
    bound = 0.85 * max(single, 2 / 3 * idle)
    shares = one / bound * 0.85, each / idle
    line = (
        f"| {name} | {idle:,.0f} | {single:,.0f} | {one:,.0f} | **{shares[0]:.2f}** "
        f"| {each:,.0f} | **{shares[1]:.2f}** |"
    )
    return line, one >= bound and each >= 0.4 * idle


def together(folder: Path, count: int, options: argparse.Namespace) -> float:
    """Tokens a second of `count` trainings at once, all together."""
    with ExitStack() as stack:
        processes = [stack.enter_context(started(training(folder))) for _ in range(count)]
        return sum(speeds(processes, options.seconds + 4))


def tokens_below(folder: Path) -> int:
    """Tokens that all runs below a folder have been trained on so far."""
    found = 0
    for events in folder.rglob("events.jsonl"):
        lines = [line for line in events.read_bytes().splitlines() if b'"progress"' in line]
        found += json.loads(lines[-1])["tokens"] if lines else 0
    return found


def studies_together(folder: Path, words: Sequence[str], count: int, options: argparse.Namespace) -> float:
    """Tokens a second of `count` sweeps or duels at once, all together."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        for number in range(count):
            (place / str(number)).mkdir()
            at = [f"{words[-1]}={place / str(number) / 'runs'}"]
            stack.enter_context(started([sys.executable, "-m", "rnntui", *words[:-1], *at]))
        until = time.monotonic() + 60
        while not tokens_below(place) and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(SETTLED_S)
        before, began = tokens_below(place), time.monotonic()
        time.sleep(options.seconds + 8)
        return (tokens_below(place) - before) / (time.monotonic() - began)


def evaluation_beside(folder: Path, options: argparse.Namespace) -> float:
    """Combined throughput of an evaluation beside a training: the sum of their speeds relative to each alone."""
    run = folder / "evaluated"
    if not run.exists():
        quick = [*training(folder)[:-1], "--max-steps=50", f"--run={run}"]
        subprocess.run(quick, check=True, capture_output=True)
    command = [sys.executable, "-m", "rnntui", "evaluate", str(run), "--corpus", "verse"]

    def seconds() -> float:
        began = time.monotonic()
        for _ in range(3):
            subprocess.run(command, check=True, capture_output=True)
        return time.monotonic() - began

    alone = seconds()
    with started(training(folder)) as process:
        undisturbed = speeds([process], options.seconds)[0]
    with started(training(folder)) as process:
        speeds([process], 0.1)
        measured: list[float] = []
        reader = threading.Thread(target=lambda: measured.extend(speeds([process], alone, 0.0)))
        reader.start()
        beside = seconds()
        reader.join()
    return alone / beside + measured[0] / undisturbed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--only", choices=CELLS, help="one cell, and nothing written")
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    lines = [
        f"Tokens a second, medians of {options.rounds} turns; {cores} cores.  `1 busy`: beside a program with one "
        "process, as a share of the larger of one thread's idle speed and 2/3 of that of all threads (bound 0.85).  "
        "`each busy`: beside one process for each core, as a share of idle (bound 0.4).",
        "",
        "| cell, precision | idle | idle, 1 thread | 1 busy | share | each busy | share |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["RNNTUI_HOME"] = str(folder / "home")
        for cell in [options.only] if options.only else CELLS:
            for precision in ("bf16", "fp32"):
                command = partial(training, folder, f"--cell={cell}", f"--precision={precision}")
                line, held = row(f"{cell}, {precision}", command, options, cores)
                lines.append(line)
                print(line, "" if held else "  below a bound", flush=True)
        line, _ = row("plain torch loop, lstm, fp32", lambda: [sys.executable, "-c", _PLAIN], options, cores)
        print(line, flush=True)
        lines += [line, "", "| trainings at once | tokens/s, all together | share of one |", "|---|---|---|"]
        totals: dict[int, list[float]] = {1: [], 2: [], 4: []}
        for _ in range(options.rounds):
            for count in totals:
                totals[count].append(together(folder, count, options))
        others: list[tuple[str, float]] = []
        for study, words in STUDIES.items():
            one, two = (
                [studies_together(folder, words, count, options) for _ in range(options.rounds)]
                for count in (1, 2)
            )
            others.append((f"two of {study} beside one", statistics.median(two) / statistics.median(one)))
        beside = [evaluation_beside(folder, options) for _ in range(options.rounds)]
        others.append(("evaluation and training, their shares added up", statistics.median(beside)))
        alone = statistics.median(totals[1])
        for count, found in totals.items():
            total = statistics.median(found)
            lines.append(f"| {count} | {total:,.0f} | **{total / alone:.2f}** |")
            print(lines[-1], flush=True)
        lines += ["", "| at once | share |", "|---|---|"]
        lines += [f"| {name} | **{share:.2f}** |" for name, share in others]
        print(*lines[-len(others) :], sep="\n", flush=True)
    if not options.only:
        write_section("Under load", f"python benchmarks/under_load.py --rounds {options.rounds}", lines)


if __name__ == "__main__":
    main()
