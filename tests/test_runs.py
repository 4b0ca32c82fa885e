"""The run folder: events, ownership, names."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import msgspec
import pytest

from rnntui.core import config, journal, runs, store
from rnntui.core import events as ev
from rnntui.core.errors import InputError, RnntuiError, WriteError
from rnntui.core.files import write_atomically
from rnntui.core.journal import EventTail, Journal
from rnntui.core.ownership import Owner, guarded
from rnntui.core.runs import Run
from rnntui.core.summaries import summarise
from tests.conftest import MakeRun, train_all
from tests.disk import FAULTS, Refusing

SAVED = ev.Saved(step=1, path="checkpoints/00000001")
PAUSED = ev.Paused(step=2)


def test_events_survive_the_file(make_run: MakeRun) -> None:
    """Protects `events.jsonl`: each event comes back as it was, of its own type."""
    run = make_run()
    told = list(run.record([SAVED, PAUSED]))
    assert EventTail(run.events_path).poll() == told == [SAVED, PAUSED]
    assert [json.loads(line)["type"] for line in run.events_path.read_text().splitlines()] == [
        "saved",
        "paused",
    ]


def test_torn_last_line_is_not_there_yet(tmp_path: Path) -> None:
    """Protects a reader beside a writer: half a line is neither an event nor lost."""
    path, line = tmp_path / "events.jsonl", ev.encode(SAVED) + b"\n"
    tail = EventTail(path)
    assert tail.poll() == [] and not tail.behind
    path.write_bytes(line[:10])
    assert tail.poll() == []
    path.write_bytes(line + b"not json\n" + line)
    assert tail.poll() == [SAVED, SAVED]


def test_a_killed_writers_torn_line_is_cut_off(make_run: MakeRun) -> None:
    """Protects the next line: it does not grow out of what a killed process left."""
    run = make_run()
    run.events_path.write_bytes(ev.encode(SAVED) + b'\n{"type":"sav')
    list(run.record([PAUSED]))
    assert run.events() == [SAVED, PAUSED]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"x" * 30 + b"\n" + b"y" * 350, b"x" * 30 + b"\n"),  # torn over several blocks
        (b"x" * 30 + b"\n", b"x" * 30 + b"\n"),
        (b"x" * 300, b""),
        (b"\n" + b"y" * 99, b"\n"),  # a line end at the first byte of a block
        (b"", b""),
    ],
    ids=["long", "whole", "one", "first byte", "empty"],
)
def test_only_a_torn_line_is_cut_off(
    before: bytes, after: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the lines before it, however long the torn one is: no more and no less is cut."""
    monkeypatch.setattr(journal, "_AT_ONCE", 100)
    path = tmp_path / "events.jsonl"
    path.write_bytes(before)
    with Journal(path) as opened:
        assert path.read_bytes() == after
        assert opened.add(SAVED) is None
    assert path.read_bytes() == after + ev.encode(SAVED) + b"\n"
    assert opened._file.closed


def test_events_wait_for_room_in_their_order(tmp_path: Path) -> None:
    """Protects curves on a full disk: what could not be written is named, waits, and is written once."""
    path = tmp_path / "events.jsonl"
    lines = [ev.encode(event) + b"\n" for event in (SAVED, PAUSED)]
    with Journal(path) as writer:
        with pytest.MonkeyPatch.context() as patch:
            Refusing(patch, 1, FAULTS["no room"])
            for event, size in ((SAVED, len(lines[0])), (PAUSED, len(lines[0]) + len(lines[1]))):
                fault = writer.add(event)
                assert isinstance(fault, WriteError)
                assert str(fault) == f"{path}: cannot be written ({size} bytes): No space left on device"
            assert isinstance(writer.flush(), WriteError) and path.read_bytes() == b""
        assert writer.flush() is None and writer.flush() is None
        assert path.read_bytes() == b"".join(lines)
        assert writer.add(SAVED) is None
    assert EventTail(path).poll() == [SAVED, PAUSED, SAVED]


def test_events_without_a_folder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(RnntuiError, match=r"events.jsonl: cannot be written \(0 bytes\)") as caught:
        Journal(tmp_path / "gone" / "events.jsonl")
    assert not isinstance(caught.value, WriteError), "nothing to wait for"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"events.jsonl: cannot be read: Not a directory"):
        EventTail(tmp_path / "file" / "events.jsonl").poll()


@pytest.mark.parametrize(
    ("good", "bad", "refused"), [(0, 10, False), (0, 11, True), (9, 19, False), (9, 20, True)]
)
def test_a_file_of_rubbish_is_told_from_one_with_damage(
    good: int, bad: int, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects memory and runs: unreadable lines are passed over while they outnumber the events by few."""
    monkeypatch.setattr(journal, "_DAMAGE_AT_MOST", 10)
    path = tmp_path / "events.jsonl"
    path.write_bytes((ev.encode(SAVED) + b"\n") * good + b"rubbish\n" * bad)
    tail = EventTail(path)
    if refused:
        with pytest.raises(InputError, match="most of its lines are no events"):
            list(tail.all())
    else:
        assert list(tail.all()) == [SAVED] * good and not tail.behind


def test_damage_is_counted_over_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects memory: a file that is read in parts is judged by all of them, and by its size."""
    monkeypatch.setattr(journal, "_DAMAGE_AT_MOST", 10)
    monkeypatch.setattr(journal, "_AT_ONCE", 40)
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"rubbish\n" * 10)
    assert list(EventTail(path).all()) == []
    monkeypatch.setattr(journal, "_LARGEST", 80)
    assert list(EventTail(path).all()) == []
    with path.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(InputError, match="larger than 80 bytes"):
        EventTail(path).poll()
    monkeypatch.setattr(journal, "_LARGEST", 81)
    with pytest.raises(InputError, match="most of its lines are no events"):
        EventTail(path).poll()


def test_the_longest_line_is_read_and_a_longer_one_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects memory: a line of more than the bound is no line, one within it is an event."""
    line = ev.encode(SAVED) + b"\n"
    monkeypatch.setattr(journal, "_AT_ONCE", 10)
    monkeypatch.setattr(journal, "_LONGEST_LINE", len(line))
    path = tmp_path / "events.jsonl"
    path.write_bytes(line * 3 + line[:-1])
    tail = EventTail(path)
    assert list(tail.all()) == [SAVED] * 3
    path.write_bytes(b"x" * len(line))
    assert EventTail(path).poll() == [], "torn"
    path.write_bytes(b"x" * (len(line) + 1))
    with pytest.raises(InputError, match="a line of more than"):
        EventTail(path).poll()


def test_events_made_void_are_left_out(make_run: MakeRun) -> None:
    """Protects curves: what was told of later steps than training went back to is void, the rest stays."""
    run = make_run()
    started = next(event for event in train_all(make_run(max_steps=1)) if isinstance(event, ev.Started))
    again = msgspec.structs.replace(started, step=2)
    list(run.record([started, SAVED, PAUSED, ev.Paused(step=3), again, ev.Paused(step=4)]))
    assert run.events() == [started, SAVED, PAUSED, again, ev.Paused(step=4)]


# --- what a run says of itself ---


def test_checkpoints_go_by_name(trained: Run, make_run: MakeRun) -> None:
    """Protects `--checkpoint`: best, last or a number, else a line that names those that are there."""
    assert trained.checkpoint_path("60").name == trained.checkpoint_path("last").name == "00000060"
    assert trained.checkpoint_path("00000040").name == "00000040"
    (trained.path / "best").write_text("00000040\n")
    assert trained.checkpoint_path().name == "00000040"
    assert trained.checkpoints() == [("00000060", ""), ("00000040", ", best")]
    (trained.path / "best").unlink()
    assert trained.checkpoint_path("best").name == "00000060"
    assert trained.checkpoints() == [("00000060", ""), ("00000040", "")]
    for name in ("7", "x", "", "-40", "9" * 19, "٤٠"):
        with pytest.raises(InputError, match=r"; there are: 00000040, 00000060$"):
            trained.checkpoint_path(name)
    new = make_run()
    assert new.checkpoints() == [] and new.versions() == {}
    for name, said in (
        ("best", "no checkpoint is saved yet"),
        ("last", "no checkpoint is saved yet"),
        ("5", "none is"),
    ):
        with pytest.raises(InputError, match=said):
            new.checkpoint_path(name)
    (trained.path / "last").write_bytes(b"\xff")
    with pytest.raises(InputError, match="last: cannot be read"):
        trained.checkpoint_path("last")


def test_a_run_says_which_versions_trained_it(trained: Run) -> None:
    import torch

    import rnntui

    assert trained.versions() == {"rnntui": rnntui.__version__, "torch": str(torch.__version__)}


def test_what_is_in_the_way_of_a_run_is_named(tmp_path: Path, trained: Run) -> None:
    """Protects a person's folder and their time: the first of the files, and how many more there are."""
    with pytest.raises(InputError, match=r"holds other files \(\.guard and \d+ more\); a new sweep"):
        runs.require_empty(trained.path, "sweep", lambda path: False)
    folder = tmp_path / "mine"
    folder.mkdir()
    runs.require_free(folder)
    (folder / "a.txt").write_text("")
    with pytest.raises(InputError, match=r"holds other files \(a.txt\); a new run needs"):
        runs.require_free(folder)
    (folder / "b.txt").write_text("")
    with pytest.raises(InputError, match=r"holds other files \(a.txt and 1 more\)"):
        runs.reserve(folder)
    for make in (runs.require_free, runs.reserve):
        with pytest.raises(InputError, match="no folder for a run: Not a directory"):
            make(folder / "a.txt")
        with pytest.raises(InputError, match="a run lives there already; go on with --resume"):
            make(trained.path)
    with pytest.raises(InputError, match=r"below: no folder for a run: Not a directory"):
        runs.reserve(folder / "a.txt" / "below")
    with pytest.raises(InputError, match=r"a.txt: cannot be read: Not a directory"):
        Run.open(folder / "a.txt")
    with pytest.raises(InputError, match=r"nowhere: no run lives there \(no run.toml\)"):
        Run.open(tmp_path / "nowhere")


def test_a_run_made_meanwhile_is_no_other_s(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the first of two: a run that came between the look and the lock is not written over."""

    @contextmanager
    def overtaken(path: Path, doing: str) -> Iterator[None]:
        with guarded(path, doing):
            (path / "run.toml").write_text("theirs")
            yield

    monkeypatch.setattr(runs, "guarded", overtaken)
    path = tmp_path / "wanted"
    with pytest.raises(InputError, match="a run lives there already"):
        Run.create(path, trained.config, {"tokenizer.json": b"{}"})
    assert (path / "run.toml").read_text() == "theirs" and not (path / "tokenizer.json").exists()


def test_a_folder_that_goes_while_events_wait_ends_the_wait(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects against waiting for ever: room may come back, a folder that is gone does not."""
    faults = [errno.ENOSPC, errno.ENOSPC, errno.ENOENT]

    def refuse(file: object, data: bytes) -> None:
        fault = faults.pop(0)
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(journal, "append", refuse)
    monkeypatch.setattr(runs, "_RETRY_S", 0)
    events = make_run().record([SAVED])
    warned = next(events)
    assert isinstance(warned, ev.Warned) and warned.message.endswith("training waits for room")
    with pytest.raises(RnntuiError, match="was it moved or deleted") as caught:
        next(events)
    assert not isinstance(caught.value, WriteError) and not faults


def test_why_a_training_failed_is_kept(trained: Run) -> None:
    """Protects whoever looks later: the line, for a fault of ours its trace too, and a last event of the last step."""
    assert runs.log_end(trained.path) == runs.last_words(trained.path) == ""
    runs.note_failure(trained, InputError("x.txt:\n gone"))
    assert runs.log_end(trained.path) == "x.txt: gone\n"
    assert trained.events()[-1] == ev.Finished(step=60, reason="error")
    assert summarise(trained).state == "crashed"
    runs.note_failure(trained, InputError("x\udcff.txt: gone"))  # a name that is not UTF-8
    assert runs.last_words(trained.path) == "x?.txt: gone"
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError as error:
        runs.note_failure(trained, error)
    assert "Traceback" in runs.log_end(trained.path) and runs.last_words(trained.path) == "by zero"
    with (trained.path / "stderr.log").open("ab") as log:
        log.write(b"\xff" + b"z" * 30_000 + b"\n  the end \n\n \n")
    assert len(runs.log_end(trained.path)) == 20_000
    assert runs.log_end(trained.path).endswith("z\n  the end \n\n \n")
    assert runs.last_words(trained.path) == "the end"


def test_requests_are_lines_in_their_order(trained: Run) -> None:
    runs.request(trained.path, "pause")
    runs.request(trained.path, "stop")
    assert (trained.path / "control").read_text() == "pause\nstop\n"
    with pytest.raises(RnntuiError, match=r"control: cannot be written \(5 bytes\)"):
        runs.request(trained.path / "gone", "stop")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"7", b'"x"', b"[" * 100_000, b"\xff"], ids=repr)
def test_what_is_no_json_object_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path}: not (valid JSON|a JSON object)"):
        runs.read_json(path)
    with pytest.raises(InputError, match=r"none\.json: cannot be read: No such file"):
        runs.read_json(tmp_path / "none.json")


def test_a_json_object_has_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b'{"a": 1}')
    assert runs.read_json(path, 8) == {"a": 1}
    with pytest.raises(InputError, match="larger than 7 bytes"):
        runs.read_json(path, 7)


def test_one_owner_at_a_time(make_run: MakeRun) -> None:
    """Protects the folder: a second training is told who owns it."""
    run = make_run()
    program = (
        "import sys; from pathlib import Path; from rnntui.core.runs import Run\n"
        "with Run.open(Path(sys.argv[1])).owned(): print('mine', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(run.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None and other.stdout.readline() == "mine\n"
    with pytest.raises(InputError, match=f"process {other.pid} is training"), run.owned():
        pass
    with pytest.raises(InputError, match="stop it first"):
        store.remove(run.path)
    other.kill()
    other.wait()
    with run.owned():  # the dead owner's claim is taken over
        assert run.owner() == Owner.this_process()
    assert run.owner() is None


def test_a_reused_process_number_is_no_owner(make_run: MakeRun) -> None:
    run = make_run()
    write_atomically(run.path / "lock", msgspec.json.encode(Owner(pid=os.getpid(), started=1.0)))
    assert run.owner() is None


def test_runs_are_found_by_name_and_path(make_run: MakeRun, corpus_file: Path) -> None:
    stored = make_run()
    named = Run.create(
        store.runs_home() / "mine",
        stored.config,
        {"tokenizer.json": (stored.path / "tokenizer.json").read_bytes()},
    )
    assert store.find("mine") == named and not named.trusts_corpus
    assert store.find(str(stored.path)) == stored
    assert list(store.newest_runs()) == [named]
    for missing in ("yours", str(corpus_file.parent)):
        with pytest.raises(InputError, match="rnntui runs list"):
            store.find(missing)


def test_new_names_are_free_and_readable() -> None:
    """Protects what is there: a new name is none that another one begins with, as the runs of a duel do."""
    settings = config.build({"corpus": "/some/where/My Book (2).txt", "cell": "gru"})
    first = store.new_path(settings)
    first.mkdir(parents=True)
    assert first == store.runs_home() / "My-Book-2-gru-1"
    assert store.new_path(settings).name == "My-Book-2-gru-2"
    duel = store.free_path(settings, "duel")
    assert duel.name == "My-Book-2-duel-1"
    duel.with_name(f"{duel.name}-lstm").mkdir()
    assert store.free_path(settings, "duel").name == "My-Book-2-duel-2"
    store.free_path(settings, "duel").mkdir()
    assert store.free_path(settings, "duel").name == "My-Book-2-duel-3"


@pytest.mark.parametrize(
    ("corpus", "short", "stem"),
    [
        ("/some/where/book.v2.txt", "book.v2.txt", "book-v2"),
        ("C:\\texts\\Buch.txt", "Buch.txt", "Buch"),
        ("https://example.org/a/page.html", "page.html", "page"),
        ("/some/folder/", "folder", "folder"),
        ("/", "/", "stdin"),
        ("-", "-", "stdin"),
        ("tales", "tales", "tales"),
        ("(xerox) .txt", "(xerox) .txt", "xerox"),
        ("/x/" + "n" * 60 + ".txt", "n" * 60 + ".txt", "n" * 40),
    ],
)
def test_a_corpus_has_a_short_name(corpus: str, short: str, stem: str) -> None:
    """Protects names of runs: a folder's name on every system, out of any path or address."""
    assert store.short_corpus(corpus) == short
    assert store.stem_of(config.build({"corpus": corpus})) == stem


def test_homes_are_where_they_are_documented(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects existing runs: they are looked for in the same place by every version."""
    assert store.home() == home
    assert (store.runs_home(), store.cache_home()) == (home / "runs", home / "cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RNNTUI_HOME", "~/models")
    assert store.home() == tmp_path / "models"
    monkeypatch.delenv("RNNTUI_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if sys.platform == "linux":
        assert store.home() == tmp_path / "data" / "rnntui"


def test_pasted_texts_are_numbered(home: Path) -> None:
    """Protects pasted texts: a second one takes no other's place."""
    paths = [store.keep_text(text) for text in ("eins", "zwei é")]
    assert paths == [home / "texts" / "pasted-1.txt", home / "texts" / "pasted-2.txt"]
    assert [path.read_text(encoding="utf-8") for path in paths] == ["eins", "zwei é"]


def test_runs_are_listed_the_newest_last(trained: Run) -> None:
    """Protects lists: by the time of their settings, with what cannot be read, without what is no run."""
    assert store.names() == [] and store.run_folders() == []
    for age, name in ((3, "middle"), (1, "a-new"), (9, "z-old")):
        path = store.fork(trained, store.runs_home() / name)
        os.utime(path / "run.toml", (1e9 - age, 1e9 - age))
    (store.runs_home() / "broken").mkdir()
    (store.runs_home() / "broken" / "run.toml").write_text("nonsense")
    os.utime(store.runs_home() / "broken" / "run.toml", (1e9 - 5, 1e9 - 5))
    (store.runs_home() / "no-run").mkdir()
    found = [store.opened(path) for path in store.run_folders()]
    assert [each.path.name for each in found] == ["z-old", "broken", "middle", "a-new"]
    assert isinstance(found[1], store.Unreadable) and "run.toml" in found[1].reason
    assert [run.name for run in store.newest_runs()] == ["a-new", "middle", "z-old"]
    assert store.names() == ["a-new", "broken", "middle", "z-old"]
    assert store._written(store.runs_home() / "no-run") == 0


def test_a_home_that_is_no_folder_is_one_line(home: Path) -> None:
    home.mkdir()
    (home / "runs").write_text("")
    found = store.opened(*store.run_folders())
    assert isinstance(found, store.Unreadable)
    assert found.reason == f"{home / 'runs'}: cannot be read: Not a directory"
    assert list(store.newest_runs()) == [] and store.names() == []


def test_a_run_is_found_for_its_task_alone(trained: Run, classifier: Run) -> None:
    assert store.find(str(trained.path), "lm") == trained == store.find(str(trained.path))
    assert store.find(str(classifier.path), "classify") == classifier
    with pytest.raises(InputError, match="trained with --task classify"):
        store.find(str(classifier.path), "lm")


def test_what_is_no_run_s_name_is_one_line(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects who mistypes: the reason, and where the names are."""
    for name, said in {
        " ": "an empty name",
        "nobody": "^nobody: no such run; see `rnntui runs list`",
        str(tmp_path): "no run lives there",
        "n" * 3000: "^n{80}: no such run: .*name too long",
        "~nobody-here/run": "nobody of that name",
        "sub/run": "no such run",
    }.items():
        with pytest.raises(InputError, match=f"(?i){said}"):
            store.locate(name)
    store.fork(trained, store.runs_home() / "inside")
    (store.runs_home() / "sub").mkdir()
    store.fork(trained, store.runs_home() / "sub" / "run")
    assert store.locate("inside") == store.runs_home() / "inside"
    with pytest.raises(InputError, match="no such run"):
        store.locate("sub/run")  # a path, not a name
    monkeypatch.chdir(trained.path.parent)
    assert store.locate(trained.name) == trained.path
    strange = trained.path.rename(tmp_path / "r\udcff")
    with pytest.raises(InputError, match="not UTF-8"):
        store.find(str(strange))


def test_a_line_names_five_files_at_most() -> None:
    paths = [Path("x") / name for name in "abcdefg"]
    assert store.names_of(paths[:5]) == "a, b, c, d, e"
    assert store.names_of(paths) == "a, b, c, d, e and 2 more"


def test_an_occupied_folder_is_refused(trained: Run) -> None:
    with pytest.raises(InputError, match="--resume"):
        Run.create(trained.path, trained.config, {"tokenizer.json": b"{}"})


def test_summary_tells_state_and_best_figures(make_run: MakeRun) -> None:
    """Protects the list: its figures are those of the best evaluation, named with split and protocol."""
    run = make_run()
    assert summarise(run).state == "new"
    events = train_all(run)
    best = [event for event in events if isinstance(event, ev.Evaluated) and event.best][-1]
    summary = summarise(run)
    assert (summary.state, summary.step) == ("finished", 60)
    assert (summary.loss, summary.split, summary.protocol) == (best.loss, "valid", "stream")


def test_a_run_that_died_is_crashed(make_run: MakeRun) -> None:
    run = make_run()
    train_all(run)
    kept = run.events_path.read_bytes().splitlines(keepends=True)[:-1]
    run.events_path.write_bytes(b"".join(kept))
    assert summarise(run).state == "crashed"


def test_a_fork_has_what_was_learned_and_leaves_the_rest(trained: Run, tmp_path: Path) -> None:
    """Protects forking: configuration, events and checkpoints are copied, claims and requests are not."""
    (trained.path / "control").write_text("stop\n")
    (trained.path / "lock").write_text("{}")
    path = store.fork(trained, tmp_path / "fork")
    assert Run.open(path).checkpoints() == trained.checkpoints()
    assert not (path / "lock").exists() and not (path / "control").exists()
    assert {each.name for each in path.iterdir()} == {
        ".guard", "tokenizer.json", "signature", "events.jsonl", "best", "last", "run.toml", "checkpoints"
    }  # fmt: skip
    assert (path / "events.jsonl").read_bytes() == trained.events_path.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        store.fork(trained, path)


def test_a_fork_of_a_run_that_trains_is_tried_again(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects forking while it trains: a checkpoint may go while it is copied; then nothing half copied is left."""
    tries: list[list[str]] = []
    honest = store._copy

    def copy(source: Path, target: Path) -> None:
        tries.append([each.name for each in target.iterdir()])
        if len(tries) < fine_at:
            (target / "tokenizer.json").write_text("half")
            raise FileNotFoundError(2, "No such file or directory", "model.safetensors")
        honest(source, target)

    monkeypatch.setattr(store, "_copy", copy)
    for owned, fine_at, count in ((False, 2, 1), (True, 6, 5), (True, 5, 5)):
        tries.clear()
        with trained.owned() if owned else nullcontext():
            if count == fine_at:
                assert Run.open(store.fork(trained, tmp_path / "fork")).config == trained.config
                continue
            with pytest.raises(InputError, match=r"the run cannot be copied: .*No such file"):
                store.fork(trained, tmp_path / "fork")
        assert tries == [[".guard"]] * count and not (tmp_path / "fork").exists()
    assert tries == [[".guard"]] * 5


def test_a_run_gets_another_name_where_that_is_safe(trained: Run) -> None:
    """Protects the folder: no name that leads elsewhere, none that is taken, and not while it trains."""
    for bad in ("", "../x", "a/b", ".hidden", "x\x1b[2J", "ends.", "ends ", "-x", "n" * 81):
        with pytest.raises(InputError, match="no name for a run"):
            store.rename(trained, bad)
    (trained.path.parent / "taken").write_text("mine")
    with pytest.raises(InputError, match="taken: exists already"):
        store.rename(trained, "taken")
    with pytest.raises(InputError, match="the run cannot be renamed: File name too long"):
        store.rename(trained, "𐐀" * 80)  # 320 bytes
    trained = Run.open(store.rename(trained, "n" * 80))
    path = store.rename(trained, "second try")
    assert path.name == "second try" and Run.open(path).config == trained.config
    run = Run.open(path)
    store.require_idle(path)
    with run.owned():
        with pytest.raises(InputError, match="stop it first"):
            store.rename(run, "third")
        with pytest.raises(InputError, match=f"process {os.getpid()} is training this run; stop it first"):
            store.require_idle(path)


def test_a_run_that_cannot_be_deleted_is_one_line(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(folder: Path) -> list[Path]:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(store, "delete_run", busy)
    with pytest.raises(RnntuiError, match=f"^{trained.path}: cannot be deleted: Device or resource busy$"):
        store.remove(trained.path)
    assert Run.open(trained.path) == trained


def test_a_long_run_is_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the memory: a tail reads so much at once, says that there is more, and loses no line."""
    monkeypatch.setattr(journal, "_AT_ONCE", 1000)
    path = tmp_path / "events.jsonl"
    told = [ev.Warned(step=step, message="x" * 30) for step in range(100)]
    path.write_bytes(b"".join(ev.encode(event) + b"\n" for event in told) + b"y" * 3000)
    tail = EventTail(path)
    first = tail.poll()
    assert 0 < len(first) < 20 and tail.behind
    assert first + list(tail.all()) == told
    with path.open("ab") as file:
        file.write(b"\n" + ev.encode(SAVED) + b"\n")
    assert list(tail.all()) == [SAVED], "a line of no known kind is passed over, however long"
