"""Finds the known mistakes that give the same responses to all calls of a failed check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.lab.context import Context, Response
from reference.lab.mistakes import Mistake
from reference.numerics.compare import alike

Array = NDArray[Any]

Run = Callable[[Context], None]


def explanations(
    candidates: Iterable[Mistake], check: Run, context: Context, violation: Violation, kept: Mapping[str, Run]
) -> list[Mistake]:
    """The known mistakes that explain a failed check.

    Every candidate is put through the same check with the same cases. It explains the failure if it fails in the
    same way, and if each of its answers, up to the one that failed and beyond, is the one that ``context`` has in its
    log.

    Parameters
    ----------
    candidates
        Those that are possible.
    check
        Failed with ``violation``.
    context
        Whose log holds the answers of this check alone.
    kept
        Checks that were passed before, by id: who fails one of them explains nothing.
    """
    # The cheapest test comes first. Hardly any mistake has right values. Nearly all keep the other promises, so these
    # are tested last, for the few mistakes that give the same responses.
    others = dict(kept)
    values = {name: others.pop(name) for name in kept if name.endswith(".values")}
    found = []
    for each in candidates:
        if not _keeps(each, context, values):
            continue
        log = _Compared(context)
        try:
            check(context.of(each.executor(), log))
        except Violation as its:
            alike_in_all = its.mistake == violation.mistake and len(log) == len(context.log)
            if alike_in_all and _keeps(each, context, others):
                found.append(each)
        except (_DiffersError, NotApplicable):
            pass
    return found


def certain(mistakes: Sequence[Mistake]) -> Mistake | None:
    """The first mistake, if all of them have the same names; None otherwise."""
    return mistakes[0] if mistakes and len({frozenset(each.words) for each in mistakes}) == 1 else None


class _DiffersError(Exception):
    """A response is not the one in the log: the candidate explains nothing, and its check ends here."""


class _Compared(list[Response]):
    """A log that accepts only the responses of another log, in its order."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._given = context.log

    def append(self, asked: Response) -> None:
        """Append a response; raises _DiffersError where the other log has another one."""
        place = len(self)
        super().append(asked)
        if place >= len(self._given):
            raise _DiffersError
        given = self._given[place]
        if not alike(asked.values, given.values, self._bounds(given)):
            raise _DiffersError

    def _bounds(self, given: Response) -> Sequence[Array] | None:
        """How far rounding may take each part of an answer, where that is known."""
        if given.bounds is not None or given.message is None or given.case is None:
            return given.bounds
        try:
            return self._context.answer(given.message, given.case).bounds
        except NotApplicable:
            return None


def _keeps(mistake: Mistake, context: Context, kept: Mapping[str, Run]) -> bool:
    """Whether a mistake passes these checks, found out once in this process."""
    asked = context.seed, context.effort, context.assignment
    for name, run in kept.items():
        if not context.known((mistake.name, name, asked), partial(_passes, run, context, mistake)):
            return False
    return True


def _passes(run: Run, context: Context, mistake: Mistake) -> bool:
    try:
        run(context.of(mistake.executor(), []))
    except (Violation, NotApplicable):
        return False
    return True
