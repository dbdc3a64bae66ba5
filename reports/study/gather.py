"""Does all parts, or takes them from the cache, and gathers every number that the report shows."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reports.io.progress import Display
from reports.study.cache import Cache
from reports.study.instability import PREFIX as SWEEP
from reports.study.part import Made, Part
from reports.study.theirs import PREFIX as THEIRS
from reports.study.theirs import distance


@dataclass(frozen=True)
class Title:
    """What the title page says besides the title."""

    name: str | None = None
    course: str | None = None


@dataclass(frozen=True)
class Study:
    """Everything that was found out.

    Attributes
    ----------
    made
        By part's name, of those that went well.
    failed
        Part's name -> why it did not.
    shortened
        What was left out, in words.
    title
        For the title page.
    """

    made: Mapping[str, Made]
    failed: Mapping[str, str] = field(default_factory=dict)
    shortened: str = ""
    title: Title = Title()

    def numbers(self) -> dict[str, Any]:
        """What results.json holds: every number that the document shows."""
        sweep = [made.record for name, made in self.made.items() if name.startswith(SWEEP)]
        whole = {name: made.record for name, made in self.made.items() if not name.startswith(SWEEP)}
        runs = {name: record for name, record in whole.items() if "history" in record}
        theirs = {name.removeprefix(THEIRS): runs.pop(name) for name in list(runs) if name.startswith(THEIRS)}
        return {
            "schema": 2,
            "title": {"name": self.title.name, "course": self.title.course},
            "shortened": self.shortened,
            "failed": dict(self.failed),
            "versions": {"python": platform.python_version(), "numpy": np.__version__},
            "runs": runs,
            "theirs": {name: _beside(runs.get(name), record) for name, record in theirs.items()},
            "instability": {"cells": sweep},
            **{name: record for name, record in whole.items() if "history" not in record},
        }


def _beside(ours: dict[str, Any] | None, theirs: dict[str, Any]) -> dict[str, Any]:
    """Somebody else's run, and how far it is from ours, if that is there."""
    if ours is None:
        return theirs | {"apart": None}
    epochs = theirs["final"]["epochs"]
    return theirs | {"apart": distance(ours, theirs), "our_loss": ours["history"]["loss_train"][epochs]}


def gather(
    parts: Sequence[Part], cache: Cache, display: Display, *, shortened: str = "", title: Title | None = None
) -> Study:
    """Every part, one after the other: each has both cores to itself.

    A part that raises leaves a gap, with its reason in `Study.failed`; the others are done all the same.

    Raises
    ------
    OSError
        What a part has made cannot be kept, for want of room, say.
    """
    made: dict[str, Made] = {}
    failed: dict[str, str] = {}
    step = display.steps("parts of the report", len(parts))
    for part in parts:
        known = cache.get(part)
        if known is None:
            try:
                known = part.make(display)
            except Exception as error:
                failed[part.name] = f"{type(error).__name__}: {error}"
                step()
                continue
            cache.put(part, known)
        made[part.name] = known
        step()
    return Study(made, failed, shortened, title or Title())
