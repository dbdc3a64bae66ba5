"""A step that is differentiated wrongly in one place of a formula has its word, and no other mistake has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.gradients import drawn
from tests.test_diagnosis_mechanisms import told

pytestmark = pytest.mark.catalogue

Function = Callable[..., Any]
X, SCALE, OTHER = drawn(3, 4), drawn(4, 3).T * 1.5, np.abs(drawn(3, 4)) + 0.5
POSITIVE = np.abs(X) + 0.5


class Slope(NamedTuple):
    """A function of one array, a wrong slope of it from its argument, its value and its right slope, and the word."""

    run: Function
    right: Function
    wrong: Function
    word: str
    at: Any = X


def tanh(wrong: Function, word: str) -> Slope:
    return Slope(np.tanh, lambda z, y: 1 - y * y, wrong, word)


def cube(wrong: Function, word: str) -> Slope:
    return Slope(lambda z: z**3.0, lambda z, y: 3 * z**2, wrong, word, POSITIVE)


def root(wrong: Function, word: str) -> Slope:
    return Slope(np.sqrt, lambda z, y: 0.5 / y, wrong, word, POSITIVE)


def quotient(wrong: Function, word: str) -> Slope:
    return Slope(lambda z: OTHER / z, lambda z, y: -OTHER / z**2, wrong, word, POSITIVE)


def relu(wrong: Function, word: str) -> Slope:
    return Slope(lambda z: np.maximum(z, 0.0), lambda z, y: z > 0, wrong, word)


SLOPES = {
    "tanh without slope": tanh(lambda z, y: 1.0, "factor-missing"),
    "1 - y of tanh": tanh(lambda z, y: 1 - y, "factor-missing"),
    "1 + y of tanh": tanh(lambda z, y: 1 + y, "factor-missing"),
    "1 + y^2 of tanh": tanh(lambda z, y: 1 + y * y, "sign"),
    "1 - x^2 of tanh": tanh(lambda z, y: 1 - z * z, "wrong-argument"),
    "tanh twice": tanh(lambda z, y: 1 - np.tanh(y) ** 2, "wrong-argument"),
    "x^2 of a cube": cube(lambda z, y: z**2, "scaled"),
    "3 of a cube": cube(lambda z, y: 3.0, "factor-missing"),
    "3 x of a cube": cube(lambda z, y: 3 * z, "factor-missing"),
    "3 x^3 of a cube": cube(lambda z, y: 3 * y, "factor-missing"),
    "2 of a square": Slope(np.square, lambda z, y: 2 * z, lambda z, y: 2.0, "factor-missing"),
    "2 y of a square": Slope(np.square, lambda z, y: 2 * z, lambda z, y: 2 * y, "factor-missing"),
    "half of a root": root(lambda z, y: 0.5, "factor-missing"),
    "half a root of a root": root(lambda z, y: 0.5 * y, "factor-missing"),
    "half a square of a root": root(lambda z, y: 0.5 / y**2, "factor-missing"),
    "-y of a reciprocal": Slope(np.reciprocal, lambda z, y: -y * y, lambda z, y: -y, "factor-missing", POSITIVE),
    "1 + x of arctan": Slope(np.arctan, lambda z, y: 1 / (1 + z * z), lambda z, y: 1 / (1 + z), "factor-missing",
     POSITIVE),
    "1 - x^2 of arctan": Slope(np.arctan, lambda z, y: 1 / (1 + z * z), lambda z, y: 1 / (1 - z * z), "sign"),
    "1 + y of tan": Slope(np.tan, lambda z, y: 1 + y * y, lambda z, y: 1 + y, "factor-missing", POSITIVE / 4),
    "-y of a quotient": quotient(lambda z, y: -y, "factor-missing"),
    "1 for a numerator": quotient(lambda z, y: -1 / z**2, "factor-missing"),
    "no denominator": quotient(lambda z, y: -OTHER, "factor-missing"),
    "-1 / x of a quotient": quotient(lambda z, y: -1 / z, "factor-missing"),
    "no mask": relu(lambda z, y: 1.0, "mask-missing"),
    "a mask inverted": relu(lambda z, y: z <= 0, "mask-inverted"),
    "a mask at 0.4": relu(lambda z, y: z > 0.4, "mask-wrong-threshold"),
    "no sign of a size": Slope(np.abs, lambda z, y: np.sign(z), lambda z, y: 1.0, "mask-missing"),
    "no mask of a minimum": Slope(lambda z: np.minimum(z, 0.5), lambda z, y: z < 0.5, lambda z, y: 1.0, "mask-missing"),
    "a minimum at 0": Slope(
        lambda z: np.minimum(z, 0.5), lambda z, y: z < 0.5, lambda z, y: z < 0.0, "mask-wrong-threshold"
    ),
    "exp of the value": Slope(np.exp, lambda z, y: y, lambda z, y: np.exp(y), "wrong-argument", X / 2),
    "sin for cos": Slope(np.sin, lambda z, y: np.cos(z), lambda z, y: np.cos(y), "wrong-argument"),
}  # fmt: skip


def inside(slope: Slope, chosen: Function) -> str | None:
    """The word where a slope is wrong inside of a formula."""
    scale = 1.0 + np.abs(SCALE) / 4

    def forward(x: Any) -> Any:
        return np.sin(slope.run(x * scale)) + x

    def vjp(c: Any, x: Any) -> Any:
        z = x * scale
        y = slope.run(z)
        return (c * np.cos(y) * chosen(z, y) * scale + c,)

    return told(forward, vjp, (slope.at,), 0)


@pytest.mark.parametrize("which", SLOPES)
def test_a_wrong_slope_has_its_word(which: str) -> None:
    """Wherever it stands in a formula; the right one has none, and another wrong one not this word."""
    slope = SLOPES[which]
    assert inside(slope, slope.wrong) == slope.word
    assert inside(slope, slope.right) is None
    assert inside(slope, lambda z, y: slope.right(z, y) * (1 + 0.3 * np.sin(3 * z))) != slope.word


class Place(NamedTuple):
    """A function, its right gradient, a wrong one with its word, the arguments, and for which of them it is."""

    forward: Function
    right: Function
    wrong: Function
    args: tuple[Any, ...]
    position: int
    word: str


SQUARE, FACTOR, WEIGHTS = drawn(3, 3), drawn(3, 3).T + 2.0, np.array([0.5, -1.25, 2.0])
TAKEN = np.array([1, 0, 1])
WINDOWS = np.arange(4)[:, None] + np.array([0, 2, 4])  # of every other entry


def gated(of: Function) -> Function:
    """The gradient of sin(max(x f, 0)), with a mask from what comes in and from the argument."""

    def vjp(c: Any, x: Any) -> Any:
        z = x * FACTOR
        g = c * np.cos(np.maximum(z, 0.0))
        return (g * of(g, z) * FACTOR,)

    return vjp


def mixed(of: Function) -> Function:
    """The gradient of tanh(x w) for both matrices."""

    def vjp(c: Any, x: Any, w: Any) -> Any:
        return of(c * (1 - np.tanh(x @ w) ** 2), x, w)

    return vjp


def largest(of: Function) -> Function:
    """The gradient of the largest sine of each row."""

    def vjp(c: Any, x: Any) -> Any:
        y = np.sin(x * FACTOR)
        return (c[:, None] * of(y) * np.cos(x * FACTOR) * FACTOR,)

    return vjp


def one_of_each(of: Function) -> Function:
    return lambda y: np.eye(3)[of(y).argmax(axis=1)]


def taken(of: Function) -> Function:
    """The gradient of rows that are taken twice, by their shares."""

    def vjp(c: Any, x: Any) -> Any:
        g = c * FACTOR
        return (of(g) * (1 - np.tanh(x) ** 2),)

    return vjp


def rows(*numbers: int) -> Function:
    def of(g: Any) -> Any:
        found = np.zeros((3, 3))
        for number in numbers:
            found[TAKEN[number]] += g[number]
        return found

    return of


def chosen(first: Function, second: Function) -> Function:
    """The gradient of a choice between two products."""

    def vjp(c: Any, x: Any) -> Any:
        z = np.sin(x)
        return (c * (first(z) * FACTOR + second(z) * 3.0) * np.cos(x),)

    return vjp


def right_of_both(g: Any, x: Any, w: Any) -> Any:
    return g @ w.T, x.T @ g


def windowed(x: Any, k: Any) -> Any:
    return np.stack([np.sin((x[n : n + 5 : 2] * k).sum()) for n in range(4)])


def windowed_vjp(windows: Any) -> Function:
    """The gradient of the sines of products with windows, that of the factors from other windows."""

    def vjp(c: Any, x: Any, k: Any) -> Any:
        g = c * np.cos(x[WINDOWS] @ k)
        return np.bincount(WINDOWS.ravel(), np.outer(g, k).ravel(), 9), x[windows].T @ g

    return vjp


def summed(of: Function) -> Function:
    return lambda c, x: (of(c * WEIGHTS) * (1 - np.tanh(x) ** 2),)


def broadcast(of: Function) -> Function:
    return lambda c, x, b: (c * (1 - np.tanh(x + b) ** 2), of(c * (1 - np.tanh(x + b) ** 2)))


def shifted(x: Any) -> Any:
    y = np.ones_like(x) * 0.5
    y[1:] = np.tanh(x[:-1])
    return np.sin(y) * FACTOR


def inner(a: Any, b: Any) -> Any:
    return np.sin(np.maximum(a * FACTOR, 0.0)) * b


PLACES = {
    **{
        f"a mask {name}": Place(
            lambda x: np.sin(np.maximum(x * FACTOR, 0.0)), gated(lambda g, z: z > 0), gated(wrong), (SQUARE,), 0, word
        )
        for name, wrong, word in (
            ("from what comes in", lambda g, z: g > 0, "mask-from-delta"),
            ("from its opposite", lambda g, z: g < 0, "mask-from-delta"),
        )
    },
    "a mask of another array": Place(
        inner,
        lambda c, a, b: (c * b * np.cos(np.maximum(a * FACTOR, 0)) * (a * FACTOR > 0) * FACTOR, c * inner(a, 1.0)),
        lambda c, a, b: (c * b * np.cos(np.maximum(a * FACTOR, 0)) * (b > 0) * FACTOR, c * inner(a, 1.0)),
        (SQUARE, FACTOR - 2.1),
        0,
        "mask-from-other",
    ),
    **{
        f"the largest goes {name}": Place(
            lambda x: np.sin(x * FACTOR).max(axis=1), largest(one_of_each(lambda y: y)), largest(wrong), (SQUARE.T,),
             0, word
        )
        for name, wrong, word in (
            ("to all", lambda y: 1.0, "mask-missing"),
            ("to the smallest", one_of_each(np.negative), "mask-from-other"),
            ("to the largest in size", one_of_each(np.abs), "mask-from-other"),
        )
    },
    **{
        f"a product {name}": Place(
            lambda x, w: np.tanh(x @ w), mixed(right_of_both), mixed(wrong), (SQUARE, FACTOR - 2.1), position, word
        )
        for name, wrong, position, word in (
            ("with w itself", lambda g, x, w: (g @ w, x.T @ g), 0, "transposed"),
            ("with x itself", lambda g, x, w: (g @ w.T, x @ g), 1, "transposed"),
            ("turned afterwards", lambda g, x, w: (w @ g.T, x.T @ g), 0, "transposed"),
            ("turned before", lambda g, x, w: (g.T @ w.T, x.T @ g), 0, "transposed"),
            ("turned before, of w", lambda g, x, w: (g @ w.T, x.T @ g.T), 1, "transposed"),
            ("with ones", lambda g, x, w: (g @ np.ones((3, 3)), x.T @ g), 0, "factor-missing"),
            ("with ones, of w", lambda g, x, w: (g @ w.T, np.ones((3, 3)) @ g), 1, "factor-missing"),
        )
    },
    **{
        f"of rows that are taken twice {name}": Place(
            lambda x: np.tanh(x)[TAKEN] * FACTOR, taken(rows(0, 1, 2)), taken(wrong), (SQUARE,), 0, "not-summed"
        )
        for name, wrong in (("the last", rows(1, 2)), ("the first", rows(0, 1)))
    },
    **{
        f"a choice {name}": Place(
            lambda x: np.where(np.sin(x) > 0.125, np.sin(x) * FACTOR, np.sin(x) * 3.0),
            chosen(lambda z: z > 0.125, lambda z: z <= 0.125), chosen(first, second), (SQUARE,), 0, word,
        )
        for name, first, second, word in (
            ("always of one", lambda z: 1.0, lambda z: 0.0, "mask-missing"),
            ("always of the other", lambda z: 0.0, lambda z: 1.0, "mask-missing"),
            ("of both", lambda z: 1.0, lambda z: 1.0, "mask-missing"),
            ("the other way", lambda z: z <= 0.125, lambda z: z > 0.125, "mask-inverted"),
        )
    },
    **{
        f"windows {name}": Place(
            windowed, windowed_vjp(WINDOWS), windowed_vjp(wrong), (drawn(9), WEIGHTS), 1, "wrong-argument"
        )
        for name, wrong in (
            ("one later", WINDOWS + 1), ("of neighbours", WINDOWS[:, :1] + np.arange(3)),
        )
    },
    "a sum spread along another axis": Place(
        lambda x: np.tanh(x).sum(axis=1) * WEIGHTS, summed(lambda g: g[:, None]), summed(lambda g: g[None]),
        (SQUARE,), 0, "wrong-axis",
    ),
    "a sum along another axis": Place(
        lambda x, b: np.tanh(x + b), broadcast(lambda g: g.sum(axis=0)), broadcast(lambda g: g.sum(axis=1)),
        (SQUARE, WEIGHTS / 2), 1, "wrong-axis",
    ),
    "a gradient that is kept where it was written over": Place(
        lambda x: written(np.tanh(x) * FACTOR),
        lambda c, x: (c * MASK * FACTOR * (1 - np.tanh(x) ** 2),),
        lambda c, x: (c * FACTOR * (1 - np.tanh(x) ** 2),),
        (SQUARE,), 0, "mask-missing",
    ),
}  # fmt: skip
MASK = np.array([[0.0], [1.0], [1.0]])


def written(y: Any) -> Any:
    y[0] = 0.5
    return y


@pytest.mark.parametrize("which", PLACES)
def test_a_wrong_place_has_its_word(which: str) -> None:
    """The right gradient has none, and one that is wrong by other factors, entry by entry, not this word."""
    place = PLACES[which]
    assert told(place.forward, place.wrong, place.args, place.position) == place.word
    assert told(place.forward, place.right, place.args, place.position) is None

    def other(c: Any, *args: Any) -> Any:
        return tuple(each * (1 + 0.3 * np.sin(5 * each)) for each in place.right(c, *args))

    assert told(place.forward, other, place.args, place.position) != place.word
