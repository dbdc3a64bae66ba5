"""How a slope is told from values alone, by the parts: with which steps, by which opinions, and how far each is off."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import differences
from reference.gradients.arguments import EVERYWHERE
from reference.gradients.differences import Differences
from reference.numerics import function_tolerances, tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.oracles.complex_step import ComplexStepError

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, Y = np.array([0.5, -4.0]), np.array([[2.0], [8.0]])
SECOND, SCALE = tolerances.SECOND_STEP_RATIO, tolerances.STEP_SCALE


def estimate(value: Any, error: Any = 0.0) -> Estimate:
    value = np.asarray(value, float)
    return Estimate(value, np.broadcast_to(np.asarray(error, float), value.shape).copy())


def total(x: Any, y: Any) -> Any:
    return x * 2.0 + y.sum()


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
    """Elsewhere none is measured there."""
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


class Placed(Differences):
    """Differences of a function whose rounding and size are told at a place, and nearby."""

    near = 2.0**-30

    def _near(self, args: Any) -> Any:
        return np.array([self.near]), np.array([4.0])

    def _at_place(self, args: Any) -> Any:
        return differences._Place(np.array([2.0**-35]), np.array([4.0]), True)


def sharp(monkeypatch: pytest.MonkeyPatch, found: Estimate, **more: Any) -> tuple[Estimate, Any]:
    """What comes of an estimate of differences with no waves, whose values go up to 9, and what was asked."""
    asked: Any = SimpleNamespace()

    def derivative(f: Any, scale: float, *, noise: Any) -> Estimate:
        asked.derivative = (scale, noise.tolist())
        f(0.5)
        f(-0.5)
        return found

    def agreeing(f: Any, scale: float, found: Estimate, noise: Any, **named: Any) -> Estimate:
        asked.agreeing = (f, scale, noise.tolist(), named)
        asked.found = found
        return found

    def absorbed(turning: float, noise: Any) -> Any:
        asked.absorbed = (turning, noise.tolist())
        return more.get("hidden", 0.0)

    monkeypatch.setattr(differences.finite_differences, "derivative", derivative)
    monkeypatch.setattr(differences.finite_differences, "agreeing", agreeing)
    monkeypatch.setattr(differences.waves, "absorbed", absorbed)
    oracle = Placed(np.sin, (EVERYWHERE,))
    asked.f = lambda t: np.array([-9.0 if t > 0 else 1.0])
    asked.args = (X,)
    rounded = {"rounded": more["rounded"]} if "rounded" in more else {}
    line = differences._Line(7.0, more.get("noise", 0.0))
    return oracle._sharp(asked.f, more.get("scale", 2.0), asked.args, 3.0, line, **rounded), asked


def test_an_estimate_is_off_by_what_rounds_the_steps_and_hides_waves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Besides what it says of itself; the place and the values have their own roundings."""
    rounded = 2.0**-20
    found, asked = sharp(monkeypatch, estimate([-8.0], 2.0**-12), rounded=rounded, hidden=2.0**-14)
    own = tolerances.STEP_SAFETY * 2.0**-12 + rounded * 4 * 8
    assert asked.found.error[0] == pytest.approx(own, rel=1e-14)
    assert found.value[0] == -8.0
    assert found.error[0] == pytest.approx(own + 2.0**-14, rel=1e-14)
    assert asked.derivative == (2.0, [2.0**-30])
    f, scale, noise, named = asked.agreeing
    assert (f, scale, noise) == (asked.f, 2.0, [2.0**-35])
    assert named == {"ratio": 3.0, "args": asked.args, "is_floor": False}
    assert asked.absorbed == (7.0, [2.0**-30])
    plain, _ = sharp(monkeypatch, estimate([-8.0], 2.0**-12))
    assert plain.error[0] == pytest.approx(2.0**-12 + tolerances.SHORTEST_STEP_ROUNDING * 4 * 8, rel=1e-12)
    _, asked = sharp(monkeypatch, estimate([-8.0], 2.0**-12), noise=np.array([2.0**-25]))
    assert asked.derivative == (2.0, [2.0**-25])
    assert asked.absorbed == (7.0, [2.0**-25])
    _, asked = sharp(monkeypatch, estimate([-8.0], 2.0**-12), noise=np.array([2.0**-60]))
    assert asked.absorbed == (7.0, [2.0**-30])
    monkeypatch.setattr(Placed, "near", 2.0**-90)
    _, asked = sharp(monkeypatch, estimate([-8.0], 2.0**-12))
    assert asked.absorbed == (7.0, [9 * tolerances.LEAST_DIFFERENCE_ROUNDING])


@pytest.mark.parametrize(("error", "scale", "is_sharp"), [
    (9e-3 / 2, 2.0, True), (9.1e-3 / 2, 2.0, False), (9e-3, 1.0, True), (9e-3 / 8, 8.0, True), (9.1e-3 / 8, 8.0, False),
    (np.inf, 2.0, False), (np.nan, 2.0, False),
])  # fmt: skip
def test_an_estimate_without_three_digits_is_none(
    monkeypatch: pytest.MonkeyPatch, error: float, scale: float, is_sharp: bool
) -> None:
    """In units of the largest value that was met over the scale of the steps."""
    found, _ = sharp(monkeypatch, estimate([5.0], error), scale=scale, rounded=0.0)
    assert np.isfinite(found.error[0]) == is_sharp
    assert found.value[0] == (5.0 if is_sharp else 0.0)


def test_what_is_measured_at_a_place_is_kept() -> None:
    """The larger of what rounds there and where long steps go."""
    calls: list[Any] = []
    x = np.linspace(-4.0, 3.0, 40)

    def function(x: Any) -> Any:
        calls.append(x)
        return x * 8.0 - 1.0

    asked = Differences(function, (EVERYWHERE,), rounding=np.abs)
    own = tolerances.DIFFERENCE_SAFETY * tolerances.STEP_SAFETY * tolerances.BOTH_ENDS
    place = asked._at_place([x])
    assert place.noise.tolist() == (np.abs(x) / own).tolist()
    assert place.size.tolist() == np.abs(8.0 * x - 1.0).tolist()
    assert place.is_followed
    before = len(calls)
    assert asked._at_place([x.copy()]) is place
    assert asked._at_place([2 * x]) is not place
    before = len(calls)
    noise, size = asked._near([x])
    assert len(calls) == before + 1
    away = calls[-1]
    reach = tolerances.FIRST_DIFFERENCE_STEP * asked.steps([x], 0)
    assert (np.abs(away - x) <= reach).all()
    assert (np.abs(away - x) > 0).all()
    assert len(set(((away - x) / reach).tolist())) == 40
    assert noise.tolist() == (np.fmax(np.abs(x), np.abs(away)) / own).tolist()
    assert size.tolist() == np.fmax(np.abs(8.0 * x - 1.0), np.abs(8.0 * away - 1.0)).tolist()
    assert asked._near([x.copy()])[0] is noise
    assert len(calls) == before + 1


def test_outputs_of_any_type_are_measured_in_doubles() -> None:
    """As whole numbers; whether an analysis is asked besides says nothing of what was followed."""
    whole = Differences(lambda x: np.array([3, -4]), (EVERYWHERE,), rounding=lambda x: np.zeros(2))
    assert whole._at_place([X]).size.dtype == np.float64
    for analysed in (np.ones(2), np.ones(1), None):
        asked = Differences(
            lambda x: np.array([float(each) for each in x.tolist()]), (EVERYWHERE,), analysed=lambda x, a=analysed: a
        )
        assert asked._at_place([X]).is_followed is False
        assert (asked._at_place([X]).noise > 1e-3).all() == (analysed is not None)
    column = Differences(
        lambda x: np.array([[float(each)] for each in x.tolist()]),
        (EVERYWHERE,),
        analysed=lambda x: np.array([1.0, 0.0]),
    )
    assert (column._at_place([X]).noise > 1e-3).tolist() == [[True], [False]]


def test_the_oracle_is_named() -> None:
    """By what it asks."""
    assert Differences(total, ()).oracle == differences.finite_differences.NAME
    assert Differences(total, (), carries_complex=True).oracle == "the complex step and finite differences"


class Opinion(Differences):
    """Differences of functions whose outputs are rounded by so much nearby, and by so much at the place."""

    def __init__(self, function: Any, near: float, here: float = np.inf) -> None:
        super().__init__(function, (EVERYWHERE,))
        self.near, self.here = near, here

    def _near(self, args: Any) -> Any:
        return np.full(np.shape(self.function(*args)), self.near), np.zeros(())

    def _at_place(self, args: Any) -> Any:
        return differences._Place(np.full(np.shape(self.function(*args)), self.here), np.zeros(()), True)


STEPS = function_tolerances.TAYLOR_STEPS
#: What rounding may be at the longest step that decides on a slope that is off by 1.
DECIDES = function_tolerances.TAYLOR_CLEAR * STEPS[0] / function_tolerances.TAYLOR_SAFETY


def refuted(
    function: Any,
    claimed: float,
    due: float,
    *,
    near: float = 0.0,
    here: float = np.inf,
    x: float = 4.0,
    d: float = 1.0,
) -> bool:
    return Opinion(function, near, here).refutes([np.array([x])], [np.array([d])], np.ones(1), claimed, due)


@pytest.mark.parametrize(("rounding", "off", "decides"), [
    (0.0, 1.0, True), (DECIDES, 1.0, True), (1.01 * DECIDES, 1.0, False), (3 * DECIDES, 4.0, True),
    (DECIDES / 2, 0.25, False),
])  # fmt: skip
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_values_save_a_right_slope_where_rounding_lets_them(
    rounding: float, off: float, decides: bool, sign: float
) -> None:
    """At one step at least it has to be a part of what the slope seems to be off by; a wrong one is never saved."""
    for d in (1.0, 2.0, -0.5):
        assert refuted(lambda x: 3 * x, 3 * d, 3 * d + sign * off, near=rounding, d=d) is not decides
        assert refuted(lambda x: 3 * x, 3 * d + sign * off, 3 * d, near=rounding, d=d)


@pytest.mark.parametrize(("slope", "is_refuted"), [(3.0, False), (3.5, False), (3.51, True), (4.0, True), (2.4, True)])
def test_a_slope_is_refuted_by_one_that_is_nearer_to_another(slope: float, is_refuted: bool) -> None:
    """Than to the one that is claimed."""
    assert refuted(lambda x: slope * x, 3.0, 4.0, x=0.0) is is_refuted


def test_the_shortest_steps_that_decide_are_believed() -> None:
    """All of the last few have to speak against the slope; what longer ones say is no matter."""

    def bent(edge: float) -> Any:
        return lambda x: np.where(np.abs(x - 4) > edge, 3 * (x - 4), 4 * (x - 4))

    for place, is_refuted in ((-1, False), (-2, False), (-3, True), (-4, True), (-12, True)):
        assert refuted(bent(1.5 * STEPS[place]), 3.0, 4.0) is is_refuted
        assert refuted(bent(1.5 * STEPS[place]), 4.0, 3.0) is False


@pytest.mark.parametrize(("x", "is_asked"), [
    (2.0**-40, True), (2.0**-33, True), (STEPS[-1], False), (2.0**-10, False), (0.0, False), (4.0, False),
])  # fmt: skip
def test_tiny_arguments_are_told_apart_by_steps_of_their_own_size(x: float, is_asked: bool) -> None:
    """By the rounding at the place itself; where they are no smaller than the other steps nobody asks."""
    seen: list[float] = []

    def function(given: Any) -> Any:
        seen.append(float(given[0]) - x)
        return 3 * given

    assert refuted(function, 3.0, 4.0, near=np.inf, here=0.0, x=x) is not is_asked
    steps = {abs(each) for each in seen if each}
    assert steps == {*STEPS, *(x * each for each in STEPS if is_asked)}
    assert refuted(function, 3.0, 4.0, near=np.inf, here=np.inf, x=x)


def test_each_output_counts_by_its_weight() -> None:
    """In the shape of the outputs; what is not finite ends in no warning."""
    asked = Opinion(lambda x: np.array([[3.0], [5.0]]) * x, 0.0)
    x, d, weights = [np.array([[2.0]])], [np.array([[1.0]])], np.array([1.0, -2.0], np.float32)
    assert not asked.refutes(x, d, weights, -7.0, -6.0)
    assert asked.refutes(x, d, weights, -6.0, -7.0)
    both = Opinion(lambda x: 3.0 * x[:1], np.inf, 0.0)
    assert not both.refutes([np.array([2.0**-40, 4.0])], [np.ones(2)], np.ones(1), 3.0, 4.0)
    assert refuted(lambda x: x > 4, 0.0, 1.0)
    broken = Opinion(lambda x: np.array([np.inf, 3.0 * x[0]]), 0.0)
    assert broken.refutes([np.ones(1)], [np.ones(1)], np.ones(2), 3.0, 4.0)


def test_angles_are_looked_for_once_at_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast they turn depends on where the steps go."""
    looked: list[Any] = []

    def angles(compute: Any, args: Any) -> Any:
        looked.append((compute(*args), args))
        return ["angles"]

    def turning(compute: Any, here: Any, place: Any, scale: float) -> Any:
        assert compute(X)[0].tolist() == np.sin(X).tolist()
        return here, place, scale

    monkeypatch.setattr(differences.waves, "angles", angles)
    monkeypatch.setattr(differences.waves, "turning", turning)
    asked = Differences(np.sin, (EVERYWHERE,))
    for scale in (1.0, 2.0):
        told: Any = asked._turning([X], np.exp, scale)  # type: ignore[arg-type]
        assert told == (["angles"], np.exp, scale)
    assert len(looked) == 1
    ((output,), args) = looked[0]
    assert output.tolist() == np.sin(X).tolist()
    assert args[0] is X
    asked._turning([2 * X], np.exp, 1.0)  # type: ignore[arg-type]
    assert len(looked) == 2


def test_an_entry_is_small_beside_its_own_step() -> None:
    """Of any argument; what is 0 is none."""
    asked = Differences(total, (EVERYWHERE,) * 2)
    edge = function_tolerances.SMALL_ENTRY * SCALE
    for x, y, is_small in (([1.0], [1.0], False), ([1.0, 0.9 * edge], [1.0], True), ([1.0], [-0.9 * edge], True),
                           ([edge], [1.0], False), ([0.0], [0.0], False)):  # fmt: skip
        assert asked._has_small([np.array(x), np.array(y)]) is is_small
