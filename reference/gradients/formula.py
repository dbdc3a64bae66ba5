"""Whether the formula of a gradient is right, apart from how well doubles compute it: both sides in ball arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import rigorous
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.subject import asked
from reference.numerics import ball_tolerances, tolerances
from reference.wording import fact

if TYPE_CHECKING:
    from reference.numerics.balls import Difference

Array = NDArray[Any]


def check_formula(context: Context) -> None:
    """The formula of the gradient is the derivative, whatever rounding does to the numbers that it computes."""
    reason = rigorous.available()
    if reason:
        raise NotApplicable(fact("no oracle", said=reason))
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    context.note_oracle(rigorous.NAME)
    judged, reason = False, None
    for case in _cases(context):
        cotangent = context.cotangents(case)[0]
        try:
            definition, formula = _sides(context)
            found = balls.difference(definition, formula, cotangent, case.args, context.pattern.differentiable)
        except balls.Refused as error:
            raise NotApplicable(fact("formula not followed", reason=f"in exact arithmetic {error}")) from error
        except (Exception, SystemExit) as error:  # undecided, or what the code raises at such arguments
            reason = rigorous.told(error)
            continue
        if found is None or not found.width <= ball_tolerances.FORMULA_KNOWN:
            reason = (
                "numbers are equal there"
                if found is None
                else "in exact arithmetic the two gradients are not known well enough"
            )
            continue
        judged = True
        if found.relative > ball_tolerances.FORMULA_AGREES and _is_what_doubles_compute(
            context, case, cotangent, found
        ):
            if _is_cut_off(context, case, cotangent, found):
                continue
            raise _wrong(case, cotangent, found)
        _tell_lost_digits(context, case, cotangent, found)
    if not judged:
        raise NotApplicable(fact("formula undecided", reason=reason or _why_unknown(context)))


def _why_unknown(context: Context) -> str:
    """Why the derivative is known in no case."""
    judge = context.known.rigorous if context.spec is None else context.spec.rigorous
    what = "the forward pass" if context.spec is None else "the specification"
    said = judge.refusal or judge.raised
    if said:
        return f"in exact arithmetic {said}"
    return f"{what} computes something else in doubles than in exact arithmetic"


def _cases(context: Context) -> Iterator[Case]:
    """The generic cases in which the derivative is known, as many as there is time for."""
    size = sum(each.size for each in context.pattern.args)
    most = min(ball_tolerances.FORMULA_CASES[context.effort], 1 + ball_tolerances.FORMULA_NUMBERS // max(size, 1))
    if size > ball_tolerances.FORMULA_NUMBERS:
        raise NotApplicable(fact("formula not followed", reason=f"{size} numbers take too long"))
    asked_for = 0
    for case in context.generic():
        if asked_for == most:
            return
        if _is_known(context, case):
            asked_for += 1
            yield case


def _is_known(context: Context, case: Case) -> bool:
    if context.spec is not None:
        return context.spec.rigorous.refusal is None
    return context.known.is_known(case)


def _sides(context: Context) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What is differentiated, and the gradient by formula; fresh copies, for both may keep state."""
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    forward, vjp = balls.rebound_together(context.subject.forward, context.subject.vjp)

    def formula(cotangent: Any, *args: Any) -> Any:
        with suppress(balls.Refused):  # vjp may do without
            forward(*(each.copy() for each in args))
        return vjp(cotangent, *args)

    if context.spec is None:
        return balls.rebound(context.subject.forward), formula
    return context.spec.rigorous.on_balls(), formula


def right_at(context: Context, case: Case, cotangent: Array, number: int, index: tuple[int, ...]) -> float | None:
    """The derivative at one entry, where the formula is known to be that; else None."""
    if rigorous.available() or not _is_known(context, case):
        return None
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    try:
        definition, formula = _sides(context)
        found = balls.difference(
            definition, formula, cotangent, case.args, context.pattern.differentiable, (number, index)
        )
    except (Exception, SystemExit):  # refused, undecided, or what the code raises at such arguments
        return None
    if found is None or not found.width <= ball_tolerances.FORMULA_KNOWN:
        return None
    if found.relative > ball_tolerances.FORMULA_AGREES:
        context.formula_is_wrong = True
        return None
    return found.due


def rounding(context: Context, case: Case, cotangent: Array, position: int) -> Array | None:
    """How far rounding may take one gradient that the formula computes in doubles; None where balls cannot tell."""
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    _, formula = _sides(context)
    try:
        found = balls.roundings(formula, [cotangent, *case.args])
    except (Exception, SystemExit):  # refused, or what the code raises at such arguments
        return None
    return np.asarray(np.inf) if found is None else found[context.pattern.differentiable[position]]


def stays_in_doubles(context: Context, case: Case, cotangent: Array) -> bool:
    """Whether the formula passes through no number beyond doubles, if nothing is rounded."""
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    _, formula = _sides(context)
    try:
        return not balls.leaves_doubles(
            formula, [cotangent, *case.args], [0, *(1 + n for n in context.pattern.differentiable)]
        )
    except (Exception, SystemExit):  # undecided, or what the code raises at such arguments
        return False


def _is_what_doubles_compute(context: Context, case: Case, cotangent: Array, found: Difference) -> bool:
    """Whether the formula in exact arithmetic is the one that computes the answers: code may tell arrays apart."""
    answers, bounds = context.gradients(case, cotangent)
    position = context.pattern.differentiable.index(found.place)
    answer, bound = float(answers[position][found.index]), float(bounds[position][found.index])
    size = max(abs(found.came), abs(answer))
    return abs(answer - found.came) <= bound + tolerances.READINGS_AGREE * size


def _is_cut_off(context: Context, case: Case, cotangent: Array, found: Difference) -> bool:
    """Whether the formula is a series that was cut off where doubles see no more of it.

    What is left of a series falls with a high power of its argument; a number that was added to a denominator, or a
    term of a low order, does not.
    """
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    if not 0 < found.relative < context.unit:
        return False
    args = [array.copy() for array in case.args]
    args[found.place][found.index] *= 0.5
    definition, formula = _sides(context)
    try:
        nearer = balls.difference(
            definition, formula, cotangent, args, context.pattern.differentiable, (found.place, found.index)
        )
    except (Exception, SystemExit):  # undecided, or what the code raises at such arguments
        return False
    return nearer is not None and nearer.relative <= ball_tolerances.SERIES_FALLS * found.relative


def _wrong(case: Case, cotangent: Array, found: Difference) -> Violation:
    place: dict[str, Any] = {"what": f"gradient[{found.place}]", "index": found.index}
    return Violation(
        fact("by formula", value=found.due, **place),
        fact("entry", value=found.came, **place).and_("formula off", part=found.relative),
        index=found.index,
        counterexample=asked(case.args, cotangent),
    )


def _tell_lost_digits(context: Context, case: Case, cotangent: Array, found: Difference) -> None:
    """Note where a right formula computes few of its digits."""
    answers, _ = context.gradients(case, cotangent)
    for number, answer, truth in zip(context.pattern.differentiable, answers, found.gradients, strict=True):
        known = (
            np.isfinite(answer) & np.isfinite(truth) & (np.abs(truth) > ball_tolerances.SMALLEST_NORMAL / context.unit)
        )
        if context.notes or not known.any():
            continue
        relative = np.abs(answer - truth)[known] / np.abs(truth)[known]
        digits = int(np.log10(max(float(relative.max()) / context.unit, 1.0)))
        if digits >= ball_tolerances.DIGITS_TOLD:
            index = tuple(int(i) for i in np.argwhere(known)[int(np.argmax(relative))])
            place: dict[str, Any] = {"what": f"gradient[{number}]", "index": index}
            context.note(fact("digits lost", digits=min(digits, 16), inputs=name(case), **place))


def name(case: Case) -> str:
    """What a case is called in a note."""
    return "the given inputs" if case.kind == "as given" else f"drawn inputs ({case.kind})"
