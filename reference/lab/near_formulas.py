"""Names what is added, clipped or left out in a formula that is wrong by less than doubles show, from exact answers.

Each hypothesis has a constant, which every answer tells: where all of them tell the same one, and where the answers
that it does not touch are right, that is what the code does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reference.lab.cases import Case
from reference.lab.contract import Message
from reference.lab.estimation import neat_between
from reference.numerics import ball_tolerances
from reference.numerics.oracles.ball import precision

if TYPE_CHECKING:
    from reference.numerics.balls import Difference

Array = NDArray[Any]
Constants = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Entry:
    """What is due and what came at one entry, as enclosures, with whatever a hypothesis needs besides."""

    index: tuple[int, ...]
    due: Any
    came: Any

    @property
    def part(self) -> Any:
        """By what part of what is due the two differ for certain."""
        return abs(self.came) if self.due.is_zero() else abs(self.came - self.due).lower() / abs(self.due).upper()

    @property
    def is_off(self) -> bool:
        """Whether they differ by more than is granted."""
        return bool(self.part > ball_tolerances.FORMULA_AGREES)


def named(message: Message, case: Case, found: Difference) -> tuple[str | None, Constants]:
    """The word for the mistake, and its constant by name; None and none where nothing is certain."""
    told: list[tuple[str, str, float]] = []
    with precision(ball_tolerances.CONSTANT_BITS):
        for word, name, constants in _hypotheses(message, case, _entries(message, case, found)):
            constant = _common(constants)
            if constant is not None:
                told.append((word, name, constant))
    if not told:
        return None, ()
    # Of several the one with the roundest constant: who adds 1e-12 has not written 0.9999999999996667.
    word, name, constant = min(told, key=lambda each: len(repr(each[2]).replace("0", "")))
    return word, ((name, repr(constant)),)


def _entries(message: Message, case: Case, found: Difference) -> list[_Entry]:
    places = [index for shape in message.shapes(case) for index in np.ndindex(*shape)]
    return [_Entry(index, due, came) for index, (due, came) in zip(places, found.exact, strict=True)]


def _hypotheses(message: Message, case: Case, entries: Sequence[_Entry]) -> Iterator[tuple[str, str, list[Any]]]:
    """The word, the name of the constant, and what each answer says that it is; none where one speaks against it."""
    if message.key == "relu":
        yield "mask-wrong-threshold", "threshold", _threshold(case, entries)
        yield "leaky", "slope", _slopes(case, entries)
    inner = _PROBABILITIES.get(message.subject)
    if inner is not None:
        pairs = [(inner(each, each.due, case), inner(each, each.came, case), each) for each in entries]
        pairs = [each for each in pairs if each[0] is not None]
        yield "epsilon-added", "epsilon", [came - due for due, came, _ in pairs]
        yield "clipped", "limit", _limit(pairs)
        yield "clipped", "smallest probability", _left_out(pairs)
        if message.subject in {"SoftmaxLayer.forward", "LossCrossEntropyForSoftmaxLogits.delta"}:
            sums = 1 / np.exp(_log_softmax(case.arguments["X"])).max(axis=1)
            yield "epsilon-added", "epsilon", [(d / c - 1) * float(sums[each.index[0]]) for d, c, each in pairs]
    if message.subject == "LossCrossEntropyForSoftmaxLogits.forward":
        yield "epsilon-added", "epsilon", _added_to_sum(case, entries)
    if message.method == "grad":
        yield "epsilon-added", "epsilon", [(each.due / each.came - 1) * case.n_samples for each in entries]
    if message.subject == "SoftmaxLayer.delta":
        sizes = case.arguments["Y"]
        yield "clipped", "smallest probability", _zeroed(entries, lambda each: float(sizes[each.index]))
    yield "scaled", "factor less 1", [each.came / each.due - 1 for each in entries if not each.due.is_zero()]
    yield "extra-term", "term", [each.came - each.due for each in entries]


def _of_loss(_: _Entry, loss: Any, __: Case) -> Any:
    """The probability of the target, from the loss."""
    return (-loss).exp()


def _of_slope(each: _Entry, slope: Any, case: Case) -> Any:
    """The probability of the target, from the slope of the loss."""
    return -1 / slope if case.arguments["T"][each.index] else None


def _of_logits(each: _Entry, delta: Any, case: Case) -> Any:
    """The probability, from the gradient with respect to a logit."""
    return delta + int(case.arguments["T"][each.index])


#: By method: how an answer tells a probability.
_PROBABILITIES: dict[str, Callable[[_Entry, Any, Case], Any]] = {
    "LossCrossEntropy.forward": _of_loss,
    "LossCrossEntropyForSoftmaxLogits.forward": _of_loss,
    "LossCrossEntropy.delta": _of_slope,
    "SoftmaxLayer.forward": lambda _, probability, __: probability,
    "LossCrossEntropyForSoftmaxLogits.delta": _of_logits,
}


def _limit(pairs: Sequence[tuple[Any, Any, _Entry]]) -> list[float]:
    """The number at which small probabilities are clipped: all that are below it, and no others."""
    limits = [float(came) for _, came, each in pairs if each.is_off]
    right = all(float(due) >= max(limits) for due, _, each in pairs if not each.is_off) if limits else False
    return limits if right and all(float(due) < float(came) for due, came, each in pairs if each.is_off) else []


def _left_out(pairs: Sequence[tuple[Any, Any, _Entry]]) -> list[float]:
    sizes = {each.index: float(due) for due, _, each in pairs}
    return _zeroed([each for _, _, each in pairs], lambda each: sizes[each.index])


def _zeroed(entries: Sequence[_Entry], size: Callable[[_Entry], float]) -> list[float]:
    """The number below which what is small is taken for 0, if all that is wrong is 0 and smaller than the rest."""
    gone = [each for each in entries if each.came.is_zero() and not each.due.is_zero()]
    left = [each for each in entries if not each.came.is_zero()]
    if any(each.part > ball_tolerances.OTHERS_LEFT for each in left):
        return []
    small = max((size(each) for each in gone), default=0.0)
    large = min((size(each) for each in left), default=np.inf)
    return [neat_between(small, large)] if 0 < small < large < np.inf else []


def _threshold(case: Case, entries: Sequence[_Entry]) -> list[float]:
    """Where a unit is switched on, if that is anywhere but at 0."""
    key = case.arguments["Y" if "Y" in case.arguments else "X"]
    return _zeroed(entries, lambda each: float(np.abs(key[each.index])))


def _slopes(case: Case, entries: Sequence[_Entry]) -> list[Any]:
    """The slopes where a unit is off."""
    key = case.arguments["X" if "X" in case.arguments else "delta_next"]
    return [each.came / float(key[each.index]) for each in entries if each.due.is_zero()]


def _added_to_sum(case: Case, entries: Sequence[_Entry]) -> list[Any]:
    """What is added to the sum of exponentials before its logarithm is taken."""
    X, T = case.arguments["X"], case.arguments["T"]
    gaps = ((X - X.max(axis=1, keepdims=True)) * T).sum(axis=1)
    return [
        float((each.came.exp() - each.due.exp()) * np.exp(gap))
        for each, gap in zip(entries, gaps.tolist(), strict=True)
    ]


def _log_softmax(X: Array) -> Array:
    Z = X - X.max(axis=1, keepdims=True)
    return np.asarray(Z - np.log(np.exp(Z).sum(axis=1, keepdims=True)))


def _common(constants: Sequence[Any]) -> float | None:
    """The one constant that all answers tell, as round as it can be; None where they tell different ones, or none."""
    low, high = -np.inf, np.inf
    for each in constants:
        least, most = (each, each) if isinstance(each, float) else (float(each.lower()), float(each.upper()))
        low = max(low, least - ball_tolerances.CONSTANT_ROUNDING * abs(least))
        high = min(high, most + ball_tolerances.CONSTANT_ROUNDING * abs(most))
    known = (
        -ball_tolerances.CONSTANT_SMALL < low <= high < ball_tolerances.CONSTANT_SMALL
        and np.sign(low) == np.sign(high) != 0
    )
    return neat_between(low, high) if known and high - low <= ball_tolerances.CONSTANT_KNOWN * abs(high) else None
