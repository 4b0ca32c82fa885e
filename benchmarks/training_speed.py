"""Whole training steps against the plain loop, and against what the matrix products alone would take.

    python benchmarks/training_speed.py [--rounds 7] [--only lstm]

For each cell and shape three things take turns, so that a machine whose speed drifts treats them alike:

    ours    `Learner.step` as `rnntui train` calls it, precision and threads as its race chose them
    plain   the loop of the tutorials in fp32: `nn.Embedding`, `nn.LSTM` (`nn.GRU`, `nn.RNN`), `nn.Linear`,
            `F.cross_entropy`, `AdamW`
    limit   the matrix products of the same layers and nothing else, in the precision that ours chose: the
            input's part and the weights' gradients as one product each, the state's part step by step;
            each by the faster of torch's own product and oneDNN's with packed weights

The medians, as ratios, go into docs/results.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from results import write_section
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from rnntui.core import config as configuration
from rnntui.core.tasks.language.task import subject
from rnntui.core.training.autotuning import choose_plan
from rnntui.core.training.devices import facts_for
from rnntui.core.training.learner import Learner

VOCABULARY = 65
EMBEDDING = 128
STRETCH_S = 0.4
"""Seconds of steps between two turns."""


class Shape(NamedTuple):
    layers: int
    hidden: int
    batch: int
    bptt: int

    def __str__(self) -> str:
        return f"{self.layers}x{self.hidden}, {self.batch}x{self.bptt}"

    @property
    def tokens(self) -> int:
        return self.batch * self.bptt


SHAPES = (
    Shape(1, 512, 16, 64),
    Shape(1, 512, 32, 64),
    Shape(2, 256, 64, 64),
    Shape(1, 1024, 32, 64),
    Shape(2, 512, 64, 128),
)
MODULES: dict[str, tuple[type[nn.RNNBase], int]] = {
    "lstm": (nn.LSTM, 4),
    "gru": (nn.GRU, 3),
    "elman": (nn.RNN, 1),
}


def ours(cell: str, shape: Shape) -> Learner:
    """A learner as the program makes it."""
    config = configuration.build(
        {
            "cell": cell,
            "num_layers": shape.layers,
            "hidden_size": shape.hidden,
            "embedding_size": EMBEDDING,
            "batch_size": shape.batch,
            "bptt": shape.bptt,
            "dropout": 0.0,
        },
        "balanced",
    )
    config = configuration.completed(config, facts_for(1_000_000))
    tokens = np.random.default_rng(0).integers(0, VOCABULARY, 4 * shape.tokens + 1, dtype=np.uint32)
    learner = Learner(config, subject(config, VOCABULARY, tokens), "cpu")
    learner.use(*choose_plan("auto", learner))
    return learner


def plain(cell: str, shape: Shape) -> Callable[[], None]:
    """A step of the tutorials' loop."""
    torch.manual_seed(0)
    embedding, head = nn.Embedding(VOCABULARY, EMBEDDING), nn.Linear(shape.hidden, VOCABULARY)
    rnn = MODULES[cell][0](EMBEDDING, shape.hidden, shape.layers)
    parameters = [*embedding.parameters(), *rnn.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, 1e-3)
    inputs = torch.randint(VOCABULARY, (shape.bptt, shape.batch))
    targets = torch.randint(VOCABULARY, (shape.tokens,))

    def step() -> None:
        loss = cross_entropy(head(rnn(embedding(inputs))[0]).flatten(0, 1), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def limit(cell: str, shape: Shape, dtype: torch.dtype) -> list[tuple[int, Callable[[], object]]]:
    """The products of a step: how often each comes, and one of it."""
    products: list[tuple[int, Callable[[], object]]] = []
    rows = MODULES[cell][1] * shape.hidden
    h, D = torch.randn(shape.tokens, shape.hidden).to(dtype), torch.randn(shape.tokens, rows).to(dtype)
    U = torch.randn(rows, shape.hidden).to(dtype)
    for layer in range(shape.layers):
        x = torch.randn(shape.tokens, EMBEDDING).to(dtype) if layer == 0 else h
        W = torch.randn(rows, x.shape[1]).to(dtype)
        once = ((x, W.t()), (D, W), (D.t(), x), (D.t(), h))
        products += [(1, faster(left, right)) for left, right in once]
        steps = ((h[: shape.batch], U.t()), (D[: shape.batch], U))
        products += [(shape.bptt, faster(left, right)) for left, right in steps]
    return products


def faster(left: Tensor, right: Tensor) -> Callable[[], object]:
    """The product of two matrices by whichever way is the faster."""
    out = torch.empty(left.shape[0], right.shape[1], dtype=left.dtype)
    packed = torch.ops.mkldnn._reorder_linear_weight(right.t().contiguous(), left.shape[0])
    ways: tuple[Callable[[], object], ...] = (
        lambda: torch.mm(left, right, out=out),
        lambda: torch.ops.mkldnn._linear_pointwise(left, packed, None, "none", [], ""),
    )
    return min(ways, key=lambda way: seconds(way, 0.05))


def seconds(step: Callable[[], object], stretch: float = STRETCH_S) -> float:
    """Seconds of one step, over a stretch of them."""
    step()
    began, taken = time.perf_counter(), 0
    while not taken or time.perf_counter() - began < stretch:
        step()
        taken += 1
    return (time.perf_counter() - began) / taken


def measure(cell: str, shape: Shape, rounds: int) -> str:
    """A line of the table."""
    learner, loop = ours(cell, shape), plain(cell, shape)
    threads = torch.get_num_threads()
    dtype = torch.bfloat16 if learner.precision == "bf16" else torch.float32
    with torch.no_grad():
        products = limit(cell, shape, dtype)
    took: dict[str, list[float]] = {"ours": [], "plain": [], "limit": []}
    for _ in range(rounds):
        took["ours"].append(seconds(learner.step))
        took["plain"].append(seconds(loop))
        with torch.no_grad():
            took["limit"].append(
                sum(count * seconds(product, STRETCH_S / len(products)) for count, product in products)
            )
    ratios = [a / b for a, b in zip(took["plain"], took["ours"], strict=True)]
    median = {name: statistics.median(values) for name, values in took.items()}
    speed = {name: shape.tokens / value for name, value in median.items()}
    return (
        f"| {cell} {shape} | {learner.precision}, {threads} | {speed['ours']:,.0f} | {speed['plain']:,.0f} "
        f"| **{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f}) "
        f"| {speed['limit']:,.0f} | {median['limit'] / median['ours']:.0%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=MODULES, help="one cell, and nothing written")
    options = parser.parse_args()
    lines = [
        f"Whole steps in tokens a second, medians of {options.rounds} turns; embedding {EMBEDDING}, "
        f"vocabulary {VOCABULARY}; shapes are layers x hidden, batch x bptt.  `limit`: the matrix products "
        "alone, in the same precision.",
        "",
        "| cell, shape | precision, threads | ours | plain fp32 | ours / plain | limit | share of the limit |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in [options.only] if options.only else MODULES:
        for shape in SHAPES:
            lines.append(measure(cell, shape, options.rounds))
            print(lines[-1], flush=True)
    if not options.only:
        write_section(
            "Training speed", f"python benchmarks/training_speed.py --rounds {options.rounds}", lines
        )


if __name__ == "__main__":
    main()
