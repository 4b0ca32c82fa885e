"""Control sequences in every text of a run: none reaches the terminal, by any command or screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from rnntui.core.completion.loading import manifest_of
from rnntui.core.config import FIELDS
from rnntui.core.runs import events as ev
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from rnntui.core.runs.safe_files import CHECKPOINT_FILES
from tests.cli.test_commands import rnntui
from tests.conftest import posix
from tests.tui.terminal import Terminal

PAYLOADS = (
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]0;evil\x07",
    "\x1b[7777m",
    "\x9b7777m",
    "\x1bP7777\x1b\\",
    "\r7777",
    "\u202e7777",
)
EVIL = "".join(PAYLOADS)
_TRACES = [payload.encode()[:6] for payload in PAYLOADS]


def assert_harmless(output: bytes) -> None:
    """No payload has reached the terminal as it was."""
    for payload in _TRACES:
        assert payload not in output, (payload, output[max(0, output.find(payload) - 300) :][:600])


SAMPLES: dict[type[ev.Event], dict[str, Any]] = {
    ev.Started: {
        "run": "", "device": "", "precision": "", "parameters": 1, "corpus": "", "seed": 1, "vocab_size": 5,
        "train_tokens": 5, "valid_tokens": 5, "task": "",
    },
    ev.Baselined: {"name": "", "bits_per_byte": 9.0, "perplexity": 9.0},
    ev.Progress: {
        "tokens": 1, "epoch": 1.0, "loss": 1.0, "lr": 1.0, "grad_norm": 1.0, "tokens_per_s": 1.0, "train_s": 1.0,
        "wall_s": 1.0, "fraction": 0.1,
    },
    ev.Evaluated: {
        "split": "", "loss": 1.0, "perplexity": 1.0, "bits_per_byte": 1.0, "bits_per_char": 1.0, "accuracy": 0.1,
        "protocol": "", "train_s": 1.0, "best": True, "metrics": {EVIL: 1.0}, "word_perplexity": 9.0,
    },
    ev.Sampled: {"prompt": "", "text": ""},
    ev.Saved: {"path": ""},
    ev.Warned: {"message": ""},
    ev.Paused: {},
    ev.Resumed: {},
    ev.Adjusted: {"lr": 0.1, "factor": 1.0},
    ev.Retuned: {"threads": 1, "others": 1.0, "processors": 2},
    ev.Finished: {"reason": "steps"},
}  # fmt: skip


def evil_events() -> Iterator[bytes]:
    """An event of each kind, every text in it a payload."""
    for kind, values in SAMPLES.items():
        evil = {name: EVIL if value == "" else value for name, value in values.items()}
        yield msgspec.json.encode({"type": kind.__name__.lower(), "step": 0} | evil)


def test_every_event_and_text_has_its_payload() -> None:
    """Protects this file: a new event, or a new text in one, is tried as well."""
    assert set(SAMPLES) == set(get_args(ev.AnyEvent))
    assert all(ev.decode(line) is not None for line in evil_events())
    for kind, values in SAMPLES.items():
        texts = {field.name for field in msgspec.structs.fields(kind) if field.type in (str, "str")}
        assert texts == {name for name, value in values.items() if value == ""}, kind


def poisoned(run: Run) -> Run:
    """A run with payloads in every text of its events, settings and files."""
    with run.events_path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in evil_events()))
    state = run.checkpoint_path("last") / "state.json"
    state.write_text(
        json.dumps(json.loads(state.read_text()) | {"rnntui": EVIL, "torch": EVIL, "device": EVIL})
    )
    for name in ("last", "best"):
        folder = run.checkpoint_path(name)
        digested = {each: (folder / each).read_bytes() for each in CHECKPOINT_FILES[:-1]}
        (folder / "manifest.json").write_bytes(manifest_of(digested))
    (run.path / "stderr.log").write_bytes(EVIL.encode())
    texts = [name for name, field in FIELDS.items() if field.kind is str and not field.choices]
    lines = (run.path / "run.toml").read_text().splitlines()
    evil = {
        "sample_prompt",
        "corpus",
        "text_column",
        "label_column",
        "source_column",
        "target_column",
        "encoding",
    }
    assert evil <= set(texts)
    for at, line in enumerate(lines):
        name = line.removeprefix("# ").partition(" ")[0]
        if name in evil:
            lines[at] = f"{name} = {json.dumps(EVIL if name != 'encoding' else 'utf-8')}"
    (run.path / "run.toml").write_text("\n".join(lines) + "\n")
    path = run.path.with_name(f"run-{PAYLOADS[2]}{PAYLOADS[3]}{PAYLOADS[6]}")
    run.path.rename(path)
    return Run.open(path)


COMMANDS = [
    ["runs", "show", "RUN"],
    ["runs", "list"],
    ["doctor"],
    ["evaluate", "RUN"],
    ["gradients", "RUN", "--steps", "4"],
    ["train", "--headless", "--resume", "--max-steps", "62", "--run", "RUN"],
    ["train", "--headless", "--resume", "--json", "--max-steps", "64", "--run", "RUN"],
    ["train", "--headless", "--resume", "--checkpoint", EVIL, "--run", "RUN"],
    ["complete", "RUN", EVIL],
    ["generate", "RUN", "--prompt", EVIL, "--length", "5"],
    ["score", "RUN", EVIL],
    ["export", "RUN", "--format", "onnx", "--checkpoint", EVIL],
    ["translate", "RUN", EVIL],
    ["runs", "plot", "RUN", "-o", f"{EVIL}.png"],
    ["corpora", "show", EVIL],
    ["train", EVIL, "--headless"],
    [EVIL],
]


@posix
def test_no_command_lets_a_payload_reach_the_terminal(
    trained_home: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the terminal: whatever a run's events, settings, files and name hold, and whatever is asked of it."""
    monkeypatch.chdir(tmp_path)
    run = poisoned(store.find("first"))
    for arguments in COMMANDS:
        command = [str(run.path) if each == "RUN" else each for each in arguments]
        answer = rnntui(*command, terminal=True)
        assert_harmless(answer.stdout.encode() + answer.stderr.encode())
        assert "Traceback" not in answer.stderr and "RNNTUI_DEBUG" not in answer.stderr, answer.stderr
    piped = rnntui("watch", run.path)
    assert piped.returncode == 0
    assert_harmless(piped.stderr.encode())


@posix
def test_no_screen_lets_a_payload_reach_the_terminal(trained_home: None, tmp_path: Path) -> None:
    """Protects the terminal from screens: training with its samples and warnings, runs, playground, its chooser."""
    run = poisoned(store.find("first"))
    with Terminal("watch", str(run.path), columns=140, rows=45) as terminal:
        terminal.wait(lambda shown: "7777" in shown)
        for keys in (
            "]",
            "[",
            "b",
            "\x1b",
            "o",
            "\x1b",
            "4",
            " ",
            "l",
            "\x1b",
            "r",
            "\x1b",
            "?",
            "?",
            "3",
            "\x12",
            "\x1b",
        ):
            terminal.type(keys)
            terminal.settle()
        terminal.type("\x11")
        terminal.wait_for_end()
        assert_harmless(terminal.output)
        terminal.assert_left_as_it_was()


def test_lines_and_consoles_have_one_way_out() -> None:
    """Protects the boundary: no command writes past it."""
    import ast

    import rnntui.cli

    for path in Path(rnntui.cli.__file__).parent.glob("*.py"):
        if path.name == "output.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                forbidden = ("print", "click.echo", "click.secho", "click.confirm", "click.prompt", "Console")
                assert called not in forbidden and not called.startswith(("sys.stdout.w", "sys.stderr.w")), (
                    path
                )
