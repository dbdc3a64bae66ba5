"""How a formula is judged in exact arithmetic: what is wrong, what is a guard or a series, and what is unknown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from reference.engine.formulas import attempted, digits_lost, digits_of_answer, judge, told
from reference.findings import NotApplicable, Violation
from reference.numerics import ball_tolerances, tolerances
from reference.wording import fact
from tests.comparing import needs_flint

pytestmark = [needs_flint, pytest.mark.catalogue]

UNIT = tolerances.DOUBLE_UNIT


def differing(relative: float = 1e-10, *, came: float = 1.0, width: float = 0.0, underflows: bool = False) -> Any:
    from reference.numerics.balls import Difference  # noqa: PLC0415 - needs flint

    return Difference(0, (0,), came * (1 - relative), came, relative, width, (), underflows, ())


@dataclass
class Formula:
    """A formula that differs as it is told, case by case.

    Attributes
    ----------
    left
        By the factor for the arguments: the part by which it then differs.
    answer, bound
        Of the code in doubles.
    heard
        What was asked, in order.
    """

    left: Callable[[float], Any] = lambda factor: 1e-10
    answer: float = 1.0
    bound: float = 1e-15
    heard: list[Any] = field(default_factory=list)
    unit: float = UNIT

    def difference(self, case: Any) -> Any:
        self.heard.append(("difference", case))
        return case()

    def scaled(self, case: Any, found: Any, factor: float) -> Any:
        self.heard.append(factor)
        relative = self.left(factor)
        return None if relative is None else differing(relative)

    def computed(self, case: Any, found: Any) -> tuple[float, float]:
        assert callable(case)
        return self.answer, self.bound

    def violation(self, case: Any, found: Any) -> Violation:
        self.heard.append(("violation", case))
        return Violation(fact("number", value=found.due), fact("number", value=found.came))

    def tell_lost_digits(self, case: Any, found: Any) -> None:
        self.heard.append(("digits", case, found))

    def why_unknown(self) -> str:
        return "nobody knows"


def outcome(formula: Formula, *cases: Any) -> str:
    """What becomes of it: wrong, unknown and why, or right."""
    try:
        judge(formula, cases)
    except Violation as violation:
        return f"wrong: {violation.came['value']}"
    except NotApplicable as absent:
        return f"{absent.reason.kind}: {absent.reason['reason']}"
    return "right"


def raising(error: BaseException) -> Callable[[], Any]:
    def case() -> Any:
        raise error

    return case


def refused() -> Any:
    from reference.numerics.balls import Refused  # noqa: PLC0415 - needs flint

    return raising(Refused("np.sort", "is not known"))


@pytest.mark.parametrize(
    ("relative", "due"),
    [(0.0, "right"), (ball_tolerances.FORMULA_AGREES, "right"), (2 * ball_tolerances.FORMULA_AGREES, "wrong: 1.0"),
     (0.5, "wrong: 1.0")],
)  # fmt: skip
def test_a_formula_is_wrong_where_it_differs(relative: float, due: str) -> None:
    """By more than an iteration leaves; what is right is told of its digits, and what is wrong ends the search."""
    formula = Formula(lambda factor: relative)
    asked = [lambda: differing(relative), lambda: differing(relative)]
    assert outcome(formula, *asked) == due
    ends = [each for each in formula.heard if isinstance(each, tuple) and each[0] != "difference"]
    if due == "right":
        assert [each[:2] for each in ends] == [("digits", case) for case in asked]
        assert all(each[2].relative == relative for each in ends)
    else:
        assert ends == [("violation", asked[0])]


@pytest.mark.parametrize(
    ("answer", "bound", "is_wrong"),
    [
        (1.0, 0.0, True), (1.5, 0.0, False), (1.5, 0.5, True), (1.0 + tolerances.READINGS_AGREE / 2, 0.0, True),
        (1.0 + 3 * tolerances.READINGS_AGREE, 0.0, False), (math.nan, 1.0, False), (-1.0, 1.0, False),
        (0.5, 0.4, False),
    ],
)  # fmt: skip
def test_only_the_formula_that_doubles_compute_can_be_wrong(answer: float, bound: float, is_wrong: bool) -> None:
    """Code may tell the arrays of exact arithmetic from its own, and compute something else."""
    for size in (1.0, 2.0**20, 2.0**-20):
        formula = Formula(answer=answer * size, bound=bound * size)
        found = outcome(formula, lambda size=size: differing(1e-3, came=size))
        assert found == (f"wrong: {size}" if is_wrong else "right")


@pytest.mark.parametrize(
    ("underflows", "bound", "is_wrong"), [(True, 1.0, False), (True, 0.9, True), (False, 1.0, True)]
)
def test_a_guard_against_overflow_is_no_mistake(underflows: bool, bound: float, is_wrong: bool) -> None:
    """Where the truth is nearer to 0 than all doubles, and the formula within what rounding is granted."""
    formula = Formula(bound=bound)
    found = outcome(formula, lambda: differing(1e-3, underflows=underflows), lambda: differing(0.0))
    assert found == ("wrong: 1.0" if is_wrong else "right")
    assert len([each for each in formula.heard if each[0] == "digits"]) == (0 if is_wrong else 1)


def power(exponent: float, relative: float = UNIT / 4) -> Callable[[float], float]:
    return lambda factor: relative * factor**exponent


@pytest.mark.parametrize(
    ("left", "relative", "due"),
    [
        (power(4), UNIT / 4, "right"), (power(5), UNIT / 4, "right"), (power(3.9), UNIT / 4, "wrong: 1.0"),
        (power(1), UNIT / 4, "wrong: 1.0"), (power(0), UNIT / 4, "wrong: 1.0"), (power(4), UNIT, "wrong: 1.0"),
        (power(4), UNIT * 0.99, "right"), (power(-8), UNIT / 4, "right"), (power(-20), UNIT / 4, "right"),
        (power(-7.9), UNIT / 4, "wrong: 1.0"), (lambda factor: None, UNIT / 4, "wrong: 1.0"),
        (lambda factor: UNIT / 4 * (1 if factor < 64 else (factor / 64) ** -9), UNIT / 4, "right"),
        (lambda factor: UNIT / 4 * (1 if factor < 2048 else (factor / 2048) ** -9), UNIT / 4, "wrong: 1.0"),
        (lambda factor: UNIT / 4 * math.exp(-20 * (factor - 1)), UNIT / 4, "wrong: 1.0"),
        (lambda factor: None if factor < 1 else UNIT / 4 * factor**-9, UNIT / 4, "right"),
        (lambda factor: UNIT / 4 if factor < 1 else 0.0, UNIT / 4, "wrong: 1.0"),
    ],
)  # fmt: skip
def test_a_series_that_is_cut_off_is_no_mistake(left: Callable[[float], Any], relative: float, due: str) -> None:
    """Where doubles see no more of it: what is left falls with a high power, towards 0 or towards infinity."""
    assert outcome(Formula(left), lambda: differing(relative), lambda: differing(0.0)) == due


def test_arguments_are_doubled_as_often_as_is_said() -> None:
    """And halved once, to see how what is left falls."""
    formula = Formula(power(0))
    assert outcome(formula, lambda: differing(UNIT / 4)) == "wrong: 1.0"
    factors = [each for each in formula.heard if isinstance(each, float)]
    assert factors == [0.5, *(2.0**power for power in range(1, ball_tolerances.ASYMPTOTIC_DOUBLINGS + 1))]


def test_what_is_not_known_is_not_judged() -> None:
    """The last reason is told, if nothing was judged in any case; otherwise nothing is."""
    unknown = "formula undecided: "
    assert outcome(Formula()) == unknown + "nobody knows"
    assert outcome(Formula(), lambda: None) == unknown + "numbers are equal there"
    vague = differing(1e-3, width=1.0)
    assert not vague.is_known
    assert outcome(Formula(), lambda: vague) == unknown + "in exact arithmetic too little is known of it"
    assert outcome(Formula(), raising(ValueError("no"))) == unknown + "ValueError: no"
    assert outcome(Formula(), raising(SystemExit())) == unknown + "SystemExit"
    assert outcome(Formula(), lambda: None, raising(KeyError(3))) == unknown + "KeyError: 3"
    for case in (lambda: None, lambda: vague, raising(ValueError())):
        assert outcome(Formula(), case, lambda: differing(0.0)) == "right"
        assert outcome(Formula(), case, lambda: differing(0.1)) == "wrong: 1.0"
        assert outcome(Formula(), lambda: differing(0.0), case) == "right"


def test_code_that_cannot_be_followed_is_not_judged() -> None:
    """The whole formula is left out at once, with the reason."""
    formula = Formula()
    found = outcome(formula, refused(), lambda: differing(0.1))
    assert found.startswith("formula not followed: in exact arithmetic ")
    assert "np.sort" in found
    assert len(formula.heard) == 1


@pytest.mark.parametrize(
    ("error", "lost"),
    [(0.0, 0), (UNIT, 0), (9.9 * UNIT, 0), (10.1 * UNIT, 1), (1e5 * UNIT * 1.1, 5), (1.0, 15), (1e3, 16),
     (math.inf, 16), (math.nan, 16)],
)  # fmt: skip
def test_digits_are_counted(error: float, lost: int) -> None:
    """Those that a relative error has taken of sixteen."""
    assert digits_lost(error, UNIT) == lost


def test_digits_of_no_number_are_all_lost() -> None:
    """As where 0 is due."""
    assert [digits_of_answer(2.0 + 2 * error, 2.0, UNIT) for error in (0.0, 1.1e-11, 1.1, 1e3)] == [0, 4, 15, 16]
    assert digits_of_answer(math.nan, 1.0, UNIT) == digits_of_answer(math.inf, 1.0, UNIT) == 16
    assert digits_of_answer(1.0, 0.0, UNIT) == 16
    assert digits_of_answer(-1.0, 1.0, UNIT) == digits_lost(2.0, UNIT)
    assert digits_of_answer(1.0, -1.0, UNIT) == digits_lost(2.0, UNIT)


def test_attempts_may_fail() -> None:
    """Then there is nothing; an exception is told by its name where it has no words."""
    assert attempted(lambda: "found") == "found"  # type: ignore[arg-type, return-value]
    assert attempted(raising(ValueError("no"))) is None
    assert attempted(raising(SystemExit(1))) is None
    with pytest.raises(KeyboardInterrupt):
        attempted(raising(KeyboardInterrupt()))
    assert told(ValueError("no")) == "ValueError: no"
    assert told(ValueError()) == "ValueError"
