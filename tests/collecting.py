"""Collecting the tests takes each process seconds; this leaves out what is deselected anyhow, or done twice."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent

# While all files are imported nearly nothing becomes garbage; looking for it takes a quarter of the time.
gc.disable()


@cache
def marks_of(path: Path, name: str = "pytestmark") -> frozenset[str]:
    """The marks that all tests of a file have, as its text says: those of this name, and of its helper's ``MARKS``."""
    text = path.read_text(encoding="utf-8")
    assigned = re.search(rf"^{name} = (.*?)(?=^[\w@#]|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    if assigned is None:
        return frozenset()
    found = set(re.findall(r"\bpytest\.mark\.(\w+)", assigned[1]))
    if "MARKS" in assigned[1] and (helper := re.search(r"^from tests\.(\w+) import .*\bMARKS\b", text, re.MULTILINE)):
        found |= marks_of(HERE / f"{helper[1]}.py", "MARKS")
    return frozenset(found)


@cache
def deselecting(expression: str) -> frozenset[str]:
    """The marks each of which keeps a test from being run, where ``-m`` names nothing else."""
    parts = [re.fullmatch(r"not (\w+)", each.strip()) for each in expression.split(" and ")]
    return frozenset(each[1] for each in parts if each is not None) if all(parts) else frozenset()


def is_left_out(path: Path, config: pytest.Config) -> bool:
    """Whether all tests of a file are deselected by its marks: it need not be imported."""
    return not marks_of(path).isdisjoint(deselecting(config.getoption("markexpr")))


def pytest_collection(session: pytest.Session) -> None:
    """Let every second process of pytest-xdist compile the files from the last on, and so half of them.

    In a fresh checkout nothing has been compiled. Processes that go through the files in the same order compile each of
    them at the same time; so they meet in the middle, and find the rest done.
    """
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    if int(number) % 2 == 0 or session.config.args_source != pytest.Config.ArgsSource.TESTPATHS:
        return
    for path in sorted(HERE.glob("test_*.py"), reverse=True):
        if not is_left_out(path, session.config):
            # What cannot be imported, or wants to be skipped, is imported again by pytest, which tells of it.
            with contextlib.suppress(Exception, pytest.skip.Exception):
                importlib.import_module(f"{__package__}.{path.stem}")


def pytest_collection_finish() -> None:
    """Keep the collector from looking through all that was imported, and collected, again and again."""
    gc.freeze()
    gc.enable()
