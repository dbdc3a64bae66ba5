"""Judges an evaluation on balls, by the doubles for the value and by differences of wide balls for the gradient."""

import numpy as np
from flint import arb

from reference.numerics.balls import evaluation, on_balls
from reference.numerics.balls.array import plain
from reference.numerics.balls.tape import Refused, Undecided, accumulate, precision, recording

#: Far enough for 100 digits beyond those of a double, and near enough for the difference quotient.
BITS, STEP = 1200, 2.0


def judged(function, args, language="numpy", doubles=None):
    """ "right", "refused: ...", or "WRONG ..."."""
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
    off = _off_from_differences(function, args, language, expected.shape)
    return "right" if off else "WRONG gradient"


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
