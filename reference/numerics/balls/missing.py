"""numpy's functions that skip or replace what is no number, on balls: ``np.nansum`` and its kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb

from reference.numerics.balls.array import balls, of_numbers, plain, wrapped
from reference.numerics.balls.functions import is_absent, own, rows_along, stored
from reference.numerics.balls.scalar import Ball, is_missing
from reference.numerics.balls.tape import Refused


def _missing(array: Any) -> Any:
    numbers = plain(array)
    found = np.array([is_missing(number) for number in numbers.ravel()], dtype=bool)
    return found.reshape(numbers.shape)


def _with_neutral(function: Callable[..., Any], neutral: float) -> Callable[..., Any]:
    """A function that takes a number that changes nothing for each that is missing."""

    def form(a: Any, *args: Any, **options: Any) -> Any:
        array = balls(a)
        missing = _missing(array)
        return function(np.where(missing, neutral, array) if missing.any() else array, *args, **options)

    return form


for _function, _other, _neutral in (
    (np.nansum, np.sum, 0.0),
    (np.nanprod, np.prod, 1.0),
    (np.nancumsum, np.cumsum, 0.0),
    (np.nancumprod, np.cumprod, 1.0),
):
    own(_function)(_with_neutral(_other, _neutral))


def _row_by_row(skipping: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of what is left of each row; of a row of which nothing is left it is NaN."""
    parameters = inspect.signature(skipping)

    def form(*args: Any, **given: Any) -> Any:
        options = dict(parameters.bind(*args, **given).arguments)
        array, axis, out = balls(options.pop("a")), options.pop("axis", None), options.pop("out", None)
        keepdims, where = options.pop("keepdims", False) is True, options.pop("where", True)
        missing = _missing(array)
        if where is not True and not is_absent(where):
            missing = missing | ~np.broadcast_to(where, array.shape)
        if not missing.any():
            return function(array, axis=axis, out=out, keepdims=keepdims, **options)
        rows, shape = rows_along(plain(array), axis, keepdims=keepdims)
        lost, _ = rows_along(missing, axis, keepdims=False)
        pairs = zip(rows.reshape(-1, rows.shape[-1]), lost.reshape(-1, rows.shape[-1]), strict=True)
        found = [plain(balls(function(_left(row, gone), **options))) for row, gone in pairs]
        whole = np.stack(found, axis=-1)
        result = wrapped(whole.reshape(whole.shape[:-1] + shape))
        return stored(result if result.ndim else result.item(), out)

    return form


def _left(row: Any, gone: Any) -> Any:
    kept = list(row[~gone]) or [Ball(arb.nan())]
    return of_numbers(kept, (len(kept),))


for _reduction, _plain in (
    (np.nanmean, np.mean),
    (np.nanvar, np.var),
    (np.nanstd, np.std),
    (np.nanmax, np.max),
    (np.nanmin, np.min),
    (np.nanmedian, np.median),
    (np.nanquantile, np.quantile),
    (np.nanpercentile, np.percentile),
):
    own(_reduction)(_row_by_row(_reduction, _plain))


def _place(function: Callable[..., Any], last: float) -> Callable[..., Any]:
    def place(a: Any, axis: Any = None, out: Any = None, **options: Any) -> Any:
        del out
        array = balls(a)
        missing = _missing(array)
        if missing.all(axis=axis).any():
            raise ValueError("All-NaN slice encountered")
        return function(np.where(missing, last, array), axis=axis, **options)

    return place


own(np.nanargmax)(_place(np.argmax, -np.inf))
own(np.nanargmin)(_place(np.argmin, np.inf))


@own(np.nan_to_num)
def _nan_to_num(x: Any, copy: Any = None, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    del copy, posinf, neginf
    array = balls(x)
    bad = np.isnan(array)
    if np.any(bad):
        if any(each.tracked for each in plain(array)[bad]):  # doubles may have an infinity there
            raise Refused("np.nan_to_num of a result that is no number")
        array = np.where(bad, nan, array)
    if not np.all(np.isfinite(array)):
        raise Refused("np.nan_to_num of an infinity")
    return array
