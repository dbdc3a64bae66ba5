"""Each hypothesis of the diagnosis on its own: the mistake that it reproduces, and one that it does not.

Several of them reproduce the same answers, so that an examination does not tell which of them works.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from reference.gradients.diagnosis import composite, inside, loops, replaced, variants
from reference.gradients.diagnosis.named import Named
from reference.gradients.diagnosis.samples import Samples
from reference.wording import MISTAKES
from tests.gradients import drawn
from tests.hypotheses import (
    EPS,
    FACTOR,
    MASK,
    WHOLE,
    Hypothesis,
    S,
    V,
    X,
    Y,
    centred,
    dropped,
    dropped_vjp,
    gated_turns,
    gated_turns_vjp,
    logistic,
    logistic_vjp,
    of_loop,
    of_view,
    product,
    product_vjp,
    pushed,
    root,
    scattered,
    softmax,
)  # fmt: skip
from tests.test_diagnosis_mechanisms import kept, kept_vjp, recurrent, recurrent_vjp, samples_of
from tests.test_diagnosis_turns import without

pytestmark = pytest.mark.catalogue


def bent(x: Any) -> Any:
    return np.sin(x) * np.exp(x)


def bent_slope(x: Any) -> Any:
    return np.exp(x) * (np.sin(x) + np.cos(x))


def entered(x: Any) -> Any:
    h = bent(x)
    return h * FACTOR + np.sin(h) + x**3


def standardised(x: Any) -> Any:
    d = x - x.mean(axis=1, keepdims=True)
    return d / np.sqrt((d**2).mean(axis=1, keepdims=True) + EPS)


def other_slope(c: Any, x: Any, w: Any) -> Any:
    """The gradient of a recurrent layer with 1 + h^2 for the slope of its tanh."""
    states, dx, dh = recurrent(x, w), np.zeros_like(x), np.zeros(3)
    for t in range(len(x) - 1, -1, -1):
        dx[t] = (c[t] + dh) * (1 + states[t] ** 2)
        dh = w @ dx[t]
    return dx, np.vstack([np.zeros(3), states[:-1]]).T @ dx


#: The same of one place or several, of other values, of loops, and of other versions of an array.
INSIDE: dict[str, tuple[Hypothesis, Any, Any, tuple[Any, ...], int, str]] = {
    # One place.
    "half of one term": (
        of_view(inside._found), lambda x: np.sin(x) * FACTOR + np.exp(x),
        lambda c, x: (c * (np.cos(x) * FACTOR + np.exp(x) / 2),), (X,), 0, "scaled",
    ),
    "without the inner half": (
        of_view(inside._found), lambda x: np.sin(x * 0.5) * FACTOR, lambda c, x: (c * np.cos(x / 2) * FACTOR,), (X,), 0,
        "scaled",
    ),
    "without one term": (
        of_view(inside._found), lambda x: np.sin(x) * FACTOR + np.exp(x), lambda c, x: (c * np.cos(x) * FACTOR,), (X,),
        0, "term-missing",
    ),
    "one term with the other sign": (
        of_view(inside._found), lambda x: np.sin(x) * FACTOR + np.exp(x),
        lambda c, x: (c * (np.cos(x) * FACTOR - np.exp(x)),), (X,), 0, "sign",
    ),
    "half of what enters a step of two inputs": (
        of_view(inside._found), entered,
        lambda c, x: (c * (0.5 * (FACTOR + np.cos(bent(x))) * bent_slope(x) + 3 * x**2),), (X,), 0, "scaled",
    ),
    "without the ways through all statistics": (
        of_view(inside._found), standardised, lambda c, x: (c / np.sqrt(x.var(axis=1, keepdims=True) + EPS),), (X,), 0,
        "term-missing",
    ),
    "always the first of two": (
        of_view(inside._found), lambda x: np.maximum(np.sin(3 * x), x), lambda c, x: (c * 3 * np.cos(3 * x),), (X,), 0,
        "mask-missing",
    ),
    "the smaller of two": (
        of_view(inside._found), lambda x: np.maximum(np.sin(3 * x), x),
        lambda c, x: (c * np.where(np.sin(3 * x) < x, 3 * np.cos(3 * x), 1),), (X,), 0, "mask-inverted",
    ),
    "a mean along the other axis": (
        of_view(inside._found), centred, lambda c, x: (c * FACTOR - (c * FACTOR).mean(axis=0, keepdims=True),), (X,), 0,
        "wrong-axis",
    ),
    "all that comes through a maximum": (
        of_view(inside._found), lambda x: np.maximum(x, 0) * FACTOR, lambda c, x: (c * FACTOR,), (X,), 0,
        "mask-missing",
    ),
    "what leaks through a maximum": (
        of_view(inside._found), lambda x: np.maximum(x, 0) * FACTOR,
        lambda c, x: (c * FACTOR * np.where(x > 0, 1, 0.3),), (X,), 0, "leaky",
    ),
    "a constant added to what is divided by": (
        inside.shifted, lambda x, y: x / y, lambda c, x, y: (c / (y + EPS), -c * x / y**2), (X, Y), 0, "other-epsilon",
    ),
    "a constant added to what a logarithm is taken of": (
        inside.shifted, lambda y: np.log(y) * FACTOR, lambda c, y: (c * FACTOR / (y + 2 * EPS),), (Y,), 0,
        "other-epsilon",
    ),
    "a constant added to what a root is taken of": (
        inside.shifted, lambda y: np.sqrt(y) * FACTOR, lambda c, y: (c * FACTOR / (2 * np.sqrt(y + EPS)),), (Y,), 0,
        "other-epsilon",
    ),
    # Several steps.
    **{
        f"a logistic slope {name}": (composite._segments, logistic, logistic_vjp(slope), (X,), 0, word)
        for name, word, slope in (
            ("y", "factor-missing", lambda x, y: y),
            ("1 - y", "factor-missing", lambda x, y: 1 - y),
            ("y + y^2", "sign", lambda x, y: y + y**2),
            ("of y again", "wrong-argument", lambda x, y: logistic(y) * (1 - logistic(y))),
            ("x (1 - x)", "wrong-argument", lambda x, y: x * (1 - x)),
        )
    },
    "1 + y for 1 + y^2": (
        composite._segments, lambda x: np.sin(x) / np.cos(x), lambda c, x: (c * (1 + np.sin(x) / np.cos(x)),), (X / 4,),
        0, "factor-missing",
    ),
    "another epsilon": (
        composite.other_epsilon, root, lambda c, x: (c * x / np.sqrt(x**2 + 2 * EPS),), (X,), 0, "other-epsilon",
    ),
    "no epsilon": (
        composite.other_epsilon, root, lambda c, x: (c * x / np.sqrt(x**2),), (X,), 0, "other-epsilon",
    ),
    # Other values.
    "a constant as one": (
        replaced._constants, lambda x: np.sin(2.5 * x) * FACTOR, lambda c, x: (c * np.cos(x) * FACTOR,), (X,), 0,
        "factor-missing",
    ),
    "a constant as one in the values alone": (
        replaced._constants, lambda x: np.sin(2.5 * x) * FACTOR, lambda c, x: (c * 2.5 * np.cos(x) * FACTOR,), (X,), 0,
        "factor-missing",
    ),
    "a constant as zero": (
        replaced._constants, lambda x: np.sin(x + 2.5) * FACTOR, lambda c, x: (c * np.cos(x) * FACTOR,), (X,), 0,
        "term-missing",
    ),
    "a constant squared": (
        replaced._constants, lambda x: np.exp(0.5 * x), lambda c, x: (c * 0.25 * np.exp(0.25 * x),), (X,), 0, "scaled",
    ),
    "a count less one": (
        replaced._constants, lambda x: np.exp(x / 4.0), lambda c, x: (c / 3 * np.exp(x / 3),), (X,), 0, "scaled",
    ),
    "a count and one": (
        replaced._constants, lambda x: np.exp(x / 4.0), lambda c, x: (c / 5 * np.exp(x / 5),), (X,), 0, "scaled",
    ),
    "two steps for each other": (
        replaced._of_other_steps, lambda x: np.tanh(x) * np.exp(x),
        lambda c, x: (c * np.tanh(x) * (1 - np.exp(2 * x) + np.exp(x)),), (X,), 0, "wrong-argument",
    ),
    "two inputs of a step for each other": (
        replaced._of_other_steps, lambda x: np.tanh(x) * np.exp(x),
        lambda c, x: (c * (np.tanh(x) * (1 - np.tanh(x) ** 2) + np.exp(2 * x)),), (X,), 0, "wrong-argument",
    ),
    "a step's gradient without a square": (
        replaced._without_factor, lambda x, y: np.sin(x) * y**2 + np.tanh(x),
        lambda c, x, y: (c * (np.cos(x) + 1 - np.tanh(x) ** 2), c), (X, Y), 0, "factor-missing",
    ),
    "another step's value": (
        replaced._of_other_steps, lambda x: np.sin(x) * np.exp(np.sin(x)) * FACTOR,
        lambda c, x: (c * FACTOR * (np.exp(np.sin(x)) * np.cos(x) + x * np.exp(np.sin(x)) * np.cos(x)),), (X,), 0,
        "wrong-argument",
    ),
    "a step's gradient without a factor": (
        replaced._without_factor, lambda x: np.sin(x) * FACTOR + np.tanh(x),
        lambda c, x: (c * (np.cos(x) + 1 - np.tanh(x) ** 2),), (X,), 0, "factor-missing",
    ),
    "an epsilon outside the root": (
        replaced._epsilon_in_another_place, root, lambda c, x: (c * x / (np.sqrt(x**2) + EPS),), (Y,), 0,
        "other-epsilon",
    ),
    "an epsilon that the forward pass lacks": (
        replaced._epsilon_in_another_place, lambda x: np.log(x**2) * FACTOR,
        lambda c, x: (c * FACTOR * 2 * x / (x**2 + EPS),), (Y,), 0, "other-epsilon",
    ),
    "an epsilon in one derivative alone": (
        replaced._epsilon_in_another_place, lambda y: np.exp(np.sqrt(y)),
        lambda c, y: (c * np.exp(np.sqrt(y)) / 2 / (np.sqrt(y) + EPS),), (Y,), 0, "other-epsilon",
    ),
    # A loop.
    "no way back in time": (
        of_loop(loops._simple), recurrent, recurrent_vjp(through=0.0), (drawn(5, 3), drawn(3, 3)), 0, "term-missing",
    ),
    "back in time with the other sign": (
        of_loop(loops._simple), recurrent, recurrent_vjp(through=-1.0), (drawn(5, 3), drawn(3, 3)), 0, "sign",
    ),
    "the other sign in the slope of each turn": (
        of_loop(loops._simple), recurrent, other_slope, (drawn(5, 3), drawn(3, 3)), 0, "sign",
    ),
    "without the last turn": (
        of_loop(loops._turn_left_out), recurrent, lambda c, x, w: recurrent_vjp()(without(0, -1)(c), x, w),
        (drawn(5, 3), drawn(3, 3)), 0, "term-missing",
    ),
    "half of the slope of a gate": (
        of_loop(loops._segments), kept, kept_vjp(lambda f: f), (drawn(5, 3), drawn(5, 3)), 1, "factor-missing",
    ),
    "without the first turn": (
        of_loop(loops._turn_left_out), recurrent, recurrent_vjp(first=1), (drawn(5, 3), drawn(3, 3)), 0,
        "term-missing",
    ),
    "without the factor behind a step": (
        of_loop(loops._without_next_factor), gated_turns, gated_turns_vjp, (drawn(5, 3), drawn(3, 3)), 0,
        "factor-missing",
    ),
    "the state of the step before": (
        of_loop(loops._other_values), recurrent, recurrent_vjp(state=0), (drawn(5, 3), drawn(3, 3)), 0,
        "wrong-argument",
    ),
    # Versions of an array.
    "a mask shifted by one": (
        of_view(variants._of_constants), dropped, dropped_vjp(lambda x: np.pad(MASK, ((1, 0), (0, 0)))[:-1]), (X,), 0,
        "mask-wrong-threshold",
    ),
    "a constant array with the other sign wherever it stands": (
        of_view(variants._of_constants), lambda x: np.sin(x + FACTOR) + (x + FACTOR.copy()) ** 2,
        lambda c, x: (c * (np.cos(x - FACTOR) + 2 * (x - FACTOR)),), (X,), 0, "sign",
    ),
    "neighbours for every other entry": (
        of_view(variants._of_windows), lambda x, k: np.tanh(x)[:5:2] * k, lambda c, x, k: (0 * x, c * np.tanh(x[:3])),
        (drawn(7), drawn(3)), 1, "wrong-argument",
    ),
    "the entries one later": (
        of_view(variants._of_windows), lambda x, k: x[:5:2] * k, lambda c, x, k: (0 * x, c * x[1:6:2]),
        (drawn(7), drawn(3)), 1, "wrong-argument",
    ),
    "the entries one later, as far as there are any": (
        of_view(variants._of_windows), lambda x, k: x[2::2] * k, lambda c, x, k: (0 * x, c * x[[3, 5, 6]]),
        (drawn(7), drawn(3)), 1, "wrong-argument",
    ),
    "the entries one earlier, as far as there are any": (
        of_view(variants._of_windows), lambda x, k: x[:5:2] * k, lambda c, x, k: (0 * x, c * x[[0, 1, 3]]),
        (drawn(7), drawn(3)), 1, "wrong-argument",
    ),
    "the entries one earlier": (
        of_view(variants._of_windows), lambda x, k: x[1:6:2] * k, lambda c, x, k: (0 * x, c * x[:5:2]),
        (drawn(7), drawn(3)), 1, "wrong-argument",
    ),
    "a sum along another axis": (
        of_view(variants._of_reductions), lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True),
        lambda c, x: (softmax(x) * (c - (c * softmax(x)).sum(axis=0)),), (X,), 0, "wrong-axis",
    ),
    "the first of two uses twice": (
        of_view(variants._of_uses), lambda q, x: x @ q @ x, lambda c, q, x: (c * np.outer(x, x), c * 2 * (q @ x)),
        (S, drawn(3)), 1, "transposed",
    ),
    "one of four uses twice and none of another": (
        of_view(variants._of_uses), lambda x: x * FACTOR + np.sin(x) + np.exp(x) + np.cos(x),
        lambda c, x: (c * (2 * FACTOR + np.cos(x) + np.exp(x)),), (X,), 0, "wrong-argument",
    ),
    "a use twice beside an array of many uses": (
        of_view(variants._of_uses),
        lambda y, x: np.sin(y) + np.exp(y) + np.cos(y) + 2 * y + y**2 * FACTOR + x * FACTOR + np.sin(x),
        lambda c, y, x: (c * (2 * y * FACTOR + np.cos(y) + np.exp(y) - np.sin(y) + 2), 2 * c * FACTOR),
        (Y, X), 1, "wrong-argument",
    ),
    "an input in the other order": (
        of_view(variants._of_inputs), product, product_vjp(lambda c, x, y: c * np.cos(x) * y[:, ::-1]), (X, Y), 0,
        "wrong-argument",
    ),
    "an input shifted by one": (
        of_view(variants._of_inputs), product, product_vjp(lambda c, x, y: c * np.cos(x) * np.roll(y, 1, 0)), (X, Y), 0,
        "wrong-argument",
    ),
    "entries of the next places": (
        of_view(variants._of_places), lambda x: x[[0, 1, 2], [2, 0, 1]] ** 2, scattered, (X,), 0, "wrong-argument",
    ),
    "shifted by what is written as in the forward pass": (
        of_view(variants._of_order), pushed, lambda c, x: (np.append(0.0, c[:-1]),), (V,), 0, "transposed",
    ),
    "shifted by a border as in the forward pass": (
        of_view(variants._of_order), lambda x: np.pad(x, (1, 0))[:-1] * 1.0, lambda c, x: (np.append(0.0, c[:-1]),),
        (V,), 0, "transposed",
    ),
    "shifted as in the forward pass": (
        of_view(variants._of_order), lambda x: np.roll(x, 1) * 1.0, lambda c, x: (np.roll(c, 1),), (V,), 0,
        "transposed",
    ),
}  # fmt: skip


ROWS = WHOLE | INSIDE
#: What is estimated with the word, by the name under which it is told.
CONSTANTS: dict[str, tuple[str, str]] = {
    "a third": ("the factor", "0.3333333333"),
    "differences (1, 0) of step 1e-05": ("a step of", "1e-05"),
    "differences (0, 1) of step 0.001": ("a step of", "0.001"),
    "differences (1, 1) of step 0.01": ("a step of", "0.01"),
    "differences (1, 0) of step 0.1": ("a step of", "0.1"),
    "one entry": ("the entry", "[2, 1]"),
    "one row": ("the row", "2"),
    "half of one term": ("a factor of one term", "0.5"),
    "half of what enters a step of two inputs": ("a factor of one term", "0.5"),
    "without the inner half": ("a factor of one term", "2"),
    "what leaks through a maximum": ("a slope of", "0.3"),
    "a constant added to what is divided by": ("the constant", "0.005"),
    "a constant added to what a logarithm is taken of": ("the constant", "0.01"),
    "a constant added to what a root is taken of": ("the constant", "0.005"),
    "another epsilon": ("the constant", "0.01"),
    "no epsilon": ("the constant", "0"),
    "a constant squared": ("a constant", "0.25"),
    "a count less one": ("a constant", "3"),
    "a count and one": ("a constant", "5"),
    "an epsilon that the forward pass lacks": ("the constant", "0.005"),
    "an epsilon in one derivative alone": ("the constant", "0.005"),
    "an epsilon outside the root": ("the constant", "0.005"),
}
#: What tells more than any other word for the same answers.
EXACT = {"without the inner half"}
#: What else reproduces the same answers.
AS_WELL = {
    "an open mask": {"mask-from-other"},
    "all that comes through a maximum": {"mask-from-other"},
    "a logistic slope y": {"term-missing"},
}


def found_by(hypothesis: Hypothesis, samples: Samples) -> list[Named]:
    with np.errstate(all="ignore"):
        found = hypothesis(samples)
        return [] if found is None else [found] if isinstance(found, Named) else list(found)


@pytest.mark.parametrize("which", ROWS)
def test_a_hypothesis_reproduces_its_mistake(which: str) -> None:
    """It names the mistake, with a word of the vocabulary, and is silent where the answers are a little different."""
    hypothesis, forward, vjp, args, position, word = ROWS[which]
    samples = samples_of(forward, vjp, args, position)
    found = found_by(hypothesis, samples)
    assert {each.word for each in found} - AS_WELL.get(which, set()) == {word}
    assert {each.word for each in found} <= MISTAKES.keys()
    assert {each.constants for each in found} == {(CONSTANTS[which],) if which in CONSTANTS else ()}
    assert any(each.is_exact for each in found) is (which in EXACT)
    assert found_by(hypothesis, samples_of(forward, partial(beside, vjp), args, position)) == []


def beside(vjp: Callable[..., Any], c: Any, *args: Any) -> tuple[Any, ...]:
    """Answers that are off by some per cent, by less or more in each entry and each case."""
    return tuple(
        0.01 + each * (1.3 + 0.1 * np.sin(7 * float(np.sum(c)) + np.arange(np.size(each)).reshape(np.shape(each)) ** 2))
        for each in vjp(c, *args)
    )
