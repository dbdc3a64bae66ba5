"""What each check of numbers asks of a function: which oracle judges which cases, what is linear, what is noted."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import hidden, lost, noise, rigorous, sampled, values
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.specification import Specification
from reference.gradients.subject import Subject, asked
from reference.numerics import function_tolerances, tolerances
from reference.numerics.oracles import ball, torch_autograd
from reference.wording import fact
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, Y, N = drawn(2, 3), drawn(3) + 2.0, np.array([1, 0])


@pytest.fixture(autouse=True)
def without_balls(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Nor tensors; what overflows is no matter here."""
    for module in (rigorous, ball, torch_autograd):
        monkeypatch.setattr(module, "available", lambda: "not needed here")
    monkeypatch.setattr(lost, "is_lost", lambda *_: False)
    with np.errstate(all="ignore"):
        yield


class Linear:
    """A context whose gradients are linear in the cotangent, but for what ``change`` makes of one.

    No rounding is granted, and none is needed: the cotangents are short numbers, and their factors powers of 2.
    """

    spec = None

    def __init__(self, change: Any = lambda c, answers: answers, size: int = 6, dtype: Any = np.float64) -> None:
        self.change, self.dtype, self.shape = change, np.dtype(dtype), (size,)
        self.pattern = pattern((np.ones(size, dtype), N, np.ones(3, dtype)), None)
        self.cases = [Case(f"case {number}", self.pattern.args, number) for number in range(5)]
        self.asked: list[tuple[Case, Array]] = []

    def calm(self) -> list[Case]:
        return self.cases

    def gradients(self, case: Case, c: Array) -> tuple[tuple[Array, ...], list[Array]]:
        self.asked.append((case, c))
        answers = self.change(c, [2.0 * c, c[:3] - c[3:6]])
        return tuple(answers), [np.zeros(self.shape), np.zeros(3)]

    def gradient_function(self, case: Case) -> Any:
        return lambda c, x, y: self.gradients(case, c)[0] if (x.shape, y.shape) == (self.shape, (3,)) else None


def check_linear(given: Any) -> None:
    values.check_linear(given)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradients_of_sums_multiples_and_nothing_are_asked_for(dtype: Any) -> None:
    """In the first two cases and the last, in the precision of the arguments; the seed of the case draws them."""
    given = Linear(dtype=dtype)
    check_linear(given)
    assert [case.seed for case, _ in given.asked] == [0] * 6 + [1] * 6 + [4] * 6
    assert {(c.dtype, c.shape) for _, c in given.asked} == {(np.dtype(dtype), (6,))}
    for start in (0, 6, 12):
        one, two, mixed, *multiples, nothing = (c.astype(float) for _, c in given.asked[start : start + 6])
        assert np.array_equal(mixed, 2 * one - two / 2)
        assert not nothing.any()
        assert one.all()
        assert not np.array_equal(one, two)
        assert all(map(np.array_equal, multiples, (scale * one for scale in tolerances.LINEARITY_SCALES)))
    assert not np.array_equal(given.asked[0][1], given.asked[6][1])
    again = Linear(dtype=dtype)
    check_linear(again)
    assert all(np.array_equal(one, two) for (_, one), (_, two) in zip(given.asked, again.asked, strict=True))


@pytest.mark.parametrize(("count", "seeds"), [(1, {0}), (2, {0, 1}), (3, {0, 1, 2}), (4, {0, 1, 3})])
def test_a_case_is_asked_once(count: int, seeds: set[int]) -> None:
    """The few cases are asked once each."""
    given = Linear()
    given.cases = given.cases[:count]
    check_linear(given)
    assert {case.seed for case, _ in given.asked} == seeds
    assert len(given.asked) == 6 * len(seeds)


def small(c: Any) -> bool:
    return bool(0 < np.abs(c).max() < 2.0**-20)


@pytest.mark.parametrize(
    "is_wrong",
    [lambda c: not c.any(), small, lambda c: np.abs(c).max() > 2.0**20, lambda c: 2.0 < np.abs(c).max() < 2.0**20],
)
@pytest.mark.parametrize("number", [0, 2])
def test_each_of_them_has_to_fit(is_wrong: Any, number: int) -> None:
    """In each gradient and each case; what is wrong is told with its cotangent, and where it came from."""
    for seed in (0, 1, 4):
        given = Linear()

        def change(c: Array, answers: list[Array], seed: int = seed, given: Linear = given) -> list[Array]:
            if given.asked[-1][0].seed == seed and is_wrong(c):
                answers[number // 2][1] += 2.0**-60 + 2.0**-30 * answers[number // 2][1]
            return answers

        given.change = change
        with pytest.raises(Violation) as caught:
            check_linear(given)
        violation = caught.value
        assert (violation.due["what"], violation.index) == (f"gradient[{number}]", (1,))
        assert [each.kind for each in violation.due.more] == ["from other cotangents"]
        case, cotangent = given.asked[-1]
        assert violation.counterexample == asked(case.args, cotangent)


def test_a_case_whose_gradients_are_not_finite_is_passed_over() -> None:
    """Others are judged; where there are none, nothing is."""

    def strange(seeds: Sequence[int]) -> Linear:
        given = Linear()
        given.change = lambda c, answers: [
            each * (np.nan if given.asked[-1][0].seed in seeds else 1.0) for each in answers
        ]
        return given

    odd = Linear()
    odd.change = lambda c, answers: [each * (np.inf if len(odd.asked) == 2 else 1.0) for each in answers]
    check_linear(odd)
    assert [case.seed for case, _ in odd.asked] == [0] * 2 + [1] * 6 + [4] * 6
    given = strange([0])
    check_linear(given)
    assert [case.seed for case, _ in given.asked] == [0] * 2 + [1] * 6 + [4] * 6
    with pytest.raises(NotApplicable) as caught:
        check_linear(strange([0, 1, 4]))
    assert caught.value.reason == fact("gradient nowhere finite")


def test_of_many_numbers_one_case_is_judged() -> None:
    """There no rounding is measured but for what may underflow; the terms have bounds of their own."""
    given = Linear(size=function_tolerances.LARGE + 1)
    check_linear(given)
    assert {case.seed for case, _ in given.asked} == {0}
    least = tolerances.UNDERFLOWS * np.finfo(float).tiny
    for off, is_wrong in ((0.5 * least, False), (2.0 * least, True)):
        given = Linear(lambda c, answers, off=off: [each + off * (not c.any()) for each in answers], given.shape[0])
        if not is_wrong:
            check_linear(given)
            continue
        with pytest.raises(Violation):
            check_linear(given)


def test_bounds_add_up_by_their_factors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of all terms and of the sum itself; a factor counts by its size."""
    given: Any = Linear()
    case, one, two = given.cases[0], np.arange(1.0, 7.0), -np.arange(1.0, 7.0)
    found, bounds = [one, one[:3]], [np.full(6, 0.25), np.full(3, 0.25)]
    other, granted = [two, two[:3]], [np.full(6, 1.0), np.full(3, 1.0)]
    due = 2 * one - two / 2
    # 1/8 and twice 1/4 and half of 1.
    for off, is_wrong in ((1.125, False), (1.1875, True)):
        for sign in (1.0, -1.0):
            answers = [due, due[:3] + sign * off * np.array([0.0, 0.0, 1.0])]
            monkeypatch.setattr(
                values, "_answered", lambda *_, answers=answers: (answers, [np.full(6, 0.125), np.full(3, 0.125)])
            )
            terms = {2.0: (one, (found, bounds)), -0.5: (two, (other, granted))}
            if not is_wrong:
                values._check_combination(given, case, due, terms)
                continue
            with pytest.raises(Violation) as caught:
                values._check_combination(given, case, due, terms)
            assert (caught.value.index, caught.value.due["what"]) == ((2,), "gradient[2]")


@pytest.mark.parametrize("right", [0, 1, 2, 3])
def test_what_a_right_formula_rounds_is_not_linear(right: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry is excused if it is lost to rounding with each of the cotangents; with some is not enough."""
    given: Any = Linear(lambda c, answers: [answers[0], answers[1] + [0.0, 0.5, 0.0]])
    case, one, two = given.cases[0], np.arange(1.0, 7.0), -np.arange(1.0, 7.0)
    due, seen = 2 * one - two / 2, list[Any]()

    def is_lost(*of: Any) -> bool:
        seen.append(of)
        return len(seen) <= right

    monkeypatch.setattr(lost, "is_lost", is_lost)
    zeros = [np.zeros(6), np.zeros(3)]
    terms = {f: (c, ([2.0 * c, c[:3] - c[3:6]], zeros)) for f, c in ((2.0, one), (-0.5, two))}
    if right == 3:
        values._check_combination(given, case, due, terms)
    else:
        with pytest.raises(Violation):
            values._check_combination(given, case, due, terms)
    expected = [(given, case, c, 1, (1,)) for c in (due, one, two)]
    assert len(seen) == min(right + 1, 3)
    for of, wanted in zip(seen, expected, strict=False):
        assert all(one is two or one == two for one, two in zip(of, wanted, strict=True))
    assert not values._is_lost(given, case, one, 1, None)


def forward(x: Any) -> Any:
    return np.sin(x)


def of_definition(one: Any, spec: Any = forward, args: Any = (X,)) -> Context:
    given = pattern(args, None)
    return Context(Subject(one, lambda c, x: (c * np.cos(x),), given), Specification(spec, given), 0, "quick")


def test_a_wrong_output_is_told_with_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """The evaluator is named; roundings that bounds do not see are asked for in the shape of the definition."""

    def off(x: Any) -> Any:
        found = forward(x)
        found[1, 2] += 1e-3
        return found[None]

    given = of_definition(off)
    seen: list[Any] = []

    def of_forward(context: Any, case: Case, output: Array) -> Array:
        seen.append((context is given, case, output.shape))
        return np.full(output.shape, granted)

    monkeypatch.setattr(hidden, "of_forward", of_forward)
    granted = 0.0
    with pytest.raises(Violation) as caught:
        values.check_forward_values(given)
    assert given.oracles == ["numpy"]
    assert caught.value.due["what"] == caught.value.came["what"] == "forward"
    assert caught.value.index == (1, 2)
    assert caught.value.counterexample == asked(given.cases[0].args)
    assert {each[0] for each in seen} == {True}
    assert {each[2] for each in seen} == {(1, 2, 3)}
    assert seen[0][1] is given.cases[0]
    granted = 1e-2
    values.check_forward_values(given)


def test_a_definition_without_a_value_judges_nothing() -> None:
    """In other cases it judges; outputs of another shape are told with both."""
    given = of_definition(forward)
    given.judged()
    truth = given.spec.value  # type: ignore[union-attr]
    given.spec.value = lambda args: None if args is given.cases[0].args else truth(args)  # type: ignore[union-attr, method-assign]
    values.check_forward_values(given)
    given.judged = lambda: given.cases[:1]  # type: ignore[method-assign]
    with pytest.raises(NotApplicable) as caught:
        values.check_forward_values(given)
    assert caught.value.reason == fact("specification nowhere finite")
    rows = of_definition(lambda x: x.sum(axis=1), lambda x: x.sum(axis=1, keepdims=True))
    values.check_forward_values(rows)
    for shape, other in (((2, 3), (3, 2)), ((2, 1), (1, 1)), ((2, 3), (2, 3, 2))):
        one = of_definition(lambda x, shape=shape: np.ones(shape), lambda x, other=other: np.ones(other))
        with pytest.raises(NotApplicable) as caught:
            values.check_forward_values(one)
        assert caught.value.reason == fact("output of another shape", shape=shape, due=other)
    with pytest.raises(NotApplicable) as caught:
        values.check_forward_values(Context(Subject(forward, forward, pattern((X,), None)), None, 0, "quick"))
    assert caught.value.reason == fact("no specification")


class Asked:
    """A context, and notes of which oracle is asked for which cases."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, spec: Any, is_large: bool, known: str, left: str) -> None:
        self.calls: list[Any] = []
        self.cases = [Case(kind, (X, N, Y), number) for number, kind in enumerate("abcd")]
        self.judges, self.oracles, self.notes = True, list[str](), list[Any]()
        self.pattern = SimpleNamespace(is_large=is_large)
        self.largest, self.unit, self.spec, self.differences = 1e300, 0.5, spec, object()
        self.known = SimpleNamespace(is_known=lambda case: case.kind in known, gradient=object())
        self.left = [case for case in self.cases if case.kind in left]
        for name in ("compare_with_known", "compare_with_differences"):
            monkeypatch.setattr(values, name, self.noting(name))
        monkeypatch.setattr(sampled, "compare", self.noting("sampled"))
        monkeypatch.setattr(noise, "tell", lambda *of: self.calls.append(("noise", *of)))

    def noting(self, name: str) -> Any:
        def compare(given: Any, *of: Any) -> Any:
            assert given is self
            oracle, number, comparison, cases = of if len(of) == 4 else (None, *of, [])
            assert (number, comparison.name, comparison.largest, comparison.unit) == (2, "gradient[2]", 1e300, 0.5)
            comparison.judged += self.judges
            self.calls.append((name, oracle, "".join(case.kind for case in cases)))
            return self.left if name == "compare_with_known" else None

        return compare

    def generic(self) -> list[Case]:
        return self.cases

    def require_shape(self, number: int) -> None:
        self.calls.append(("shape", number))

    def check_enough(self) -> None:
        self.calls.append(("enough",))

    def note_oracle(self, name: str) -> None:
        self.oracles.append(name)

    def note(self, said: Any) -> None:
        self.notes.append(said)

    def run(self, check: Any) -> list[Any]:
        """What is asked between the shape, and whether enough was judged."""
        self.calls.clear()
        check(self, 2)
        assert (self.calls[0], self.calls[-1]) == (("shape", 2), ("enough",))
        return self.calls[1:-1]


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize(("is_differentiated", "is_rigorous"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("left", ["", "bd"])
def test_the_oracle_of_a_definition(
    is_large: bool, is_differentiated: bool, is_rigorous: bool, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives whole gradients where it can, else differences; of many numbers a sample is judged by balls besides."""
    spec = SimpleNamespace(
        is_differentiated=is_differentiated, is_rigorous=is_rigorous, oracle="own", gradient=object(),
        differences=object(),
    )  # fmt: skip
    given = Asked(monkeypatch, spec=spec, is_large=is_large, known="", left=left)
    if is_differentiated:
        due = [("compare_with_known", spec.gradient, "abcd")]
        due += [("compare_with_differences", spec.differences, "bd")] * bool(left)
        due += [("sampled", None, "")] * (is_large and not is_rigorous)
    else:
        due = [("compare_with_differences", spec.differences, "abcd"), *[("sampled", None, "")] * is_large]
    assert given.run(values.check_gradient_values) == due
    assert given.oracles == ["own"] * is_differentiated
    given.judges = False
    with pytest.raises(NotApplicable) as caught:
        given.run(values.check_gradient_values)
    said = "specification nowhere finite" if is_differentiated else "specification tells no slope"
    assert caught.value.reason == fact(said)


@pytest.mark.parametrize(
    ("is_large", "known", "left", "differences"),
    [
        (False, "abcd", "", ""), (False, "abcd", "c", "c"), (False, "ac", "c", "bdc"), (False, "", "", "abcd"),
        (True, "abcd", "", "abcd"),
    ],
)  # fmt: skip
def test_the_oracle_of_a_forward_pass(
    is_large: bool, known: str, left: str, differences: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Balls where they know it, else differences, whose noise is told; of many numbers these and a sample."""
    given = Asked(monkeypatch, spec=None, is_large=is_large, known=known, left=left)
    due: list[Any] = [] if is_large or not known else [("compare_with_known", given.known.gradient, known)]
    if differences:
        due += [("compare_with_differences", given.differences, differences)]
        due += [("sampled", None, "")] if is_large else [("noise", given, given.differences)]
    assert given.run(values.check_gradient_consistent) == due
    assert given.oracles == [rigorous.NAME] * (bool(known) and not is_large)
    assert given.notes == [fact("along directions", count=4, size=3)] * is_large
    given.judges = False
    with pytest.raises(NotApplicable) as caught:
        given.run(values.check_gradient_consistent)
    assert caught.value.reason == fact("forward tells nothing")


def test_a_forward_pass_is_no_judge_beside_a_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a definition that is not given."""
    for spec, check, said in (
        (object(), values.check_gradient_consistent, "specification judges"),
        (None, values.check_gradient_values, "no specification"),
    ):
        with pytest.raises(NotApplicable) as caught:
            Asked(monkeypatch, spec=spec, is_large=False, known="", left="").run(check)
        assert caught.value.reason == fact(said)
