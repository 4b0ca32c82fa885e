"""What the soak scripts share: paths, tiny runs, children that are forked, a section in the results."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
os.environ["OMP_NUM_THREADS"] = (
    "1"  # before torch is loaded: a forked child cannot share a threads of threads
)

from results import write_section  # noqa: E402

from rnntui.core import config  # noqa: E402
from rnntui.core.runs.folder import Run  # noqa: E402
from rnntui.core.text.spool import silent  # noqa: E402
from rnntui.core.training.start import create_run  # noqa: E402
from tests.conftest import TINY, sentences  # noqa: E402

VARIANTS: list[dict[str, Any]] = [
    {"tokenizer": "char", "cell": "lstm"},
    {"tokenizer": "word", "cell": "gru", "dropout": 0.3, "tied": True},
    {"tokenizer": "bpe", "vocab_size": 280, "cell": "mingru", "num_layers": 2, "shuffle": True},
    {"tokenizer": "byte", "cell": "elman", "optimizer": "sgd", "lr": 0.1, "average": "nt-asgd"},
]


def make_run(folder: Path, name: str, **settings: Any) -> Run:
    """A tiny run on the small text."""
    text = folder / "text.txt"
    if not text.exists():
        text.write_text(sentences(), encoding="utf-8")
    return create_run(config.build(TINY | {"corpus": str(text)} | settings), folder / name, silent)


def forked(work: Callable[[], None]) -> int:
    """A child process that does `work` and ends; its number."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def tell(title: str, command: str, lines: list[str]) -> None:
    """Print the lines and write them into docs/results."""
    print(*lines, sep="\n")
    write_section(f"Soak: {title}", command, lines)
