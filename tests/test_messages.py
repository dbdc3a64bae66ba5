"""The checks of a message's arguments, on a layer that the tests define."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bp.messages import as_matrix, check_targets, checked, unchecked
from tests.strategies import Array


def make(n_inputs: int | None = 2, n_units: int | None = 3) -> Any:
    """A layer whose messages answer with what reached them."""

    class Layer:
        name = "Linear_1"

        def __init__(self) -> None:
            self.n_inputs, self.n_units = n_inputs, n_units

        @checked
        def forward(self, X: Array) -> tuple[Array]:
            """The inputs."""
            assert self.name == "Linear_1"
            return (X,)

        @checked
        def delta(self, Y: Array, delta_next: Array) -> tuple[Array, Array]:
            return Y, delta_next

        @checked
        def loss(self, X: Array, T: Array) -> tuple[Array, Array]:
            return X, T

        def plain(self) -> str:
            return "unchecked"

    return Layer()


def test_arguments_reach_the_message_as_matrices() -> None:
    """Lists and integers become arrays of doubles, by position and by name."""
    layer = make()
    (X,) = layer.forward([[1, 2]])
    assert (X.dtype, X.tolist()) == (np.float64, [[1, 2]])
    Y, d = np.ones((2, 3)), np.zeros((2, 3))
    for found in (layer.delta(Y, d), layer.delta(Y, delta_next=d), layer.delta(delta_next=d, Y=Y)):
        assert found[0] is Y
        assert found[1] is d


@pytest.mark.parametrize("arguments", [{}, {"Y": [[1, 2, 3]]}, {"Y": [[1, 2, 3]], "delta_next": [[1, 2, 3]], "Z": 1}])
def test_arguments_are_those_of_the_message(arguments: dict[str, Any]) -> None:
    """Too few and too many arguments are a `TypeError`."""
    with pytest.raises(TypeError):
        make().delta(**arguments)


NO_DISTRIBUTION = (
    "T: expected rows that are probability distributions (one-hot, say), got row 1 = [0. 1. 1.] with sum 2"
)


@pytest.mark.parametrize(
    ("message", "arguments", "said"),
    [
        ("forward", ([[1, 2, 3]],), "X: expected shape (N, 2), got (1, 3)"),
        ("delta", ([[1, 2]], [[1, 2, 3]]), "Y: expected shape (N, 3), got (1, 2)"),
        ("delta", ([[1, 2, 3]] * 2, [[1, 2, 3]]), "delta_next: expected shape (2, 3), got (1, 3)"),
        ("delta", ([[1, 2, 3]], [[1, 2]]), "delta_next: expected shape (1, 3), got (1, 2)"),
        ("forward", ([1, 2],), "X: expected a two-dimensional array, one row per sample, got shape (2,)"),
        ("delta", ([[1, 2, 3]], [["a"] * 3]), "delta_next: expected real numbers, got an array of dtype <U1"),
        ("forward", (np.zeros((0, 2)),), "X: expected at least one sample and one column, got shape (0, 2)"),
        ("loss", ([[1, 2]] * 2, [[0, 0, 1], [0, 1, 1]]), NO_DISTRIBUTION),
    ],
)
def test_what_does_not_fit_is_named(message: str, arguments: tuple[Any, ...], said: str) -> None:
    """A ValueError names layer, message and argument, what was expected and what came."""
    with pytest.raises(ValueError, match=r".") as error:
        getattr(make(), message)(*arguments)
    assert str(error.value) == f"Linear_1.{message}: {said}"


def test_without_widths_the_first_argument_decides() -> None:
    """For a layer of any width the arguments must have equal widths."""
    layer = make(None, None)
    assert layer.forward([[1.0, 2.0, 3.0]])[0].shape == (1, 3)
    with pytest.raises(ValueError, match=r"delta_next: expected shape \(1, 2\), got \(1, 3\)"):
        layer.delta([[1, 2]], [[1, 2, 3]])


def test_targets_alone_are_asked_to_be_distributions() -> None:
    """Only targets must be distributions; inputs may be any numbers."""
    assert make().loss([[5, -7]], [[0, 1, 0]])[0].tolist() == [[5, -7]]


def test_checks_can_be_left_out() -> None:
    """`unchecked` gives the message without checks, or the method itself if it has none."""
    layer = make()
    assert unchecked(layer.forward)("anything") == ("anything",)
    assert unchecked(layer.plain)() == "unchecked"
    assert layer.forward.__doc__ == "The inputs."


def test_ragged_rows_are_named() -> None:
    """Rows of different lengths are refused with numpy's reason."""
    with pytest.raises(ValueError, match=r"^X: expected rows of equal length, got a ragged sequence \("):
        as_matrix([[1], [1, 2]], "X")


def test_sums_may_be_off_by_what_single_precision_is() -> None:
    """Sums of targets may be off by 4 units of single precision for each class, and no more."""
    slack = 2.0**-21
    check_targets(np.array([[1 + 2 * slack, 0.0]]), "T")
    with pytest.raises(ValueError, match="T: expected rows"):
        check_targets(np.array([[1 + 2.1 * slack, 0.0]]), "T")
    with pytest.raises(ValueError, match="row 1 = "):
        check_targets(np.array([[1.0, 0.0], [1.5, -0.5]]), "T")


@pytest.mark.parametrize(
    ("k", "shown"),
    [
        (12, "[0.1235 0.1235 0.1235 0.1235 0.1235 0.1235 0.1235 0.1235 0.1235 0.1235 0.1235 0.1235]"),
        (13, "[0.1235 0.1235 0.1235 ... 0.1235 0.1235 0.1235]"),
    ],
)
def test_rows_are_shown_in_short(k: int, shown: str) -> None:
    """The message shows a row with four digits and at most twelve numbers."""
    with pytest.raises(ValueError, match="row 0") as error:
        check_targets(np.full((1, k), 0.123456), "T")
    # numpy breaks long lines.
    assert " ".join(str(error.value).partition("row 0 = ")[2].partition(" with sum ")[0].split()) == shown
