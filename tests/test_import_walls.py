"""The walls, proven at run time: what a fresh interpreter has loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rnntui.core.runs.folder import Run
from tests.conftest import MakeRun, train_all

HEAVY = ("torch", "textual", "tokenizers", "safetensors")


def loaded_after(code: str) -> set[str]:
    """The packages that `code` loads, and those of torch with their second name."""
    names = "{'.'.join(name.split('.')[: 2 if name.startswith('torch.') else 1]) for name in sys.modules}"
    program = f"{code}\nimport sys\nprint(*sorted({names}))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return set(result.stdout.splitlines()[-1].split())


HELP = """
import sys
from rnntui.cli import main
sys.argv = ["rnntui", *{arguments!r}]
try:
    main()
except SystemExit:
    pass
"""


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["complete", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """Protects the quick answer: help comes without torch, textual or numpy."""
    assert not loaded_after(HELP.format(arguments=arguments)).intersection((*HEAVY, "numpy", "psutil"))


def test_lists_load_nothing_heavy() -> None:
    """Protects the quick answer: lists come without torch or textual."""
    assert not loaded_after(HELP.format(arguments=["runs", "list"])).intersection(HEAVY)


def test_first_screen_is_painted_before_torch() -> None:
    """Protects the quick start: the first screen stands, with text and machine measured, and torch is not loaded."""
    code = """
import asyncio
from rnntui.tui.app import RnntuiApp
from rnntui.tui.screens.corpora import CorporaScreen
async def main():
    app = RnntuiApp(CorporaScreen())
    async with app.run_test() as pilot:
        while "tokens/s here" not in str(app.screen.query_one("#cost").render()):
            await pilot.pause(0.05)
        assert "characters" in str(app.screen.query_one("#statistics").render())
asyncio.run(main())
"""
    assert "torch" not in loaded_after(code)


def test_completion_loads_no_torch(trained: Run) -> None:
    """Protects the quick completion: a model is opened and completes without torch, and without numba."""
    loaded = loaded_after(HELP.format(arguments=["complete", str(trained.path), "the "]))
    assert "numpy" in loaded and not loaded.intersection({"torch", "numba", "textual"})


def test_judging_brings_no_compiler_along(classifier: Run, translator: Run, make_run: MakeRun) -> None:
    """Protects the quick answer: torch's compiler takes two seconds to load, and no model needs it to be opened."""
    patient = make_run(timescale=20, max_steps=2)
    train_all(patient)
    opened = {"classify": classifier, "translate": translator}
    for command in (
        *([name, str(run.path), "x"] for name, run in opened.items()),
        ["evaluate", str(patient.path)],
    ):
        loaded = loaded_after(HELP.format(arguments=command))
        assert "torch.nn" in loaded and "torch._dynamo" not in loaded


def test_the_kernels_folder_loads_no_compiler() -> None:
    """Protects the doctor: it looks at compiled kernels without what compiles or runs them."""
    loaded = loaded_after("from rnntui.core.kernels.kernel_cache import kernels_path; kernels_path()")
    assert not loaded.intersection((*HEAVY, "numba", "llvmlite", "numpy"))


def test_core_loads_no_user_interface() -> None:
    """Protects the wall below the core, imports inside functions included."""
    code = "import rnntui.core.training.loop, rnntui.core.training.start, rnntui.core.completion.completion"
    assert not loaded_after(code).intersection({"textual", "rich", "click", "rich_click"})
