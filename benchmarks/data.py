"""From a text to batches: speed of the tokenizers, memory for a long text, the loader's share of a step.

    python benchmarks/data.py [TEXT] [--megabytes 1000] [--rounds 5]

    tokenizing  each tokenizer learns from TEXT and encodes it, a block at a time, as a run's preparation
                does: megabytes of UTF-8 a second, the median of the rounds; at most eight megabytes
    memory      `rnntui train --headless` on a long text and on one of a megabyte, as processes: the largest
                private memory (anonymous pages; mapped files do not count), looked at every 10 ms, from the
                start to the end of a short training, and the seconds until the first step; word and bpe
                with 2,000 tokens, so that the models are the same
    loader      the time to make a batch against the time of a step

The long text is drawn: words of random letters, as frequent as Zipf's law says (exponent 1.4), of
three million different ones, in lines.  The results go into docs/results.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from results import write_section

from rnntui.core import config
from rnntui.core.config.schema import TextConfig
from rnntui.core.tasks.language.task import subject
from rnntui.core.text import corpus, tokenizers
from rnntui.core.text.dataset import prepare
from rnntui.core.training.learner import Learner

KINDS = ("char", "byte", "word", "bpe")
BLOCK = 1 << 18


def speeds(text: str, rounds: int) -> Iterator[str]:
    """A row for each tokenizer: learning and encoding in MB/s."""
    blocks = [text[at : at + BLOCK] for at in range(0, len(text), BLOCK)]
    size = len(text.encode()) / 1e6
    for kind in KINDS:
        learning, encoding = [], []
        for _ in range(rounds):
            began = time.perf_counter()
            tokenizer = tokenizers.train(TextConfig(tokenizer=kind), blocks)
            learned = time.perf_counter()
            for _ in tokenizer.encode_blocks(blocks):
                pass
            learning.append(size / (learned - began))
            encoding.append(size / (time.perf_counter() - learned))
        learned_at = "" if kind == "byte" else f"{statistics.median(learning):.0f}"
        yield f"| {kind} | {learned_at} | {statistics.median(encoding):.1f} |"
        print(kind, learned_at, statistics.median(encoding), flush=True)


def write_long(path: Path, size: int) -> None:
    """A text of about `size` bytes."""
    rng = np.random.default_rng(0)
    letters = np.frombuffer(b"etaoinshrdlucmfwypvbgkjqxz", np.uint8)
    kinds = 3_000_000
    lengths = 2 + rng.poisson(3.5, kinds)
    ends = np.cumsum(lengths)
    drawn = letters[np.minimum(rng.geometric(0.12, ends[-1]) - 1, 25)].tobytes().decode()
    words = [drawn[end - length : end] for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            picks = rng.zipf(1.4, 100_000)
            some = [words[pick] for pick in picks[picks < kinds].tolist()]
            file.write("\n".join(" ".join(some[at : at + 12]) for at in range(0, len(some), 12)) + "\n")
        file.truncate(size)


def peak_memory(corpus: Path, kind: str, home: str) -> tuple[float, float]:
    """Largest private memory of a short training in MB, and seconds until its first step."""
    command = [sys.executable, "-m", "rnntui", "train", str(corpus), "--headless", "--json"]
    command += ["--tokenizer", kind, "--hidden-size", "64", "--max-steps", "50"]
    command += ["--vocab-size", "2000"] if kind in ("word", "bpe") else []  # else the models would differ
    began = time.perf_counter()
    first, peak = 0.0, 0
    with subprocess.Popen(
        command, env=os.environ | {"RNNTUI_HOME": home}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        while process.poll() is None:
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("RssAnon"):
                    peak = max(peak, int(line.split()[1]))
            if not first and b'"progress"' in (process.stdout.read() or b""):
                first = time.perf_counter() - began
            time.sleep(0.01)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return peak / 1024, first


def memory(megabytes: int) -> Iterator[str]:
    """A row for each tokenizer: the long text against one megabyte."""
    with tempfile.TemporaryDirectory() as folder:
        short, long = Path(folder) / "short.txt", Path(folder) / "long.txt"
        write_long(short, 1_000_000)
        write_long(long, megabytes * 1_000_000)
        for kind in KINDS:
            small, _ = peak_memory(short, kind, folder)
            large, first = peak_memory(long, kind, folder)
            yield f"| {kind} | {small:.0f} | {large:.0f} | {large - small:+.0f} | {first:.0f} |"
            print(kind, small, large, first, flush=True)


def loader(text: str, rounds: int) -> str:
    """The batch's share of a step, of the default model."""
    setting, tokenizer, dataset = prepare(config.build({"corpus": text, "device": "cpu"}))
    learner = Learner(setting, subject(setting, tokenizer.vocab_size, dataset["train"].tokens), "cpu")
    learner.use("bf16", os.cpu_count() or 1)
    learner.step()
    steps, loads = [], []
    for _ in range(20 * rounds):
        began = time.perf_counter()
        learner.step()
        middle = time.perf_counter()
        learner.batches[learner.counters.step % len(learner.batches)]
        steps.append(middle - began)
        loads.append(time.perf_counter() - middle)
    share = statistics.median(loads) / statistics.median(steps)
    return (
        f"A batch of the default run takes {1e6 * statistics.median(loads):.0f} µs, "
        f"{share:.2%} of its step ({1e3 * statistics.median(steps):.1f} ms)."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("text", nargs="?", default="python-stdlib", help="a sample or a file")
    parser.add_argument("--megabytes", type=int, default=1000, help="of the long text")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    text = corpus.load(options.text).text[: 1 << 23]
    lines = ["| tokenizer | learns, MB/s | encodes, MB/s |", "|---|---|---|", *speeds(text, options.rounds)]
    lines += ["", loader(options.text, options.rounds), ""]
    lines += [
        f"Private memory of a whole training on {options.megabytes:,} MB of drawn words, at its largest:",
        "",
        "| tokenizer | on 1 MB, MB | on the long text, MB | difference | seconds to the first steps |",
        "|---|---|---|---|---|",
        *memory(options.megabytes),
    ]
    command = f"python benchmarks/data.py {Path(options.text).name} --megabytes {options.megabytes}"
    write_section("Data", command, lines)


if __name__ == "__main__":
    main()
