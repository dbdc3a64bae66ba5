"""Whether an entry that is off is what a right formula computes in doubles: not wrong, but lost to rounding.

`reference.gradients.tolerance` measures roundings in a wider type, which absorbs what doubles absorb where the numbers
are tiny or huge: 1 + tanh(-26) is 0 in both. So where an answer seems wrong, its formula is asked in ball arithmetic,
at this very entry. If it is the derivative there, one of four things excuses the answer:

- a running error analysis in balls of 53 bits allows it;
- operations that are rounded at random take it as far from the truth, or what is off is small beside the cotangent:
  what a function of ``math`` rounds is not seen;
- it is no finite number, though the formula passes through none beyond doubles: a rounding became an exponent, as in
  exp(a + b - z) at 1e30;
- the square of an argument is beyond doubles. There polynomials overflow, and nobody guards them.

Where balls cannot follow, the last is all that excuses an answer that is no number: if the forward pass itself
overflows on its way there, the chain rule meets 0 times infinity.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine.formulas import digits_of_answer
from reference.gradients import formula
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.tolerance import beside_cotangent
from reference.numerics import ball_tolerances
from reference.wording import fact

Array = NDArray[Any]
Index = tuple[int, ...]


def is_lost(context: Context, case: Case, cotangent: Array, position: int, index: Index) -> bool:
    """Whether roundings, or an overflow that nobody guards against, explain an entry of one gradient; it is noted."""
    if context.formula_is_wrong or (case.ordinary and context.pattern.is_large):
        return False
    floats = context.pattern.floats(case.args)
    answers, _ = context.gradients(case, cotangent)
    came = float(answers[position][index])
    squares = max(float(np.abs(each).max(initial=0.0)) for each in floats) > math.sqrt(context.largest)
    number = context.pattern.differentiable[position]
    due = formula.right_at(context, case, cotangent, number, index)
    if case.ordinary and (due is None or not np.isfinite(came)):
        return False
    if due is None:
        return not np.isfinite(came) and squares and context.spec is None and _overflows(context, case)
    if not squares:
        if np.isfinite(came):
            lost = _is_granted(context, case, cotangent, position, index, abs(came - due))
        else:
            lost = formula.stays_in_doubles(context, case, cotangent)
        if not lost:
            return False
    if not context.notes:
        place: dict[str, Any] = {"what": f"gradient[{number}]", "index": index}
        digits = max(digits_of_answer(came, due, context.unit), ball_tolerances.DIGITS_TOLD)
        context.note(fact("digits lost", digits=digits, inputs=formula.name(case), **place))
    return True


def _is_granted(context: Context, case: Case, cotangent: Array, position: int, index: Index, off: float) -> bool:
    analysed = formula.rounding(context, case, cotangent, position)
    shape = case.args[context.pattern.differentiable[position]].shape
    if analysed is not None and off <= np.broadcast_to(analysed, shape)[index]:
        return True
    if case.ordinary:
        return False
    estimated = context.estimated_bounds(case, cotangent)[position]
    return bool(off <= max(estimated[index], beside_cotangent(cotangent, context.unit)))


def _overflows(context: Context, case: Case) -> bool:
    """Whether the forward pass meets a number beyond doubles on its way to a finite value."""
    try:
        with np.errstate(over="raise"):
            context.subject.forward(*(each.copy() for each in case.args))
    except FloatingPointError:
        return True
    except (Exception, SystemExit):  # whatever foreign code raises
        return False
    return False
