"""The runner, whatever is judged: order, skips, excuses, faults of our own; and what all examinations share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import reference
from reference.engine import Check, Context, Examination, checked_options, first_sentence, select
from reference.engine.evidence import literal
from reference.findings import Evidence, Finding, Findings, NotApplicable, Violation
from reference.wording import fact, hint_of


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


def check(
    name: str,
    run: Callable[[Any], None],
    *needs: str,
    excuses: tuple[str, ...] = (),
    unless_failed: tuple[str, ...] = (),
) -> Check:
    return Check(name, "f", first_sentence(run), run, needs, excuses, unless_failed=unless_failed)


def examined(*checks: Check) -> dict[str, Finding]:
    return {finding.check: finding for finding in Examination(checks, Bare())}


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
    assert found["errs"].came == fact("examiner failed", error="KeyError", said="'oops'")
    assert found["errs"].actual == str(found["errs"].came)


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


@pytest.mark.parametrize(
    ("run", "status"),
    [(fails, "skipped"), (is_wrong_itself, "skipped"), (lacks_an_oracle, "passed"), (holds, "passed")],
)
def test_a_check_that_nobody_needs_after_a_failure_is_not_run(run: Callable[[Any], None], status: str) -> None:
    """It is skipped, and names the failure, only where the other check failed or could not be made."""
    ran: list[str] = []
    found = examined(check("a", run), check("b", lambda context: ran.append("b"), unless_failed=("a", "not asked for")))
    assert found["b"].status == status
    assert ran == (["b"] if status == "passed" else [])
    assert found["b"].came == (fact("depends", names=("a",)) if status == "skipped" else None)


@pytest.mark.parametrize(("run", "status"), [(is_wrong_itself, "skipped"), (lacks_an_oracle, "failed")])
def test_a_fault_of_the_examiner_excuses_a_failure(run: Callable[[Any], None], status: str) -> None:
    """A failure is excused by a check that could not be made, not by one that was skipped or was not asked for."""
    assert examined(check("a", run), check("b", fails, excuses=("a", "not asked for")))["b"].status == status


def test_all_checks_that_did_not_pass_are_named() -> None:
    """What depends on several checks names those that did not pass, each once, in order."""
    found = examined(check("a", fails), check("b", holds), check("c", fails), check("d", holds, "a", "b", "c", "a"))
    assert found["d"].came == fact("depends", names=("a", "c"))
    assert found["d"].depends_on == ("a", "b", "c", "a")


class NotThere(Examination):
    """An examination in which the checks named "gone" cannot be run."""

    def obstacle(self, check: Check) -> Violation | None:
        return Violation(fact("zeros"), fact("zeros"), mistake="missing") if check.id == "gone" else None


def test_obstacle_fails_a_check_without_running_it() -> None:
    """The check fails with the mistake and its hint, whatever it depends on."""
    ran: list[str] = []
    checks = [check("a", fails), check("gone", lambda context: ran.append("gone"), "a")]
    _, found = NotThere(checks, Bare())
    assert (found.status, found.mistake, found.mistakes, ran) == ("failed", "missing", ("missing",), [])
    assert found.hint == hint_of("missing") is not None


def test_failures_have_their_hint() -> None:
    """A failure has the hint of its mistake; where the cause is known it has the hint of that cause."""

    def crashes(cause: str | None) -> Callable[[Any], None]:
        def run(context: Context) -> None:
            """It holds."""
            raise Violation(fact("zeros"), fact("absent", said="x", cause=cause), mistake="crash")

        return run

    found = examined(check("a", fails), check("b", crashes("refused")), check("c", crashes(None)))
    assert [each.hint for each in found.values()] == [hint_of("sign"), hint_of("crash", "refused"), hint_of("crash")]


def test_a_finding_keeps_what_its_violation_tells() -> None:
    """Field by field; of several mistakes the first is its word."""
    evidence = Evidence("Y", [1.0], [2.0], [0.5])
    told: dict[str, Any] = {
        "index": (0, 1), "bound": 0.5, "counterexample": {"x": [1]}, "repro": "print(1)\n", "evidence": evidence,
        "mistake": "sign", "mistakes": ("sign", "scaled"),
    }  # fmt: skip
    due, came = fact("number", value=1.0), fact("zeros")

    def run(context: Context) -> None:
        """It holds."""
        raise Violation(due, came, **told)

    found = examined(check("a", run, "b"), check("b", holds))["a"]
    assert {name: getattr(found, name) for name in told} == told
    assert (found.due, found.came, found.expected, found.actual) == (due, came, str(due), str(came))
    assert (found.check, found.subject, found.rationale, found.depends_on) == ("a", "f", "It holds.", ("b",))


def test_what_is_noted_of_a_promise_that_is_kept_is_told() -> None:
    """All of it in one line; nothing where nothing was noted."""

    def notes(context: Any) -> None:
        """It holds."""
        for said in (fact("zeros"), fact("stays"), fact("zeros")):
            context.note(said)

    found = examined(check("a", notes), check("b", holds))
    assert [each.note for each in found.values()] == [f"{fact('zeros')}; {fact('stays')}", None]


def test_a_check_without_words_has_no_rationale() -> None:
    """Of one that has some it is the first paragraph, in one line, and of a part of a function that function's."""
    assert first_sentence(lambda context: None) == ""
    assert first_sentence(holds) == first_sentence(partial(holds)) == "It holds."


def test_an_array_is_written_out_with_its_type() -> None:
    """Which is left out where it is the usual one, double precision."""
    assert "dtype" not in literal(np.array([0.5]))
    assert "dtype=np.float32" in literal(np.array([0.5], np.float32))


def test_long_sentences_are_cut() -> None:
    """What was expected and what came are cut at 2000 letters each; the facts themselves are whole."""

    def run(context: Context) -> None:
        """It holds."""
        raise Violation(fact("absent", said="d" * 3000, cause=None), fact("absent", said="c" * 3000, cause=None))

    found = examined(check("a", run))["a"]
    assert (len(found.expected or ""), len(found.actual or "")) == (2000, 2000)
    assert found.came is not None
    assert len(found.came["said"]) == 3000
    assert (found.mistake, found.mistakes, found.oracle) == (None, (), None)


def test_oracle_is_told_of_verdicts_alone() -> None:
    """A check that was skipped or could not be made tells no oracle, though it may have asked one."""

    def asks_and(raises: Callable[[Any], None]) -> Callable[[Any], None]:
        def run(context: Context) -> None:
            """It holds."""
            asks_an_oracle(context)
            context.note_oracle("another")
            raises(context)

        return run

    runs = {"a": holds, "b": fails, "c": lacks_an_oracle, "d": is_wrong_itself}
    found = examined(*(check(name, asks_and(run)) for name, run in runs.items()))
    assert [each.oracle for each in found.values()] == ["the oracle, another", "the oracle, another", None, None]


NAMED = [
    Check("softmax.made", "SoftmaxLayer", "It holds.", holds),
    Check("softmax.forward.values", "SoftmaxLayer.forward", "It holds.", holds, ("softmax.made",)),
    Check("softmax.forward.kink", "SoftmaxLayer.forward", "It holds.", holds, ("softmax.forward.values",)),
    Check("softmax.delta.values", "SoftmaxLayer.delta", "It holds.", holds, ("softmax.made",)),
    Check("relu.made", "ReLULayer", "It holds.", holds),
    Check("vjp.gradient[0].values", "vjp", "It holds.", holds),
]


@pytest.mark.parametrize(
    ("only", "number"),
    [
        ("*", 6), ("softmax", 4), ("SoftmaxLayer", 4), ("softmaxlayer", 4), ("softmax.*", 4), ("softmax.forward", 3),
        ("SoftmaxLayer.forward", 3), ("softmax.forward.kink", 3), ("SoftmaxLayer.delta", 2), ("softmax.made", 1),
        ("relu.made, softmax.delta", 3), ("*.values", 4), ("softmax.?elta.values", 2),
        ("vjp.gradient[0].values", 1), ("vjp.gradient[0].*", 1), ("*.gradient[[]0].values", 1),
    ],
)  # fmt: skip
def test_checks_are_asked_for_by_many_names(only: str, number: int) -> None:
    """By a pattern, or the name of a class, of a method or of the first part of an id, in letters of any size."""
    found = select(only, NAMED)
    assert len(found) == number
    assert found == [each for each in NAMED if each in found]


def test_what_is_misspelt_is_told() -> None:
    """The error names the pattern, what was probably meant, and the given hint; what is like nothing has no guess."""
    with pytest.raises(ValueError, match=r"^no check matches 'Softmx'; did you mean 'softmax\.\*'\? see --list$"):
        select("relu.made,Softmx", NAMED, "see --list")
    with pytest.raises(
        ValueError, match=r"^no check matches 'SOFTMAX\.BACKWARD\.\*'; did you mean 'softmax\.forward\.\*'\? $"
    ):
        select("SOFTMAX.BACKWARD.*", NAMED)
    with pytest.raises(ValueError, match=r"^no check matches 'xyzzy'$"):
        select("xyzzy", NAMED)


@pytest.mark.parametrize("effort", ["slow", "", None, "QUICK"])
def test_efforts_are_three(effort: Any) -> None:
    """Another effort is refused, and the message names the three."""
    with pytest.raises(ValueError, match=r"^effort: expected one of quick, normal, exhaustive, got "):
        checked_options(0, effort)
    assert checked_options(0, "exhaustive") == (0, "exhaustive")
    assert type(checked_options(np.uint8(3), "normal")[0]) is int


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
