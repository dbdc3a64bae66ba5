"""The engine: what a check is, what it works with, and the runner, which makes the finding of each check.

It runs each check after those that it depends on.
"""

from __future__ import annotations

import difflib
import fnmatch
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import numpy as np

from reference.findings import MOST_SAID, Finding, NotApplicable, Status, Violation
from reference.numerics.sampling import seeded
from reference.wording import Fact, fact, hint_of

Effort = Literal["quick", "normal", "exhaustive"]


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


class Context:
    """What checks work with.

    Attributes
    ----------
    seed
        Of all draws; the same seed draws the same cases.
    effort
        How many cases a check looks at.
    oracles
        Names of the oracles that the present check has asked, in order.
    notes
        What is told of the present check even if it passes.
    """

    seed: int
    effort: Effort
    oracles: list[str]
    notes: tuple[Fact, ...] = ()

    def start(self) -> None:
        """Forget what belongs to the check before."""
        self.oracles.clear()
        self.notes = ()

    def note(self, said: Fact) -> None:
        """Note something that is told of the present check even if it passes."""
        if said not in self.notes:
            self.notes = (*self.notes, said)

    def note_oracle(self, name: str) -> None:
        """Note that the truth came from the oracle of that name."""
        if name not in self.oracles:
            self.oracles.append(name)

    def rng(self, key: str) -> np.random.RandomState:
        """A generator for one check, independent of which other checks run."""
        return seeded((self.seed * 1_000_003 + zlib.crc32(key.encode())) % 2**32)


class Examination:
    """The findings of one examination, each made when it is asked for.

    A check is skipped where one that it depends on did not pass. Where it fails, and a check that excuses it has
    failed, nobody knows which of the two is to blame, and it is skipped as well. A check that nobody needs after the
    failure of another one is not even run then.

    Parameters
    ----------
    checks
        In order of dependency.
    context
        What they are run with.
    """

    def __init__(self, checks: Sequence[Check], context: Context) -> None:
        self.checks = list(checks)
        self.context = context
        self._by_id = {each.id: each for each in self.checks}
        self._findings: dict[str, Finding] = {}

    def __iter__(self) -> Iterator[Finding]:
        return map(self.finding, self._by_id)

    def finding(self, name: str) -> Finding:
        """What the check of that id has to say."""
        if name not in self._findings:
            check = self._by_id[name]
            for other in (*check.depends_on, *check.excuses, *check.unless_failed, *check.explained_by):
                if other in self._by_id:
                    self.finding(other)
            self._findings[name] = self._judged(check)
        return self._findings[name]

    def obstacle(self, check: Check) -> Violation | None:
        """What fails a check before it is run, such as a class that is not there; None where it can be run."""
        return None

    def explained(self, check: Check, violation: Violation) -> tuple[Violation, str | None]:
        """The violation with the mistake that explains it, if that is certain; and a hint, if the word's is not it."""
        return violation, None

    def _judged(self, check: Check) -> Finding:
        """The finding of a check, of which all that it depends on has been found."""
        obstacle = self.obstacle(check)
        if obstacle is not None:
            return self._failure(check, obstacle)
        reason = self.reason_to_skip(check)
        if reason is not None:
            return self._skipped(check, reason)
        try:
            self.context.start()
            try:
                check.run(self.context)
            except Violation as violation:
                suspects = self._among(check.excuses, {"failed", "error"})
                if suspects:
                    raise NotApplicable(fact("suspects", names=tuple(suspects))) from None
                return self._failure(check, *self.explained(check, violation))
        except NotApplicable as absent:
            return self._skipped(check, absent.reason)
        except Exception as error:
            # A fault of the examiner must never count against the examined.
            came = fact("examiner failed", error=type(error).__name__, said=str(error))
            return self._finding(check, "error", actual=str(came), came=came)
        return self._finding(check, "passed", note="; ".join(map(str, self.context.notes)) or None)

    def reason_to_skip(self, check: Check) -> Fact | None:
        """Why a check is skipped without being run; None where it is run."""
        broken = self._among(check.depends_on, {"failed", "error", "skipped"})
        if broken:
            # What depends on a skipped check is skipped for the same reason.
            first = self._findings[broken[0]]
            skipped = first.came if first.status == "skipped" else None
            return skipped or fact("depends", names=tuple(broken))
        failed = self._among(check.unless_failed, {"failed", "error"})
        return fact("depends", names=(failed[0],)) if failed else None

    def _among(self, names: Iterable[str], statuses: set[str]) -> list[str]:
        found = self._findings
        return [name for name in dict.fromkeys(names) if name in found and found[name].status in statuses]

    def _skipped(self, check: Check, reason: Fact) -> Finding:
        return self._finding(check, "skipped", actual=str(reason), came=reason)

    def _failure(self, check: Check, violation: Violation, hint: str | None = None) -> Finding:
        """The failure, with the hint of the mistake's word where there is no better one."""
        cause = violation.came.fields.get("cause")
        return self._finding(
            check,
            "failed",
            expected=str(violation.due)[:MOST_SAID],
            actual=str(violation.came)[:MOST_SAID],
            index=violation.index,
            bound=violation.bound,
            counterexample=violation.counterexample,
            mistake=violation.mistake,
            hint=hint or hint_of(violation.mistake, cause if isinstance(cause, str) else None),
            repro=violation.repro,
            evidence=violation.evidence,
            due=violation.due,
            came=violation.came,
            mistakes=violation.mistakes or (() if violation.mistake is None else (violation.mistake,)),
        )

    def _finding(self, check: Check, status: Status, **fields: Any) -> Finding:
        oracle = ", ".join(self.context.oracles) or None if status in {"passed", "failed"} else None
        return Finding(
            check.id, check.subject, status, check.rationale, depends_on=check.depends_on, oracle=oracle, **fields
        )


def select(only: str, checks: Sequence[Check], hint: str = "") -> list[Check]:
    """The checks that are asked for, and those that they depend on, in order.

    Parameters
    ----------
    only
        Patterns with commas between them. Each is a pattern of ids (as of file names), or the name of a class, a method
        or the first part of an id: ``softmax.*``, ``SoftmaxLayer``, ``SoftmaxLayer.delta``, ``softmax``.
    checks
        All there are.
    hint
        The end of the error's message.

    Raises
    ------
    ValueError
        A pattern matches none; the message suggests what was probably meant.
    """
    names = _names(checks)
    wanted: set[str] = set()
    for pattern in map(str.strip, only.split(",")):
        meant = names.get(pattern.lower(), pattern)
        # Ids such as vjp.gradient[0].values have brackets of their own.
        forms = meant, meant.replace("[", "[[]")
        found = {each.id for form in forms for each in checks if fnmatch.fnmatchcase(each.id, form)}
        if not found:
            raise ValueError(f"no check matches {pattern!r}; {_meant(pattern, names)}{hint}".removesuffix("; "))
        wanted |= found
    for each in reversed(checks):
        if each.id in wanted:
            wanted.update(each.depends_on)
    return [each for each in checks if each.id in wanted]


def _names(checks: Sequence[Check]) -> dict[str, str]:
    """The names by which checks can be asked for, in small letters, each with the pattern of the ids that it means."""
    names = {each.id: each.id for each in checks}
    for each in checks:
        layer, method, *deeper = each.id.split(".")
        cls, dot, _ = each.subject.partition(".")
        names |= dict.fromkeys((layer, cls), f"{layer}.*")
        if dot:
            pattern = f"{layer}.{method}.*" if deeper else each.id
            names |= dict.fromkeys((f"{layer}.{method}", each.subject), pattern)
    return {name.lower(): pattern for name, pattern in names.items()}


def _meant(pattern: str, names: Mapping[str, str]) -> str:
    """What was probably meant, by the spelling."""
    found = difflib.get_close_matches(pattern.lower().rstrip(".*"), names, 1)
    return f"did you mean {names[found[0]]!r}? " if found else ""


def checked_options(seed: Any, effort: Any) -> tuple[int, Effort]:
    """The options that all examinations have.

    Raises
    ------
    TypeError
        ``seed`` is no whole number.
    ValueError
        ``seed`` is below 0, or ``effort`` is not one of quick, normal and exhaustive.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"seed: expected a whole number of at least 0, got {seed!r}")
    if seed < 0:
        raise ValueError(f"seed: expected a whole number of at least 0, got {seed}")
    if effort not in get_args(Effort):
        raise ValueError(f"effort: expected one of {', '.join(get_args(Effort))}, got {effort!r}")
    return int(seed), effort


def first_sentence(check: Any) -> str:
    """The rationale of a check that is written as a function: the first paragraph of its docstring."""
    doc = (check.func if isinstance(check, partial) else check).__doc__ or ""
    return " ".join(doc.split("\n\n")[0].split())
