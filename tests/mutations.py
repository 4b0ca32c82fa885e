"""A run folder from a stranger: files changed at random, and all that is done with them."""

from __future__ import annotations

import json
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rnntui.core.completion.loading import manifest_of, open_engine
from rnntui.core.completion.session import Session
from rnntui.core.errors import RnntuiError, oneline
from rnntui.core.export.writing import export
from rnntui.core.inference.scoring import score_tokens
from rnntui.core.nn.weights import load_model
from rnntui.core.runs.folder import Run
from rnntui.core.runs.safe_files import CHECKPOINT_FILES
from rnntui.core.runs.summaries import read_history, summarise
from rnntui.core.tasks.base import EventTime, Subject
from rnntui.core.tasks.classification.predict import predict
from rnntui.core.tasks.classification.reader import Example
from rnntui.core.tasks.classification.task import ClassificationTask, load_classifier
from rnntui.core.tasks.language.task import subject
from rnntui.core.tasks.translation.beam import Search
from rnntui.core.tasks.translation.predict import translate
from rnntui.core.tasks.translation.reader import Pair
from rnntui.core.tasks.translation.task import TranslationTask, load_translator
from rnntui.core.training.checkpoints import load_checkpoint, settle
from rnntui.core.training.learner import Learner

FILES = (
    "run.toml",
    "tokenizer.json",
    "target-tokenizer.json",
    "labels.json",
    "events.jsonl",
    "last",
    "best",
    "lock",
)
HUGE = (0, -1, 1, 2**31, 2**40, 2**63, 10**30, 1e308, float("nan"), float("inf"))
"""Numbers that ask for too much, or for nothing."""


def files(run: Path) -> list[Path]:
    """All that may come from a stranger, relative to the run."""
    checkpoint = Path("checkpoints") / (run / "last").read_text().strip()
    return [Path(name) for name in FILES if (run / name).exists()] + [
        checkpoint / name for name in CHECKPOINT_FILES
    ]


def mutated(content: bytes, name: str, rng: random.Random) -> bytes:
    """`content` with one or a few changes, of the kinds that hurt: of bytes, of structure, of length."""
    kinds: list[Callable[[bytes, random.Random], bytes]] = [_flipped, _cut, _grown, _spliced]
    if name.endswith(".safetensors"):
        kinds += [_header] * 6
    elif name.endswith((".json", ".jsonl", "lock")):
        kinds += [_tree] * 6
    elif name.endswith(".toml"):
        kinds += [_setting] * 6
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        content = rng.choice(kinds)(content, rng)
    return content


def _flipped(content: bytes, rng: random.Random) -> bytes:
    changed_ = bytearray(content)
    for _ in range(rng.choice([1, 1, 3, 20])):
        if changed_:
            changed_[rng.randrange(len(changed_))] = rng.randrange(256)
    return bytes(changed_)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _grown(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.randbytes(rng.choice([1, 8, 1000])) + content[at:]


def _spliced(content: bytes, rng: random.Random) -> bytes:
    a, b = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    return content[:a] + content[b:] if rng.random() < 0.5 else content[:b] + content[a:]


def _header(content: bytes, rng: random.Random) -> bytes:
    """A safetensors file whose header is another: its length, a name, a type, a shape, a place."""
    if len(content) < 8:
        return content
    size = struct.unpack("<Q", content[:8])[0]
    if rng.random() < 0.2:
        claims = [0, 1, size - 1, size + 1, 2**31, 2**40, 2**63]
        return struct.pack("<Q", max(rng.choice(claims), 0)) + content[8:]
    try:
        header = json.loads(content[8 : 8 + size])
    except (ValueError, UnicodeDecodeError):
        return content
    name = rng.choice(sorted(header)) if header else ""
    entry = header.get(name)
    match rng.randrange(5):
        case 0 if isinstance(entry, dict) and "dtype" in entry:
            entry["dtype"] = rng.choice(["F64", "F16", "BF16", "I32", "I64", "U8", "BOOL", "X", 7])
        case 1 if isinstance(entry, dict) and entry.get("shape"):
            at = rng.randrange(len(entry["shape"]))
            entry["shape"][at] = rng.choice([*HUGE[:7], entry["shape"][at] + 1])
        case 2 if isinstance(entry, dict) and entry.get("data_offsets"):
            entry["data_offsets"][rng.randrange(2)] = rng.choice(HUGE[:7])
        case 3:
            header[rng.choice(["", "x" * 1000, "stack.cells.9.rnn.weight_ih_l0", "embedding.weight"])] = entry
        case _:
            header.pop(name, None)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + size :]


def _tree(content: bytes, rng: random.Random) -> bytes:
    """JSON with something else in one place."""
    lines = content.split(b"\n") if content.count(b"\n{") else [content]
    at = rng.randrange(len(lines))
    try:
        tree = json.loads(lines[at])
    except (ValueError, UnicodeDecodeError):
        return content
    lines[at] = json.dumps(_elsewhere(tree, rng)).encode("utf-8", "surrogatepass")
    return b"\n".join(lines)


def _elsewhere(tree: Any, rng: random.Random) -> Any:
    others = [None, True, [], {}, "", "x" * 10_000, "../../etc", "\ud800", "\x1b[2J", [[]] * 100, *HUGE]
    if isinstance(tree, dict) and tree and rng.random() < 0.9:
        key = rng.choice(sorted(tree))
        if rng.random() < 0.15:
            tree[key + "x"] = tree.pop(key)
        else:
            tree[key] = _elsewhere(tree[key], rng)
        return tree
    if isinstance(tree, list) and tree and rng.random() < 0.9:
        at = rng.randrange(len(tree))
        if rng.random() < 0.2:
            tree.append(tree[at])
        else:
            tree[at] = _elsewhere(tree[at], rng)
        return tree
    return rng.choice(others)


def _setting(content: bytes, rng: random.Random) -> bytes:
    """`run.toml` with another value, another key or another table."""
    lines = content.decode("utf-8", "replace").split("\n")
    at = rng.randrange(len(lines))
    values = [
        "0",
        "-1",
        "1",
        "99999999999999999999",
        "1e308",
        "nan",
        "inf",
        '"lstm"',
        '""',
        "[]",
        "{}",
        "true",
        "2.5",
    ]
    if " = " in lines[at]:
        key, _, _ = lines[at].partition(" = ")
        lines[at] = f"{key.strip('# ')} = {rng.choice(values)}"
        if rng.random() < 0.15:
            lines[at] = "x" + lines[at]
    else:
        lines[at] = rng.choice(["[model]", "[[text]]", "[", "\x00", "format = 99", ""])
    return "\n".join(lines).encode()


def use(path: Path) -> None:
    """All that this program does with a run folder from elsewhere.  Raises RnntuiError where it cannot be used."""
    run = Run.open(path)
    summarise(run)
    read_history(run)
    run.owner()
    weights = run.checkpoint_path("last") / "model.safetensors"
    uses = {"lm": _write, "classify": _judge, "translate": _translate}
    material = uses[run.config.text.task](run, weights)
    export(run, weights, "safetensors", False, EventTime(0, 0.0))
    settle(run)
    load_checkpoint(run.checkpoint_path("last"), Learner(run.config, material, "cpu"))


def _write(run: Run, weights: Path) -> Subject[Any]:
    """Complete and score with a language model; what would train it on."""
    engine, tokenizer = open_engine(run, weights)
    session = Session(engine, tokenizer)
    session.set_text("the cat")
    session.next_tokens(3)
    model, tokenizer = load_model(run, weights)
    tokens = tokenizer.encode("the cat sees a bird.\n" * 4)
    if len(tokens):
        score_tokens(model, tokens, tokenizer.start)
    text = np.resize(tokens, 2 * run.config.training.batch_size + 2) if len(tokens) else tokens
    return subject(run.config, tokenizer.vocab_size, text)


def _judge(run: Run, weights: Path) -> Subject[Any]:
    """Classify texts, and reopen the task for training."""
    model, tokenizer, labels = load_classifier(run, weights)
    predict(model, tokenizer, "the soup was not bad")
    some = [Example("the soup was bad", label, "") for label in labels[:2]]
    return ClassificationTask(tokenizer, labels, {"train": some, "valid": some}).subject(run.config)


def _translate(run: Run, weights: Path) -> Subject[Any]:
    """Translate with a translator; what would train it on."""
    model, vocabularies = load_translator(run, weights)
    translate(model, vocabularies, ["n1 red cat", "blue"], Search(beam=2))
    some = [Pair("n1 red cat", "Katze rot n1", ""), Pair("blue", "blau", "")]
    return TranslationTask(vocabularies, {"train": some, "valid": some}).subject(run.config)


def outcome(original: Path, folder: Path, rng: random.Random) -> tuple[str, bytes]:
    """What becomes of a copy of the run `original`, one file of it mutated: 'used', or the line that says why not.

    The checkpoint's manifest is made to fit where it was not the one that was changed, as a stranger would.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder)
    name = rng.choice(files(original))
    content = mutated((folder / name).read_bytes(), name.name, rng)
    (folder / name).write_bytes(content)
    if name.name in CHECKPOINT_FILES[:-1] and rng.random() < 0.9:
        _make_fit(folder / name)
    try:
        use(folder)
    except RnntuiError as error:
        line = oneline(error)
        assert error.exit_code == 2, line
        return f"{name}: {line}", content
    return "used", content


def _make_fit(path: Path) -> None:
    contents = {name: (path.parent / name).read_bytes() for name in CHECKPOINT_FILES[:-1]}
    (path.parent / "manifest.json").write_bytes(manifest_of(contents))
