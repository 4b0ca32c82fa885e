"""Words learned: our recipe against the usual word-level one, in a fifth of its time and in the same time.

    python benchmarks/word_recipe.py TRAIN VALID [--epochs 6]

Tokens and vocabulary are those of the peer: words between blanks, the end of a line a word, the words of both files
known.  The peer reads TRAIN six times by its own recipe (see word_level.py; the rate falls to a quarter when the
validation loss does not).  Ours is what `--tokenizer word` sets for a fifth of the peer's time, and for all of it,
which is told anew whenever the peer has gone on.  The three take turns, some seconds each, so that a
machine whose speed drifts treats them alike; only training is timed.  VALID is read in one stream.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
import torch
from results import write_section
from word_level import BPTT, Peer, read

from rnntui.core import config as configuration
from rnntui.core.inference.scoring import score_tokens
from rnntui.core.tasks.language.task import subject
from rnntui.core.text.ngrams import ngram_nats
from rnntui.core.training.autotuning import choose_plan
from rnntui.core.training.devices import facts_for
from rnntui.core.training.learner import Learner

_FIFTH = 0.19
"""Of the peer's time, as it is expected to be: in the end it may have taken a little less."""
_TURN_S = 5.0
_TOLD_S = 20.0
"""Of the peer, after which it can be said about how often ours will read the text."""


def by_frequency(train: np.ndarray, valid: np.ndarray, vocab_size: int) -> tuple[np.ndarray, np.ndarray]:
    """The same words numbered as `--tokenizer word` does, the most frequent first; to the peer it is all one."""
    rank = np.empty(vocab_size, train.dtype)
    order = np.argsort(-np.bincount(train, minlength=vocab_size), kind="stable")
    rank[order] = np.arange(vocab_size, dtype=train.dtype)
    return rank[train], rank[valid]


class PeerRun:
    """The peer with its recipe, a step at a time."""

    def __init__(self, vocab_size: int, train: np.ndarray, valid: np.ndarray, epochs: int) -> None:
        self.model, self.valid, self.epochs = Peer(vocab_size, train), valid, epochs
        self.steps_an_epoch = (len(self.model.columns) - 1) // BPTT
        self.steps, self.seconds, self.rate, self.best = 0, 0.0, 20.0, math.inf
        self.told: list[tuple[float, float]] = []

    @property
    def expected(self) -> float:
        """Seconds that the whole recipe takes, going by what was taken so far."""
        return self.seconds / self.steps * self.epochs * self.steps_an_epoch

    @property
    def over(self) -> bool:
        return self.steps >= self.epochs * self.steps_an_epoch

    def step(self) -> None:
        began = time.perf_counter()
        self.model.step(self.rate)
        self.seconds += time.perf_counter() - began
        self.steps += 1
        if self.steps % self.steps_an_epoch == 0:
            perplexity = self.model.perplexity(self.valid)
            self.model.train()
            self.told.append((self.seconds, perplexity))
            if perplexity >= self.best:
                self.rate /= 4
            self.best = min(self.best, perplexity)
            print(
                f"peer: epoch {len(self.told)}, {self.seconds:.0f} s, perplexity {perplexity:.1f}", flush=True
            )


class Paced(Learner):
    """A learner whose time is a share of the peer's, as that turns out."""

    peer: PeerRun
    share: float

    @property
    def fraction(self) -> float:
        return min(1.0, self.counters.train_s / (self.share * self.peer.expected))


class OurRun:
    """Our recipe with a share of the peer's time to keep."""

    def __init__(
        self, vocab_size: int, train: np.ndarray, valid: np.ndarray, peer: PeerRun, share: float
    ) -> None:
        limit = {"tokenizer": "word", "max_time": share * peer.expected}
        config = configuration.completed(configuration.build(limit), facts_for(len(train)))
        self.learner = Paced(config, subject(config, vocab_size, train), "cpu")
        self.learner.peer, self.learner.share = peer, share
        self.learner.use(*choose_plan("auto", self.learner))
        self.valid = valid
        self.told: list[tuple[float, float]] = []

    @property
    def over(self) -> bool:
        return self.learner.fraction >= 1

    @property
    def seconds(self) -> float:
        return self.learner.counters.train_s

    def step(self) -> None:
        self.learner.step()
        if self.learner.fraction >= (len(self.told) + 1) / 6:
            nats, _ = score_tokens(self.learner.evaluated_model, self.valid[1:], int(self.valid[0]))
            self.told.append((self.seconds, math.exp(float(nats.double().mean()))))
            print(
                f"ours: epoch {self.learner.epoch:.1f}, {self.seconds:.0f} s, perplexity {self.told[-1][1]:.1f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs=2, metavar="TRAIN VALID")
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    vocabulary: dict[str, int] = {}
    train, valid = (read(path, vocabulary) for path in options.texts)
    train, valid = by_frequency(train, valid, len(vocabulary))
    peer = PeerRun(len(vocabulary), train, valid, options.epochs)
    while peer.seconds < _TOLD_S:
        peer.step()
    threads = torch.get_num_threads()
    short, long = (OurRun(len(vocabulary), train, valid, peer, share) for share in (_FIFTH, 1.0))
    runs: list[PeerRun | OurRun] = [peer, short, long]
    while any(not run.over for run in runs):
        run = min((run for run in runs if not run.over), key=lambda run: run.seconds)
        if run is peer:
            torch.set_num_threads(threads)  # ours takes the number that it found best
        until = run.seconds + _TURN_S
        while run.seconds < until and not run.over:
            run.step()
    counted = [math.exp(float(nats.mean())) for nats in ngram_nats(train, valid, len(vocabulary), 6)]
    best = min(perplexity for _, perplexity in peer.told)
    lines = [
        f"{len(train):,} training tokens, {len(vocabulary):,} words; perplexity on {len(valid):,} others (stream), "
        f"the best of {options.epochs} moments; one seed each, interleaved.",
        "",
        "| recipe | training, s | share of the peer's time | perplexity | against the peer |",
        "|---|---|---|---|---|",
        f"| the usual word-level recipe, {options.epochs} epochs | {peer.seconds:.0f} | 1 | {best:.1f} | |",
    ]
    for run in (short, long):
        found = min(perplexity for _, perplexity in run.told)
        lines.append(
            f"| ours (`--tokenizer word`), {run.learner.epoch:.1f} epochs | {run.seconds:.0f} "
            f"| {run.seconds / peer.seconds:.2f} | {found:.1f} | {found / best - 1:+.1%} |"
        )
    lines.append(
        f"| Kneser-Ney, the best of orders 1 to 6 | | | {min(counted):.1f} | {min(counted) / best - 1:+.1%} |"
    )
    print("\n".join(lines))
    write_section(
        "Words learned", f"python benchmarks/word_recipe.py TRAIN VALID --epochs {options.epochs}", lines
    )


if __name__ == "__main__":
    main()
