"""A function in ball arithmetic, by itself: values, gradients, ties, what is beyond doubles, and refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import rigorous
from reference.gradients.rigorous import Rigorous
from reference.numerics import ball_tolerances
from reference.numerics.estimate import Estimate
from tests.comparing import needs_flint
from tests.gradients import drawn

pytestmark = [pytest.mark.catalogue, needs_flint]

Array = NDArray[Any]
X, Y, C = drawn(2, 3), drawn(3) + 2.0, drawn(3, 2).T + 2.0


def product(x: Any, y: Any) -> Any:
    return np.sin(x) * y


def on(function: Callable[..., Any], *places: int) -> Rigorous:
    return Rigorous(function, "numpy", places or (0,))


def encloses(found: Estimate, due: Any) -> bool:
    return bool((np.abs(found.value - due) <= found.error + 1e-15 * np.abs(due)).all() and found.error.max() < 1e-12)


def test_values_and_gradients_are_enclosed() -> None:
    """Of the arguments that are differentiated; others are passed on."""
    both, second = on(product, 0, 1), on(product, 1)
    value = both.value((X, Y))
    assert value is not None
    assert encloses(value, product(X, Y))
    assert both.value((X.copy(), Y)) is value
    found = both.gradient(C, (X, Y))
    assert found is not None
    assert len(found) == 2
    assert encloses(found[0], C * np.cos(X) * Y)
    assert encloses(found[1], (C * np.sin(X)).sum(axis=0))
    assert both.gradient(C, (X, Y)) is found
    other = both.gradient(-C, (X, Y))
    assert other is not None
    assert encloses(other[0], -C * np.cos(X) * Y)
    alone = second.gradient(C, (X, Y))
    assert alone is not None
    assert [each.value.shape for each in alone] == [(3,)]


def test_what_is_not_finite_or_raises_has_no_value() -> None:
    """That refuses nothing at other arguments."""

    def short(x: Any) -> Any:
        if len(x) > 2:
            raise ValueError("too long")
        return x * 1.0

    for function, bad in ((np.log, np.array([-1.0])), (short, np.ones(3))):
        found = on(function)
        assert found.value((bad,)) is None
        assert found.refusal is None
        good = found.value((np.ones(1),))
        assert good is not None
    assert found.raised is not None
    assert "too long" in found.raised


def test_what_does_not_run_on_balls_is_refused() -> None:
    """With the operation, once and for all."""
    found = on(lambda x: np.fft.fft(x).real)
    assert found.value((Y,)) is None
    assert found.refusal is not None
    assert "fft" in found.refusal
    assert found.gradient(np.ones(3), (Y + 1,)) is None
    for answer in (found.around(np.ones(3), (Y,)), found.nearby(np.ones(3), (Y,), [Y]), found.rounding((Y,)),
                   found.beyond_doubles((Y,)), found.sampled(np.ones(3), (Y,), [np.ones(3, bool)])):  # fmt: skip
        assert answer is None
    assert not found.is_ordinary((Y,))


def test_too_many_numbers_are_refused() -> None:
    """But for a sample of them."""
    found, many = on(lambda x: x * 2.0), np.linspace(1.0, 2.0, ball_tolerances.MOST_BALLS_AT_ONCE + 1)
    assert found.value((many,)) is None
    assert found.refusal is not None
    assert str(ball_tolerances.MOST_BALLS_AT_ONCE) in found.refusal
    chosen = np.zeros(many.size, bool)
    chosen[3] = True
    sampled = found.sampled(np.ones(many.size), (many,), [chosen])
    assert sampled is not None
    value, (gradient,) = sampled
    assert value.value == pytest.approx(2 * many)
    assert gradient.value[3] == 2.0
    assert np.isfinite(gradient.error).tolist() == chosen.tolist()


def test_equal_numbers_are_ties() -> None:
    """At a kink the estimate is of all slopes nearby; elsewhere there is one."""
    size = on(lambda x: np.abs(x) + x)
    assert size.has_ties((np.array([0.0, 1.0]),))
    assert not size.has_ties((np.array([0.5, 1.0]),))
    found = size.gradient(np.ones(2), (np.array([0.0, 1.0]),))
    assert found is not None
    low, high = found[0].value - found[0].error, found[0].value + found[0].error
    assert low == pytest.approx([0.0, 2.0], abs=1e-6)
    assert high == pytest.approx([2.0, 2.0], abs=1e-6)
    for sign, due in ((1.0, 2.0), (-1.0, 0.0)):
        near = size.nearby(np.ones(2), (np.array([0.0, 1.0]),), [np.array([sign, 0.5])])
        assert near is not None
        assert near[0].value == pytest.approx([due, 2.0])
    assert size.nearby(np.ones(2), (np.array([0.0, 1.0]),), [np.zeros(2)]) is None


def test_a_choice_by_comparison_is_told_by_the_points_all_around() -> None:
    """Each of several equal numbers is the largest in one of them; of very many nobody asks."""
    x = np.array([1.0, 1.0, 0.5])
    for largest in (lambda x: np.sort(x)[-1] * 1.0, lambda x: x[np.argmax(x)] * 1.0, np.max):
        found = on(largest).gradient(np.asarray(1.0), (x,))
        assert found is not None
        assert found[0].value == pytest.approx([0.5, 0.5, 0.0])
        assert found[0].error == pytest.approx([0.5, 0.5, 0.0])
    many = np.ones(ball_tolerances.MOST_TIED_ENTRIES + 1)
    assert on(lambda x: np.sort(x)[-1] * 1.0).gradient(np.asarray(1.0), (many,)) is None
    around = on(np.abs).around(np.ones(1), (np.zeros(1),))
    assert around is not None
    assert (float(around[0].value[0]), float(around[0].error[0])) == pytest.approx((0.0, 1.0))
    sizes = on(np.abs)
    for place, slope in ((1.0, 1.0), (-1.0, -1.0)):
        around = sizes.around(np.ones(1), (np.full(1, place),))
        assert around is not None
        assert around[0].value == pytest.approx([slope])


def test_numbers_beyond_doubles_are_seen() -> None:
    """In the entries that pass through them, too large or, where that is asked, too small."""
    found = on(lambda x: x * np.exp(-(x**2)))
    beyond = found.beyond_doubles((np.array([1e200, 0.5]),))
    assert beyond is not None
    assert beyond[0].tolist() == [True, False]
    flat = on(lambda x: 1.0 + np.exp(x))
    plain = flat.beyond_doubles((np.array([-800.0, 0.5]),))
    assert plain is not None
    assert not plain[0].any()
    for underflow, due in ((False, [False, False]), (True, [True, False])):
        seen = flat.beyond_doubles((np.array([-800.0, 0.5]),), underflow=underflow)
        assert seen is not None
        assert seen[0].tolist() == due
    assert not flat.is_ordinary((np.array([-800.0]),))
    assert flat.is_ordinary((np.array([0.5]),))
    assert not on(np.abs).is_ordinary((np.array([0.0]),))


def test_roundings_are_bounded() -> None:
    """Where digits are lost, by more; of one result, or of one among several."""
    x = np.array([1e-6, 0.5])
    found = on(lambda x: (1 - np.cos(x)) / x**2).rounding((x,))
    assert found is not None
    off = np.abs((1 - np.cos(x)) / x**2 - np.array([0.5 - 1e-12 / 24, (1 - np.cos(0.5)) * 4]))
    assert off[0] <= found[0]
    assert found[0] > 1e3 * found[1] > 0
    two = rigorous.rounding_of(on(lambda x: (x * 1.0, np.exp(x))).on_balls(), (x,), 1)
    assert two is not None
    assert (two > 0).all()
    assert rigorous.rounding_of(on(lambda x: (x * 1.0, np.exp(x))).on_balls(), (x,)) is None
    assert rigorous.rounding_of(on(lambda x: [].pop()).on_balls(), (x,)) is None


def test_an_estimate_of_several_numbers_holds_all_of_them() -> None:
    """Entry by entry, with their errors."""
    found = rigorous._hull([
        Estimate(np.array([1.0, -2.0]), np.array([0.5, 0.0])), Estimate(np.array([3.0, -2.0]), np.array([0.25, 0.125])),
    ])  # fmt: skip
    assert found.value == pytest.approx([1.875, -2.0])
    assert (found.value - found.error <= [0.5, -2.125]).all()
    assert (found.value + found.error >= [3.25, -1.875]).all()
    assert found.error == pytest.approx([1.375, 0.125])


class Nearby(Rigorous):
    """Tells of each point next to the arguments what stands here, and notes in which direction it lies."""

    def __init__(self, count: int, *told: Any) -> None:
        super().__init__(np.add, "numpy", (0, 2))
        self.told, self.asked = list(told) or [Estimate(np.zeros(count), np.zeros(count))], list[Any]()

    def nearby(self, cotangent: Array, args: Any, directions: Any) -> Any:
        assert (cotangent is C, len(args)) == (True, 3)
        self.asked.append([each.copy() for each in directions])
        found = self.told[(len(self.asked) - 1) % len(self.told)]
        return None if found is None else (found, found)


@pytest.mark.parametrize("shapes", [((2, 2), (3,)), ((1,), (2,)), ((ball_tolerances.MOST_TIED_ENTRIES - 1,), (1,))])
def test_points_next_to_a_tie_are_all_around_it(shapes: Any) -> None:
    """In them each entry takes each rank among all, to both sides, and no two entries are moved alike."""
    args = np.ones(shapes[0]), np.arange(3), np.ones(shapes[1])
    found, again = Nearby(3), Nearby(3)
    for each in (found, again):
        assert each._all_around(C, args) is not None
    assert all(np.array_equal(a, b) for one, two in zip(found.asked, again.asked, strict=True)
               for a, b in zip(one, two, strict=True))  # fmt: skip
    count = args[0].size + args[2].size
    assert [[a.shape for a in each] for each in found.asked] == [list(shapes)] * count
    rows = np.array([np.concatenate([a.ravel() for a in each]) for each in found.asked])
    ranks = rows.argsort(axis=1).argsort(axis=1)
    assert all(sorted(each) == list(range(count)) for each in ranks.T)
    assert (rows.min(axis=1) < 0).all()
    assert (rows.max(axis=1) > 0).all()
    assert (np.abs(rows) <= count).all()
    assert (np.abs(rows) >= 0.25).all()
    apart = np.sort(np.subtract.outer(rows[0], rows[0])[np.triu_indices(count, 1)])
    assert (np.diff(apart) > 1e-9).all()


def test_a_single_number_is_moved_to_both_sides() -> None:
    """There are two points next to it."""
    found = Nearby(1)
    found._all_around(C, (np.ones(1), np.arange(3), np.zeros(0)))
    (one,), (other,) = ([float(each[0][0])] for each in found.asked)
    assert one * other < 0


def test_all_points_next_to_a_tie_have_to_be_known() -> None:
    """The estimate is then of all of them."""
    args = np.ones(2), np.arange(3), np.ones(1)
    low, high = Estimate(np.zeros(2), np.full(2, 0.25)), Estimate(np.ones(2), np.zeros(2))
    for told in ((low, None), (low, Estimate(np.zeros(2), np.array([0.0, np.inf])))):
        assert Nearby(2, *told)._all_around(C, args) is None
    found = Nearby(2, low, high)._all_around(C, args)
    assert found is not None
    for each in found:
        assert each.value == pytest.approx([0.375, 0.375])
        assert each.error == pytest.approx([0.625, 0.625])


def test_a_choice_between_equal_numbers_is_not_enclosed_around_them() -> None:
    """Nor is anything where the function raises an exception."""
    for function in (lambda x: x[np.argmax(x)] * 1.0, lambda x: [].pop()):
        assert on(function).around(np.asarray(1.0), (np.ones(2),)) is None


def test_numbers_that_are_too_many_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entries of all arguments of a call are counted together."""
    monkeypatch.setattr(ball_tolerances, "MOST_BALLS_AT_ONCE", 9)
    for x, is_known in ((X, True), (np.ones((2, 4)), False)):
        found = on(lambda x, y: x * 2.0, 0)
        assert (found.value((x, Y)) is not None) is is_known
        assert (found.refusal is None) is is_known
        assert (found.rounding((x, Y)) is not None) is is_known
        assert found.raised is None


def test_an_enclosure_is_as_narrow_as_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gradient has a width of its own."""
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    seen: list[Any] = []
    plain = balls.enclose

    def watched(*args: Any, **named: Any) -> Any:
        seen.append(named["resolutions"])
        return plain(*args, **named)

    monkeypatch.setattr(balls, "enclose", watched)
    enough = [np.full(X.shape, 1e-9), np.full(Y.shape, 1e-9)]
    assert on(product, 0, 1).gradient(C, (X, Y), enough) is not None
    assert seen == [enough]


def test_why_no_sample_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was raised last: a refusal, numbers that are equal, what cannot be decided, or an exception of the code."""
    monkeypatch.setattr(ball_tolerances, "MOST_BALLS_AT_ONCE", 3)
    ones, chosen = np.ones(4), [np.arange(4) < 2]

    def raising(x: Any) -> Any:
        raise ValueError("not today")

    for function, said in (
        (lambda x: np.sort(x) * 1.0, r"numbers are equal there"), (lambda x: np.fft.fft(x).real, r".*fft.*"),
        (raising, r"ValueError: not today"),
    ):  # fmt: skip
        found = on(function)
        found.value((ones,))
        assert found.refusal is not None
        assert found.sampled(ones, (ones,), chosen) is None
        assert found.raised is not None
        assert re.fullmatch(said, found.raised), found.raised


def test_where_rounding_decides_it_may_do_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no bound of the roundings is known, it is infinite."""
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    monkeypatch.setattr(balls, "roundings", lambda run, args: None)
    for place in (None, 1):
        found = rigorous.rounding_of(np.add, (X, X), place)
        assert found is not None
        assert np.isinf(found).all()


def test_what_is_not_installed_is_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The definition is not asked then."""
    monkeypatch.setattr(rigorous, "available", lambda: "not installed")
    found = on(product, 0)
    assert found.refusal == "not installed"
    assert found.value((X, Y)) is None
    assert found.sampled(C, (X, Y), [np.ones(X.shape, bool)]) is None
