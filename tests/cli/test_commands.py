"""The commands as a script sees them: standard output, standard error, exit codes."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rnntui.cli import main
from rnntui.core.runs import store
from rnntui.core.runs.folder import Run
from tests.conftest import TINY, sentences

Result = subprocess.CompletedProcess[str]

FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]


def as_process(*arguments: str | Path, stdin: str | None = None) -> Result:
    """Run the program as a process of its own."""
    command = [sys.executable, "-m", "rnntui", *map(str, arguments)]
    return subprocess.run(
        command, check=False, input=stdin, capture_output=True, text=True, encoding="utf-8", timeout=120
    )


class _Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def rnntui(*arguments: str | Path, stdin: str | None = None, terminal: bool = False) -> Result:
    """Run the program here, from its entry to its exit code: torch is loaded once for all tests.

    With `terminal`, what it writes is shown on one.
    """
    contents = [io.BytesIO((text or "").encode()) for text in (stdin, None, None)]
    kinds = (io.TextIOWrapper, *2 * (_Terminal if terminal else io.TextIOWrapper,))
    streams = [kind(content, "utf-8") for kind, content in zip(kinds, contents, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
            patch.setattr(sys, name, stream)
        patch.setattr(sys, "argv", ["rnntui", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        for stream in streams[1:]:
            stream.flush()
    out, err = (content.getvalue().decode() for content in contents[1:])
    code = left.value.code
    assert isinstance(code, int)
    return Result(arguments, code, out, err)


def assert_one_line(result: Result, code: int, *words: str) -> None:
    """A failure: nothing on standard output, one line on standard error, the right code."""
    lines = result.stderr.strip().splitlines()
    assert (result.returncode, result.stdout) == (code, ""), result.stderr
    assert lines[-1].startswith("rnntui: ") and all(word in lines[-1] for word in words), result.stderr
    assert "Traceback" not in result.stderr


def test_from_a_text_to_every_answer(corpus_file: Path, tmp_path: Path) -> None:
    """Protects the main job in a script: train, evaluate, generate, complete, score, list, remove."""
    run = tmp_path / "R"
    result = rnntui(
        "train", corpus_file, "--headless", "--run", run, *FLAGS, "--max-steps", "300", "--lr", "2e-2"
    )
    assert (result.returncode, result.stdout) == (0, f"{run}\n")
    assert "valid (stream): loss" in result.stderr

    told = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    best = [event for event in told if event["type"] == "evaluated" and event["best"]][-1]
    answer = json.loads(rnntui("evaluate", run, "--json").stdout)
    assert answer == best

    line = rnntui("evaluate", run, "--json", "--baselines", "--completion", "--cache").stdout
    measured = json.loads(line, parse_constant=pytest.fail)  # NaN is no JSON
    assert measured["loss"] != best["loss"] and measured["cache"]
    told_names = [event["name"] for event in told if event["type"] == "baselined"]
    assert [each["name"] for each in measured["baselines"]] == told_names and "6-gram" in told_names
    assert (
        len(measured["completion"]["exact"]) == 5 and measured["completion"]["thresholds"][0]["saved"] > 0.3
    )
    compared = rnntui("evaluate", run, "--baselines", "--completion").stdout
    assert "✓ beats gzip" in compared and "% of keystrokes saved" in compared
    assert "✓ beats gzip" in rnntui("runs", "show", run).stdout

    windows = rnntui("evaluate", run, "--protocol", "windows", "--split", "test").stdout
    assert windows.startswith(f"test (windows), step {best['step']}: loss ")

    prompt = "  the cat\tsees 🐦 "
    text = rnntui("generate", run, "--prompt", prompt, "--length", "40", "--seed", "3").stdout
    assert (
        text.startswith(prompt) and len(text) in (len(prompt) + 40, len(prompt) + 41) and text.endswith("\n")
    )
    assert text == rnntui("generate", run, "--prompt", prompt, "--length", "40", "--seed", "3").stdout

    answer = json.loads(rnntui("complete", run, "the cat li", "--count", "3", "--json").stdout)
    assert set(answer) == {"prefix", "completions", "ms"} and answer["prefix"] == "the cat li"
    assert answer["completions"][0]["text"] == "kes" and 0.5 < answer["completions"][0]["probability"] <= 1
    assert rnntui("complete", run, "-", stdin="the cat li").stdout.splitlines()[0].split()[1] == "kes"

    scored = json.loads(rnntui("score", run, corpus_file, "--json").stdout)
    assert scored["bits_per_char"] < 1.5 and len(scored["scores"]) == scored["tokens"]
    assert sum(token["bits"] for token in scored["scores"]) / scored["tokens"] == pytest.approx(
        scored["bits_per_char"], rel=1e-5
    )
    assert "bits/char" in rnntui("score", run, "-", stdin="the cat likes Anna.\n").stdout

    watched = rnntui("watch", run)
    assert watched.returncode == 0 and "finished: steps" in watched.stdout
    assert json.loads(rnntui("runs", "show", run, "--json").stdout)["state"] == "finished"
    assert "hidden_size = 24" in rnntui("runs", "show", run).stdout
    assert_one_line(rnntui("runs", "remove", run), 2, "--yes")
    assert rnntui("runs", "remove", run, "--yes").returncode == 0 and not run.exists()


def test_another_text_is_said_to_be_another(trained: Run, corpus_file: Path, tmp_path: Path) -> None:
    """Protects the figures: whose text was scored is told, and the run's own is not scored as if it were new."""
    other = tmp_path / "other.txt"
    other.write_text("a dog likes Anna.\n" * 30)
    result = rnntui("evaluate", trained.path, "--corpus", other)
    assert result.returncode == 0 and result.stdout.startswith("whole (stream), step ")
    assert "not the text that trained was trained on (small.txt)" in result.stderr
    told = json.loads(rnntui("evaluate", trained.path, "--corpus", other, "--json").stdout)
    assert (told["split"], told["own"], told["corpus"]) == ("whole", False, str(other))
    other.write_bytes("a dög likes Änna.\n".encode("cp1252") * 30)
    assert_one_line(rnntui("evaluate", trained.path, "--corpus", other), 2, "not utf-8", "--encoding")
    assert rnntui("evaluate", trained.path, "--corpus", other, "--encoding", "cp1252").returncode == 0
    assert_one_line(rnntui("evaluate", trained.path, "--encoding", "cp1252"), 2, "--encoding", "--corpus")
    again = tmp_path / "again.txt"
    again.write_bytes(corpus_file.read_bytes())
    assert_one_line(rnntui("evaluate", trained.path, "--corpus", again), 2, "--corpus", "held-out")
    assert_one_line(rnntui("evaluate", trained.path, "--split", "train", "--baselines"), 2, "--baselines")
    assert_one_line(
        rnntui("evaluate", trained.path, "--protocol", "windows", "--cache"), 2, "--protocol", "--cache"
    )


def test_help_is_given_where_it_is_asked_for(trained: Run, tmp_path: Path) -> None:
    """Protects the switches of `score` and `complete`: a text that repeats itself is less surprising with them."""
    text = tmp_path / "t.txt"
    text.write_text("Anna sees Anna sees the cat Anna sees.\n" * 20)
    plain, *helped = (
        json.loads(rnntui("score", trained.path, text, "--json", *flags).stdout)["bits_per_char"]
        for flags in ([], ["--dynamic"], ["--cache"])
    )
    assert max(helped) < plain
    prefix = text.read_text() + "Anna sees Anna s"
    answers = [
        json.loads(rnntui("complete", trained.path, "-", "--json", *flags, stdin=prefix).stdout)[
            "completions"
        ]
        for flags in ([], ["--dynamic"], ["--cache"])
    ]
    assert answers[0] != answers[1] != answers[2] != answers[0]
    assert_one_line(rnntui("complete", trained.path, "x", "--dynamic", "--quantize", "int8"), 2, "--dynamic")


def test_events_as_json_lines(corpus_file: Path) -> None:
    """Protects scripts: with --json, standard output is the events and nothing else."""
    result = rnntui("train", corpus_file, "--headless", "--json", *FLAGS)
    types = [json.loads(line)["type"] for line in result.stdout.splitlines()]
    assert (types[0], types[-1]) == ("started", "finished") and result.returncode == 0
    listed = json.loads(rnntui("runs", "list", "--json").stdout)
    assert [run["name"] for run in listed] == ["small-lstm-1"]
    assert "small-lstm-1" in rnntui("runs", "list").stdout


def test_standard_input_is_a_corpus(tmp_path: Path) -> None:
    run = tmp_path / "R"
    assert rnntui("train", "-", "--headless", "--run", run, *FLAGS, stdin=sentences()).returncode == 0
    assert rnntui("evaluate", run).returncode == 0


def test_resume_starts_and_goes_on(corpus_file: Path, tmp_path: Path) -> None:
    """Protects restart scripts: the same line starts a run, goes on with it, and takes a new limit."""
    run = tmp_path / "R"
    line = ["train", str(corpus_file), "--headless", "--run", str(run), "--resume", *FLAGS]
    for steps in ("20", "40", "40"):
        assert rnntui(*line, "--max-steps", steps).returncode == 0
    assert (run / "last").read_text() == "00000040\n"
    assert_one_line(rnntui(*line[: -len(FLAGS) - 1], *FLAGS), 2, "already", "--resume")
    assert_one_line(rnntui(*line, "--hidden-size", "9"), 2, "--hidden-size", "cannot change")
    assert_one_line(rnntui(*line[:1], "verse", *line[2:]), 2, "CORPUS", "cannot change")


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no signal to send; the control file is tested apart"
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_exits_130(number: int, corpus_file: Path, tmp_path: Path) -> None:
    """Protects ctrl+c: the step is finished, saved, told, and the exit code says so."""
    run = tmp_path / "R"
    flags = [*FLAGS, "--max-steps=1000000", "--eval-every=100000", "--log-every=1"]
    command = [
        sys.executable,
        "-m",
        "rnntui",
        "train",
        str(corpus_file),
        "--headless",
        "--json",
        "--run",
        str(run),
    ]
    process = subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while '"progress"' not in process.stdout.readline():
        pass
    process.send_signal(number)
    last = process.stdout.read().splitlines()[-1]
    assert process.wait(timeout=30) == 130
    assert json.loads(last)["reason"] == "interrupted"
    assert Run.open(run).checkpoint_path("last").name == f"{json.loads(last)['step']:08d}"
    assert not (run / "lock").exists()


def test_bad_usage_and_bad_input_are_one_line(corpus_file: Path, tmp_path: Path) -> None:
    """Protects everyone: the flag or file, the fault, the next step; exit 2; no run folder left behind."""
    empty = tmp_path / "empty.txt"
    empty.touch()
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"caf\xe9 " * 1000)
    cases = {
        ("train", "nosuch.txt", "--headless"): ("nosuch.txt", "no such file"),
        ("train", str(empty), "--headless"): ("empty.txt", "empty"),
        ("train", str(latin), "--headless"): ("byte 3", "--encoding cp1252"),
        ("train", "--cell", "lstn"): ("--cell", "lstm"),
        ("train", "--lr", "fast"): ("--lr", "fast"),
        ("train", "--lr", "-1"): ("--lr", "above 0, not -1"),
        ("train", "--max-time", "5 weeks"): ("--max-time", "90s, 5m or 1h"),
        ("train", "--split", "90/20"): ("--split", "90/5/5"),
        ("train", "--softmax", "adaptive"): ("--softmax", "sampled"),
        ("train", "--headless", "--resume"): ("--resume", "--run DIR"),
        ("train", "tales", "--headless", "--device", "cuda"): ("--device", "--device cpu"),
        ("train", "tales", "--headless", "--parameters", "10"): ("--parameters", "too few"),
        ("train", str(corpus_file), "--headless", "--tokenizer", "word", "--min-count", "99999"): (
            "--min-count",
            "no word stands 99,999 times",
        ),
        ("evaluate", "nosuch"): ("nosuch", "rnntui runs list"),
        ("evaluate", str(tmp_path)): ("no run lives there",),
        ("complete", "nosuch"): ("PREFIX",),
        ("corpora", "show", "tails"): ("tails", "did you mean 'tales'?"),
        ("dance",): ("dance", "rnntui --help"),
        (): ("needs a terminal",),
        ("play", "nosuch"): ("nosuch",),
    }
    if os.path.exists("/dev/nvidia0"):  # noqa: PTH110
        cases = {arguments: words for arguments, words in cases.items() if "cuda" not in arguments}
    for arguments, words in cases.items():
        assert_one_line(rnntui(*arguments), 2, *words)
    assert rnntui("runs", "list", "--json").stdout == "[]\n"


def test_damaged_runs_are_one_line(trained: Run) -> None:
    """Protects the reading commands: whatever file of a run is broken, it is named."""
    weights = trained.checkpoint_path("best") / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + b"\xff")
    assert_one_line(rnntui("evaluate", trained.path), 2, str(weights), "damaged")
    weights.write_bytes(content)
    assert_one_line(rnntui("evaluate", trained.path, "--checkpoint", "77"), 2, "'77'", "00000060")
    (trained.path / "tokenizer.json").write_text("{}")
    assert_one_line(rnntui("complete", trained.path, "x"), 2, "tokenizer.json")
    (trained.path / "run.toml").write_text("nonsense")
    assert_one_line(rnntui("generate", trained.path), 2, "run.toml")


def test_a_failing_training_leaves_its_reason(trained: Run, corpus_file: Path) -> None:
    """Protects whoever looks later: `stderr.log` and the list say why a run died."""
    corpus_file.unlink()
    shutil.rmtree(store.cache_home(), ignore_errors=True)
    result = rnntui("train", "--headless", "--run", trained.path, "--resume", "--max-steps", "90")
    assert_one_line(result, 2, "small.txt")
    assert "small.txt" in (trained.path / "stderr.log").read_text().splitlines()[-1]
    shown = rnntui("runs", "show", trained.path).stdout
    assert "crashed" in shown and "stderr.log ends" in shown


def test_corpora_are_listed_and_measured(corpus_file: Path) -> None:
    assert rnntui("corpora", "list").stdout.startswith("tales ")
    assert set(json.loads(rnntui("corpora", "list", "--json").stdout)) >= {"verse", "reber", "python-stdlib"}
    shown = rnntui("corpora", "show", corpus_file)
    assert "bits/char" in shown.stdout and "distinct characters" in shown.stdout
    assert json.loads(rnntui("corpora", "show", "reber", "--json").stdout)["vocabulary"] == 8


def test_preferences_are_shown_and_found(home: Path) -> None:
    assert rnntui("config", "path").stdout == f"{home / 'config.toml'}\n"
    assert 'theme = "tokyo-night"' in rnntui("config", "show").stdout
    home.mkdir()
    (home / "config.toml").write_text("theme = 3\n")
    assert_one_line(rnntui("config", "show"), 2, "config.toml", "theme")


def test_curves_become_a_picture(trained: Run, tmp_path: Path) -> None:
    """Protects `runs plot`: a sound SVG at the place asked for; another kind of file is refused."""
    picture = tmp_path / "curves.svg"
    result = rnntui("runs", "plot", trained.path, trained.path, "-o", picture)
    assert (result.returncode, result.stdout) == (0, f"{picture}\n")
    assert picture.read_text(encoding="utf-8").startswith("<svg") and "trained" in picture.read_text()
    assert_one_line(rnntui("runs", "plot", trained.path, "-o", tmp_path / "x.png"), 2, "x.png", "x.svg")
    assert_one_line(rnntui("runs", "plot", trained.path, "-o", tmp_path / "no" / "x.svg"), 1, "x.svg")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_runs_and_corpora(shell: str, trained_home: None) -> None:
    """Protects completion in every shell: names of runs, of samples, and values of flags."""

    def completed(words: str, last: str) -> str:
        word = last if shell == "fish" else str(len(words.split()))
        environment = {
            "COMP_WORDS": f"{words} {last}",
            "COMP_CWORD": word,
            "_RNNTUI_COMPLETE": f"{shell}_complete",
        }
        command = [
            sys.executable,
            "-c",
            "import sys; sys.argv[0] = 'rnntui'; from rnntui.cli import main; main()",
        ]
        return subprocess.run(
            command, env=os.environ | environment, capture_output=True, text=True, check=False
        ).stdout

    assert "first" in completed("rnntui play", "fi")
    assert "verse" in completed("rnntui train", "ve")
    assert "--momentum" in completed("rnntui train", "--mom"), "advanced flags are completed as well"
    assert "gru" in completed("rnntui train --cell", "g")


def test_a_picture_takes_no_other_picture_s_place(trained: Run, tmp_path: Path) -> None:
    """Protects a person's drawings: only what was drawn here is drawn again, in any command that draws."""
    ours, other = tmp_path / "curves.svg", tmp_path / "logo.svg"
    other.write_text("<svg>mine</svg>")
    for command in (["runs", "plot", trained.path], ["gradients", trained.path, "--steps", "4"]):
        assert rnntui(*command, "-o", ours).returncode == 0
        assert rnntui(*command, "-o", ours).returncode == 0
        assert_one_line(rnntui(*command, "-o", other), 2, "logo.svg", "was not drawn by rnntui")
    assert other.read_text() == "<svg>mine</svg>"


def test_names_of_nobody_and_names_too_long_are_one_line(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects against raw faults: `~nosuchuser`, which no shell expands, and names that no disk can hold."""
    monkeypatch.chdir(tmp_path)
    long = "n" * 300
    for name in ("~nosuchuser/x", long):
        for command in (
            ["train", name, "--headless"],
            ["train", "tales", "--headless", "--run", name],
            ["train", "tales", "--headless", "--tokenizer", "word", "--embeddings", name],
            ["train", "tales", "--headless", "--from", name],
            ["train", name, "--task", "classify", "--headless"],
            ["corpora", "show", name],
            ["runs", "show", name],
            ["evaluate", trained.path, "--corpus", name],
            ["runs", "plot", trained.path, "-o", f"{name}.svg"],
            ["export", trained.path, "-o", f"{name}.onnx"],
        ):
            answer = rnntui(*command)
            assert answer.returncode in (1, 2) and "RNNTUI_DEBUG" not in answer.stderr, (
                command,
                answer.stderr,
            )
            assert answer.stderr.splitlines()[-1].startswith("rnntui: "), (command, answer.stderr)
    assert not list(tmp_path.glob("~*"))


def test_python_without_docstrings_trains(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects `PYTHONOPTIMIZE=2`: nothing that the program does stands on a docstring or an assertion."""
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    answer = as_process("train", corpus_file, "--headless", *FLAGS, "--run", tmp_path / "R")
    assert answer.returncode == 0, answer.stderr
    assert Run.open(tmp_path / "R").checkpoints()
