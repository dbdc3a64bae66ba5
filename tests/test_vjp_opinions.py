"""When an estimate of a slope is believed: what is added to its error, and what values say against it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference.gradients import differences
from reference.gradients.arguments import EVERYWHERE
from reference.gradients.differences import Differences
from reference.numerics import function_tolerances, tolerances
from reference.numerics.estimate import Estimate
from tests.vjp_slope_parts import SCALE, X, estimate, total

pytestmark = pytest.mark.catalogue


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
    """The name tells whether the complex step is used."""
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
