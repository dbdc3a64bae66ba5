"""What a check has to say, as a record: judging here, showing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Status = Literal["passed", "failed", "skipped", "error"]


@dataclass(frozen=True)
class Evidence:
    """Numbers for a picture of a failure; of a question of ordinary size, where a pattern can be seen.

    Attributes
    ----------
    name
        Of the array that was compared.
    actual, expected, allowed
        What came, what was due, and how far rounding may take it: nested lists of one shape.
    trend
        For questions with logits, passed ones included: how large the largest logit was, how far the worst entry of
        the answer was off, and how far it could have been by rounding.
    """

    name: str
    actual: list[Any]
    expected: list[Any]
    allowed: list[Any]
    trend: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes
    ----------
    check
        Its id, such as ``softmax.forward.rows_independent``.
    subject
        ``Class.method``, or the class alone.
    status
        "skipped": a prerequisite failed or an oracle is absent, as ``actual`` says. "error": the examiner itself
        failed; that is no verdict.
    rationale
        Why the promise matters, for a student.
    expected, actual
        What was promised and what came, in words and short numbers.
    index
        The entry that is farthest off, where arrays were compared.
    bound
        How far it could have been off by rounding alone.
    counterexample
        The arguments that show it, as nested lists.
    mistake
        The known mistake that explains what came, a word of the vocabulary, where that is certain.
    hint
        What to think about; never the solution.
    repro
        A script of at most ten lines that shows the failure.
    depends_on
        Ids of the checks that had to pass before.
    evidence
        For a picture, where arrays were compared.
    """

    check: str
    subject: str
    status: Status
    rationale: str
    expected: str | None = None
    actual: str | None = None
    index: tuple[int, ...] | None = None
    bound: float | None = None
    counterexample: Mapping[str, Any] = field(default_factory=dict)
    mistake: str | None = None
    hint: str | None = None
    repro: str | None = None
    depends_on: tuple[str, ...] = ()
    evidence: Evidence | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        """What a person needs to know of it, in a few lines."""
        lines = [f"{self.check}: {self.status}"]
        if self.status in {"skipped", "error"}:
            return f"{lines[0]}: {self.actual}"
        if self.status == "failed":
            lines += [f"  {self.subject}: {self.rationale}", f"  expected {self.expected}", f"  got      {self.actual}"]
            if self.counterexample:
                lines.append(
                    "  for      " + ", ".join(f"{name} = {value}" for name, value in self.counterexample.items())
                )
            if self.mistake:
                lines.append(f"  mistake  {self.mistake}")
            if self.hint:
                lines.append(f"  hint     {self.hint}")
        return "\n".join(lines)


class Violation(Exception):  # noqa: N818 - a verdict on the examined, not an error of the examiner
    """A promise was broken. Raised by checks; `findings` are made of it."""

    def __init__(
        self,
        expected: str,
        actual: str,
        *,
        index: tuple[int, ...] | None = None,
        bound: float | None = None,
        counterexample: Mapping[str, Any] | None = None,
        mistake: str | None = None,
        repro: str | None = None,
    ) -> None:
        super().__init__(f"expected {expected}, got {actual}")
        self.expected = expected
        self.actual = actual
        self.index = index
        self.bound = bound
        self.counterexample = dict(counterexample or {})
        self.mistake = mistake
        self.repro = repro
        self.evidence: Evidence | None = None


class NotApplicable(Exception):  # noqa: N818 - an outcome
    """The check cannot be made here (an oracle is absent, say); the message is the reason."""


class Promised(Protocol):
    """What a check is known by; see `Finding`."""

    @property
    def id(self) -> str:
        """Of the check."""

    @property
    def subject(self) -> str:
        """``Class.method``, or the class or function alone."""

    @property
    def rationale(self) -> str:
        """Why the promise matters."""

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Ids of the checks that had to pass before."""


def finding(check: Promised, status: Status, **more: Any) -> Finding:
    """The finding of a check, with what else there is to say."""
    return Finding(check.id, check.subject, status, check.rationale, depends_on=check.depends_on, **more)


def failure(check: Promised, violation: Violation, hint: str | None) -> Finding:
    """The finding that a violation becomes."""
    return finding(
        check,
        "failed",
        expected=violation.expected,
        actual=violation.actual,
        index=violation.index,
        bound=violation.bound,
        counterexample=violation.counterexample,
        mistake=violation.mistake,
        hint=hint,
        repro=violation.repro,
        evidence=violation.evidence,
    )


def outcome(check: Promised, run: Callable[[], None], failed: Callable[[Violation], Finding]) -> Finding:
    """The finding that ``run`` leads to; ``failed`` makes it of a violation, and may be at fault like the check."""
    try:
        try:
            run()
        except Violation as violation:
            return failed(violation)
    except NotApplicable as reason:
        return finding(check, "skipped", actual=str(reason))
    except Exception as error:
        # A fault of the examiner must never count against the examined.
        return finding(check, "error", actual=f"the examiner failed: {type(error).__name__}: {error}")
    return finding(check, "passed")
