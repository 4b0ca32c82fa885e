"""Files of a run from elsewhere whose content no training makes: one line, and bounded output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnntui.core.errors import InputError
from rnntui.core.runs import events as ev
from rnntui.core.runs.folder import Run
from rnntui.core.text import tokenizers
from rnntui.core.text.tokenizers.word import WordTokenizer
from tests.cli.test_commands import assert_one_line, rnntui
from tests.conftest import MakeRun


def rewritten(path: Path, **changes: object) -> None:
    """Change keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_a_token_longer_than_training_makes_is_refused(kind: str, make_run: MakeRun) -> None:
    """Protects disks and terminals: every draw of a token of megabytes would be written out whole."""
    run = make_run(tokenizer=kind, vocab_size=300)
    path = run.path / "tokenizer.json"
    content = json.loads(path.read_text())
    vocabulary = content["vocabulary"] if kind == "word" else content["model"]["model"]["vocab"]
    if kind == "word":
        vocabulary[0] = "A" * 70_000
    else:
        vocabulary["A" * 70_000] = len(vocabulary)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"tokenizer.json: a token of 70,000 characters; at most 65,536 can"):
        tokenizers.load(path)


def test_words_that_long_are_not_learned() -> None:
    """Protects the promise that what is trained can be read again."""
    assert WordTokenizer.train(["ab " + "x" * 70_000 + " ab\n"]).words == ["\n", " ab", "ab"]


def test_a_sample_has_a_bound() -> None:
    """Protects the events of a run: a text of megabytes that is sampled is cut."""
    long = "a" * 50_000
    cut = ev.sampled(1, long, long)
    assert len(cut.prompt) == len(cut.text) == ev.LONGEST_SAMPLE and cut.text.endswith("…")
    assert ev.sampled(1, "short", "as well") == ev.Sampled(step=1, prompt="short", text="as well")


def test_export_takes_only_files_of_the_task(trained: Run, tmp_path: Path) -> None:
    """Protects export: labels beside a language model are none of it, be they text or not."""
    (trained.path / "labels.json").write_bytes(b'{"a":"\xff\xfe"}')
    assert rnntui("export", trained.path, "-o", tmp_path / "a.safetensors").returncode == 0
    content = (tmp_path / "a.safetensors").read_bytes()
    header = content[8 : 8 + int.from_bytes(content[:8], "little")]
    assert b'"tokenizer"' in header and b'"labels":' not in header


def test_a_kind_of_millions_of_letters_is_quoted_short(trained: Run) -> None:
    """Protects the next step of the line, and the time that a search for the nearest name takes."""
    for key in ("kind", "format"):
        path = trained.path / "tokenizer.json"
        before = path.read_bytes()
        rewritten(path, **{key: "k" * 3_000_000})
        answer = rnntui("complete", trained.path, "the")
        assert_one_line(answer, 2, "tokenizer.json", "kkk…", "the run must be trained anew")
        path.write_bytes(before)
