"""What is asked at the edges: each check's cases have what its promise is about, and end where it says."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.execution.in_process import InProcess
from reference.findings import Violation
from reference.lab.cases import Case
from reference.lab.checks import edges, formula
from reference.lab.context import ORDINARY_SIZES, Context
from reference.lab.contract import MESSAGES, Message
from reference.numerics import ball_tolerances
from reference.numerics.oracles import ball
from tests.examining import with_methods

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
OF = {message.subject: message for message in MESSAGES}
FORWARD, DELTA = OF["SoftmaxLayer.forward"], OF["SoftmaxLayer.delta"]
COMPOUND = next(message for message in MESSAGES if message.key == "logits")
LOSS = OF["LossCrossEntropy.forward"]
Check = Callable[[Context, Message], None]


class Listening(Context):
    """Notes the cases in place of asking them."""

    asked: list[Case]

    def judge_each(self, message: Message, cases: Any, *args: Any, **options: Any) -> None:
        self.asked = [*getattr(self, "asked", []), *cases]


def asked(check: Check, message: Message, assignment: int = 3, effort: Any = "normal") -> list[Case]:
    context = Listening(InProcess({}, {}), ball, "x", effort=effort, assignment=assignment)
    check(context, message)
    return context.asked


def logits(check: Check, message: Message = FORWARD, **options: Any) -> list[Array]:
    return [case.arguments["X"] for case in asked(check, message, **options)]


def leads(X: Array) -> Array:
    """How far the largest entry of each row is ahead of the next."""
    ranked = np.sort(X, axis=1)
    return np.asarray(ranked[:, -1] - ranked[:, -2])


@pytest.mark.parametrize(
    ("check", "sizes"),
    [
        (edges.check_moderate_logits, (1.0, 30.0, 300.0)),
        (edges.check_extreme_logits, (745.0, 1e4, 1e8, 1e300)),
    ],
)
@pytest.mark.parametrize("message", [FORWARD, COMPOUND])
def test_logits_have_the_sizes_that_are_said(check: Check, sizes: tuple[float, ...], message: Message) -> None:
    """Up to the largest, of each size one alone ahead, ties of both signs, and mixtures of two to five classes."""
    found = logits(check, message)
    assert max(np.abs(X).max() for X in found) == sizes[-1]
    for size in sizes:
        for X in ([[size, 0.0]], [[-size, -size]], [[size, size]], [[size, -size]], [[size, 0.0], [-size, -size]],
                  [[0.0, size, -size], [1.0, 2.0, 3.0]]):  # fmt: skip
            assert any(np.array_equal(X, each) for each in found)
        near = [each for each in found if each.shape[0] == 3 and size / 10 < np.abs(each).max() <= size]
        assert {each.shape[1] for each in near} >= {2, 3, 5}
        assert all(each.min() < 0 < each.max() for each in near if each.shape[1] == 5)
    quick = logits(check, message, effort="quick")
    assert len(quick) < len(found)


def test_targets_of_logits_are_one_hot_and_of_all_classes() -> None:
    """One class after the other, so that no favourite class is right by chance."""
    for case in asked(edges.check_moderate_logits, COMPOUND):
        T = case.arguments["T"]
        assert T.shape == case.arguments["X"].shape
        assert (T.sum(axis=1) == 1).all()
        assert T.argmax(axis=1).tolist() == [(row + 1) % T.shape[1] for row in range(len(T))]


def test_samples_lie_far_below_others() -> None:
    """By so much that an exponential shifted by the largest of all is 0, above and below 0."""
    found = logits(edges.check_far_samples)
    for X in found:
        tops = X.max(axis=1)
        assert np.ptp(tops) > 1500
        assert (np.ptp(X, axis=1) <= 2).all()
        assert (np.ptp(X, axis=1) > 0).all()
    assert max(X.max() for X in found) > 745
    assert {X.shape[1] for X in found} == {2, 3}


def test_one_class_is_ahead() -> None:
    """By 15 to 740, up to where the others leave the doubles."""
    found = np.concatenate([leads(X) for X in logits(edges.check_saturated_logits)])
    assert (found.min(), found.max()) == (14.0, 740.0)
    said = {15.0, 36.0, 60.0, 500.0, 700.0, 740.0}
    assert set(found.tolist()) == said | {lead - 1 for lead in said}
    for X in logits(edges.check_saturated_logits):
        assert all(len(set(row)) == len(row) for row in X.tolist())
        assert len(set(X.argmax(axis=1).tolist())) == len(X)


def test_ties_are_of_all_sizes() -> None:
    """In every case a row has equal logits: of 0, of both signs, of all classes and of some."""
    found = logits(edges.check_tied_logits)
    rows = [row for X in found for row in X]
    assert all((leads(X) == 0).any() for X in found)
    assert {0.0, -300.0, 300.0} <= {float(row[0]) for row in rows if np.ptp(row) == 0}
    assert any(np.ptp(row) > 0 and len(set(row)) < len(row) for row in rows)
    assert {len(row) for row in rows} == {2, 3}


def test_logits_are_subnormal() -> None:
    """In each case one is not 0 and has not all its digits; the smallest of all is among them, with both signs."""
    found = logits(edges.check_subnormal_logits)
    for X in found:
        assert ((X != 0) & (np.abs(X) < 2.4e-308)).any()
    every = np.concatenate([X.ravel() for X in found])
    assert {5e-324, -5e-324} <= set(every.tolist())


def test_outputs_are_saturated() -> None:
    """Nearly 1 and next to nothing, to where they are exactly 1 and 0; what comes back is a short number, never 0."""
    found = asked(edges.check_saturated_outputs, DELTA)
    tops = [float(case.arguments["Y"].max()) for case in found]
    assert min(tops) < 1.0 == max(tops)
    assert min(tops) > 1 - 1e-6
    assert any((case.arguments["Y"] == 0).any() for case in found)
    assert any(((case.arguments["Y"] > 0) & (case.arguments["Y"] < 1e-200)).any() for case in found)
    for case in found:
        assert (case.arguments["delta_next"] != 0).all()
        assert case.origin is not None
        assert np.allclose(case.arguments["Y"].sum(axis=1), 1)
    assert {case.arguments["Y"].shape for case in found} == {(1, 2), (2, 3)}
    ahead = {float(lead) for case in found if case.origin is not None for lead in leads(case.origin[:1])}
    assert ahead == {15.0, 36.0, 60.0, 500.0, 700.0, 740.0, 1000.0}


def test_predictions_are_certain() -> None:
    """In each case a target has a probability of exactly 1; every row is a distribution."""
    found = asked(edges.check_certain_predictions, LOSS)
    for case in found:
        X, T = case.arguments["X"], case.arguments["T"]
        assert ((X * T).sum(axis=1) == 1).any()
        assert (X.sum(axis=1) == 1).all()
        assert (T.sum(axis=1) == 1).all()
    assert any((case.arguments["X"] * case.arguments["T"]).sum(axis=1).min() < 1 for case in found)


def test_probabilities_are_zero_off_the_target() -> None:
    """And not at it, where the loss would be infinite."""
    for case in asked(edges.check_zero_off_target, LOSS):
        X, T = case.arguments["X"], case.arguments["T"]
        assert ((X == 0) & (T == 0)).any()
        assert ((X * T).sum(axis=1) > 0).all()
        assert (X.sum(axis=1) == 1).all()


def test_probabilities_of_targets_are_tiny() -> None:
    """From a billionth to 1e-300, alone and among others; every row is a distribution."""
    found = asked(edges.check_tiny_probabilities, LOSS)
    smallest = {float((case.arguments["X"] * case.arguments["T"]).sum(axis=1).min()) for case in found}
    assert smallest == {1e-9, 1e-17, 1e-100, 1e-300}
    for case in found:
        assert np.allclose(case.arguments["X"].sum(axis=1), 1, rtol=1e-15, atol=0)
        assert np.ptp((case.arguments["X"] * case.arguments["T"]).sum(axis=1)) == 0
        assert (case.arguments["T"].sum(axis=1) == 1).all()
    assert {len(case.arguments["X"]) for case in found} == {1, 2}


@pytest.mark.parametrize("subject", ["ReLULayer.forward", "LinearLayer.forward"])
def test_inputs_are_large(subject: str) -> None:
    """Up to 1e8 and near it, of both signs; ReLU is asked at zeros of both signs too."""
    first, *others = asked(edges.check_large_inputs, OF[subject])
    numbers = np.concatenate([np.ravel(each) for each in [*first.arguments.values(), *first.parameters.values()]])
    assert 5e7 < np.abs(numbers).max() <= 1e8
    assert numbers.min() < 0 < numbers.max()
    zeros = [case.arguments["X"] for case in others]
    assert [bool(np.signbit(each).any() and not np.signbit(each).all()) for each in zeros] == (
        [True] if subject.startswith("ReLU") else []
    )
    assert all((each == 0).all() for each in zeros)


@pytest.mark.parametrize(("assignment", "largest"), [(1, 256.0), (2, 65536.0), (3, 65536.0)])
def test_logits_are_shifted(assignment: int, largest: float) -> None:
    """By powers of two, of which the first assignment asks no large ones; each sum is exact."""
    found = logits(edges.check_shift_invariance, assignment=assignment)
    nearest = {2.0 ** round(float(np.log2(np.abs(X).mean()))) for X in found if np.abs(X).mean() > 32}
    assert {64.0, 256.0, largest} <= nearest
    assert max(nearest) == largest
    for X in found:
        assert (np.round(X * 8) == X * 8).all()
    assert {X.shape for X in found} == {(1, 2), (2, 2), (2, 3)}


def test_a_derivative_at_the_kink_may_be_either() -> None:
    """None or all of what comes back, of that unit; one of its neighbours' is wrong."""
    masks = {"none": lambda Y: Y > 0, "all": lambda Y: Y >= 0}
    for mask in masks.values():
        edges.check_kink(kinked(lambda self, Y, delta_next, mask=mask: delta_next * mask(Y)), OF["ReLULayer.delta"])
    for change in (lambda d: np.roll(d, -1, axis=1), lambda d: np.roll(d, 1, axis=1), np.negative):
        with pytest.raises(Violation) as caught:
            edges.check_kink(
                kinked(lambda self, Y, delta_next, change=change: change(delta_next)), OF["ReLULayer.delta"]
            )
        assert caught.value.index == caught.value.due["index"] == (0, 0)
        assert caught.value.due["value"] == caught.value.counterexample["delta_next"][0][0]


def kinked(delta: Any) -> Context:
    """A ReLU with this derivative."""
    return Context(InProcess(with_methods("ReLULayer", {"delta": delta}), {}), ball, "x")


def test_a_formula_is_asked_at_numbers_of_every_size() -> None:
    """From 1e-40 to 1e40, of both signs; those of a row are of one size, and no two are equal."""
    found = formula._of_every_size(np.random.RandomState(0))((9, 4))
    powers = np.log10(np.abs(found))
    assert (np.ptp(powers, axis=1) < 2).all()
    assert (np.ptp(powers, axis=1) > 0).all()
    assert len(set(np.ravel(powers).tolist())) == found.size
    rows = np.sort(powers.mean(axis=1))
    assert np.allclose(rows, np.linspace(rows[0], rows[-1], 9), atol=2)
    assert rows[-1] > 37
    assert rows[0] < -37
    assert (np.sign(found[:, 0]) == -np.sign(found[:, 1])).all()
    assert (np.sign(found[0]) == -np.sign(found[1])).all()


def test_logits_are_far_apart() -> None:
    """Each row has one near each level, no two entries are equally far from theirs, and the target is at each once."""
    for message, number in ((COMPOUND, 7), (LOSS, 6)):
        case = formula._far_apart(message, np.random.RandomState(0))
        X, T = case.arguments["X"], case.arguments["T"]
        assert X.shape == T.shape == (number, number)
        below = X.max(axis=1, keepdims=True) - X if message is COMPOUND else np.log(X.max(axis=1, keepdims=True) / X)
        for row in (*np.sort(below, axis=1), np.sort(below[T == 1])):
            assert (row >= np.array([0, 20, 50, 200, 500, 693, 1000][:number]) - 1e-9).all()
            assert (row <= np.array([0, 27, 57, 207, 507, 700, 1007][:number]) + 1e-9).all()
        assert len(set(np.round(below[below > 0], 9).tolist())) == number * (number - 1)
        assert message is LOSS or set(X.max(axis=1)) == {0, 1000, -1000}


def is_read_as_it_is(x: float) -> bool:
    """Whether its decimals are exactly the double, or so many that they are told from a constant of the code."""
    read = Decimal(repr(float(x)))
    return read == Decimal(float(x)) or len(read.normalize().as_tuple().digits) >= ball_tolerances.DECIMAL_DIGITS


@pytest.mark.parametrize("x", [0.5, -3.0, 0.0, 0.123456789012345, 0.1, -0.1, 0.3, 1e-5, 123.4, 2 / 3])
def test_parameters_are_moved_by_a_rounding_where_they_could_be_read_otherwise(x: float) -> None:
    """To the next double above that is read as it is; others stay."""
    found = formula._as_read(x)
    assert is_read_as_it_is(found)
    assert (found == x) == is_read_as_it_is(x)
    while x != found:
        assert not is_read_as_it_is(x)
        x = float(np.nextafter(x, np.inf))


def test_all_parameters_of_a_formula_are_moved_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every entry of every parameter is moved."""
    assert formula._told_apart({"b": np.array([0.1, 0.5])})["b"].tolist() == [formula._as_read(0.1), 0.5]
    monkeypatch.setattr(formula, "_as_read", lambda x: 1.0)
    for each in formula._cases(Context(InProcess({}, {}), ball, "x", effort="quick"), OF["LinearLayer.grad"]):
        assert set(each.case.parameters) == {"W", "b"}
        assert all((array == 1).all() for array in each.case.parameters.values())


@pytest.mark.parametrize(
    ("subject", "kinds"),
    [
        ("LinearLayer.forward", {"ordinary numbers", "numbers of all sizes"}),
        ("ReLULayer.delta", {"ordinary numbers", "numbers of all sizes"}),
        ("SoftmaxLayer.delta", {"ordinary numbers", "numbers of all sizes", "logits far apart"}),
        ("LossCrossEntropy.forward", {"ordinary numbers", "numbers of all sizes", "logits far apart"}),
    ],
)
def test_a_formula_is_asked_of_several_kinds(subject: str, kinds: set[str]) -> None:
    """Which are told with what was found; parameters are the same as doubles and as decimals."""
    context = Context(InProcess({}, {}), ball, "x", effort="normal")
    found = list(formula._cases(context, OF[subject]))
    assert {each.kind for each in found} == kinds
    rounds = ball_tolerances.FORMULA_ROUNDS["normal"]
    assert len(found) == 3 * rounds
    assert [each.case.n_samples for each in found[::3]] == [ORDINARY_SIZES[place % 2].n for place in range(rounds)]
    assert {each.case.n_samples for each in found[1::3]} == {ORDINARY_SIZES[1].n}
    for each in found:
        assert all(map(is_read_as_it_is, np.concatenate([[0.5], *map(np.ravel, each.case.parameters.values())])))
        if each.kind == "logits far apart" and "delta_next" in each.case.arguments:
            assert 0.1 < np.abs(each.case.arguments["delta_next"]).max() < 10
