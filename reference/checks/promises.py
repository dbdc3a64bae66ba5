"""What every message promises, whatever it computes.

Each function takes an `Exam` and the `Message` that it is about. They are listed in order of dependency by
`reference.checks.catalogue`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reference.contract import Case, Message, Sizes, forward_of
from reference.estimate import Estimate
from reference.exam import ORDINARY, Exam, normal_numbers, short_numbers, single_precision, worst_entry
from reference.findings import Violation
from reference.protocol import Call, Layout
from reference.showing import nested, repro, short


def check_answers(exam: Exam, message: Message) -> None:
    """The method exists, takes the contract's argument names, and answers with arrays of the right size."""
    case = message.draw(ORDINARY, short_numbers(exam.rng("answers")))
    exam.actual(message, case)


def check_types(exam: Exam, message: Message) -> None:
    """The answer is a plain array of float64 of the promised shape; ``grad`` answers a list of two."""
    case = message.draw(ORDINARY, short_numbers(exam.rng("types")))
    reply = exam.ask(message, case)
    several = len(message.parts) > 1
    if several and reply.kind not in {"list", "tuple"}:
        raise _wrong(exam, message, case, "a list [dW, db]", reply.kind, "wrong-type")
    if not several and reply.kind != "ndarray":
        raise _wrong(exam, message, case, "a numpy array", reply.kind, "wrong-type")
    due = [estimate.value.shape for estimate in exam.answer(message, case).truth]
    for name, value, shape in zip(message.parts, reply.value if several else [reply.value], due, strict=True):
        array = np.asarray(value)
        if array.shape != shape:
            raise _wrong(exam, message, case, f"{name} of shape {shape}", f"shape {array.shape}", "wrong-shape")
        if array.dtype != np.float64:
            raise _wrong(exam, message, case, f"{name} of dtype float64", f"dtype {array.dtype}", "wrong-dtype")


def check_values(exam: Exam, message: Message) -> None:
    """The answer is the true one, but for rounding."""
    for case in exam.cases(message, f"{message.subject}.values"):
        exam.judge(message, case, exam.actual(message, case))


def check_single_precision(exam: Exam, message: Message) -> None:
    """With single-precision arguments and parameters the answer is right to single precision."""
    rng = exam.rng(f"{message.subject}.single")
    for _ in range(exam.rounds):
        case = message.draw(ORDINARY, single_precision(normal_numbers(rng)))
        exam.judge(message, case, exam.actual(message, case))


def check_small_batches(exam: Exam, message: Message) -> None:
    """One sample, one unit, two classes, as many samples as classes: the formula has no favourite sizes."""
    rng = exam.rng(f"{message.subject}.sizes")
    for sizes in (Sizes(1, 3, 4), Sizes(5, 1, 3), Sizes(5, 3, 1), Sizes(5, 3, 2), Sizes(4, 4, 4), Sizes(1, 1, 1)):
        case = message.draw(sizes, normal_numbers(rng))
        try:
            exam.judge(message, case, exam.actual(message, case))
        except Violation as violation:
            violation.mistake = violation.mistake or "batch-size-dependent"
            raise


def check_layouts(exam: Exam, message: Message) -> None:
    """The same numbers in another memory layout give the same answer: Fortran order, strides, reversed, read-only."""
    rng = exam.rng(f"{message.subject}.layouts")
    layouts: tuple[Layout, ...] = ("Fortran", "strided", "reversed", "read-only", "broadcast")
    for layout in layouts:
        case = message.draw(ORDINARY, normal_numbers(rng))
        if layout == "broadcast":
            case = case.rows(np.zeros(case.n_samples, dtype=int))
        try:
            exam.judge(message, case, exam.actual(message, case, layout))
        except Violation as violation:
            violation.expected += f", also in {layout} layout"
            violation.mistake = "mutates-input" if "read-only" in violation.actual else "layout-dependent"
            violation.repro = None  # a literal array has the plain layout
            raise


def check_inputs_unchanged(exam: Exam, message: Message) -> None:
    """The call leaves its arguments as they were."""
    rng = exam.rng(f"{message.subject}.unchanged")
    for sizes in (Sizes(1, 1, 2), Sizes(2, 2, 2), ORDINARY):
        case = message.draw(sizes, short_numbers(rng))
        changed = exam.ask(message, case).changed
        if changed:
            names = " and ".join(changed)
            raise _wrong(exam, message, case, f"{names} to be as before the call", f"{names} changed", "mutates-input")


def check_result_is_its_own(exam: Exam, message: Message) -> None:
    """The answer is a new array: it shares no memory with the arguments, and later calls do not change it."""
    rng = exam.rng(f"{message.subject}.fresh")
    case, other = (message.draw(ORDINARY, normal_numbers(rng)) for _ in range(2))
    positive = Case({name: np.abs(array) for name, array in case.arguments.items()}, case.parameters, case.origin)
    calls = [Call("layer", message.method, {**each.arguments}) for each in (case, other, positive)]
    replies = exam.session.run([*message.setting(case), *calls])[-len(calls) :]
    for reply, asked in zip(replies, (case, other, positive), strict=True):
        if reply.aliases:
            name = reply.aliases[0]
            raise _wrong(exam, message, asked, "an answer with memory of its own", f"a view of {name}", "aliases-input")
        if reply.altered:
            raise _wrong(
                exam, message, asked, "an answer that stays", "an answer that a later call changed", "stateful"
            )


def check_no_state(exam: Exam, message: Message) -> None:
    """The answer depends on the arguments alone: not on earlier calls, of this or another method, on another batch."""
    rng = exam.rng(f"{message.subject}.state")
    case = message.draw(ORDINARY, normal_numbers(rng))
    other = message.draw(Sizes(ORDINARY.n + 2, ORDINARY.d, ORDINARY.u), normal_numbers(rng))
    first_use = forward_of(message).draw(Sizes(ORDINARY.n + 1, ORDINARY.d, ORDINARY.u), normal_numbers(rng))
    call, disturbance = (Call("layer", message.method, {**each.arguments}) for each in (case, other))
    forward = Call("layer", "forward", {**first_use.arguments})
    replies = exam.session.run([*message.setting(case), call, disturbance, call, forward, call])[-5:]
    for reply in (replies[0], replies[2], replies[4]):
        if reply.error is not None:
            raise _wrong(exam, message, case, "an answer whatever was called before", reply.error, "stateful")
        try:
            exam.judge(message, case, exam.parts(message, case, reply))
        except Violation as violation:
            violation.mistake = "stateful"
            violation.expected += ", whatever was called before"
            violation.repro = None  # one call alone does not show it
            raise


def check_repeatable(exam: Exam, message: Message) -> None:
    """The same question to a fresh object gets the same answer."""
    case = message.draw(ORDINARY, normal_numbers(exam.rng(f"{message.subject}.repeatable")))
    first, second = exam.actual(message, case), exam.actual(message, case)
    bounds = exam.answer(message, case).bounds
    for name, one, two, bound in zip(message.parts, first, second, bounds, strict=True):
        if (np.abs(one - two) > 2 * bound).any():
            raise _wrong(exam, message, case, f"the same {name} twice", "two different answers", "nondeterministic")


def check_samples_independent(exam: Exam, message: Message) -> None:
    """Row n of the answer depends on row n of the arguments alone."""
    rng = exam.rng(f"{message.subject}.samples")
    for sizes in (Sizes(2, 1, 2), Sizes(2, 2, 3), Sizes(4, 3, 5)):
        case = message.draw(sizes, normal_numbers(rng))
        together = exam.actual(message, case)[0]
        bound = exam.answer(message, case).bounds[0]
        for row in range(sizes.n):
            alone = exam.actual(message, case.rows([row]))[0]
            index = worst_entry(together[row : row + 1], _as_truth(alone), 2 * bound[row : row + 1])
            if index is not None:
                raise Violation(
                    f"sample {row} to get {short(alone[index])} as it does alone",
                    f"{short(together[row][index[1:]])} in a batch of {sizes.n}",
                    index=(row, *index[1:]),
                    counterexample=nested(case),
                    mistake="sample-dependence",
                    repro=repro(exam.name, message, case),
                )


def _wrong(exam: Exam, message: Message, case: Case, expected: str, actual: str, mistake: str) -> Violation:
    return Violation(
        expected, actual, counterexample=nested(case), mistake=mistake, repro=repro(exam.name, message, case)
    )


def _as_truth(array: NDArray[np.float64]) -> Estimate:
    return Estimate(array, np.zeros(array.shape))
