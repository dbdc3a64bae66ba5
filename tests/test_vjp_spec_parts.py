"""How a specification is read and asked, step by step, where stand-ins take the place of tensors and balls.

A tensor here is an array of a class of its own, and so is a ball: a definition can tell which of them it is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import rigorous, specification
from reference.gradients.arguments import pattern
from reference.gradients.specification import Specification
from reference.numerics import ball_tolerances, tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball, torch_autograd
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, Y, N = drawn(2, 3), drawn(3) + 2.0, np.array([2, 1, 3])


class Tensor(np.ndarray[Any, Any]):
    """An argument of a definition for tensors."""


class Ball(np.ndarray[Any, Any]):
    """An argument of a definition for balls."""


class Oracle:
    """Takes the place of a module that evaluates and differentiates definitions."""

    def __init__(self, kind: Any, slope: float = 0.0) -> None:
        self.kind, self.slope, self.error = kind, slope, 2.0**-40 if kind is Tensor else 2.0**-30
        self.seen: list[str] = []

    def run(self, definition: Callable[..., Any], floats: Sequence[Any]) -> Array:
        assert all(each.dtype == np.float64 for each in floats)
        return np.asarray(definition(*(each.view(self.kind) for each in floats)), dtype=np.float64)

    def value(self, definition: Callable[..., Any], floats: Sequence[Any]) -> Estimate:
        self.seen.append("value")
        found = self.run(definition, floats)
        return Estimate(found, np.full(found.shape, self.error))

    def evaluate(self, definition: Callable[..., Any], floats: Sequence[Any]) -> Array:
        self.seen.append("evaluate")
        return self.run(definition, floats)

    def vjp(self, definition: Callable[..., Any], weights: Array, floats: Sequence[Any]) -> tuple[Estimate, ...]:
        self.seen.append("vjp")
        assert self.run(definition, floats).shape == weights.shape
        return tuple(
            Estimate(np.full(each.shape, self.slope * weights.sum()), np.full(each.shape, self.error))
            for each in floats
        )


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Oracle, Oracle]]:
    """Puts stand-ins in the place of what is installed, and nothing in that of the rest."""

    def patch(*, tensors: bool = False, balls: bool = False, **more: Any) -> tuple[Oracle, Oracle]:
        found = Oracle(Tensor, **more), Oracle(Ball, **more)
        for module, oracle, is_there in ((torch_autograd, found[0], tensors), (ball, found[1], balls)):
            monkeypatch.setattr(module, "available", lambda is_there=is_there: None if is_there else "not needed here")
            for name in ("value", "vjp", "evaluate"):
                if is_there:
                    monkeypatch.setattr(module, name, getattr(oracle, name), raising=False)
        monkeypatch.setattr(torch_autograd, "constant", lambda array: array.view(Tensor))
        monkeypatch.setattr(rigorous, "available", lambda: "not needed here")
        return found

    return patch


def kind_of(x: Any) -> str:
    return {Tensor: "tensors", Ball: "balls"}.get(type(x), "arrays")


def only(*kinds: str) -> Callable[..., Any]:
    """A definition that cannot do with other kinds of arguments."""

    def definition(x: Any, *more: Any) -> Any:
        assert kind_of(x) in kinds, f"given {kind_of(x)}"
        assert all((kind_of(each) == "tensors") is (kind_of(x) == "tensors") for each in more)
        return np.asarray(x) * 3.0 + sum(np.asarray(each).sum() for each in more)

    return definition


def spec_of(definition: Any, *args: Any, **more: Any) -> Specification:
    return Specification(definition, pattern(args or (X,), more.pop("domain", None), **more))


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
    """Then the others judge."""
    patched(balls=True)
    for apart, evaluator in ((0.0, ball.NAME), (1e-9, ball.NAME), (1e-5, "numpy")):
        spec = spec_of(lambda x, apart=apart: np.asarray(x) * 0.5 + apart * (kind_of(x) == "balls"))
        assert spec.evaluator == evaluator
        assert np.array_equal(spec.evaluate(X), 0.5 * X)


def test_of_many_numbers_no_balls_are_tried(patched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that are differentiated count."""
    monkeypatch.setattr(ball_tolerances, "MOST_BALLS", 9)
    for args, evaluator in (((X, N, Y), ball.NAME), ((X, N, drawn(4)), "numpy")):
        _, balls = patched(balls=True)
        assert spec_of(only("arrays", "balls"), *args).evaluator == evaluator
        assert bool(balls.seen) is (evaluator == ball.NAME)


def test_a_value_is_asked_for_once(patched: Any) -> None:
    """At each place."""
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
    """In whatever way it is read."""
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
    assert "methods of tensors" in str(spec.rigorous.refusal)
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
