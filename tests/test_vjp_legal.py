"""`check_vjp` at ties, at legal inputs alone, and at many numbers: what is legal passes, what is not is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import Finding
from reference.gradients import check_vjp
from reference.numerics import ball_tolerances
from tests.gradients import softmax
from tests.wording import failed

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X = np.array([0.3, -1.0, 2.0, 0.5, 7.0])
MATRIX = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 4.0]])
#: The samples' second column is further from 0 than its weight.
COLUMN = np.array([[1.25, 0.5], [-1.5, 1.0], [0.75, -2.0]])
TARGETS = np.eye(3)[[0, 2]]
#: The check of the formula alone, which fails with the values where ball arithmetic is at hand.
FORMULA = "vjp.gradient.formula"


def checked(found: list[Finding], check: str) -> Finding:
    return next(each for each in found if each.check == check)


def sorted_vjp(c: Array, x: Array) -> tuple[Array]:
    g = np.empty_like(x)
    g[np.argsort(x, kind="stable")] = c
    return (g,)


def median(x: Array) -> Array:
    return np.asarray(np.sort(x)[2])


def median_vjp(c: Array, x: Array) -> tuple[Array]:
    g = np.zeros_like(x)
    g[np.argmax(x == median(x))] = c
    return (g,)


def inverse_vjp(c: Array, a: Array) -> tuple[Array]:
    inverse = np.linalg.inv(a)
    return (-inverse.T @ c @ inverse.T,)


def gated(x: Array, w: Array) -> Array:
    return np.maximum(x * w, 0)


def gated_vjp(is_wrong: bool) -> Callable[..., tuple[Array, Array]]:
    """With a derivative of 0 at 0, or with one of 2, which no derivative near it is."""

    def vjp(c: Array, x: Array, w: Array) -> tuple[Array, Array]:
        on = (x * w > 0) + 2.0 * (x * w == 0) * is_wrong
        return c * on * w, (c * on * x).sum(axis=0)

    return vjp


def eigenvalues(a: Array) -> Array:
    return np.linalg.eigvalsh((a + a.T) / 2)


def eigenvalues_vjp(c: Array, a: Array) -> tuple[Array]:
    _, v = np.linalg.eigh((a + a.T) / 2)
    return (v @ np.diag(c) @ v.T,)


def cross_entropy(x: Array, t: Array) -> Array:
    shifted = x - x.max(1, keepdims=True)
    return np.asarray(-(t * (shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))).sum(1, keepdims=True))


LEGAL: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = {
    "sort": (np.sort, sorted_vjp, (X,), {}),
    "median": (median, median_vjp, (X,), {}),
    "eigenvalues": (eigenvalues, eigenvalues_vjp, (MATRIX,), {}),
    "largest, the first": (np.max, lambda c, x: (c * (np.arange(x.size) == np.argmax(x)),), (X,), {}),
    "largest, shared": (np.max, lambda c, x: (c * (x == x.max()) / (x == x.max()).sum(),), (X,), {}),
    "maximum, to the first": (np.maximum, lambda c, x, y: (c * (x >= y), c * (x < y)), (X, X), {}),
    "direction of a vector": (
        np.arctan2,
        lambda c, y, x: (c * x / (x * x + y * y), -c * y / (x * x + y * y)),
        (X, X),
        {},
    ),
    # Each sample decides by itself, though all of them switch at once where a weight moves away from 0.
    "weights of 0 under a ReLU": (gated, gated_vjp(False), (COLUMN, np.array([0.0, 1.5])), {}),
    "rounding": (np.round, lambda c, x: (0 * c,), (X,), {}),
    "fraction": (lambda x: x - np.floor(x), lambda c, x: (1 * c,), (X,), {}),
    "inverse": (np.linalg.inv, inverse_vjp, (MATRIX,), {}),
    "inverse of itself": (np.linalg.inv, inverse_vjp, (MATRIX,), {"spec": np.linalg.inv}),
    "targets held": (
        cross_entropy,
        lambda c, x, t: (c * (softmax(x) - t), 0 * t),
        (X[:3] * np.ones((2, 1)), TARGETS),
        {"fixed": (1,)},
    ),
    "targets constant": (
        cross_entropy,
        lambda c, x, t: (c * (softmax(x) - t), None),
        (X[:3] * np.ones((2, 1)), TARGETS),
        {},
    ),
    "single precision inside": (
        lambda x: np.tanh(x.astype(np.float32)).astype(np.float64),
        lambda c, x: (c * (1 - np.tanh(x) ** 2),),
        (X,),
        {},
    ),
}


@pytest.mark.parametrize("name", LEGAL)
def test_legal_answers_pass(name: str) -> None:
    """At ties, at jumps, beside arguments that are held, and where the forward pass is noisy."""
    forward, vjp, args, options = LEGAL[name]
    found = check_vjp(forward, vjp, *args, effort="quick", **options)
    assert not failed(found), [str(each) for each in found if each.status == "failed"]


WRONG: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...], str]] = {
    "the whole to each largest": (np.max, lambda c, x: (c * (x == x.max()),), (X,), "vjp.gradient.ties"),
    "the whole to both": (np.maximum, lambda c, x, y: (c * (x >= y), c * (y >= x)), (X, X), "vjp.gradient.ties"),
    "nothing to either": (np.maximum, lambda c, x, y: (c * (x > y), c * (y > x)), (X, X), "vjp.gradient.ties"),
    "more than a ReLU can have": (gated, gated_vjp(True), (COLUMN, np.array([0.0, 1.5])), "vjp.gradient.ties"),
    "twice the slope at 0": (
        lambda x: np.maximum(x, 0),
        lambda c, x: (c * np.where(x == 0, 2, x > 0),),
        (X,),
        "vjp.gradient.ties",
    ),
    "no number at 0": (
        lambda x: np.asarray(np.sqrt((x * x).sum())),
        lambda c, x: (c * x / np.sqrt((x * x).sum()),),
        (X,),
        "vjp.gradient.ties",
    ),
    "inverse without transposes": (
        np.linalg.inv,
        lambda c, a: (-np.linalg.inv(a) @ c @ np.linalg.inv(a),),
        (MATRIX,),
        "vjp.gradient[0].consistent",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_answers_fail_there(name: str) -> None:
    """A gradient that disagrees along a direction in which the function has a derivative."""
    forward, vjp, args, check = WRONG[name]
    found = check_vjp(forward, vjp, *args)
    assert set(failed(found)) - {FORMULA} == {check}


def test_swapped_gradients_are_named() -> None:
    """Both of them, each with the argument whose gradient it is."""
    found = check_vjp(lambda a, b: a * a * b, lambda c, a, b: (c * a * a, 2 * c * a * b), X[:3], X[2:], effort="quick")
    told = {check: mistake for check, mistake in failed(found).items() if check != FORMULA}
    assert told == {f"vjp.gradient[{number}].consistent": "swapped" for number in (0, 1)}


def test_a_wrong_dtype_does_not_hide_wrong_numbers() -> None:
    """Both are told."""
    found = check_vjp(np.tanh, lambda c, x: (-np.float64(c * (1 - np.tanh(x) ** 2)),), X.astype(np.float32))
    told = failed(found)
    assert told["vjp.gradient[0].types"] == "wrong-dtype"
    assert told["vjp.gradient[0].consistent"] == "sign"


def test_inputs_that_are_not_legal_are_not_asked() -> None:
    """Neither by a predicate nor where the caller draws; what is given has to be legal."""
    seen: list[Array] = []

    def watched(x: Array) -> Array:
        seen.append(np.array(x))
        return np.asarray(x * 2)

    def is_legal(x: Array) -> bool:
        return bool((x > -3).all())

    check_vjp(watched, lambda c, x: (2 * c,), X, legal=is_legal, effort="quick")
    drawn = [x for x in seen if np.abs(x).max() > 0]
    assert drawn
    assert min(x.min() for x in drawn) > -3.5  # steps of differences go a little farther
    with pytest.raises(ValueError, match="legal"):
        check_vjp(watched, lambda c, x: (2 * c,), X - 10, legal=is_legal)
    seen.clear()
    found = check_vjp(watched, lambda c, x: (2 * c,), X, draw=lambda rng: rng.uniform(5, 6, 5), effort="quick")
    assert found.ok
    assert not [x for x in seen if (x == 0).all()]


def test_time_and_progress() -> None:
    """Each check is announced before it is made; after the budget none is begun."""
    told: list[tuple[int, int, str]] = []
    found = check_vjp(np.tanh, lambda c, x: (c * (1 - np.tanh(x) ** 2),), X, progress=lambda *each: told.append(each))
    assert [check for _, _, check in told] == [*(each.check for each in found), ""]
    assert told[-1][0] == told[-1][1] == len(found)
    spent = check_vjp(np.tanh, lambda c, x: (c * (1 - np.tanh(x) ** 2),), X, budget=1e-9)
    assert {each.status for each in spent} == {"skipped"}
    for budget, error in ((0, ValueError), ("long", TypeError), (True, TypeError)):
        with pytest.raises(error, match="budget"):
            check_vjp(np.tanh, lambda c, x: (c,), X, budget=budget)  # type: ignore[arg-type]


@pytest.mark.parametrize("only", ["vjp.gradient[0].types", "vjp.gradient[0].t*", "vjp.gradient?0?.t[xy]pes"])
def test_checks_of_one_argument_can_be_asked_for(only: str) -> None:
    """By an id with its brackets, or by a pattern."""
    found = check_vjp(np.multiply, lambda c, x, y: (c * y, c * x), X, X + 1, only=only)
    assert [each.check for each in found if each.check.endswith("types")] == ["vjp.gradient[0].types"]


Gradients = Callable[..., tuple[Array, ...]]
#: Functions of many numbers: forward, vjp, arguments, and the number of the argument that may be wrong.
MANY: dict[str, tuple[Callable[..., Array], Gradients, tuple[tuple[int, ...], ...], int]] = {
    "tanh": (np.tanh, lambda c, x: (c * (1 - np.tanh(x) ** 2),), ((20_000,),), 0),
    "linear": (
        lambda x, w, b: x @ w + b,
        lambda c, x, w, b: (c @ w.T, x.T @ c, c.sum(axis=0)),
        ((80, 85), (85, 150), (150,)),
        1,
    ),
}


@pytest.mark.parametrize("is_wrong", [False, True])
@pytest.mark.parametrize("name", MANY)
def test_calls_for_many_numbers_are_few(name: str, is_wrong: bool) -> None:
    """At most 40 of the forward pass for a right gradient, and 80 more to name one entry that is off by 1e-3."""
    plain, gradients, shapes, place = MANY[name]
    calls = 0

    def forward(*args: Array) -> Array:
        nonlocal calls
        calls += 1
        return plain(*args)

    def vjp(c: Array, *args: Array) -> tuple[Array, ...]:
        found = gradients(c, *args)
        found[place].flat[6666] *= 1.001 if is_wrong else 1
        return found

    rng = np.random.RandomState(0)
    found = check_vjp(forward, vjp, *(rng.randn(*shape) for shape in shapes))
    index = tuple(int(i) for i in np.unravel_index(6666, shapes[place]))
    assert {each.check: each.index for each in found if each.status == "failed" and each.check != FORMULA} == (
        {f"vjp.gradient[{place}].consistent": index} if is_wrong else {}
    )
    assert calls <= (120 if is_wrong else 40)


@pytest.mark.parametrize(
    ("spec", "whole", "said"), [(None, 200_000, "25000 of 25000"), (np.tanh, 20_000, "5000 of 25000")]
)
def test_many_numbers_are_judged_rigorously(spec: Any, whole: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ball arithmetic judges all entries, or a sample of more; it says how many, and sees what no difference can."""
    pytest.importorskip("flint", reason="python-flint is not installed (the project's extra 'check')")
    monkeypatch.setattr(ball_tolerances, "MOST_JUDGED_WHOLE", whole)
    X = np.random.RandomState(0).randn(25_000)
    check = "vjp.gradient[0].consistent" if spec is None else "vjp.gradient[0].values"
    right = check_vjp(np.tanh, lambda c, x: (c * (1 - np.tanh(x) ** 2),), X, spec=spec)
    assert not failed(right)
    told = checked(right, check)
    assert said in str(told.note)
    assert "ball arithmetic" in str(told.oracle)
    wrong = check_vjp(np.tanh, lambda c, x: (c * (1 - np.tanh(x) ** 2) + 1e-9 * np.cos(x),), X, spec=spec, only=check)
    assert checked(wrong, check).status == "failed"


def test_a_sample_is_judged_where_all_entries_take_too_many_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only entries of the sample take operations; where even these are too many, that is said."""
    pytest.importorskip("flint", reason="python-flint is not installed (the project's extra 'check')")
    X = np.random.RandomState(0).randn(6_000)
    check = "vjp.gradient[0].consistent"
    for most, said in ((5_500, "5000 of 6000"), (100, "more than 100 operations")):
        monkeypatch.setattr(ball_tolerances, "MOST_OPERATIONS", most)
        found = check_vjp(lambda x: x * x + x, lambda c, x: (c * (2 * x + 1),), X)
        told = checked(found, check)
        assert told.status == "passed"
        assert said in str(told.note)
