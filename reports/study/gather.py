"""Does all parts of the report, or takes their results from the cache, and gathers every number that it shows."""

from __future__ import annotations

import platform
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from threadpoolctl import threadpool_limits

from reports.io.cores import cores
from reports.io.progress import Display
from reports.io.workers import beside
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
    """Do all parts that the cache does not have.

    If a part raises an exception, its reason is kept in `Study.failed`, and the other parts are done all the same.

    Raises
    ------
    OSError
        The result of a part cannot be written to the cache; the disk may be full.
    """
    step = display.steps("parts of the report", len(parts))
    found: dict[str, PartResult | str] = {}
    for part in parts:
        if (kept := cache.get(part)) is not None:
            found[part.name] = kept
            step()
    with closing(_made([part for part in parts if part.name not in found], display)) as made:
        for part, result in made:
            if isinstance(result, PartResult):
                cache.put(part, result)
            found[part.name] = result
            step()
    in_order = [(part.name, found[part.name]) for part in parts]
    results = {name: each for name, each in in_order if isinstance(each, PartResult)}
    failed = {name: each for name, each in in_order if isinstance(each, str)}
    return Study(results, failed, shortened, title or Title())


def _made(parts: Sequence[Part], display: Display) -> Generator[tuple[Part, PartResult | str], None, None]:
    """Do the parts; yield each with its result, or with the reason why it failed.

    Where there are several cores, a process does one kind of parts while this one does the others. A matrix product has
    one thread, because several processes with threads get in each other's way.
    """
    places = {place: [part for part in parts if part.place == place] for place in ("here", "beside", "alone")}
    here, others = places["here"], places["beside"]
    if not here or cores() == 1:
        here, others = here + others, []
    with threadpool_limits(1, user_api="blas"):
        with _done_beside(others) as arrived:
            for part in here:
                yield part, _tried(part, display)
                yield from arrived(wait=False)
            yield from arrived(wait=True)
        for part in places["alone"]:
            yield part, _tried(part, display)


def _tried(part: Part, display: Display) -> PartResult | str:
    try:
        return part.make(display)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@contextmanager
def _done_beside(parts: Sequence[Part]) -> Iterator[Callable[..., Iterator[tuple[Part, PartResult | str]]]]:
    """Let another process do the parts; yield the function that gives those that have arrived, or waits for all."""
    if not parts:
        yield lambda wait: iter(())
        return
    by_name = {part.name: part for part in parts}
    with beside(_make_silently, [(part.name, part.make) for part in parts]) as other:

        def arrived(*, wait: bool) -> Iterator[tuple[Part, PartResult | str]]:
            for outcome in other.outcomes(wait=wait):
                yield by_name[outcome.item[0]], outcome.value or f"{outcome.problem}"

        yield arrived


def _make_silently(named: tuple[str, Callable[[Display], PartResult]]) -> PartResult:
    return named[1](Display(Console(quiet=True)))
