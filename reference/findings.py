"""What a check has to say, as records: judging elsewhere, and the sentences in `reference.wording`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reference.wording import Fact, html, in_words
from reference.wording.report import counts, report

Status = Literal["passed", "failed", "skipped", "error"]
#: Letters of a sentence: what came may be anything.
MOST_SAID = 2000


@dataclass(frozen=True)
class Evidence:
    """Numbers for a picture of a failure; of a case of ordinary size, where a pattern can be seen.

    Attributes
    ----------
    name
        Of the array that was compared.
    actual, expected, allowed
        What came, what was due, and how far rounding may take it: nested lists of one shape.
    trend
        For cases with logits, passed ones included: how large the largest logit was, how far the worst entry of
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
        What was promised and what came, in words and short numbers; made of ``due`` and ``came``.
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
    due, came
        What was promised and what came, as facts for programs. Of a skipped finding ``came`` is the reason.
    mistakes
        All mistakes that were found, the largest first; ``mistake`` is the first of them.
    oracle
        Where the truth came from that judged, such as "ball arithmetic"; None where no oracle was asked.
    note
        What is said of a promise that is kept, such as how many inputs were left out; None if there is nothing.
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
    due: Fact | None = field(default=None, compare=False, repr=False)
    came: Fact | None = field(default=None, compare=False, repr=False)
    mistakes: tuple[str, ...] = field(default=(), compare=False, repr=False)
    oracle: str | None = field(default=None, compare=False, repr=False)
    note: str | None = field(default=None, compare=False, repr=False)

    @property
    def grossness(self) -> float:
        """How grossly the promise is broken, as `grossness` says."""
        return grossness(self.due, self.came, self.bound)

    def __str__(self) -> str:
        """What a person needs to know of it, in a few lines."""
        if self.status in {"skipped", "error"}:
            return f"{self.check}: {self.status}: {self.actual}"
        lines = [f"{self.check}: {self.status}" + (f": {self.note}" if self.note else "")]
        if self.status == "failed":
            lines += [f"  {self.subject}: {self.rationale}", *(f"  {label:<8} {text}" for label, text in self.told())]
        return "\n".join(lines)

    def told(self) -> list[tuple[str, str]]:
        """The facts of a failure, each with its label, in the order in which they help."""
        case = ", ".join(f"{name} = {value}" for name, value in self.counterexample.items())
        facts = [
            ("expected", f"{self.expected}"),
            ("got", f"{self.actual}"),
            ("for", case),
            ("mistake", in_words(self.mistake) if self.mistake else ""),
            ("hint", self.hint or ""),
        ]
        return [(label, text) for label, text in facts if text]

    def _repr_html_(self) -> str:
        """The same for a notebook."""
        facts = self.told() if self.status == "failed" else [("reason", self.actual)] if self.actual else []
        shown = html.finding(self.check, self.status, f"{self.subject}: {self.rationale}", facts, self.repro)
        return shown + (html.entries(self.evidence) if self.status == "failed" and self.evidence else "")


class Findings(list[Finding]):
    """The findings of one examination, in the order of the checks.

    Examples
    --------
    >>> findings = Findings([Finding("relu.forward.values", "ReLULayer.forward", "passed", "The answer is true.")])
    >>> findings.ok, len(findings.failed)
    (True, 0)
    >>> findings.raise_on_failure()
    """

    @property
    def ok(self) -> bool:
        """Whether everything holds: nothing failed, the examiner had no fault, and at least one check passed."""
        return passed(self)

    @property
    def failed(self) -> list[Finding]:
        """The findings that failed."""
        return [each for each in self if each.status == "failed"]

    def raise_on_failure(self) -> None:
        """Raise an AssertionError unless all is well; its message is what `print` shows of the findings."""
        if not self.ok:
            raise AssertionError(str(self) if self else "there are no findings")

    def __str__(self) -> str:
        """The first failure in full, the others in short, and how many there are of each status: at most 20 lines."""
        return report(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """A table for a notebook: all that did not pass, and of the first failure a picture of its wrong entries."""
        failed = self.failed
        first = failed[0]._repr_html_() if failed else ""
        rows = [(each.check, each.status, each.subject, each.actual or "") for each in self if each.status != "passed"]
        return html.summary(counts(self), rows) + first


def passed(findings: Iterable[Finding]) -> bool:
    """Whether everything holds: nothing failed and the examiner had no fault, with at least one check passed.

    Examples
    --------
    >>> passed([])
    False
    """
    statuses = [finding.status for finding in findings]
    return "passed" in statuses and not {"failed", "error"} & set(statuses)


def grossness(due: Fact | None, came: Fact | None, bound: float | None) -> float:
    """The error of a wrong entry in units of the allowed error, or of its last digit where that is larger.

    Infinite where the entry is no finite number and should be one, and where no entry was compared.
    """
    if due is None or came is None or due.kind != "entry" or came.kind != "entry":
        return math.inf
    right, wrong = float(due["value"]), float(came["value"])
    error = abs(wrong - right)
    if not math.isfinite(error):
        return math.inf
    return error / max(bound or 0.0, math.ulp(right))


class Violation(Exception):  # noqa: N818 - a verdict on the examined, not an error of the examiner
    """A promise was broken, in fields. Raised by checks; an engine makes a `Finding` of it.

    It is never changed: `but` makes another one.

    Parameters
    ----------
    due, came
        What was promised and what came.
    index, bound, counterexample, mistake, repro, evidence
        As in `Finding`.
    asked
        What was called, for whoever wants to call it again; None if one call does not show the violation.
    mistakes
        As in `Finding`; empty if there is ``mistake`` alone.
    """

    def __init__(
        self,
        due: Fact,
        came: Fact,
        *,
        index: tuple[int, ...] | None = None,
        bound: float | None = None,
        counterexample: Mapping[str, Any] | None = None,
        mistake: str | None = None,
        repro: str | None = None,
        evidence: Evidence | None = None,
        asked: Any = None,
        mistakes: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.due = due
        self.came = came
        self.index = index
        self.bound = bound
        self.counterexample = dict(counterexample or {})
        self.mistake = mistake
        self.repro = repro
        self.evidence = evidence
        self.asked = asked
        self.mistakes = mistakes

    def __str__(self) -> str:
        return f"expected {self.due}, got {self.came}"

    @property
    def grossness(self) -> float:
        """How grossly the promise is broken, as `grossness` says."""
        return grossness(self.due, self.came, self.bound)

    def is_like(self, other: Violation) -> bool:
        """Whether this shows the same defect as another one, about as grossly.

        A number where another number is due is of another kind than a NaN, and a difference in the last digits than
        one in the first: half as many digits may be lost.
        """
        if (self.mistake, self.due.kind, self.came.kind) != (other.mistake, other.due.kind, other.came.kind):
            return False
        if math.isinf(self.grossness) or math.isinf(other.grossness):
            return self.grossness == other.grossness
        return self.grossness >= math.sqrt(other.grossness)

    def but(self, **changes: Any) -> Violation:
        """The same violation with other fields, and with its cause."""
        other = Violation(**(vars(self) | changes))
        other.__cause__ = self.__cause__
        return other


class NotApplicable(Exception):  # noqa: N818 - an outcome
    """The check cannot be made here (an oracle is absent, say).

    Parameters
    ----------
    reason
        Why not.
    """

    def __init__(self, reason: Fact) -> None:
        super().__init__(str(reason))
        self.reason = reason
