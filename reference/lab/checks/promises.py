"""What every message promises, whatever it computes.

Each function takes a `Context` and the `Message` that it is about. They are listed in order of dependency by
`reference.lab.checks.catalogue`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from reference.engine import promises
from reference.execution.worker.protocol import Call, Layout, Reply
from reference.findings import NotApplicable, Violation
from reference.lab.behaviour import remembers_the_start
from reference.lab.cases import Case, Sizes
from reference.lab.context import ORDINARY, SMALL_SIZES, Context, Response, entry
from reference.lab.contract import Message, forward_of
from reference.lab.replies import as_numbers, raised, type_of
from reference.numerics.compare import differing_entry
from reference.numerics.sampling import normal_numbers, short_numbers, single_precision
from reference.wording import fact

Array = NDArray[np.float64]

#: How a call ends that took more than it may: not the answer's own doing, or not every time.
_LIMITS = frozenset({"timeout", "memory", "exits"})

#: From small to large, so that the counterexample is small.
_UPWARDS = (Sizes(1, 1, 2), Sizes(2, 1, 2), Sizes(2, 2, 2), ORDINARY)
#: Of batches that are all of one class.
_OF_ONE_CLASS = (Sizes(2, 1, 2), ORDINARY)


def check_answers(context: Context, message: Message) -> None:
    """The method exists, takes the contract's argument names, and answers with arrays of the right size."""
    case = message.draw(ORDINARY, short_numbers(context.rng("answers")))
    try:
        context.actual(message, case)
    except Violation as ordinary:
        raise _blamed(context, message, _smaller(context, message, ordinary)) from None


def check_types(context: Context, message: Message) -> None:
    """The answer is a plain array of float64 of the promised shape; ``grad`` answers a list of two."""
    for sizes in _UPWARDS:
        case = message.draw(sizes, short_numbers(context.rng("types")))
        judge_types(context, message, case, context.ask(message, case))


def judge_types(context: Context, message: Message, case: Case, reply: Reply) -> None:
    """The answer has the promised type, shape and dtype."""
    several = len(message.parts) > 1
    context.log.append(Response((reply.value,)))
    if several and (not isinstance(reply.value, list | tuple) or len(reply.value) != len(message.parts)):
        raise context.violation(message, case, fact("parts", names=message.parts), type_of(reply), "wrong-type")
    if not several and reply.kind != "ndarray":
        # One number where an array is due has the shape ().
        number = as_numbers(reply.value)
        word = "wrong-shape" if number is not None and number.ndim == 0 else "wrong-type"
        raise context.violation(message, case, fact("array"), type_of(reply), word)
    values = reply.value if several else [reply.value]
    for name, value, shape in zip(message.parts, values, message.shapes(case), strict=True):
        array = np.asarray(value)
        if array.shape != shape:
            due, came = fact("shape of", what=name, shape=shape), fact("shape", shape=array.shape)
            raise context.violation(message, case, due, came, "wrong-shape")
        if array.dtype != np.float64:
            due, came = fact("dtype of", what=name, dtype="float64"), fact("dtype", dtype=str(array.dtype))
            raise context.violation(message, case, due, came, "wrong-dtype")


def check_values(context: Context, message: Message) -> None:
    """The answer is the true one, but for rounding."""
    key = f"{message.subject}.values"
    try:
        context.judge_each(message, context.ordinary_cases(message, key))
    except Violation as ordinary:
        # The smallest case is the counterexample; a larger one is drawn as a picture.
        violation = (context.smallest(message, key, ordinary) or ordinary).but(evidence=ordinary.evidence)
        raise _blamed(context, message, violation) from None


def check_small_sizes(context: Context, message: Message) -> None:
    """One sample, one unit, one or two classes, as many samples as classes: the formula has no favourite sizes."""
    key = f"{message.subject}.sizes"

    def draw() -> list[Case]:
        rng = context.rng(key)
        return [message.draw(sizes, draw(rng)) for sizes in SMALL_SIZES for draw in (short_numbers, normal_numbers)]

    _judge_as(context, message, context.drawn(key, draw), "batch-size-dependent")


def check_one_class(context: Context, message: Message) -> None:
    """A batch whose samples all have the same target is a batch like any other."""
    rng = context.rng(f"{message.subject}.class")
    cases = []
    for sizes in _OF_ONE_CLASS:
        case = message.draw(sizes, normal_numbers(rng))
        T = np.repeat(case.arguments["T"][:1], sizes.n, axis=0)
        cases.append(Case({"X": case.arguments["X"], "T": T}))
    _judge_as(context, message, cases, "sample-dependence")


def check_single_precision(context: Context, message: Message) -> None:
    """With single-precision arguments and parameters the answer is right to single precision."""
    rng = context.rng(f"{message.subject}.single")
    draw = single_precision(normal_numbers(rng))
    try:
        context.judge_each(message, [message.draw(ORDINARY, draw) for _ in range(context.rounds)])
    except Violation as violation:
        # Parameters of another type are put in by name. Who keeps a view of those that were there does no wrong by it.
        if remembers_the_start(context, *violation.asked):
            raise NotApplicable(fact("view kept")) from None
        raise


def check_layouts(context: Context, message: Message) -> None:
    """The same numbers in another memory layout give the same answer: Fortran order, strides, reversed, read-only."""
    rng = context.rng(f"{message.subject}.layouts")
    layouts: tuple[Layout, ...] = ("Fortran", "strided", "reversed", "read-only", "broadcast")
    asked: list[tuple[Layout, Case]] = []
    for layout, sizes in product(layouts, (Sizes(2, 2, 2), ORDINARY)):
        case = message.draw(sizes, normal_numbers(rng))
        asked.append((layout, case.rows(np.zeros(case.n_samples, dtype=int)) if layout == "broadcast" else case))
    violations = context.violations(message, [case for _, case in asked], [layout for layout, _ in asked])
    for (layout, case), violation in zip(asked, violations, strict=True):
        if violation is not None:
            (ordinary,) = context.violations(message, [case])
            # Numbers that are wrong in any layout say nothing of this one.
            laid = promises.in_layout(violation, layout)
            raise violation.but(repro=None) if ordinary is not None else laid


def check_inputs_unchanged(context: Context, message: Message) -> None:
    """The call leaves its arguments as they were."""
    rng = context.rng(f"{message.subject}.unchanged")
    for sizes in _UPWARDS:
        case = message.draw(sizes, short_numbers(rng))
        promises.check_unchanged(context.ask(message, case).changed, partial(context.violation, message, case))


def check_result_is_its_own(context: Context, message: Message) -> None:
    """The answer is a new array: it shares no memory with the arguments, and later calls do not change it."""
    rng = context.rng(f"{message.subject}.fresh")
    for sizes in _UPWARDS:
        case, other = (message.draw(sizes, short_numbers(rng)) for _ in range(2))
        # All units are on: some codings then answer with the argument itself.
        raised = {name: array if name == "T" else np.abs(array) + 1 / 8 for name, array in case.arguments.items()}
        _judge_memory(context, message, [case, other, Case(raised, case.parameters)])


def _judge_memory(context: Context, message: Message, cases: Sequence[Case]) -> None:
    calls = [Call("layer", message.method, {**each.arguments}) for each in cases]
    replies = context.executor.run([*message.setting(cases[0]), *calls])[-len(calls) :]
    for reply, asked in zip(replies, cases, strict=True):
        blame = partial(context.violation, message, asked)
        promises.check_memory(reply.aliases, altered=reply.altered, blame=blame)


def check_no_state(context: Context, message: Message) -> None:
    """The answer depends on the arguments alone: not on earlier calls, of this or another method, on another batch."""
    rng = context.rng(f"{message.subject}.state")
    one = message.draw(ORDINARY, normal_numbers(rng))
    same, larger = (message.draw(Sizes(ORDINARY.n + n, ORDINARY.d, ORDINARY.u), normal_numbers(rng)) for n in (0, 2))
    # One layer answers all calls, with the parameters of the first case.
    cases = [Case(each.arguments, one.parameters, each.origin) for each in (one, same, one, larger, one)]
    forwards = [
        Call("layer", "forward", {**forward_of(message).draw(sizes, normal_numbers(rng)).arguments})
        for sizes in (ORDINARY, Sizes(ORDINARY.n + 1, ORDINARY.d, ORDINARY.u))
    ]
    calls = [Call("layer", message.method, {**each.arguments}) for each in cases]
    steps = [*message.setting(one), *calls, forwards[0], calls[0], forwards[1], calls[0]]
    replies = context.executor.run(steps)[len(message.setting(one)) :]
    for case, reply in zip([*cases, one, one], [*replies[:5], replies[6], replies[8]], strict=True):
        if reply.error is not None:
            raise context.violation(message, case, fact("answers after any call"), raised(reply), "stateful")
        try:
            context.judge(message, case, context.parts(message, case, reply))
        except Violation as violation:
            raise promises.after_any_call(violation) from None


def check_repeatable(context: Context, message: Message) -> None:
    """The same question to a fresh object gets the same answer."""
    case = message.draw(ORDINARY, normal_numbers(context.rng(f"{message.subject}.repeatable")))
    first, second = context.actual(message, case), context.actual(message, case)
    bounds = context.answer(message, case).bounds
    for name, one, two, bound in zip(message.parts, first, second, bounds, strict=True):
        # The last bits may differ: the order in which a BLAS sums may depend on where in memory an array lies.
        if differing_entry(one, two, bound) is not None:
            due, came = fact("same twice", what=name), fact("different answers")
            raise context.violation(message, case, due, came, "nondeterministic")


def check_samples_independent(context: Context, message: Message) -> None:
    """Row n of the answer depends on row n of the arguments alone: in another batch a sample is answered the same."""
    rng = context.rng(f"{message.subject}.samples")
    for sizes in (Sizes(2, 1, 2), Sizes(2, 2, 3), Sizes(4, 3, 5)):
        case = message.draw(sizes, normal_numbers(rng))
        others = message.draw(sizes, normal_numbers(rng))
        together = context.actual(message, case)[0]
        bound = context.answer(message, case).bounds[0]
        for row in range(sizes.n):
            # In another batch of the same size: what goes wrong with a batch of one sample is another mistake.
            elsewhere = context.actual(message, case.among(others, row))[0]
            rows = slice(row, row + 1)
            index = differing_entry(together[rows], elsewhere[rows], bound[rows])
            if index is not None:
                place = (row, *index[1:])
                due = fact("sample alone", row=row, value=float(elsewhere[place]))
                came = fact("number", value=float(together[place]))
                raise context.violation(message, case, due, came, "sample-dependence", index=place)


def check_order_of_samples(context: Context, message: Message) -> None:
    """With the samples in another order, rows of the answer come in that order; a mean over samples is the same."""
    case = message.draw(Sizes(4, 3, 5), normal_numbers(context.rng(f"{message.subject}.order")))
    order = [2, 0, 3, 1]
    one, other = context.actual(message, case), context.actual(message, case.rows(order))
    bounds = context.answer(message, case).bounds
    for name, before, after, bound in zip(message.parts, one, other, bounds, strict=True):
        due, room = (before[order], bound[order]) if message.per_sample else (before, bound)
        index = differing_entry(after, due, room)
        if index is not None:
            expected = entry(name, index, due).and_("reordered", order=order)
            came = entry(name, index, after)
            raise context.violation(message, case.rows(order), expected, came, "sample-dependence")


def check_linear_in_delta_next(context: Context, message: Message) -> None:
    """A backward message is linear in delta_next: twice and the sum of two give twice and the sum of the answers."""
    rng = context.rng(f"{message.subject}.linear")
    one = message.draw(ORDINARY, normal_numbers(rng))
    # Powers of two and a sum that is exact in single precision: what differs is not the examiner's rounding.
    first, second = (short_numbers(rng)(one.arguments["delta_next"].shape) for _ in range(2))
    cases = [_with_delta_next(one, delta) for delta in (first, second, 2 * first - 4 * second)]
    answers = [context.actual(message, case) for case in cases]
    bounds = [context.answer(message, case).bounds for case in cases]
    for part, name in enumerate(message.parts):
        due = 2 * answers[0][part] - 4 * answers[1][part]
        index = differing_entry(answers[2][part], due, 2 * bounds[0][part] + 4 * bounds[1][part] + bounds[2][part])
        if index is not None:
            expected = entry(name, index, due).and_("from two parts")
            raise context.violation(message, cases[2], expected, entry(name, index, answers[2][part]))


def check_averaged(context: Context, message: Message) -> None:
    """The gradient is a mean over the samples: the same batch twice over has the same gradient."""
    case = message.draw(ORDINARY, normal_numbers(context.rng(f"{message.subject}.averaged")))
    doubled = case.rows([*range(ORDINARY.n)] * 2)
    once, twice = context.actual(message, case), context.actual(message, doubled)
    bounds = context.answer(message, case).bounds, context.answer(message, doubled).bounds
    for part, name in enumerate(message.parts):
        index = differing_entry(twice[part], once[part], bounds[0][part] + bounds[1][part])
        if index is not None:
            due = entry(name, index, once[part]).and_("each sample once")
            came = entry(name, index, twice[part]).and_("each sample twice")
            raise context.violation(message, doubled, due, came)


def _smaller(context: Context, message: Message, violation: Violation) -> Violation:
    """The violation of a smaller case with the same mistake, if there is one; else the given violation."""
    rng = context.rng("smaller")
    for sizes in SMALL_SIZES:
        try:
            context.actual(message, message.draw(sizes, short_numbers(rng)))
        except Violation as smaller:
            if smaller.mistake == violation.mistake:
                return smaller
    return violation


def _judge_as(context: Context, message: Message, cases: Sequence[Case], mistake: str) -> None:
    """As `Context.judge_each`; what goes wrong here, where ordinary cases are answered right, is this mistake."""
    try:
        context.judge_each(message, cases)
    except Violation as violation:
        raise violation.but(mistake=mistake) from None


def _blamed(context: Context, message: Message, violation: Violation) -> Violation:
    """The violation, called stateful where the same call is answered in another way right after ``forward``.

    A time-out and its like may come or not, whatever was called before: they are left as they are.
    """
    if message.method == "forward" or violation.mistake in _LIMITS:
        return violation
    _, case = violation.asked
    after = context.after_forward(message, case)
    if isinstance(after, Violation):
        return violation
    if after is None:
        came = violation.came.and_("right after forward")
    elif violation.came.kind != "entry":
        came = violation.came.and_("answers after forward")
    elif _differs(context, message, case, after):
        came = violation.came.and_("other after forward")
    else:
        return violation
    return violation.but(due=violation.due.and_("from arguments alone"), came=came, mistake="stateful")


def _differs(context: Context, message: Message, case: Case, after: tuple[Array, ...]) -> bool:
    """Whether the answer to a call differs from that right after ``forward``, and differs in the same way again."""
    before, again = context.actual(message, case), context.actual(message, case)
    bounds = context.answer(message, case).bounds
    parts = list(zip(before, again, after, bounds, strict=True))
    same = all(differing_entry(one, two, bound) is None for one, two, _, bound in parts)
    return same and any(differing_entry(one, other, bound) is not None for one, _, other, bound in parts)


def _with_delta_next(case: Case, delta_next: Array) -> Case:
    return Case({**case.arguments, "delta_next": delta_next}, case.parameters, case.origin)
