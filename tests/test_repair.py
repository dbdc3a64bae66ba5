"""A mistake is named by the one edit of the writer's own code after which the gradient is right."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference import check_vjp
from reference.gradients import arguments
from reference.gradients.context import Context
from reference.gradients.repair import Repair, repaired
from reference.gradients.subject import Subject
from tests.gradients import drawn

pytestmark = [pytest.mark.outside]

Array = NDArray[Any]
X, W, V, S = drawn(3, 4), drawn(4, 2), drawn(4), drawn(3, 3)
PLACES = np.array([0, 2, 0, 1, 2])
EPS = 1e-2


def affine(x: Array, w: Array) -> Array:
    return np.tanh(x) @ w


def affine_of_input(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    t = np.tanh(x)
    dt = g @ w.T
    return dt * (1 - t**2), x.T @ g  # here


def affine_of_one_sign(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    t = np.tanh(x)
    dt = g @ w.T
    return dt * (1 + t**2), t.T @ g  # here


def affine_twice(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    t = np.tanh(x)
    dt = 2 * g @ w.T  # here
    return dt * (1 - t**2), t.T @ g


def affine_without_square(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    t = np.tanh(x)
    dt = g @ w.T
    return dt * (1 - t), t.T @ g  # here


def affine_right(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    t = np.tanh(x)
    return (g @ w.T) * (1 - t**2), t.T @ g


def affine_far_off(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    return np.cosh(g @ w.T) - np.arctan(x) ** 3, np.ones_like(w) * np.sinh(g.sum())


def normed(x: Array) -> Array:
    return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + EPS)


def normed_along_other_axis(g: Array, x: Array) -> tuple[Array]:
    r = np.sqrt((x * x).mean(axis=1, keepdims=True) + EPS)
    y = x / r
    return ((g - y * (g * y).mean(axis=0, keepdims=True)) / r,)  # here


def normed_without_projection(g: Array, x: Array) -> tuple[Array]:
    r = np.sqrt((x * x).mean(axis=1, keepdims=True) + EPS)
    y = x / r
    m = (g * y).mean(axis=1, keepdims=True)
    return ((g - m) / r,)  # here


def normed_with_term(g: Array, x: Array) -> tuple[Array]:
    r = np.sqrt((x * x).mean(axis=1, keepdims=True) + EPS)
    y = x / r
    return ((g - g.mean() - y * (g * y).mean(axis=1, keepdims=True)) / r,)  # here


def neighbours(x: Array) -> Array:
    return x * np.roll(x, 1)


def neighbours_of_same_side(g: Array, x: Array) -> tuple[Array]:
    return (g * np.roll(x, 1) + np.roll(g * x, 1),)  # here


def running(x: Array) -> Array:
    return np.cumsum(x * x)


def running_forward(g: Array, x: Array) -> tuple[Array]:
    return (2 * x * np.cumsum(g),)  # here


def taken(table: Array) -> Array:
    return np.sin(table)[PLACES]


def taken_once(g: Array, table: Array) -> tuple[Array]:
    d = np.zeros_like(table)
    d[PLACES] += g  # here
    return (d * np.cos(table),)


def product(a: Array, b: Array) -> Array:
    return a * a * b


def product_exchanged(g: Array, a: Array, b: Array) -> tuple[Array, Array]:
    return g * a * a, 2 * g * a * b  # here


def power(x: Array, n: Array) -> Array:
    return x ** int(n)


def power_by_loop(g: Array, x: Array, n: Array) -> tuple[Array, None]:
    y, left = g.copy(), int(n)
    while left > 0:
        y = y * x  # one factor too many
        left -= 1
    return int(n) * y, None


def causal(x: Array) -> Array:
    return np.where(np.tri(3, dtype=bool), x * x, 0.0)


def causal_strict(g: Array, x: Array) -> tuple[Array]:
    return (2 * x * g * (np.arange(3)[:, None] > np.arange(3)),)  # here


def largest(x: Array, w: Array) -> Array:
    return (x * w).max(axis=1)


def places_of_largest(x: Array) -> Array:
    return np.argmax(x, axis=1)


def largest_of_input(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    chosen = np.arange(4) == places_of_largest(x)[:, None]  # here
    d = g[:, None] * chosen
    return d * w, (d * x).sum(axis=0)


def affine_of_mask(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    t = np.tanh(x)
    return (g @ w.T) * (x > 0), t.T @ g  # here


def smoothed(y: Array, h: Array) -> Array:
    level, errors = 0.0, []
    for value in y:
        errors.append(value - level)
        level = level + np.exp(h[0]) * errors[-1]
    return np.array(errors) ** 2


def smoothed_without_factor(g: Array, y: Array, h: Array) -> tuple[Array, Array]:
    level, errors, a = 0.0, [], np.exp(h[0])
    for value in y:
        errors.append(value - level)
        level = level + a * errors[-1]
    d, dh, later = np.zeros_like(y), 0.0, 0.0
    for k in range(len(y) - 1, -1, -1):
        dh += later * errors[k]  # here
        d[k] = 2 * g[k] * errors[k] + a * later
        later = later - d[k]
    return d, np.array([dh])


def context(forward: Callable[..., Any], vjp: Callable[..., Any], *args: Any) -> Context:
    return Context(Subject(forward, vjp, arguments.pattern(args, None)), None, 0, "normal")


def found(forward: Callable[..., Any], vjp: Callable[..., Any], *args: Any) -> list[Repair | None]:
    """The repair of the gradient of each argument."""
    asked = context(forward, vjp, *args)
    return [repaired(asked, position) for position in range(len(asked.pattern.differentiable))]


def marked_line(function: Callable[..., Any]) -> int:
    lines, first = inspect.getsourcelines(function)
    return first + next(number for number, line in enumerate(lines) if line.rstrip().endswith("# here"))


CASES = [
    (affine, affine_of_input, (X, W), 1, "wrong-argument"),
    (affine, affine_of_one_sign, (X, W), 0, "sign"),
    (affine, affine_twice, (X, W), 0, "scaled"),
    (affine, affine_without_square, (X, W), 0, "factor-missing"),
    (affine, affine_of_mask, (X, W), 0, "wrong-function"),
    (normed, normed_along_other_axis, (X,), 0, "wrong-axis"),
    (normed, normed_without_projection, (X,), 0, "factor-missing"),
    (normed, normed_with_term, (X,), 0, "extra-term"),
    (neighbours, neighbours_of_same_side, (V,), 0, "shifted"),
    (running, running_forward, (V,), 0, "flipped"),
    (taken, taken_once, (V[:3],), 0, "not-summed"),
    (product, product_exchanged, (V, V[::-1].copy()), 0, "swapped"),
    (causal, causal_strict, (S,), 0, "mask-wrong-threshold"),
    # What a later turn hands to the first one is 0, which is no constant.
    (smoothed, smoothed_without_factor, (V, V[:1]), 1, "factor-missing"),
    # Twice as large, or larger by 1, the input has its largest entries in the same places.
    (largest, largest_of_input, (X, V), 0, "mask-from-other"),
]


@pytest.mark.parametrize(
    ("forward", "vjp", "args", "position", "word"), CASES, ids=[case[1].__name__ for case in CASES]
)
def test_the_word_and_the_line(
    forward: Callable[..., Any], vjp: Callable[..., Any], args: tuple[Array, ...], position: int, word: str
) -> None:
    """The inverse of the edit gives the word, and its place gives the line."""
    repair = found(forward, vjp, *args)[position]
    assert repair is not None
    assert (repair.word, repair.line, repair.file) == (word, marked_line(vjp), "test_repair.py")


@pytest.mark.parametrize("vjp", [affine_right, affine_far_off])
def test_no_word_without_a_repair(vjp: Callable[..., Any]) -> None:
    """What is right, and what no single edit makes right, gets no word."""
    assert found(affine, vjp, X, W) == [None, None]


def test_a_loop_that_an_edit_makes_endless_is_left() -> None:
    """The search ends although an edit of the loop would run for ever, and still finds what is wrong."""
    (repair,) = found(power, power_by_loop, V, np.array(3))
    assert repair is not None
    assert "while" not in repair.expression


def test_code_is_what_it_was() -> None:
    """After a search the writer's function runs the very code that it ran before, and its arguments are unchanged."""
    before, args = affine_twice.__code__, (X.copy(), W.copy())
    found(affine, affine_twice, *args)
    assert affine_twice.__code__ is before
    assert np.array_equal(args[0], X)
    assert np.array_equal(args[1], W)


def test_without_source_there_is_no_repair() -> None:
    """A function whose source is not at hand is left alone."""
    names: dict[str, Any] = {}
    exec("def vjp(g, x, w):\n    return -(g @ w.T), x.T @ g", {}, names)  # noqa: S102 - code without a file
    assert found(lambda x, w: x @ w, names["vjp"], X, W) == [None, None]


def test_a_finding_tells_the_place_and_not_the_repair() -> None:
    """The finding says in which line the mistake is, in fields too, and leaves the repair to the reader."""
    findings = check_vjp(affine, affine_of_input, X, W, only="vjp.gradient?1?.consistent")
    (failed,) = findings.failed
    assert failed.mistake == "wrong-argument"
    assert failed.came is not None
    (place,) = [each for each in failed.came.more if each.kind == "in code"]
    assert place["line"] == marked_line(affine_of_input)
    assert place["expression"] == "x"
    assert f"line {place['line']} of test_repair.py" in str(failed)


class Scaled:
    """A layer whose backward pass uses what the forward pass has kept."""

    def forward(self, x: Array) -> Array:
        self.y = np.tanh(x)
        return self.y

    def backward(self, g: Array) -> Array:
        return g * (1 + self.y**2)  # here


def scaled_norm(x: Array, h: Array) -> Array:
    return np.sin(x) * np.exp(h[0]) + x * np.exp(h[1]) + h[2]


def scaled_norm_without_chain(g: Array, x: Array, h: Array) -> tuple[Array, Array]:
    d = np.zeros_like(h)
    d[0] = (g * np.sin(x)).sum() * np.exp(h[0])
    d[1] = (g * x).sum()
    d[2] = g.sum()
    return g * (np.cos(x) * np.exp(h[0]) + np.exp(h[1])), d


def test_what_is_wrong_with_one_entry_says_more_than_where_it_is() -> None:
    """A gradient that is wrong in one entry gets the word for the edit of the code that repairs it."""
    mistakes = {each.mistake for each in check_vjp(scaled_norm, scaled_norm_without_chain, X, V[:3])}
    assert "factor-missing" in mistakes
    assert "entry-wrong" not in mistakes


def test_functions_that_the_collector_no_longer_sees_are_found() -> None:
    """Servers freeze what they have loaded before they fork; afterwards it is frozen as before."""

    def vjp(g: Array, x: Array) -> tuple[Array, ...]:
        return (g * (1 + np.tanh(x) ** 2),)

    was_frozen = gc.get_freeze_count() > 0
    gc.freeze()
    try:
        (repair,) = found(np.tanh, vjp, X)
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        if was_frozen:
            gc.freeze()
    assert repair is not None


def test_a_method_is_repaired_in_its_class() -> None:
    """Code that uses what an object keeps is judged after a forward pass of its own."""
    layer = Scaled()
    (repair,) = found(layer.forward, lambda g, x: (layer.backward(g),), X)
    assert repair is not None
    assert (repair.word, repair.line) == ("sign", marked_line(Scaled.backward))
