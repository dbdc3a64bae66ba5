"""How far rounding may have taken an answer of a function whose formula is not known.

No formula, no theorem; so rounding is measured. The same code is run once more in the next wider arithmetic (single
precision in double, double in extended precision, where numpy has one). The wider answer is off by the same roundings,
at most 2^-11 of their size, so that the difference of the two *is* the rounding error of the narrow one, cancellation
in the given formula included: 1 - tanh(x)^2 at x = 15 is granted 1e-16, 1 / cosh(x)^2 next to nothing. A wrong formula
gains nothing, for it is just as wrong in the wider arithmetic.

An answer can be right by accident, when the wider one is off by 2^-11 of what is usual. So the same is measured at a
second input, close by, where the accident does not repeat itself, and the larger is granted, twice. The last roundings
come on top, and numbers so small that they underflow.

Code that converts its arguments, or collects its results in an array of doubles, answers in double precision whatever
it was given. Then roundings are estimated instead: from how far the answer moves when the arguments are moved by
roundings (its conditioning, with a safety factor on a handful of probes), and from the size that intermediate results
may have.

Code that keeps *some* results in doubles answers in the wider type all the same, and the roundings of these results are
the same in both. So arrays that numpy makes for the code are of the wider type too (`constructors.widened`); and an
answer that seems wrong by more than was measured is held to an estimate as well, before it is called wrong
(`estimated`, `tolerances.HIDDEN_UNITS`).

Linear algebra (det, inv, solve, cholesky, eigh) computes in no wider type either. Its algorithms are backward stable:
the answer is the exact one of a matrix whose entries are off by roundings of the matrix's *largest* entry, not each by
roundings of itself. So there the operations are followed and each is rounded at random, decompositions as that theorem
says (`reference.numerics.random_rounding`), and the larger of both estimates is granted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import Violation
from reference.numerics import constructors, function_tolerances, random_rounding, tolerances
from reference.numerics.sampling import seeded, signs

Array = NDArray[Any]
Compute = Callable[..., tuple[Array, ...]]

_HAS_WIDER = np.finfo(np.longdouble).eps < tolerances.EXTENDED_EPSILON
#: The type that is wide enough to see the roundings of each; of double precision itself, where numpy has none.
_WIDER: dict[Any, Any] = {
    np.dtype(np.float32): np.float64,
    np.dtype(np.float64): np.longdouble if _HAS_WIDER else np.float64,
}


def granted(
    compute: Compute,
    inputs: Sequence[Array],
    answers: Sequence[Array],
    sizes: Sequence[Any],
    followed: Compute | None = None,
) -> list[Array]:
    """A bound on the rounding error of each answer, entry by entry, float64.

    Parameters
    ----------
    compute
        From arrays of floating point to arrays.
    inputs
        What it was given.
    answers
        What it answered.
    sizes
        For each answer, how large the numbers are that it may have been subtracted from: see `size_of_gradient`. What
        drowns in them without a trace, in the wider arithmetic too, is granted in units of the latter; where rounding
        cannot be measured, in units of the narrow one.
    followed
        The same computation as ``compute``, without conversions between, so that its operations can be followed.
    """
    rng = seeded(0)
    nearby = [_moved(array, tolerances.NEARBY, rng) for array in inputs]
    here = _differences(compute, inputs, answers)
    there = _differences(compute, nearby, None)
    if any(each is None for each in here):
        bounds = estimated(compute, inputs, answers, sizes, followed)
    else:
        bounds = [np.zeros(each.shape) for each in answers]
    wider_unit = unit_roundoff([np.zeros(0, _WIDER[array.dtype]) for array in inputs])
    for number, (answer, size) in enumerate(zip(answers, sizes, strict=True)):
        seen, again = here[number], there[number] if there else None
        if seen is None:
            continue
        if again is not None and again.shape == seen.shape:
            seen = np.fmax(seen, again)
        seen = tolerances.MEASURED_FACTOR * seen + tolerances.INTERMEDIATE_UNITS * wider_unit * size
        bounds[number] = _with_last_roundings(seen, answer, unit_roundoff(inputs))
    return bounds


def estimated(
    compute: Compute,
    inputs: Sequence[Array],
    answers: Sequence[Array],
    sizes: Sequence[Any],
    followed: Compute | None = None,
) -> list[Array]:
    """What `granted` grants, without a wider type: by the conditioning of each answer, and by roundings at random."""
    unit = unit_roundoff(inputs)
    moves = _conditioning(compute, inputs, answers)
    scattered = None if followed is None else _scattered(followed, inputs, answers)
    bounds = []
    for number, (answer, size) in enumerate(zip(answers, sizes, strict=True)):
        seen = moves[number] + tolerances.INTERMEDIATE_UNITS * unit * size
        if scattered is not None:
            seen = np.fmax(seen, scattered[number])
        bounds.append(_with_last_roundings(seen, answer, unit))
    return bounds


def _with_last_roundings(seen: Array, answer: Array, unit: float) -> Array:
    last = tolerances.LAST_ROUNDINGS * unit * np.abs(_double(answer))
    smallest = float(np.finfo(np.float32 if unit >= tolerances.SINGLE_UNIT else np.float64).tiny)
    # Rounding does not make an answer infinite or NaN.
    return np.where(np.isfinite(answer), seen + last + tolerances.UNDERFLOWS * smallest, 0.0)


def rounding_error(compute: Compute, inputs: Sequence[Array], answers: Sequence[Array]) -> list[Array]:
    """How far answers may be from the truth by rounding: for a truth, where `granted` is for an answer that is judged.

    Every operation is rounded at random, where the code takes arrays that do so. Where it does not, nobody sees what
    its sums absorb, and they are granted numbers of the size of its arguments besides what `granted` measures.
    """
    found = followed_error(compute, inputs, answers)
    return unfollowed_error(compute, inputs, answers) if found is None else found


def unfollowed_error(compute: Compute, inputs: Sequence[Array], answers: Sequence[Array]) -> list[Array]:
    """As `rounding_error`, of code that is known to take no arrays that round at random."""
    unseen = tolerances.INTERMEDIATE_UNITS * unit_roundoff(inputs)
    largest = max(float(np.abs(array).max(initial=1.0)) for array in inputs)
    bounds = granted(compute, inputs, answers, [np.abs(_double(answer)) for answer in answers])
    return [
        bound + unseen * (min(largest, tolerances.LARGEST_UNSEEN) + np.abs(answer))
        for bound, answer in zip(bounds, answers, strict=True)
    ]


def followed_error(compute: Compute, inputs: Sequence[Array], answers: Sequence[Array]) -> list[Array] | None:
    """As `rounding_error`; None where the code does not take arrays that round at random."""
    found = random_rounding.scatter(compute, inputs)
    if found is None:
        return None
    units = [tolerances.RANDOM_ROUNDING_SAFETY * each for each in found]
    last = [tolerances.LAST_ROUNDINGS * tolerances.DOUBLE_UNIT * np.abs(_double(each)) for each in answers]
    return [one + two + 4 * tolerances.SMALLEST_DOUBLE for one, two in zip(units, last, strict=True)]


def _scattered(followed: Compute, inputs: Sequence[Array], answers: Sequence[Array]) -> list[Array] | None:
    """How far operations that are rounded at random take each answer; None where they cannot be followed."""
    try:
        found = random_rounding.scatter(followed, inputs, known=False)
    except (Exception, SystemExit):  # foreign code, which fails on such arrays in whatever way
        return None
    if found is None or any(one.shape != two.shape for one, two in zip(found, answers, strict=True)):
        return None
    return [tolerances.RANDOM_ROUNDING_SAFETY * np.where(np.isfinite(each), each, 0.0) for each in found]


def size_of_gradient(cotangent: Array, output: Array, argument: Array) -> Array:
    """sum |c_k y_k| / max(1, |x|): the size of what a gradient of <c, y> is made of, in the gradient's own units.

    For 1 - tanh(x)^2 it is c / x: that is where the 1 went.
    """
    total = float(np.abs(_double(cotangent) * output).sum())
    return np.asarray(total / np.maximum(1.0, np.abs(_double(argument))))


def beside_cotangent(cotangent: Array, unit: float) -> float:
    """What lost digits of a gradient of <c, y> may be off: a few unit roundoffs of sum |c_k|."""
    return function_tolerances.LOST_UNITS * unit * float(np.abs(_double(cotangent)).sum())


def unit_roundoff(arrays: Sequence[Array]) -> float:
    """The largest unit roundoff among the arrays' types."""
    return max(float(np.finfo(array.dtype).eps) / 2 for array in arrays)


def _differences(compute: Compute, inputs: Sequence[Array], answers: Sequence[Array] | None) -> list[Array | None]:
    """|narrow - wide| for each answer; None where the code did not compute in the wider type."""
    try:
        narrow = compute(*inputs) if answers is None else answers
        wide = _wide(compute, [array.astype(_WIDER[array.dtype]) for array in inputs])
    except Violation:
        return [None] * len(answers or ())
    return [_difference(one, two) for one, two in zip(narrow, wide, strict=True)]


def _wide(compute: Compute, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """The answers to arguments of a wider type, with results collected in arrays of that type where the code can."""
    if all(array.dtype == np.float64 for array in inputs):
        return compute(*inputs)  # numpy has no wider type, and collects in this one
    with suppress(Violation), constructors.widened(np.result_type(*inputs)):
        return compute(*inputs)
    return compute(*inputs)


def _difference(narrow: Array, wide: Array) -> Array | None:
    computed_wider = (
        wide.dtype.kind == narrow.dtype.kind == "f"
        and np.finfo(wide.dtype).eps < np.finfo(narrow.dtype).eps
        and wide.shape == narrow.shape
    )
    # Code that refuses the wider type may answer NaN, in an array that was made for it.
    if not computed_wider or (np.isnan(wide) & ~np.isnan(narrow)).any():
        return None
    return _double(np.where(narrow == wide, 0.0, np.abs(narrow - wide)))


def _conditioning(compute: Compute, inputs: Sequence[Array], answers: Sequence[Array]) -> list[Array]:
    """How far each answer moves when the arguments are moved by roundings, with a safety factor."""
    rng = seeded(1)
    here = [_double(each) for each in answers]
    most = [np.zeros(each.shape) for each in here]
    for _ in range(tolerances.CONDITIONING_PROBES):
        try:
            moved = compute(*(_moved(array, float(np.finfo(array.dtype).eps), rng) for array in inputs))
        except Violation:
            continue
        for number, (one, two) in enumerate(zip(moved, here, strict=True)):
            if one.shape == two.shape:
                most[number] = np.fmax(most[number], np.abs(one - two))
    return [tolerances.CONDITIONING_SAFETY * each for each in most]


def _moved(array: Array, relative: float, rng: np.random.RandomState) -> Array:
    return (array * (1 + relative * signs(rng, array.shape))).astype(array.dtype)


def _double(array: Array) -> Array:
    """The same numbers in double precision."""
    return array.astype(np.float64)
