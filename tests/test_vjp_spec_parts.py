"""How a specification is read and asked, step by step, where stand-ins take the place of tensors and balls.

A tensor here is an array of a class of its own, and so is a ball: a definition can tell which of them it is given.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.numerics import ball_tolerances, tolerances
from reference.numerics.oracles import ball, torch_autograd
from tests.gradients import drawn
from tests.spec_standins import kind_of, only, patched, spec_of

__all__ = ["patched"]  # a fixture

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, Y, N = drawn(2, 3), drawn(3) + 2.0, np.array([2, 1, 3])


KINDS: dict[str, tuple[tuple[str, ...], str, bool, bool]] = {
    "tensors": (("tensors",), "PyTorch", True, False),
    "tensors and arrays": (("tensors", "arrays"), "PyTorch", True, False),
    "arrays": (("arrays",), "numpy", False, False),
    "all": (("tensors", "arrays", "balls"), ball.NAME, True, True),
    "arrays and balls": (("arrays", "balls"), ball.NAME, True, True),
}


@pytest.mark.parametrize("which", KINDS)
def test_a_definition_is_read_in_all_ways_in_which_it_runs(which: str, patched: Any) -> None:
    """Its values come from balls where they can, else from tensors, else from arrays; its gradients likewise."""
    patched(tensors=True, balls=True)
    kinds, evaluator, is_differentiated, is_rigorous = KINDS[which]
    spec = spec_of(only(*kinds), X, N, Y)
    assert (spec.evaluator, spec.is_differentiated, spec.is_rigorous) == (evaluator, is_differentiated, is_rigorous)
    assert spec.oracle == (
        ball.NAME if is_rigorous else torch_autograd.NAME if "tensors" in kinds else spec.differences.oracle
    )
    assert spec.shape == X.shape
    due = 3.0 * X + N.sum() + Y.sum()
    assert np.array_equal(spec.evaluate(X, Y), due)
    assert np.array_equal(spec.in_doubles((X, N, Y)), due)
    truth = spec.value((X, N, Y))
    assert truth is not None
    assert np.array_equal(truth.value, due)
    error = 2.0**-30 if is_rigorous else 2.0**-40
    assert (truth.error == error).all() if is_differentiated else (truth.error < 1e-12).all()
    one, two = spec.gradient(np.ones(6), (X, N, Y))
    assert (one.value.shape, two.value.shape) == (X.shape, Y.shape)
    assert (one.error >= error).all()
    assert (one.error.max() < 2 * error) if is_differentiated else np.isinf(one.error).all()
    assert (spec.differences.function, spec.differences.rounding) == (spec.evaluate, spec._rounding)
    assert (spec._rounding(X, Y) < 1e-11).all()
    assert (spec.autograd(np.ones(X.shape), (X, N, Y)) is not None) is ("tensors" in kinds)


def test_all_arguments_are_of_one_kind(patched: Any) -> None:
    """Those that are not differentiated too, where the definition is for tensors; arrays stay as they are given."""
    patched(tensors=True, balls=True)
    seen: set[tuple[str, ...]] = set()

    def watched(x: Any, n: Any, y: Any) -> Any:
        seen.add(tuple(map(kind_of, (x, n, y))))
        return np.asarray(x) * 1.0

    spec = spec_of(watched, X, N, Y, fixed=(2,))
    spec.value((X, N, Y))
    assert seen == {("tensors",) * 3, ("arrays",) * 3, ("balls", "arrays", "arrays")}
    gradients = spec.gradient(np.ones(X.shape), (X, N, Y))
    assert [each.value.shape for each in gradients] == [X.shape]


@pytest.mark.parametrize(("balls", "at_hand"), [(True, "arrays"), (False, "tensors")])
def test_what_does_not_run_says_why(balls: bool, at_hand: str, patched: Any) -> None:
    """Once for each kind: what is missing, or what was raised."""
    patched(tensors=at_hand == "tensors", balls=balls)
    with pytest.raises(ValueError, match="spec: expected a function of torch tensors or of numpy arrays") as caught:
        spec_of(only("nothing"))
    said = str(caught.value)
    assert said.count("; ") == 2
    assert "numpy: AssertionError: given" in said
    for kind, is_there in (("torch", at_hand == "tensors"), ("balls", balls)):
        assert f"{kind}: {'AssertionError: given' if is_there else 'ImportError: not needed here'}" in said
    with pytest.raises(ValueError, match=r"numpy: TypeError: expected real numbers, got ndarray"):
        spec_of(lambda x: x + 1j)


@pytest.mark.parametrize(
    "result", [lambda x: x > 0, lambda x: np.ones(2, int), lambda x: np.ones(2, np.uint8), lambda x: 2.5]
)
def test_values_may_be_real_numbers_of_any_kind(result: Any, patched: Any) -> None:
    """They are taken as doubles, and so are they where their rounding is asked for."""
    patched()
    spec = spec_of(result)
    assert spec.in_doubles((X,)).dtype == np.float64
    assert spec.shape == np.shape(result(X))
    truth = spec.value((X,))
    assert truth is not None
    assert truth.value.dtype == truth.error.dtype == np.float64
    assert spec._rounding(X).dtype == np.float64


def test_two_meanings_are_refused(patched: Any) -> None:
    """At the given arguments or next to these, which may be special; what differs by rounding is one."""
    patched(tensors=True)
    for apart, is_refused in ((0.0, False), (1e-9, False), (1e-5, True)):
        for only_near in (False, True):

            def definition(x: Any, apart: float = apart, only_near: bool = only_near) -> Any:
                special = only_near and np.array_equal(x, X)
                return np.asarray(x) * 0.5 + apart * (kind_of(x) == "tensors" and not special)

            if not is_refused:
                assert spec_of(definition).evaluator == "PyTorch"
                continue
            with pytest.raises(ValueError, match=r"one meaning.*std and var divide.*convert its arguments yourself$"):
                spec_of(definition)
    with pytest.raises(ValueError, match="one meaning"):
        spec_of(lambda x: np.asarray(x) if kind_of(x) == "tensors" else np.asarray(x)[:1])
    large = spec_of(lambda x: np.asarray(x) * 1e9 + (kind_of(x) == "tensors"))
    assert large.evaluator == "PyTorch"
    with np.errstate(all="ignore"):
        assert spec_of(lambda x: np.asarray(x) / 0.0 * 0.0).shape == X.shape  # NaN in both ways


def test_ways_to_read_a_definition_are_compared_next_to_what_is_given(patched: Any) -> None:
    """Each number moved by a part of itself, the same each time, in all ways that there are."""
    patched(tensors=True)
    seen: dict[str, list[Array]] = {"tensors": [], "arrays": []}

    def watched(x: Any) -> Any:
        seen[kind_of(x)].append(np.array(x))
        return np.asarray(x) * 1.0

    for _ in range(2):
        spec_of(watched)
    for places in seen.values():
        moves = [place / X - 1 for place in places if not np.array_equal(place, X)]
        assert len(moves) == 2
        assert np.array_equal(*moves)
        assert (moves[0] > 0).all()
        assert (moves[0] <= 1 / 16 + 1e-12).all()
        assert len(np.unique(moves[0])) == X.size
    assert len({place.tobytes() for place in seen["tensors"]} ^ {place.tobytes() for place in seen["arrays"]}) == 0


def test_balls_that_mean_something_else_are_left_out(patched: Any) -> None:
    """The other ways to evaluate the definition judge then."""
    patched(balls=True)
    for apart, evaluator in ((0.0, ball.NAME), (1e-9, ball.NAME), (1e-5, "numpy")):
        spec = spec_of(lambda x, apart=apart: np.asarray(x) * 0.5 + apart * (kind_of(x) == "balls"))
        assert spec.evaluator == evaluator
        assert np.array_equal(spec.evaluate(X), 0.5 * X)


def test_of_many_numbers_no_balls_are_tried(patched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entries of all differentiated arguments are counted together."""
    monkeypatch.setattr(ball_tolerances, "MOST_BALLS", 9)
    for args, evaluator in (((X, N, Y), ball.NAME), ((X, N, drawn(4)), "numpy")):
        _, balls = patched(balls=True)
        assert spec_of(only("arrays", "balls"), *args).evaluator == evaluator
        assert bool(balls.seen) is (evaluator == ball.NAME)


def test_a_value_is_asked_for_once(patched: Any) -> None:
    """The value at each place is kept."""
    patched()
    calls: list[int] = []
    spec = spec_of(lambda x: (calls.append(1), x * 2.0)[1])
    first = spec.value((X,))
    before = len(calls)
    assert spec.value((X.copy(),)) is first
    assert len(calls) == before
    other = spec.value((X + 1,))
    assert other is not None
    assert np.array_equal(other.value, 2 * X + 2)


@pytest.mark.parametrize("kind", ["tensors", "arrays", "balls"])
def test_there_is_no_truth_where_a_definition_is_not_finite_or_raises(kind: str, patched: Any) -> None:
    """That holds for tensors, arrays and balls alike."""
    patched(tensors=kind == "tensors", balls=kind == "balls")

    def definition(x: Any) -> Any:
        if np.array_equal(x, X + 1):
            raise ZeroDivisionError
        if np.array_equal(x, X + 3) and kind_of(x) == kind:
            return np.asarray(x) * np.nan
        return np.where(np.array_equal(x, X + 2), np.inf, np.asarray(x)) * 1.0

    spec = spec_of(definition)
    assert [spec.value((X + n,)) is None for n in range(4)] == [False, True, True, kind != "balls"]


def test_torchs_gradients_are_kept(patched: Any) -> None:
    """By the cotangent, in any shape, and the place."""
    tensors, _ = patched(tensors=True, slope=0.5)
    spec = spec_of(only("tensors"))
    tensors.seen.clear()
    c = np.arange(6.0)
    (first,) = spec.gradient(c, (X,))
    assert first.value == pytest.approx(np.full(X.shape, 0.5 * 15))
    assert spec.gradient(c.reshape(2, 3).astype(np.float32), (X.copy(),))[0] is first
    assert tensors.seen.count("vjp") == 1
    spec.gradient(-c, (X,))
    spec.gradient(c, (X + 1,))
    assert tensors.seen.count("vjp") == 3
    (own,) = spec.autograd(c, (X,)) or [np.zeros(2)]
    assert np.array_equal(own, first.value)


def test_torchs_gradients_are_granted_what_they_may_be_subtracted_from(patched: Any) -> None:
    """By the sizes of the outputs, beside large arguments less, and of the gradient where the arguments are large."""
    tensors, _ = patched(tensors=True)
    x, c = np.array([0.5, -8.0]), np.array([3e15, -2e15])
    spec = spec_of(only("tensors"), x)
    unit = tolerances.DOUBLE_UNIT
    (found,) = spec.gradient(c, (x,))
    total = 3e15 * 1.5 + 2e15 * 24.0
    excess = (found.error - tensors.error) / unit / tolerances.TORCH_INTERMEDIATE_UNITS
    assert excess == pytest.approx([total, total / 8], rel=1e-9)
    tensors.slope = 1.0
    (sloped,) = spec.gradient(2 * c, (x,))
    more = (sloped.error - tensors.error - 2 * (found.error - tensors.error)) / unit / tolerances.TORCH_EXPONENT_UNITS
    assert more == pytest.approx(np.full(2, 8.0 * 2e15), rel=1e-6)
