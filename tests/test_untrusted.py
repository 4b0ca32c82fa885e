"""Runs from strangers: nothing in them steers the terminal, fills the memory, hangs a list or fetches a URL unasked."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import psutil
import pytest

from rnntui.core import config, journal, origin, store
from rnntui.core import events as ev
from rnntui.core.config import FIELDS
from rnntui.core.errors import InputError
from rnntui.core.inference.opening import manifest_of
from rnntui.core.journal import EventTail
from rnntui.core.run_files import CHECKPOINT_FILES
from rnntui.core.runs import Run
from rnntui.core.summaries import read_history, summarise
from rnntui.core.training.control import Control
from tests.cli.test_commands import FLAGS, rnntui
from tests.conftest import MakeRun, sentences
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

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals and pipes")


def assert_harmless(output: bytes) -> None:
    """No payload has reached the terminal as it was."""
    for payload in _TRACES:
        assert payload not in output, (payload, output[max(0, output.find(payload) - 300) :][:600])


SAMPLES: dict[type[ev.Event], dict[str, Any]] = {
    ev.Started: {
        "run": "", "device": "", "precision": "", "parameters": 1, "corpus": "", "seed": 1, "vocab_size": 5,
        "train_tokens": 5, "valid_tokens": 5,
    },
    ev.Baselined: {"name": "", "bits_per_byte": 9.0, "perplexity": 9.0},
    ev.Progress: {
        "tokens": 1, "epoch": 1.0, "loss": 1.0, "lr": 1.0, "grad_norm": 1.0, "tokens_per_s": 1.0, "train_s": 1.0,
        "wall_s": 1.0, "fraction": 0.1,
    },
    ev.Evaluated: {
        "split": "", "loss": 1.0, "perplexity": 1.0, "bits_per_byte": 1.0, "bits_per_char": 1.0, "accuracy": 0.1,
        "protocol": "", "train_s": 1.0, "best": True, "metrics": {EVIL: 1.0},
    },
    ev.Sampled: {"prompt": "", "text": ""},
    ev.Saved: {"path": ""},
    ev.Warned: {"message": ""},
    ev.Paused: {},
    ev.Resumed: {},
    ev.Adjusted: {"lr": 0.1, "factor": 1.0},
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


# --- what cannot be read ---


def _long_number(run: Run) -> None:
    path = run.path / "run.toml"
    path.write_text(path.read_text().replace("format = 1", f"format = {'9' * 5000}"))


def _newer(run: Run) -> None:
    path = run.path / "run.toml"
    path.write_text(path.read_text().replace("format = 1", f"format = {'9' * 4000}"))


def _brackets(run: Run) -> None:
    (run.path / "run.toml").write_text(f"x = {'[' * 3000}")


def _no_file(run: Run) -> None:
    (run.path / "run.toml").unlink()
    (run.path / "run.toml").mkdir()


def _huge_settings(run: Run) -> None:
    with (run.path / "run.toml").open("ab") as file:
        file.truncate(1 << 30)


def _binary(run: Run) -> None:
    (run.path / "run.toml").write_bytes(b"\xff\xfe\0")


def _sparse_events(run: Run) -> None:
    with run.events_path.open("ab") as file:
        file.truncate(6 << 30)


def _zero_events(run: Run) -> None:
    with run.events_path.open("ab") as file:
        file.truncate(400 << 20)


def _rubbish_events(run: Run) -> None:
    with run.events_path.open("ab") as file:
        for _ in range(70):
            file.write(b"x\n" * (1 << 19))


UNREADABLE = [
    _long_number,
    _newer,
    _brackets,
    _no_file,
    _huge_settings,
    _binary,
    _sparse_events,
    _zero_events,
    _rubbish_events,
]


@posix
@pytest.mark.parametrize("damage", UNREADABLE, ids=lambda each: each.__name__.strip("_"))
def test_a_run_that_cannot_be_read_is_listed_with_its_reason(
    damage: Callable[[Run], None], trained_home: None, trained: Run
) -> None:
    """Protects all other runs: a hostile one costs a line, and neither the list nor memory nor time."""
    damage(trained)
    shutil.move(trained.path, store.runs_home() / "hostile")
    process = psutil.Process()
    before, began = process.memory_info().rss, process.cpu_times().user
    listed = rnntui("runs", "list", "--json")
    found = {each["name"]: each for each in json.loads(listed.stdout)}
    assert listed.returncode == 0 and found["first"]["state"] == "finished"
    assert (
        found["hostile"]["state"] == "unreadable"
        and str(store.runs_home() / "hostile") in found["hostile"]["reason"]
    )
    assert len(found["hostile"]["reason"]) < 400
    table = rnntui("runs", "list")
    assert "unreadable" in table.stdout and "hostile" in table.stderr
    assert rnntui("runs", "show", "hostile").returncode == 2
    assert rnntui("watch", "hostile").returncode in (0, 2)  # what it told before may end it
    doctor = rnntui("doctor")
    assert doctor.returncode == 1 and "✗ run hostile" in doctor.stdout
    assert process.memory_info().rss - before < 200 << 20
    assert process.cpu_times().user - began < 20
    assert rnntui("runs", "remove", "hostile", "--yes").returncode == 0
    assert rnntui("runs", "show", "first").returncode == 0


@pytest.mark.parametrize(
    "text", ["9" * 400, "1e400", "-1", '"x"', "[" * 100_000], ids=["digits", "inf", "neg", "text", "nested"]
)
def test_numbers_that_are_none_are_passed_over(text: str, trained: Run) -> None:
    """Protects the figures: an event with such a step is no event."""
    expected = summarise(trained)
    with trained.events_path.open("a") as file:
        file.write(
            f'{{"type":"paused","step":{text}}}\n{{"type":"progress","step":{text},"tokens":{text}}}\n'
        )
    assert summarise(trained) == expected


def test_a_line_without_end_is_no_line(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects memory: a line has a bound, and what is longer is no event of a run."""
    monkeypatch.setattr(journal, "_AT_ONCE", 1 << 12)
    monkeypatch.setattr(journal, "_LONGEST_LINE", 1 << 14)
    long = ev.encode(ev.Warned(step=60, message="x" * 10_000))
    with trained.events_path.open("ab") as file:
        file.write(long + b"\n")
    assert read_history(trained).warnings[-1].message == "x" * 10_000
    with trained.events_path.open("ab") as file:
        file.write(b"y" * (1 << 15))
    tail = EventTail(trained.events_path)
    with pytest.raises(InputError, match="a line of more than"):
        list(tail.all())


def test_requests_without_a_line_end_are_read_once(trained: Run) -> None:
    """Protects each step: what is no request is passed over, and the next one is heard."""
    control = Control(trained.path)
    path = trained.path / "control"
    path.write_bytes(b"x" * 200_000)
    assert [command for _ in range(10) for command in control.poll()] == []
    assert path.stat().st_size - control._offset < 1 << 16, "a step reads no more than that"
    with path.open("ab") as file:
        file.write(b"\npause\n")
    assert [command for _ in range(2) for command in control.poll()] == ["pause"]


@posix
def test_hostile_preferences_are_one_line(home: Path) -> None:
    """Protects the app: its own file may be damaged in the same ways."""
    home.mkdir(parents=True, exist_ok=True)
    for content in (f"top_k = {'9' * 5000}", f"x = {'[' * 3000}", "\xff"):
        (home / "config.toml").write_text(content, encoding="latin-1")
        answer = rnntui("config", "show")
        assert answer.returncode == 2 and "config.toml" in answer.stderr and answer.stderr.count("\n") == 1


# --- corpora on the network ---


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine with a text, and the paths that were asked for."""
    asked: list[str] = []
    content = sentences().encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            return

    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}/text.txt", asked
    serving.shutdown()
    thread.join()
    serving.server_close()


def _elsewhere(path: Path, url: str) -> None:
    """Train a run on a URL in a home of its own, as a stranger would."""
    environment = os.environ | {"RNNTUI_HOME": str(path.parent / "stranger")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNTUI_HOME", environment["RNNTUI_HOME"])
        assert rnntui("train", url, *FLAGS, "--headless", "--run", path).returncode == 0


def test_a_stranger_s_url_is_fetched_only_with_leave(server: tuple[str, list[str]], tmp_path: Path) -> None:
    """Protects who was given a run: no command asks the network for it, unless a person says so."""
    url, asked = server
    run = tmp_path / "R"
    _elsewhere(run, url)
    asked.clear()
    commands: list[list[str | Path]] = [
        ["evaluate", run],
        ["gradients", run, "--steps", "4"],
        ["train", "--headless", "--resume", "--max-steps", "62", "--run", run],
        ["export", run, "--format", "safetensors", "--prune", "0.5", "-o", tmp_path / "small.safetensors"],
    ]
    for command in commands:
        answer = rnntui(*command)
        assert answer.returncode == 2 and "--trust-corpus" in answer.stderr and url in answer.stderr
        assert answer.stderr.count("\n") == 1 and not asked
    for command in (["complete", run, "the c"], ["runs", "show", run], ["doctor"], ["score", run, "a dog"]):
        rnntui(*command)
        assert not asked
    for number, command in enumerate(commands):
        shutil.rmtree(store.cache_home(), ignore_errors=True)
        assert rnntui(*command, "--trust-corpus").returncode == 0
        assert asked, command
        asked.clear()
        (tmp_path / "small.safetensors").unlink(missing_ok=True)
        if number == 0:
            assert rnntui(*command).returncode == 0 and not asked, (
                "a cached text with the right digest never asks"
            )


@posix
def test_on_a_terminal_a_person_is_asked(server: tuple[str, list[str]], tmp_path: Path) -> None:
    url, asked = server
    run = tmp_path / "R"
    _elsewhere(run, url)
    asked.clear()
    for answer, code in (("n", 130), ("y", 0)):
        with Terminal("evaluate", str(run)) as terminal:
            terminal.wait(lambda shown: "was not made here" in shown)
            terminal.type(f"{answer}\n")
            terminal.wait_for_end(code=code)
        assert bool(asked) == (answer == "y")


def test_a_run_made_here_is_authenticated(server: tuple[str, list[str]], tmp_path: Path) -> None:
    """Protects one's own runs: they never ask, also with other training settings; and nobody can pretend."""
    url, _ = server
    path = tmp_path / "mine"
    assert rnntui("train", url, *FLAGS, "--headless", "--run", path).returncode == 0
    run = Run.open(path)
    assert origin.made_here(run) and (store.home() / "key").stat().st_mode & 0o077 == 0
    toml = (path / "run.toml").read_text()
    (path / "run.toml").write_text(toml.replace("clip = 1.0", "clip = 2.0"))
    shutil.rmtree(store.cache_home())
    assert rnntui("evaluate", path).returncode == 0
    assert origin.made_here(Run.open(store.fork(run, tmp_path / "fork")))
    (path / "run.toml").write_text(toml.replace(url, url.replace("text.txt", "other.txt")))
    assert not origin.made_here(Run.open(path))
    (path / "run.toml").write_text(toml)
    for forged in (b"", b"0" * 64 + b"\n", (path / "signature").read_bytes()[:-2]):
        (path / "signature").write_bytes(forged)
        assert not origin.made_here(run)


def test_two_first_runs_have_one_key(home: Path) -> None:
    """Protects signatures: whoever makes the key first makes it for all."""
    configuration = config.build({"corpus": "http://x/y"})
    keys: set[bytes] = set()
    racing = [threading.Thread(target=lambda: keys.add(origin.signature_of(configuration))) for _ in range(8)]
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join()
    assert len(keys) == 1 and not list(home.glob(".key*"))


@posix
@pytest.mark.parametrize(
    "corpus", ["/proc/kmsg", "/dev/zero", "PIPE", "/dev/stdin", "/proc/self/pagemap", "/proc"]
)
def test_a_corpus_that_never_ends_is_refused(corpus: str, trained: Run, tmp_path: Path) -> None:
    """Protects against hanging: a run names a file of the system, a device or a pipe as its text."""
    if corpus == "PIPE":
        corpus = str(tmp_path / "pipe")
        os.mkfifo(corpus)
    path = trained.path / "run.toml"
    path.write_text(path.read_text().replace(trained.config.text.corpus, corpus))
    shutil.rmtree(store.cache_home(), ignore_errors=True)
    answer = rnntui("evaluate", trained.path)
    assert answer.returncode == 2 and answer.stderr.count("\n") == 1, answer.stderr
    assert corpus in answer.stderr


@posix
def test_a_pipe_of_the_shell_can_be_learned_from(corpus_file: Path, tmp_path: Path) -> None:
    """Protects `rnntui train <(zcat book.gz)`."""
    from tests.test_streams import shell

    answer = shell(f'"$@" <(cat {corpus_file})', *["train", *FLAGS, "--headless", "--run", tmp_path / "R"])
    assert answer.returncode == 0, answer.stderr
    assert rnntui("evaluate", tmp_path / "R").returncode == 0
    shutil.rmtree(store.cache_home())
    answer = rnntui("evaluate", tmp_path / "R")
    assert answer.returncode == 2 and "came from a pipe" in answer.stderr


def test_a_run_is_no_training_text(corpus_file: Path, tmp_path: Path) -> None:
    """Protects the model from its own logs: runs inside the folder of the corpus are no part of it."""
    folder = tmp_path / "texts"
    folder.mkdir()
    shutil.copy(corpus_file, folder / "a.txt")
    for name in ("R", "S"):
        assert rnntui("train", folder, *FLAGS, "--headless", "--run", folder / name).returncode == 0
    one, other = (Run.open(folder / name).config.text.sha256 for name in ("R", "S"))
    assert one == other


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_a_corpus_that_changed_is_said_once(change: str, make_run: MakeRun, corpus_file: Path) -> None:
    """Protects trust in numbers: training goes on with the text that it began with, and says so."""
    from tests.conftest import train_all

    run = make_run(max_steps=20)
    train_all(run)
    if change == "gone":
        corpus_file.unlink()
    else:
        corpus_file.write_text(sentences(seed=7))
    answer = rnntui("train", "--headless", "--resume", "--max-steps", "40", "--run", run.path)
    assert answer.returncode == 0
    said = "is gone" if change == "gone" else "has changed since"
    assert answer.stderr.count(f"{said}; this run goes on with its text in the cache") == 1
    shutil.rmtree(store.cache_home())
    answer = rnntui("train", "--headless", "--resume", "--max-steps", "60", "--run", run.path)
    assert answer.returncode == 2 and str(corpus_file) in answer.stderr


# --- what other hands found ---


def test_the_shell_is_offered_nothing_that_it_would_run(trained_home: None) -> None:
    """Protects who presses Tab: a shell puts what it is offered on its command line as it is."""
    for name in (
        "first$(touch pwn)",
        "first;ls",
        "-rf",
        "first\nevil",
        "first \x1b]0;x\x07",
        "fir`id`st",
        "good-1",
    ):
        shutil.copytree(store.runs_home() / "first", store.runs_home() / name)
    assert store.names() == ["first", "good-1"]


@posix
async def test_texts_of_runs_from_elsewhere_are_not_read_by_the_cursor(
    server: tuple[str, list[str]], trained_home: None, tmp_path: Path
) -> None:
    """Protects who looks through the texts: only those of runs that were made here, and none on the network."""
    from rnntui.tui.app import RnntuiApp
    from rnntui.tui.screens.corpora import CorporaScreen
    from tests.tui.conftest import until

    url, asked = server
    own = Run.open(store.runs_home() / "first")
    (own.path / "signature").write_bytes(origin.signature_of(own.config))
    for number, corpus in enumerate((url, "+open", "/dev/fd/0", str(tmp_path / "pipe"))):
        copy = store.runs_home() / f"hostile{number}"
        shutil.copytree(own.path, copy)
        toml = (copy / "run.toml").read_text()
        (copy / "run.toml").write_text(toml.replace(own.config.text.corpus, corpus))
        if corpus != url:
            (copy / "signature").unlink()
        else:
            (copy / "signature").write_bytes(origin.signature_of(Run.open(copy).config))
    app = RnntuiApp(CorporaScreen())
    async with app.run_test(size=(140, 45)) as pilot:
        texts = app.screen.query_one("#samples")
        await until(pilot, lambda: texts.get_option(own.config.text.corpus) is not None)
        offered = [texts.get_option_at_index(at).id for at in range(texts.option_count)]
        assert own.config.text.corpus in offered and url not in offered and offered.count("+open") == 1
    assert not asked


def test_a_digest_is_no_path(trained: Run) -> None:
    """Protects the cache: what names an entry of it has the form of a digest."""
    path = trained.path / "run.toml"
    toml = path.read_text()
    for digest in ("../../runs/R/ex", "00", "A" * 64):
        path.write_text(toml.replace(trained.config.text.sha256, digest))
        with pytest.raises(InputError, match="sha256"):
            Run.open(trained.path)


def test_a_link_out_of_a_folder_of_texts_is_left_out(corpus_file: Path, tmp_path: Path) -> None:
    """Protects secrets from models that are given away; links within the folder are read."""
    from rnntui.core.text.corpus import Source

    folder, secret = tmp_path / "texts", tmp_path / "id_rsa"
    folder.mkdir()
    secret.write_text("TOPSECRET")
    shutil.copy(corpus_file, folder / "a.txt")
    (folder / "b.txt").symlink_to(secret)
    (folder / "c.txt").symlink_to("a.txt")
    source = Source(str(folder))
    text = "".join(source.blocks())
    assert "TOPSECRET" not in text and source.files == 2 and source.skipped == [str(folder / "b.txt")]


@posix
def test_files_that_a_person_names_never_block(tmp_path: Path, home: Path) -> None:
    """Protects against hanging: a pipe in the place of word vectors or preferences."""
    os.mkfifo(tmp_path / "vectors")
    answer = rnntui(
        "train", "tales", "--headless", "--tokenizer", "word", "--embeddings", tmp_path / "vectors"
    )
    assert answer.returncode == 2 and "not a regular file" in answer.stderr
    home.mkdir(parents=True, exist_ok=True)
    os.mkfifo(home / "config.toml")
    answer = rnntui("config", "show")
    assert answer.returncode == 2 and "not a regular file" in answer.stderr


EXTREME = {
    "bits_per_byte": 1e308, "perplexity": -1e300, "loss": 1e250, "accuracy": 1e308, "train_s": 1e300, "lr": 1e305,
    "tokens_per_s": 1e308, "fraction": 1e-320, "epoch": 1e308, "grad_norm": -1e306, "wall_s": 1e301,
}  # fmt: skip


@pytest.mark.parametrize("extreme", EXTREME)
def test_extreme_figures_crash_no_plot_and_no_line(extreme: str, trained: Run, tmp_path: Path) -> None:
    """Protects lists, curves and times from numbers near infinity: they are no figures, or are shown short."""
    with trained.events_path.open("ab") as file:
        for kind in (ev.Progress, ev.Evaluated, ev.Baselined, ev.Adjusted):
            values = {name: "x" if value == "" else value for name, value in SAMPLES[kind].items()}
            if extreme in values:
                values |= (
                    {extreme: EXTREME[extreme], "metrics": {"x": 1.0}}
                    if kind is ev.Evaluated
                    else {extreme: EXTREME[extreme]}
                )
                file.write(msgspec.json.encode({"type": kind.__name__.lower(), "step": 61} | values) + b"\n")
    for command in (["runs", "show", trained.path], ["watch", trained.path]):
        answer = rnntui(*command)
        assert answer.returncode == 0 and max(map(len, (answer.stdout + answer.stderr).splitlines())) < 800
    for unit in ("bits/byte", "perplexity"):
        answer = rnntui("runs", "plot", trained.path, "-o", tmp_path / "x.svg", "--unit", unit)
        assert answer.returncode == 0, answer.stderr


def test_confusions_of_many_labels_do_not_fill_the_memory(trained: Run) -> None:
    with trained.events_path.open("ab") as file:
        event = (
            {"type": "evaluated", "step": 61}
            | SAMPLES[ev.Evaluated]
            | {"metrics": {}, "split": "x", "protocol": "x"}
        )
        file.write(msgspec.json.encode(event | {"confusion": [[]] * 5000}) + b"\n")
        file.write(msgspec.json.encode(event | {"confusion": [[1] * 50] * 50}) + b"\n")
    history = read_history(trained)
    assert history.step == 61 and history.evaluations[-1].confusion is msgspec.UNSET
    assert len(history.evaluations) == 4, "the first of the two is none of a run"


def test_a_pointer_that_is_no_text_ends_no_list(trained: Run) -> None:
    (trained.path / "best").write_bytes(b"\xff")
    assert [name for name, _ in trained.checkpoints()] == ["00000060", "00000040"]


def test_messages_have_a_bound(trained: Run) -> None:
    """Protects the terminal and the log: a hostile file's value in a message is cut."""
    (trained.path / "tokenizer.json").write_text(json.dumps({"format": 1, "kind": "x" * 100_000}))
    answer = rnntui("generate", trained.path)
    assert answer.returncode == 2 and len(answer.stderr) < 1200


STUDIES = (
    "journal is a link",
    "journal is a pipe",
    "journal is no journal",
    "trials is a link",
    "a trial is a link",
    "journal's lock is a link",
)


@pytest.mark.parametrize("damage", STUDIES)
@posix
def test_a_study_from_a_stranger_leads_nowhere(damage: str, corpus_file: Path, tmp_path: Path) -> None:
    """Protects files outside of a sweep's folder, and against waiting for ever."""
    study, victim = tmp_path / "S", tmp_path / "victim"
    command = [
        "sweep",
        corpus_file,
        "--hidden-size",
        "8,12",
        "--max-steps",
        "4",
        "--study",
        study,
        "--trials",
    ]
    assert rnntui(*command, "2").returncode == 0
    (victim / "checkpoints" / "keep").mkdir(parents=True)
    (victim / "checkpoints" / "keep" / "thesis").write_text("mine")
    (victim / "best").write_text("mine")
    before = {path: path.read_bytes() for path in victim.rglob("*") if path.is_file()}
    journal = study / "journal.log"
    if damage == "journal is a link":
        journal.unlink()
        journal.symlink_to(victim / "best")
    elif damage == "journal is a pipe":
        journal.unlink()
        os.mkfifo(journal)
    elif damage == "journal is no journal":
        journal.write_text(journal.read_text() + "null\n")
    elif damage == "trials is a link":
        shutil.rmtree(study / "trials")
        (study / "trials").symlink_to(victim)
    elif damage == "a trial is a link":
        shutil.rmtree(study / "trials" / "0001")
        (study / "trials" / "0001").symlink_to(victim)
    else:
        (study / "journal.log.lock").symlink_to("nowhere")
    answer = rnntui(*command, "3")
    expected = 0 if "lock" in damage else 2
    assert answer.returncode == expected and "RNNTUI_DEBUG" not in answer.stderr, answer.stderr
    assert {path: path.read_bytes() for path in victim.rglob("*") if path.is_file()} == before


def test_a_study_s_journal_names_no_other_corpus(corpus_file: Path, tmp_path: Path) -> None:
    """Protects who pastes the command that a sweep prints: only what is searched comes from its journal."""
    study = tmp_path / "S"
    command = [
        "sweep",
        corpus_file,
        "--hidden-size",
        "8,12",
        "--max-steps",
        "4",
        "--study",
        study,
        "--trials",
        "1",
    ]
    assert rnntui(*command).returncode == 0
    journal = study / "journal.log"
    lines = journal.read_text().splitlines()
    parameter = next(line for line in lines if '"param_name"' in line)
    evil = json.loads(parameter) | {"param_name": "corpus"}
    evil["distribution"] = json.dumps(
        {"name": "CategoricalDistribution", "attributes": {"choices": ["http://evil.example/x"]}}
    )
    at = lines.index(parameter)
    journal.write_text(
        "\n".join([*lines[: at + 1], json.dumps(evil | {"param_value_internal": 0}), *lines[at + 1 :]]) + "\n"
    )
    toml = study / "trials" / "0000" / "run.toml"
    toml.write_text(toml.read_text().replace(str(corpus_file), "http://evil.example/y"))
    answer = rnntui(*command[:-1], "2")
    assert answer.returncode == 0, answer.stderr
    assert "evil" not in answer.stdout and "evil" not in (study / "run.toml").read_text()
