"""No byte of a text, a name, a model or an error steers the terminal; a pipe gets every byte as it is."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import sentences
from tests.tui.terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")

MARK = "7777"
PAYLOADS = [
    f"\x1b]{MARK};title\x07", f"\x1b[{MARK}m", f"\x9b{MARK}m", f"\x1bP{MARK}\x1b\\", f"\x1b[{MARK}h", f"\r\x08{MARK}",
    f"\u202e{MARK}\u2066", f"[bold]{MARK}[/bold]", f"[link={MARK}]x[/]", "\x7f\x01\x1a\x0e", "\x1b[?1049l\x1bc", "[/]",
]  # fmt: skip
FORBIDDEN = [
    "\x1b]7777", "\x1b[7777", "\x1bP7777", "\x1bc", "\x9b", "\u202e", "\u2066", "\x7f", "\x01", "\x1a", "\r\x087777",
]  # fmt: skip
FLAGS = ["--hidden-size", "48", "--batch-size", "4", "--bptt", "16", "--precision", "fp32", "--device", "cpu"]


def payload(seed: int) -> str:
    rng = random.Random(seed)
    return "".join(rng.choice([*PAYLOADS, "the cat ", "\n"]) for _ in range(40))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a run of an evil name, trained on an evil text of an evil name until it writes as that does."""
    folder = tmp_path_factory.mktemp("evil")
    text = folder / "te\x1b[7777mxt\u202e[bold]\x7f.txt"
    text.write_text("".join(sentences(10, seed) + payload(seed) for seed in range(60)), newline="")
    run = folder / "home" / "runs" / "ru\x1b]7777;n\x07[red]\u202e"
    subprocess.run(
        [sys.executable, "-m", "rnntui", "train", str(text), "--headless", "--run", str(run), *FLAGS,
         "--max-steps", "200", "--lr", "2e-2"],
        check=True, capture_output=True, env=environment(folder),
    )  # fmt: skip
    with (run / "stderr.log").open("w") as log:
        log.write(payload(7))
    return folder


def environment(folder: Path) -> dict[str, str]:
    import os

    return dict(os.environ) | {"RNNTUI_HOME": str(folder / "home")}


def evil(folder: Path) -> tuple[str, str]:
    """The run and the text, by their paths."""
    (run,), (text,) = (folder / "home" / "runs").iterdir(), folder.glob("*.txt")
    return str(run), str(text)


def assert_clean(output: bytes) -> None:
    shown = output.decode()  # a lone byte of C1 would be no UTF-8
    for sequence in FORBIDDEN:
        at = shown.find(sequence)
        assert at < 0, shown[max(at - 60, 0) : at + 60]


COMMANDS = [
    "generate RUN --length 300 --seed 1",
    "generate RUN --length 60 --prompt EVIL",
    "complete RUN EVIL --count 5",
    "score RUN TEXT",
    "evaluate RUN --corpus TEXT --encoding utf-8",
    "runs list",
    "runs show RUN",
    "runs show EVIL",
    "corpora show TEXT",
    "doctor",
    "train TEXT --headless --max-steps 3 --cell EVIL",
    "train TEXT --headless --max-steps 12 --sample-every 4 --run NEW",
    "train --run RUN --resume --headless --max-steps 210",
]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_on_a_terminal(line: str, folder: Path, tmp_path: Path) -> None:
    """Protects the terminal from every command, also from what it says of bad input."""
    run, text = evil(folder)
    places = {"RUN": run, "TEXT": text, "EVIL": payload(3), "NEW": str(tmp_path / "new\x1b[7777m")}
    arguments = [places.get(word, word) for word in line.split()]
    with Terminal(*arguments, columns=100, environment={"RNNTUI_HOME": str(folder / "home")}) as terminal:
        try:
            terminal.wait_for_end()
        except AssertionError as error:
            assert "does not end" not in str(error)
        assert_clean(terminal.output)
        terminal.assert_left_as_it_was()


def test_the_screens(folder: Path) -> None:
    """Protects the terminal from every screen: the picker, the training, the playground, the runs, a fault."""
    run, _ = evil(folder)
    home = {"RNNTUI_HOME": str(folder / "home")}
    with Terminal("watch", run, columns=120, rows=40, environment=home) as terminal:
        terminal.wait(lambda shown: MARK in shown and "bits/byte" in shown)
        terminal.type("p")
        terminal.wait(lambda shown: "write here" in shown)
        for piece in (payload(5)[:60].translate({27: None, 13: None, 127: None, 8: None}), "the cat"):
            terminal.type(f"\x1b[200~{piece}\x1b[201~")  # pasted
            terminal.wait(lambda shown: True)
        terminal.wait(lambda shown: "the cat" in shown)
        terminal.type("\x0e\x0e")
        terminal.wait(lambda shown: True)
        for key, word in (("\x1b[15~", "bits/byte"), ("1", "open a file")):  # the runs, then the texts
            terminal.type(key)
            terminal.wait(lambda shown, word=word: word in shown)
        terminal.type("\x1b[B" * 8)  # down to the evil one
        terminal.wait(lambda shown: "12,0" in shown or ("distinct" in shown and "tales ─" not in shown))
        terminal.type("\x11")
        terminal.wait_for_end()
        assert_clean(terminal.output)
        terminal.assert_left_as_it_was()


def test_a_pipe_gets_the_bytes_as_they_are(folder: Path) -> None:
    """Protects scripts: what the model writes is what the pipe gets, control characters and all."""
    run, _ = evil(folder)
    command = [sys.executable, "-m", "rnntui", "generate", run, "--length", "2000", "--seed", "1"]
    out = subprocess.run(command, check=True, capture_output=True, env=environment(folder)).stdout
    assert b"\x1b[7777m" in out and "\u202e".encode() in out
