"""What is recorded of a computation is that computation: its values for any arguments, and its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.diagnosis.graph import evaluate, pulled_back
from reference.gradients.diagnosis.tracing import NotTracedError, trace
from reference.numerics import constructors
from reference.numerics.constructors import widened
from tests import balls_corpus_arrays, balls_corpus_numpy
from tests.operations import FORMS, REFUSED

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]

STEP = 1e-5


def slopes(function: Any, args: tuple[Array, ...], cotangent: Array) -> list[Array]:
    """The gradients, by differences."""
    found = []
    for place, array in enumerate(args):
        gradient = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = [each.copy() for each in args]
                moved[place][index] += sign * STEP
                ends.append(float((np.asarray(function(*moved)) * cotangent).sum()))
            gradient[index] = (ends[0] - ends[1]) / (2 * STEP)
        found.append(gradient)
    return found


@pytest.mark.parametrize("first", range(0, len(FORMS), 20))
def test_each_form_has_its_values_and_its_gradients(first: int) -> None:
    """For the arguments with which it was recorded and for others that choose the same branches; twenty in a test."""
    wrong = []
    for number, (function, args) in enumerate(FORMS[first : first + 20], first):
        graph = trace(function, args)
        for these in (args, tuple(np.asarray(each * (1 + 1 / 64)) for each in args)):
            values = evaluate(graph, these)
            output, expected = values[id(graph.output)], np.asarray(function(*(each.copy() for each in these)))
            right = output.shape == expected.shape and np.allclose(output, expected, rtol=1e-12, atol=1e-12)
            wrong += [] if right else [(number, "value")]
        cotangent = np.random.RandomState(number).uniform(0.5, 1.5, expected.shape)
        for one, other in zip(pulled_back(graph, values, cotangent), slopes(function, these, cotangent), strict=True):
            close = one.shape == other.shape and np.allclose(one, other, rtol=1e-6, atol=1e-6)
            wrong += [] if close else [(number, "gradient")]
    assert wrong == []


def test_programs_have_their_values_and_slopes() -> None:
    """What is recorded of whole programs, which is most of the corpus, is right along a direction."""
    wrong, recorded = [], 0
    for name, function, given in [*balls_corpus_numpy.FUNCTIONS, *balls_corpus_arrays.FUNCTIONS]:
        try:
            graph = trace(function, given)
        except NotTracedError:
            continue
        recorded += 1
        places = [place for place, each in enumerate(given) if each.dtype.kind == "f"]
        values = evaluate(graph, [given[place] for place in places])
        output = values[id(graph.output)]
        weights, rng = np.random.RandomState(3).uniform(0.5, 1.5, output.shape), np.random.RandomState(6)
        directions = {place: rng.uniform(0.5, 1, given[place].shape) for place in places}

        def along(step: float, function=function, given=given, directions=directions, weights=weights) -> float:
            moved = [each + step * directions[n] if n in directions else each for n, each in enumerate(given)]
            return float((np.asarray(function(*moved)) * weights).sum())

        pulled = pulled_back(graph, values, weights)
        parts = [(one * two).ravel() for one, two in zip(pulled, directions.values(), strict=True)]
        slope, size = sum(each.sum() for each in parts), sum(np.abs(each).sum() for each in parts)
        close = abs((along(STEP) - along(-STEP)) / (2 * STEP) - slope) <= 1e-6 * max(size, 1e-3)
        wrong += [] if close and np.allclose(output, function(*given), rtol=1e-12, atol=1e-12) else [name]
    assert wrong == []
    assert recorded >= 60


def test_what_is_not_recorded_says_so() -> None:
    """It is refused, for what would be recorded would be another computation."""
    recorded = []
    for number, (function, args) in enumerate(REFUSED):
        try:
            trace(function, args)
        except NotTracedError:
            continue
        recorded.append(number)
    assert recorded == []


def test_random_numbers_stay_the_same() -> None:
    """numpy draws the same numbers while its constructors make arrays of another type."""
    expected = np.random.RandomState(0).rand(3)
    with widened(np.longdouble):
        found = np.random.RandomState(0).rand(3)
    assert found.dtype == expected.dtype
    assert (found == expected).all()


def test_modules_of_random_numbers_are_as_before() -> None:
    """They see numpy itself again after the block, and its functions in it."""
    before = constructors._random_modules()
    assert before
    with constructors.widened(np.longdouble):
        assert np.zeros(2).dtype == np.longdouble
        assert constructors._random_modules() == []
        assert np.random.RandomState(0).rand(3).dtype == np.float64
    assert constructors._random_modules() == before
    assert np.zeros(2).dtype == np.float64
