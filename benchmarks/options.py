"""What each option is worth: the default recipe with one thing changed, at equal time.

    python benchmarks/options.py TEXT [--seconds 60] [--seeds 5] [--only NAME ...]

Every row trains for the same seconds on the first 90% of TEXT, read as characters, and is scored on the rest
in one stream; the rows take turns, second by second, once for every seed.  Rows marked * are no settings: they are
written here, as plainly as their papers, to see whether they are worth a place in the program.  A gain is that of the
pairs of one seed, with the interval in which its mean lies.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import cells  # noqa: F401, registers the cells marked *
import torch
from learners import made
from results import difference, mean_and_spread, write_section
from torch import Tensor, nn
from torch.nn.functional import log_softmax, scaled_dot_product_attention
from turns import train_in_turns

from rnntui.core.inference.scoring import score_split
from rnntui.core.nn.base import Loss, Penalties
from rnntui.core.nn.language_model import LanguageModel
from rnntui.core.training.autotuning import choose_plan
from rnntui.core.training.averaging import WeightAverage
from rnntui.core.training.learner import Learner
from rnntui.core.training.optimisation import make_optimizer


class AttentiveModel(LanguageModel):
    """One head of attention over the last outputs, added to the output (after Merity 2019).

    Keys and values are the outputs themselves, of the last 64 tokens at most, as many as a piece has.
    """

    def __init__(self, config: Any, vocab_size: int) -> None:
        super().__init__(config, vocab_size)
        size = config.hidden_size
        self.query, self.mixed = nn.Linear(size, size), nn.Linear(size, size)
        nn.init.zeros_(self.mixed.weight)
        nn.init.zeros_(self.mixed.bias)

    def features(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        y, state = super().features(tokens, state)
        rows = y.transpose(0, 1).unsqueeze(1)
        q = self.query(rows)
        T = len(y)
        seen = torch.ones(T, T, dtype=torch.bool).tril().triu(-63)
        found = scaled_dot_product_attention(q, rows.to(q.dtype), rows.to(q.dtype), attn_mask=seen)
        return y + self.mixed(found).squeeze(1).transpose(0, 1), state


class MixtureModel(LanguageModel):
    """A mixture of four softmaxes (Yang et al. 2018)."""

    def __init__(self, config: Any, vocab_size: int) -> None:
        super().__init__(config, vocab_size)
        size = config.hidden_size
        self.shares, self.views = nn.Linear(size, 4), nn.Linear(size, 4 * size)

    def log_p(self, y: Tensor) -> Tensor:
        views = torch.tanh(self.views(y)).unflatten(-1, (4, -1))
        log_p = log_softmax(self.head(views).float(), -1)
        return torch.logsumexp(log_p + log_softmax(self.shares(y).float(), -1).unsqueeze(-1), -2)

    def logits(self, y: Tensor) -> Tensor:
        return self.log_p(y)

    def loss(self, arrays: Sequence[Tensor], state: Any, penalties: Penalties = Penalties()) -> Loss:  # noqa: B008
        tokens, targets = arrays
        y, state = self.features(tokens, state)
        nats = -self.log_p(self.dropout(y)).gather(-1, targets.unsqueeze(-1)).mean()
        return Loss(nats, nats, state)


def with_model(learner: Learner, model: LanguageModel) -> None:
    """Let `learner` learn another model, which begins at the same frequencies."""
    cast("Any", model.head).bias.data.copy_(cast("Any", learner.model.head).bias.data)
    learner.model = model.train()
    learner.weights = list(model.parameters())
    learner.average = WeightAverage(model, "ema")
    learner.optimizer = make_optimizer(model, learner.config.training)


def with_class(kind: type[LanguageModel]) -> Callable[[Learner], None]:
    def change(learner: Learner) -> None:
        with_model(learner, kind(learner.config.model, learner.model.vocab_size))

    return change


def irnn(learner: Learner) -> None:
    """Recurrent weights that begin as the identity (Le et al. 2015)."""
    _, U, b, c = cast("Any", learner.model.stack.cells[0]).weights()
    nn.init.eye_(U.data)
    b.data.zero_()
    c.data.zero_()
    with_model(learner, learner.model)


def muon(learner: Learner) -> None:
    """Muon for the cells' matrices (Jordan et al. 2024), AdamW for the rest."""
    matrices = [p for p in learner.model.stack.parameters() if p.dim() > 1]
    rest = [p for p in learner.model.parameters() if all(p is not m for m in matrices)]
    hidden = torch.optim.Muon(matrices, lr=0.02, weight_decay=0.0)
    others = torch.optim.AdamW(
        rest,
        lr=learner.config.training.lr,
        betas=(0.9, 0.99),
        eps=learner.config.training.epsilon,
        fused=True,
    )
    peak = learner.config.training.lr

    def update(norm: Tensor, sound: Tensor) -> None:
        torch.nn.utils.clip_grads_with_norm_(learner.model.parameters(), learner.config.training.clip, norm)
        for optimizer, rate in ((hidden, 0.02), (others, peak)):
            for group in optimizer.param_groups:
                group["lr"] = rate * learner.lr / peak
            optimizer.step()

    learner._update = update  # type: ignore[method-assign]


class Option(NamedTuple):
    """A change of the default recipe."""

    settings: dict[str, Any] = {}
    change: Callable[[Learner], None] | None = None
    base: str = "the default"


OPTIONS: dict[str, Option] = {
    "the default": Option(),
    "AdamW, epsilon 1e-4": Option({"optimizer": "adamw", "epsilon": 1e-4}, base="AdamW"),
    "no mean of the weights": Option({"average": "none"}),
    "weight decay 0.01": Option({"weight_decay": 0.01}),
    "dropout 0.1": Option({"dropout": 0.1}),
    "input dropout 0.1": Option({"input_dropout": 0.1}),
    "embedding dropout 0.05": Option({"embedding_dropout": 0.05}),
    "weight drop 0.2": Option({"weight_drop": 0.2}),
    "activation penalty 1": Option({"activation_penalty": 1.0}),
    "temporal penalty 1": Option({"temporal_penalty": 1.0}),
    "label smoothing 0.05": Option({"label_smoothing": 0.05}),
    "timescale 64": Option({"timescale": 64}),
    "the text in its order": Option({"shuffle": False}),
    "varying bptt": Option({"vary_bptt": True}),
    "inverse-sqrt": Option({"schedule": "inverse-sqrt"}),
    "one-cycle": Option({"schedule": "one-cycle"}),
    "constant rate": Option({"schedule": "constant"}),
    "AdamW": Option({"optimizer": "adamw"}),
    "Muon *": Option(change=muon),
    "layer norm of the outputs": Option({"layer_norm": True}),
    "2 layers of 192": Option({"num_layers": 2, "hidden_size": 192}),
    "2 layers of 192, residual": Option(
        {"num_layers": 2, "hidden_size": 192, "residual": True}, base="2 layers of 192"
    ),
    "Mogrifier LSTM *": Option({"cell": "mogrifier"}),
    "layer-normalised LSTM *": Option({"cell": "normed-lstm"}),
    "attention over the piece *": Option(change=with_class(AttentiveModel)),
    "mixture of 4 softmaxes *": Option(change=with_class(MixtureModel)),
    "elman, relu": Option({"cell": "elman", "nonlinearity": "relu"}),
    "elman, relu, identity at first *": Option(
        {"cell": "elman", "nonlinearity": "relu"}, irnn, base="elman, relu"
    ),
}


def measure(text: str, chosen: list[str], seconds: float, seed: int) -> dict[str, tuple[float, int]]:
    """Of each row the validation loss in nats a character after so many seconds, and the steps taken."""
    learners: dict[str, Learner] = {}
    for name in chosen:
        settings = {"corpus": text, "split": "90/10", "max_time": seconds, "seed": seed}
        learner, tokenizer, data = made(settings | OPTIONS[name].settings)
        learners[name] = learner
        if change := OPTIONS[name].change:
            change(learner)
        learner.use(*choose_plan("auto", learner))
    found: dict[str, tuple[float, int]] = {}

    def look(name: str, learner: Learner) -> None:
        if learner.fraction >= 1:
            loss = score_split(learner.evaluated_model, data["valid"], tokenizer.start).loss
            found[name] = loss, learner.counters.step
            print(seed, name, found[name], flush=True)

    train_in_turns(learners, look)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="some of the rows")
    options = parser.parse_args()
    chosen = options.only or list(OPTIONS)
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in chosen}
    for seed in range(1, options.seeds + 1):
        for name, result in measure(options.text, chosen, options.seconds, seed).items():
            found[name].append(result)
    if options.only:
        return
    losses = {name: [loss for loss, _ in rows] for name, rows in found.items()}
    lines = [
        f"{Path(options.text).name}, characters, split 90/10, {options.seconds:g} s of training each, "
        f"{options.seeds} seeds; "
        "validation loss (stream) in nats a character.  `gain`: how much lower than the row it is compared with, the "
        "default if none is named, with its 95% interval, bold where that leaves out zero; * is no setting.",
        "",
        "| option | loss, mean (range of the seeds) | gain | steps |",
        "|---|---|---|---|",
    ]
    for name in chosen:
        base = OPTIONS[name].base
        gain = "" if name == base else difference(losses[name], losses[base])
        against = "" if base == "the default" else f" against {base}"
        steps = statistics.mean(steps for _, steps in found[name])
        lines.append(
            f"| {name} | {mean_and_spread(losses[name])} | {gain}{against if gain else ''} | {steps:,.0f} |"
        )
    command = f"python benchmarks/options.py TEXT --seconds {options.seconds:g} --seeds {options.seeds}"
    write_section("What each option is worth", command, lines)


if __name__ == "__main__":
    main()
