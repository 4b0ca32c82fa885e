"""Words: a vocabulary of twenty thousand against the usual word-level loop, and the memory of the loss.

    python benchmarks/word_level.py TRAIN VALID [--rounds 5]

TRAIN and VALID are texts of words between blanks; the end of a line is a word, and the vocabulary takes the
words of both.  Both models are an LSTM of 2x200 with tied embeddings, batch 20, bptt 35, dropout 0.2.

    peer     the recipe of the word language model among PyTorch's examples, written anew: `nn.LSTM` in fp32,
             log-softmax over all words, SGD at rate 20, gradients clipped at 0.25
    ours     `Learner.step` with the same optimiser, rate and clipping

Steps take turns; then each reads TRAIN once from fresh weights, for three
seeds, and is scored on VALID in one stream.  The
memory is what a loss over 200,000 words and its gradients add to a process that holds their inputs.
"""

from __future__ import annotations

import argparse
import math
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from results import difference, write_section
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear, log_softmax, nll_loss

from rnntui.core import config as configuration
from rnntui.core.inference.scoring import score_tokens
from rnntui.core.nn.softmax import linear_cross_entropy
from rnntui.core.tasks.language.task import subject
from rnntui.core.training.autotuning import choose_plan
from rnntui.core.training.learner import Learner

SIZE, LAYERS, BATCH, BPTT, DROPOUT = 200, 2, 20, 35, 0.2
SEEDS = (1, 2, 3)


def read(path: str, vocabulary: dict[str, int]) -> np.ndarray:
    words = [word for line in Path(path).read_text().splitlines() for word in (*line.split(), "<eos>")]
    return np.array([vocabulary.setdefault(word, len(vocabulary)) for word in words], dtype=np.uint32)


class Peer(nn.Module):
    """The usual word-level loop."""

    def __init__(self, vocab_size: int, tokens: np.ndarray, seed: int = 1) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.drop = nn.Dropout(DROPOUT)
        self.embedding = nn.Embedding(vocab_size, SIZE)
        self.lstm = nn.LSTM(SIZE, SIZE, LAYERS, dropout=DROPOUT)
        self.head = nn.Linear(SIZE, vocab_size)
        self.head.weight = self.embedding.weight
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.zeros_(self.head.bias)
        length = len(tokens) // BATCH
        self.columns = torch.from_numpy(tokens[: length * BATCH].astype(np.int64)).view(BATCH, length).T
        self.at = 0
        self.state = self.zero(BATCH)

    def zero(self, rows: int) -> tuple[Tensor, Tensor]:
        return torch.zeros(LAYERS, rows, SIZE), torch.zeros(LAYERS, rows, SIZE)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        y, state = self.lstm(self.drop(self.embedding(x)), state)
        return log_softmax(self.head(self.drop(y)).flatten(0, 1), dim=1), state

    def step(self, rate: float = 20.0) -> None:
        x, y = self.columns[self.at : self.at + BPTT], self.columns[self.at + 1 : self.at + 1 + BPTT]
        self.at = (self.at + BPTT) % (len(self.columns) - BPTT - 1)
        self.zero_grad()
        self.state = (self.state[0].detach(), self.state[1].detach())
        log_p, self.state = self(x, self.state)
        nll_loss(log_p, y.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters(), 0.25)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.add_(parameter.grad, alpha=-rate)

    @torch.no_grad()
    def perplexity(self, tokens: np.ndarray) -> float:
        self.eval()
        sequence = torch.from_numpy(tokens.astype(np.int64)).unsqueeze(1)
        state, nats = self.zero(1), 0.0
        for first in range(0, len(sequence) - 1, 1000):
            last = min(first + 1000, len(sequence) - 1)
            log_p, state = self(sequence[first:last], state)
            nats += float(nll_loss(log_p, sequence[first + 1 : last + 1].flatten(), reduction="sum"))
        return math.exp(nats / (len(sequence) - 1))


def make_learner(vocab_size: int, tokens: np.ndarray, seed: int = 1) -> Learner:
    config = configuration.build(
        {
            "cell": "lstm", "num_layers": LAYERS, "hidden_size": SIZE, "embedding_size": SIZE, "tied": True,
            "dropout": DROPOUT, "batch_size": BATCH, "bptt": BPTT, "max_epochs": 1.0, "optimizer": "sgd",
            "momentum": 0.0, "weight_decay": 0.0, "lr": 20.0, "clip": 0.25, "schedule": "constant", "warmup": 0,
            "seed": seed,
        }
    )  # fmt: skip
    learner = Learner(config, subject(config, vocab_size, tokens), "cpu")
    learner.use(*choose_plan("auto", learner))
    return learner


def seconds(step: Callable[[], object], stretch: float) -> float:
    began, taken = time.perf_counter(), 0
    while not taken or time.perf_counter() - began < stretch:
        step()
        taken += 1
    return (time.perf_counter() - began) / taken


def peak(plain: bool) -> float:
    """Megabytes that a loss over 200,000 words and its gradients add, in a process of its own."""
    command = [sys.executable, __file__, "--memory", "plain" if plain else "ours"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def tell_peak(kind: str) -> None:
    y, targets = torch.randn(BATCH * BPTT, SIZE, requires_grad=True), torch.randint(200_000, (BATCH * BPTT,))
    weight = torch.randn(200_000, SIZE).mul_(0.1).requires_grad_()
    bias = torch.zeros(200_000, requires_grad=True)
    small = weight[:5000].detach().requires_grad_(), bias[:5000].detach().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):  # once on few words: the kernels are no part of the loss
        linear_cross_entropy(y, *small, targets % 5000).backward()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if kind == "plain":
        cross_entropy(linear(y, weight, bias), targets).backward()
    else:
        with torch.autocast("cpu", torch.bfloat16):
            loss = linear_cross_entropy(y, weight, bias, targets)
        loss.backward()
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="*", metavar="TRAIN VALID")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", choices=["plain", "ours"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        tell_peak(options.memory)
        return
    vocabulary: dict[str, int] = {}
    train, valid = (read(path, vocabulary) for path in options.texts)
    size = len(vocabulary)
    memory = {plain: peak(plain) for plain in (True, False)}
    learner, loop = make_learner(size, train), Peer(size, train)
    took: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(options.rounds):
        took["ours"].append(seconds(learner.step, 2))
        took["peer"].append(seconds(loop.step, 2))
    ratio = statistics.median(a / b for a, b in zip(took["peer"], took["ours"], strict=True))
    speed = {name: BATCH * BPTT / statistics.median(values) for name, values in took.items()}
    found: dict[str, list[float]] = {"ours": [], "peer": []}
    for seed in SEEDS:
        learner, loop = make_learner(size, train, seed), Peer(size, train, seed)
        for _ in range(len(learner.batches)):
            learner.step()
            loop.step()
        nats, _ = score_tokens(learner.model, valid[1:], int(valid[0]))
        found["ours"].append(math.exp(float(nats.double().mean())))
        found["peer"].append(loop.perplexity(valid))
    logs = {name: [math.log(each) for each in values] for name, values in found.items()}
    perplexity = {name: ", ".join(f"{each:.0f}" for each in values) for name, values in found.items()}
    lines = [
        f"LSTM 2x200, tied, batch 20, bptt 35, {size:,} words; bounds in brackets.",
        "",
        "| what | ours | the usual loop | ratio |",
        "|---|---|---|---|",
        f"| tokens/s, {learner.precision} | {speed['ours']:,.0f} | {speed['peer']:,.0f} | **{ratio:.2f}** (3) |",
        f"| validation perplexity after one reading of {len(train):,} tokens, {len(SEEDS)} seeds "
        f"| {perplexity['ours']} | {perplexity['peer']} "
        f"| in nats a word lower by {difference(logs['ours'], logs['peer'])} |",
        f"| peak memory of the loss at 200,000 words | {memory[False]:,.0f} MB | {memory[True]:,.0f} MB "
        f"| {memory[False] / memory[True]:.1%} (15%) |",
    ]
    print("\n".join(lines))
    write_section(
        "Words per second", f"python benchmarks/word_level.py TRAIN VALID --rounds {options.rounds}", lines
    )


if __name__ == "__main__":
    main()
