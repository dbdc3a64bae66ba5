"""The record of one check: the promise, the function that tests it, and the checks that it depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any


@dataclass(frozen=True)
class Check:
    """A promise, and how to see whether it is kept.

    Attributes
    ----------
    id
        ``layer.method.promise``, or ``vjp.part.promise``.
    subject
        ``Class.method``, the class alone, or the name of a function.
    rationale
        The promise in a sentence or two, for a student.
    run
        Takes the context and raises a `reference.findings.Violation` where the promise is broken.
    depends_on
        Ids of checks without which this one says nothing.
    excuses
        Ids of checks whose failure may be why this one fails: then nobody knows, and it is skipped.
    assignments
        Those of the lab in which it is promised; all of them for what is no part of the lab.
    unless_failed
        Ids of checks after whose failure nobody needs this one: then it is skipped without being run.
    explained_by
        Ids of checks that are run first because what they find may explain why this one fails.
    """

    id: str
    subject: str
    rationale: str
    run: Callable[[Any], None]
    depends_on: tuple[str, ...] = ()
    excuses: tuple[str, ...] = ()
    assignments: frozenset[int] = frozenset({1, 2, 3})
    unless_failed: tuple[str, ...] = ()
    explained_by: tuple[str, ...] = ()


def first_sentence(check: Any) -> str:
    """The rationale of a check that is written as a function: the first paragraph of its docstring."""
    doc = (check.func if isinstance(check, partial) else check).__doc__ or ""
    return " ".join(doc.split("\n\n")[0].split())
