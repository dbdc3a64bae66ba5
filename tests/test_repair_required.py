"""What the value of a place would have to be for the gradient to be right is found by running the code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.repair.required import Required
from reference.gradients.repair.running import quiet
from tests.test_repair_running import SIMPLE, G, X, place_in, running_of

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]


def required_of(
    text: str, part: str, right: Callable[..., Any], *args: Array, shape: Any = None, **options: Any
) -> Any:
    """What a place lacks by the two cases, and whether it is excluded."""
    running = running_of(text, *args, right=right, **options)
    with quiet(), running:
        place = place_in(running, part)
        required = Required(
            running, list(zip((0, 2), running.samples, strict=True)), [0], list(range(1, len(args or (X,))))
        )
        found = required.of(place, place.shape if shape is None else shape)
    return found, place.node in required.excluded


def test_what_has_to_be_added() -> None:
    """The difference of the value that is there and the one that is due, in each case."""
    found, is_excluded = required_of(SIMPLE, "h", lambda g, x: (2 * (g * x + np.sin(x)),))
    assert not is_excluded
    assert found.shape == (2, 3)
    assert found.cases == ((0, 0), (2, 0))
    for case, value, move in zip((X, X + 0.125), found.values, found.moves, strict=True):
        assert np.allclose(value, G * case)
        assert np.allclose(move, np.sin(case))
    assert [each.shape for each in found.matrices] == [(6, 6)] * 2
    assert np.allclose(found.matrices[0], 2 * np.eye(6))
    assert np.allclose(found.dues[0], 2 * np.sin(X).ravel())


def test_what_has_to_be_added_in_each_turn_of_a_loop() -> None:
    """Each time that the place is computed has its own part."""
    text = "def vjp(g, x):\n    d = 0 * x\n    for i in range(2):\n        d[i] = g[i] * x[i]\n    return (d,)\n"
    found, _ = required_of(text, "g[i] * x[i]", lambda g, x: (g * x + np.cos(x),))
    assert found.cases == ((0, 0), (0, 1), (2, 0), (2, 1))
    assert np.allclose(found.moves[1], np.cos(X[1]))


def test_where_more_than_one_value_would_do() -> None:
    """None of them is given, but what the answers have to move by is."""
    text = "def vjp(g, x):\n    h = g * x\n    return (h.sum() * np.ones(x.shape),)\n"
    found, is_excluded = required_of(text, "h", lambda g, x: ((g * x).sum() * np.ones(x.shape) + 1,))
    assert (found.moves, is_excluded) == ((), False)
    assert np.allclose(found.matrices[0], 1.0)
    assert np.allclose(found.dues[0], 1.0)


def test_where_more_than_one_value_would_do_in_one_case() -> None:
    """None is given for any case."""
    text = "def vjp(g, x):\n    h = g * 1.0\n    return (h * np.maximum(x, 0.0),)\n"
    some = np.abs(X)
    some[0, 0] = -0.0625  # below 0 in the first case alone
    found, is_excluded = required_of(text, "g * 1.0", lambda g, x: (2 * g * np.maximum(x, 0.0),), some)
    assert (found.moves, is_excluded) == ((), False)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("def vjp(g, x):\n    h = g.sum() * 1.0\n    return (h * x,)\n", "g.sum() * 1.0"),
        ("def vjp(g, x):\n    h = g * 1.0\n    return (g * x,)\n", "g * 1.0"),
    ],
    ids=["no value of it does", "nothing depends on it"],
)
def test_places_where_nothing_helps(text: str, part: str) -> None:
    """A place is excluded where nothing that is added to it makes the gradient right."""
    assert required_of(text, part, lambda g, x: (g * np.cos(x),)) == (None, True)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("def vjp(g, x):\n    h = g * x\n    return (h * h,)\n", "g * x"),
        ("def vjp(g, x):\n    h = 3\n    return (g * x * h,)\n", "h"),
        ("def vjp(g, x):\n    h = (x > 0)\n    return (g * h,)\n", "x > 0"),
        ("def vjp(g, x):\n    return (g * (x > x * 0.5),)\n", "x * 0.5"),
        ("def vjp(g, x):\n    return (g * [a * 1.0 for a in x],)\n", "a * 1.0"),
        ("def vjp(g, x):\n    d = 0\n    for i in range(9):\n        d = d + g * x\n    return (d,)\n", "g * x"),
        ("def vjp(g, x):\n    h = g * 1.0\n    return (x if h[0, 0] == 1.0 else x[0],)\n", "g * 1.0"),
        ("def vjp(g, x):\n    h = g * 1.0\n    return (1 / (h == g) * x,)\n", "g * 1.0"),
        ("def vjp(g, x):\n    h = g * 1.0\n    return (x if h[0, 0] == 1.0 else 1 // 0,)\n", "g * 1.0"),
        ("def vjp(g, x):\n    h = g / 0.0\n    return (g + h * 0,)\n", "g / 0.0"),
        ("def vjp(g, x):\n    h = g * 1.0\n    return (h * x if np.abs(h).max() < 7 else 1 // 0,)\n", "g * 1.0"),
        (
            "def vjp(g, x):\n    h = x * 1.0 if x[0, 0] == 0.5 else None\n    return (g * (x if h is None else h),)\n",
            "x * 1.0 if x[0, 0] == 0.5 else None",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_told(text: str, part: str) -> None:
    """Where the answers do not move in proportion, and at places of whole numbers, masks, bounds and long loops."""
    with quiet():
        assert required_of(text, part, lambda g, x: (g * np.cos(x),)) == (None, False)


def test_large_values_are_not_looked_at() -> None:
    """A hundred entries take a hundred runs."""
    for shape, is_told in (((10, 10), True), ((1, 101), False), ((0, 3), False)):
        args = np.ones(shape)
        found, _ = required_of(SIMPLE, "h", lambda g, x: (2 * g * x + 1,), args, cotangent=np.ones(shape))
        assert (found is not None) is is_told


def test_a_value_may_lack_axes() -> None:
    """What has to be added may be larger than the value; a shape that the value cannot take tells nothing."""
    text = "def vjp(g, x):\n    h = x[0] * 1.0\n    return (h + g,)\n"
    found, _ = required_of(text, "x[0] * 1.0", lambda g, x: (x + g,), shape=(2, 3))
    assert found.shape == (2, 3)
    assert np.allclose(found.moves[0], X - X[0])
    assert required_of(text, "x[0] * 1.0", lambda g, x: (x + g,), shape=(2, 2)) == (None, False)


def test_few_entries_are_looked_at_in_more_cases() -> None:
    """So that there are eight in all, or two cases at least."""
    text = "def vjp(g, x):\n    h = x * 1.0\n    return (h * g,)\n"
    for size, cases in ((1, 4), (2, 4), (3, 3), (4, 2), (9, 2)):
        running = running_of(text, np.arange(1.0, 1 + size), right=lambda g, x: (x * g + g,), cotangent=np.ones(size))
        with quiet(), running:
            place = place_in(running, "x * 1.0")
            samples = [(number, running.samples[number == 2]) for number in range(4)]
            found = Required(running, samples, [0], []).of(place, place.shape)
        assert found is not None
        assert len(found.cases) == cases


def test_numbers_without_end_tell_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The algorithm of least squares may find no end; the search goes on."""

    def lstsq(*_: Any, **__: Any) -> Any:
        raise np.linalg.LinAlgError("no convergence")

    monkeypatch.setattr(np.linalg, "lstsq", lstsq)
    assert required_of(SIMPLE, "h", lambda g, x: (g * np.cos(x),)) == (None, False)


def test_gradients_that_are_right_have_to_stay_so() -> None:
    """What would spoil another gradient helps nothing."""
    text = "def vjp(g, x, y):\n    h = g * 1.0\n    return (h * x, h * y)\n"
    right = lambda g, x, y: (g * x + x, g * y)  # noqa: E731 - a table of one row
    assert required_of(text, "g * 1.0", right, X, X) == (None, True)
    found, _ = required_of(text, "h * x", right, X, X)
    assert np.allclose(found.moves[0], X)
