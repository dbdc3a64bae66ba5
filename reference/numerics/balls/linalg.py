"""Matrix products and numpy.linalg on balls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb, arb_mat

from reference.numerics import ball_tolerances
from reference.numerics.balls.array import balls, elements, of_numbers, plain, wrapped
from reference.numerics.balls.elementary import UNARY
from reference.numerics.balls.functions import own
from reference.numerics.balls.scalar import Ball, boxed, enclosed
from reference.numerics.balls.tape import Refused, Undecided, record_block
from reference.numerics.balls.ufuncs import PRODUCTS, dispatch

Objects = np.ndarray[Any, Any]


def _block(a: Objects, b: Objects) -> Objects:
    """The product of two matrices of balls, with one entry on the tape for all of it."""
    (n, k), m = a.shape, b.shape[1]
    left, right = a.ravel().tolist(), b.ravel().tolist()
    one, other = arb_mat(n, k, [x.value for x in left]), arb_mat(k, m, [x.value for x in right])
    left_tracked, right_tracked = any(x.tracked for x in left), any(x.tracked for x in right)
    tracked = left_tracked or right_tracked
    results = [Ball(entry, tracked) for entry in (one * other).entries()]
    if tracked:

        def back() -> None:
            if all(x.adjoint is None for x in results):
                return
            adjoint = arb_mat(n, m, [0 if x.adjoint is None else x.adjoint for x in results])
            if left_tracked:
                _add(left, adjoint * other.transpose())
            if right_tracked:
                _add(right, one.transpose() * adjoint)

        record_block(back)
    return plain(of_numbers(results, (n, m)))  # type: ignore[no-any-return]


def _add(numbers: list[Ball], parts: Any) -> None:
    for number, part in zip(numbers, parts.entries(), strict=True):
        if number.tracked:
            number.adjoint = part if number.adjoint is None else number.adjoint + part


def product(a: Any, b: Any) -> Any:
    """`np.matmul`, on arrays of objects."""
    one, other = (np.asarray(plain(balls(x))) for x in (a, b))
    if one.ndim == 0 or other.ndim == 0:
        raise ValueError("matmul: Input operand does not have enough dimensions")
    rows = one[None] if one.ndim == 1 else one
    columns = other[:, None] if other.ndim == 1 else other
    if rows.shape[-1] != columns.shape[-2]:
        raise ValueError(f"matmul: the shapes {one.shape} and {other.shape} do not fit")
    lead = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    rows = np.broadcast_to(rows, lead + rows.shape[-2:])
    columns = np.broadcast_to(columns, lead + columns.shape[-2:])
    result = np.empty((*lead, rows.shape[-2], columns.shape[-1]), object)
    if result.size * rows.shape[-1] > ball_tolerances.MOST_PRODUCTS:
        raise Refused(f"more than {ball_tolerances.MOST_PRODUCTS} products", "take too long in ball arithmetic")
    for place in np.ndindex(lead):
        result[place] = _block(rows[place], columns[place])
    result = result[..., 0, :] if one.ndim == 1 else result
    result = result[..., 0] if other.ndim == 1 else result
    return result if np.ndim(result) else result[()] if isinstance(result, np.ndarray) else result


def vecdot(a: Any, b: Any) -> Any:
    """`np.vecdot`, of arrays of objects: the products of their last axes."""
    return plain(np.sum(wrapped(balls(a)) * b, axis=-1))


def matvec(a: Any, b: Any) -> Any:
    """`np.matvec`, of arrays of objects: stacks of matrices times stacks of vectors."""
    return product(a, np.asarray(plain(balls(b)))[..., None])[..., 0]


def vecmat(a: Any, b: Any) -> Any:
    """`np.vecmat`, of arrays of objects: stacks of vectors times stacks of matrices."""
    return product(np.asarray(plain(balls(a)))[..., None, :], b)[..., 0, :]


PRODUCTS.update(matmul=product, vecdot=vecdot, matvec=matvec, vecmat=vecmat)


def _pivoted(matrix: Objects, sides: Objects) -> tuple[Objects, Objects, int]:
    """Gaussian elimination with partial pivoting: the triangle, the right-hand sides, and the sign of the order."""
    a, b, sign, n = matrix.copy(), sides.copy(), 1, len(matrix)
    for i in range(n):
        sizes = [abs(float(enclosed(a[r, i]).mid())) for r in range(i, n)]
        pivot = i + int(np.argmax(sizes))
        if pivot != i:
            a[[i, pivot]], b[[i, pivot]], sign = a[[pivot, i]], b[[pivot, i]], -sign
        for r in range(i + 1, n):
            if enclosed(a[r, i]).is_zero() and not a[r, i].tracked:
                continue
            factor = a[r, i] / a[i, i]
            a[r, i + 1 :] = a[r, i + 1 :] - factor * a[i, i + 1 :]
            b[r] = b[r] - factor * b[i]
    return a, b, sign


def _solved(matrix: Objects, sides: Objects) -> Objects:
    """The solutions X of A X = B."""
    n = len(matrix)
    a, b, _ = _pivoted(matrix, sides)
    for i in range(n):
        if a[i, i].value.contains(0):
            raise Singular(a[i, i].value)
    result = np.empty(b.shape, object)
    for i in range(n - 1, -1, -1):
        row = b[i]
        for j in range(i + 1, n):
            row = row - a[i, j] * result[j]
        result[i] = row / a[i, i]
    return result


def Singular(pivot: Any) -> Exception:  # noqa: N802 - it stands for an exception
    """What is raised where a pivot is 0, or may be."""
    return np.linalg.LinAlgError("Singular matrix") if pivot.is_zero() else Undecided("whether a matrix is singular")


def _stacked(f: Callable[..., Any], *arrays: Any) -> Any:
    """The function of matrices, applied to stacks of them."""
    given = [np.asarray(plain(balls(each))) for each in arrays]
    lead = np.broadcast_shapes(*(each.shape[:-2] for each in given))
    if not lead:
        return f(*given)
    whole = [np.broadcast_to(each, lead + each.shape[-2:]) for each in given]
    results = [f(*(each[place] for each in whole)) for place in np.ndindex(lead)]
    first = balls(results[0])
    return np.stack([balls(each) for each in results]).reshape(lead + first.shape)


def _identity(n: int) -> Objects:
    return np.asarray(elements(np.eye(n)))


def _square(name: str, a: Any) -> None:
    shape = np.shape(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:  # noqa: PLR2004 - a matrix
        raise np.linalg.LinAlgError(f"{name}: expected square matrices, got shape {shape}")


@own(np.linalg.inv)
def _inv(a: Any) -> Any:
    _square("inv", a)
    return wrapped(_stacked(lambda m: _solved(m, _identity(len(m))), a))


@own(np.linalg.solve)
def _solve(a: Any, b: Any) -> Any:
    _square("solve", a)
    if np.ndim(b) == 1:
        return wrapped(_stacked(_solved, a, balls(b)[:, None]))[..., 0]
    return wrapped(_stacked(_solved, a, b))


def _determinant(matrix: Objects) -> Ball:
    """By elimination where there are pivots, else by minors: a singular matrix has a gradient too."""
    triangle, _, sign = _pivoted(matrix, np.empty((len(matrix), 0), object))
    diagonal = [triangle[i, i] for i in range(len(matrix))]
    if all(each.value.is_finite() and not each.value.contains(0) for each in diagonal):
        result = boxed(sign)
        for each in diagonal:
            result = result * each
        return result
    if len(matrix) > 6:  # noqa: PLR2004 - 720 products; beyond it takes too long
        raise Refused("np.linalg.det of a large singular matrix")
    return _by_minors(matrix)


def _by_minors(matrix: Objects) -> Ball:
    if not len(matrix):
        return Ball(arb(1))
    result = Ball(arb(0))
    for j in range(len(matrix)):
        term = matrix[0, j] * _by_minors(np.delete(matrix[1:], j, axis=1))
        result = result + (term if j % 2 == 0 else -term)
    return result


@own(np.linalg.det)
def _det(a: Any) -> Any:
    _square("det", a)
    return _stacked(_determinant, a)


@own(np.linalg.slogdet)
def _slogdet(a: Any) -> Any:
    found = _det(a)
    sign, size = (dispatch(ufunc, "__call__", (found,), {}) for ufunc in (np.sign, np.absolute))
    return (
        np.linalg._linalg.SlogdetResult(sign, np.log(size)) if hasattr(np.linalg, "_linalg") else (sign, np.log(size))
    )


@own(np.linalg.cholesky)
def _cholesky(a: Any, *, upper: bool = False) -> Any:
    _square("cholesky", a)
    lower = wrapped(_stacked(_lower, a))
    return np.swapaxes(lower, -1, -2) if upper else lower


def _lower(matrix: Objects) -> Objects:
    n = len(matrix)
    result = np.asarray(elements(np.zeros((n, n))))
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i, j]
            for k in range(j):
                rest = rest - result[i, k] * result[j, k]
            if i == j:
                _positive(rest.value)
                result[i, j] = UNARY["sqrt"](rest)
            else:
                result[i, j] = rest / result[j, j]
    return result


def _positive(pivot: Any) -> None:
    if pivot > 0:
        return
    if pivot <= 0:
        raise np.linalg.LinAlgError("Matrix is not positive definite")
    raise Undecided("whether a matrix is positive definite")


@own(np.linalg.qr)
def _qr(a: Any, mode: str = "reduced") -> Any:
    """By Gram and Schmidt, with the signs that LAPACK gives a matrix of full rank."""
    matrix = np.asarray(plain(balls(a)))
    if mode not in {"reduced", "r"} or matrix.ndim != 2 or matrix.shape[0] < matrix.shape[1]:  # noqa: PLR2004 - a matrix
        raise Refused("np.linalg.qr of such a shape or mode")
    middles = np.array([[float(enclosed(x).mid()) for x in row] for row in matrix])
    signs = np.where(np.diagonal(np.linalg.qr(middles)[1]) < 0, -1, 1)
    n = matrix.shape[1]
    triangle = np.asarray(elements(np.zeros((n, n))))
    columns: list[Any] = []
    for j in range(n):
        rest = matrix[:, j]
        for i, column in enumerate(columns):
            triangle[i, j] = np.sum(wrapped(column * matrix[:, j]))
            rest = rest - triangle[i, j] * column
        triangle[j, j] = UNARY["sqrt"](np.sum(wrapped(rest * rest))) * int(signs[j])
        columns.append(rest / triangle[j, j])
    q, r = wrapped(np.stack(columns, 1)), wrapped(triangle)
    return r if mode == "r" else (q, r)


@own(np.linalg.pinv)
def _pinv(a: Any, *args: Any, **options: Any) -> Any:
    del args, options
    matrix = np.asarray(plain(balls(a)))
    if matrix.ndim != 2:  # noqa: PLR2004 - a matrix
        raise Refused("np.linalg.pinv of a stack")
    n, m = matrix.shape
    if n >= m:
        return wrapped(_solved(product(matrix.T, matrix), matrix.T.copy()))
    return wrapped(_solved(product(matrix, matrix.T), matrix.copy()).T)


@own(np.linalg.lstsq)
def _lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    del rcond
    matrix, sides = balls(a), balls(b)
    if matrix.shape[0] < matrix.shape[1]:
        raise Refused("np.linalg.lstsq of a wide matrix")
    transposed = matrix.T
    solution = _solve(transposed @ matrix, transposed @ sides)
    rest = sides - matrix @ solution
    return solution, np.sum(rest * rest, axis=0), matrix.shape[1], None


@own(np.linalg.matrix_power)
def _matrix_power(a: Any, n: int) -> Any:
    base = wrapped(_inv(a)) if n < 0 else balls(a)
    result: Any = balls(np.eye(base.shape[-1]))
    for _ in range(abs(int(n))):
        result = result @ base
    return result


@own(np.linalg.multi_dot)
def _multi_dot(arrays: Any, *, out: Any = None) -> Any:
    del out
    result, *rest = [balls(each) for each in arrays]
    for each in rest:
        result = wrapped(product(result, each))
    return result


@own(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:  # noqa: A002 - numpy's name
    array = balls(x)
    if axis is None and array.ndim > 1:
        axis = tuple(range(array.ndim))
    if isinstance(axis, tuple) and len(axis) == 1:
        axis = axis[0]
    matrices = isinstance(axis, tuple)
    if ord is None or (ord == "fro" and matrices):
        return vector_norm(array, 2, axis, keepdims=keepdims)
    if matrices:
        return _of_matrices(abs(array), ord, axis, keepdims=keepdims)
    if isinstance(ord, str) or ord == 0:
        raise Refused(f"np.linalg.norm with ord={ord!r}")
    return vector_norm(array, ord, axis, keepdims=keepdims)


def vector_norm(array: Any, order: Any, axis: Any, *, keepdims: Any) -> Any:
    """The norm of the numbers along some axes, of any order but 0."""
    if order == 2:  # noqa: PLR2004 - Euclid's
        return np.sqrt(np.sum(array * array, axis=axis, keepdims=keepdims))
    size = abs(array)
    if order in {np.inf, -np.inf}:
        return (np.max if order > 0 else np.min)(size, axis=axis, keepdims=keepdims)
    if order == 1:
        return np.sum(size, axis=axis, keepdims=keepdims)
    return np.sum(size**order, axis=axis, keepdims=keepdims) ** (Ball(arb(1)) / order)


def _of_matrices(size: Any, order: Any, axis: Any, *, keepdims: Any) -> Any:
    if keepdims or order not in {1, -1, np.inf, -np.inf}:
        raise Refused(f"np.linalg.norm of matrices with ord={order!r}")
    down, along = (axis[0], axis[1]) if abs(order) == 1 else (axis[1], axis[0])
    sums = np.sum(size, axis=down)
    rest = along - 1 if along > down else along
    return (np.max if order > 0 else np.min)(sums, axis=rest)
