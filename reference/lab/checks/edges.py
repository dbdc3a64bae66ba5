"""What is promised at the edges: kinks, extreme logits, probabilities of exactly 0 and 1, NaN."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.protocol import Call
from reference.findings import Violation
from reference.lab.cases import Case, Sizes
from reference.lab.context import Context, entry
from reference.lab.contract import Message, one_hot, probabilities
from reference.numerics.sampling import short_numbers
from reference.wording import fact

Array = NDArray[np.float64]

#: Other people's code meets logits up to this size.
HUGE = 1e300
#: How large inputs of layers are that are asked about.
_LARGE = 1e8
#: How far one logit is ahead of the others, to where their exponentials leave the doubles.
_LEADS = (15.0, 36.0, 60.0, 500.0, 700.0, 740.0)
#: What is added to all logits: powers of two, at most as large as the naive softmax can take.
_SHIFTS = (1.0, 64.0, 256.0)
_LARGE_SHIFTS = (1024.0, 65536.0)
#: Samples that lie far below others, or above them.
_FAR = (
    [[0.0, 1.0], [-2000.0, -2001.0]],
    [[0.0, 1.0, -1.0], [-2000.0, -2001.0, -2002.0], [1500.0, 1501.0, 1499.0]],
)
_TIED = ([[0.0, 0.0]], [[2.5, 2.5, 2.5]], [[-300.0, -300.0], [300.0, 300.0]], [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
_SUBNORMAL = ([[5e-324, 0.0]], [[1e-310, -1e-310]], [[2.3e-308, 0.0, -5e-324], [1.0, 5e-324, 0.0]])
#: Probabilities, and the class of each sample.
_CERTAIN = (([[1.0, 0.0]], [0]), ([[0.0, 1.0, 0.0], [0.5, 0.25, 0.25]], [1, 2]))
_ZERO_OFF_TARGET = (([[0.0, 1.0]], [1]), ([[0.0, 0.75, 0.25], [0.5, 0.5, 0.0]], [1, 0]))
_IMPOSSIBLE = ([[0.0, 1.0]], [0])
#: Probabilities of targets.
_TINY = (1e-9, 1e-17, 1e-100, 1e-300)


def check_kink(context: Context, message: Message) -> None:
    """At exactly 0 the derivative of ReLU is taken as 0 or as 1, and never as anything else."""
    rng = context.rng("kink")
    X = np.array([[0.0, 1.0, -1.0]])
    delta_next = short_numbers(rng)(X.shape)
    case = Case({"Y": np.maximum(X, 0), "delta_next": delta_next}, {}, X)
    (actual,) = context.actual(message, case)
    if actual[0, 0] not in {0.0, delta_next[0, 0]}:
        due = fact("entry or zero", what="delta", index=(0, 0), value=float(delta_next[0, 0]))
        came = entry("delta", (0, 0), actual)
        raise context.violation(message, case, due, came, "mask-wrong-threshold", index=(0, 0))


def check_nan_is_not_hidden(context: Context, message: Message) -> None:
    """A NaN in an input is not turned into a number, as np.where(X > 0, X, 0) does: the output is NaN, or it raises."""
    for case in _with_nan(context, message):
        reply = context.executor.run([*message.setting(case), Call("layer", message.method, {**case.arguments})])[-1]
        if reply.error is not None:
            continue
        (actual,) = context.noted(message, case, reply)
        # An infinite loss hides nothing: that is what a probability of 0 has.
        shows = np.isnan(actual[0]) | (np.isinf(actual[0]) & (message.cls == "LossCrossEntropy"))
        if not shows.any():
            came = fact("row", what=message.parts[0], row=0, values=tuple(actual[0].tolist()))
            raise context.violation(message, case, fact("NaN kept"), came)


def check_moderate_logits(context: Context, message: Message) -> None:
    """Logits up to 300 in size: exp neither overflows nor underflows, so that the naive formula does too."""
    context.judge_each(message, [case for scale in (1.0, 30.0, 300.0) for case in logit_cases(context, message, scale)])


def check_extreme_logits(context: Context, message: Message) -> None:
    """Every logit up to 1e300 in size: no overflow, no 0 / 0, in whatever mixture over the batch."""
    scales = (745.0, 1e4, 1e8, HUGE)
    context.judge_each(message, [case for scale in scales for case in logit_cases(context, message, scale)])


def check_far_samples(context: Context, message: Message) -> None:
    """A sample whose logits all lie far below those of another is computed as it would be alone."""
    context.judge_each(message, [_about(message, np.array(X)) for X in _FAR])


def check_saturated_logits(context: Context, message: Message) -> None:
    """One class ahead by 15 to 740: the tails are small numbers and not 0, up to where they leave the doubles."""
    context.judge_each(message, [_about(message, X) for lead in _LEADS for X in _one_ahead(lead)])


def check_tied_logits(context: Context, message: Message) -> None:
    """Equal logits get equal probabilities, whatever their size."""
    context.judge_each(message, [_about(message, np.array(X)) for X in _TIED])


def check_subnormal_logits(context: Context, message: Message) -> None:
    """Logits too small to have all their digits, 1e-310 say, are nearly 0: and nothing is divided by them."""
    context.judge_each(message, [_about(message, np.array(X)) for X in _SUBNORMAL])


def check_saturated_outputs(context: Context, message: Message) -> None:
    """Where one probability is nearly 1, or exactly, and the others are next to nothing, so is the derivative."""
    rng = context.rng("saturated")
    cases = [
        Case({"Y": probabilities(X), "delta_next": short_numbers(rng)(X.shape)}, {}, X)
        for lead in (*_LEADS, 1000.0)
        for X in _one_ahead(lead)
    ]
    context.judge_each(message, cases)


def check_certain_predictions(context: Context, message: Message) -> None:
    """A probability of exactly 1 for the target: the loss is exactly 0, and its derivative finite."""
    _judge_as(context, message, [_aimed(*each) for each in _CERTAIN], "log-of-zero")


def check_large_inputs(context: Context, message: Message) -> None:
    """Inputs up to 1e8 in size, and zeros of both signs, are inputs like any others."""
    rng = context.rng(f"{message.subject}.large")
    sizes = Sizes(3, 2, 4)
    cases = [message.draw(sizes, lambda shape: rng.uniform(-_LARGE, _LARGE, shape))]
    if message.cls == "ReLULayer":  # -0.0 and 0.0 are the same number: so are the answers
        cases += [message.draw(Sizes(1, 1, 2), lambda shape: np.resize(np.array([-0.0, 0.0]), shape))]
    context.judge_each(message, cases)


def check_shift_invariance(context: Context, message: Message) -> None:
    """Adding the same number to all logits of a row changes nothing."""
    rng = context.rng("shift")
    for shift in _SHIFTS if context.assignment == 1 else (*_SHIFTS, *_LARGE_SHIFTS):
        # Multiples of 1/8 far below 2^52: the sum is exact.
        cases = [_about(message, short_numbers(rng)(shape) + shift) for shape in ((1, 2), (2, 2), (2, 3))]
        try:
            context.judge_each(message, cases)
        except Violation as violation:
            raise violation.but(due=violation.due.and_("without shift", shift=shift)) from None


def check_zero_off_target(context: Context, message: Message) -> None:
    """A probability of exactly 0 off the target: 0 log 0 = 0, so that loss and delta stay finite."""
    _judge_as(context, message, [_aimed(*each) for each in _ZERO_OFF_TARGET], "log-of-zero")


def check_tiny_probabilities(context: Context, message: Message) -> None:
    """A target of probability 1e-300 costs 690.8, not what some epsilon or clip makes of it."""
    cases = []
    for small in _TINY:
        cases.append(_aimed([[small, 1.0 - small]], [0]))
        cases.append(_aimed([[small, 0.75, 0.25 - small], [0.25, 0.75 - small, small]], [0, 2]))
    context.judge_each(message, cases)


def check_impossible_target(context: Context, message: Message) -> None:
    """A target of probability exactly 0 costs infinity: no finite number says how wrong that was."""
    case = _aimed(*_IMPOSSIBLE)
    (actual,) = context.actual(message, case)
    if not np.isposinf(actual[0, 0]):
        due = fact("entry", what="loss", index=(0, 0), value=np.inf)
        raise context.violation(message, case, due, entry("loss", (0, 0), actual), index=(0, 0))


def logit_cases(context: Context, message: Message, scale: float) -> list[Case]:
    """Logits of a size, small cases first: one far ahead, ties, both signs, mixtures over the batch."""
    rng = context.rng(f"{message.subject}.logits.{scale}")
    fixed = [
        [[scale, 0.0]],
        [[-scale, -scale]],
        [[scale, scale]],
        [[scale, -scale]],
        [[scale, 0.0], [-scale, -scale]],
        [[0.0, scale, -scale], [1.0, 2.0, 3.0]],
    ]
    drawn = [rng.uniform(-scale, scale, (3, k)) for k in (2, 3, 5) for _ in range(context.rounds)]
    return [_about(message, np.array(X)) for X in [*fixed, *drawn]]


def _one_ahead(lead: float) -> tuple[Array, Array]:
    """Logits of which one is ahead in each row: of one sample, and of two."""
    return np.array([[lead, 0.0]]), np.array([[lead, 0.0, -0.5], [0.0, lead, 1.0]])


def _about(message: Message, X: Array) -> Case:
    """A case of this message with these logits."""
    if message.key == "logits":
        n, k = X.shape
        return Case({"X": X, "T": one_hot((np.arange(n) + 1) % k, k)})
    return Case({"X": X})


def _aimed(P: Sequence[Sequence[float]], labels: Sequence[int]) -> Case:
    """A case of cross-entropy with these probabilities, and the class of each sample."""
    X = np.array(P)
    return Case({"X": X, "T": one_hot(np.array(labels), X.shape[1])})


def _judge_as(context: Context, message: Message, cases: list[Case], mistake: str) -> None:
    """As `Context.judge_each`; an answer that is not a finite number is this mistake."""
    try:
        context.judge_each(message, cases)
    except Violation as violation:
        if violation.came.kind == "entry" and not np.isfinite(violation.came["value"]):
            raise violation.but(mistake=mistake) from None
        raise


def _with_nan(context: Context, message: Message) -> list[Case]:
    rng = context.rng("nan")
    cases = []
    for sizes in ((1, 2), (2, 3)):
        X = short_numbers(rng)(sizes)
        if message.cls == "LossCrossEntropy":
            # A probability may be computed from the others of its row, so that none of them is a number.
            X = np.abs(X)
            X[0] = np.nan
        X[0, 0] = np.nan
        parameters = {}
        if message.cls == "LinearLayer":
            parameters = {"W": short_numbers(rng)((sizes[1], 2)), "b": short_numbers(rng)((2,))}
        targets = {"T": one_hot(np.zeros(sizes[0], dtype=int), sizes[1])} if message.arguments == ("X", "T") else {}
        cases.append(Case({"X": X, **targets}, parameters))
    return cases
