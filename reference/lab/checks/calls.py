"""How methods are called: by position, in the lab's mixture of dtypes, and many times on one object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine import promises
from reference.execution.worker.protocol import Call, Get, Keep, New, Put, Ref, Reply, Step
from reference.findings import Violation
from reference.lab import large
from reference.lab.cases import Case, Sizes
from reference.lab.checks.akin import akin
from reference.lab.checks.parameters import new_layer
from reference.lab.checks.promises import judge_types
from reference.lab.context import ORDINARY, Context
from reference.lab.contract import MESSAGES, Message
from reference.lab.formatting import repro
from reference.lab.replies import as_numbers, raised, word_by_position
from reference.numerics.sampling import normal_numbers, short_numbers
from reference.wording import fact

Array = NDArray[Any]

#: Rounds of `check_long_use` by effort; each calls every method of the class once and the judged one twice. A choice:
#: what counts its calls mostly counts to a small number.
_ROUNDS = {"quick": 8, "normal": 24, "exhaustive": 150}
#: How many samples a call between others may have, and the next number.
_SAMPLES = (1, 8)
_SIZES_MADE = {"n_inputs": 3, "n_units": 5}


def check_made_by_position(context: Context, cls: str) -> None:
    """An object can be made with the contract's arguments in their order, as the lab's own code makes it."""
    by_name = new_layer(context, cls, _SIZES_MADE)
    looks = [Get("layer", "W")] if cls == "LinearLayer" else []
    names, shape = tuple(by_name.arguments), tuple(_SIZES_MADE.values())
    made, *found = context.executor.run([replace(by_name, by_position=True), *looks])
    if made.error is not None:
        due = fact("makes by position", cls=cls, names=names)
        raise Violation(due, raised(made), mistake=word_by_position(made))
    for W in found:
        if isinstance(W.value, np.ndarray) and W.value.shape != shape == _shape_of_W(context, by_name):
            expected = fact("shape of", what="W", shape=shape).and_("by position", names=names)
            raise Violation(expected, fact("shape", shape=W.value.shape), mistake="argument-order")


def _shape_of_W(context: Context, new: New) -> tuple[int, ...]:  # noqa: N802 - the lab's name
    """The shape of W in a layer that is made in this way."""
    found = context.executor.run([new, Get("layer", "W")])[-1]
    return np.shape(found.value) if isinstance(found.value, np.ndarray) else ()


def check_by_position(context: Context, message: Message) -> None:
    """The method takes its arguments in the contract's order, without their names: the lab's code calls it so."""
    rng = context.rng(f"{message.subject}.position")
    # With as many samples as classes arguments in the wrong order may fit, too.
    for sizes in (ORDINARY, Sizes(4, 4, 4)):
        case = message.draw(sizes, short_numbers(rng))
        script = {"repro": repro(context.home(message.cls), message, case, by_position=True)}
        call = Call("layer", message.method, {**case.arguments}, by_position=True)
        reply = context.executor.run([*message.setting(case), call])[-1]
        if reply.error is not None:
            due = fact("takes by position", subject=message.subject, names=message.arguments)
            raise context.violation(message, case, due, raised(reply), word_by_position(reply)).but(**script)
        try:
            context.judge(message, case, context.parts(message, case, reply))
        except Violation as violation:
            if not context.is_right(message, case):
                continue  # nothing is known of the order: by keyword the answer is wrong, too
            due = violation.due.and_("by position", names=message.arguments)
            raise violation.but(due=due, mistake="argument-order", **script) from None


def check_lab_dtypes(context: Context, message: Message) -> None:
    """With inputs and targets in float32 and all else in float64, as the lab has it, the answer is right in float64."""
    rng = context.rng(f"{message.subject}.lab")
    # Powers of two samples: whoever divides single-precision inputs by N first loses nothing.
    for sizes in (Sizes(1, 3, 2), Sizes(2, 3, 4), Sizes(4, 2, 3), Sizes(8, 5, 6), _large_in_the_lab(message)):
        names = message.single_in_lab
        repeats = large.drawn(message, sizes, rng)
        # Rounded before anything is repeated.
        single = {name: repeats.small.arguments[name].astype(np.float32) for name in names}
        small = replace(repeats.small, arguments={**repeats.small.arguments, **single})
        case = large.spread(message, replace(repeats, small=small))
        try:
            reply = context.ask(message, case)
            judge_types(context, message, case, reply)
            context.judge(message, case, context.parts(message, case, reply))
        except Violation as violation:
            raise violation.but(due=violation.due.and_("inputs in single", names=names)) from None


def _large_in_the_lab(message: Message) -> Sizes:
    """A batch of images; of ten classes at the end."""
    return Sizes(128, 784, 64) if message.parameters else Sizes(2048, 1, 10)


def check_long_use(context: Context, message: Message) -> None:
    """One object answers any number of calls: other numbers in the same arrays, other methods, new parameters."""
    rng = context.rng(f"{message.subject}.use")
    steps, cases = _uses(message, rng, _ROUNDS[context.effort], naive=context.assignment == 1)
    setting = message.setting(cases[0])
    replies = context.executor.run([*setting, *steps])[len(setting) :]
    parameters: dict[str, Array] = {**cases[0].parameters}
    asked = iter(cases)
    number = 0
    for step, reply in zip(steps, replies, strict=True):
        if isinstance(step, Get):
            found = as_numbers(reply.value)
            if found is None or found.shape != parameters[step.attribute].shape:
                return  # the checks of update_params say what is wrong
            parameters[step.attribute] = found.astype(np.float64)
        elif isinstance(step, Call) and step.method == message.method:
            number += 1
            _judge_use(context, message, replace(next(asked), parameters={**parameters}), reply, number)


def _judge_use(context: Context, message: Message, case: Case, reply: Reply, number: int) -> None:
    """Judge the answer to one of many calls on the same object."""
    if reply.error is not None:
        due = fact("answers after any call").and_("at call", number=number)
        raise context.violation(message, case, due, raised(reply), "stateful").but(repro=None)
    try:
        context.judge(message, case, context.parts(message, case, reply))
    except Violation as violation:
        if not context.is_right(message, case):
            raise  # a new object is wrong, too: that is no matter of what was called before
        due = violation.due.and_("at call", number=number)
        raise promises.after_any_call(violation).but(due=due) from None
    blame = partial(context.violation, message, case)
    # An answer that is the caller's own array is changed by what the caller does with it: nothing is kept.
    promises.check_memory(reply.aliases if reply.altered else (), altered=reply.altered, blame=blame)


def _uses(message: Message, rng: np.random.RandomState, rounds: int, *, naive: bool) -> tuple[list[Step], list[Case]]:
    """Steps for one object, and the cases of those that call the judged method, without later parameters."""
    first = message.draw(ORDINARY, normal_numbers(rng))
    cases: list[Case] = []
    steps: list[Step] = []
    for number in range(rounds):
        alike = akin(message, first, message.draw(ORDINARY, normal_numbers(rng)), naive=naive)
        cases.append(alike[number % len(alike)])
        steps += _kept(message, cases[-1])
        if number % 2:
            # At once the very same arrays again: after a step of training, or with other numbers in them.
            if message.parameters:
                steps += _new_parameters(first, rng, by_update=number % 4 == 1)
            again = message.parameters and number % 4 == 1
            cases.append(cases[-1] if again else alike[(number + 1) % len(alike)])
            steps += _kept(message, cases[-1])
        cases.append(_another(message, first, rng))
        steps.append(Call("layer", message.method, {**cases[-1].arguments}))
        steps += _others(message, rng)
    return steps, cases


def _kept(message: Message, case: Case) -> list[Step]:
    """A call with the arguments in arrays that all such calls share."""
    writes = [Keep(name, array) for name, array in case.arguments.items()]
    return [*writes, Call("layer", message.method, {name: Ref(name) for name in case.arguments})]


def _another(message: Message, first: Case, rng: np.random.RandomState) -> Case:
    """A new case for the same layer, mostly of another number of samples."""
    drawn = message.draw(Sizes(int(rng.randint(*_SAMPLES)), ORDINARY.d, ORDINARY.u), normal_numbers(rng))
    return Case(drawn.arguments, first.parameters, drawn.origin)


def _others(message: Message, rng: np.random.RandomState) -> Iterator[Step]:
    """A call of each other method of the class."""
    for other in MESSAGES:
        if other.cls == message.cls and other.method != message.method:
            drawn = other.draw(Sizes(int(rng.randint(*_SAMPLES)), ORDINARY.d, ORDINARY.u), normal_numbers(rng))
            yield Call("layer", other.method, {**drawn.arguments})


def _new_parameters(first: Case, rng: np.random.RandomState, *, by_update: bool) -> Sequence[Step]:
    """Set W and b, or update them; and look at what they are then."""
    values = {name: short_numbers(rng)(array.shape) for name, array in first.parameters.items()}
    changes: list[Step] = [Put("layer", name, value) for name, value in values.items()]
    if by_update:
        changes = [Call("layer", "update_params", {"dtheta": [*values.values()]})]
    return [*changes, *(Get("layer", name) for name in values)]
