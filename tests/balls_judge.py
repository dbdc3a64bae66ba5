"""Judges an evaluation on balls, by the doubles for the value and by differences of wide balls for the gradient."""

import re
from contextlib import contextmanager

import numpy as np
import pytest
from flint import arb

from reference.numerics.balls import evaluation, on_balls
from reference.numerics.balls.array import BallArray, plain
from reference.numerics.balls.tape import Refused, Undecided, accumulate, recording
from reference.numerics.oracles.ball import precision

#: Far enough for 100 digits beyond those of a double, and near enough for the difference quotient.
BITS, STEP = 1200, 2.0


@contextmanager
def refuses(match):
    """In the block something is refused, with this text in a sentence that is well said."""
    with pytest.raises(Refused, match=match) as caught:
        yield caught
    assert_well_said(caught.value)


@contextmanager
def says_what_is_refused():
    """A refusal names the operation, and says what about it, in words as one writes them."""
    refused = None
    try:
        yield
    except Refused as error:
        refused = error
    if refused is not None:
        assert_well_said(refused)


def assert_well_said(refused):
    """The operation comes first, and then what about it, in words as one writes them."""
    text = str(refused)
    assert refused.operation
    assert text.startswith(f"{refused.operation} ")
    assert len(text.split()) > 2
    assert not re.search(r"\bNone\b|[A-Z]{2}", text)


def judged(function, args, language="numpy", doubles=None):
    """The verdict: right, refused with a reason, or WRONG with what is."""
    expected = np.asarray((doubles or function)(*(each.copy() for each in args)), dtype=np.float64)
    try:
        found = evaluation.enclose(on_balls(function, language), args, places_of(args), _weights(expected.shape))
    except (Refused, Undecided) as error:
        return f"refused: {error}"
    if found.value.value.shape != expected.shape:
        return f"WRONG shape {found.value.value.shape}, not {expected.shape}"
    size = max(1.0, float(np.abs(expected).max(initial=0)))
    if not np.allclose(found.value.value, expected, rtol=1e-9, atol=1e-11 * size, equal_nan=True):
        return f"WRONG value {found.value.value.ravel()[:3]}, not {expected.ravel()[:3]}"
    if not _agrees_with_doubles(doubles or function, args, found.gradients, expected.shape):
        return "WRONG gradient, as doubles tell it"
    off = _off_from_differences(function, args, language, expected.shape)
    return "right" if off else "WRONG gradient"


def _agrees_with_doubles(function, args, gradients, shape):
    """Whether the gradient is the difference quotient of doubles to five digits: so it has not been lost on the way."""
    rng = np.random.RandomState(6)
    directions = [rng.uniform(0.5, 1, args[place].shape) for place in places_of(args)]

    def along(step):
        moved = list(args)
        for place, direction in zip(places_of(args), directions, strict=True):
            moved[place] = args[place] + step * direction
        return float((np.asarray(function(*moved)) * _weights(shape)).sum())

    quotient = (along(1e-6) - along(-1e-6)) / 2e-6
    parts = [(each.value * direction).ravel() for each, direction in zip(gradients, directions, strict=True)]
    slope, size = sum(part.sum() for part in parts), sum(np.abs(part).sum() for part in parts)
    return abs(quotient - slope) <= 1e-5 * max(size, 1e-3)


def _weights(shape):
    return np.random.RandomState(3).randint(1, 5, shape).astype(float) / 4


def _off_from_differences(function, args, language, shape):
    """Whether the slope along a direction is the difference quotient, to thirty digits."""
    rng = np.random.RandomState(5)
    floats = [each for each in args if isinstance(each, np.ndarray) and each.dtype.kind == "f"]
    directions = [rng.randint(1, 6, each.shape) * rng.choice([-1.0, 1.0], each.shape) for each in floats]
    weights = [arb(each) for each in _weights(shape).ravel().tolist()]
    ends = []
    with precision(BITS):
        for sign in (1, -1):
            with recording():
                given, _ = evaluation.arguments(args, places_of(args), [sign * each for each in directions])
                output = evaluation.as_balls(on_balls(function, language)(*given))
                ends.append(sum((w * b.value for w, b in zip(weights, plain(output).ravel(), strict=True)), arb(0)))
        with recording():
            given, leaves = evaluation.arguments(args, places_of(args))
            output = evaluation.as_balls(on_balls(function, language)(*given))
            evaluation.seed(output, _weights(shape))
            accumulate()
            slope, size = arb(0), arb(0)
            for leaf, direction in zip(leaves, directions, strict=True):
                for ball, d in zip(plain(evaluation.adjoints(leaf)).ravel(), direction.ravel().tolist(), strict=True):
                    slope += ball.value * arb(d)
                    size += abs(ball.value * arb(d))
        quotient = (ends[0] - ends[1]) / (2 * arb(2) ** -300)
        return bool(abs(quotient - slope) <= (size + arb(2) ** -200) * arb(10) ** -30)


def places_of(args):
    return [place for place, each in enumerate(args) if isinstance(each, np.ndarray) and each.dtype.kind == "f"]


def of_doubles(x):
    """The midpoints as doubles: what a function must never see."""
    if not isinstance(x, BallArray):
        return np.asarray(x)
    return np.array([float(ball.value.mid()) for ball in plain(x).ravel()]).reshape(x.shape)
