"""Runs from strangers: nothing in them steers the terminal, fills the memory, hangs a list or fetches a URL unasked."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest
from textual.widgets import OptionList

from rnntui.core.errors import InputError
from rnntui.core.runs import events as ev
from rnntui.core.runs import journal, origin, store
from rnntui.core.runs.folder import Run
from rnntui.core.runs.journal import EventTail
from rnntui.core.runs.summaries import read_history, summarise
from rnntui.core.training.control import Control
from tests.cli.test_commands import rnntui
from tests.conftest import posix
from tests.test_payloads import SAMPLES

# --- what cannot be read ---


def _long_number(run: Run) -> None:
    path = run.path / "run.toml"
    path.write_text(path.read_text().replace("format = 2", f"format = {'9' * 5000}"))


def _newer(run: Run) -> None:
    path = run.path / "run.toml"
    path.write_text(path.read_text().replace("format = 2", f"format = {'9' * 4000}"))


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
        texts = app.screen.query_one("#samples", OptionList)
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
    assert (
        "TOPSECRET" not in text
        and source.files == 2
        and source.skipped == [f"{folder / 'b.txt'}: a link to another folder"]
    )


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
