"""Searches for the logits at which softmax, its loss and its gradient are least accurate, by hill climbing.

Random draws hardly ever meet the worst case: in a first version they never showed more than 1.45 units in the last
place where a search found 2.60. So this starts from families of rows that are built to be hard, and changes the worst
of them by little steps for as long as that makes them worse. All errors are against ball arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import bp
from bp.fast.heads import Ending, Targets, head_of, perform
from reference.lab import definitions
from reference.numerics.oracles import ball
from reports.study.bench.tables import BenchError, Effort, Say, Table

Doubles = NDArray[np.float64]

SOFTMAX, LOSS = bp.SoftmaxLayer("Softmax"), bp.LossCrossEntropyForSoftmaxLogits("CE")
#: How often every family is searched for every number of classes.
_REPEATS: dict[Effort, int] = {"quick": 1, "normal": 4, "exhaustive": 60}
CLASSES, FAST_CLASSES = (2, 3, 4, 8, 16, 64, 1023), (2, 3, 10, 100)
#: Logits up to this size, whose exponentials are normal numbers with a large margin.
_NAIVE = 700
_LARGEST = float(np.finfo(np.float64).max)
#: Rows at the start and in each later step together have about so many logits; there are so many steps.
_LOGITS, _STEPS = 4000, 8


@dataclass(frozen=True)
class Worst:
    """The largest error that was found, in units in the last place, and where."""

    error: float
    X: Doubles
    T: Doubles


Errors = Callable[[Doubles, Doubles], Doubles]


def of_p(X: Doubles, T: Doubles) -> Doubles:
    """The largest error of each row's probabilities."""
    errors: Doubles = ball.ulps(definitions.softmax, (X,), SOFTMAX.forward(X)).value.max(axis=1)
    return errors


def of_loss(X: Doubles, T: Doubles) -> Doubles:
    """The error of each row's loss."""
    return ball.ulps(partial(definitions.cross_entropy_of_logits, T=T), (X,), LOSS.forward(X, T)).value[:, 0]


def of_delta(X: Doubles, T: Doubles) -> Doubles:
    """The largest error of each row's gradient."""
    errors: Doubles = _of_delta(X, T).max(axis=1)
    return errors


def of_soft_delta(X: Doubles, T: Doubles) -> Doubles:
    """The largest error of each row's gradient, in units in the last place of the larger of p and t."""
    spec = partial(definitions.cross_entropy_of_logits, T=T)
    own = np.spacing(np.abs(ball.vjp(spec, np.ones((len(X), 1)), (X,))[0].value))
    errors: Doubles = (_of_delta(X, T) * (own / np.spacing(np.maximum(SOFTMAX.forward(X), T)))).max(axis=1)
    return errors


def _of_delta(X: Doubles, T: Doubles) -> Doubles:
    spec = partial(definitions.cross_entropy_of_logits, T=T)
    return ball.ulps(spec, (X,), LOSS.delta(X, T), np.ones((len(X), 1))).value


def of_fast(ending: Ending, what: Literal["loss", "delta"], X: Doubles, T: Doubles) -> Doubles:
    """The error of the fast path for each row, with u = 2^-53: of its loss in u max(1, loss), of its gradient in u.

    0 where it leaves a row to the plain path, because something is not finite, and where the naive softmax loses digits
    on any path, because its exponentials are subnormal.
    """
    head = head_of(ending, X.shape[1], len(X), len(X), X.dtype)
    Y, delta, targets = np.ascontiguousarray(X.T), np.empty(X.T.shape), Targets.of(T)
    with np.errstate(all="ignore"):
        perform([*head.outputs(Y), *head.delta(Y, targets, 1.0, delta)])
        losses = head.losses(Y, targets)
    done = np.isfinite(losses) & [not head.breaks(Y[:, [n]], Targets.of(T[[n]])) for n in range(len(X))]
    if ending == "naive":
        done &= np.abs(X).max(axis=1) <= _NAIVE
    spec, unit = partial(definitions.cross_entropy_of_logits, T=T), 2.0**-53
    if what == "delta":
        off = np.abs(delta.T - ball.vjp(spec, np.ones((len(X), 1)), (X,))[0].value).max(axis=1) / unit
    else:
        ulps, loss = ball.ulps(spec, (X,), losses[:, np.newaxis]).value[:, 0], ball.value(spec, (X,)).value[:, 0]
        off = np.where(done, ulps, 0) * (np.spacing(np.minimum(loss, 2.0**1023)) / np.maximum(1, loss) / unit)
    return np.where(done, off, 0)


def fast_bound(k: int) -> float:
    """What the fast path promises for K classes, in units of `of_fast`."""
    return 2.0 * k + 4


ENDINGS: tuple[Ending, ...] = ("naive", "stable", "logits")

#: The functions that give the error of each row, by quantity; those of the second need soft targets.
ONE_HOT: Mapping[str, Errors] = {"p": of_p, "loss": of_loss, "delta": of_delta}
SOFT: Mapping[str, Errors] = {"loss, soft targets": of_loss, "delta, soft targets": of_soft_delta}


def families(rng: np.random.Generator, n: int, k: int) -> Iterator[tuple[str, Doubles]]:
    """Rows of logits (n, k) of each family with its name."""
    yield "N(0, s)", rng.normal(0, rng.choice([1e-9, 1e-3, 0.3, 3, 30, 300]), (n, k))
    one_large = np.repeat(-rng.choice([0.34, np.log(2), 5, 20, 80, 300]) * rng.uniform(0.98, 1.02, (n, 1)), k, axis=1)
    one_large[:, 0], one_large[:, 1] = 0, -rng.uniform(0, 40, n)
    yield "one large, many equal", one_large
    power = np.repeat(-rng.integers(1, 70, (n, 1)) * np.log(2) + rng.uniform(-0.02, 0.02, (n, 1)), k, axis=1)
    power -= np.log(k)
    power[:, 0] = 0
    yield "sum near a power of two", power
    subnormal = -rng.uniform(690, 765, (n, k))
    subnormal[:, 0] = 0
    yield "subnormal results", subnormal + rng.choice([0, 300.3, -12345.678])
    shift = rng.choice([1e3, 1e6, -1e9, 2.0**39.9, 2.0**40.1, -(2.0**43.9), 2.0**47, -(2.0**52)])
    yield "offset", rng.normal(0, rng.choice([0.1, 1, 10, 100]), (n, k)) + shift
    huge = rng.uniform(-1, 1, (n, k)) * rng.choice([_LARGEST, 1e300, 2.0**50, 2.0**41])
    ties = rng.random((n, k)) < 0.5  # noqa: PLR2004 - every other one
    yield "up to 1.8e308", np.where(ties, huge[:, :1], huge)


def one_hot(rng: np.random.Generator, X: Doubles) -> Doubles:
    """One-hot targets: the most probable class in about every other row."""
    t = np.where(rng.random(len(X)) < 0.5, X.argmax(axis=1), rng.integers(0, X.shape[1], len(X)))  # noqa: PLR2004
    return np.asarray(np.eye(X.shape[1])[t])


def soft(rng: np.random.Generator, X: Doubles) -> Doubles:
    """Soft targets: near the probabilities, all alike, or one class with nearly everything."""
    weights = SOFTMAX.forward(X) * rng.choice([1, 1 + 1e-12, 1 + 1e-3], X.shape)
    weights[1::3] = rng.random(weights[1::3].shape) + 1e-3
    weights[2::3] = 10.0 ** -rng.uniform(0, 30, (len(weights[2::3]), 1))
    weights[2::3, 0] = 1
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def climb(rng: np.random.Generator, errors: Errors, X: Doubles, T: Doubles) -> Worst:
    """The worst row that is found from the worst of the rows given, by small changes of logits and soft targets."""
    n = max(len(X) // 4, 1)
    found = errors(X, T)
    for _ in range(_STEPS):
        best = np.argsort(-found)[: max(n // 8, 1)]
        X, T, found = X[best], T[best], found[best]
        more = np.repeat(np.arange(len(best)), 8)
        X_more, T_more = _changed(rng, X[more]), T[more]
        if ((T_more > 0).sum(axis=1) > 1).any():
            T_more = T_more * rng.choice([1, 1 + 2.0**-52, 1 + 2.0**-30], T_more.shape)
            T_more /= T_more.sum(axis=1, keepdims=True)
        X, T = np.concatenate([X, X_more]), np.concatenate([T, T_more])
        found = np.concatenate([found, errors(X_more, T_more)])
    worst = int(np.argmax(found))
    return Worst(float(found[worst]), X[worst], T[worst])


def _changed(rng: np.random.Generator, X: Doubles) -> Doubles:
    """Rows with some of their logits changed by little; equal logits stay equal."""
    size = rng.choice([1e-16, 1e-12, 1e-6, 1e-3], (len(X), 1))
    changes = 1 + size * rng.normal(size=X.shape) * (rng.random(X.shape) < 0.5)  # noqa: PLR2004
    for row, factors in zip(X, changes, strict=True):
        _, group = np.unique(row, return_inverse=True)
        factors[:] = factors[group]
    with np.errstate(over="ignore"):
        return np.clip(X * changes, -_LARGEST, _LARGEST)


def search(quantities: Mapping[str, Errors], classes: int, seed: int) -> dict[tuple[str, str], Worst]:
    """The worst case of each quantity in each family, for one number of classes."""
    rng = np.random.default_rng(seed)
    n = max(_LOGITS // classes, 4)
    worst: dict[tuple[str, str], Worst] = {}
    for family, X in families(rng, n, classes):
        T = one_hot(rng, X) if quantities is ONE_HOT else soft(rng, X)
        for quantity, errors in quantities.items():
            worst[quantity, family] = climb(rng, errors, X, T)
    return worst


def run(effort: Effort, say: Say) -> list[Table]:
    """Search at an effort: a table of the worst cases by quantity and family."""
    return [measure(CLASSES, _REPEATS[effort], say), measure_fast(FAST_CLASSES, _REPEATS[effort], say)]


def measure(classes: tuple[int, ...], repeats: int, say: Say) -> Table:
    """Search for some numbers of classes.

    Raises
    ------
    BenchError
        Ball arithmetic is absent.
    """
    if (reason := ball.available()) is not None:
        raise BenchError(f"search: {reason}")
    worst: dict[tuple[str, str], Worst] = {}
    for k in classes:
        say(f"search: {k} classes")
        for seed in range(repeats):
            for quantities in (ONE_HOT, SOFT):
                for key, found in search(quantities, k, 1000 * k + seed).items():
                    if key not in worst or found.error > worst[key].error:
                        worst[key] = found
    rows: list[dict[str, Any]] = []
    for quantity in (*ONE_HOT, *SOFT):
        of_families = {family: found for (name, family), found in worst.items() if name == quantity}
        family, largest = max(of_families.items(), key=lambda item: item[1].error)
        rows.append({"of": quantity, "worst": largest.error, "in": f"{family}, K = {len(largest.X)}"})
        rows[-1] |= {name: found.error for name, found in of_families.items()}
    return Table(
        "The largest errors that a search finds, in units in the last place",
        rows,
        f"Hill climbing from hard rows of {', '.join(map(str, classes))} classes, {repeats} times for each family. The "
        "gradient at soft targets is measured in units of the larger of p and t.",
    )


def measure_fast(classes: tuple[int, ...], repeats: int, say: Say) -> Table:
    """Search the heads of the fast path: a row for each ending, quantity and number of classes."""
    rows = []
    for ending in ENDINGS:
        say(f"search: fast path, {ending}")
        for what in ("loss", "delta"):
            errors = partial(of_fast, ending, what)
            for k in classes:
                row: dict[str, Any] = {"ending": ending, "of": what, "K": k}
                for kind, targets in (("one-hot", one_hot), ("soft", soft)):
                    row[kind] = max(_searched(errors, targets, k, seed) for seed in range(repeats))
                rows.append(row | {"promised": fast_bound(k)})
    return Table(
        "The largest errors of the fast path that a search finds, in units of 2^-53",
        rows,
        "Of losses in absolute terms up to 1 and relative to the loss above, of gradients in absolute terms.",
    )


def _searched(
    errors: Errors, targets: Callable[[np.random.Generator, Doubles], Doubles], classes: int, seed: int
) -> float:
    """The worst error over all families."""
    rng = np.random.default_rng(1000 * classes + seed)
    n = max(_LOGITS // classes, 4)
    return max(climb(rng, errors, X, targets(rng, X)).error for _, X in families(rng, n, classes))
