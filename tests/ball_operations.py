"""Operations of numpy that only ball arithmetic knows, with their options: functions, with the arrays they take."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.gradients import drawn
from tests.operations import BOX, LINE, POSITIVE, ROW, SQUARE, WIDE, A, Array, B, Function

OPEN = A > -0.5
WHOLE = np.round(4 * A)
OUTSIDE, ROWS = np.empty((3, 4)), np.empty(4)

#: Reductions that skip NaN.
SKIPPING = (np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin, np.nanmedian)


def gaps(x: Array) -> Array:
    """An array with NaN at some places."""
    return np.where(OPEN | (B > 1), x, np.nan)


#: What has a value and a gradient.
FORMS: list[tuple[Function, tuple[Array, ...]]] = [
    # Options of sums
    *(
        (lambda x, f=f, o=options: f(x * x[:, :1], **o), (POSITIVE,))
        for f in (np.sum, np.mean, np.prod)
        for options in ({"where": OPEN}, {"axis": 1, "where": OPEN}, {"axis": 0, "keepdims": True, "where": OPEN})
    ),
    *((lambda x, f=f: f(x, axis=1, where=OPEN, initial=f(())), (A,)) for f in (np.add.reduce, np.multiply.reduce)),
    (lambda x: np.max(x, 1, where=OPEN, initial=-np.inf) * np.min(x, 0, where=A < 1, initial=np.inf)[:3], (A - 1,)),
    *((lambda x, f=f: f(x, axis=(1, 0)), (A,)) for f in (np.nansum, np.nanmean, np.nanmax, np.nanmin)),
    *((lambda x, f=f: f(x, axis=0, ddof=1), (A,)) for f in (np.nanvar, np.nanstd)),
    # What skips NaN, with NaN among constants or made on the way
    *((lambda x, f=f, o=o: f(gaps(x), **o), (A,)) for f in SKIPPING for o in (
        {}, {"axis": 0}, {"axis": 1, "keepdims": True},
    )),
    *((lambda x, f=f: f(gaps(x) * 2, 1, where=B < 1), (A,)) for f in (np.nanmean, np.nanvar, np.nanstd)),
    *((lambda x, f=f: f(gaps(x), [0.25, 0.5], axis=1), (A,)) for f in (np.nanquantile,)),
    *((lambda x, f=f: f(gaps(x), axis=1), (A,)) for f in (np.nancumsum, np.nancumprod)),
    (lambda x: np.nanpercentile(gaps(x), 40, axis=0) * np.fmax.reduce(gaps(x), axis=0), (A,)),
    (lambda x: np.take(x, np.nanargmax(gaps(x), axis=1) + np.nanargmin(gaps(x))) * x[:, 0], (A,)),
    (lambda x: np.max(x, axis=(0, 2)) * np.min(x, axis=(0, 1))[:3], (BOX,)),
    (lambda x: np.prod(x, axis=(0, 2), keepdims=True) * x, (BOX,)),
    (lambda x: np.ptp(x, axis=1, keepdims=True) * x, (A,)),
    (lambda x: np.var(x, axis=1, correction=1), (A,)),
    (lambda x: np.var(x, axis=0, mean=x.mean(axis=0, keepdims=True)), (A,)),
    (lambda x: np.std(x, 1, keepdims=True) * x, (A,)),
    (lambda x: np.average(x, axis=1), (A,)),
    *((lambda x, f=f: f.reduce(x, axis=1), (POSITIVE,)) for f in (np.logaddexp, np.hypot, np.fmax, np.fmin)),
    *((lambda x, f=f: f.accumulate(x, axis=1) * x, (POSITIVE,)) for f in (np.add, np.multiply, np.maximum)),
    (lambda x: np.cumprod(x) * np.arange(12.0), (POSITIVE,)),
    (lambda x: np.cumprod(x, axis=1) + np.cumsum(x, axis=0) * np.cumsum(x, 1), (POSITIVE,)),
    *((lambda x, f=f: f.outer(x[0], x[1:, 1]), (POSITIVE,)) for f in (np.subtract, np.multiply, np.arctan2)),
    # Results that are written into arrays of balls
    *((lambda x, f=f: into(f, x, axis=1), (POSITIVE,)) for f in (np.sum, np.mean, np.var, np.std, np.max, np.ptp)),
    (lambda x: into(lambda x, out: np.clip(x[:, 0], -0.5, 0.75, out=out), x), (A,)),
    (lambda x: into(lambda x, out: np.multiply(x[:, 0], x[:, 1], out=out), x), (A,)),
    (lambda x: into(lambda x, out: np.copyto(out, x[:, 0] ** 2), x), (A,)),
    (lambda x: into(lambda x, out: np.copyto(out, x[:, 0] ** 2, where=x[:, 1] > 0), x), (A,)),
    (lambda x: into(lambda x, out: np.add.at(out, [0, 2, 0], x[0, :3]), x), (A,)),
    (lambda x: into(lambda x, out: np.multiply.at(out, [1, 1], x[0, 0]), x), (A,)),
    # Elementwise
    (lambda x: np.floor(x) * x + np.ceil(x) * x**2 + np.trunc(x) * x + np.rint(3 * x) * x, (A,)),
    (lambda x: np.round(x, 1) * x + np.round(10 * x, -1) * x + np.around(x) * x + x.round(2) * x, (A,)),
    (lambda x: np.round(WHOLE / 2 + 0.5 + 0 * x) * x, (A,)),
    (lambda x: np.sinc(x) * np.nan_to_num(x), (A,)),
    (lambda x: np.nan_to_num(np.where(x > 0, x, np.nan), nan=0.25) * x, (A,)),
    (lambda x: np.where(np.isnan(x) | np.isinf(x) | ~np.isfinite(x), 0, x) * x, (A,)),
    (lambda x: np.where(np.isclose(x, A, rtol=0, atol=1e-3), x, 2 * x), (np.where(OPEN, A, A + 1),)),
    (lambda x: np.where(np.isclose(x, A * (1 + 1e-6)), x, 2 * x), (np.where(OPEN, A, A + 1),)),
    (lambda x: x * (2 if np.allclose(x, A) else 3) + x * (5 if np.allclose(x, B) else 7), (A,)),
    (lambda x: x * (2 if np.array_equal(x // 1, A // 1) else 3 if np.array_equal(x // 1, B // 1) else 5), (A,)),
    (lambda x: x * (2 if np.array_equal(x, ROW) else 3), (A,)),
    (lambda x: np.fmax(x, np.where(B > 0, B, np.nan)) + np.fmin(np.where(B > 0, B, np.nan), x), (A,)),
    (lambda x: np.where(np.logical_xor(x > 0, B > 0), x, np.where(np.logical_and(x > 0, x < 1), x * x, 3 * x)), (A,)),
    (lambda x: np.where(np.logical_or(x > 1, np.logical_not(x > -1)), x, x * x) + np.signbit(x) * x, (A,)),
    (lambda x: np.piecewise(x, [x < -0.5, x > 0.5], [lambda t: t * t, lambda t: 3 * t, 0.25]) * x, (A,)),
    (lambda x: np.piecewise(x, [x < 0, x >= 0], [-1.0, lambda t, by: by * t], 4.0) * x, (A,)),
    (lambda x: np.select([x < -0.5, x > 0.5], [x * x, 3 * x], default=x**3), (A,)),
    (lambda x: np.choose(np.array([0, 1, 1, 0]), [x, x * x]), (A,)),
    (lambda x: np.clip(x, x.min(axis=0) + 0.25, None) + np.clip(x, None, ROW), (A,)),
    (lambda x: x.astype(float) * x.real + x.conj() - x.item(1, 2) + x.flat[3], (A,)),
    # Order and statistics
    *((lambda x, f=f, o=o: f(x * 2, **o), (A,)) for f in (np.median, np.nanmedian) for o in (
        {}, {"axis": 0}, {"axis": 1}, {"axis": 1, "keepdims": True}, {"axis": (0, 1)},
    )),
    *((lambda x, q=q, o=o: np.quantile(x, q, **o), (A,)) for q in (0.3, [0.25, 0.9], 1.0, [0.0]) for o in (
        {}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"method": "linear"},
    )),
    (lambda x: np.percentile(x, 30, axis=1) + np.nanpercentile(x, [10, 60, 95], axis=None), (A,)),
    *((lambda x, o=o: np.cov(x, **o), (A,)) for o in ({}, {"rowvar": False}, {"bias": True}, {"ddof": 2}, {"ddof": 0})),
    (lambda x: np.cov(x[0]) * x, (A,)),
    (np.corrcoef, (A,)),
    (lambda x: np.corrcoef(x, rowvar=False)[:2], (drawn(5, 3),)),
    (lambda x: np.sort(x, axis=None) * np.arange(12.0) + np.sort(x.ravel()), (A,)),
    (lambda x: np.unique(np.append(x, x[0])) * np.arange(12.0), (A,)),
    (lambda x: x * (1 + np.searchsorted(np.sort(x.ravel()), 0.1)) + x[np.searchsorted(x[0] * 0, x[:, 0]) % 3], (A,)),
    (lambda x: x * np.searchsorted(np.arange(-3.0, 4), WHOLE + 0 * x, side="right"), (A,)),
    (lambda x: x * np.searchsorted(np.arange(-3.0, 4), WHOLE + 0 * x), (A,)),
    (lambda x: x * np.searchsorted(x[0], 0.2, sorter=np.argsort(x[0])), (A,)),
    (lambda x: x.ravel()[np.argsort(x, axis=None)] * x.ravel() + x.max() * x.argmax() + x.argmin(), (A,)),
    (lambda x: np.take_along_axis(x, np.argsort(x, axis=0), 0) * x + np.take_along_axis(x, x.argsort(1), 1), (A,)),
    (lambda x: x[x.argmax(axis=0), range(4)] * x[x.argmin(axis=0), range(4)], (A,)),
    # Differences, interpolation and integration
    *((lambda x, o=o: np.gradient(x, **o), (A,)) for o in ({"axis": 0}, {"axis": 1}, {"axis": -1})),
    (lambda x: np.gradient(x, 0.5, axis=1) * np.gradient(x, 2.0, 0.25)[0] + np.gradient(x, 0.5)[1], (A,)),
    (np.gradient, (LINE,)),
    (lambda x: np.interp(x, np.arange(-2.0, 3.0), LINE), (A,)),
    (lambda x, y: np.interp(x, [-0.5, 0.25, 1.5], y), (A, drawn(3))),
    (lambda x: np.interp(x, [-0.5, 0.25, 0.75], [1.0, 3.0, 2.0], left=0.5, right=-0.5) * x, (A,)),
    (lambda x: np.interp(x[0, 0], [-3.0, 0.25, 4.0], ROW[:3]), (A,)),
    (lambda y: np.trapezoid(y) * y[:, 0], (A,)),
    (lambda y, x: np.trapezoid(y, np.cumsum(x * x, axis=1), axis=1), (A, POSITIVE)),
    (lambda y, x: np.trapezoid(y, np.cumsum(x * x, axis=0), axis=0), (A, POSITIVE)),
    (lambda x: np.convolve(x, LINE[:3]) * np.arange(7.0), (LINE,)),
    (lambda x: np.polyval(ROW, x) + np.polyval(x[0], 0.5), (A,)),
    (lambda x: np.apply_along_axis(lambda row: row * row.sum(), 1, x), (A,)),
    (lambda x: np.apply_along_axis(np.sum, 0, x), (A,)),
    (lambda x: np.apply_along_axis(lambda row: row[:2] * row[-1], 0, x) * ROW, (A,)),
    # Products and linear algebra
    (lambda x: np.inner(x, B) @ np.inner(x, ROW) * np.inner(x[0, 0], 2.0), (A,)),
    (lambda x: np.vdot(x, B) * x, (A,)),
    (lambda x: np.dot(A, x), (BOX.transpose(0, 2, 1),)),
    (lambda x: np.dot(x[0, 0], x) + np.dot(x, 3.0) + np.dot(x[0, 0], x[0, 1]), (A,)),
    (lambda x: np.kron(x, ROW[:2]), (A,)),
    *((lambda x, y, s=s: np.einsum(s, x, y), (BOX, drawn(2, 4, 2))) for s in (
        "bij,bjk->bik", "bij,bjk->bki", "bij,bjk->ik", "bij,bjk->", "bij,bjk", "bij, bjk -> kbi",
        "bij,cjk->bcik", "...ij,...jk->...ik",
    )),
    (lambda x: np.einsum("ii->i", x) * np.einsum("ii", x), (SQUARE,)),
    (lambda x: np.einsum("ij,ik,il->jkl", x, A, x), (drawn(3, 2),)),
    (lambda x: np.einsum("ij,jk", x, WIDE), (A,)),
    (lambda x: np.tensordot(x, A, 0)[0, 1], (BOX,)),
    (lambda x: np.tensordot(x, A, ((-2, -1), (0, 1))), (BOX,)),
    *((f, (BOX, drawn(4))) for f in (getattr(np, name, None) for name in ("vecdot", "matvec")) if f is not None),
    *((lambda x, f=f: f(drawn(3), x), (BOX,)) for f in (getattr(np, "vecmat", None),) if f is not None),
    (np.linalg.inv, (drawn(4, 4) + 3 * np.eye(4)[::-1],)),
    (np.linalg.solve, (drawn(2, 3, 3) + 3 * np.eye(3)[::-1], drawn(2, 3, 2))),
    (np.linalg.det, (drawn(4, 4) + 3 * np.eye(4)[::-1],)),
    (np.linalg.det, (np.arange(9.0).reshape(3, 3),)),
    (np.linalg.det, (np.outer([1.0, 2.0, 3.0, 4.0], [1.0, -1.0, 2.0, 0.5]),)),
    (lambda x: np.linalg.slogdet(x)[0] * np.linalg.slogdet(x)[1], (drawn(2, 3, 3) + 3 * np.eye(3)[::-1],)),
    (lambda x: np.linalg.cholesky(x @ x.T + np.eye(3)), (A,)),
    (lambda x: np.linalg.cholesky(x @ x.transpose(0, 2, 1) + np.eye(3)), (BOX,)),
    (lambda x: np.linalg.qr(x)[0] * 2, (drawn(4, 3),)),
    (lambda x: np.linalg.qr(x)[1] @ np.linalg.qr(-x, "r"), (drawn(4, 3),)),
    (np.linalg.pinv, (drawn(4, 2),)),
    (np.linalg.pinv, (drawn(2, 4),)),
    (lambda x, b: np.linalg.lstsq(x, b, rcond=None)[0], (drawn(4, 2), drawn(4))),
    (lambda x, b: np.linalg.lstsq(x, b, rcond=None)[1], (drawn(4, 2), drawn(4, 3))),
    *((lambda x, n=n: np.linalg.matrix_power(x, n), (SQUARE / 4,)) for n in (0, 1, 3, -1, -2)),
    (lambda x: np.linalg.multi_dot([x, WIDE, drawn(2, 3)]), (A,)),
    *((lambda x, o=o: np.linalg.norm(x, **o), (LINE,)) for o in (
        {}, {"ord": 1}, {"ord": 3}, {"ord": np.inf}, {"ord": -np.inf}, {"ord": 2, "keepdims": True}, {"ord": 0.5},
    )),
    *((lambda x, o=o: np.linalg.norm(x, **o), (A,)) for o in (
        {"keepdims": True}, {"ord": "fro"}, {"ord": 1}, {"ord": -1}, {"ord": np.inf}, {"ord": -np.inf},
        {"ord": 3, "axis": 0}, {"ord": 1, "axis": 1, "keepdims": True}, {"axis": (1,)}, {"ord": np.inf, "axis": (1, 0)},
    )),
    *((lambda x, o=o: np.linalg.norm(x, **o), (BOX,)) for o in (
        {"axis": (0, 2)}, {"ord": 1, "axis": (2, 0)}, {"ord": -np.inf, "axis": (0, 1)}, {"ord": "fro", "axis": (1, 2)},
        {"axis": (0, 1), "keepdims": True}, {"ord": np.inf, "axis": (0, 2)},
    )),
    # Places
    (lambda x: np.dstack([x, B]) * np.arange(2.0) + np.block([[x], [B]])[:3, :, None], (A,)),
    (lambda x: np.rot90(x) @ np.fliplr(x) + np.flipud(x).T @ x, (A,)),
    (lambda x: np.insert(x, 1, 2 * x[0], axis=0) * np.delete(x, 0, axis=1)[:, :1][[0, 1, 2, 0]], (A,)),
    (lambda x: sliding_window_view(x, 2, axis=1).sum(axis=-1) ** 2, (A,)),
    (lambda x: np.zeros_like(x) + np.ones_like(x) * x + np.full_like(x, 2.0) * x**2, (A,)),
    (lambda x: np.zeros_like(x, shape=4) + x, (A,)),
    (lambda x: np.ones_like(x, dtype=int) * x + np.full_like(B, 3) * x + np.full_like(x, 3, dtype=int) // 2, (A,)),
    (lambda x: x * np.meshgrid(x[0], x[:, 0])[0], (A,)),
    (lambda x: np.tri(3, 4) * x + np.vander(x[0], 3)[:, 0], (A,)),
]  # fmt: skip


def into(function: Function, x: Array, **options: object) -> Array:
    """What a function writes into an array that is made like its argument."""
    out = np.ones_like(x[:, 0])
    function(x, out=out, **options)
    return out * x[:, 1]


#: What is refused.
REFUSED: list[tuple[Function, tuple[Array, ...]]] = [
    *((lambda x, f=f: f(x, initial=2.0), (A,)) for f in (np.sum, np.prod, np.max, np.min)),
    (lambda x: np.sum(x, axis=0, out=ROWS), (A,)),
    (lambda x: np.hypot.reduce(x, axis=0, where=OPEN), (A,)),
    (lambda x: np.add(x, 1.0, out=OUTSIDE), (A,)),
    (lambda x: np.divmod(x, 2.0, out=(OUTSIDE, OUTSIDE)), (A,)),
    (lambda x: np.copyto(OUTSIDE, x), (A,)),
    (lambda x: np.nan_to_num(x / 0), (A,)),
    (lambda x: np.average(x, weights=A, returned=True)[0], (A,)),
    (lambda x: np.var(x, where=OPEN), (A,)),
    (lambda x: np.quantile(x, 0.5, method="nearest"), (A,)),
    (lambda x: np.cov(x, B), (A,)),
    (lambda x: np.cov(x, fweights=np.arange(4)), (A,)),
    (lambda x: np.gradient(x, edge_order=2), (LINE,)),
    (lambda x: np.gradient(x, np.arange(5.0)), (LINE,)),
    (lambda x: np.interp(x, [0.0, 1.0], [1.0, 2.0], period=1.0), (A,)),
    (lambda x: np.dot(x, WIDE, out=OUTSIDE[:, :2]), (A,)),
    (lambda x: np.unique(x, return_counts=True)[0], (A,)),
    (lambda x: np.linalg.norm(x, 0), (LINE,)),
    (lambda x: np.linalg.norm(x, 2), (A,)),
    (lambda x: np.linalg.norm(x, "nuc"), (A,)),
    (lambda x: np.linalg.norm(x, 1, axis=(0, 1), keepdims=True), (A,)),
    (lambda x: np.linalg.qr(x)[0], (A,)),
    (lambda x: np.linalg.qr(x, "complete")[0], (drawn(4, 3),)),
    (np.linalg.pinv, (BOX,)),
    (lambda x: np.linalg.lstsq(x, drawn(3), rcond=None)[0], (A,)),
    (np.linalg.det, (np.outer(np.arange(7.0), np.arange(7.0)),)),
    (lambda x: np.einsum(x, [0, 1], [1, 0]), (A,)),
    (lambda x: np.einsum("ij,jk->ik", x, WIDE, out=OUTSIDE[:, :2]), (A,)),
    (lambda x: np.matmul(x, WIDE, axes=[(0, 1), (0, 1), (0, 1)]), (A.T,)),
    (lambda x: np.fft.fft(x).real, (A,)),
    (lambda x: np.linalg.eigvalsh(x @ x.T), (A,)),
]  # fmt: skip
