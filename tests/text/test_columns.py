"""Running text out of one column of a table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rnntui.core import config
from rnntui.core.config.toml import from_toml, to_toml
from rnntui.core.runs.store import cache_home
from rnntui.core.text import corpus, tokenizers
from rnntui.core.text.dataset import prepare, reopen
from tests.cli.test_commands import assert_one_line, rnntui
from tests.conftest import MakeRun, train_all

ROWS = ["alle vögel sind schon da", "kommt ein vogel geflogen", "es klappert die mühle"] * 30


def write(folder: Path, ending: str) -> Path:
    path = folder / f"songs{ending}"
    rows = [*ROWS[:4], "", *ROWS[4:]]
    if ending == ".jsonl":
        lines = [json.dumps({"id": n, "line": row or None}, ensure_ascii=False) for n, row in enumerate(rows)]
    else:
        between = {".tsv": "\t", ".csv": ";"}[ending]
        lines = [f"id{between}line", *(f"{n}{between}{row}" for n, row in enumerate(rows))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", [".jsonl", ".tsv", ".csv"])
def test_a_column_is_the_text(ending: str, tmp_path: Path, make_run: MakeRun) -> None:
    """Protects `--text-column` of a language model: the texts alone, blank ones counted, and found again."""
    path = write(tmp_path, ending)
    told: list[str] = []
    settings = config.build({"corpus": str(path), "text_column": "line", "split": "90/10"})
    _, tokenizer, data = prepare(settings, lambda line, _: told.append(line))
    text = "".join(tokenizer.decode(data[name].tokens) for name in ("train", "valid"))
    assert text == "".join(f"{row}\n" for row in ROWS)
    assert any("1 without text, the first is" in line for line in told)
    run = make_run(corpus=str(path), text_column="line", max_steps=5)
    train_all(run)
    shutil.rmtree(cache_home() / "tokens")
    assert len(reopen(run, tokenizers.load(run.path / "tokenizer.json"))["train"].tokens), "read anew"
    answer = rnntui("evaluate", run.path, "--corpus", path)
    assert_one_line(answer, 2, "--corpus", "was trained on")
    other = tmp_path / "plain.txt"
    other.write_text("alle mühlen klappern\n" * 20, encoding="utf-8")
    assert rnntui("evaluate", run.path, "--corpus", other).returncode == 0, (
        "what is no table is a text as a whole"
    )


def test_what_has_no_such_column_says_so(tmp_path: Path, corpus_file: Path) -> None:
    """Protects a person with a column's name in the wrong place: the file, the name that is meant, the next step."""
    path = write(tmp_path, ".tsv")
    base = ("train", "--headless", "--text-column")
    assert_one_line(rnntui(*base, "lines", path), 2, "songs.tsv", "'lines'", "did you mean 'line'")
    assert_one_line(rnntui(*base, "line", corpus_file), 2, "holds no columns", "--text-column")


def test_runs_from_before_learned_whole_tables(tmp_path: Path) -> None:
    """Protects old runs: the column that stood in the file of a language model was nothing it knew."""
    path = write(tmp_path, ".tsv")
    now = config.build({"corpus": str(path)})
    older = "".join(
        line if not line.startswith("# text_column") else 'text_column = "text"\n'
        for line in to_toml(now).splitlines(keepends=True)
        if not line.startswith("extend_vocabulary")
    )
    assert from_toml(older, "run.toml") == now
    kept = config.changed(now, {"text_column": "text"})
    assert from_toml(to_toml(kept), "run.toml") == kept
    assert "id\tline" in corpus.load(str(path)).text
