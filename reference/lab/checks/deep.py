"""The gradient of a net as deep as the lab's for MNIST: each of its 67,530 entries against an exact answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.protocol import Call, Work
from reference.findings import Violation
from reference.lab.context import Context, Response, wrong_entry
from reference.lab.contract import one_hot
from reference.lab.net_run import NetRun
from reference.lab.network import NetCase
from reference.lab.replies import part_of, raised
from reference.numerics import network_rounding, rounding, tolerances
from reference.numerics.estimate import Estimate
from reference.wording import Fact, fact

Array = NDArray[np.float64]

#: Of the lab's net for MNIST, from the pixels to the ten digits.
WIDTHS = (784, 64, 64, 64, 64, 64, 10)
#: Samples: with one alone a missing 1/N is no mistake, with eight the check takes a tenth of a second.
N_SAMPLES = 8


def check_gradient_of_deep_net(context: Context) -> None:
    """In a net with five hidden layers and 67,530 parameters, too, every entry of ``gradient(X, T)`` is right.

    Rounding is granted by `network_rounding.bounds`. So many parameters and layers show what small nets do not:
    sums over many terms in low precision, layers or outputs confused that are equally wide, one entry among many.
    """
    context.truth()  # raises NotApplicable before anything is called
    for number in range(max(1, context.rounds // tolerances.ROUNDS_PER_DEEP_NET)):
        compound = context.assignment > 1 and number % 2 == 0
        drawn = partial(draw, context.rng(f"net.deep.{number}"), compound=compound)
        case, bounds = context.known(("deep", context.seed, number, compound), drawn)
        truth = NetRun(context, case).true_gradient
        parts = _parts(case, context, truth)
        context.log.append(Response(tuple(parts), bounds))
        _judge(case, parts, truth(), bounds)


def draw(
    rng: np.random.RandomState, *, widths: Sequence[int] = WIDTHS, n: int = N_SAMPLES, compound: bool = True
) -> tuple[NetCase, tuple[Array, ...]]:
    """A case, and the bounds on an honest gradient's rounding.

    Weights keep the size of signals from layer to layer (He et al. 2015); inputs are pixels above 0, so that no weight
    is without effect. No unit is as near to 0 as rounding could take it.
    """
    while True:
        theta = []
        for d, u in pairwise(widths):
            theta += [rng.randn(d, u) * np.sqrt(2 / d), rng.randn(u) / 8]
        X = rng.randint(1, 256, (n, widths[0])) / 256
        T = one_hot(rng.randint(0, widths[-1], n), widths[-1])
        sizes = network_rounding.bounds(X, theta, T, rounding.DOUBLE)
        if sizes.decided:
            return NetCase(tuple(widths), tuple(theta), X, T, compound), sizes.gradient


def _judge(case: NetCase, parts: Sequence[Array], truth: Sequence[Estimate], bounds: Sequence[Array]) -> None:
    for number, (part, due, bound) in enumerate(zip(parts, truth, bounds, strict=True)):
        wrong = wrong_entry(f"gradient(X, T)[{case.linear[number // 2]!r}][{number % 2}]", part, due, bound)
        if wrong is not None:
            count, every = number_of_wrong(parts, truth, bounds), sum(part.size for part in parts)
            came = wrong.came.and_("entries wrong", wrong=count, entries=every)
            # No picture, since the numbers of the case are not shown either.
            raise wrong.but(came=came, counterexample=_recipe(case), evidence=None)


def number_of_wrong(parts: Sequence[Array], truth: Sequence[Estimate], bounds: Sequence[Array]) -> int:
    """How many entries are farther from the truth than rounding can take them, or are no numbers."""
    with np.errstate(invalid="ignore", over="ignore"):
        right = [
            int(np.count_nonzero(np.abs(part - due.value) <= bound + due.error))
            for part, due, bound in zip(parts, truth, bounds, strict=True)
        ]
    return sum(part.size for part in parts) - sum(right)


def _parts(case: NetCase, context: Context, meanwhile: Work) -> list[Array]:
    """The gradient's arrays in the order of theta; what else may be wrong with them, the checks of small nets find."""
    steps = [*case.steps(), Call("net", "gradient", {"X": case.X, "T": case.T})]
    (replies,) = context.executor.run_all([steps], [meanwhile])
    for reply in replies:
        if reply.error is not None:
            raise _violation(case, fact("answers", what="MLP.gradient(X, T)"), raised(reply), "crash")
    reply = replies[-1]
    parts = [part_of(reply.value, name, place) for name in case.linear for place in (0, 1)]
    arrays = []
    for name, part, like in zip(np.repeat(case.linear, 2), parts, case.theta, strict=True):
        array = np.asarray(part)
        if array.dtype.kind not in "fiu" or array.size != like.size:
            due = fact("array under", name=name, shape=like.shape)
            raise _violation(case, due, fact("shape", shape=array.shape), "wrong-shape")
        arrays.append(array.reshape(like.shape).astype(np.float64))
    return arrays


def _violation(case: NetCase, due: Fact, came: Fact, mistake: str) -> Violation:
    return Violation(due, came, counterexample=_recipe(case), mistake=mistake)


def _recipe(case: NetCase) -> dict[str, Any]:
    """The counterexample in sizes: the numbers themselves would fill a book."""
    return {"n_inputs": case.widths[0], "n_units": list(case.widths[1:]), "n_samples": len(case.X)}
