"""Folders full of links, pipes and a person's own files: nothing outside changes, nothing of a person's goes.

python benchmarks/soak/links.py [--count 3000]
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from common import forked, make_run, tell

from rnntui.core.errors import RnntuiError
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run, log_end, request, require_free
from rnntui.core.runs.ownership import owner_of
from rnntui.core.runs.safe_files import CHECKPOINT_FILES, RUN_FILES
from rnntui.core.runs.summaries import read_history, summarise
from rnntui.core.training.start import resume_run
from tests.conftest import train_all

_PART = 100
"""Folders that one child tries."""
_SLOW_S = 3.0

Snapshot = dict[str, bytes]


def snapshot(folder: Path) -> Snapshot:
    """Every file below a folder, and every name."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def spoil(run: Path, outside: Path, rng: random.Random) -> None:
    """Put something else into the place of a file or folder of the run."""
    folder = run / "checkpoints" / rng.choice(["00000020", "00000040"])
    places = [run / name for name in RUN_FILES] + [folder / name for name in CHECKPOINT_FILES]
    places += [
        run / "checkpoints",
        folder,
        folder.with_name(".00000020.77.part"),
        run / f".last.{os.getpid()}.part",
    ]
    place = rng.choice(places)
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    if (
        not place.parent.is_dir()
        or place.parent.is_symlink()
        or not place.parent.resolve().is_relative_to(run)
    ):
        return  # what it stands in was replaced before
    place.unlink(missing_ok=True)
    kind = rng.randrange(8)
    if kind == 0:
        place.symlink_to(outside / "file")
    elif kind == 1:
        place.hardlink_to(outside / "file")
    elif kind == 2:
        place.symlink_to(outside)
    elif kind == 3:
        place.symlink_to(rng.choice(["/dev/zero", "nowhere", place.name, ".."]))
    elif kind == 4:
        os.mkfifo(place)
    elif kind == 5:
        place.mkdir()
    elif kind == 6:
        with place.open("wb") as file:
            file.truncate(rng.choice([1 << 20, 1 << 33, 1 << 40]))
    else:
        place.write_bytes(rng.randbytes(rng.choice([0, 10, 5000])))


def _resume(path: Path) -> None:
    run = resume_run(path, {"max_steps": 44})
    with run.owned():
        train_all(run)


ACTIONS: dict[str, Callable[[Path], object]] = {
    "open": Run.open,
    "list": lambda path: summarise(store.opened(path)),
    "history": lambda path: read_history(Run.open(path)),
    "resume": _resume,
    "fork": lambda path: store.fork(Run.open(path), path.with_name("forked")),
    "remove": store.remove,
    "request": lambda path: request(path, "pause"),
    "log": log_end,
    "owner": owner_of,
    "train": require_free,
}


def part(original: Path, scratch: Path, seed: int) -> None:
    """Try some folders; what happened to them goes into `scratch`/told."""
    rng, told = random.Random(seed), collections.Counter[str]()
    process = psutil.Process()
    before, most, slowest = process.memory_info().rss, 0, 0.0
    for _ in range(_PART):
        home = scratch / "try"
        shutil.rmtree(home, ignore_errors=True)
        outside, run = home / "outside", home / "run"
        (outside / "00000020").mkdir(parents=True)
        (outside / "file").write_text("a person's own words, without an end")
        (outside / "00000020" / "model.safetensors").write_text("not ours")
        shutil.copytree(original, run)
        own = {"thesis.txt": b"mine", "checkpoints/notes.txt": b"mine", ".dl.part": b"mine"}
        for _ in range(rng.choice([1, 1, 2, 3])):
            spoil(run, outside, rng)
        for name, content in own.items():
            if (run / name).parent.is_dir() and not (run / name).parent.is_symlink():
                (run / name).write_bytes(content)
        kept = {name: content for name, content in own.items() if (run / name).is_file()}
        untouched = snapshot(outside)
        for name in rng.sample(sorted(ACTIONS), 3):
            began = time.process_time()
            try:
                ACTIONS[name](run)
                told[f"{name}: done"] += 1
            except RnntuiError as error:
                assert "\n" not in str(error)
                told[f"{name}: one line"] += 1
            slowest = max(slowest, time.process_time() - began)
            most = max(most, process.memory_info().rss - before)
            assert snapshot(outside) == untouched, name
            for each, content in kept.items():
                assert (run / each).read_bytes() == content, (name, each)
    assert slowest < _SLOW_S, slowest
    lines = [f"{count} {what}" for what, count in sorted(told.items())]
    (scratch / "told").write_text("\n".join([f"{slowest:.2f} {most / 2**20:.0f}", *lines]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=3000)
    options = parser.parse_args()
    told, slowest, most = collections.Counter[str](), 0.0, 0.0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["RNNTUI_HOME"] = str(folder / "home")
        run = make_run(folder, "original", hidden_size=8, max_steps=40, eval_every=20)
        train_all(run)
        for seed in range(0, options.count, _PART):
            _, status = os.waitpid(forked(lambda seed=seed: part(run.path, folder, seed)), 0)
            assert status == 0, f"seed {seed}"
            figures, *lines = (folder / "told").read_text().splitlines()
            slowest, most = (max(a, float(b)) for a, b in zip((slowest, most), figures.split(), strict=True))
            told.update({what: int(count) for count, what in (line.split(" ", 1) for line in lines)})
    rows = [
        f"| {name} | {told[f'{name}: done']:,} | {told[f'{name}: one line']:,} |" for name in sorted(ACTIONS)
    ]
    tell(
        "links",
        f"python benchmarks/soak/links.py --count {options.count}",
        [
            f"{options.count:,} run folders with one to three names of ours replaced: symbolic and hard links to files "
            "and folders outside, loops, pipes, devices, folders, sparse files up to a terabyte, random bytes; beside "
            "them files of a person. Three actions on each. Nothing outside changed, no file of a person went, no "
            f"answer had more than one line; the slowest took {slowest:.1f} s, memory grew by {most:.0f} MB at most.",
            "",
            "| action | done | refused in one line |",
            "|---|---:|---:|",
            *rows,
        ],
    )


if __name__ == "__main__":
    main()
