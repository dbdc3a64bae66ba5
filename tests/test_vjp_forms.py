"""What the promises of the form of answers are held to: which cases, layouts and calls, with which words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import promises, rigorous
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.specification import Specification
from reference.gradients.subject import Subject
from reference.numerics.oracles import ball, torch_autograd
from reference.wording import fact
from tests.test_vjp_promises import LABELS, Counting, X, Y, broken, context, forward, questions, vjp

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]


def test_what_is_no_answer_is_told_with_its_arguments() -> None:
    """Also where it is only the same answer that is asked for."""
    for two, due, came in (
        (lambda c, x, y: vjp(c, x, y)[0], "gradients", "not in a tuple"), (lambda c, x, y: (vjp(c, x, y)[0], None),
         "real numbers", "type"),
    ):  # fmt: skip
        violation = broken(promises.check_no_state, context(two=two), "vjp")
        assert (violation.due.kind, violation.came.kind) == (due, came)
        assert set(violation.counterexample or ()) == questions("vjp")
        if due == "real numbers":
            assert violation.due["what"] == "gradient[1]"
    violation = broken(promises.check_no_state, context(lambda x, y: None), "forward")
    assert (violation.due["what"], set(violation.counterexample or ())) == ("forward", questions("forward"))


def test_answers_that_share_memory_are_told_with_their_arguments() -> None:
    """Whether with each other or with a later call; numbers share none."""
    kept = np.zeros(X.shape)

    def keeping(c: Any, x: Any, y: Any) -> Any:
        kept[...] = c * x
        return kept, y * 1

    shared = context(two=lambda c, x, y: [(both := c * 1), both[0]], owns=True)
    for asked in (shared, context(two=keeping)):
        violation = broken(promises.check_result_is_its_own, asked, "vjp")
        assert set(violation.counterexample or ()) == questions("vjp")
    total = context(lambda x: float(x.sum()), lambda c, x: (c * np.ones(x.shape),), (X,), owns=True)
    promises.check_result_is_its_own(total, "forward")


@pytest.mark.parametrize("part", ["forward", "vjp"])
def test_what_is_repeated_may_differ_by_twice_the_bound(part: str) -> None:
    """Entry by entry, each part by its own; NaN is NaN again, and no number otherwise."""
    asked = context()
    case = asked.cases[0]
    first, bounds = [X, Y], [np.full(X.shape, 0.25), np.full(Y.shape, 1.0)]
    if part == "forward":
        first, bounds = first[:1], bounds[:1]

    def same(*answers: Array) -> None:
        promises._check_same(asked, part, first, list(answers), bounds, case)

    others = first[1:]
    same(X + 0.4999, *others)
    same(X - 0.4999, *(each + 1.999 for each in others))
    for off in (0.51, -0.51):
        with pytest.raises(Violation) as caught:
            same(X + np.where(X[1, 2] == X, off, 0.0), *others)
        violation = caught.value
        assert violation.index == (1, 2)
        assert violation.due["what"] == ("forward" if part == "forward" else "gradient[0]")
        assert set(violation.counterexample or ()) == questions(part)
    strange = np.where(X[0, 1] == X, np.nan, X)
    with pytest.raises(Violation):
        same(strange, *others)
    first[0] = np.where(X[1, 1] == X, np.inf, strange)
    same(first[0].copy(), *others)
    with pytest.raises(Violation):
        same(strange, *others)
    first[0] = strange
    with pytest.raises(Violation):
        same(X, *others)
    with pytest.raises(Violation) as caught:
        same(X[:1], *others)
    assert caught.value.due["what"] == ("forward" if part == "forward" else "gradient[0]")
    assert (caught.value.due["shape"], caught.value.came["shape"]) == (X.shape, (1, 4))
    if others:
        with pytest.raises(Violation) as caught:
            same(strange, Y + 2.01)
        assert caught.value.due["what"] == "gradient[1]"


def test_what_repeats_is_bounded_in_its_own_precision() -> None:
    """Whole numbers are bounded as double precision is."""
    double, single, whole = promises._repeated([X, X.astype(np.float32), np.array([1, -2])])
    assert single / double == pytest.approx(np.full(X.shape, 2.0**29), rel=1e-6)
    assert whole == pytest.approx(2 / np.abs(X).max() * double.max())


@pytest.mark.parametrize("which", [*range(6), None])
def test_answers_scatter_if_any_of_several_calls_differs(which: int | None) -> None:
    """Every later call is compared with the first."""
    counted = Counting(lambda n: 0.5 * (n - 1 == which))
    asked = context(counted)
    case = asked.cases[0]
    bounds = promises._repeated([forward(X, Y)])
    counted.calls = 0
    assert promises._is_scattered(asked, "forward", case, bounds) is (which is not None)
    assert counted.calls == 6


@pytest.mark.parametrize(("part", "is_large", "is_called"), [
    ("vjp", False, True), ("vjp", True, False), ("forward", False, False), ("forward", True, False),
])  # fmt: skip
def test_the_forward_pass_comes_first(part: str, is_large: bool, is_called: bool) -> None:
    """Before a vjp, which may rely on it, unless calls are counted."""
    seen: list[Any] = []
    given: Any = SimpleNamespace(pattern=SimpleNamespace(is_large=is_large), run_forward=seen.append)
    case = Case("made", (X, Y), 0)
    promises._forward_first(given, part, case)
    assert [each is case.args for each in seen] == [True] * is_called


def test_what_rounding_grants_to_an_answer() -> None:
    """Of many numbers the forward pass is granted what repeats, since measuring takes calls."""
    case, measured, bounds = Case("made", (X, Y), 0), np.full(X.shape, 0.5), [X, Y]
    given: Any = SimpleNamespace(
        pattern=SimpleNamespace(is_large=False), output=lambda of: X if of is case else None,
        forward_bound=lambda of, output: measured if of is case and output is X else None,
        cotangents=lambda of: [Y, X] if of is case else None,
        gradients=lambda of, cotangent: (None, bounds if of is case and cotangent is Y else None),
    )  # fmt: skip
    (found,) = promises._granted(given, "forward", case)
    assert found is measured
    assert promises._granted(given, "vjp", case) is bounds
    given.pattern.is_large = True
    assert np.array_equal(promises._granted(given, "forward", case)[0], promises._repeated([X])[0])
    assert promises._granted(given, "vjp", case) is bounds


@pytest.mark.parametrize(
    ("kinds", "is_large", "due"),
    [
        ("given short ties zeros ordinary ordinary", False, [0, 1, 2, 5]), ("given short ties", False, [0, 1, 2, 1]),
        ("given ties", False, [0, 1, 0]), ("given short ordinary", True, [0, 2]), ("", False, [0]),
    ],
)  # fmt: skip
def test_a_few_cases_are_asked(kinds: str, is_large: bool, due: list[int]) -> None:
    """The first, and at last an ordinary one, or the given one where there is none."""
    words = {"given": "as given", "short": "short numbers", "ordinary": "ordinary numbers"}
    calm = [Case(words.get(kind, kind), (X,), number) for number, kind in enumerate(kinds.split())]
    every = calm or [Case("as given", (X,), 0)]
    every = [*every, Case("numbers of size 30", (X,), 9)]
    given: Any = SimpleNamespace(calm=lambda: calm, cases=every, pattern=SimpleNamespace(is_large=is_large))
    assert [each.seed for each in promises._some(given)] == due


def test_what_is_given_has_to_have_gradients() -> None:
    """An exception there is told; elsewhere it is not asked."""

    def only(is_given: bool) -> Any:
        return lambda c, x, y: vjp(c, x, y) if np.array_equal(x, X) is is_given else [].pop()

    promises.check_gradient_answers(context(two=only(True)))
    assert broken(promises.check_gradient_answers, context(two=only(False))).mistake == "crash"


def test_too_few_legal_inputs_are_told_where_nothing_else_says_which_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a definition says which inputs are legal, the check passes."""
    for module in (torch_autograd, ball, rigorous):
        monkeypatch.setattr(module, "available", lambda: "not needed here")

    def narrow(x: Any, y: Any) -> Any:
        return forward(x, y) if np.array_equal(x, X) else x * np.nan

    with pytest.raises(NotApplicable):
        promises.check_forward_answers(context(narrow))
    asked = context()
    asked.spec = Specification(forward, pattern((X, Y), None))
    promises.check_forward_answers(asked)
    asked.check_enough = [].pop  # type: ignore[method-assign, assignment]
    promises.check_forward_answers(asked)


def test_an_argument_that_is_constant_is_noted() -> None:
    """Where its gradient is judged all the same."""
    for constant, notes in ((frozenset({1}), (fact("argument constant", number=1),)), (frozenset({0}), ())):
        asked = context(constant=constant)
        promises.check_gradient_types(asked, 1)
        assert asked.notes == notes


def test_of_many_numbers_one_case_shows_the_form() -> None:
    """At others nothing is asked for that."""
    many = np.linspace(1.0, 2.0, 5001)
    seen: list[Any] = []
    asked = context(lambda x: x * 2.0, lambda c, x: (seen.append(x) or c * 2.0,), (many,))
    promises.check_gradient_types(asked, 0)
    assert [np.array_equal(each, many) for each in seen] == [True]
    asked.judged()
    asked.subject = Subject(lambda x: seen.append(x) or x * 2.0, asked.subject.vjp, asked.pattern)
    seen.clear()
    promises.check_forward_types(asked)
    assert [np.array_equal(each, many) for each in seen] == [True]


@pytest.mark.parametrize("part", ["forward", "vjp"])
@pytest.mark.parametrize("is_large", [False, True])
def test_each_layout_is_asked_for(part: str, is_large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal rows in an array whose rows are one; of many numbers only two layouts, for their calls are counted."""
    args = (np.linspace(1.0, 2.0, 5001).reshape(3, -1), np.ones(1667)) if is_large else (X, Y)
    asked, seen = context(args=args), list[Any]()
    monkeypatch.setattr(promises, "_check_layout", lambda given, *of: seen.append(of))
    promises.check_layouts(asked, part)
    assert {of[0] for of in seen} == {part}
    assert [of[2] for of in seen] == (
        ["strided", "read-only"] if is_large else ["Fortran", "strided", "reversed", "read-only", "broadcast"]
    )
    last = seen[-1][1]
    assert (last.kind == "equal rows") is not is_large
    assert is_large or all((each == each[:1]).all() for each in last.args)
    for _, case, _, plain, bounds in seen:
        assert [each.shape for each in plain] == [each.shape for each in bounds]
        assert all(map(np.array_equal, plain, promises._values(asked, part, case)))
        assert all((each > 0).all() for each in bounds)


def test_equal_rows_are_asked_for_where_they_are_legal() -> None:
    """A function that raises an exception there is not to blame."""

    def apart(x: Any, y: Any) -> Any:
        return [].pop() if (x == x[:1]).all() else forward(x, y)

    for part in ("forward", "vjp"):
        promises.check_layouts(context(apart), part)


def test_the_forward_pass_comes_before_a_vjp_in_each_layout() -> None:
    """With the plain arguments of that case, on which a vjp may rely; an exception is told as of the part."""
    kept: list[Any] = []

    def keeping(x: Any, y: Any) -> Any:
        kept[:] = [x.copy()]
        return forward(x, y)

    asked = context(keeping, lambda c, x, y: vjp(c, kept.pop(), y))
    asked.run_forward(asked.cases[-1].args)
    promises.check_layouts(asked, "vjp")
    for part, of in (("forward", "one"), ("vjp", "two")):
        with pytest.raises(Violation) as caught:
            promises._values(context(**{of: lambda *_: [].pop()}), part, asked.cases[0])
        assert caught.value.due["what"] == part


def test_memory_is_no_answers_own_in_words() -> None:
    """What is shared is told, and only later calls make it a matter of state."""
    both = context(two=lambda c, x, y: [(both := c * 1), both[0]], owns=True)
    violation = broken(promises.check_result_is_its_own, both, "vjp")
    assert (violation.due, violation.came) == (fact("gradients with memory"), fact("gradients share memory"))
    violation = broken(promises.check_result_is_its_own, context(lambda x, y: y, owns=True), "forward")
    assert violation.mistake == "aliases-input"


def test_each_judged_case_shows_the_form() -> None:
    """A wrong one is told where it comes, with its arguments."""
    limit = 100.0
    asked = context(two=lambda c, x, y: vjp(c, x if np.abs(x).max() < limit else x.T.copy().T[None], y))
    violation = broken(promises.check_gradient_types, asked, 0)
    assert violation.mistake == "wrong-shape"
    labels = context(lambda x, n: x[n], lambda c, x, n: (np.eye(3)[n].T @ c, np.ones(3)), (X, LABELS))
    violation = broken(promises.check_gradient_types, labels, 1)
    assert set(violation.counterexample or ()) == {"cotangent", "args[0]", "args[1]"}


def test_a_gradient_of_a_fixed_argument_has_its_form_if_there_is_one() -> None:
    """None is accepted in its place."""
    given = pattern((X, Y), None, fixed=(1,))
    for second, is_right in ((None, True), (Y, True), (Y[:2], False), (Y.astype(np.float32), False)):
        subject = Subject(forward, lambda c, x, y, second=second: (vjp(c, x, y)[0], second), given)
        asked = Context(subject, None, 0, "quick")
        if is_right:
            promises.check_gradient_types(asked, 1)
        else:
            broken(promises.check_gradient_types, asked, 1)


def test_an_answer_after_other_questions_is_compared_at_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many numbers the forward pass is not called once more for that."""
    many = np.linspace(1.0, 2.0, 5001)
    for part, is_large, count in (("forward", False, 5), ("vjp", False, 5), ("forward", True, 4), ("vjp", True, 5)):
        args = (many,) if is_large else (X,)
        asked = context(lambda x: x * 2.0, lambda c, x: (c * 2.0,), args)
        seen: list[Any] = []
        plain = promises._values

        def watched(given: Any, part: str, case: Any, *layout: Any, seen: list[Any] = seen, plain: Any = plain) -> Any:
            seen.append(case)
            return plain(given, part, case, *layout)

        with monkeypatch.context() as patch:
            patch.setattr(promises, "_values", watched)
            promises.check_no_state(asked, part)
        here = asked.cases[0]
        assert [case is here for case in seen] == [True] * (count - 2) + [False, True]
        assert seen[-2] is promises._some(asked)[-1]


def test_layouts_are_those_of_an_ordinary_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of the few cases that are asked is laid out in other ways."""
    asked, seen = context(), list[Any]()
    monkeypatch.setattr(promises, "_check_layout", lambda given, part, case, *_: seen.append(case))
    promises.check_layouts(asked, "forward")
    assert seen[0] is promises._some(asked)[-1]
    assert seen[-1].seed == seen[0].seed
