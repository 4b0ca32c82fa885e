"""Makes the small runs of this version that later versions must read for ever.

    python -m tests.data.make

Writes tests/data/VERSION/: the texts, a run for each tokenizer and each task with its checkpoint, and what it scored.
What is there stays as it is.
"""

from __future__ import annotations

import json
from pathlib import Path

from rnntui import __version__
from rnntui.core import config
from rnntui.core.text.spool import silent
from rnntui.core.training.start import create_run
from tests.conftest import ratings, sentences, train_all, turned_around

TEXTS = {"text.txt": sentences, "rated.tsv": ratings, "pairs.tsv": turned_around}
_LM = {"corpus": "text.txt", "batch_size": 2, "bptt": 12}
RUNS = {
    "char-lstm": _LM | {"tokenizer": "char", "cell": "lstm"},
    "word-gru": _LM | {"tokenizer": "word", "cell": "gru", "tied": True, "num_layers": 2},
    "bpe-mingru": _LM | {"tokenizer": "bpe", "cell": "mingru", "vocab_size": 280},
    "byte-elman": _LM | {"tokenizer": "byte", "cell": "elman", "optimizer": "sgd", "lr": 0.5},
    "classify-gru": {"corpus": "rated.tsv", "task": "classify", "cell": "gru", "batch_size": 16},
    "translate-lstm": {"corpus": "pairs.tsv", "task": "translate", "cell": "lstm", "batch_size": 16},
}


def main() -> None:
    folder = Path(__file__).parent / __version__
    folder.mkdir(exist_ok=True)
    for name, write in TEXTS.items():
        if not (folder / name).exists():
            (folder / name).write_text(write(300), encoding="utf-8")
    for name, settings in RUNS.items():
        if (folder / name).exists():
            continue
        file = str(settings["corpus"])
        common = {"hidden_size": 12, "embedding_size": 6, "max_steps": 40, "eval_every": 40, "log_every": 20}
        fixed = {"precision": "fp32", "device": "cpu", "corpus": str(folder / file)}
        run = create_run(config.build(common | settings | fixed), folder / name, silent)
        train_all(run)
        (run.path / ".guard").unlink(missing_ok=True)
        for path in (run.path / "run.toml", run.events_path):
            path.write_text(
                path.read_text(encoding="utf-8").replace(str(folder / file), file), encoding="utf-8"
            )
        told = [json.loads(line) for line in run.events_path.read_text(encoding="utf-8").splitlines()]
        loss = [event["loss"] for event in told if event["type"] == "evaluated"][-1]
        (folder / f"{name}.json").write_text(json.dumps({"loss": loss, "step": 40}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
