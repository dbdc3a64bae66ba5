"""The roundings of results that are kept in doubles, which the bounds of `FunctionAnswers` do not see.

They are estimated, which costs some calls, so only where an answer seems wrong. In single precision there are none,
since results are kept in a wider type there.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import Violation
from reference.gradients.answers import FunctionAnswers
from reference.gradients.cases import Case
from reference.gradients.tolerance import estimated
from reference.numerics import function_tolerances, tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.oracles.finite_differences import rounding_noise
from reference.numerics.sampling import seeded

Array = NDArray[Any]


def of_gradient(function: FunctionAnswers, case: Case, cotangent: Array, position: int, truth: Estimate) -> Array:
    """The roundings of one gradient; the bound that it has already where they cannot excuse all of it."""
    answers, bounds = function.gradients(case, cotangent)
    answer, bound = answers[position], bounds[position]
    if function.unit > tolerances.DOUBLE_UNIT:
        return bound
    most = _most(function, case, np.abs(answer) + function.sizes(case, cotangent)[position])
    if (np.abs(answer - truth.value) > truth.error + bound + most).any():
        return bound
    estimate = np.fmax(
        function.estimated_bounds(case, cotangent)[position], _scatter(function, case, cotangent)[position]
    )
    return np.fmin(estimate, most)


def _scatter(function: FunctionAnswers, case: Case, cotangent: Array) -> list[Array]:
    """How far the gradients nearby lie from a smooth curve: what code whose operations cannot be followed rounds.

    The logarithm of 1e298 is rounded to 1e-13, and stays the same number where its argument is moved by roundings. So
    the arguments are moved further.
    """
    rng = seeded(2)
    answers, _ = function.gradients(case, cotangent)
    places = rng.uniform(-1, 1, tolerances.DIFFERENCE_ROUNDING_POINTS)
    inputs = (cotangent, *function.pattern.floats(case.args))
    parts = [rng.uniform(0.25, 1.0, each.shape) * each * function_tolerances.SCATTER_REACH for each in inputs]
    compute = function.gradient_function(case)
    rows: list[tuple[Array, ...]] = []
    for place in places:
        with suppress(Violation):
            rows.append(compute(*(each + place * part for each, part in zip(inputs, parts, strict=True))))
    if len(rows) < len(places):
        return [np.zeros(each.shape) for each in answers]
    noise = [rounding_noise(places, np.array(column)) for column in zip(*rows, strict=True)]
    return [function_tolerances.SCATTER_SAFETY * each for each in noise]


def of_forward(function: FunctionAnswers, case: Case, output: Array) -> Array:
    """The roundings of an output."""
    if function.unit > tolerances.DOUBLE_UNIT:
        return np.zeros(output.shape)
    (estimate,) = estimated(*function.rounded_forward(case, output))
    return np.fmin(estimate, _most(function, case, np.abs(output)))


def _most(function: FunctionAnswers, case: Case, size: Array) -> Array:
    """As much as an estimate may grant to numbers of a size."""
    floats = function.pattern.floats(case.args)
    largest = max(float(np.abs(each).max(initial=1.0)) for each in floats)
    return np.asarray(tolerances.HIDDEN_UNITS * tolerances.DOUBLE_UNIT * largest * size)
