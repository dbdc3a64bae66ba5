"""The lab's methods in exact arithmetic: the truth from the definitions, and a submission's own code on balls.

The truth comes from the tape of the oracle (`reference.numerics.oracles.ball`), the answer from the code itself, on the
arrays of `reference.numerics.balls`: the two share no rule. All are computed at the precision of the moment.
Importing this module imports flint, which is optional.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.perform import objects_after
from reference.lab import definitions
from reference.lab.cases import Case
from reference.lab.contract import Message
from reference.numerics import ball_tolerances, balls
from reference.numerics.balls import Difference
from reference.numerics.balls.array import BallArray
from reference.numerics.oracles.ball import Balls

Array = NDArray[Any]


def difference(
    classes: Mapping[str, type], message: Message, case: Case, at: tuple[int, tuple[int, ...]] | None = None
) -> Difference | None:
    """How what the code of a method means differs from the definition.

    Parameters
    ----------
    classes
        The contract's names, each with the class that implements it.
    message, case
        What is asked.
    at
        The part of the answer and the entry to compare; None: all of them.

    Raises
    ------
    Refused, Undecided
        As for `reference.numerics.balls.compared`.
    """
    layer = objects_after(classes, message.setting(case))["layer"]
    exact = {float(x) for array in case.parameters.values() for x in array.ravel()}

    def sides() -> tuple[list[BallArray], list[BallArray]]:
        truths, given = _posed(message, case)
        (method,) = balls.rebound_together(getattr(layer, message.method), exact=exact)
        return truths, _parts(message, case, method(**given))

    return balls.compared(sides, range(len(message.parts)), at, floor=ball_tolerances.DEFINITION_FLOOR)


def _posed(message: Message, case: Case) -> tuple[list[BallArray], dict[str, BallArray]]:
    """The parts of the true answer, and the arguments.

    Outputs that are given to ``delta`` are exact ones, and probabilities are divided by their sum, whose rounding is
    none of the method's.
    """
    spec, args = _definition(message, case)
    output = spec(*args)
    if message.method == "forward":
        truths = [output]
    else:
        weights = case.arguments.get("delta_next", np.ones(output.shape))
        output.accumulate(Balls.of(weights).matrix)
        gradients = [each.gradient() for each in args]
        truths = gradients[:1] if message.method == "delta" else [each / case.n_samples for each in gradients[1:]]
    given = {name: Balls.of(array) for name, array in case.arguments.items()}
    if "X" in given:
        given["X"] = args[0]
    if "Y" in given:
        given["Y"] = output
    arrays = {name: balls.of_enclosures(each.matrix.entries(), each.shape) for name, each in given.items()}
    return [balls.of_enclosures(each.matrix.entries(), each.shape) for each in truths], arrays


def _definition(message: Message, case: Case) -> tuple[Callable[..., Balls], list[Balls]]:
    """The definition of the forward pass, and what it is differentiated for."""
    X = Balls.of(case.arguments["X"] if case.origin is None else case.origin)
    if message.key == "cross_entropy":
        X = X / X.sum(dim=1, keepdim=True)
    T = case.arguments.get("T")
    specs: dict[str, Callable[..., Balls]] = {
        "linear": definitions.linear,
        "relu": definitions.relu,
        "softmax": definitions.softmax,
        "cross_entropy": lambda P: definitions.cross_entropy(P, T),
        "logits": lambda X: definitions.cross_entropy_of_logits(X, T),
    }
    args = [X.detach(), *(Balls.of(array) for array in case.parameters.values())]
    for each in args:
        each.tracked = True
    return specs[message.key], args


def _parts(message: Message, case: Case, answer: Any) -> list[BallArray]:
    """The parts of an answer, as arrays of balls."""
    several = len(message.parts) > 1
    parts = list(answer) if several and isinstance(answer, list | tuple) else [answer]
    shapes = message.shapes(case)
    if len(parts) != len(shapes):
        raise balls.Refused("the answer", f"is of type {type(answer).__name__}")
    return [balls.as_result(part, shape, "the answer") for part, shape in zip(parts, shapes, strict=True)]
