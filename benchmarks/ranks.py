"""Several processes that train one model: their speed, the share of the all-reduce, two machines, and the same numbers.

    python benchmarks/ranks.py [--counts 1,2] [--rounds 3] [--device cpu] [--machines]

    speed     whole steps of `Learner.step` in tokens a second: one process with all threads against N processes that
              share them (on GPUs: one GPU against N), and the share of the time that a rank spends in the all-reduce,
              waiting included.  The streams are the same in all; on GPUs `--batch-size` is that of each process
    machines  with `--machines`, as root: two network namespaces joined by a virtual cable, two ranks of `torchrun` in
              each, a training of the program over the network between them
    numbers   two processes against one with the whole batch after 300 steps in fp32: the largest difference of a
              weight, and of the held-out loss

On the CPU the result goes into docs/results.  On GPUs run it where there are some: `--device cuda --counts 1,2,4,8`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from results import write_section
from safetensors.torch import load_file

from rnntui.core import config as configuration
from rnntui.core.runs.folder import Run
from rnntui.core.tasks.language.task import subject
from rnntui.core.training.learner import Learner
from rnntui.core.training.ranks import joined_ranks

SHAPES = (("lstm", 320, 16), ("lstm", 320, 64), ("gru", 320, 64), ("lstm", 512, 64), ("mingru", 512, 64))
"""Cell, units, streams."""
_STEPS, _WARM = 60, 12
_TRAIN = ("train", "tales", "--headless", "--eval-every", "100", "--cell", "lstm", "--hidden-size", "128")


def worker(cell: str, units: int, streams: int, device: str) -> None:
    """Train for some steps as one of the ranks; rank 0 prints the speed and the share of the all-reduce."""
    ranks = joined_ranks()
    settings: dict[str, Any] = {
        "cell": cell, "hidden_size": units, "num_layers": 1, "batch_size": streams, "bptt": 64, "optimizer": "adamw",
        "max_time": 60.0, "device": device,
    }  # fmt: skip
    config = configuration.completed(configuration.build(settings), configuration.Facts(1_000_000, True))
    tokens = np.random.default_rng(0).integers(0, 65, streams * 64 * 40, dtype=np.uint32)
    learner = Learner(config, subject(config, 65, tokens), device, ranks)
    learner.use("bf16", torch.get_num_threads())
    together, honest = 0.0, ranks.add_up

    def add_up(*arguments: Any) -> Any:
        nonlocal together
        began = time.perf_counter()
        found = honest(*arguments)
        if device == "cuda":
            torch.cuda.synchronize()
        together += time.perf_counter() - began
        return found

    vars(ranks)["add_up"] = add_up
    for _ in range(_WARM):
        learner.step()
    together, began = 0.0, time.perf_counter()
    for _ in range(_STEPS):
        loss, _ = learner.step()
    float(loss)
    seconds = time.perf_counter() - began
    if ranks.first:
        print(json.dumps([_STEPS * streams * 64 / seconds, together / seconds]))
    ranks.end()


def measured(count: int, cell: str, units: int, streams: int, device: str) -> tuple[float, float]:
    """Tokens a second of so many ranks, and the share of the all-reduce."""
    threads = max(1, (os.cpu_count() or 1) // count)
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(count)] if count > 1 else []
    command = [
        sys.executable,
        *launcher,
        __file__,
        "--worker",
        cell,
        str(units),
        str(streams),
        "--device",
        device,
    ]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    speed, share = json.loads(found.stdout.strip().splitlines()[-1])
    return speed, share


def speed_table(options: argparse.Namespace) -> Iterator[str]:
    """A row for each shape and number of ranks."""
    counts = [int(count) for count in options.counts.split(",")]
    yield "| cell, units, streams | processes | tokens/s | ratio to one | share in the all-reduce |"
    yield "|---|---|---|---|---|"
    for cell, units, streams in SHAPES:
        found: dict[int, list[tuple[float, float]]] = {count: [] for count in counts}
        for _ in range(options.rounds):
            for count in counts:
                all_streams = streams * count if options.device == "cuda" else streams
                found[count].append(measured(count, cell, units, all_streams, options.device))
        for count in counts:
            ratio = statistics.median(
                mine[0] / one[0] for mine, one in zip(found[count], found[counts[0]], strict=True)
            )
            speed, share = (statistics.median(column) for column in zip(*found[count], strict=True))
            row = f"| {cell}, {units}, {streams} | {count} | {speed:,.0f} | **{ratio:.2f}** | {share:.0%} |"
            print(row, flush=True)
            yield row


@contextmanager
def two_machines() -> Iterator[list[tuple[str, str]]]:
    """Two network namespaces and a cable between them: the name and the address of each."""
    names = [f"rnntui{os.getpid()}{side}" for side in "ab"]
    ends, addresses = [f"v{os.getpid()}{side}" for side in "ab"], ["10.77.0.1", "10.77.0.2"]

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    for name in names:
        ip("netns", "add", name)
    try:
        ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for name, end, address in zip(names, ends, addresses, strict=True):
            ip("link", "set", end, "netns", name)
            ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield list(zip(names, addresses, strict=True))
    finally:
        for name in names:
            ip("netns", "delete", name)


def over_a_network(folder: Path, steps: int = 200) -> str:
    """A training of four ranks on two machines; returns a line about it."""
    with two_machines() as machines:
        port, processes = "29511", []
        for number, (name, _) in enumerate(machines):
            cable = f"v{os.getpid()}{'ab'[number]}"
            command = [
                "ip",
                "netns",
                "exec",
                name,
                sys.executable,
                "-m",
                "torch.distributed.run",
                "--nnodes",
                "2",
            ]
            command += ["--node-rank", str(number), "--nproc-per-node", "2", "--master-addr", machines[0][1]]
            command += ["--master-port", port, "-m", "rnntui", "--", *_TRAIN, "--max-steps", str(steps)]
            command += ["--run", str(folder / f"machine{number}")]
            # Only the first machine has the run; the second would write another one if it wrote any.
            environment = os.environ | {
                "GLOO_SOCKET_IFNAME": cable,
                "RNNTUI_HOME": str(folder / f"home{number}"),
            }
            processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
        codes = [process.wait(300) for process in processes]
    events = Run.open(folder / "machine0").events()
    last = [event for event in events if type(event).__name__ == "Evaluated"][-1]
    alone = not (folder / "machine1").exists()
    return (
        f"Four ranks on two machines (network namespaces): exit codes {codes}, {last.step} steps, held-out loss "
        f"{last.loss:.4f}; the second machine {'wrote no run folder' if alone else 'wrote a run folder'}."
    )


def same_numbers(folder: Path) -> str:
    """One process against two, with the whole batch: a line about the differences after 300 steps in fp32."""
    found: list[tuple[dict[str, torch.Tensor], float]] = []
    for count in (1, 2):
        path = folder / f"numbers{count}"
        flags = ["--max-steps", "300", "--precision", "fp32", "--processes", str(count), "--run", str(path)]
        subprocess.run([sys.executable, "-m", "rnntui", *_TRAIN, *flags], check=True, capture_output=True)
        run = Run.open(path)
        last = [event for event in run.events() if type(event).__name__ == "Evaluated"][-1]
        found.append((load_file(run.checkpoint_path("last") / "model.safetensors"), float(last.loss or 0)))
    (some, loss), (others, other_loss) = found
    largest = max(float((some[name] - others[name]).abs().max()) for name in some)
    return (
        f"Two processes against one, 300 steps in fp32 (LSTM, 128 units): weights differ by {largest:.1e} at most, "
        f"held-out losses {loss:.4f} and {other_loss:.4f}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--machines", action="store_true")
    parser.add_argument("--worker", nargs=3, metavar=("CELL", "UNITS", "STREAMS"))
    options = parser.parse_args()
    if options.worker:
        cell, units, streams = options.worker
        worker(cell, int(units), int(streams), options.device)
        return
    lines = [
        f"bf16, medians of {options.rounds} turns, {os.cpu_count()} cores; AdamW.",
        "",
        *speed_table(options),
    ]
    with tempfile.TemporaryDirectory() as name:
        os.environ.setdefault("RNNTUI_HOME", name)
        if options.device == "cpu":
            lines += ["", same_numbers(Path(name))]
        if options.machines:
            lines += ["", over_a_network(Path(name))]
    print("\n".join(lines))
    if options.device == "cpu":
        flags = " --machines" if options.machines else ""
        write_section(
            "Several processes", f"python benchmarks/ranks.py --rounds {options.rounds}{flags}", lines
        )


if __name__ == "__main__":
    main()
