"""A task from outside the package: tagging, for every character of a line, whether it is a vowel."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pytest
import torch
from torch import Tensor

from rnntui.core.config import Config, changed
from rnntui.core.config.tasks import TASKS, Figure, TaskSpec
from rnntui.core.nn.base import NO_PENALTIES, Loss, Penalties, evaluating
from rnntui.core.nn.encoder import Reader
from rnntui.core.nn.heads import SoftmaxHead
from rnntui.core.nn.stack import StackState
from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.tasks.base import NOBODY_ELSE, Between, EventTime, Sharing, Sizes, Subject, Task, Widths
from rnntui.core.text import tokenizers
from rnntui.core.text.spool import Report
from rnntui.core.training.start import resume_run
from rnntui.tui.app import RnntuiApp, playground
from rnntui.tui.screens.runs import RunsScreen
from rnntui.tui.screens.training import TrainingScreen
from tests.cli.test_commands import rnntui
from tests.conftest import MakeRun, train_all
from tests.training.test_resume import train_until, weights
from tests.tui.conftest import until

_WIDTH = 12


class Tagged(NamedTuple):
    """Characters and their tags, both (T, B)."""

    read: Any
    tags: Any
    first: bool = True

    @property
    def arrays(self) -> tuple[Any, Any]:
        return self.read, self.tags

    @property
    def sequences(self) -> int:
        return int(self.tags.shape[1])

    @property
    def tokens(self) -> int:
        return int(self.tags.size)

    @property
    def predictions(self) -> int:
        return self.tokens

    def some(self, sequences: slice) -> Tagged:
        return Tagged(self.read[:, sequences].copy(), self.tags[:, sequences].copy())

    def beginning(self, length: int) -> Tagged:
        return Tagged(self.read[:length], self.tags[:length])


class Lines:
    """Batches of lines (N, T) in an order of the seed and the epoch."""

    def __init__(self, read: Any, tags: Any, size: int, seed: int) -> None:
        self.read, self.tags, self.size, self.seed = read, tags, size, seed
        self.predictions = size * read.shape[1]

    def __len__(self) -> int:
        return len(self.read) // self.size

    def __getitem__(self, position: int) -> Tagged:
        epoch, index = divmod(position, len(self))
        rows = np.random.default_rng([self.seed, epoch]).permutation(len(self.read))
        rows = rows[index * self.size : (index + 1) * self.size]
        return Tagged(self.read[rows].T.copy(), self.tags[rows].T.copy())


class Tagger(Reader):
    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config.model, widths[0])
        self.head = SoftmaxHead(self.features, 2)

    def begin_at(self, counts: Tensor) -> None:
        self.head.begin_at(counts)

    def features_of(self, read: Tensor) -> Tensor:
        return self.outputs(self.embedding(read), torch.full((read.shape[1],), len(read)))

    def loss(self, arrays: Sequence[Tensor], state: StackState, penalties: Penalties = NO_PENALTIES) -> Loss:
        read, tags = arrays
        features = self.dropout(self.features_of(read)).flatten(0, 1)
        nats, objective = self.head.loss(features, tags.flatten(), penalties.smoothing)
        return Loss(nats, objective, state)


class TaggingTask(Task[Tagger]):
    def __init__(self, tokenizer: tokenizers.Tokenizer, text: str) -> None:
        self.tokenizer, self.text = tokenizer, text
        lines = [f"{line:<{_WIDTH}.{_WIDTH}}" for line in text.splitlines()]
        read = np.stack([tokenizer.encode(line) for line in lines]).astype(np.int64)
        tags = np.array([[c in "aeiou" for c in line] for line in lines]).astype(np.int64)
        cut = len(lines) * 9 // 10
        self.train, self.valid = Lines(read[:cut], tags[:cut], 8, 1), Lines(read[cut:], tags[cut:], 1, 1)
        half = self.train.read.size, self.valid.read.size
        self.sizes = Sizes(tokenizer.vocab_size, *half, *half)

    @classmethod
    def prepare(cls, config: Config, report: Report) -> tuple[Config, Self]:
        text = Path(config.text.corpus).read_text(encoding="utf-8")
        found = cls(tokenizers.train(config.text, [text]), text)
        return changed(config, {"sha256": cls.digest(config.text)}, "found in the text"), found

    @classmethod
    def reopen(cls, run: Run) -> Self:
        text = Path(run.config.text.corpus).read_text(encoding="utf-8")
        return cls(tokenizers.load(run.path / "tokenizer.json"), text)

    @classmethod
    def build_model(cls, config: Config, widths: Widths) -> Tagger:
        return Tagger(config, widths)

    @classmethod
    def random_subject(cls, config: Config, vocab_size: int) -> Subject[Tagger]:
        read = np.random.default_rng(0).integers(0, vocab_size, (64, _WIDTH))
        return Subject(lambda: Tagger(config, (vocab_size, 0)), Lines(read, read % 2, 8, 1), np.array([1, 1]))

    def files(self) -> Mapping[str, bytes]:
        return {"tokenizer.json": tokenizers.dumps(self.tokenizer)}

    def subject(self, config: Config) -> Subject[Tagger]:
        counts = np.bincount(self.train.tags.ravel(), minlength=2)
        return Subject(lambda: Tagger(config, self.widths), self.train, counts)

    @property
    def held_out(self) -> int:
        return self.valid.tags.size

    def evaluate(
        self, model: Tagger, device: str, now: EventTime, between: Between, sharing: Sharing = NOBODY_ELSE
    ) -> ev.Evaluated:
        read, tags = (torch.from_numpy(each).T for each in (self.valid.read, self.valid.tags))
        with torch.inference_mode(), evaluating(model):
            logits = model.head(model.features_of(read.to(device))).cpu()
        loss = float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), tags.flatten()))
        right = float((logits.argmax(-1) == tags).float().mean())
        return ev.Evaluated(
            step=now.step, split="valid", loss=loss, perplexity=math.exp(loss), bits_per_byte=None,
            bits_per_char=None, accuracy=right, protocol="tags", train_s=now.train_s,
        )  # fmt: skip

    def sample(self, model: Tagger, config: Config, step: int, between: Between) -> ev.Sampled:
        return ev.sampled(step, self.text.splitlines()[0], "  → …")


SPEC = TaskSpec(
    implementation=f"{__name__}:TaggingTask",
    does="tags vowels",
    advice="it tags vowels",
    protocol="tags",
    unit="bits/text",
    headline="accuracy",
    figures=(Figure("tags", "accuracy", "share"),),
    hidden_size=24,
)


@pytest.fixture
def tagging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "tag", SPEC)


@pytest.mark.usefixtures("tagging")
def test_a_new_task_trains_and_resumes_to_the_bit(make_run: MakeRun) -> None:
    """Protects the extension point: one class and one entry, and training needs no other change."""
    settings = {"task": "tag", "bptt": None, "hidden_size": None, "eval_every": 50, "max_steps": 150}
    whole = make_run(**settings)
    assert whole.config.model.hidden_size == 24 and whole.config.why["hidden_size"] == "--task tag"
    told = train_all(whole)
    evaluated = [event for event in told if isinstance(event, ev.Evaluated)]
    assert evaluated[-1].accuracy > 0.95 and evaluated[-1].bits == evaluated[-1].loss / math.log(2)

    parts = make_run(**settings)
    train_until(parts, 70)
    train_all(resume_run(parts.path, {}))
    assert weights(parts) == weights(whole)


@pytest.mark.usefixtures("tagging")
async def test_a_new_task_is_evaluated_listed_plotted_and_watched(make_run: MakeRun, tmp_path: Path) -> None:
    """Protects the extension point: commands and screens know a task by its specification alone."""
    run = make_run(task="tag", bptt=None, hidden_size=16)
    store.runs_home().mkdir(parents=True)
    run = Run.open(run.path.rename(store.runs_home() / "tagger"))
    train_all(run)
    evaluation = json.loads(rnntui("evaluate", run.path, "--json").stdout)
    assert evaluation["protocol"] == "tags" and evaluation["accuracy"] > 0.9
    listed = json.loads(rnntui("runs", "list", "--json").stdout)
    assert [row["task"] for row in listed] == ["tag"]
    plotted = rnntui("runs", "plot", run.path, "-o", tmp_path / "plot.svg")
    assert plotted.returncode == 0 and (tmp_path / "plot.svg").exists()
    refused = rnntui("complete", run.path, "text")
    assert refused.returncode == 2 and "it tags vowels" in refused.stderr
    with pytest.raises(Exception, match="--task tag has no playground"):
        playground(run.path)
    runs = RunsScreen()
    async with RnntuiApp(runs).run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: bool(runs.summaries))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
        watched = pilot.app.screen
        assert isinstance(watched, TrainingScreen)
        await until(pilot, lambda: watched.history.best is not None)
        assert watched.history.spec is SPEC
