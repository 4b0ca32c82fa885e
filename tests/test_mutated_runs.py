"""Folders from anywhere: one line, no crash, no hang, no memory that nobody has."""

from __future__ import annotations

import ast
import random
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import rnntui
from rnntui.core.config import build
from rnntui.core.config.tokenizers import TOKENIZERS
from rnntui.core.config.toml import from_toml, to_toml
from rnntui.core.errors import InputError
from rnntui.core.runs.folder import Run
from tests.conftest import CLASSIFIER, TRANSLATOR, MakeRun, train_all
from tests.mutations import outcome

KINDS: dict[str, dict[str, Any]] = {
    **{name: {"tokenizer": name, "embedding_size": 8} for name in TOKENIZERS},
    "classifier": CLASSIFIER,
    "translator": TRANSLATOR,
}


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_runs_are_used_or_named(
    kind: str, make_run: MakeRun, corpus_file: Path, examples: Path, pairs_file: Path, tmp_path: Path
) -> None:
    """Protects who loads a stranger's model: it works, or one line says why not, within a second and 64 MB."""
    corpus = {"classifier": examples, "translator": pairs_file}.get(kind, corpus_file)
    run = make_run(**KINDS[kind] | {"corpus": str(corpus), "hidden_size": 8, "max_steps": 4, "eval_every": 4})
    train_all(run)
    (run.path / "lock").write_text('{"pid": 1, "started": 1.0}')
    process, rng = psutil.Process(), random.Random(kind)
    outcome(run.path, tmp_path / "first", rng)
    before, told = process.memory_info().rss, set()
    for attempt in range(70):
        state = rng.getstate()
        began = time.process_time()
        try:
            line, content = outcome(run.path, tmp_path / "copy", rng)
        except BaseException as error:
            error.add_note(f"attempt {attempt}: {tmp_path / 'copy'}")
            rng.setstate(state)
            raise
        assert time.process_time() - began < 1.0, (line, content[:500])
        assert "\n" not in line
        told.add(line.partition(":")[0])
    assert process.memory_info().rss - before < 64 << 20
    assert "used" in told and len(told) > 6, "mutations that never hurt protect nothing"


def test_nothing_is_unpickled() -> None:
    """Protects against code in models: no module of ours imports or calls what can run it.

    But for one, which reads kernels that this user compiled, from this user's cache.
    """
    forbidden = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    package = Path(rnntui.__file__).parent
    for path in package.rglob("*.py"):
        if path == package / "core" / "kernels" / "compiling.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not forbidden & {name.partition(".")[0] for name in names}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                assert called not in ("torch.load", "torch.save", "torch.jit.load"), path
                assert not called.endswith("np.load") or "allow_pickle" not in ast.unparse(node), path
            assert not (isinstance(node, ast.Name) and node.id in ("eval", "exec", "__import__")), path


def test_unknown_keys_are_named_with_the_nearest(make_run: MakeRun) -> None:
    text = to_toml(build({}))
    for wrong, right in [("hidden_sizes", "hidden_size"), ("clipp", "clip"), ("tokeniser", "tokenizer")]:
        with pytest.raises(InputError, match=f"unknown key '{wrong}'.*did you mean '{right}'"):
            from_toml(text.replace(f"\n{right} = ", f"\n{wrong} = ", 1), "run.toml")


@pytest.mark.parametrize(
    ("setting", "value"), [("hidden_size", 10**9), ("num_layers", 10**9), ("batch_size", 10**12)]
)
def test_sizes_that_no_machine_has_are_refused(setting: str, value: int, make_run: MakeRun) -> None:
    run = make_run()
    text = (run.path / "run.toml").read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"{setting} = "))
    (run.path / "run.toml").write_text(text.replace(line, f"{setting} = {value}"))
    with pytest.raises(InputError, match=rf"run.toml: \w+.{setting}: has to be a whole number of at most "):
        Run.open(run.path)
