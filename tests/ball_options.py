"""Options of numpy's functions, each as a function and the arrays for which it is asked on balls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.gradients import drawn
from tests.operations import BOX, LINE, POSITIVE, ROW, SQUARE, WIDE, A, B

Array = NDArray[Any]
CHOSEN = A > 0
GAPS = np.where((A[0, 1] == A) | (A[1, 0] == A) | (A[2, 3] == A), np.nan, 0.0)


def gaps(x: Any) -> Any:
    """The numbers, three of which are missing."""
    return np.where(np.isnan(GAPS), np.nan, x)


def into(function: Callable[..., Any], like: Callable[[Array], Array] = lambda x: x[:, 0]) -> Callable[..., Any]:
    """A function that writes its result into an array, which is what it gives."""

    def written(x: Any) -> Any:
        out = np.full_like(like(x), 7.0)
        function(x, out)
        return out

    return written


FORMS: list[tuple[Callable[..., Any], tuple[Array, ...]]] = [
    # Reductions: all that numpy takes by its place, and all options together
    (lambda x: np.sum(x, 1, None, None, True), (A,)),
    (lambda x: np.sum(x, (0, -1), keepdims=True, where=B > 0, initial=0.0), (A,)),
    (lambda x: np.prod(x, -2, None, None, True, initial=1.0), (A,)),
    (lambda x: np.max(x, 1, None, True) - np.min(x, 0, None, True), (A,)),
    (lambda x: np.max(x, 0, keepdims=True, initial=-np.inf, where=B < 9), (A,)),
    (lambda x: np.add.reduce(x) * np.multiply.reduce(x, keepdims=True), (A,)),
    (lambda x: np.mean(x, 1, keepdims=True, where=[True, False, True, True]), (A,)),
    (lambda x: np.mean(x, where=CHOSEN), (A,)),
    (into(lambda x, out: np.mean(x, 1, None, out, where=[True, False, True, True])), (A,)),
    (into(lambda x, out: np.sum(x, axis=1, out=out, where=[True, False, True, True])), (A,)),
    (into(lambda x, out: np.prod(x, 1, None, out)), (A,)),
    (into(lambda x, out: np.min(x, 1, out)), (A,)),
    (into(lambda x, out: np.var(x, 1, None, out, 1)), (A,)),
    (into(lambda x, out: np.std(x, 1, ddof=2, out=out)), (A,)),
    (into(lambda x, out: np.ptp(x, 1, out)), (A,)),
    (into(lambda x, out: np.add.reduce(x, axis=1, out=out)), (A,)),
    (into(lambda x, out: np.round(x[:, 0], 1, out)), (A,)),
    (into(lambda x, out: np.clip(x[:, 0], -1, 0.5, out)), (A,)),
    (lambda x: np.var(x, -1, None, None, 2, True), (A,)),
    (lambda x: np.var(x, (0, 1), ddof=3, keepdims=True), (A,)),
    (lambda x: np.var(x, axis=1, correction=2.0, keepdims=True), (A,)),
    (lambda x: np.std(x, 0, ddof=1, keepdims=True), (A,)),
    (lambda x: x.var(1, ddof=1) + x.std(0, ddof=1)[0] + x.mean(1), (A,)),
    (lambda x: np.average(x, 0, ROW[:3] ** 2, keepdims=True), (A,)),
    (lambda x: np.average(x, 1, POSITIVE), (A,)),
    (lambda x: np.average(x, 2) * np.average(x, (0, 1))[:3], (BOX,)),
    (lambda x: np.average(x, weights=A**2, keepdims=True), (A,)),
    (lambda x: np.clip(x, -0.5, None) * np.clip(x, None, 0.5) + np.clip(x, min=ROW), (A,)),
    (lambda x: np.clip(x, A - 0.25, A + 0.25), (A * 1.5,)),
    (lambda x: np.ptp(x, -1) @ np.ptp(x, (0,)).reshape(4)[:3], (A,)),
    # Comparisons that only one option decides
    *((lambda x, o=o: np.where(np.isclose(x, A + 1e-4, **o), x, 3 * x), (A,)) for o in (
        {}, {"rtol": 1e-3}, {"atol": 1e-3}, {"rtol": 0.0, "atol": 1.1e-4}, {"rtol": 0.0, "atol": 0.9e-4},
    )),
    *((lambda x, o=o: x * (2 if np.allclose(x, A + 1e-4, **o) else 3), (A,)) for o in (
        {}, {"rtol": 1.0}, {"atol": 1e-3}, {"rtol": 0.0, "atol": 0.9e-4},
    )),
    (lambda x: x * (2 if np.array_equal(x, A[:2]) else 3) * (5 if np.array_equal(x > 0, CHOSEN) else 7), (A,)),
    # Arrays like others
    (lambda x: x + np.zeros_like(x, int) + np.ones_like(x, dtype=float) * 2 + np.full_like(x, 2.75, int), (A,)),
    (lambda x: np.full_like(x, 2.5, shape=(2, 4)) * x[:2] + np.ones_like(x, shape=4), (A,)),
    (lambda x: np.full_like(x, x[0, 0]) * x + np.full_like(np.arange(4), 3.7) + np.full_like(ROW, 3.7), (A,)),
    (lambda x: np.ones_like(x, None) * x + np.empty_like(x).size, (A,)),
    # Several at once, with options that numpy's own code takes
    (lambda x: np.concatenate([x, x[:1]], axis=0, dtype=float) * np.trace(x, 1, dtype=float), (A,)),
    (lambda x: np.apply_along_axis(lambda row, by, plus=0: row[:3] * by + plus, 1, x, 2, plus=3), (A,)),
    (lambda x: np.apply_along_axis(lambda row: row[:2], 0, x), (A,)),
    (lambda x: np.where(x[0, 0] > 0, x, 2 * x) + np.where(x > 0)[0].sum() + np.where(CHOSEN, x, 2.0), (A,)),
    (lambda x: x[np.argsort(x, 0), np.arange(4)] * np.argsort(x), (A,)),
    (lambda x: np.take_along_axis(x, np.argsort(x, axis=1, kind="stable"), 1), (A,)),
    (into(lambda x, out: np.copyto(out, x[:, 0], where=CHOSEN[:, 0])), (A,)),
    (into(lambda x, out: np.copyto(out, x[0, 1])), (A,)),
    # Statistics
    (lambda x: np.median(x, 0, None, False, True) * np.median(x, (0, 1)), (A,)),
    (lambda x: np.quantile(x, [0.0, 0.35, 1.0], 1, keepdims=True), (A,)),
    (lambda x: np.percentile(x, [0, 35, 100], 0) * np.percentile(x, 50), (A,)),
    (lambda x: np.quantile(x, np.array([[0.1, 0.9]])), (LINE,)),
    (lambda x: np.cov(x, rowvar=False, bias=True) + np.cov(x.T, ddof=1) + np.cov(x[0], rowvar=False), (A,)),
    (lambda x: np.cov(x, bias=True, ddof=2) * np.corrcoef(x, rowvar=True), (A,)),
    # Differences
    (lambda x: np.gradient(x, 0.5, axis=1), (A,)),
    (lambda x: np.gradient(x, 0.5, 2.0, axis=(1, 0))[1] + np.gradient(x, 3.0)[0], (A,)),
    (lambda x: np.gradient(x[0, :2]), (A,)),
    (lambda x: np.interp(x, [-0.75, 0.25, 0.5], ROW[:3]), (A,)),
    (lambda x: np.interp(x, [-0.75, 0.25, 0.5], ROW[:3], left=9.0), (A,)),
    (lambda x: np.interp(x, [-0.75, 0.25, 0.5], ROW[:3], right=9.0), (A,)),
    (lambda x: np.interp([-2.0, 0.0, 0.3, 2.0], [-0.75, 0.25, 0.5], x[0, :3], left=x[1, 1], right=x[2, 2]), (A,)),
    (lambda y: np.trapezoid(y, dx=0.5, axis=0), (A,)),
    (lambda y: np.trapezoid(y, [0.0, 0.5, 3.0], axis=0), (A,)),
    (lambda y, x: np.trapezoid(y, x, 0.0, 0), (A, np.cumsum(POSITIVE, axis=0))),
    (lambda x: np.cumsum(x, -2) + np.cumprod(x, 0), (A,)),
    # Products
    (lambda x: np.vdot(x, B) * np.inner(x, 2.0) + np.inner(3.0, x), (A,)),
    (lambda x: np.inner(x, BOX), (A,)),
    (lambda x: np.dot(x, 2.0) + np.dot(3.0, x) + np.dot(x[0, 0], 3.0), (A,)),
    (lambda x: np.dot(x, BOX.transpose(0, 2, 1)) * np.dot(BOX, x[0])[0, 0], (A,)),
    (lambda x: np.tensordot(x, BOX, ([0], [1])) + np.tensordot(x, x, 2), (A,)),
    (lambda x: np.tensordot(x, BOX, ([0, 1], [1, 2])), (A,)),
    (lambda x: np.tensordot(x, ROW, 0)[1], (A,)),
    (lambda x: np.einsum("ij,kj->ki", x, B), (A,)),
    (lambda x: np.einsum("ij,ij->j", x, B), (A,)),
    (lambda x: np.einsum("ij,kl->jl", x, B), (A,)),
    (lambda x: np.einsum("ii,ij->i", x, WIDE[:3]), (SQUARE,)),
    (lambda x: np.einsum("bij,jb->bi", x, drawn(4, 2)), (BOX,)),
    (lambda x: np.einsum("ij,j", x, ROW) * np.einsum("i j, j -> i", x, ROW), (A,)),
    (lambda x: np.bincount([0, 2, 2, 1], x[0], 5) + np.bincount([0, 1, 1], minlength=5), (A,)),
    (lambda x: np.round(x, 2) * x + np.round(40 * x, -1) + np.round(x, decimals=1), (A,)),
    (lambda x: x * np.searchsorted([-1.0, 0.5, 1.0], 0.5) + np.searchsorted(x[0, :1], [[0.5, -3.0]]).sum(), (A,)),
    (lambda x: x * np.searchsorted([-1.0, 0.5, 1.0], 0.5, "right"), (A,)),
    (lambda x: x * np.searchsorted(np.array([1.0, -1.0, 0.5]), 0.7 + 0 * x, sorter=[1, 2, 0]), (A,)),
    (lambda x: np.piecewise(x, [CHOSEN], [2.0, lambda t: t * t]) + np.piecewise(x, [x > 9], [5.0]), (A,)),
    (lambda x: np.piecewise(x, [[True, False, True, False]], [lambda t, by, plus=0: by * t + plus], 3, plus=2), (ROW,)),
    (lambda x: np.unique(np.concatenate([x, x[:2], [0.5, 0.5]])), (LINE,)),
    # What skips what is no number
    (lambda x: np.nansum(gaps(x), 1, keepdims=True) * np.nanprod(gaps(x), axis=0), (A,)),
    (lambda x: np.nanmean(gaps(x), 1, keepdims=True), (A,)),
    (lambda x: np.nanmean(gaps(x), axis=(0, 1)), (A,)),
    (lambda x: np.nanmean(x, 1, where=CHOSEN), (A,)),
    (lambda x: np.nanmax(x, 0, keepdims=True) - np.nanmin(x), (A,)),
    (into(lambda x, out: np.nanmax(gaps(x), 1, out)), (A,)),
    (into(lambda x, out: np.nanmean(x, 1, out=out)), (A,)),
    (lambda x: np.nanvar(gaps(x), 1, ddof=1, keepdims=True) + np.nanstd(x, 1, ddof=1), (A,)),
    (lambda x: np.nanquantile(gaps(x), [0.2, 0.8], 1), (A,)),
    (lambda x: np.nan_to_num(gaps(x)) * x, (A,)),
    (lambda x: np.nan_to_num(x, nan=3.0) + np.nan_to_num(GAPS, nan=3.0) * x, (A,)),
    (lambda x: x * np.nanargmax(gaps(x), 1)[:, None] + x[:, [0]] * np.nanargmin(gaps(x), axis=0).sum(), (A,)),
    # Linear algebra
    *((lambda x, o=o: np.linalg.norm(x, **o), (A,)) for o in (
        {"ord": 2, "axis": 1}, {"ord": None, "axis": (0, 1)}, {"ord": "fro", "keepdims": True}, {"axis": -1},
        {"ord": -np.inf, "axis": 1, "keepdims": True}, {"ord": 1.5, "axis": 0}, {"ord": -1, "axis": (1, 0)},
        {"ord": np.inf, "axis": (0, 1)}, {"ord": 1, "axis": (0,), "keepdims": True},
    )),
    (lambda x: np.linalg.norm(x, ord=1, axis=(1, 2)) + np.linalg.norm(x, ord=-1, axis=(2, 0))[:2], (BOX,)),
    (lambda x: np.linalg.cholesky(x @ x.T + np.eye(3), upper=True), (SQUARE,)),
    (lambda x: np.linalg.matrix_power(x, 2) + np.linalg.matrix_power(x, -1) + np.linalg.matrix_power(x, 0), (SQUARE,)),
    (lambda x: np.linalg.inv(x[::-1]) * np.linalg.slogdet(x)[0] + np.linalg.det(x[::-1]), (SQUARE,)),
    (lambda x: np.linalg.solve(x[::-1], drawn(3, 2)) + np.linalg.solve(x, ROW[:3])[:, None], (SQUARE,)),
    (lambda x: np.linalg.det(x) + np.linalg.det(x[1:, 1:]), (SQUARE,)),
    (lambda x: x * np.linalg.det(x[:0, :0]), (SQUARE,)),
    (lambda x: np.linalg.multi_dot([x[0], WIDE, drawn(2)]), (A,)),
    (lambda x: sum(np.linalg.lstsq(x, drawn(4, 2), rcond=None)[::2]), (WIDE,)),
    # Entries that are written
    (lambda x: (y := x.copy(), np.fill_diagonal(y, 2.5))[0] * x, (SQUARE,)),
    (lambda x: (y := x.copy(), np.put(y, [1, -1], x[0, :2]))[0] * x, (A,)),
    (lambda x: (y := x.copy(), np.place(y, CHOSEN, [0.5, 2.0]))[0] * x, (A,)),
    (lambda x: (y := x.copy(), np.put_along_axis(y, np.argmax(A, 1)[:, None], 9.0, axis=1))[0] * x, (A,)),
    (lambda x: (y := x.copy(), y.put([1, 99], [2.0, 3.0], mode="clip"))[0] * x, (A,)),
    (lambda x: (y := x.copy(), np.maximum.at(y, (0, [1, 2]), 0.5))[0] * x, (A,)),
    (lambda x: np.add(x, 1.0, where=CHOSEN, out=2 * x) + np.multiply(x, x, out=x.copy()), (A,)),
]  # fmt: skip
