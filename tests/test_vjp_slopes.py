"""How a slope is told from values alone, by the parts: with which steps, in which order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import differences
from reference.gradients.arguments import EVERYWHERE
from reference.gradients.differences import Differences
from reference.numerics import tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.oracles.complex_step import ComplexStepError
from tests.vjp_slope_parts import SCALE, SECOND, X, Y, estimate, total

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]


class Watched(Differences):
    """Differences that note with which steps they are taken, and tell what they are told to tell."""

    def __init__(self, *told: Estimate, function: Any = total, count: int = 2, **more: Any) -> None:
        super().__init__(function, (EVERYWHERE,) * count, **more)
        self.told = iter(told)
        self.asked: list[Any] = []

    def _sharp(self, f: Any, scale: float, args: Any, ratio: float, line: Any, **more: Any) -> Estimate:
        self.asked.append((f, scale, args, ratio, line, more))
        return next(self.told)

    def _turning(self, args: Any, place: Any, scale: float) -> float:
        self.place = place
        self.turned = (args, scale)
        return 7.0


def test_a_slope_along_a_direction_is_told_by_steps_of_its_length() -> None:
    """In units of which the largest argument is said; an argument that stays is given as it is."""
    asked = Watched(estimate([1.0, 2.0]))
    args, directions = (X, Y), [np.array([0.25, 0.5]), np.zeros((2, 1))]
    found = asked.jointly(args, directions)
    assert found.value.tolist() == [1.0, 2.0]
    ((f, scale, given, ratio, line, more),) = asked.asked
    assert (scale, ratio, line.turning, line.noise, more) == (1.0, 8.0, 7.0, 0.0, {})
    assert given is args
    assert asked.turned == (args, 1.0)
    assert f(0.5).tolist() == total(X + 0.5 * directions[0], Y).tolist()
    moved, stays = asked.place(2.0)
    assert moved.tolist() == (X + 2 * directions[0]).tolist()
    assert stays is Y


@pytest.mark.parametrize(("length", "second", "due"), [
    (1.0, None, 3.0), (-1.0, None, 3.0), (1.5, 3.0, 3.0), (-1.5, 3.25, 3.0), (1.5, 4.0, None),
])  # fmt: skip
def test_long_steps_take_a_second_opinion(length: float, second: float | None, due: float | None) -> None:
    """By steps that are much shorter; where it is another one nothing is known."""
    told = [estimate([3.0], 0.125)] + ([] if second is None else [estimate([second], 0.25)])
    asked = Watched(*told)
    found = asked.jointly((X, Y), [np.zeros(2), np.array([[length], [0.25]])])
    assert [scale for _, scale, *_ in asked.asked] == ([1.0] if second is None else [1.0, SECOND])
    ratio = max(2.0 / abs(length), 32.0)
    assert [each for _, _, _, each, *_ in asked.asked] == ([ratio] if second is None else [ratio, ratio / SECOND])
    assert all(each is asked.asked[0][0] for each, *_ in asked.asked)
    assert all(line.turning == 7.0 for _, _, _, _, line, _ in asked.asked)
    assert np.isinf(found.error[0]) == (due is None)
    assert due is None or found.value[0] == due


class Exact:
    """A complex step that tells what it is told to tell."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, found: Estimate | None) -> None:
        self.asked: list[Any] = []

        def measured(directions: Any) -> Estimate:
            if found is None:
                raise ComplexStepError
            return found

        def along(*given: Any) -> Any:
            self.asked.append(given)
            return SimpleNamespace(measured=measured)

        monkeypatch.setattr(differences.complex_step, "Along", along)


CLEAR = tolerances.CONFIRMED_CLEAR


@pytest.mark.parametrize(("plain", "error", "exact", "exact_error", "is_taken"), [
    (3.0, 2.0**-10, 3.0, 2.0**-40, True), (-3.0, 2.0**-10, -3.0, 2.0**-40, True),
    (3.0, 2.0**-10, 3.0 + 2.0**-10, 2.0**-40, True), (3.0, 2.0**-10, 3.0 + 2.0**-9, 2.0**-40, False),
    (3.0, 2.0**-10, 3.0 - 2.0**-9, 2.0**-40, False), (3.0, 2.0**-11, 3.0 + 2.0**-10, 2.0**-11 - 2.0**-40, False),
    (3.0, 2.0**-11, 3.0 + 2.0**-11, 2.0**-12, True), (3.0, 2.0**-10, 3.0, 2.0**-10, False),
    (3.0, 2.0**-10, 3.0, 2.0**-9, False), (CLEAR, 1.0, CLEAR, 0.5, False), (CLEAR + 1, 1.0, CLEAR + 1, 0.5, True),
    (0.0, np.inf, 3.0, 2.0**-40, False),
])  # fmt: skip
def test_the_complex_step_is_believed_where_differences_agree(
    monkeypatch: pytest.MonkeyPatch, plain: float, error: float, exact: float, exact_error: float, is_taken: bool
) -> None:
    """Within both errors, if the slope is clearly beyond theirs, and where it knows more digits."""
    oracle = Exact(monkeypatch, estimate([exact, 5.0], [exact_error, 1.0]))
    asked = Watched(estimate([plain, 5.0], [error, 2.0**-20]), carries_complex=True)
    args = (X, Y)
    found = asked.jointly(args, [X / 8, np.zeros((2, 1))])
    due = (exact, exact_error) if is_taken else (plain, error)
    assert (found.value[0], found.error[0]) == due
    assert (found.value[1], found.error[1]) == (5.0, 2.0**-20)
    assert oracle.asked == [(total, args)]
    assert asked.carries_complex


def test_the_complex_step_is_not_asked_of_what_nobody_could_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor where the function does not carry complex numbers; once it raises it is asked no more."""
    oracle = Exact(monkeypatch, None)
    for carries, told in ((False, estimate([3.0, 1.0])), (True, estimate([0.0, 0.0], np.inf))):
        asked = Watched(told, carries_complex=carries)
        assert asked.jointly((X, Y), [X / 8, 0 * Y]) is told
        assert (oracle.asked, asked.carries_complex) == ([], carries)
    told = estimate([3.0, 1.0])
    raising = Watched(told, carries_complex=True)
    assert raising.jointly((X, Y), [X / 8, 0 * Y]) is told
    assert not raising.carries_complex


def test_complex_numbers_are_tried_at_each_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Along a direction that moves each entry of each argument, no farther than it may be."""
    seen: list[Any] = []

    def along(function: Any, args: Any) -> Any:
        return SimpleNamespace(confirm=lambda directions: seen.append((function, args, directions)))

    monkeypatch.setattr(differences.complex_step, "Along", along)
    asked = Differences(total, (EVERYWHERE,) * 2)
    places = [(X, Y), (2 * X, 4 * Y)]
    asked.try_complex(places)
    assert asked.carries_complex
    assert len(seen) == 2
    for (function, args, directions), place in zip(seen, places, strict=True):
        assert function is total
        assert args is place
        for number, each in enumerate(directions):
            assert (np.abs(each) <= asked.steps(place, number)).all()
            assert (np.abs(each) > 0).all()
    parts = [np.concatenate([np.ravel(d / asked.steps(a, n)) for n, d in enumerate(ds)]) for _, a, ds in seen]
    assert min(map(np.min, parts)) < 0 < max(map(np.max, parts))
    assert not np.array_equal(*parts)


def told_entry(x: float, *told: Estimate, function: Any = None, domain: Any = EVERYWHERE) -> Any:
    """What is told of the second of two entries, and with which scales, in which order."""

    class Entry(Watched):
        def _told(self, f: Any, scale: float, args: Any, size: float, line: Any) -> Estimate:
            self.asked.append((f, scale, args, size, line))
            return next(self.told)

    asked = Entry(*told, function=function or (lambda x: x[1] ** 2.0 + x[:1]), count=1)
    asked.domain = (domain,)
    args = (np.array([0.5, x]),)
    return asked._column(args, 0, (1,)), asked, args


KNOWN, UNKNOWN = estimate([3.0], 0.25), estimate([0.0], np.inf)


@pytest.mark.parametrize(("x", "domain", "scales"), [
    (0.25, EVERYWHERE, [SCALE, SCALE / 4]), (64.0, EVERYWHERE, [64 * SCALE, SCALE]), (1.0, EVERYWHERE, [SCALE]),
    (-64.0, EVERYWHERE, [64 * SCALE, SCALE]), (0.0, EVERYWHERE, [SCALE]), (1e-100, EVERYWHERE, [SCALE, 1e-100 * SCALE]),
    (64.0, (0.0, 64.5), [SCALE * 3.5, SCALE]), (0.25, (0.0, 0.26), [SCALE * 7 * (0.26 - 0.25)]),
    (2.0**50, EVERYWHERE, [2.0**50 * SCALE]),
])  # fmt: skip
def test_an_entry_is_told_by_steps_as_long_as_they_may_be(x: float, domain: Any, scales: Any) -> None:
    """Then by steps of its own size, and of 1, where these are shorter and no rounding hides them; then by halves."""
    found, asked, args = told_entry(x, *[UNKNOWN] * len(scales), *[KNOWN] * 2, domain=domain)
    assert [scale for _, scale, *_ in asked.asked] == pytest.approx([*scales, scales[0], scales[0]], rel=1e-12)
    for _, _, given, size, line in asked.asked:
        assert given is args
        assert size == abs(x)
        assert line.turning == 7.0
    assert asked.turned == (args, pytest.approx(scales[0]))
    assert (found.value[0], found.error[0]) == (3.0, 0.25)
    first, moved = asked.asked[0][0], args[0].copy()
    moved[1] += 0.125
    assert first(0.125).tolist() == (moved[1] ** 2.0 + moved[:1]).tolist()
    assert args[0].tolist() == [0.5, x]


def test_what_is_known_by_long_steps_is_not_told_by_shorter_ones() -> None:
    """Where a part of it is, the rest is."""
    found, asked, _ = told_entry(0.25, KNOWN)
    assert found is KNOWN
    assert len(asked.asked) == 1
    assert not asked._kinks
    both, asked, _ = told_entry(
        0.25, estimate([3.0, 0.0], [0.25, np.inf]), estimate([1.0, 5.0], 0.5), function=lambda x: x
    )
    assert (both.value.tolist(), both.error.tolist()) == ([3.0, 5.0], [0.25, 0.5])
    assert len(asked.asked) == 2


def test_what_is_known_at_a_kink_of_other_outputs_stays() -> None:
    """The slopes on both sides are those of the others alone."""
    partly = estimate([3.0, 0.0], [0.25, np.inf])
    found, asked, _ = told_entry(
        1.0, partly, estimate([9.0, 2.0], 0.5), estimate([9.0, 1.0], 0.5), function=lambda x: x
    )
    assert (found.value.tolist(), found.error.tolist()) == ([3.0, 1.5], [0.25, 1.0])
    assert len(asked.asked) == 3


def test_at_a_kink_each_side_has_a_slope() -> None:
    """Told by what the function is on that side alone, twice; all between the two may be the slope."""

    def bent(x: Any) -> Any:
        return np.where(x[1] > 1, x[1] ** 2, 3.0 - x[1])[None]

    found, asked, args = told_entry(1.0, UNKNOWN, estimate([2.0], 0.25), estimate([-1.0], 0.5), function=bent)
    assert (found.value[0], found.error[0]) == pytest.approx((0.375, 1.875))
    (_, ahead, behind) = [f for f, *_ in asked.asked]
    centre = 2.0
    for t in (0.5, 0.25):
        assert ahead(t)[0] == (1 + t) ** 2
        assert ahead(-t)[0] == pytest.approx(2 * centre - (1 + t) ** 2)
        assert behind(-t)[0] == 2.0 + t
        assert behind(t)[0] == pytest.approx(2 * centre - (2.0 + t))
    assert ahead(0.0)[0] == behind(0.0)[0] == centre
    assert asked._kinks == {asked._key(args, 0, (1,))}


def test_small_entries_add_the_rounding_of_where_the_others_go() -> None:
    """Where no entry is small, no rounding is measured there."""
    for small, is_added in ((1e-9, True), (0.5, False)):
        args = (np.array([small, 1.0]),)

        class Noisy(Watched):
            def _at_place(self, args: Any) -> Any:
                self.seen = args
                return SimpleNamespace(noise=np.array([0.125]))

            def _told(self, f: Any, scale: float, args: Any, size: float, line: Any) -> Estimate:
                self.line = line
                return KNOWN

        asked = Noisy(function=lambda x: x[:1], count=1)
        asked._column(args, 0, (1,))
        assert np.max(asked.line.noise) == (0.125 if is_added else 0.0)
        if is_added:
            assert asked.seen[0].tolist() == [small, 1.0 + tolerances.FIRST_DIFFERENCE_STEP * SCALE]


@pytest.mark.parametrize(("scale", "count"), [(0.5, 1), (1.0, 1), (1.5, 2)])
def test_steps_of_one_entry_are_added_without_rounding(scale: float, count: int) -> None:
    """Which is said of them, in units of the scale that is used; long ones take a second opinion."""
    asked = Watched(*[KNOWN] * count)
    args, line = (X, Y), differences._Line(2.0)
    assert asked._told(np.sin, scale, args, 4.0, line).value.tolist() == [3.0]
    for (f, used, given, ratio, told, more), wanted in zip(asked.asked, (scale, SECOND * scale), strict=False):
        assert used == differences._without_rounding(wanted, 4.0)
        assert (f, ratio, told, more) == (np.sin, 4.0 / used, line, {"rounded": tolerances.STEP_ROUNDINGS})
        assert given is args
    assert len(asked.asked) == count
