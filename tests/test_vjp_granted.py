"""How rounding is asked about for the answers of a function in a case: of which computation, with which numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import answers
from reference.gradients.answers import FunctionAnswers
from reference.gradients.cases import Case
from reference.numerics.estimate import Estimate
from tests.gradients import drawn
from tests.vjp_function import WHOLE, X, Y, forward, function, same, vjp

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
C = drawn(3, 2).T + 1.0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is asked of each of the two ways to bound roundings, which answer their own names."""
    seen: list[Any] = []

    def way(name: str) -> Any:
        def bounds(*given: Any) -> Any:
            seen.append((name, *given))
            return [f"{name} {len(seen)}", name]

        return bounds

    monkeypatch.setattr(answers, "granted", way("granted"))
    monkeypatch.setattr(answers, "estimated", way("estimated"))
    return seen


class Called:
    """A function that notes its calls."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.calls: list[Any] = []

    def __call__(self, *args: Any) -> Any:
        self.calls.append(args)
        return self.function(*args)


def large(one: Any = np.sin, two: Any = lambda c, x: (c * np.cos(x),)) -> tuple[FunctionAnswers, Array]:
    x = np.linspace(-1.0, 1.0, 5001)
    return function(one, two, (x,)), x


def test_roundings_of_gradients_are_asked_of_the_computation(asked: Any) -> None:
    """With the cotangent and the arguments of floating point, the answers, their sizes, and how they are followed."""
    told = function()
    found, bounds = told.gradients(told.cases[0], C)
    assert bounds == ["granted 1", "granted"]
    ((name, compute, inputs, answered, sizes, followed),) = asked
    assert name == "granted"
    assert same(inputs, (C, X, Y))
    assert same(answered, found)
    assert same(found, vjp(C, X, WHOLE, Y)[::2])
    assert same(sizes, told.sizes(told.cases[0], C))
    assert same(compute(2 * C, X, Y), [2 * each for each in found])
    assert same(followed(2 * C, X, Y), [2 * each for each in found])


def test_roundings_of_many_gradients_are_estimated(asked: Any) -> None:
    """Without a wider type, nor operations that are followed."""
    told, x = large()
    cotangent = np.ones(5001)
    assert told.gradients(told.cases[0], cotangent)[1] == ["estimated 1", "estimated"]
    told.forward_bound(told.cases[0], np.sin(x))
    for name, compute, inputs, answered, *more in asked:
        assert name == "estimated"
        assert same(compute(*inputs), answered)
        assert same(inputs, (cotangent, x) if inputs[0] is cotangent else (x,))
        assert len(more) == 1
        assert len(answered) == 1
    assert len(asked) == 2
    assert same(asked[0][4], told.sizes(told.cases[0], cotangent))


def test_an_estimate_is_made_once(asked: Any) -> None:
    """There is one estimate for each cotangent in each case."""
    told = function()
    case, other = told.cases[:2]
    first = told.estimated_bounds(case, C)
    (_, (name, compute, inputs, answered, sizes, followed)) = asked
    assert name == "estimated"
    assert first == ["estimated 2", "estimated"]
    assert same(inputs, (C, X, Y))
    assert same(answered, vjp(C, X, WHOLE, Y)[::2])
    assert same(sizes, told.sizes(case, C))
    assert same(compute(C, 2 * X, Y), vjp(C, 2 * X, WHOLE, Y)[::2])
    assert same(followed(C, 2 * X, Y), vjp(C, 2 * X, WHOLE, Y)[::2])
    assert told.estimated_bounds(case, C.copy()) is first
    assert len(asked) == 2
    assert told.estimated_bounds(case, -C) is not first
    assert told.estimated_bounds(other, C) is not first
    moved = Case(case.kind, case.args, case.seed + 1)
    assert told.estimated_bounds(moved, C) is not first


def test_roundings_of_the_forward_pass_are_asked_of_it(asked: Any) -> None:
    """Beside an eighth of its largest output; as it is called, and as its operations are followed."""
    one = Called(forward)
    told = function(one)
    case = Case("", (2 * X, WHOLE, 2 * Y), 0)
    output = np.array([[1.0, -8.0, 2.0], [0.0, 4.0, 3.0]])
    assert told.forward_bound(case, output) == "granted 1"
    ((_, compute, inputs, answered, sizes, followed),) = asked
    assert same(inputs, (2 * X, 2 * Y))
    assert same(answered, [output])
    assert sizes == [1.0]
    for computed in (compute, followed):
        assert same(computed(3 * X, Y), [forward(3 * X, WHOLE, Y)])
    copied, followed_args = one.calls[-2:]
    assert followed_args[1] is told.pattern.args[1]
    assert copied[1] is not told.pattern.args[1]
    assert told.rounded_forward(case, np.zeros((0, 3)))[3] == [0.0]


def test_followed_gradients_are_of_the_very_arrays() -> None:
    """After the forward pass; what it raises is no matter, and arguments without a gradient have no answer."""
    one, two = Called(forward), Called(vjp)
    told = function(one, two)
    found = told.followed_gradient(C, X, Y)
    assert same(found, vjp(C, X, WHOLE, Y)[::2])
    assert [each is given for each, given in zip(one.calls[-1], (X, told.pattern.args[1], Y), strict=True)] == [
        True
    ] * 3
    assert two.calls[-1][0] is C
    assert two.calls[-1][1] is X

    def raising(*_: Any) -> Any:
        raise ValueError("no")

    assert same(function(raising).followed_gradient(C, X, Y), found)


def test_sizes_are_those_of_the_output_by_the_cotangent() -> None:
    """Of the definition's where there is one that is finite there, in the shape of the cotangent."""

    class Spec:
        shape = (2, 3)

        def __init__(self, value: Any) -> None:
            self.found = None if value is None else Estimate(value, 0 * value)

        def value(self, args: Any) -> Any:
            assert args is plain.cases[0].args or same(args, (X, WHOLE, Y))
            return self.found

    plain = function()
    case = plain.cases[0]
    total = np.abs(C * forward(X, WHOLE, Y)).sum()
    for told, due in (
        (plain, total), (function(spec=Spec(None)), total), (function(spec=Spec(np.full(6, 2.0))), np.abs(2 * C).sum()),
    ):  # fmt: skip
        x, y = told.sizes(case, C)
        assert np.allclose(x, due / np.maximum(1.0, np.abs(X)))
        assert np.allclose(y, due / np.maximum(1.0, np.abs(Y)))


def test_a_gradient_is_computed_after_the_forward_pass() -> None:
    """With the same arguments, whatever that raises; each call has its own, unless there are many numbers."""
    one, two = Called(forward), Called(vjp)
    told = function(one, two)
    compute = told.gradient_function(told.cases[0])
    one.calls.clear()
    assert same(compute(C, 3 * X, Y), vjp(C, 3 * X, WHOLE, Y)[::2])
    assert same(one.calls[0], (3 * X, WHOLE, Y))
    assert same(two.calls[0], (C, 3 * X, WHOLE, Y))
    compute(C, 3 * X, Y)
    assert (len(one.calls), len(two.calls)) == (2, 2)
    many = Called(np.sin)
    wide, x = large(many)
    cotangent = np.ones(5001)
    first, second = wide.cases[:2]
    many.calls.clear()
    for case, calls in ((first, 1), (first, 1), (second, 2), (first, 3)):
        wide.gradient_function(case)(cotangent, *case.args)
        assert len(many.calls) == calls
    wide.run_forward(first.args)
    assert len(many.calls) == 3
    wide.run_forward(second.args)
    assert len(many.calls) == 4
    assert same(wide.gradient_function(first)(cotangent, 2 * x), [np.cos(2 * x)])


def test_gradients_are_kept_by_case_and_cotangent(asked: Any) -> None:
    """Of another kind, seed or cotangent they are other ones."""
    told = function()
    case = told.cases[0]
    first = told.gradients(case, C)
    assert told.gradients(case, C.copy()) is first
    for other, cotangent in ((case, -C), (Case("other", case.args, case.seed), C),
                             (Case(case.kind, case.args, case.seed + 1), C)):  # fmt: skip
        assert told.gradients(other, cotangent) is not first
