"""The results of all parts of the report: every number that the document shows."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from reports.study.instability import PREFIX as SWEEP
from reports.study.part import PartResult
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
    drawn
        The content of the SVG files of figures that were drawn while parts were done, by the figure's name.
    """

    results: Mapping[str, PartResult]
    failed: Mapping[str, str] = field(default_factory=dict)
    shortened: str = ""
    title: Title = Title()
    drawn: Mapping[str, bytes] = field(default_factory=dict)

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
