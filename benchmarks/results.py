"""Writes measurements into docs/results.md, a section each, with machine, versions and date."""

from __future__ import annotations

import datetime
import platform
import re
from pathlib import Path

import torch

import rnntui

PATH = Path(__file__).resolve().parents[1] / "docs" / "results.md"
HEAD = """# Results

Written by the scripts in `benchmarks/`; each section names the command that makes it again, and the day: its defaults
were those of that day. Sections without AVX-512 are of a processor without products in bf16.
"""


def machine() -> str:
    """The processor and the versions, in one line."""
    name = platform.processor() or platform.machine()
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        name = found[1] if found else name
    except OSError:
        pass
    instructions = torch.backends.cpu.get_cpu_capability()
    return (
        f"{name} ({instructions}), {torch.get_num_threads()} threads; Python {platform.python_version()}, "
        f"PyTorch {torch.__version__}, rnntui {rnntui.__version__}; {datetime.date.today().isoformat()}"
    )


def write_section(title: str, command: str, lines: list[str], about_speed: bool = True) -> None:
    """Replace the section called `title`, or add it at the end.

    Where it is about speed, a processor without AVX-512, and so without products in bf16, has sections of its own:
    there is more between the two than between two machines.
    """
    if about_speed and torch.backends.cpu.get_cpu_capability() == "AVX2":
        title += ", without AVX-512"
    text = PATH.read_text(encoding="utf-8") if PATH.exists() else HEAD
    section = "\n".join([f"## {title}", "", f"`{command}`", "", machine(), "", *lines]) + "\n\n"
    old = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    text = old.sub(lambda _: section, text) if old.search(text) else f"{text}\n{section}"
    PATH.write_text(text.rstrip() + "\n", encoding="utf-8")
