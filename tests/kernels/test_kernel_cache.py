"""Compiled kernels on disk: damage, full disks, other users and second processes cost time, never a training."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rnntui.core.kernels.compiling import kernel, thread_function
from rnntui.core.kernels.kernel_cache import (
    DamagedError,
    KernelFolder,
    kernel_folder,
    kernels_path,
    read_kernel,
)
from tests.cli.test_commands import FLAGS, as_process
from tests.conftest import MakeRun, train_all
from tests.faulty_disk import FAULTS, Refusing

posix = pytest.mark.skipif(sys.platform == "win32", reason="folders there belong to their owner anyway")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KernelFolder]:
    """The folder of kernels that are compiled in a test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    kernel_folder.cache_clear()
    yield kernel_folder()
    kernel_folder.cache_clear()


def _doubled(n: int) -> int:
    return n * 2


def start() -> bool:
    """Compile or load a kernel and call it, as a new process would; True if it was loaded."""
    compiled: Any = kernel(_doubled)
    assert compiled(21) == 42
    return bool(compiled.stats.cache_hits)


def only_file(folder: KernelFolder) -> Path:
    (file,) = folder.path.iterdir()
    return file


def flipped(data: bytes, bit: int) -> bytes:
    byte, place = divmod(bit, 8)
    return data[:byte] + bytes([data[byte] ^ (1 << place)]) + data[byte + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "one byte short": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "zeros": lambda data: bytes(len(data)),
    "zeros behind the header": lambda data: data[:48] + bytes(len(data) - 48),
    "a bit in the middle": lambda data: flipped(data, len(data) * 4),
    "a bit of the header": lambda data: flipped(data, 3),
    "a bit of the digest": lambda data: flipped(data, 8 * 20),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_kernel_is_compiled_anew(damage: str, folder: KernelFolder) -> None:
    """Protects trainings from what a power loss leaves: it is replaced, and reported once."""
    assert not start() and start() and not folder.report()
    file = only_file(folder)
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert not start(), "loaded although damaged"
    assert folder.report() == f"{file}: this compiled kernel was damaged and is compiled anew"
    assert start() and only_file(folder) == file and not folder.report()


def test_no_flipped_bit_and_no_cut_goes_unnoticed(tmp_path: Path) -> None:
    """Protects the promise that damage is found before anything is used: every bit, and every length."""
    folder = KernelFolder(tmp_path)
    folder.save("k", bytes(range(100)))
    file = only_file(folder)
    whole = file.read_bytes()
    for damaged in (
        *(flipped(whole, bit) for bit in range(8 * len(whole))),
        *(whole[:n] for n in range(len(whole))),
    ):
        file.write_bytes(damaged)
        assert folder.load("k") is None and not file.exists()
    file.write_bytes(whole)
    assert folder.load("k") == bytes(range(100))


def test_a_kernel_that_is_missing_is_compiled_without_a_word(folder: KernelFolder) -> None:
    """Protects the freedom to delete caches, also while a program runs."""
    start()
    only_file(folder).unlink()
    assert not start() and start()
    shutil.rmtree(folder.path.parents[1])
    assert not start() and start() and not folder.report()


def test_a_whole_file_that_cannot_be_loaded_is_compiled_anew(folder: KernelFolder) -> None:
    """Protects from a stop for good where the digest fits and the content does not, whatever wrote it."""
    start()
    name = only_file(folder).stem
    for content in (b"", b"no pickle", pickle.dumps(1), pickle.dumps((1, 2, 3))):
        folder.save(name, content)
        assert not start() and start()
    folder.save(name, pickle.dumps(("the key of another kernel", None)))
    assert not start() and start()


def test_thread_functions_are_kept_as_well(folder: KernelFolder) -> None:
    """Protects the loops that are C functions: they are kept, and a damaged one is replaced."""

    def nothing(address: int) -> None:
        pass

    assert thread_function(nothing)
    file = only_file(folder)
    before = file.stat().st_mtime_ns
    assert thread_function(nothing) and file.stat().st_mtime_ns == before, "compiled again"
    file.write_bytes(bytes(1000))
    assert thread_function(nothing) and read_kernel(file)
    assert "damaged" in folder.report()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", [1, 2])
def test_a_refused_write_costs_a_compilation_alone(
    fault: str, at: int, folder: KernelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects trainings from a full or read-only disk, at any point of a save: no rest, one report."""
    disk = Refusing(monkeypatch, at, FAULTS[fault])
    assert not start() and not start() and disk.refused
    assert not list(folder.path.iterdir())
    told = folder.report()
    assert "cannot be kept" in told and os.strerror(FAULTS[fault]) in told and not folder.report()
    disk.mend()
    assert not start() and start(), "there is room again"


def test_kernels_load_from_a_read_only_disk(folder: KernelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the quick start where nothing can be written but all is there."""
    start()
    Refusing(monkeypatch, 1, errno.EROFS)
    assert start() and not folder.report()


def test_a_cache_folder_that_cannot_be_made_is_done_without(folder: KernelFolder, tmp_path: Path) -> None:
    """Protects trainings where the place of the cache is taken, here by a file."""
    (tmp_path / "caches").write_text("")
    assert not start() and not start()
    assert "cannot be kept" in folder.report() and not folder.report()


KERNEL = """
import os
from rnntui.core.kernels.compiling import kernel
from rnntui.core.kernels.kernel_cache import cache_report
def doubled(n):
    return n * 2
def loaded(*arguments):
    compiled = kernel(doubled)
    for argument in arguments:
        assert compiled(argument) == 2 * argument
    return len(compiled.stats.cache_hits)
"""


def in_a_process(script: Path, code: str) -> str:
    """Run code that calls a kernel in a process of its own; what it prints."""
    script.write_text(KERNEL + code)
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    return done.stdout


@posix
def test_a_disk_that_takes_a_part_is_left_with_nothing(folder: KernelFolder, tmp_path: Path) -> None:
    """Protects from a file cut by the system itself in the middle of a write."""
    code = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
print(loaded(21), cache_report())
"""
    told = in_a_process(tmp_path / "script.py", code)
    assert told.startswith("0 ") and os.strerror(errno.EFBIG) in told
    assert not list(folder.path.iterdir())


@posix
def test_first_starts_at_the_same_moment_do_no_harm(folder: KernelFolder, tmp_path: Path) -> None:
    """Protects three first starts: with the same types and with others, all is right, and kept for the next."""
    code = """
ready, go = os.pipe()
children = []
for arguments in ((21, 2.5), (2.5, 21), (21,)):
    children.append(os.fork())
    if not children[-1]:
        os.close(go)
        os.read(ready, 1)
        loaded(*arguments)
        os._exit(bool(cache_report()))
os.close(go)
print(*(os.waitpid(child, 0)[1] for child in children), loaded(21, 2.5), cache_report())
"""
    assert in_a_process(tmp_path / "script.py", code) == "0 0 0 2 \n"
    assert folder.check()[:2] == (0, 2) and len(list(folder.path.iterdir())) == 2


def test_a_reader_never_sees_a_part_of_a_write(tmp_path: Path) -> None:
    """Protects a process that loads while others save the same kernel again and again."""
    writer = (
        "import sys; from pathlib import Path; from rnntui.core.kernels.kernel_cache import KernelFolder\n"
        "folder = KernelFolder(Path(sys.argv[1]))\n"
        "for n in range(500): folder.save('k', sys.argv[2].encode() * (n * 200))\n"
        "assert not folder.report()"
    )
    folder = KernelFolder(tmp_path)
    writers = [subprocess.Popen([sys.executable, "-c", writer, tmp_path, letter]) for letter in "ab"]
    found = set[bytes]()
    while any(each.poll() is None for each in writers):
        content = folder.load("k") or b""
        assert len(set(content)) <= 1
        found.add(content[:1])
    assert [each.returncode for each in writers] == [0, 0] and not folder.report()
    assert found >= {b"a", b"b"}


class Planted:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.proof),)


def _of_another_user(folder: KernelFolder, monkeypatch: pytest.MonkeyPatch) -> str:
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    return "belongs to another user"


def _writable(folder: KernelFolder, monkeypatch: pytest.MonkeyPatch) -> str:
    folder.path.chmod(0o770)
    return "can be written by other users"


@posix
@pytest.mark.parametrize("way", [_of_another_user, _writable])
def test_code_that_others_can_have_put_there_never_runs(
    way: Callable[..., str], folder: KernelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the user: kernels are not loaded from a folder that is somebody else's to write, nor kept in it."""
    start()
    file, proof = only_file(folder), tmp_path / "proof"
    folder.save(file.stem, pickle.dumps(Planted(proof)))
    planted = file.read_bytes()
    reason = way(folder, monkeypatch)
    assert not start() and not start() and not proof.exists()
    assert only_file(folder).read_bytes() == planted
    told = folder.report()
    assert told.startswith(f"{folder.path}: {reason}") and not folder.report()


@posix
def test_a_file_of_another_user_never_runs(
    folder: KernelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the moment between looking at the folder and reading a file: the open file's owner counts."""
    start()
    file, honest = only_file(folder), os.fstat

    def of_another(descriptor: int) -> os.stat_result:
        found = honest(descriptor)
        return os.stat_result((*found[:4], found.st_uid + 1, *found[5:10]))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", of_another)
        with pytest.raises(DamagedError):
            read_kernel(file)
    assert read_kernel(file)


@posix
def test_the_folder_is_for_its_owner_alone(folder: KernelFolder) -> None:
    """Protects what is loaded as code from other people on the machine, whatever the umask."""
    before = os.umask(0)
    try:
        assert not start() and start()
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_training_reports_a_damaged_kernel_once(
    make_run: MakeRun, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the whole way: with damaged kernels a training ends well, says so in one line, and replaces them."""
    train_all(make_run(max_steps=1))  # whatever it needs is kept now
    kept = kernels_path()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    shutil.copytree(kept, kernels_path())
    damaged = list(kernels_path().glob("softmax.*.kernel"))
    for file in damaged:
        file.write_bytes(flipped(file.read_bytes(), 8 * (file.stat().st_size // 2)))
    result = as_process("train", corpus_file, "--headless", "--run", tmp_path / "R", *FLAGS, "--max-steps=2")
    told = [line for line in result.stderr.splitlines() if "damaged" in line]
    assert result.returncode == 0 and len(told) == 1 and "is compiled anew" in told[0], result.stderr
    assert KernelFolder(kernels_path()).check().damaged < len(damaged)
