"""What the tests share: a home of their own, and tiny real runs that train in a second."""

from __future__ import annotations

import gc
import http.server
import os
import random
import shutil
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# Tests run side by side: threads of their own would fight for the processors, in child processes as well.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from rnntui.core import config
from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.text.spool import silent
from rnntui.core.training.control import Control
from rnntui.core.training.loop import train
from rnntui.core.training.start import create_run

TINY: dict[str, Any] = {
    "hidden_size": 24,
    "embedding_size": 8,
    "batch_size": 4,
    "bptt": 16,
    "max_steps": 60,
    "eval_every": 20,
    "precision": "fp32",
    "device": "cpu",
}


def pytest_collection_finish() -> None:
    """What all tests stand on stays: the search for cycles need not go through it between them."""
    gc.freeze()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs and caches go to a folder of the test's own."""
    path = tmp_path / "home"
    monkeypatch.setenv("RNNTUI_HOME", str(path))
    return path


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """A training that raced leaves the number of threads that won."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def sentences(count: int = 400, seed: int = 0) -> str:
    """A small regular text."""
    rng = random.Random(seed)
    who, does, what = (
        ("the cat", "a dog", "my aunt"),
        ("sees", "likes", "feeds"),
        ("a bird.", "the moon.", "Anna."),
    )
    return "".join(f"{rng.choice(who)} {rng.choice(does)} {rng.choice(what)}\n" for _ in range(count))


def ratings(count: int = 300, seed: int = 0) -> str:
    """A small table of labelled texts: a word decides, or its opposite after 'not'; words alone do not."""
    rng = random.Random(seed)
    rows = ["label\ttext"]
    for number in range(count):
        good, negated = rng.random() < 0.5, rng.random() < 0.5
        filler = " ".join(rng.choices(("the", "soup", "room", "was", "today"), k=rng.randint(1, 9)))
        word = rng.choice(("fine", "nice") if good else ("bad", "poor"))
        rows.append(f"{'yes' if good != negated else 'no'}\t{filler} {'not ' * negated}{word} {number}")
    return "\n".join(rows) + "\n"


CLASSIFIER: dict[str, Any] = {
    "task": "classify", "hidden_size": 16, "embedding_size": 12, "batch_size": 16, "bptt": None, "max_steps": 160,
    "dropout": 0.1, "input_dropout": 0.0, "embedding_dropout": 0.0, "eval_every": 40, "log_every": 1,
}  # fmt: skip
"""Learns `ratings` in a second."""


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A file of labelled texts."""
    path = tmp_path / "rated.tsv"
    path.write_text(ratings(), encoding="utf-8")
    return path


@pytest.fixture
def corpus_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.txt"
    path.write_text(sentences(), encoding="utf-8")
    return path


def turned_around(count: int = 300, seed: int = 0) -> str:
    """A small table of pairs: the words come in the opposite order, each as another one; names stay as they are."""
    rng = random.Random(seed)
    words = {"red": "rot", "blue": "blau", "cat": "Katze", "dog": "Hund", "runs": "rennt", "sings": "singt"}
    rows = ["source\ttarget"]
    for number in range(count):
        chosen = [rng.choice(list(words)) for _ in range(rng.randint(1, 5))]
        name = f"n{number}"  # seen once: unknown
        rows.append(f"{' '.join([name, *chosen])}\t{' '.join([*(words[w] for w in chosen[::-1]), name])}")
    return "\n".join(rows) + "\n"


TRANSLATOR: dict[str, Any] = {
    "task": "translate", "hidden_size": 32, "embedding_size": 16, "batch_size": 16, "bptt": None, "max_steps": 150,
    "dropout": 0.1, "input_dropout": 0.0, "embedding_dropout": 0.0, "label_smoothing": 0.0, "eval_every": 50,
    "log_every": 1, "lr": 1e-2,
}  # fmt: skip
"""Learns `turned_around` in two seconds."""


@pytest.fixture
def pairs_file(tmp_path: Path) -> Path:
    """A file of pairs."""
    path = tmp_path / "pairs.tsv"
    path.write_text(turned_around(), encoding="utf-8")
    return path


MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(corpus_file: Path, tmp_path: Path) -> MakeRun:
    """Creates tiny runs on the small text; settings override the tiny ones."""
    made = 0

    def make(**settings: Any) -> Run:
        nonlocal made
        made += 1
        chosen = TINY | {"corpus": str(corpus_file)} | settings
        return create_run(config.build(chosen), tmp_path / f"run{made}", silent)

    return make


def train_all(run: Run) -> list[ev.AnyEvent]:
    """Train to the end, recording, and return the events."""
    return list(run.record(train(run, Control(run.path))))


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where runs are kept that many tests begin with: each is trained once, and copied."""
    return tmp_path_factory.mktemp("kept")


def copied(kept: Path, kind: str, settings: dict[str, Any], corpus: Path, path: Path) -> Run:
    """A run of its own for a test at `path`, on a corpus whose content is always the same."""
    original = kept / kind
    if not original.exists():
        run = create_run(config.build(TINY | settings | {"corpus": str(corpus)}), original, silent)
        train_all(run)
        (kept / f"{kind}.corpus").write_text(str(corpus))
    shutil.copytree(original, path)
    toml, before = path / "run.toml", (kept / f"{kind}.corpus").read_text()
    toml.write_text(toml.read_text(encoding="utf-8").replace(before, str(corpus)), encoding="utf-8")
    return Run.open(path)


@pytest.fixture
def classifier(kept: Path, examples: Path, tmp_path: Path) -> Run:
    """A run that has learned `ratings`."""
    return copied(kept, "classifier", CLASSIFIER, examples, tmp_path / "classifier")


@pytest.fixture
def translator(kept: Path, pairs_file: Path, tmp_path: Path) -> Run:
    """A run that has learned `turned_around`."""
    return copied(kept, "translator", TRANSLATOR, pairs_file, tmp_path / "translator")


@pytest.fixture
def trained(kept: Path, corpus_file: Path, tmp_path: Path) -> Run:
    """A run that has learned `sentences`."""
    return copied(kept, "trained", {}, corpus_file, tmp_path / "trained")


@pytest.fixture
def trained_home(kept: Path, corpus_file: Path) -> None:
    """A trained run in the runs' home."""
    store.runs_home().mkdir(parents=True, exist_ok=True)
    copied(kept, "trained", {}, corpus_file, store.runs_home() / "first")


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """No more than `size` bytes held at once within the block."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals, pipes and links")


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine with a text, and the paths that were asked for."""
    asked: list[str] = []
    content = sentences().encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            return

    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}/text.txt", asked
    serving.shutdown()
    thread.join()
    serving.server_close()
