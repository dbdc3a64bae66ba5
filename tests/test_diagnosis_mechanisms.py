"""Each way to go wrong has its word, and a neighbour that goes wrong in another way does not get it.

The hypotheses are asked without an examination: with answers, truths and the recorded forward pass alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from reference.gradients import arguments
from reference.gradients.diagnosis.graph import evaluate, pulled_back
from reference.gradients.diagnosis.naming import name
from reference.gradients.diagnosis.samples import Sample, Samples
from reference.gradients.diagnosis.tracing import trace
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue


class Pair(NamedTuple):
    """A forward pass, a wrong gradient with its word, and another wrong gradient that is not called so."""

    forward: Callable[..., Any]
    wrong: Callable[..., Any]
    other: Callable[..., Any]
    args: tuple[Any, ...]
    position: int
    word: str


def told(forward: Any, vjp: Any, args: tuple[Any, ...], position: int) -> str | None:
    """The word for a gradient, from its answers in three cases with two cotangents each."""
    with np.errstate(all="ignore"):
        found = name(samples_of(forward, vjp, args, position))
    return None if found is None else found.word


def samples_of(forward: Any, vjp: Any, args: tuple[Any, ...], position: int) -> Samples:
    """Answers and truths in three cases with two cotangents each."""
    rng = np.random.RandomState(0)
    cases = [args, *([a * rng.uniform(0.8, 1.2, a.shape) for a in args] for _ in range(2))]
    samples = []
    for case in cases:
        graph = trace(forward, case)
        values = evaluate(graph, case)
        for _ in range(2):
            c = rng.uniform(0.5, 1.5, graph.output.value.shape) * rng.choice([-1.0, 1.0], graph.output.value.shape)
            answers = tuple(np.asarray(each, float) for each in vjp(c, *case))
            truths = pulled_back(graph, values, c)
            slack = tuple(np.zeros(each.shape) for each in truths)
            samples.append(Sample(tuple(case), tuple(case), c, answers, truths, slack, (graph, values)))
    return Samples(tuple(samples), position, lambda x, c: tuple(vjp(c, *x)))


# A loop


def recurrent(x: Any, w: Any) -> Any:
    h, out = np.zeros(3), []
    for each in x:
        h = np.tanh(each + h @ w)
        out.append(h)
    return np.stack(out)


def recurrent_vjp(
    state: int = 1, used: int = 0, through: float = 1.0, first: int = 0, turned: bool = False
) -> Callable[..., Any]:
    def vjp(c: Any, x: Any, w: Any) -> Any:
        states = [np.zeros(3), *recurrent(x, w)]
        dx, dw, dh = np.zeros_like(x), np.zeros_like(w), np.zeros(3)
        for t in range(len(x) - 1, first - 1, -1):
            dz = (c[t] + through * dh) * (1 - states[t + state] ** 2)
            dx[t] = dz
            dw += np.outer(states[t + used], dz)
            dh = w.T @ dz if turned else w @ dz
        return dx, dw

    return vjp


def kept(x: Any, u: Any) -> Any:
    s, out = np.zeros(3), []
    for one, gate in zip(x, u, strict=True):
        f = 1 / (1 + np.exp(-gate))
        s = f * s + one * one
        out.append(s)
    return np.stack(out)


def kept_vjp(slope: Callable[[Any], Any]) -> Callable[..., Any]:
    def vjp(c: Any, x: Any, u: Any) -> Any:
        f, states = 1 / (1 + np.exp(-u)), [np.zeros(3), *kept(x, u)]
        dx, du, ds = np.zeros_like(x), np.zeros_like(u), np.zeros(3)
        for t in range(len(x) - 1, -1, -1):
            ds = ds + c[t]
            dx[t] = 2 * ds * x[t]
            du[t] = ds * states[t] * slope(f[t])
            ds = ds * f[t]
        return dx, du

    return vjp


# Norms, weights and repetitions


def normalised(x: Any) -> Any:
    d = x - x.mean(axis=1, keepdims=True)
    return d / np.sqrt((d**2).mean(axis=1, keepdims=True) + 0.1)


def normalised_vjp(first: Any = 1, second: Any = 1, raw: float = 0.0) -> Callable[..., Any]:
    def vjp(c: Any, x: Any) -> Any:
        d = x - x.mean(axis=1, keepdims=True)
        s = np.sqrt((d**2).mean(axis=1, keepdims=True) + 0.1)
        h = d / s
        one, two = c.mean(axis=first, keepdims=True), (c * h).mean(axis=second, keepdims=True)
        return ((c - one - h * s**raw * two) / s,)

    return vjp


def weighted(x: Any, w: Any) -> Any:
    return (w * x**2).sum() / w.sum()


def weighted_vjp(total: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda c, x, w: (c * 2 * w * x / total(w), c * (x**2 - weighted(x, w)) / w.sum())


def repeated(x: Any) -> Any:
    return np.repeat(x, 3, axis=0) ** 2 * WEIGHTS


WEIGHTS = drawn(6, 4)
OPEN = (np.arange(5)[None, :] <= np.arange(4)[:, None] + 1).astype(float)
FIRST, NEXT = np.array([0, 1, 2, 0]), np.array([1, 2, 0, 1])
TAPS = np.array([0.5, -1.25, 2.0])


def repeated_vjp(fold: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda c, x: (fold(c * 2 * np.repeat(x, 3, axis=0) * WEIGHTS),)


def masked(x: Any) -> Any:
    e = np.exp(x) * OPEN
    return e / e.sum(axis=1, keepdims=True)


def masked_vjp(step: int) -> Callable[..., Any]:
    mask = (np.arange(5)[None, :] <= np.arange(4)[:, None] + 1 - step).astype(float)

    def vjp(c: Any, x: Any) -> Any:
        e = np.exp(x) * mask
        y = e / e.sum(axis=1, keepdims=True)
        return (y * (c - (c * y).sum(axis=1, keepdims=True)),)

    return vjp


def gated(x: Any, w: Any) -> Any:
    return x * np.tanh(x.mean(axis=0) @ w)


def gated_vjp(turn: Callable[[Any], Any] = lambda x: x, mean: float = 1.0) -> Callable[..., Any]:
    def vjp(c: Any, x: Any, w: Any) -> Any:
        m = x.mean(axis=0)
        t = np.tanh(m @ w)
        dz = (c * turn(x)).sum(axis=0) * (1 - t**2)
        return c * t + mean * (w @ dz) / len(x), np.outer(m, dz)

    return vjp


def likely(x: Any) -> Any:
    return (x - np.log(np.exp(x).sum(axis=1, keepdims=True)))[np.arange(4), NEXT].sum() + (x[FIRST] ** 2).sum()


def likely_vjp(places: Any) -> Callable[..., Any]:
    def vjp(c: Any, x: Any) -> Any:
        found = -np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        found[np.arange(4), places] += 1
        np.add.at(found, FIRST, 2 * x[FIRST])
        return (c * found,)

    return vjp


def shifted(x: Any, by: int) -> Any:
    y = np.zeros_like(x)
    y[by:] = x[: len(x) - by]
    return y


def delayed(x: Any) -> Any:
    return sum(TAPS[k] * shifted(x, k) for k in range(3)) * 1.0


def delayed_vjp(part: Callable[[Any, int], Any]) -> Callable[..., Any]:
    return lambda c, x: (sum(TAPS[k] * part(c, k) for k in range(3)),)


def advanced(c: Any, by: int) -> Any:
    return shifted(c[::-1], by)[::-1]


def cosine(a: Any, b: Any) -> Any:
    return (a * b).sum(axis=1) / (np.sqrt((a * a).sum(axis=1)) * np.sqrt((b * b).sum(axis=1)))


def cosine_vjp(axis: Any = 1, power: int = 2) -> Callable[..., Any]:
    def vjp(c: Any, a: Any, b: Any) -> Any:
        na, nb = (np.sqrt((each * each).sum(axis=1, keepdims=True)) for each in (a, b))
        s = np.sum(a * b, axis=axis, keepdims=True) / (na * nb)
        return tuple(c[:, None] * (two / (na * nb) - s * one / n**power) for one, two, n in ((a, b, na), (b, a, nb)))

    return vjp


def sloped(x: Any, a: Any) -> Any:
    return np.where(x > 0, x, a * x)


SHUFFLED = np.array([2, 0, 3, 1])
MECHANISMS = {
    "a scale of 1 + gamma without the 1": Pair(
        lambda x, gamma: np.tanh(x) * (1 + gamma),
        lambda c, x, gamma: (c * gamma * (1 - np.tanh(x) ** 2), (c * np.tanh(x)).sum(axis=0)),
        lambda c, x, gamma: (c * (1 + x) * (1 - np.tanh(x) ** 2), (c * np.tanh(x)).sum(axis=0)),
        (drawn(5, 4), drawn(4)),
        0,
        "term-missing",
    ),
    "a state of the step before": Pair(
        recurrent, recurrent_vjp(state=0), recurrent_vjp(through=0.0), (drawn(5, 3), drawn(3, 3)), 0, "wrong-argument"
    ),
    "the new state for the old one": Pair(
        recurrent, recurrent_vjp(used=1), recurrent_vjp(first=1), (drawn(5, 3), drawn(3, 3)), 1, "wrong-argument"
    ),
    "no way back in time": Pair(
        recurrent, recurrent_vjp(through=0.0), recurrent_vjp(through=0.9), (drawn(5, 3), drawn(3, 3)), 1, "term-missing"
    ),
    "a turn of the loop left out": Pair(
        recurrent, recurrent_vjp(first=1), recurrent_vjp(state=0), (drawn(5, 3), drawn(3, 3)), 0, "term-missing"
    ),
    "half of a gate's derivative": Pair(
        kept,
        kept_vjp(lambda f: f),
        kept_vjp(lambda f: f * (1 + 0.5 * f)),
        (drawn(5, 3), drawn(5, 3)),
        1,
        "factor-missing",
    ),
    "weights of a loop transposed": Pair(
        recurrent, recurrent_vjp(turned=True), recurrent_vjp(state=0), (drawn(5, 3), drawn(3, 3)), 0, "transposed"
    ),
    "both means over the batch": Pair(
        normalised, normalised_vjp(0, 0), normalised_vjp(second=None, raw=0.3), (drawn(5, 4),), 0, "wrong-axis"
    ),
    "one mean over the batch": Pair(
        normalised, normalised_vjp(0, 1), normalised_vjp(raw=0.3), (drawn(5, 4),), 0, "wrong-axis"
    ),
    "raw for normalised": Pair(
        normalised, normalised_vjp(raw=1), normalised_vjp(raw=0.3), (drawn(5, 4),), 0, "wrong-argument"
    ),
    "the count for the sum of the weights": Pair(
        weighted, weighted_vjp(len), weighted_vjp(lambda w: (w**2).sum()), (drawn(6), drawn(6) ** 2), 0, "scaled"
    ),
    "folded as if tiled": Pair(
        repeated,
        repeated_vjp(lambda d: d.reshape(3, 2, 4).sum(axis=0)),
        repeated_vjp(lambda d: d.reshape(2, 3, 4).max(axis=1)),
        (drawn(2, 4),),
        0,
        "wrong-axis",
    ),
    "the first of the repetitions": Pair(
        repeated,
        repeated_vjp(lambda d: d[::3]),
        repeated_vjp(lambda d: d.reshape(3, 2, 4).sum(axis=0)),
        (drawn(2, 4),),
        0,
        "not-summed",
    ),
    "a mask shifted by one": Pair(masked, masked_vjp(1), masked_vjp(-2), (drawn(4, 5),), 0, "mask-wrong-threshold"),
    "an input in the other order": Pair(
        gated,
        gated_vjp(lambda x: x[:, ::-1]),
        gated_vjp(lambda x: x[:, SHUFFLED]),
        (drawn(5, 4), drawn(4, 4)),
        1,
        "wrong-argument",
    ),
    "the places of another list": Pair(
        likely, likely_vjp(FIRST), likely_vjp(np.array([2, 2, 1, 0])), (drawn(4, 3),), 0, "wrong-argument"
    ),
    "shifted as in the forward pass": Pair(
        delayed, delayed_vjp(shifted), delayed_vjp(lambda c, k: advanced(c, k + 1)), (drawn(7),), 0, "transposed"
    ),
    "taken for symmetric": Pair(
        lambda x, q: x @ q @ x + (x**2).sum(),
        lambda c, x, q: (c * 2 * (q @ x + x), c * np.outer(x, x)),
        lambda c, x, q: (c * (1.5 * (q + q.T) @ x + 2 * x), c * np.outer(x, x)),
        (drawn(4), drawn(4, 4)),
        0,
        "transposed",
    ),
    "a product over the whole batch": Pair(
        cosine, cosine_vjp(axis=None), cosine_vjp(power=3), (drawn(4, 3), drawn(4, 3)), 0, "wrong-axis"
    ),
    "the output for the input": Pair(
        sloped,
        lambda c, x, a: (c * np.where(x > 0, 1, a), (c * np.where(x > 0, 0, a * x)).sum(axis=0)),
        lambda c, x, a: (c * np.where(x > 0, 1, a), (c * np.where(x > 0, 0, x**3)).sum(axis=0)),
        (drawn(6, 3), np.array([0.5, 0.25, 2.0])),
        1,
        "wrong-argument",
    ),
    "large differences": Pair(
        lambda x: np.sin(x) * x,
        lambda c, x: (c * (np.sin(x + 0.1) * (x + 0.1) - np.sin(x) * x) / 0.1,),
        lambda c, x: (c * (np.sin(x) + x * np.cos(x) + 0.05 * (2 * np.cos(x) - x * np.sin(x))),),
        (drawn(5),),
        0,
        "finite-differences",
    ),
}


@pytest.mark.parametrize("which", MECHANISMS)
def test_mechanism_has_its_word(which: str) -> None:
    """Answers that one mistake reproduces are called by its word."""
    pair = MECHANISMS[which]
    assert told(pair.forward, pair.wrong, pair.args, pair.position) == pair.word


@pytest.mark.parametrize("which", MECHANISMS)
def test_neighbour_of_mechanism_has_another_word(which: str) -> None:
    """Answers that look alike and come from elsewhere are not called so."""
    pair = MECHANISMS[which]
    word = told(pair.forward, pair.other, pair.args, pair.position)
    assert word != pair.word


def test_one_interval_is_the_domain_of_all_arguments() -> None:
    """A pair of numbers stands for each argument's own; two pairs are one for each."""
    args = [np.full(3, 0.5), np.full(2, 0.75)]
    assert arguments.pattern(args, (0.0, 1.0)).domain == arguments.pattern(args, [(0.0, 1.0), (0.0, 1.0)]).domain
