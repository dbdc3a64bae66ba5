"""Measures how accurate softmax, its loss and its gradient are, for each way to compute them.

Errors are counted in units in the last place of the truth, which ball arithmetic encloses. A *false zero* is a result
of 0 where the double nearest to the truth is not 0. Its relative error is 100 %, or 9e15 units in the last place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.lab import definitions
from reference.numerics.oracles import ball
from reports.study.bench.families import families, one_hot
from reports.study.bench.tables import BenchError, Effort, Say, Table
from reports.study.formulas import OURS, Array, Formulas, available

#: How many rows of logits every family has, for each number of classes.
Sizes = Mapping[int, int]

SIZES: dict[Effort, Sizes] = {
    "quick": {1: 4, 2: 60, 10: 20, 100: 2},
    "normal": {1: 20, 2: 600, 3: 600, 10: 200, 100: 30, 1000: 4},
    "exhaustive": {1: 20, 2: 20_000, 3: 20_000, 4: 10_000, 10: 5000, 100: 500, 1000: 50},
}
_SINGLE_UNIT = "units in the last place of single precision"


@dataclass(frozen=True)
class Errors:
    """The errors of some computed numbers.

    Attributes
    ----------
    ulps
        Distances from the truth in units in the last place; infinite for a number that is not finite but should be.
    zero
        Whether each computed number is 0.
    """

    ulps: NDArray[np.float64]
    zero: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence[Errors]) -> Errors:
        """The errors of several arrays as one."""
        return cls(np.concatenate([each.ulps for each in parts]), np.concatenate([each.zero for each in parts]))

    def summary(self) -> dict[str, float | int]:
        """The columns of the tables for these errors."""
        in_order = np.sort(self.ulps)
        return {
            "max": float(in_order[-1]),
            "99.9 %": float(in_order[math.ceil(0.999 * len(in_order)) - 1]),
            "median": float(in_order[math.ceil(0.5 * len(in_order)) - 1]),
            # If the truth is more than half a unit away from 0, the double nearest to it is not 0.
            "false zeros": int((self.zero & (self.ulps > 0.5)).sum()),  # noqa: PLR2004
            "NaN, inf": int(np.isinf(self.ulps).sum()),
            "numbers": len(in_order),
        }


#: Errors by the names of the family of logits, the quantity, and the way to compute it.
Measured = dict[tuple[str, str, str], list[Errors]]


def run(effort: Effort, say: Say) -> list[Table]:
    """Measure at the sizes of an effort: a table of each way over all families, and one for each family."""
    return measure(SIZES[effort], say)


def measure(sizes: Sizes, say: Say) -> list[Table]:
    """Measure at any sizes.

    Raises
    ------
    BenchError
        Ball arithmetic is absent.
    """
    if (reason := ball.available()) is not None:
        raise BenchError(f"accuracy: {reason}")
    ways, missing = available()
    say(f"accuracy: {', '.join(way.name for way in ways)} in double precision")
    double = errors_of(ways, sizes, np.float64)
    say("accuracy: single precision, and the vector-Jacobian product")
    single = errors_of(ways, {k: max(n // 4, 1) for k, n in sizes.items()}, np.float32)
    note = " ".join(f"{reason}." for reason in missing)
    return [
        _worst("Double precision, all families: errors in units in the last place", double, note),
        _worst(f"Single precision, all families: errors in {_SINGLE_UNIT}", single, note),
        vector_jacobian(ways, sizes),
        *_by_family(double),
    ]


def errors_of(ways: Sequence[Formulas], sizes: Sizes, dtype: type) -> Measured:
    """The errors of all ways in one precision."""
    found: Measured = {}
    for family, X, T in _cases(sizes, dtype):
        for quantity, compute, count in _quantities(X, T):
            for way in ways:
                with np.errstate(all="ignore"):
                    numbers = compute(way)
                errors = Errors(count(numbers).ravel(), numbers.ravel() == 0)
                found.setdefault((family, quantity, way.name), []).append(errors)
    return found


def _cases(sizes: Sizes, dtype: type = np.float64) -> Iterator[tuple[str, Array, Array]]:
    """Each family of logits by its name, with the logits and one-hot targets."""
    rng = np.random.RandomState(0)
    for k, n in sizes.items():
        for family, X in families(rng, n, k, dtype):
            yield family, X, one_hot(rng, X)


def _quantities(
    X: Array, T: Array
) -> list[tuple[str, Callable[[Formulas], Array], Callable[[Array], NDArray[np.float64]]]]:
    """The name of each quantity, the function that computes it in one way, and the function that counts its errors."""
    count = _ulps if X.dtype == np.float64 else _single_ulps
    loss = partial(definitions.cross_entropy_of_logits, T=T.astype(np.float64))
    return [
        ("p", lambda way: way.softmax(X), partial(count, definitions.softmax, X, None)),
        ("loss", lambda way: way.loss(X, T), partial(count, loss, X, None)),
        ("delta", lambda way: way.delta(X, T), partial(count, loss, X, np.ones((len(X), 1)))),
    ]


def _ulps(spec: Callable[..., Any], X: Array, cotangent: Array | None, found: Array) -> NDArray[np.float64]:
    """The errors of ``found`` in double precision, against the definition or, with a cotangent, its gradient."""
    return ball.ulps(spec, (X,), found, cotangent).value


def _single_ulps(spec: Callable[..., Any], X: Array, cotangent: Array | None, found: Array) -> NDArray[np.float64]:
    """As `_ulps`, in units of single precision; for these the truth in double precision is exact enough."""
    truth = (ball.value(spec, (X,)) if cotangent is None else ball.vjp(spec, cotangent, (X,))[0]).value
    unit = np.spacing(np.minimum(np.abs(truth), 2.0**127).astype(np.float32)).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        rightly_infinite = found == truth.astype(np.float32)
        distances: NDArray[np.float64] = np.abs(found.astype(np.float64) - truth) / unit
    return np.where(np.isfinite(found), distances, np.where(rightly_infinite, 0, np.inf))


def _worst(title: str, found: Measured, note: str) -> Table:
    """A table with a row for each quantity and way, over all families."""
    rows = []
    for quantity, name in dict.fromkeys((quantity, name) for _, quantity, name in found):
        parts = [each for key, errors in found.items() if key[1:] == (quantity, name) for each in errors]
        rows.append({"of": quantity, "computed by": name} | Errors.joined(parts).summary())
    return Table(title, rows, note)


def _by_family(found: Measured) -> list[Table]:
    """A table for each family."""
    return [
        Table(
            f"Double precision, logits {family}",
            [
                {"of": quantity, "computed by": name} | Errors.joined(errors).summary()
                for (where, quantity, name), errors in found.items()
                if where == family
            ],
        )
        for family in dict.fromkeys(family for family, _, _ in found)
    ]


def vector_jacobian(ways: Sequence[Formulas], sizes: Sizes) -> Table:
    """Errors of softmax's ``delta`` for cotangents N(0, 1), in units in the last place and relative to their bound."""
    rng = np.random.RandomState(1)
    found: dict[str, list[tuple[Array, Array]]] = {}
    for _, X, _ in _cases({k: max(n // 4, 1) for k, n in sizes.items()}):
        Y = OURS.softmax(X)
        d = rng.randn(*X.shape)
        truth = ball.vjp(partial(_shifted, Y=Y), d, (np.zeros(Y.shape),))[0].value
        unit = np.spacing(np.abs(truth))
        for way in ways:
            if way.vector_jacobian is not None:
                with np.errstate(all="ignore"):
                    off = np.abs(way.vector_jacobian(Y, d) - truth)
                found.setdefault(way.name, []).append(((off / unit).ravel(), (off / _bound(Y, d, unit)).ravel()))
    rows = []
    for name, parts in found.items():
        ulps, shares = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        rows.append({"computed by": name, "ULP, max": float(ulps.max()), "of bound, max": float(shares.max())})
    return Table(
        "Softmax's vector-Jacobian product in double precision, all families",
        rows,
        "The bound is 2 ULP, and the roundings of the terms of <d, y> and of y itself, with d taken relative to its "
        "value at a class where y is largest.",
    )


def _shifted(shift: Any, Y: Array) -> Any:
    """Softmax as a function of a shift of the logits; at shift 0 it is Y, divided by the sums of its rows."""
    E = shift.exp() * Y
    return E / E.sum(dim=1, keepdim=True)


def _bound(Y: Array, d: Array, unit: Array) -> Array:
    """How far rounding may take ``delta``: two units in the last place, and u times the terms that cancel.

    Y is rounded, so its rows do not sum to 1 exactly, although every formula assumes that they do.
    """
    base = np.where(Y.max(axis=1, keepdims=True) == Y, d, -np.inf).max(axis=1, keepdims=True)
    apart = np.abs(d - base)
    terms = (Y * apart).sum(axis=1, keepdims=True)
    unnormalised = np.abs([[math.fsum(row) - 1] for row in Y]) + Y.shape[1] * 2.0**-53
    bound: Array = 2 * unit + Y * (2.0**-52 * terms + 2 * unnormalised * (apart + terms))
    return bound
