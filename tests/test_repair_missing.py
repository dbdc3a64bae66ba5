"""A term, a factor or a mask that a gradient lacks is found by what the place where it is due requires."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import arguments
from reference.gradients.context import Context
from reference.gradients.repair import Repair, repaired, search
from reference.gradients.subject import Subject
from tests.gradients import drawn

pytestmark = [pytest.mark.outside]

Array = NDArray[Any]
X, W, V, S = drawn(3, 4), drawn(4, 2), drawn(4), drawn(3, 3)
FROM, TO = np.array([0, 1, 1, 2]), np.array([1, 2, 0, 0])


def wave(x: Array, w: Array) -> Array:
    return np.sin(x) * (x @ w)[:, :1]


def wave_without_path(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    y = x @ w
    dy = np.zeros_like(y)
    dy[:, :1] = (g * np.sin(x)).sum(axis=1, keepdims=True)
    return dy @ w.T, x.T @ dy


def wave_without_path_and_more(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    y = x @ w
    dy = np.zeros_like(y)
    dy[:, :1] = (g * np.sin(x)).sum(axis=1, keepdims=True)
    return dy @ w.T + np.arctan(x) ** 3, x.T @ dy


def product(x: Array, w: Array) -> Array:
    return np.tanh(x * x) @ w


def product_without_factor(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    t = np.tanh(x * x)
    return 2 * x * (g @ w.T), t.T @ g


def spread(x: Array) -> Array:
    return np.sin(x[FROM] - x[TO])


def spread_to_one_end(g: Array, x: Array) -> tuple[Array]:
    d = np.zeros_like(x)
    push = g * np.cos(x[FROM] - x[TO])
    np.add.at(d, FROM, push)
    return (d,)


def units(x: Array) -> Array:
    return np.array([row / np.sqrt(row @ row) for row in x])


def units_of_one_length(g: Array, x: Array) -> tuple[Array]:
    d = np.zeros_like(x)
    for k in range(len(x)):
        length = np.sqrt(x[k] @ x[k])
        unit = x[k] / length
        d[k] = g[k] / length if unit.any() else 0.0
    return (d,)


def units_overwritten(g: Array, x: Array) -> tuple[Array]:
    total = np.zeros_like(x)
    for k in range(len(x)):
        row = np.zeros_like(x)
        length = np.sqrt(x[k] @ x[k])
        unit = x[k] / length
        row[k] = (g[k] - unit * (unit @ g[k])) / length
        total = row
    return (total,)


def steps(x: Array, w: Array) -> Array:
    h, found = np.zeros(x.shape[1]), []
    for row in x:
        h = np.tanh(row + h @ w)
        found.append(h)
    return np.array(found)


def steps_without_what_follows(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    h = [np.zeros(x.shape[1]), *steps(x, w)]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    da = np.zeros(x.shape[1])
    for k in range(len(x) - 1, -1, -1):
        dh = g[k]
        da = dh * (1 - h[k + 1] ** 2)
        dx[k] = da
        dw += np.outer(h[k], da)
    return dx, dw


def lower(x: Array) -> Array:
    return np.exp(np.tril(x))


def lower_everywhere(g: Array, x: Array) -> tuple[Array]:
    return (g * np.exp(np.tril(x)),)


def columns(x: Array) -> Array:
    return np.stack([np.sin(x[:, 0]), np.cos(x[:, 1])], axis=1)


def columns_exchanged(g: Array, x: Array) -> tuple[Array]:
    one, two = g[:, 0] * np.cos(x[:, 0]), -g[:, 1] * np.sin(x[:, 1])
    return (np.stack([two, one], axis=1),)


def pairs(x: Array) -> Array:
    return x[FROM, TO] ** 2


def pairs_the_other_way(g: Array, x: Array) -> tuple[Array]:
    d = np.zeros_like(x)
    np.add.at(d, (TO, FROM), 2 * g * x[FROM, TO])
    return (d,)


def cubes(x: Array) -> Array:
    return x**3


def cubes_with_factor(g: Array, x: Array) -> tuple[Array]:
    s = np.sin(x)
    return (3 * x**2 * g * s,)


def margins(x: Array) -> Array:
    above = np.maximum(x - x[np.arange(4), TO][:, None] + 1.0, 0.0)
    above[np.arange(4), TO] = 0.0
    return above


def margins_without_the_other_path(g: Array, x: Array) -> tuple[Array]:
    above = np.maximum(x - x[np.arange(4), TO][:, None] + 1.0, 0.0)
    is_on = (above > 0).astype(float)
    is_on[np.arange(4), TO] = 0.0
    return (g * is_on,)


def decayed(x: Array, w: Array) -> Array:
    return np.asarray(np.sin(x @ w).sum() + 0.3 * (w * w).sum())


def decayed_without_decay(g: Array, x: Array, w: Array) -> tuple[Array, Array]:
    d = g * np.cos(x @ w)
    return d @ w.T, x.T @ d


def squares(x: Array) -> Array:
    return x**2


def squares_without_the_last(g: Array, x: Array) -> tuple[Array]:
    d = np.zeros(0)
    for k in range(len(x) - 1):
        d = np.append(d, 2 * x[k] * g[k])
    return (d,)


CASES = [
    (squares, squares_without_the_last, (V,), 0, "term-missing"),
    (wave, wave_without_path, (X, W), 0, "term-missing"),
    (product, product_without_factor, (X, W), 0, "factor-missing"),
    (spread, spread_to_one_end, (V,), 0, "term-missing"),
    (units, units_of_one_length, (X,), 0, "term-missing"),
    (units, units_overwritten, (X,), 0, "not-summed"),
    (steps, steps_without_what_follows, (drawn(3, 2), drawn(2, 2)), 0, "term-missing"),
    (lower, lower_everywhere, (drawn(4, 4),), 0, "mask-missing"),
    (columns, columns_exchanged, (drawn(3, 2),), 0, "swapped"),
    (pairs, pairs_the_other_way, (S,), 0, "transposed"),
    (cubes, cubes_with_factor, (V,), 0, "extra-factor"),
    (decayed, decayed_without_decay, (drawn(5, 4), drawn(4, 3)), 1, "term-missing"),
    (margins, margins_without_the_other_path, (drawn(4, 3),), 0, "term-missing"),
]


def context(forward: Callable[..., Any], vjp: Callable[..., Any], *args: Any) -> Context:
    return Context(Subject(forward, vjp, arguments.pattern(args, None)), None, 0, "normal")


def found(forward: Callable[..., Any], vjp: Callable[..., Any], *args: Any) -> list[Repair | None]:
    """The repair of the gradient of each argument."""
    asked = context(forward, vjp, *args)
    return [repaired(asked, position) for position in range(len(asked.pattern.differentiable))]


@pytest.mark.parametrize(
    ("forward", "vjp", "args", "position", "word"), CASES, ids=[case[1].__name__ for case in CASES]
)
def test_the_word(
    forward: Callable[..., Any], vjp: Callable[..., Any], args: tuple[Array, ...], position: int, word: str
) -> None:
    """What is missing, or stands in another's place, gets its word."""
    repair = found(forward, vjp, *args)[position]
    assert repair is not None
    assert repair.word == word


def test_no_term_for_two_mistakes() -> None:
    """Where a path is missing and something else is wrong besides, no product is called the repair."""
    assert found(wave, wave_without_path_and_more, X, W) == [None, None]


def test_the_search_reads_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search ends after a number of steps, so that a slow machine finds the same repair."""
    taken = []

    class Counted(search.Search):
        def repairs(self) -> list[Repair]:
            repairs = super().repairs()
            taken.append(self.steps)
            return repairs

    monkeypatch.setattr(search, "Search", Counted)
    for _ in range(2):
        found(lower, lower_everywhere, drawn(4, 4))
    assert 0 < taken[0] == taken[1]
    monkeypatch.setattr("reference.numerics.likeness.REPAIR_STEPS", taken[0] // 20)
    assert found(lower, lower_everywhere, drawn(4, 4)) == [None]
