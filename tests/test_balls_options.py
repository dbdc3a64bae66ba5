"""Options of numpy's functions on balls: each gives what numpy gives for it, with its shape and its slope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

flint = pytest.importorskip("flint", reason="python-flint is not installed (the project's extra 'check')")

from reference.numerics.balls import Refused, Undecided, functions, linalg  # noqa: E402
from reference.numerics.balls.array import BallArray, balls, elements, full, holds_balls, plain, wrapped  # noqa: E402
from reference.numerics.balls.evaluation import adjoints, arguments, as_balls, seed  # noqa: E402
from reference.numerics.balls.scalar import Ball, enclosed  # noqa: E402
from reference.numerics.balls.tape import TAPE, accumulate, recording  # noqa: E402
from reference.numerics.oracles.ball import precision  # noqa: E402
from tests.ball_options import CHOSEN, FORMS  # noqa: E402
from tests.balls_judge import assert_well_said  # noqa: E402
from tests.gradients import drawn  # noqa: E402
from tests.operations import BOX, ROW, WIDE, A, B, numpy_has  # noqa: E402

Array = NDArray[Any]
STEP = 1e-6


def doubles(numbers: Any) -> Any:
    """The middle of each ball."""
    return np.vectorize(lambda each: float(enclosed(each).mid()), otypes=[float])(plain(balls(numbers)))


def on_balls(function: Callable[..., Any], *args: Array) -> tuple[Array, list[Array]]:
    """The value, and the gradient of its sum with the weights 1, 2, 3 and so on."""
    with precision(128), recording():
        given, leaves = arguments(args, range(len(args)))
        output = as_balls(function(*given))
        seed(output, weights(output.shape))
        accumulate()
        return doubles(output), [doubles(adjoints(each)) for each in leaves]


def weights(shape: tuple[int, ...]) -> Array:
    return np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape)


ASKED = [form for form in FORMS if numpy_has(*form)]


@pytest.mark.parametrize("number", range(len(ASKED)))
def test_options_mean_what_they_mean_to_numpy(number: int) -> None:
    """The value and its shape are numpy's, and the gradient is told by differences."""
    function, args = ASKED[number]
    due = np.asarray(function(*(each.copy() for each in args)))
    value, gradients = on_balls(function, *args)
    assert value.shape == due.shape
    assert value == pytest.approx(due, rel=1e-12, abs=1e-13, nan_ok=True)
    directions = [np.random.RandomState(7).uniform(0.5, 1, each.shape) for each in args]

    def along(step: float) -> Any:
        moved = (each + step * direction for each, direction in zip(args, directions, strict=True))
        return np.nansum(weights(due.shape) * function(*moved))

    slope = sum(float((gradient * d).sum()) for gradient, d in zip(gradients, directions, strict=True))
    size = 1 + sum(float(np.abs(gradient * d).sum()) for gradient, d in zip(gradients, directions, strict=True))
    assert (along(STEP) - along(-STEP)) / (2 * STEP) == pytest.approx(slope, abs=1e-6 * size)


def test_a_recent_numpy_has_all_options() -> None:
    """No form is left out since it is misspelt."""
    if np.lib.NumpyVersion(np.__version__) >= "2.3.0":
        assert len(ASKED) == len(FORMS)


REFUSED: list[tuple[str, Callable[[Any], Any]]] = [
    ("np.add.reduce with initial=", lambda x: np.sum(x, initial=2.0)),
    ("np.add.reduce with initial=", lambda x: np.sum(x, initial=x[0, 0])),
    ("np.maximum.reduce with initial=", lambda x: np.max(x, initial=0.0)),
    ("np.multiply.reduce with ['other']", lambda x: functions.reduced("multiply", x, other=1)),
    ("np.hypot.reduce with where=", lambda x: np.hypot.reduce(x, where=CHOSEN)),
    ("out=", lambda x: np.sum(x, axis=0, out=np.zeros(4))),
    ("np.var with where=", lambda x: np.var(x, where=CHOSEN)),
    ("np.clip with where=", lambda x: np.clip(x, 0, 1, where=CHOSEN)),
    ("np.average with returned=True", lambda x: np.average(x, weights=A**2, returned=True)),
    ("np.copyto", lambda x: np.copyto(np.zeros((3, 4)), x)),
    ("np.quantile by another method than 'linear'", lambda x: np.quantile(x, 0.5, method="lower")),
    ("np.quantile by another method than 'linear'", lambda x: functions.OWN[np.quantile](x, 0.5, 0, None)),
    ("np.quantile by another method than 'linear'", lambda x: functions.OWN[np.quantile](x, 0.5, weights=[1])),
    ("np.cov with further arguments", lambda x: np.cov(x, B)),
    ("np.cov with further arguments", lambda x: np.cov(x, aweights=ROW**2)),
    ("np.gradient with places or edge_order=2", lambda x: np.gradient(x, edge_order=2)),
    ("np.gradient with places or edge_order=2", lambda x: np.gradient(x, [0.0, 1.0, 3.0], axis=0)),
    ("np.interp with period=", lambda x: np.interp(x, [0.0, 1.0], [1.0, 2.0], period=3.0)),
    ("np.dot with out=", lambda x: np.dot(x, WIDE, out=np.zeros((3, 2)))),
    ("np.einsum without a string of subscripts", lambda x: np.einsum(x, [0, 1], [1, 0])),
    ("np.einsum without a string of subscripts", lambda x: np.einsum("ij->j", x, out=np.zeros(4))),
    ("np.unique with places", lambda x: np.unique(x, return_index=True)),
    ("np.unique with places", lambda x: np.unique(x, return_inverse=True)),
    ("np.unique with places", lambda x: np.unique(x, return_counts=True)),
    ("np.put", lambda x: np.put(np.zeros(4), [0], x[0, 0])),
    ("np.fill_diagonal", lambda x: functions.OWN[np.fill_diagonal](np.zeros((2, 2)), x[0, 0])),
    ("np.fft.fft", np.fft.fft),
    ("np.linalg.eigvalsh", lambda x: np.linalg.eigvalsh(x @ x.T)),
    ("np.linalg.norm with ord='nuc'", lambda x: np.linalg.norm(x[0], "nuc")),
    ("np.linalg.norm with ord=0", lambda x: np.linalg.norm(x[0], 0)),
    ("np.linalg.norm of matrices with ord=2", lambda x: np.linalg.norm(x, 2)),
    ("np.linalg.norm of matrices with ord=1", lambda x: np.linalg.norm(x, 1, axis=(0, 1), keepdims=True)),
    ("np.linalg.qr of such a shape or mode", np.linalg.qr),
    ("np.linalg.qr of such a shape or mode", lambda x: np.linalg.qr(x.T, "complete")),
    ("np.linalg.pinv of a stack", lambda x: np.linalg.pinv(x[None])),
    ("np.linalg.lstsq of a wide matrix", lambda x: np.linalg.lstsq(x, ROW[:3], rcond=None)),
    ("np.linalg.det of a large singular matrix", lambda x: np.linalg.det(0 * np.outer(LARGE, LARGE) * x[0, 0])),
    ("np.matmul with axes", lambda x: np.matmul(x, WIDE, axes=[(0, 1), (0, 1), (0, 1)])),
    ("np.exp.at", lambda x: np.exp.at(x, [0])),
    ("the function modf", np.modf),
    ("np.add", lambda x: np.add(x, 1.0, out=np.zeros((3, 4)))),
    ("np.divmod", lambda x: np.divmod(x, 2.0, out=(x.copy(), x.copy()))),
    ("np.sort of what is no number", lambda x: np.sort(np.where(CHOSEN, np.nan, x))),
    ("np.sort of what is no number", lambda x: np.sort(a=np.where(CHOSEN, np.nan, x))),
    ("np.argmin of what is no number", lambda x: np.argmin(np.where(CHOSEN, np.nan, x))),
    ("np.argsort of what is no number", lambda x: np.argsort(np.where(CHOSEN, np.nan, x))),
    ("a conversion to float32", lambda x: x.astype(np.float32)),
    ("a conversion to complex128", lambda x: x.astype(complex)),
    ("np.nan_to_num of an infinity", lambda x: np.nan_to_num(np.where(CHOSEN, np.inf, x))),
]
LARGE = np.arange(7.0)


@pytest.mark.parametrize(("operation", "function"), REFUSED)
def test_a_refusal_names_the_operation(operation: str, function: Callable[[Any], Any]) -> None:
    """With the option that has no form, so that the reader knows what to write differently."""
    with precision(128), recording(), pytest.raises(Refused) as caught:
        function(balls(A))
    assert caught.value.operation == operation
    assert_well_said(caught.value)


def test_a_result_is_made_of_balls_or_refused() -> None:
    """Whole numbers and truths stay, numbers of floating point have left the balls, whatever they are packed in."""
    one = Ball(flint.arb(2))
    mixed = np.array([one, 3.0, 4], dtype=object)
    assert isinstance(functions._checked("np.f", mixed), BallArray)
    assert all(type(each) is Ball for each in plain(functions._checked("np.f", mixed)))
    for pack in (list, tuple):
        found = functions._checked("np.f", pack([mixed, np.array([1, 2]), True, None]))
        assert type(found) is pack
        assert isinstance(found[0], BallArray)
        assert (found[1].tolist(), found[2], found[3]) == ([1, 2], True, None)
    named = np.linalg.slogdet(np.eye(2))
    assert type(functions._checked("np.f", type(named)(*[np.array([one], dtype=object)] * 2))) is tuple
    for left in (1.5, 2j, np.float32(1), np.array([1.0]), np.array([1j]), [1, 2.0], (np.zeros(2),)):
        with pytest.raises(Refused) as caught:
            functions._checked("np.f", left)
        assert caught.value.operation == "np.f"


def test_axes_of_a_reduction() -> None:
    """All without any, negative ones from the last, and how many numbers come together."""
    for axis, axes, count in (
        (None, (0, 1, 2), 24), (1, (1,), 3), (-1, (2,), 4), ((0, -1), (0, 2), 8), ([2, 1], (2, 1), 12), ((), (), 1),
    ):  # fmt: skip
        assert functions.axes_of(BOX, axis) == axes
        assert functions.count(BOX, axis) == count
    for axis in (0, 1, -1, (0, 2), None):
        for keepdims in (False, True):
            rows, shape = functions.rows_along(BOX, axis, keepdims=keepdims)
            assert shape == BOX.sum(axis=axis, keepdims=keepdims).shape
            assert rows.sum(axis=-1).reshape(shape) == pytest.approx(BOX.sum(axis=axis, keepdims=keepdims))


@pytest.mark.parametrize(
    ("product", "x", "blocks"),
    [
        (lambda x: x @ WIDE, A, 1), (lambda x: np.dot(x, WIDE), A, 1), (lambda x: np.vdot(x, B), A, 1),
        (lambda x: np.inner(x, B), A, 1), (lambda x: np.tensordot(x, BOX, ([0, 1], [1, 2])), A, 1),
        (lambda x: np.einsum("ij,jk->ki", x, WIDE), A, 1), (lambda x: np.einsum("ij,kl->ijkl", x, WIDE), A, 1),
        (lambda x: np.einsum("ij,ij->i", x, B), A, 3), (lambda x: np.einsum("bij,bkj->bik", x, BOX), BOX, 2),
        (lambda x: x @ WIDE, BOX, 2),
    ],
)  # fmt: skip
def test_a_product_of_matrices_is_one_entry_on_the_tape(product: Any, x: Any, blocks: int) -> None:
    """Or one for each of a stack, and not one for each multiplication: that would take too long."""
    with precision(128), recording():
        given, _ = arguments([x], [0])
        product(given[0])
        assert len(TAPE) == blocks


def test_nothing_has_no_largest_number() -> None:
    """As numpy says, by the reduction's name; nothing adds up to 0 and multiplies to 1."""
    nothing = balls(np.zeros((0, 2)))
    assert doubles(np.sum(nothing, axis=0)).tolist() == [0, 0]
    assert doubles(np.prod(nothing, axis=0)).tolist() == [1, 1]
    for name, function in (("maximum", np.max), ("minimum", np.min), ("fmax", np.fmax.reduce)):
        with pytest.raises(ValueError, match=f"zero-size array to reduction operation {name} "):
            function(nothing, axis=0)


def test_types_of_balls_are_those_of_doubles() -> None:
    """Where numpy is asked what type comes of several, or whether one can be cast."""
    for x in (balls(A), Ball(flint.arb(1))):
        assert np.result_type(x, np.float32(1), 3) == np.float64
        assert functions.OWN[np.result_type](np.float32, np.int8) == np.float32
        assert functions.OWN[np.can_cast](x, np.float64)
        assert not functions.OWN[np.can_cast](x, np.float32)
        assert functions.OWN[np.can_cast](x, np.float32, "same_kind")
        assert functions.OWN[np.can_cast](x, np.float32, casting="same_kind")
        assert not functions.OWN[np.can_cast](np.int64, np.int8)


def test_arrays_like_others_have_their_types() -> None:
    """Balls for floating point, whole numbers where these are asked for or are the example's."""
    x = balls(A)
    for made, kind, shape in (
        (np.zeros_like(x), "O", (3, 4)), (np.ones_like(x, int), "i", (3, 4)), (np.zeros_like(x, bool), "b", (3, 4)),
        (np.full_like(x, 3, dtype=np.int8), "i", (3, 4)), (np.full_like(x, 3, int), "i", (3, 4)),
        (np.full_like(x, 3.0, shape=2), "O", (2,)), (np.empty_like(x, dtype=float, shape=(1, 2)), "O", (1, 2)),
    ):  # fmt: skip
        assert np.asarray(plain(made)).dtype.kind == kind
        assert made.shape == shape
    assert functions.OWN[np.full_like](np.arange(3), 2.5).tolist() == [2, 2, 2]
    assert functions.OWN[np.ones_like](np.arange(3)).dtype.kind == "i"
    assert isinstance(functions.OWN[np.ones_like](ROW), BallArray)
    assert doubles(np.zeros_like(x)).any() == 0
    assert doubles(np.ones_like(x)).all() == 1


# Arrays of balls


def test_whatever_holds_balls_becomes_an_array_of_them() -> None:
    """Lists, tuples, single balls and numbers; arrays of them are taken as they are."""
    one, two = Ball(flint.arb(1)), Ball(flint.arb(2))
    for given, shape in (([one, 2.0], (2,)), ((one, two), (2,)), ([[one], [3]], (2, 1)), (one, ()), (1.5, ()),
                         ([balls([1.0, 2.0]), [one, two]], (2, 2)), (np.arange(3), (3,))):  # fmt: skip
        found = balls(given)
        assert isinstance(found, BallArray)
        assert found.shape == shape
        assert all(type(each) is Ball for each in plain(found).ravel())
    x = balls(A)
    assert balls(x) is x
    assert elements(x) is not x
    assert elements(one) is one
    whole = np.array([one, two], dtype=object)
    assert elements(whole) is whole
    assert type(elements(np.array([one, 2], dtype=object))[1]) is Ball
    assert doubles(full((2, 2), [one, two])).tolist() == [[1, 2], [1, 2]]
    for holds in (one, x, [1, one], (2, [x])):
        assert holds_balls(holds)
    for none in (1.0, A, [1, 2], "x", {"a": one}):
        assert not holds_balls(none)


def test_wrapping_goes_into_tuples_and_lists() -> None:
    """Arrays of objects become arrays of balls and back; others, and what is no array, stay."""
    objects, numbers = plain(balls(A)), np.arange(3)
    assert type(objects) is np.ndarray
    assert isinstance(wrapped(objects), BallArray)
    found = wrapped((objects, [objects, numbers], 3))
    assert isinstance(found[0], BallArray)
    assert isinstance(found[1][0], BallArray)
    assert found[1][1] is numbers
    assert (type(found), type(found[1]), found[2]) == (tuple, list, 3)
    one = Ball(flint.arb(1))
    assert plain(one).shape == ()
    packed = plain((balls(A), [one, balls(A)], (one,), "x"))
    assert [type(each) for each in packed] == [np.ndarray, list, tuple, str]
    assert packed[1][0] is one
    assert type(packed[1][1]) is type(packed[2][0]) is np.ndarray


def test_conversions_keep_what_they_may() -> None:
    """Whole numbers and truths of their types; doubles are a copy, single precision where it is as good."""
    x = balls([1.5, -2.5, 0.0])
    assert x.astype(np.int32).dtype == np.int32
    assert x.astype(np.int32).tolist() == [1, -2, 0]
    assert x.astype(bool).tolist() == [True, True, False]
    assert isinstance(x.astype(float), BallArray)
    assert x.astype(float) is not x
    assert x.astype(object).shape == (3,)
    with recording(single=True):
        assert isinstance(x.astype(np.float32), BallArray)
        with pytest.raises(Refused):
            x.astype(np.float16)
    one = Ball(flint.arb(2.5))
    assert type(one.astype(np.int8)) is np.int8
    assert type(one.astype(bool)) is np.bool_
    assert one.astype(float) is one


def test_matrices_without_an_inverse() -> None:
    """A pivot of 0 is numpy's error, one that may be 0 is undecided; so is what may be positive definite."""
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        np.linalg.inv(balls([[1.0, 2.0], [2.0, 4.0]]))
    wide = balls([[1.0, 0.0], [0.0, 1.0]])
    wide[1, 1] = Ball(flint.arb(0, 1))
    with pytest.raises(Undecided, match="singular"):
        np.linalg.inv(wide)
    with pytest.raises(Undecided, match="positive definite"):
        np.linalg.cholesky(wide)
    for pivot in (0.0, -1.0):
        with pytest.raises(np.linalg.LinAlgError, match="definite"):
            np.linalg.cholesky(balls([[1.0, 0.0], [0.0, pivot]]))
    for name in ("inv", "det", "cholesky"):
        for shape in ((2, 3), (3,)):
            with pytest.raises(np.linalg.LinAlgError, match=f"{name}: expected square matrices"):
                getattr(np.linalg, name)(balls(np.ones(shape)))
    with pytest.raises(np.linalg.LinAlgError, match="solve: expected square"):
        np.linalg.solve(balls(np.ones((2, 3))), balls(np.ones(2)))


@pytest.mark.parametrize(
    ("one", "other"),
    [((3, 4), (4,)), ((4,), (4,)), ((4,), (4, 2)), ((2, 3, 4), (4, 1)), ((1, 3, 4), (2, 4, 5)), ((4,), (2, 4, 3))],
)
def test_products_have_the_shapes_of_matmul(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    """Vectors lose their axis, stacks are broadcast; what does not fit is an error."""
    a, b = drawn(*one), drawn(*other) + 1
    assert doubles(linalg.product(balls(a), balls(b))) == pytest.approx(a @ b, rel=1e-14)
    assert np.shape(linalg.product(balls(a), balls(b))) == np.shape(a @ b)
    with pytest.raises(ValueError, match="do not fit"):
        linalg.product(balls(a), balls(b[..., :-1] if b.ndim == 1 else b[..., :-1, :]))
    for pair in ((balls(2.0), balls(b)), (balls(a), balls(2.0))):
        with pytest.raises(ValueError, match="dimensions"):
            linalg.product(*pair)
