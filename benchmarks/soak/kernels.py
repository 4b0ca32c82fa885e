"""Compiled kernels damaged at random: every training after it ends well, with the numbers of an undamaged one.

python benchmarks/soak/kernels.py [--rounds 200]
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import VARIANTS, forked, make_run, tell

from rnntui.core.kernels.kernel_cache import kernel_folder
from rnntui.core.runs import events as ev
from tests.conftest import train_all

_PAGE = 4096
_SETTINGS: list[dict[str, Any]] = [
    variant | {"precision": precision, "hidden_size": 32, "max_steps": 2, "eval_every": 2}
    for variant in VARIANTS
    for precision in ("fp32", "bf16")
]


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def emptied(data: bytes, rng: random.Random) -> bytes:
    return b""


def zeroed(data: bytes, rng: random.Random) -> bytes:
    return bytes(len(data))


def zeroed_from_a_page_on(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(0, len(data), _PAGE)
    return data[:start] + bytes(len(data) - start)


def with_a_random_page(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(0, len(data), _PAGE)
    return data[:start] + rng.randbytes(min(_PAGE, len(data) - start)) + data[start + _PAGE :]


def with_one_bit_flipped(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def longer(data: bytes, rng: random.Random) -> bytes:
    return data + rng.randbytes(rng.randint(1, _PAGE))


DAMAGES: list[Callable[[bytes, random.Random], bytes]] = [
    cut, emptied, zeroed, zeroed_from_a_page_on, with_a_random_page, with_one_bit_flipped, longer,
]  # fmt: skip


def damage(rng: random.Random) -> list[str]:
    """Damage some files: change one, delete it, or put another kernel in its place; the kinds of damage."""
    files = sorted(file for file in kernel_folder().path.iterdir() if file.stat().st_size)
    kinds = []
    for file in rng.sample(files, min(len(files), rng.choice([1, 2, 5, len(files)]))):
        chosen = rng.randrange(len(DAMAGES) + 2)
        if chosen < len(DAMAGES):
            file.write_bytes(DAMAGES[chosen](file.read_bytes(), rng))
            kinds.append(DAMAGES[chosen].__name__.replace("_", " "))
        elif chosen == len(DAMAGES):
            file.unlink()
            kinds.append("deleted")
        else:
            other = rng.choice(files)
            if other.exists():
                file.write_bytes(other.read_bytes())
            kinds.append("the file of another")
    return kinds


def trained(folder: Path, name: str, settings: dict[str, Any]) -> tuple[list[float | None], list[str]]:
    """Train in a child process, which must exit 0; its losses, and its warnings of kernels."""

    def work() -> None:
        events = train_all(make_run(folder, name, **settings))
        losses = [each.loss for each in events if isinstance(each, ev.Progress | ev.Evaluated)]
        warnings = [
            each.message for each in events if isinstance(each, ev.Warned) and "kernel" in each.message
        ]
        (folder / "told.json").write_text(json.dumps([losses, warnings]))

    assert os.waitstatus_to_exitcode(os.waitpid(forked(work), 0)[1]) == 0, f"{name}: a training failed"
    losses, warnings = json.loads((folder / "told.json").read_text())
    return losses, warnings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    rng, kinds, reports, began = random.Random(1), collections.Counter[str](), 0, time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["RNNTUI_HOME"] = str(folder / "home")
        kernel_folder().path = folder / "kernels"
        right = [trained(folder, f"right{number}", settings)[0] for number, settings in enumerate(_SETTINGS)]
        kept = kernel_folder().check().files
        for number in range(options.rounds):
            done = damage(rng)
            kinds.update(done)
            chosen = rng.randrange(len(_SETTINGS))
            before = kernel_folder().check().damaged
            losses, warnings = trained(folder, f"run{number}", _SETTINGS[chosen])
            replaced = before - kernel_folder().check().damaged
            assert losses == right[chosen], (number, done, losses, right[chosen])
            # One training needs some of the kernels: what it met is replaced, and reported in one line.
            assert len(warnings) == (replaced > 0), (number, done, replaced, warnings)
            reports += len(warnings)
            print(number, f"{replaced} of {before} replaced", *done, sep=", ", flush=True)
        assert not list(folder.glob("kernels/.*"))
    shares = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    tell(
        "kernels",
        f"python benchmarks/soak/kernels.py --rounds {options.rounds}",
        [
            f"{options.rounds} times some of {kept} compiled kernels damaged ({kinds.total()} files: {shares}), each "
            f"time followed by a training of one of four cells in fp32 or bf16: all exited 0, with exactly the losses "
            f"of an undamaged training. {reports} met damaged kernels, and each reported them in one line and replaced "
            f"them. {time.monotonic() - began:.0f} s.",
        ],
    )


if __name__ == "__main__":
    main()
