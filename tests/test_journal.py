"""The file of events: whole lines in their order, whatever kills a writer or damages the file."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from rnntui.core.errors import InputError, RnntuiError, WriteError
from rnntui.core.runs import events as ev
from rnntui.core.runs import journal
from rnntui.core.runs.journal import EventTail, Journal
from tests.conftest import MakeRun, train_all
from tests.faulty_disk import FAULTS, Refusing

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
    with pytest.raises(RnntuiError, match=r"events.jsonl: cannot be written") as caught:
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
    """Protects memory: a file that is read in parts is evaluated by all of them, and by its size."""
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
