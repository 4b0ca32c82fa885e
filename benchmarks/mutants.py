"""Mutation testing: how many small faults of a module its tests find.

python benchmarks/mutants.py [rnntui/core/journal.py ...] [--count 60] [--seed 1] [--log FILE] [--again]

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
import ast
import copy
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

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded: a forked child cannot share a team of threads
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
sys.dont_write_bytecode = True

import pytest  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
_COPIED = ("rnntui", "tests", "docs", "benchmarks", "sample_corpora", "pyproject.toml", "README.md")
_RUNS = ["tests/test_runs.py", "tests/test_folders.py", "tests/test_links.py", "tests/test_privacy.py"]
_SESSION = [
    f"tests/inference/{name}.py" for name in ("test_session", "test_writing", "test_engine", "test_helped")
]
TESTS = {
    "rnntui/core/inference/session.py": _SESSION,
    "rnntui/core/inference/sampling.py": _SESSION,
    "rnntui/core/journal.py": [
        "tests/test_runs.py", "tests/test_races.py", "tests/test_untrusted.py",
        "-k", "not command and not screen and not url and not terminal",
    ],
    "rnntui/core/files.py": ["tests/training/test_saving.py", "tests/test_links.py", "tests/test_privacy.py"],
    "rnntui/core/training/checkpoints.py": [
        "tests/training/test_saving.py", "tests/training/test_resume.py", "tests/test_links.py"
    ],
    "rnntui/core/runs.py": [*_RUNS, "tests/training/test_saving.py"],
    "rnntui/core/store.py": _RUNS,
}  # fmt: skip
"""The tests of each module, as arguments of pytest."""

_COMPARISONS: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.LShift: ast.RShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_SIMPLE = (ast.Expr, ast.AugAssign, ast.Delete, ast.Raise, ast.Continue, ast.Break)
"""Statements that can be left out, besides some assignments."""


@dataclass(frozen=True)
class Mutant:
    """One fault of a module: its line, what it is in words, and the faulty source."""

    line: int
    what: str
    source: str


@dataclass(frozen=True)
class Result:
    """Result of a mutant: 'failed', 'timeout' or 'survived'."""

    module: str
    line: int
    what: str
    outcome: str
    seconds: float


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes that can stand in the place of `node`."""
    match node:
        case ast.Compare():
            for i, operator in enumerate(node.ops):
                for other in _COMPARISONS[type(operator)]:
                    changed = copy.deepcopy(node)
                    changed.ops[i] = other()
                    yield changed
        case ast.BoolOp():
            changed = copy.deepcopy(node)
            changed.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
            yield changed
        case (
            ast.BinOp(left=ast.Constant(value=bytes() | str()))
            | ast.BinOp(right=ast.Constant(value=bytes() | str()))
        ):
            pass  # of an operator that does not exist there, any test would fail
        case ast.BinOp(op=ast.Div()):  # of numbers, or of paths
            yield node.left
        case ast.BinOp() | ast.AugAssign() if type(node.op) in _OPERATORS:
            changed = copy.deepcopy(node)
            changed.op = _OPERATORS[type(node.op)]()
            yield changed
        case ast.UnaryOp():
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield ast.Constant(node.value + 1)
            yield ast.Constant(node.value - 1)
        case ast.Constant(value=str()):
            yield ast.Constant(f"{node.value}x")
        case ast.If() | ast.IfExp() | ast.While() if not isinstance(node.test, ast.Compare | ast.UnaryOp):
            changed = copy.deepcopy(node)
            changed.test = ast.UnaryOp(ast.Not(), node.test)
            yield changed
        case ast.comprehension(ifs=[_, *_]):
            changed = copy.deepcopy(node)
            changed.ifs = []
            yield changed
        case ast.ExceptHandler():
            changed = copy.deepcopy(node)
            changed.body = [ast.Raise()]
            yield changed
        case ast.Return(value=ast.AST()) if not isinstance(node.value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):  # without a name, any test would fail
            yield ast.Pass()
    if isinstance(node, _SIMPLE):
        yield ast.Pass()


def _is_text(node: ast.AST) -> bool:
    """True for what only people or type checkers read, for imports and for round bounds."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr() | ast.arguments(defaults=[], kw_defaults=[]):
            return True
        case ast.Expr(value=ast.Constant()):  # a docstring
            return True
        case ast.Assign(targets=[ast.Name()], value=ast.Constant(value=int() as bound)) if bound >= 32:
            return True
        case ast.BinOp(left=ast.Constant(value=1), op=ast.LShift()):
            return True
        case ast.If(test=ast.Name("TYPE_CHECKING")) | ast.Subscript(value=ast.Name("Literal")):
            return True
    return False


def _places(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Every node whose fault is of interest, as parent, field and index."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases", "type", "cause"):
            continue
        for index, each in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(each, ast.AST) or _is_text(each):
                continue
            yield node, field, index
            if isinstance(each, ast.Raise):  # its inside is a message
                continue
            yield from _places(each)


def mutants(source: str) -> list[Mutant]:
    """Every fault of a module's source."""
    tree, found, seen = ast.parse(source), [], set()
    for parent, field, index in _places(tree):
        before = getattr(parent, field)
        node = before if index is None else before[index]
        for other in _replacements(node):
            _put(other, parent, field, index)
            changed = ast.unparse(ast.fix_missing_locations(copy.deepcopy(tree)))
            if changed not in seen:
                seen.add(changed)
                line = getattr(node, "lineno", None) or getattr(getattr(node, "target", None), "lineno", 0)
                old, new = (ast.unparse(each).partition("\n")[0][:70] for each in (node, other))
                found.append(Mutant(line, f"{old} -> {new}", changed))
            _put(node, parent, field, index)
    return found


def _put(node: ast.AST, parent: ast.AST, field: str, index: int | None) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


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
    end, code = time.monotonic() + limit_s, None
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
