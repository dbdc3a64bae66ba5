"""Where a specification is asked in ball arithmetic, and what is believed of that: its values, gradients, rounding."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import specification
from reference.numerics import tolerances
from reference.numerics.estimate import Estimate
from tests.gradients import drawn
from tests.spec_standins import only, patched, spec_of

__all__ = ["patched"]  # a fixture

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, Y, N = drawn(2, 3), drawn(3) + 2.0, np.array([2, 1, 3])


class Known:
    """Takes the place of ball arithmetic on the definition: what it tells at each place."""

    def __init__(self, value: Any, gradient: Any = lambda c, args, enough=None: (1,), refusal: Any = None) -> None:
        self.of, self.gradient, self.refusal = value, gradient, refusal
        self.asked: list[Any] = []
        self.made: Any = None

    def value(self, args: Any) -> Any:
        self.asked.append(args)
        return self.of(args)

    def __call__(self, *made: Any) -> Any:
        self.made = made
        return self


def near(by: float = 0.0, error: float = 0.0, only_at: Any = None) -> Callable[[Any], Estimate]:
    """The values of `only`, off by so much, at all places or at one."""

    def value(args: Any) -> Estimate:
        found = 3.0 * args[0] + sum(each.sum() for each in args[1:])
        off = by if only_at is None or np.array_equal(args[0], only_at) else 0.0
        return Estimate(found + off, np.full(found.shape, error))

    return value


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (Known(near()), None), (Known(near(1e-9)), None), (Known(near(1e-4)), "something else"),
        (Known(near(1e-4, 1e-3)), None), (Known(near(1e-4, only_at=X)), None),
        (Known(lambda args: None), "cannot tell"),
        (Known(near(), lambda c, args: None), "cannot tell"), (Known(near(), refusal="no FFT"), "no FFT"),
        (Known(lambda args: None, refusal="no FFT"), "no FFT"),
        (Known(lambda args: Estimate(np.zeros(2), np.zeros(2))), "something else"),
    ],
)  # fmt: skip
def test_ball_arithmetic_refuses_what_means_something_else(
    known: Known, said: str | None, patched: Any, monkeypatch: Any
) -> None:
    """At the given arguments and at ordinary ones: it has to agree somewhere, for digits may be lost."""
    patched()
    monkeypatch.setattr(specification, "Rigorous", known)
    definition = only("arrays")
    spec = spec_of(definition, X, N, Y)
    assert known.made == (definition, "numpy", (0, 2))
    assert (spec.rigorous.refusal is None) is (said is None)
    assert said is None or said in str(spec.rigorous.refusal)
    assert said in {None, "no FFT"} or re.fullmatch("(ball|the) .*(definition|doubles)", str(spec.rigorous.refusal))
    assert spec.is_rigorous is (said is None)


def test_balls_are_asked_at_a_few_ordinary_places(patched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which are legal; first where arguments are given. Of tensors it is told that they are."""
    patched(tensors=True)
    for legal, count in ((None, 3), (lambda x, n, y: np.array_equal(x, X), 0)):
        known = Known(near(1.0))
        monkeypatch.setattr(specification, "Rigorous", known)
        spec_of(only("tensors"), X, N, Y, legal=legal)
        assert known.made[1] == "torch"
        given, first, *others = known.asked
        assert given is first
        assert all(map(np.array_equal, given, (X, N, Y)))
        assert len(others) == count
        for each in others:
            assert np.array_equal(each[1], N)
            assert (each[0].shape, each[2].shape) == (X.shape, Y.shape)
            assert np.abs(each[0]).max() < 6
        assert len({each[0].tobytes() for each in others}) == count
        again = Known(near(1.0))
        monkeypatch.setattr(specification, "Rigorous", again)
        spec_of(only("tensors"), X, N, Y, legal=legal)
        assert all(np.array_equal(one[0], two[0]) for one, two in zip(known.asked, again.asked, strict=True))


def test_methods_of_tensors_on_arrays_are_not_followed(patched: Any) -> None:
    """Balls are not asked then, since they have other methods."""
    patched()
    spec = spec_of(lambda x: x.exp().sum(1, keepdim=True), domain=[(-9.0, 9.0)])
    assert spec.differences.domain == ((-9.0, 9.0),)
    assert np.allclose(spec.evaluate(X), np.exp(X).sum(axis=1, keepdims=True))
    assert spec.rigorous.refusal == "the definition has the methods of tensors and is given arrays"
    assert spec.shape == (2, 1)


@pytest.mark.parametrize(
    ("by", "error", "rounding", "is_truth"),
    [
        (0.0, 0.0, 0.0, True), (1e-9, 0.0, 0.0, True), (1e-3, 0.0, 0.0, False), (1e-3, 1e-2, 0.0, True),
        (1e-3, 0.0, 1e-2, True), (1e-3, 0.0, 1e-4, False),
    ],
)  # fmt: skip
def test_the_truth_is_what_the_formula_means(
    by: float, error: float, rounding: float, is_truth: bool, patched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where doubles are off by no more than rounding explains: by an estimate of tensors, or of arrays."""
    for kind in ("tensors", "arrays"):
        tensors, _ = patched(tensors=kind == "tensors")
        known = Known(near())
        monkeypatch.setattr(specification, "Rigorous", known)
        spec = spec_of(only(kind), X)
        known.of, tensors.error = near(by, error), rounding
        monkeypatch.setattr(specification, "rounding_error", lambda run, floats, answers: [np.full(X.shape, rounding)])
        found = spec.value((X + 1,))
        assert (found is not None) is is_truth
        if found is not None:
            assert np.array_equal(found.value, 3.0 * (X + 1) + by)
            assert (found.error == error).all()
        known.refusal = "since then"
        plain = spec.value((X + 2,))
        assert plain is not None
        assert np.array_equal(plain.value, 3.0 * (X + 2))
        assert (plain.error == rounding).all()


def test_gradients_come_from_ball_arithmetic_where_it_knows_them(patched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As exactly as is asked; else from what else there is."""
    patched()
    seen: list[Any] = []

    def gradient(c: Array, args: Any, enough: Any = None) -> Any:
        seen.append((c, args, enough))
        return told

    told: Any = (object(),)
    known = Known(near(), gradient)
    monkeypatch.setattr(specification, "Rigorous", known)
    spec, c, enough, args = spec_of(only("arrays"), X), np.arange(6.0, dtype=np.float32), [1e-9], (X + 1,)
    assert spec.gradient(c, args, enough) is told
    weights, given, wanted = seen[-1]
    assert (given is args, wanted is enough, weights.dtype) == (True, True, np.dtype(np.float64))
    assert np.array_equal(weights, c.reshape(X.shape))
    told = None
    (found,) = spec.gradient(c, args, enough)
    assert np.isinf(found.error).all()
    told, known.refusal = (object(),), "since then"
    (found,) = spec.gradient(c, args, enough)
    assert np.isinf(found.error).all()


def test_rounding_of_arrays_is_that_of_the_definition(patched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked with the definition, the arguments and its answer."""
    patched()
    spec = spec_of(only("arrays"), X, N, Y)

    def rounding(run: Any, floats: Any, answers: Any) -> Any:
        assert np.array_equal(run(X, Y)[0], 3.0 * X + N.sum() + Y.sum())
        assert all(map(np.array_equal, floats, (X, Y)))
        assert np.array_equal(answers[0], 3.0 * X + N.sum() + Y.sum())
        return [np.full(X.shape, 0.5)]

    monkeypatch.setattr(specification, "rounding_error", rounding)
    assert (spec._rounding(X, Y) == 0.5).all()
    truth = spec.value((X, N, Y))
    assert truth is not None
    assert (truth.error == 0.5).all()


@pytest.mark.parametrize(
    ("one", "other", "agrees"),
    [
        ([1.0], [1.0 + 1e-4], True), ([1e4], [1e4 + 0.5], True), ([0.0], [1e-4], True), ([0.0], [3e-3], False),
        ([1e4], [1e4 + 20.0], False), ([np.nan], [np.nan], True), ([np.nan], [1.0], False), ([1.0], [[1.0]], False),
        ([1.0, 2.0], [1.0, 3.0], False),
    ],
)  # fmt: skip
def test_readings_agree_in_shape_and_numbers(one: Any, other: Any, agrees: bool) -> None:
    """But for a part of their sizes, or of 1; NaN is NaN."""
    assert specification._agree(np.array(one), np.array(other), 1e-3) is agrees
    assert specification._agree(np.array(other), np.array(one), 1e-3) is agrees


def test_numbers_are_near_an_enclosure_beside_their_sizes() -> None:
    """Or beside 1; of another shape they are not near it."""
    exact = Estimate(np.array([0.0, 4.0, -1e3]), np.array([0.0, 0.5, 0.0]))
    found = specification._far(exact, np.array([0.25, 5.0, -1e3]))
    part = tolerances.READINGS_AGREE
    assert found is not None
    assert found == pytest.approx([0.25 - part, 0.5 - 4 * part, -1e3 * part], rel=1e-12)
    assert specification._far(exact, np.zeros(2)) is None
