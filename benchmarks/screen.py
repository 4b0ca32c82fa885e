"""How quickly the program answers in a real pseudo-terminal, and what its screen costs the training.

    python benchmarks/screen.py [TEXT] [--rounds 5]

Measures, each against a bound or a peer in the same run:

- from starting the program to its first painted screen, beside an empty Textual app; `rnntui --help`;
- from a key to its painted echo, and to the painted ghost text, idle and while a training takes all cores;
- the speed of a training that a screen watches, beside the same one without a screen, in turn;
- opening a run of a million events: the time until all are shown, and the memory of the screen's process.

Keys that agree with the ghost text are painted with the ghost at once; here every key disagrees, so each
ghost is searched anew.  Writes the medians and 95th percentiles into docs/results.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_section

from rnntui.core import config
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from tests.tui.terminal import Terminal

PROGRAM = (sys.executable, "-m", "rnntui")
EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("painted")
Empty().run()
"""
EVENTS = 1_000_000
KEYS = 120
SETTLE_S = 6.0
STRETCH_S = 6.0


def until(terminal: Terminal, condition: Callable[[str], bool], seconds: float = 120) -> float:
    """Seconds until the screen shows what is wanted, read as soon as anything is written."""
    began = time.perf_counter()
    while not condition(terminal.read()):
        assert time.perf_counter() - began < seconds, terminal.read()
        select.select([terminal.descriptor], [], [], 0.05)
    return time.perf_counter() - began


def first_paint(command: tuple[str, ...], painted: str) -> float:
    """Seconds from starting a command to its screen."""
    began = time.perf_counter()
    with Terminal(command=command, columns=140, rows=45) as terminal:
        until(terminal, lambda shown: painted in shown)
        return time.perf_counter() - began


def help_time() -> float:
    began = time.perf_counter()
    subprocess.run([*PROGRAM, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def typing(run: str, keys: int) -> tuple[list[float], list[float]]:
    """Milliseconds from a key to its echo, and to the words that may follow it.

    Ghost text comes with them, where one of them is sure enough to be offered.
    """
    echoes, answers = [], []
    with Terminal("play", run, columns=100, rows=30) as terminal:
        until(terminal, lambda shown: "ms per key" in shown)
        time.sleep(2.0)
        letters = random.Random(1)
        until(terminal, lambda shown: column(terminal) < 10)  # the cursor is in the empty text area
        start = at = column(terminal)
        for number in range(keys):
            terminal.read()
            if at > 60:
                terminal.type("\r")
                at = start
                until(terminal, lambda shown: column(terminal) == start)
                time.sleep(0.3)
                continue
            ghost = ghost_row(terminal)[at:].strip()
            key = " " if number % 6 == 5 else letters.choice([c for c in "etaoinshr" if c != ghost[:1]])
            offered = words(terminal)
            began, at = time.perf_counter(), at + 1
            terminal.type(key)
            until(terminal, lambda shown, at=at: column(terminal) == at, 10)
            echoes.append(1000 * (time.perf_counter() - began))
            until(terminal, lambda shown, offered=offered: words(terminal) != offered, 10)
            answers.append(1000 * (time.perf_counter() - began))
            time.sleep(letters.uniform(0.08, 0.25))
    return echoes, answers


def column(terminal: Terminal) -> int:
    """Where the cursor stands in the text area."""
    return int(terminal.screen.cursor.x)


def ghost_row(terminal: Terminal) -> str:
    """The row on which the cursor stands, up to the frame of the text area."""
    row = terminal.screen.display[terminal.screen.cursor.y]
    return str(row[: row.rindex("│")]) if "│" in row else str(row)


def words(terminal: Terminal) -> list[str]:
    """The lines of the panel with what may follow."""
    rows = terminal.screen.display
    top = next(number for number, row in enumerate(rows) if "suggestions" in row)
    return [row.split("││")[0] for row in rows[top + 1 : -2]]


def background_training(text: str, path: Path, seconds: int = 3600) -> subprocess.Popen[bytes]:
    """A training that takes all cores."""
    command = [
        *PROGRAM,
        "train",
        text,
        "--headless",
        "--json",
        "--run",
        str(path),
        "--max-time",
        f"{seconds}s",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (path / "last").exists():
        time.sleep(0.2)
    return process


def watched_speed(text: str, path: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Ratios of the speed with a screen attached to the speed without, and the screen's updates a second.

    One training; the screen comes and goes in turn, so that each stretch is compared with its neighbours.
    """
    process = background_training(text, path)
    speeds, redraws = [], []
    for number in range(2 * rounds + 1):
        if number % 2:
            with Terminal("watch", str(path), columns=140, rows=45) as terminal:
                until(terminal, lambda shown: "learning" in shown)
                speed, painted = stretch(path, terminal)
            redraws.append(painted)
        else:
            speed, _ = stretch(path, None)
        speeds.append(speed)
    process.terminate()
    process.wait()
    ratios = [2 * speeds[i] / (speeds[i - 1] + speeds[i + 1]) for i in range(1, len(speeds), 2)]
    return ratios, redraws


def stretch(path: Path, terminal: Terminal | None) -> tuple[float, float]:
    """Tokens a second of the training at `path` for some seconds, and updates a second of the screen upon it."""
    time.sleep(SETTLE_S / 3)
    before, shown = newest(path), len(terminal.output) if terminal else 0
    end = time.monotonic() + STRETCH_S
    while time.monotonic() < end:
        time.sleep(0.25)
        if terminal:
            terminal.drain()  # not drawn here: that is the terminal's work, not the program's
    after = newest(path)
    painted = terminal.output[shown:].count(b"\x1b[?2026h") if terminal else 0
    return (after.tokens - before.tokens) / (after.train_s - before.train_s), painted / STRETCH_S


def newest(path: Path) -> ev.Progress:
    return [event for event in Run.open(path).events() if isinstance(event, ev.Progress)][-1]


def write_long_run(path: Path) -> None:
    """A run folder with a million events."""
    run = Run.create(path, config.build({"max_steps": EVENTS * 10}), {"tokenizer.json": b"{}"})
    rng = random.Random(0)
    shape = {"device": "cpu", "precision": "bf16", "parameters": 1_221_249, "seed": 1, "vocab_size": 67}
    sizes = {"train_tokens": 10**6, "valid_tokens": 50_000, "train_bytes": 10**6, "valid_bytes": 50_000}
    with run.events_path.open("wb") as file:
        started = ev.Started(step=0, run=path.name, corpus="tales", **shape, **sizes)  # type: ignore[arg-type]
        file.write(ev.encode(started) + b"\n")
        for i in range(1, EVENTS - 1):
            loss, seconds = 1.4 + 3 * math.exp(-i / (EVENTS / 20)) + rng.gauss(0, 0.05), i * 0.15
            event: ev.AnyEvent = ev.Progress(
                step=10 * i,
                tokens=10240 * i,
                epoch=i / 100,
                loss=loss,
                lr=6e-3,
                grad_norm=rng.random(),
                tokens_per_s=66_000.0 + rng.gauss(0, 500),
                train_s=seconds,
                wall_s=seconds,
                fraction=i / EVENTS,
            )
            file.write(ev.encode(event) + b"\n")
        file.write(ev.encode(ev.Finished(step=10 * EVENTS, reason="interrupted")) + b"\n")


def open_long_run(path: Path) -> tuple[float, float]:
    """Seconds from starting `rnntui watch` to its last event on the screen; then the process's megabytes."""
    last = f"{10 * (EVENTS - 2):,}"
    began = time.perf_counter()
    with Terminal("watch", str(path), columns=140, rows=45) as terminal:
        until(terminal, lambda shown: last in shown)
        seconds = time.perf_counter() - began
        return seconds, psutil.Process(terminal.pid).memory_info().rss / 1e6


def p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, math.ceil(0.95 * len(values)) - 1)]


def both(values: list[float]) -> str:
    return f"{p95(values):.0f} ({statistics.median(values):.0f}) ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", nargs="?", default="tales")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    home = tempfile.TemporaryDirectory()
    os.environ["RNNTUI_HOME"] = home.name

    empty, ours, helps = [], [], []
    for _ in range(options.rounds + 4):
        empty.append(first_paint((sys.executable, "-c", EMPTY), "painted"))
        ours.append(first_paint(PROGRAM, "[1 Texts]"))
        helps.append(help_time())
    print("first paint", empty, ours, helps, flush=True)

    long_run = Path(home.name) / "long"
    write_long_run(long_run)
    opened = [open_long_run(long_run) for _ in range(options.rounds)]
    print("a million events", opened, flush=True)

    trained = Path(home.name) / "runs" / "trained"
    process = background_training(options.text, trained, 3600)
    time.sleep(SETTLE_S)
    busy = typing(str(trained), KEYS)
    process.terminate()
    process.wait()
    idle = typing(str(trained), KEYS)
    print(
        "typing",
        [statistics.median(each) for each in (*busy, *idle)],
        [p95(e) for e in (*busy, *idle)],
        flush=True,
    )

    ratios, redraws = watched_speed(options.text, Path(home.name) / "runs" / "watched", 4 * options.rounds)
    print("watched", ratios, redraws, flush=True)
    home.cleanup()

    middle = statistics.median
    rows = [
        (
            "first painted screen, 140x45",
            f"{middle(ours):.2f} s",
            f"0.4 s; an empty Textual app {middle(empty):.2f} s",
        ),
        ("`rnntui --help`", f"{middle(helps):.2f} s", "0.25 s"),
        ("key to echo while training takes all cores, p95 (median)", both(busy[0]), "50 ms"),
        ("key to what may follow while training takes all cores, p95 (median)", both(busy[1]), "120 ms"),
        ("key to echo, idle, p95 (median)", both(idle[0]), "16 ms"),
        ("key to what may follow, idle, p95 (median)", both(idle[1]), "60 ms"),
        (
            "speed of a watched training against headless",
            f"{middle(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})",
            "0.97",
        ),
        ("redraws a second", f"{middle(redraws):.1f}", "10"),
        (
            f"a run of {EVENTS:,} events: command to last event shown",
            f"{middle([s for s, _ in opened]):.2f} s",
            "2 s",
        ),
        ("memory of that process", f"{middle([m for _, m in opened]):.0f} MB", "200 MB"),
    ]
    lines = ["| what | here | bound or peer |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    name = Path(options.text).name
    write_section("The screen", f"python benchmarks/screen.py {name} --rounds {options.rounds}", lines)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
