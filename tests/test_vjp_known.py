"""Where the forward pass in ball arithmetic is known to be what it answers in doubles, and what is told there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import known
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.gradients.known import KnownForward
from reference.numerics import ball_tolerances, tolerances
from reference.numerics.estimate import Estimate

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
C, WHOLE = np.array([1.5, -0.5]), np.array([3, 4])
GIVEN, CASE, OTHER = (
    Case(kind, (np.array([0.5, -2.0]) + seed, WHOLE), seed) for seed, kind in enumerate(("as given", "ties", "zeros"))
)
#: What is granted where two numbers are one but for their last digits.
AGREE = tolerances.READINGS_AGREE


def balls(value: Any, error: Any = 0.0) -> Estimate:
    return Estimate(np.array(value, float), np.broadcast_to(np.array(error, float), np.shape(value)))


RIGHT, OFF = balls([2.0, 4.0]), balls([2.0, 5.0])


class Told:
    """What a forward pass is told to be in each case: 2 and 4 in doubles, and so much in balls."""

    def __init__(self, *, bound: Any = 0.0, beyond: Any = None, rounding: Any = None, **said: Any) -> None:
        self.said = {"as_given": RIGHT, "ties": RIGHT, "zeros": RIGHT} | said
        self.asked: list[Case] = []
        self.outputs: dict[str, Any] = {}
        self.subject = SimpleNamespace(
            forward=lambda *args: ("forward", *map(id, args)), output=lambda args: ("output", *map(id, args))
        )
        self.pattern = pattern(GIVEN.args, None)
        self.cases = [GIVEN, CASE]
        self.tried = [GIVEN]
        self.known = KnownForward(self)  # type: ignore[arg-type]
        self.bounded: list[Any] = []

        def forward_bound(case: Case, output: Array) -> Any:
            self.bounded.append((case, output))
            return bound

        self.forward_bound = forward_bound
        self.known.rigorous = SimpleNamespace(  # type: ignore[assignment]
            value=self.value, beyond_doubles=lambda args: beyond if args is CASE.args else None,
            rounding=lambda args: rounding if args is CASE.args else None,
        )  # fmt: skip

    def value(self, args: Any) -> Any:
        (case,) = [each for each in (GIVEN, CASE, OTHER) if each.args is args]
        self.asked.append(case)
        return self.said[case.kind.replace(" ", "_")]

    def calm(self) -> list[Case]:
        return self.tried

    def output(self, case: Case) -> Any:
        return self.outputs.get(case.kind, np.array([2.0, 4.0], np.float32))


@pytest.fixture(autouse=True)
def nothing_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No further roundings than the bound, unless a test says so."""
    monkeypatch.setattr(known, "followed_error", lambda *_: [np.zeros(2)])


def test_a_forward_pass_is_known_where_both_answers_are_one() -> None:
    """At what is given, in the case, and somewhere among the first calm cases without excuses for rounding."""
    assert Told().known.is_known(CASE)
    assert not Told(ties=OFF).known.is_known(CASE)
    assert not Told(as_given=OFF).known.is_known(CASE)
    assert not Told(as_given=OFF, bound=9.0).known.is_known(CASE)
    assert Told(ties=OFF, bound=9.0).known.is_known(CASE)
    assert Told(zeros=OFF).known.is_known(CASE)
    assert not Told(ties=None).known.is_known(CASE)
    assert not Told(as_given=None).known.is_known(CASE)
    elsewhere = Told(as_given=None)
    elsewhere.tried = [OTHER]
    assert not elsewhere.known.is_known(CASE)


def test_what_is_known_is_not_asked_again() -> None:
    """Of a case; of another one it is."""
    told = Told()
    assert told.known.is_known(CASE)
    before = len(told.asked)
    assert told.known.is_known(CASE)
    assert len(told.asked) == before
    told.said["zeros"] = None
    assert not told.known.is_known(OTHER)
    assert told.asked[before:] == [OTHER]
    assert told.known.is_known(CASE)
    wrong = Told(as_given=OFF)
    assert not wrong.known.is_known(CASE)
    assert not wrong.known.is_known(OTHER)
    assert wrong.asked == [GIVEN]


@pytest.mark.parametrize(("place", "is_known"), [(0, True), (ball_tolerances.PLACES_TRIED - 1, True),
                                                 (ball_tolerances.PLACES_TRIED, False)])  # fmt: skip
def test_a_few_calm_cases_are_tried(place: int, is_known: bool) -> None:
    """One agreeing case among the first few is enough."""
    told = Told(zeros=OFF, bound=9.0)
    told.tried = [OTHER] * place + [GIVEN]
    assert told.known.is_known(CASE) is is_known


@pytest.mark.parametrize(("value", "error", "output", "is_near"), [
    ([2.0, 4.0], 0.0, [2.0, 4.0], True), ([2.0, 4.0], 0.0, [2.0, 4.0, 6.0], False),
    ([2.0, 4.0], 0.0, [3.0, 4.0], False),
    ([2.0, 4.0], [1.0, 0.0], [3.0, 4.0], True), ([2.0, 4.0], [0.0, 1.0], [3.0, 4.0], False),
    ([0.0, 1e8], 0.0, [0.0, 1e8 * (1 + 0.9 * AGREE)], True), ([0.0, 1e8], 0.0, [0.0, 1e8 * (1 - 0.9 * AGREE)], True),
    ([0.0, 1e8], 0.0, [0.0, 1e8 * (1 + 1.1 * AGREE)], False), ([0.0, -1e8], 0.0, [0.0, -1e8 * (1 + 0.9 * AGREE)], True),
    ([0.0, 0.5], 0.0, [0.9 * AGREE, 0.5], True), ([0.0, 0.5], 0.0, [-1.1 * AGREE, 0.5], False),
    ([2.0, 4.0], 0.0, [2.0, np.nan], False), ([0.0], 0.0, [AGREE], True),
])  # fmt: skip
def test_answers_are_near_by_their_last_digits(value: Any, error: Any, output: Any, is_near: bool) -> None:
    """By a millionth of each, or of 1 where it is smaller, and what balls do not know."""
    told = Told(as_given=balls(value, error))
    told.outputs["as given"] = np.array(output)
    assert told.known._is_near(GIVEN) is is_near
    told.said["as_given"] = None
    assert not told.known._is_near(GIVEN)


def test_the_bound_of_the_forward_pass_excuses_what_is_off() -> None:
    """Besides what balls do not know; each output has its own, and another shape is another function."""
    for bound, error, is_known in ((0.0, 1.0, True), (1.0, 0.0, True), (0.5, 0.5, True), (0.5, 0.25, False),
                                   (np.array([0.0, 1.0]), 0.0, True), (np.array([1.0, 0.0]), 0.0, False)):  # fmt: skip
        told = Told(ties=balls([2.0, 5.0], error), bound=bound)
        assert told.known.is_known(CASE) is is_known
        (case, output) = told.bounded[-1]
        assert case is CASE
        assert output.tolist() == [2.0, 4.0]
    wide = Told(ties=balls([[2.0, 4.0]]), bound=9.0)
    assert not wide.known.is_known(CASE)


@pytest.mark.parametrize(("value", "beyond", "is_known"), [
    ([2.0, 5.0], None, True), ([2.0, 5.0], [np.zeros(2, bool), np.zeros(2, bool)], True),
    ([2.0, 5.0], [np.zeros(2, bool), np.array([False, True])], False),
    ([2.0, 3.0], [np.array([False, True])], False),
    ([2.0, 4.0 * (1 + 0.9 * AGREE)], [np.ones(2, bool)], True), ([2.0, 4.0], [np.ones(2, bool)], True),
    ([2.0 * (1 - 1.1 * AGREE), 4.0], [np.ones(2, bool)], False),
])  # fmt: skip
def test_what_overflows_on_its_way_is_no_rounding(value: Any, beyond: Any, is_known: bool) -> None:
    """Where the answers are not one but for their last digits no bound excuses that."""
    assert Told(ties=balls(value), bound=9.0, beyond=beyond).known.is_known(CASE) is is_known


@pytest.mark.parametrize(("followed", "measured", "rounding", "is_known"), [
    ([0.0, 1.0], [0.0, 0.0], None, True), ([1.0, 0.5], [1.0, 1.0], [1.0, 1.0], False), (None, [0.0, 1.0], None, True),
    (None, [9.0, 0.5], None, False), (None, [0.0, 0.0], [0.0, 1.0], True), (None, [0.0, 1.0], [0.0, 0.0], True),
    (None, [0.0, 0.5], [1.0, 0.5], False),
])  # fmt: skip
def test_roundings_are_followed_where_the_bound_does_not_excuse_what_is_off(
    followed: Any, measured: Any, rounding: Any, is_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or measured, where they cannot be; then balls may know of more."""
    asked: list[Any] = []

    def follow(compute: Any, floats: Any, outputs: Any) -> Any:
        asked.append(("forward", compute(*floats), floats, outputs))
        return None if followed is None else [np.array(followed)]

    def measure(compute: Any, floats: Any, outputs: Any) -> Any:
        asked.append(("output", compute(*floats), floats, outputs))
        return [np.array(measured)]

    monkeypatch.setattr(known, "followed_error", follow)
    monkeypatch.setattr(known, "unfollowed_error", measure)
    told = Told(ties=OFF, rounding=None if rounding is None else np.array(rounding))
    assert told.known.is_known(CASE) is is_known
    given = told.pattern.with_floats(CASE.args[:1])
    for name, answer, floats, (output,) in asked:
        assert answer == ((name, *map(id, given)),)
        assert [each is CASE.args[0] for each in floats] == [True]
        assert output.tolist() == [2.0, 4.0]
    assert [name for name, *_ in asked] == (["forward"] if followed else ["forward", "output"])


def test_gradients_are_told_where_balls_know_them() -> None:
    """Those nearby in a known case alone; an unknown gradient has an infinite error at each entry."""
    told, found = Told(), (balls([1.0, 2.0]),)
    asked: list[Any] = []

    def gradient(*args: Any) -> Any:
        asked.append(args)
        return found

    told.known.rigorous.gradient = gradient  # type: ignore[method-assign]
    told.known.rigorous.around = gradient  # type: ignore[method-assign]
    enough = [0.5]
    assert told.known.gradient(C, CASE.args, enough) is found
    assert told.known.around(C, CASE) is found
    assert [len(each) for each in asked] == [3, 2]
    assert all(each[0] is C and each[1] is CASE.args for each in asked)
    assert asked[0][2] is enough
    told.said["zeros"] = None
    assert told.known.around(C, OTHER) is None
    told.known.rigorous.gradient = lambda *_: None  # type: ignore[method-assign]
    (nothing,) = told.known.gradient(C, CASE.args)
    assert nothing.value.shape == (2,)
    assert np.isinf(nothing.error).all()


def test_balls_differentiate_what_the_function_does() -> None:
    """Its forward pass, as it is written, by the arguments that are differentiated."""
    subject: Any = SimpleNamespace(forward=np.sin)
    function: Any = SimpleNamespace(subject=subject, pattern=pattern((WHOLE, np.ones(2), np.ones(2)), None))
    made = KnownForward(function).rigorous
    assert (made._function, made._language, made._places) == (np.sin, "numpy", (1, 2))
