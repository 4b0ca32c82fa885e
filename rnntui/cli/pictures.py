"""Pictures that commands draw into files."""

from __future__ import annotations

from pathlib import Path

from rnntui.core.errors import InputError
from rnntui.core.files import write_atomically
from rnntui.core.runs.safe_files import open_file
from rnntui.plots.svg import MARK

_HEAD = 1000


def check_picture(path: Path) -> None:
    """Refuse a file name other than .svg, and an existing file that rnntui did not draw.

    Raises InputError.
    """
    if path.suffix.lower() != ".svg":
        raise InputError(f"--output: {path}: the picture is an SVG; name it {path.with_suffix('.svg').name}")
    try:
        with open_file(path) as file:
            drawn_here = MARK.encode() in file.read(_HEAD)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror}; name another file with --output"
        ) from None
    if not drawn_here:
        raise InputError(f"{path}: was not drawn by rnntui; delete it, or name another file with --output")


def write_picture(path: Path, content: str) -> None:
    """Write a picture, in the place of an older one.  Raises WriteError, RnntuiError."""
    write_atomically(path, content.encode("utf-8", "replace"), durable=False)
