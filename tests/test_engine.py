"""The runner, whatever is judged: order, skips, excuses, faults of our own; and what all examinations share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reference
from reference.engine import Check, Context, Examination, checked_options, first_sentence, select
from reference.findings import Finding, Findings, NotApplicable, Violation
from reference.wording import fact


class Bare(Context):
    def __init__(self) -> None:
        self.seed, self.effort, self.oracles = 0, "quick", []


def holds(context: Context) -> None:
    """It holds.

    More is not told.
    """


def fails(context: Context) -> None:
    """It does not."""
    raise Violation(fact("number", value=1.0), fact("zeros"), mistake="sign", counterexample={"x": [1]})


def lacks_an_oracle(context: Context) -> None:
    """Nobody knows."""
    raise NotApplicable(fact("no oracle", said="there is none"))


def is_wrong_itself(context: Context) -> None:
    """The examiner's own fault."""
    raise KeyError("oops")


def asks_an_oracle(context: Context) -> None:
    """It holds, as an oracle says."""
    context.note_oracle("the oracle")
    context.note_oracle("the oracle")


def check(name: str, run: Callable[[Any], None], *needs: str, excuses: tuple[str, ...] = ()) -> Check:
    return Check(name, "f", first_sentence(run), run, needs, excuses)


def examined(*checks: Check) -> dict[str, Finding]:
    return {finding.check: finding for finding in Examination(checks, Bare()).findings()}


def test_each_outcome_has_its_status() -> None:
    """With the reason as a fact, and the promise as the docstring says it."""
    runs = {"holds": holds, "fails": fails, "lacks": lacks_an_oracle, "errs": is_wrong_itself}
    found = examined(*(check(name, run) for name, run in runs.items()))
    assert [each.status for each in found.values()] == ["passed", "failed", "skipped", "error"]
    assert found["holds"].rationale == "It holds."
    failure = found["fails"]
    assert (failure.mistake, failure.mistakes, failure.counterexample) == ("sign", ("sign",), {"x": [1]})
    assert (failure.due, failure.came) == (fact("number", value=1.0), fact("zeros"))
    assert found["lacks"].came == fact("no oracle", said="there is none")
    assert "KeyError" in str(found["errs"].actual)


@pytest.mark.parametrize("run", [fails, lacks_an_oracle, is_wrong_itself])
def test_what_depends_on_a_check_that_did_not_pass_is_skipped(run: Callable[[Any], None]) -> None:
    """It names that check; where that was skipped itself, its reason counts."""
    found = examined(check("a", run), check("b", holds, "a"), check("c", holds, "b"))
    assert [found[name].status for name in "bc"] == ["skipped", "skipped"]
    due = found["a"].came if run is lacks_an_oracle else fact("depends", names=("a",))
    assert found["b"].came == found["c"].came == due


def test_a_failure_that_may_be_anothers_fault_is_skipped() -> None:
    """Only where that other one has failed; what passes, passes."""
    found = examined(
        check("a", fails), check("b", fails, excuses=("a",)), check("c", holds, excuses=("a",)),
        check("d", fails, excuses=("c",)),
    )  # fmt: skip
    assert [each.status for each in found.values()] == ["failed", "skipped", "passed", "failed"]
    assert found["b"].came == fact("suspects", names=("a",))


def test_a_check_is_run_once_and_after_what_it_depends_on() -> None:
    """In whatever order findings are asked for."""
    ran: list[str] = []
    examination = Examination(
        [check("a", lambda context: ran.append("a")), check("b", lambda context: ran.append("b"), "a")], Bare()
    )
    assert examination.finding("b").status == "passed"
    assert examination.finding("a").status == "passed"
    assert ran == ["a", "b"]


def test_the_oracle_is_told_of_the_check_that_asked_it() -> None:
    """Once, and of no other check."""
    found = examined(check("a", asks_an_oracle), check("b", holds))
    assert (found["a"].oracle, found["b"].oracle) == ("the oracle", None)


def test_checks_are_selected_with_what_they_depend_on() -> None:
    """By a pattern; what matches nothing is refused, with what was probably meant."""
    checks = [check("relu.a", holds), check("relu.b", holds, "relu.a"), check("linear.c", holds)]
    assert [each.id for each in select("*.b", checks)] == ["relu.a", "relu.b"]
    with pytest.raises(ValueError, match=r"no check matches 'lineer\.c'; did you mean 'linear\.c'"):
        select("lineer.c", checks)


@pytest.mark.parametrize(
    ("seed", "error"), [(True, TypeError), (1.0, TypeError), ("1", TypeError), (None, TypeError), (-1, ValueError)]
)
def test_seeds_are_whole_numbers_of_at_least_0(seed: Any, error: type[Exception]) -> None:
    """For the lab's contract as for a function; numpy's whole numbers are some."""
    assert checked_options(np.int64(3), "quick") == (3, "quick")
    with pytest.raises(error, match="seed: expected a whole number"):
        reference.check({"ReLULayer": object}, seed=seed)
    with pytest.raises(error, match="seed: expected a whole number"):
        reference.check_vjp(np.tanh, lambda c, x: (c,), np.ones(2), seed=seed)


def test_findings_say_whether_all_holds() -> None:
    """And raise what failed; where nothing passed they say why nothing could be judged."""
    passed = Finding("a.b", "A.b", "passed", "It holds.")
    failed = Finding("a.c", "A.c", "failed", "It holds.", "1", "2", hint="Think <again>.", repro="print(1)\n")
    skipped = Finding("a.d", "A.d", "skipped", "It holds.", actual="nobody knows")
    assert Findings([passed, skipped]).ok
    Findings([passed, skipped]).raise_on_failure()
    assert Findings([passed, failed]).failed == [failed]
    with pytest.raises(AssertionError, match=r"(?s)a\.c: failed.*expected 1.*got      2"):
        Findings([passed, failed]).raise_on_failure()
    with pytest.raises(AssertionError, match="nobody knows"):
        Findings([skipped]).raise_on_failure()
    with pytest.raises(AssertionError, match="there are no findings"):
        Findings().raise_on_failure()
    assert str(Findings([passed, skipped, passed])).splitlines() == [
        "a.d: skipped: nobody knows",
        "2 passed, 1 skipped",
    ]


def test_findings_show_themselves_in_notebooks() -> None:
    """What failed, escaped, with its script; or how many passed."""
    failed = Finding("a.c", "A.c", "failed", "It holds.", "1", "<script>", hint="Think.", repro="print(1)\n")
    page = Findings([failed])._repr_html_()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "<pre>print(1)" in page
    assert "1 passed" in Findings([Finding("a.b", "A.b", "passed", "It holds.")])._repr_html_()
    assert "nobody knows" in Finding("a.d", "A.d", "skipped", "It holds.", actual="nobody knows")._repr_html_()
