"""Does all parts of the report, or takes their results from the cache, and gathers every number that it shows."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from reports.io.progress import Display
from reports.study.cache import Cache
from reports.study.instability import PREFIX as SWEEP
from reports.study.part import Part, PartResult
from reports.study.submission_runs import PREFIX as THEIRS
from reports.study.submission_runs import distance


@dataclass(frozen=True)
class Title:
    """What the title page says below the title; ``code`` is the address of the code."""

    name: str | None = None
    course: str | None = None
    date: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class Study:
    """The results of all parts.

    Attributes
    ----------
    results
        The results of the parts that succeeded, by the part's name.
    failed
        Why the other parts failed, by the part's name.
    shortened
        What the quick report leaves out, in words.
    title
        What the title page says.
    """

    results: Mapping[str, PartResult]
    failed: Mapping[str, str] = field(default_factory=dict)
    shortened: str = ""
    title: Title = Title()

    def numbers(self) -> dict[str, Any]:
        """The content of results.json: every number that the document shows."""
        sweep = [result.record for name, result in self.results.items() if name.startswith(SWEEP)]
        whole = {name: result.record for name, result in self.results.items() if not name.startswith(SWEEP)}
        runs = {name: record for name, record in whole.items() if "history" in record}
        theirs = {name.removeprefix(THEIRS): runs.pop(name) for name in list(runs) if name.startswith(THEIRS)}
        return {
            "schema": 3,
            "title": asdict(self.title),
            "shortened": self.shortened,
            "failed": dict(self.failed),
            "versions": {"python": platform.python_version(), "numpy": np.__version__},
            "runs": runs,
            "submission": {name: _compared(runs.get(name), record) for name, record in theirs.items()},
            "instability": {"cells": sweep},
            **{name: record for name, record in whole.items() if "history" not in record},
        }


def _compared(ours: dict[str, Any] | None, theirs: dict[str, Any]) -> dict[str, Any]:
    """The record of a submission's run, with its distance from our run if that is there."""
    if ours is None:
        return theirs | {"apart": None}
    epochs = theirs["final"]["epochs"]
    return theirs | {"apart": distance(ours, theirs), "our_loss": ours["history"]["loss_train"][epochs]}


def gather(
    parts: Sequence[Part], cache: Cache, display: Display, *, shortened: str = "", title: Title | None = None
) -> Study:
    """Do the parts one after the other, so that each has all cores to itself.

    If a part raises an exception, its reason is kept in `Study.failed`, and the other parts are done all the same.

    Raises
    ------
    OSError
        The result of a part cannot be written to the cache; the disk may be full.
    """
    results: dict[str, PartResult] = {}
    failed: dict[str, str] = {}
    step = display.steps("parts of the report", len(parts))
    for part in parts:
        result = cache.get(part)
        if result is None:
            try:
                result = part.make(display)
            except Exception as error:
                failed[part.name] = f"{type(error).__name__}: {error}"
                step()
                continue
            cache.put(part, result)
        results[part.name] = result
        step()
    return Study(results, failed, shortened, title or Title())
