"""Makes the small runs of this version that later versions must read for ever.

    python -m tests.data.make

Writes tests/data/VERSION/: the text, a run for each tokenizer with its checkpoint, and what it scored.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from rnntui import __version__
from rnntui.core import config
from rnntui.core.text.stored import silent
from rnntui.core.training.start import create_run
from tests.conftest import sentences, train_all

RUNS = {
    "char-lstm": {"tokenizer": "char", "cell": "lstm"},
    "word-gru": {"tokenizer": "word", "cell": "gru", "tied": True, "num_layers": 2},
    "bpe-mingru": {"tokenizer": "bpe", "cell": "mingru", "vocab_size": 280},
    "byte-elman": {"tokenizer": "byte", "cell": "elman", "optimizer": "sgd", "lr": 0.5},
}


def main() -> None:
    folder = Path(__file__).parent / __version__
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    text = folder / "text.txt"
    text.write_text(sentences(300), encoding="utf-8")
    for name, settings in RUNS.items():
        common = {"hidden_size": 12, "embedding_size": 6, "batch_size": 2, "bptt": 12, "max_steps": 40}
        fixed = {"eval_every": 40, "log_every": 20, "precision": "fp32", "device": "cpu", "corpus": str(text)}
        run = create_run(config.build(common | fixed | settings), folder / name, silent)
        train_all(run)
        (run.path / ".guard").unlink(missing_ok=True)
        toml = run.path / "run.toml"
        toml.write_text(toml.read_text(encoding="utf-8").replace(str(text), "text.txt"), encoding="utf-8")
        events = run.path / "events.jsonl"
        events.write_text(events.read_text(encoding="utf-8").replace(str(text), "text.txt"), encoding="utf-8")
        told = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
        loss = [event["loss"] for event in told if event["type"] == "evaluated"][-1]
        (folder / f"{name}.json").write_text(json.dumps({"loss": loss, "step": 40}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
