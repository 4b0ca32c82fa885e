"""Completion against the bare products, `nn.LSTM` called for one token, and the plain generation loop.

    python benchmarks/completion.py RUN [--rounds 7]

In turns, so that a machine whose speed drifts treats them alike:

    a step        one token through the engine, LSTM 1x512 and 2x512 with embedding 512, logits included,
                  against the matrix-vector products over the same weights alone (numpy), and against one
                  call of `nn.LSTM` with one token and the head, at the better of one and all threads
    generation    the engine with its sampling, against the loop that calls `nn.LSTM` a token and draws
                  with `torch.multinomial`, at the better of one and all threads
    completion    20 tokens in five alternatives after every key of a text, with 10 and 100,000 characters
                  before it, idle and beside a training that uses all cores: the 99th percentile
    a command     `rnntui complete RUN PREFIX` as a process
    int8          a step where the weights exceed the cache (2x2048), and the perplexity of RUN's model on
                  its held-out text, against fp32

RUN is a trained run.  The medians go into docs/results.
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import torch
from results import write_section
from torch import nn

from rnntui.core.completion.arrays import log_softmax
from rnntui.core.completion.completion import complete
from rnntui.core.completion.engine import Engine
from rnntui.core.completion.loading import engine_of, open_engine
from rnntui.core.completion.metrics import WORTH, offers_of, usefulness
from rnntui.core.completion.sampling import generate
from rnntui.core.completion.session import Session
from rnntui.core.config.sampling import Sampling
from rnntui.core.config.schema import ModelConfig
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.text import tokenizers
from rnntui.core.text.dataset import reopen

VOCABULARY = 65
THREADS = torch.get_num_threads()
KEYS = 120
TYPED = 2000
SCORED = 20_000


def seconds(work: Callable[[], object], stretch: float = 0.3) -> float:
    """Seconds of one piece of work, over a stretch of them."""
    work()
    began, done = time.perf_counter(), 0
    while not done or time.perf_counter() - began < stretch:
        work()
        done += 1
    return (time.perf_counter() - began) / done


def make(layers: int, hidden: int, vocab_size: int) -> Engine:
    """The engine of an LSTM that was never trained: as fast as any."""
    config = ModelConfig(num_layers=layers, hidden_size=hidden, embedding_size=hidden)
    return engine_of(LanguageModel(config, vocab_size).requires_grad_(False), config)


class Plain:
    """What a tutorial writes: `nn.LSTM` called with one token."""

    def __init__(self, layers: int, hidden: int) -> None:
        self.embedding, self.head = nn.Embedding(VOCABULARY, hidden), nn.Linear(hidden, VOCABULARY)
        self.lstm = nn.LSTM(hidden, hidden, layers)
        self.state: tuple[torch.Tensor, torch.Tensor] | None = None
        self.token = torch.zeros(1, 1, dtype=torch.long)

    @torch.inference_mode()
    def step(self) -> torch.Tensor:
        y, self.state = self.lstm(self.embedding(self.token), self.state)
        return self.head(y[0, 0])

    @torch.inference_mode()
    def write(self) -> None:
        self.token = torch.multinomial((self.step() / 0.8).softmax(0), 1).view(1, 1)


def better(work: Callable[[], object]) -> float:
    """At the better number of threads."""
    times = []
    for threads in (1, THREADS):
        torch.set_num_threads(threads)
        times.append(seconds(work))
    torch.set_num_threads(THREADS)
    return min(times)


def steps(run: Run, layers: int, hidden: int, rounds: int) -> list[str]:
    """A step of the engine against the products alone and against `nn.LSTM`; generation against its loop."""
    engine = make(layers, hidden, VOCABULARY)
    plain = Plain(layers, hidden)
    x = np.zeros((1, hidden), np.float32)
    weights = [np.random.default_rng(0).random((4 * hidden, hidden), np.float32) for _ in range(2 * layers)]
    weights.append(np.random.default_rng(1).random((VOCABULARY, hidden), np.float32))
    token = np.array([1])
    state = engine.initial_state()

    def step() -> None:
        nonlocal state
        y, state = engine.step(token, state)
        engine.logits(y)

    def products() -> None:
        for weight in weights:
            x @ weight.T

    tokenizer = tokenizers.load(run.path / "tokenizer.json")
    took: dict[str, list[float]] = {name: [] for name in ("step", "products", "nn.LSTM", "write", "loop")}
    for _ in range(rounds):
        took["step"].append(seconds(step))
        took["products"].append(seconds(products))
        took["nn.LSTM"].append(better(plain.step))
        session = Session(make(layers, hidden, tokenizer.vocab_size), tokenizer)
        began = time.perf_counter()
        for _ in generate(session, 1500, Sampling(seed=1)):
            pass
        took["write"].append((time.perf_counter() - began) / 1500)
        took["loop"].append(better(plain.write))
    ratio = {
        (a, b): statistics.median(one / other for one, other in zip(took[a], took[b], strict=True))
        for a, b in (("step", "products"), ("nn.LSTM", "step"), ("loop", "write"))
    }
    micro = {name: 1e6 * statistics.median(values) for name, values in took.items()}
    shape = f"{layers}x{hidden}"
    return [
        f"| a step, {shape} | {micro['step']:.0f} µs | products alone {micro['products']:.0f} µs "
        f"| **{ratio['step', 'products']:.2f}** times as long (2) |",
        f"| a step, {shape} | {micro['step']:.0f} µs | `nn.LSTM` {micro['nn.LSTM']:.0f} µs "
        f"| **{ratio['nn.LSTM', 'step']:.1f}** times as fast (5) |",
        f"| generation, {shape} | {1e6 / micro['write']:,.0f} tokens/s | plain loop "
        f"{1e6 / micro['loop']:,.0f} | **{ratio['loop', 'write']:.1f}** times as fast (5) |",
    ]


def keystrokes(run: Run, before: int) -> float:
    """Milliseconds within which 99 of 100 keys are answered, after so many characters."""
    session = Session(*open_engine(run, run.checkpoint_path("best") / "model.safetensors"))
    text = ("It was late, and the people of the town had gone home.\n" * (1 + before // 50))[:before]
    typed = " and then the people of the town went home again, because it was late and they were tired." * 2
    session.set_text(text)
    took = []
    for key in range(KEYS):
        began = time.perf_counter()
        session.set_text(text + typed[: key + 1])
        complete(session, 5, words=20, max_tokens=20)
        took.append(1000 * (time.perf_counter() - began))
    return sorted(took)[math.ceil(0.99 * KEYS) - 1]


def completions(run: Run) -> list[str]:
    lines = []
    for busy in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "rnntui", "train", "tales", "--headless", "--max-time", "10m"]
            beside = subprocess.Popen(
                [*command, "--run", f"{folder}/run"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) if busy else None  # fmt: skip
            try:
                if beside:
                    time.sleep(15)
                for before in (10, 100_000):
                    p99 = keystrokes(run, before)
                    when = "while training takes all cores" if busy else "idle"
                    lines.append(
                        f"| a key to five completions of 20 tokens, {when}, after {before:,} characters, p99 "
                        f"| {p99:.1f} ms | | ({50 if busy else 16} ms) |"
                    )
            finally:
                if beside:
                    beside.kill()
                    beside.wait()
    return lines


def process(run: Run, rounds: int) -> str:
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        command = [sys.executable, "-m", "rnntui", "complete", str(run.path), "To be, or not to "]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took.append(time.perf_counter() - began)
    return f"| `rnntui complete`, the whole process | {statistics.median(took):.2f} s | | (0.6 s) |"


def int8(run: Run, rounds: int) -> list[str]:
    config = ModelConfig(num_layers=2, hidden_size=2048, embedding_size=2048)
    tensors = {
        n: t.numpy() for n, t in LanguageModel(config, VOCABULARY).requires_grad_(False).state_dict().items()
    }
    took: dict[bool, list[float]] = {False: [], True: []}
    engines = {quantize: Engine(config, VOCABULARY, tensors, quantize) for quantize in took}
    states = {quantize: engine.initial_state() for quantize, engine in engines.items()}
    for _ in range(rounds):
        for quantize, engine in engines.items():
            took[quantize].append(seconds(lambda e=engine, s=states[quantize]: e.step(np.array([1]), s), 0.5))
    faster = statistics.median(a / b for a, b in zip(took[False], took[True], strict=True))
    perplexity = {quantize: held_out(run, quantize) for quantize in took}
    return [
        f"| int8, a step of 2x2048 | {1000 * statistics.median(took[True]):.2f} ms | fp32 "
        f"{1000 * statistics.median(took[False]):.2f} ms | **{faster:.2f}** times as fast (1.5) |",
        f"| int8, held-out perplexity of the run, {SCORED:,} tokens | {perplexity[True]:.4f} | fp32 "
        f"{perplexity[False]:.4f} | {perplexity[True] / perplexity[False] - 1:+.2%} (1%) |",
    ]


def held_out(run: Run, quantize: bool) -> float:
    engine, tokenizer = open_engine(run, run.checkpoint_path("best") / "model.safetensors", quantize)
    tokens = reopen(run, tokenizer)["valid"].tokens[:SCORED].astype(int)
    state, last, nats = engine.initial_state(), tokenizer.start, 0.0
    for token in tokens.tolist():
        y, state = engine.step(np.array([last]), state)
        nats -= float(log_softmax(engine.logits(y))[0, token])
        last = token
    return math.exp(nats / len(tokens))


def worth(run: Run) -> list[str]:
    """What completion saves on the run's held-out text, by the probability from which words are offered."""
    engine, tokenizer = open_engine(run, run.checkpoint_path("best") / "model.safetensors")
    text = tokenizer.decode(reopen(run, tokenizer)["valid"].tokens.tolist())
    found = usefulness(offers_of(Session(engine, tokenizer)), text, TYPED)
    exact = ", ".join(f"{n}: {share:.0%}" for n, share in enumerate(found.exact, start=1))
    lines = [
        f"{run.config.text.corpus.rpartition('/')[2]}, {found.characters:,} characters typed again in four places; "
        f"exact match, next n words: {exact}.  Unasked, a word is offered where it saves {WORTH} keystrokes on "
        f"average; that saves {found.ghost.saved:.1%}, five offers {found.five:.1%}.",
        "",
        "| offered from a probability of | at so many places | right | keystrokes saved |",
        "|---|---|---|---|",
    ]
    return lines + [
        f"| {each.threshold:.1f} | {each.shown:.0%} | {each.right:.0%} | {each.saved:.1%} |"
        for each in found.thresholds
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    run = store.find(options.run)
    lines = ["| what | here | peer or limit | ratio (asked) |", "|---|---|---|---|"]
    lines += steps(run, 1, 512, options.rounds) + steps(run, 2, 512, options.rounds)
    lines += [*completions(run), process(run, options.rounds), *int8(run, options.rounds)]
    command = f"python benchmarks/completion.py RUN --rounds {options.rounds}"
    write_section("Completion", command, lines)
    typed = worth(run)
    print("\n".join([*lines, *typed]))
    write_section("Completion on held-out text", command, typed)


if __name__ == "__main__":
    main()
