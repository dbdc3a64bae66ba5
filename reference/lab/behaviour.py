"""What a method does when it is asked again, and how its errors are spread: no other coding reproduces that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from reference.execution.worker.protocol import New, Seed
from reference.findings import Violation
from reference.lab.cases import Case
from reference.lab.context import Context
from reference.lab.contract import Message, forward_of
from reference.lab.mistakes.departures import Array, Given
from reference.lab.mistakes.plain import CLASSES, softmax
from reference.lab.observations import Observation, formula_of
from reference.numerics import tolerances
from reference.numerics.compare import differing_entry
from reference.numerics.rounding import DOUBLE, SINGLE
from reference.wording import hint_of

#: How often a call is repeated to see whether the answers differ.
_REPEATS = 4
#: By name: the unit roundoff, the smallest number and the largest one of types with fewer bits than a double.
_TYPES = {
    "float32": (SINGLE.u, SINGLE.tiny, float(np.finfo(np.float32).max)),
    "float16": (tolerances.HALF_UNIT, tolerances.SMALLEST_HALF, float(np.finfo(np.float16).max)),
}
#: The fraction of entries that have to be as near to the truth as a precision takes them: others overflow in it.
_MOST = 0.95
#: How large an error may be beside the largest number of an answer, if fewer digits are to explain it.
_LARGEST_ERROR = 0.05
#: How many bounds of that precision an answer may be off.
_BOUNDS = 8.0
#: How large the mean of rounding errors may be, relative to the mean of their sizes.
_SCATTERED = 0.6
#: Roundings of the function, relative to its largest value, in a difference quotient.
_NOISE = 64.0
#: How much of the errors may be left where quotients reproduce them: with large steps they are not rounding.
_REPRODUCED = 0.2
#: How many answers are compared with difference quotients, and how many entries one has at most: a choice of time.
_QUOTIENTS, _MOST_ENTRIES = 8, 40
#: Answers with one wrong row that are needed before it is said to be that row's, and how many rows each has at least.
_ONE_ROW, _SEVERAL_ROWS = 4, 3
#: Answers that have to be looked at before anything is said of errors.
_FEWEST = 12
#: What to think about where the answers depend on the numbers with which a layer began.
_KEPT = "W and b may be written into at any time: what is computed from them earlier, and kept?"


def hides(violation: Violation) -> bool:
    """Whether a number came where NaN or infinity is due: that of a row with NaN, or the largest double there is."""
    due, came = violation.due, violation.came
    if due.kind == "NaN kept":
        return True
    if due.kind != "entry" or came.kind != "entry" or np.isfinite(due["value"]):
        return False
    return bool(abs(came["value"]) == np.finfo(np.float64).max)


def remembers_the_start(context: Context, message: Message, case: Case) -> bool:
    """Whether an answer depends on the numbers with which a layer began, although others stand in it now."""
    begun = message.setting(case)[0]
    if not isinstance(begun, New) or "rng" not in begun.arguments:
        return False
    bounds = context.answer(message, case).bounds
    answers = []
    for seed in range(2):
        steps = context.steps(message, case)
        steps[0] = New(begun.name, begun.cls, {**begun.arguments, "rng": Seed(seed)})
        try:
            answers.append(context.of(context.executor, []).parts(message, case, context.executor.run(steps)[-1]))
        except Violation:
            return False
    return any(differing_entry(*each) is not None for each in zip(*answers, bounds, strict=True))


def asked_again(context: Context, violation: Violation) -> str | None:
    """The word for a method that writes into its arguments, or answers the same call in different ways."""
    message, case = violation.asked
    answers = []
    for _ in range(_REPEATS):
        try:
            reply = context.of(context.executor, []).ask(message, case)
            if reply.changed:
                return "mutates-input"
            answers.append(context.of(context.executor, []).parts(message, case, reply))
        except Violation:
            return None
    bounds = context.answer(message, case).bounds
    for other in answers[1:]:
        if any(differing_entry(*each) is not None for each in zip(answers[0], other, bounds, strict=True)):
            return "nondeterministic"
    return None


def of_one_row(context: Context, message: Message, wrong: Sequence[Observation]) -> str | None:
    """The word for answers of which the last row alone is wrong, or the first, in each batch with several."""
    if not message.per_sample:
        return None
    several = [each for each in wrong if len(each.answer[0]) >= _SEVERAL_ROWS]
    if len(several) < _ONE_ROW:
        return None
    rows = {_wrong_rows(context, message, each) for each in several}
    if rows == {"last"}:
        return "last-sample-wrong"
    return "row-wrong" if rows == {"first"} else None


def _wrong_rows(context: Context, message: Message, each: Observation) -> str | None:
    """Which row alone is wrong, the first or the last; None if it is another one, or several are."""
    truth = context.answer(message, each.case).truth[0]
    with np.errstate(all="ignore"):
        off = ~(np.abs(each.answer[0] - truth.value) <= each.bounds[0] + truth.error)
    rows = np.flatnonzero(off.any(axis=1)).tolist()
    return "first" if rows == [0] else "last" if rows == [len(off) - 1] else None


def by_errors(
    context: Context, message: Message, observations: Sequence[Observation], *, differences: bool, single: bool = False
) -> tuple[str, str] | None:
    """The word for answers that are nearly right, and what is known of the precision or the step; None if neither.

    ``differences``: whether difference quotients are thought of; that takes longer.

    ``single``: whether the answers are wrong only where some arguments are in single precision: then few tell enough.
    """
    judged = [_Errors.of(context, message, each) for each in observations]
    if single and _has_precision(judged, "float32", few=True):
        return "low-precision", "float32"
    if sum(each.error.size for each in judged) < _FEWEST:
        return None
    for name in _TYPES:
        if _has_precision(judged, name):
            return "low-precision", name
    if not differences or message.method == "forward":
        return None
    chosen = sorted(judged, key=lambda each: each.answer.size)
    chosen = chosen[:: max(1, len(chosen) // _QUOTIENTS)][:_QUOTIENTS]
    return _differences(message, [each for each in chosen if each.answer.size <= _MOST_ENTRIES])


@dataclass(frozen=True)
class _Errors:
    """The errors of one answer, all parts in a row."""

    observation: Observation
    answer: Array
    truth: Array
    error: Array
    bound: Array

    @classmethod
    def of(cls, context: Context, message: Message, each: Observation) -> _Errors:
        expected = context.answer(message, each.case)
        truth = np.concatenate([part.value.ravel() for part in expected.truth])
        bound = np.concatenate(
            [b.ravel() + t.error.ravel() for b, t in zip(expected.bounds, expected.truth, strict=True)]
        )
        answer = np.concatenate([part.ravel() for part in each.answer])
        with np.errstate(all="ignore"):
            return cls(each, answer, truth, np.abs(answer - truth), bound)


def _has_precision(judged: Sequence[_Errors], name: str, *, few: bool = False) -> bool:
    """Whether the answers are as near to the truth as that precision takes them, and no nearer."""
    unit, smallest, largest = _TYPES[name]
    within = total = 0
    typical: list[float] = []
    relative: list[Array] = []
    absolute: list[Array] = []
    for each in judged:
        allowed = (each.bound / DOUBLE.u + np.abs(each.truth)) * unit
        known = (np.abs(each.truth) < largest) & np.isfinite(each.answer)
        room = _BOUNDS * allowed + _BOUNDS * smallest * max(1.0, _largest(each.observation))
        # In half precision long sums may be off by as much as they are: that tells nothing.
        room = np.minimum(room, _LARGEST_ERROR * np.abs(each.truth).max(initial=0) + smallest)
        within += int(np.count_nonzero(each.error[known] <= room[known]))
        total += each.error.size
        wrong = known & (each.error > each.bound)
        if wrong.any():
            with np.errstate(over="ignore", invalid="ignore"):
                off = ((each.answer - each.truth) / np.maximum(allowed, smallest))[wrong]
                typical.append(float(np.abs(off).max()))
                relative.append(off * np.sign(each.truth)[wrong])
                absolute.append(off)
    if not typical or within < _MOST * total:
        return False
    if not few and not (_scattered(np.concatenate(relative)) and _scattered(np.concatenate(absolute))):
        return False
    return float(np.median(typical)) >= tolerances.TYPICAL_LOW_PRECISION


def _scattered(errors: Array) -> bool:
    """Whether errors go either way, as roundings do: a formula that is nearly right is mostly off in one direction."""
    return errors.size >= _FEWEST and bool(abs(errors.mean()) <= _SCATTERED * np.abs(errors).mean())


def _largest(each: Observation) -> float:
    return max(float(np.abs(array).max(initial=0)) for array in each.given.values())


def _differences(message: Message, judged: Sequence[_Errors]) -> tuple[str, str] | None:
    """The word for difference quotients, and their step, where the answers are those that a step gives."""
    if sum(each.error.size for each in judged) < _FEWEST:
        return None
    # A wrong formula is farther off than any quotient: the first answers tell most of them.
    steps = []
    for step in tolerances.QUOTIENT_STEPS:
        if any(_fits(message, judged, step, one_sided=one_sided) for one_sided in (False, True)):
            steps.append(step)
            # A linear function's quotients fit with several steps.
            if message.cls != "LinearLayer":
                break
    return ("finite-differences", f"{sorted(steps)[len(steps) // 2]:.2g}") if steps else None


def _fits(message: Message, judged: Sequence[_Errors], step: float, *, one_sided: bool) -> bool:
    """Whether the answers are these difference quotients but for the rounding of the function."""
    residuals, errors, sizes, typical = [], [], [], []
    signed: list[Array] = []
    for each in judged:
        found = _quotients(message, each.observation.given, step, one_sided=one_sided)
        if found is None:
            return False
        quotients, size = found
        noise = _NOISE * DOUBLE.u * size / step + 2 * each.bound
        neither = np.isnan(each.answer) & np.isnan(quotients)
        signed.append(np.where(neither, 0, (each.answer - quotients) / noise))
        residuals.append(np.abs(signed[-1]))
        if np.count_nonzero(residuals[-1] <= 1) < residuals[-1].size / 2:
            return False
        errors.append(np.where(neither, 0, (each.answer - each.truth) / noise))
        sizes.append(errors[-1] * np.sign(each.truth))
        typical.append(float(np.abs(errors[-1]).max()))
    # Quotients are seldom exact: most answers are wrong.
    wrong = sum(bool((each.error > each.bound).any()) for each in judged)
    residual, error, size_error = map(np.concatenate, (residuals, errors, sizes))
    if (
        wrong < len(judged) / 2
        or np.count_nonzero(residual <= 1) < _MOST * residual.size
        or np.median(typical) <= tolerances.TYPICAL_LOW_PRECISION / 4
    ):
        return False
    reproduced = bool(residual.sum() <= _REPRODUCED * np.abs(error).sum())
    left = np.concatenate(signed)
    size_left = left * np.concatenate([np.sign(each.truth) for each in judged])
    return any(_scattered(one) and _scattered(other) for one, other in ((error, size_error), (left, size_left))) or (
        reproduced
    )


def _quotients(message: Message, given: Given, step: float, *, one_sided: bool) -> tuple[Array, float] | None:
    """Difference quotients for the derivative that a message asks for, in a row, and the size of the function."""
    function = _function(message, given)
    if function is None:
        return None
    of, points = function
    found = []
    size = 0.0
    with np.errstate(all="ignore"):
        for number, point in enumerate(points):
            slopes = np.zeros(point.shape)
            for index in np.ndindex(point.shape):
                ahead, behind = (list(points), list(points))
                ahead[number], behind[number] = point.copy(), point.copy()
                ahead[number][index] += step
                behind[number][index] -= 0.0 if one_sided else step
                one, other = of(*ahead), of(*behind)
                size = max(size, abs(one))
                slopes[index] = (one - other) / (step if one_sided else 2 * step)
            found.append(slopes.ravel())
    return np.concatenate(found), size


def _function(message: Message, given: Given) -> tuple[Callable[..., float], list[Array]] | None:
    """The number of which a backward message is the derivative, and the arrays that it depends on."""
    if message.cls == "SoftmaxLayer":
        return (lambda S: float((given["delta_next"] * softmax(S)).sum())), [
            np.log(np.maximum(given["Y"], tolerances.NEXT_TO_NOTHING))
        ]
    if message.subject == "LinearLayer.delta":
        # The layer is linear: its slopes are the same everywhere.
        X = np.zeros((len(given["delta_next"]), len(given["W"])))
        return (lambda X: float((given["delta_next"] * (X @ given["W"] + given["b"])).sum())), [X]
    if message.method == "grad":
        n = len(given["X"])
        return (lambda W, b: float((given["delta_next"] * (given["X"] @ W + b)).sum()) / n), [given["W"], given["b"]]
    if "T" in given:
        forward = formula_of(CLASSES[message.cls], forward_of(message))
        return (lambda X: float(forward({"X": X, "T": given["T"]})[0].sum())), [given["X"]]
    return None


def hint_for(word: str) -> str:
    """What to think about, for a word that no listed mistake stands for."""
    return _KEPT if word == "stateful" else hint_of(word) or ""
