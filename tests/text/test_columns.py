"""Running text out of one column of a table."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pyarrow
import pytest
import zstandard
from pyarrow import parquet

from rnntui.core import config
from rnntui.core.config.schema import TextConfig
from rnntui.core.config.toml import from_toml, to_toml
from rnntui.core.errors import InputError
from rnntui.core.runs.store import cache_home
from rnntui.core.text import corpus, tokenizers
from rnntui.core.text.columns import source_of
from rnntui.core.text.dataset import prepare, reopen
from tests.cli.test_commands import assert_one_line, rnntui
from tests.conftest import MakeRun, at_most, train_all

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


def shards(folder: Path) -> list[str]:
    """A folder of shards in several forms, and the texts in them."""
    folder.mkdir()
    parts = [ROWS[i::4] for i in range(4)]
    lines = ["".join(json.dumps({"text": row}) + "\n" for row in part) for part in parts]
    (folder / "00.jsonl").write_text(lines[0], encoding="utf-8")
    (folder / "01.jsonl.gz").write_bytes(gzip.compress(lines[1].encode()))
    (folder / "sub").mkdir()
    (folder / "02.jsonl.zst").write_bytes(zstandard.compress(lines[2].encode()))
    parquet.write_table(
        pyarrow.table({"text": parts[3], "id": range(len(parts[3]))}), folder / "sub" / "03.parquet"
    )
    (folder / "README.md").write_text("not a shard", encoding="utf-8")
    return [row for part in parts for row in part]


def test_a_folder_of_shards_is_one_text(tmp_path: Path, make_run: MakeRun) -> None:
    """Protects large corpora: shards in the order of their names, packed or not, and nothing else in the folder."""
    rows = shards(tmp_path / "shards")
    told: list[str] = []
    settings = config.build({"corpus": str(tmp_path / "shards"), "text_column": "text", "split": "90/10"})
    _, tokenizer, data = prepare(settings, lambda line, _: told.append(line))
    text = "".join(tokenizer.decode(data[name].tokens) for name in ("train", "valid"))
    assert text == "".join(f"{row}\n" for row in rows) and "read 4 shards" in told
    run = make_run(corpus=str(tmp_path / "shards"), text_column="text", max_steps=5)
    train_all(run)
    shutil.rmtree(cache_home() / "tokens")
    assert reopen(run, tokenizers.load(run.path / "tokenizer.json")).splits
    (tmp_path / "shards" / "00.jsonl").write_text('{"text": "other"}\n', encoding="utf-8")
    shutil.rmtree(cache_home() / "tokens")
    with pytest.raises(InputError, match="no longer the text"):
        reopen(run, tokenizers.load(run.path / "tokenizer.json"))


def test_a_faulty_shard_is_named(tmp_path: Path) -> None:
    """Protects a person with a hundred shards: the file, the line and the next step."""
    shards(tmp_path / "shards")
    (tmp_path / "shards" / "00.jsonl").write_text('{"text": "fine"}\n{"text": 3}\n', encoding="utf-8")
    base = ("train", "--headless", tmp_path / "shards")
    assert_one_line(rnntui(*base, "--text-column", "text"), 2, "00.jsonl: line 2", "'text' is no text")
    only = tmp_path / "only"
    only.mkdir()
    shutil.copy(tmp_path / "shards" / "sub" / "03.parquet", only)
    assert_one_line(rnntui("train", "--headless", only), 2, "a folder of tables", "--text-column")


def test_shards_are_read_in_little_memory(tmp_path: Path) -> None:
    """Protects machines smaller than the text: 16 MB in shards are read with 4 MB."""
    folder = tmp_path / "shards"
    folder.mkdir()
    line = json.dumps({"text": "x" * 1000}) + "\n"
    for number in range(4):
        with (folder / f"{number}.jsonl").open("w") as file:
            file.writelines(line for _ in range(2000))
        table = pyarrow.table({"text": ["y" * 1000] * 2000})
        parquet.write_table(table, folder / f"{number}.parquet", row_group_size=500)
    source = source_of(TextConfig(corpus=str(folder), text_column="text"))
    with at_most(4 << 20):
        assert sum(len(block) for block in source.blocks()) == 16_000 * 1001


def test_a_dataset_is_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects `hf:NAME` of a language model: fetched row by row, its column `text` unless another is named."""
    asked = []

    def load_dataset(name: str, split: str, streaming: bool) -> Any:
        asked.append((name, split, streaming))
        return Rows({"text": row, "line": row.upper()} for row in ROWS)

    class Rows(list[dict[str, str]]):
        features = None

    monkeypatch.setitem(
        sys.modules, "datasets", cast("ModuleType", SimpleNamespace(load_dataset=load_dataset))
    )
    for column, expected in ((None, ROWS), ("line", [row.upper() for row in ROWS])):
        source = source_of(TextConfig(corpus="hf:songs", text_column=column))
        assert "".join(source.blocks()) == "".join(f"{row}\n" for row in expected)
    assert asked == [("songs", "train", True)] * 2
    assert corpus.canonical("hf:songs") == "hf:songs"
