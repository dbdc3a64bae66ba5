"""What is promised of the form of answers: types, shapes, memory, state. Values: `reference.gradients.values`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.protocol import Layout, lay_out
from reference.findings import Violation
from reference.gradients.cases import Question
from reference.gradients.context import Examination
from reference.gradients.judge import compare
from reference.gradients.subject import as_array, asked, crash, laid

Array = NDArray[Any]
#: One call: the function, its arguments, and the question as nested lists.
Call = tuple[Callable[..., Any], tuple[Array, ...], dict[str, Any]]

#: Units in the last place of the largest entry: by so much the same sum may differ from call to call.
_REPEATED = 256.0
_LAYOUTS: tuple[Layout, ...] = ("Fortran", "strided", "reversed", "read-only", "broadcast")


def check_forward_answers(context: Examination) -> None:
    """The forward pass answers every legal input with an array of real numbers."""
    context.output(context.questions[0])
    if context.spec is not None:
        for question in context.judged():
            context.output(question)
        return
    try:
        list(context.answered())
    except Violation as violation:
        if violation.mistake == "crash":
            violation.expected = "forward to answer, or a domain that says which arguments are legal"
        raise


def check_forward_types(context: Examination) -> None:
    """The forward pass answers a plain array in the precision of its arguments, and always of the same shape."""
    due = context.output(context.questions[0]).shape if context.spec is None else context.spec.shape
    for question in context.judged():
        value = context.subject.answer(context.subject.forward, question.args)
        _check_form("forward", value, due, (context.dtype,), asked(question.args))


def check_gradient_answers(context: Examination) -> None:
    """The vjp answers a tuple with one gradient for each argument."""
    given = context.questions[0]
    context.gradient_function(given)(context.cotangents(given)[0], *context.pattern.floats(given.args))


def check_gradient_types(context: Examination, number: int) -> None:
    """A gradient has the shape and the precision of its argument; that of whole numbers is None or 0."""
    name = f"gradient[{number}]"
    for question in context.judged():
        cotangent, argument = context.cotangents(question)[0], question.args[number]
        words = asked(question.args, cotangent)
        context.run_forward(question.args)
        answer = context.subject.answer(context.subject.vjp, (cotangent, *question.args), words)
        value = context.subject.parts(answer, words)[number]
        if argument.dtype.kind == "f":
            _check_form(name, value, argument.shape, (argument.dtype, context.dtype), words)
        elif value is not None and (np.shape(value) != argument.shape or np.any(value)):
            due = f"{name} = None or zeros of shape {argument.shape}, for whole numbers have no derivative"
            raise Violation(due, f"{np.asarray(value).tolist()!r}", counterexample=words)


def check_inputs_unchanged(context: Examination, part: str) -> None:
    """The call leaves its arguments as they were."""
    for function, args, words in _calls(context, part, _some(context)):
        given = [lay_out(array, "C") for array in args]
        _call(part, function, given, words)
        for name, before, after in zip(_names(part, args), args, given, strict=True):
            if before.tobytes() != after.tobytes():
                raise Violation(
                    f"{name} to be as before the call", f"{name} changed", counterexample=words, mistake="mutates-input"
                )


def check_result_is_its_own(context: Examination, part: str) -> None:
    """The answer is new memory: no view of an argument or of another gradient, and later calls do not change it."""
    kept: list[tuple[list[Array], list[Array], dict[str, Any]]] = []
    for function, args, words in _calls(context, part, _some(context)):
        given = [lay_out(array, "C") for array in args]
        answers = _arrays(_call(part, function, given, words))
        for name, array in zip(_names(part, args), given, strict=True):
            if any(np.shares_memory(answer, array) for answer in answers):
                raise Violation(
                    "an answer with memory of its own", f"a view of {name}", counterexample=words,
                    mistake="aliases-input",
                )  # fmt: skip
        if any(np.shares_memory(one, two) for k, one in enumerate(answers) for two in answers[:k]):
            raise Violation(
                "gradients with memory of their own", "two gradients that share memory", counterexample=words
            )
        kept.append((answers, [answer.copy() for answer in answers], words))
    for answers, copies, words in kept:
        if any(now.tobytes() != then.tobytes() for now, then in zip(answers, copies, strict=True)):
            raise Violation(
                "an answer that stays", "an answer that a later call changed", counterexample=words, mistake="stateful"
            )


def check_no_state(context: Examination, part: str) -> None:
    """The answer depends on the arguments alone: the same twice, whatever was called in between."""
    here, there = context.questions[0], _some(context)[-1]
    context.run_forward(here.args)
    first, again = _values(context, part, here), _values(context, part, here)
    bounds = _repeated(first)
    try:
        _check_same(context, part, first, again, bounds, here)
    except Violation as violation:
        violation.expected += ", the same twice"
        violation.mistake = "nondeterministic"
        raise
    context.run_forward(there.args)
    after_forward = _values(context, part, here)
    _values(context, part, there)
    after_both = _values(context, part, here)
    try:
        _check_same(context, part, first, after_forward, bounds, here)
        _check_same(context, part, first, after_both, bounds, here)
    except Violation as violation:
        violation.expected += ", whatever was called before"
        violation.mistake = "stateful"
        raise


def check_layouts(context: Examination, part: str) -> None:
    """The same numbers in another memory layout give the same answer: Fortran order, strides, reversed, read-only."""
    ordinary = _some(context)[-1]
    equal_rows = tuple(np.array(laid(array, "broadcast")) for array in ordinary.args)
    for layout in _LAYOUTS:
        question = Question("equal rows", equal_rows, ordinary.seed) if layout == "broadcast" else ordinary
        context.run_forward(question.args)
        plain = _values(context, part, question)
        granted = _granted(context, part, question)
        bounds = [one.reshape(two.shape) + two for one, two in zip(granted, _repeated(plain), strict=True)]
        try:
            context.run_forward(question.args)
            other = _values(context, part, question, layout)
            _check_same(context, part, plain, other, bounds, question)
        except Violation as violation:
            violation.expected += f", also in {layout} layout"
            violation.mistake = "mutates-input" if "read-only" in violation.actual else "layout-dependent"
            raise


def _check_form(name: str, value: Any, shape: tuple[int, ...], dtypes: tuple[Any, ...], words: dict[str, Any]) -> None:
    """A plain array, or a number, of that shape and of one of these dtypes."""
    as_array(name, value, words)
    due, came, mistake = "", "", ""
    if isinstance(value, np.ndarray) and type(value) is not np.ndarray:
        due, came, mistake = f"{name} to be a numpy array", type(value).__name__, "wrong-type"
    elif isinstance(value, np.ndarray | np.generic) and value.dtype not in dtypes:
        due, came = f"{name} of dtype {dtypes[0]}, as the arguments have", f"dtype {value.dtype}"
        mistake = "wrong-dtype"
    elif np.shape(value) != shape:
        due, came, mistake = f"{name} of shape {shape}", f"shape {np.shape(value)}", "wrong-shape"
    if mistake:
        raise Violation(due, came, counterexample=words, mistake=mistake)


def _some(context: Examination) -> list[Question]:
    """A few inputs without anything extreme, the last one ordinary; inside the contract where any is."""
    calm = context.calm()
    ordinary = [question for question in calm if question.kind in {"ordinary numbers", "short numbers"}]
    return [*calm[:3], *(ordinary[-1:] or context.questions[:1])]


def _calls(context: Examination, part: str, questions: Sequence[Question]) -> Iterator[Call]:
    for question in questions:
        if part == "forward":
            yield context.subject.forward, question.args, asked(question.args)
        else:
            cotangent = context.cotangents(question)[0]
            yield context.subject.vjp, (cotangent, *question.args), asked(question.args, cotangent)


def _call(part: str, function: Callable[..., Any], given: Sequence[Array], words: dict[str, Any]) -> Any:
    """The answer itself, to the arrays themselves."""
    try:
        return function(*given)
    except (Exception, SystemExit) as error:  # whatever foreign code raises is an answer
        raise crash(part, error, words) from error


def _values(context: Examination, part: str, question: Question, layout: Layout = "C") -> list[Array]:
    """Copies of the arrays in an answer that are for arguments of floating point."""
    ((function, args, words),) = _calls(context, part, [question])
    given = [laid(array, layout) for array in args]
    if part == "vjp" and layout == "broadcast":
        given[0] = lay_out(args[0], "C")  # its rows differ
    answer = _call(part, function, given, words)
    if part == "forward":
        return [as_array(part, answer, words)]
    parts = context.subject.parts(answer, words)
    return [as_array(f"gradient[{number}]", parts[number], words) for number in context.pattern.differentiable]


def _check_same(
    context: Examination, part: str, first: list[Array], again: list[Array], bounds: list[Array], question: Question
) -> None:
    """Equal but for rounding; NaN is as good as NaN here."""
    words = asked(question.args) if part == "forward" else asked(question.args, context.cotangents(question)[0])
    names = ["forward"] if part == "forward" else [f"gradient[{number}]" for number in context.pattern.differentiable]
    for name, one, two, bound in zip(names, first, again, bounds, strict=True):
        if one.shape != two.shape:
            raise Violation(f"{name} of shape {one.shape}", f"shape {two.shape}", counterexample=words)
        both = np.isnan(one) & np.isnan(two)
        allowed = 2 * bound.reshape(one.shape)
        compare(name, np.where(both, 0.0, two), np.where(both, 0.0, one), allowed, words)


def _repeated(answers: list[Array]) -> list[Array]:
    """How far the same sums may be apart that several threads add up in whatever order."""
    return [
        np.full(each.shape, _REPEATED * float(np.finfo(each.dtype if each.dtype.kind == "f" else float).eps))
        * np.abs(each.astype(np.float64)).max(initial=0.0)
        for each in answers
    ]


def _granted(context: Examination, part: str, question: Question) -> list[Array]:
    """Bounds for each part of the answer."""
    if part == "forward":
        return [context.forward_bound(question, context.output(question))]
    _, bounds = context.gradients(question, context.cotangents(question)[0])
    return bounds


def _names(part: str, args: Sequence[Array]) -> list[str]:
    names = [f"args[{number}]" for number in range(len(args))]
    return names if part == "forward" else ["the cotangent", *names[:-1]]


def _arrays(answer: Any) -> list[Array]:
    """The arrays in an answer; numbers share no memory."""
    parts = answer if isinstance(answer, tuple | list) else [answer]
    return [part if isinstance(part, np.ndarray) else np.array(part) for part in parts if part is not None]
