"""Mutation testing: how many small faults of a module its tests find.

python benchmarks/mutants.py [rnntui/core/runs/journal.py ...] [--count 60] [--seed 1] [--log FILE] [--again]

Each mutant is the module with one fault: another comparison or operator, a constant off by one, a condition
negated, a statement left out, an error passed on.  No faults are made in docstrings, annotations, messages (f-strings,
what is raised) and round bounds (NAME = 32 or more, 1 << N).
The tests run in a copy of the repository, so that the programs that they start are faulty as well; the working tree
stays as it is.  A child is forked for each mutant from a process that has loaded all that the tests need but
rnntui itself, and runs the tests that reach the changed line, quick ones first; all tests where none is seen to.

`--again` tries only those that survived according to the log, with all tests.  POSIX only.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

os.environ["OMP_NUM_THREADS"] = (
    "1"  # before torch is loaded: a forked child cannot share a threads of threads
)
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
sys.dont_write_bytecode = True

import pytest  # noqa: E402
from faults import Mutant, mutants  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
_COPIED = ("rnntui", "tests", "docs", "benchmarks", "sample_corpora", "pyproject.toml", "README.md")
_RUNS = [f"tests/test_{name}.py" for name in ("runs", "store", "folders", "links", "privacy")]
_SESSION = [
    "tests/inference/test_helped.py",
    *(f"tests/completion/{name}.py" for name in ("test_session", "test_writing", "test_engine")),
]
TESTS = {
    "rnntui/core/completion/session.py": _SESSION,
    "rnntui/core/completion/sampling.py": _SESSION,
    "rnntui/core/runs/journal.py": [
        "tests/test_journal.py", "tests/test_runs.py", "tests/test_races.py", "tests/test_untrusted.py",
        "-k", "not command and not screen and not url and not terminal",
    ],
    "rnntui/core/files.py": [
        "tests/test_files.py", "tests/training/test_saving.py", "tests/test_links.py", "tests/test_privacy.py"
    ],
    "rnntui/core/training/checkpoints.py": [
        "tests/training/test_checkpoints.py", "tests/training/test_saving.py", "tests/training/test_resume.py",
        "tests/test_links.py",
    ],
    "rnntui/core/runs/folder.py": [*_RUNS, "tests/training/test_saving.py"],
    "rnntui/core/runs/store.py": _RUNS,
}  # fmt: skip
"""The tests of each module, as arguments of pytest."""


@dataclass(frozen=True)
class Result:
    """Result of a mutant: 'failed', 'timeout' or 'survived'."""

    module: str
    line: int
    what: str
    outcome: str
    seconds: float


def forked(work: Callable[[], int], output: Path, limit_s: float) -> int | None:
    """The exit code of a child that does `work` and writes to `output`; None where it took too long and was killed."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(written, stream)
        code = 70
        try:
            code = work()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            break
        time.sleep(0.02)
    with suppress(ProcessLookupError):  # what the child has started goes with it
        os.killpg(pid, signal.SIGKILL)
    if code is None:
        os.waitpid(pid, 0)
    return code


class _Observer:
    """Notes how long each test takes and which lines of a module it reaches in this process."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, list[int]] = {}

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != self._path:
            return None
        if event in ("call", "line"):
            self._reached.add(frame.f_lineno)
        return self._trace

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        import threading

        self._reached: set[int] = set()
        began = time.monotonic()
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self.seconds[item.nodeid] = time.monotonic() - began
            self.lines[item.nodeid] = sorted(self._reached)


class _Order:
    """Puts the tests that reach a line first, quick ones before slow ones; with `only`, leaves out the others.

    Where none is seen to reach it, as by a program that a test starts or on import, all are run.
    """

    def __init__(self, line: int, observed: dict[str, Any], only: bool) -> None:
        self._line, self._only = line, only
        self._seconds, self._lines = observed["seconds"], observed["lines"]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self._seconds.get(item.nodeid, 0))
        reaching = [item for item in items if self._line in self._lines.get(item.nodeid, [])]
        others = [item for item in items if item not in reaching]
        items[:] = reaching if reaching and self._only else reaching + others


class Trial:
    """A copy of the repository in which one module has faults."""

    def __init__(self, folder: Path, module: str, tests: Sequence[str]) -> None:
        self._folder, self.module, self._tests = folder, module, list(tests)
        self.path = folder / module
        self.source = self.path.read_text(encoding="utf-8")
        self._output = folder / "output.txt"
        self._observed: dict[str, Any] = {}
        self._limit_s = 600.0

    def observe(self) -> None:
        """Run the tests once without a fault, which they must pass, and load here what they have loaded."""
        note = self._folder / "observed.json"

        def work() -> int:
            observer = _Observer(self.path)
            code = self._pytest(observer)
            ours = ("rnntui", "tests", "__main__", "results", "mutants")
            loaded = [name for name in list(sys.modules) if name.partition(".")[0] not in ours]
            noted = {"seconds": observer.seconds, "lines": observer.lines, "loaded": loaded}
            note.write_text(json.dumps(noted))
            return code

        began = time.monotonic()
        code = forked(work, self._output, self._limit_s)
        if code != 0:
            sys.exit(
                f"{self._output.read_text()}\n{self.module}: its tests fail without a fault (exit {code})"
            )
        self._limit_s = 30 + 3 * (time.monotonic() - began)
        self._observed = json.loads(note.read_text())
        for name in self._observed["loaded"]:
            with suppress(Exception):
                importlib.import_module(name)

    def outcome(self, mutant: Mutant, only_reaching: bool) -> str:
        """Run the tests on a mutant."""
        order = _Order(mutant.line, self._observed, only_reaching)
        self.path.write_text(mutant.source, encoding="utf-8")
        try:
            code = forked(lambda: self._pytest(order), self._output, self._limit_s)
        finally:
            self.path.write_text(self.source, encoding="utf-8")
        return "timeout" if code is None else "failed" if code else "survived"

    def _pytest(self, plugin: object) -> int:
        os.chdir(self._folder)
        os.environ["PYTHONPATH"] = str(self._folder)
        sys.path.insert(0, str(self._folder))
        arguments = ["-x", "-q", "-p", "no:cacheprovider", "--timeout=60", *self._tests]
        return int(pytest.main([*arguments, f"--basetemp={self._folder / 'tmp'}"], plugins=[plugin]))


def main() -> None:
    """Try mutants, and print a row of a table and the survivors for each module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("modules", nargs="*", default=list(TESTS), help="paths of modules that TESTS knows")
    parser.add_argument("--count", type=int, default=60, help="mutants of a module at most, drawn at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path(tempfile.gettempdir()) / "mutants.jsonl")
    parser.add_argument(
        "--again", action="store_true", help="only those that the log says survived, with all tests"
    )
    options = parser.parse_args()
    known: dict[tuple[str, str, int], Result] = {}
    if options.again and options.log.exists():
        for row in options.log.read_text(encoding="utf-8").splitlines():
            result = Result(**json.loads(row))
            known[result.module, result.what, result.line] = result
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for each in _COPIED:
            copied = shutil.copytree if (ROOT / each).is_dir() else shutil.copy2
            copied(ROOT / each, folder / each)
        for module in options.modules:
            trial = Trial(folder, module, TESTS[module])
            possible = mutants(trial.source)
            if options.again:
                tried = [m for m in possible if _survived(known.get((module, m.what, m.line)))]
            else:
                count = min(options.count, len(possible))
                drawn = random.Random(options.seed).sample(range(len(possible)), count)
                tried = [possible[i] for i in sorted(drawn)]
            if tried:
                trial.observe()
                _try_all(trial, tried, len(possible), options)


def _survived(result: Result | None) -> bool:
    return result is not None and result.outcome == "survived"


def _try_all(trial: Trial, tried: Sequence[Mutant], possible: int, options: argparse.Namespace) -> None:
    survivors = []
    for mutant in tried:
        began = time.monotonic()
        outcome = trial.outcome(mutant, only_reaching=not options.again)
        result = Result(trial.module, mutant.line, mutant.what, outcome, round(time.monotonic() - began, 1))
        with options.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result)) + "\n")
        if outcome == "survived":
            survivors.append(mutant)
    caught = len(tried) - len(survivors)
    row = f"| {trial.module} | {len(tried)} of {possible} | {caught} | {caught / len(tried):.0%} |"
    print(row, flush=True)
    for mutant in survivors:
        print(f"  {trial.module}:{mutant.line}: {mutant.what}", flush=True)


if __name__ == "__main__":
    main()
