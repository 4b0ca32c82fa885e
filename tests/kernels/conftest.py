"""Loops are shared out among threads, as the cells that use them are."""

from tests.cells.conftest import two_threads

__all__ = ["two_threads"]
