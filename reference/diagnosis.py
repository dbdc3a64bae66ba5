"""Which known mistake is it? The one that gives the same answers, on all the questions; or nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from reference.compare import alike
from reference.exam import Exam
from reference.findings import NotApplicable, Violation
from reference.implementation import CLASSES
from reference.mistakes import Mistake
from reference.session import InProcess


def explanations(
    candidates: Iterable[Mistake], check: Callable[[Exam], None], exam: Exam, violation: Violation
) -> list[Mistake]:
    """The known mistakes that explain a failed check.

    Every candidate is put through the same check with the same questions. It explains the failure if it fails in the
    same way, and if each of its answers, up to the one that failed and beyond, is the one that ``exam`` has in its log.

    Parameters
    ----------
    candidates
        Those that are possible.
    check
        Failed with ``violation``.
    exam
        Whose log holds the answers of this check alone.
    """
    return [each for each in candidates if _explains(each, check, exam, violation)]


def certain(mistakes: Sequence[Mistake]) -> Mistake | None:
    """The first, if there is one and all of them have one name."""
    return mistakes[0] if mistakes and len({each.word for each in mistakes}) == 1 else None


def _explains(mistake: Mistake, check: Callable[[Exam], None], exam: Exam, violation: Violation) -> bool:
    missing = {name: "" for name in CLASSES if name not in mistake.classes}
    candidate = exam.of(InProcess(mistake.classes, missing))
    try:
        check(candidate)
    except Violation as its:
        if its.mistake != violation.mistake:
            return False
    except NotApplicable:
        return False
    else:
        return False
    return len(candidate.log) == len(exam.log) and all(
        alike(its.values, given.values, given.bounds) for its, given in zip(candidate.log, exam.log, strict=True)
    )
