"""Collecting the tests takes each process seconds; this takes out what several of them would do alike."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
from pathlib import Path

import pytest

# While all files are imported nearly nothing becomes garbage; looking for it takes a quarter of the time.
gc.disable()


def pytest_collection(session: pytest.Session) -> None:
    """Let every second process of pytest-xdist compile the files from the last on, and so half of them.

    In a fresh checkout nothing has been compiled. Processes that go through the files in the same order compile each of
    them at the same time; so they meet in the middle, and find the rest done.
    """
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    if int(number) % 2 == 0 or session.config.args_source != pytest.Config.ArgsSource.TESTPATHS:
        return
    for path in sorted(Path(__file__).parent.glob("test_*.py"), reverse=True):
        # What cannot be imported, or wants to be skipped, is imported again by pytest, which tells of it.
        with contextlib.suppress(Exception, pytest.skip.Exception):
            importlib.import_module(f"{__package__}.{path.stem}")


def pytest_collection_finish() -> None:
    """Keep the collector from looking through all that was imported, and collected, again and again."""
    gc.freeze()
    gc.enable()
