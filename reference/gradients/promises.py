"""What is promised of the form of answers: types, shapes, memory, state. Values: `reference.gradients.values`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine import promises
from reference.execution.worker.protocol import Layout, lay_out
from reference.findings import NotApplicable, Violation
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.judge import compare
from reference.gradients.subject import as_array, asked, crash, laid
from reference.numerics import tolerances
from reference.wording import fact

Array = NDArray[Any]
#: One call: the function, its arguments, and these as nested lists by name.
Call = tuple[Callable[..., Any], tuple[Array, ...], dict[str, Any]]

#: How often the same is asked again where an answer has changed. A choice.
_FURTHER_CALLS = 6
_LAYOUTS: tuple[Layout, ...] = ("Fortran", "strided", "reversed", "read-only", "broadcast")


def check_forward_answers(context: Context) -> None:
    """The forward pass answers every legal input with an array of real numbers."""
    context.output(context.cases[0])
    for case in context.judged():
        context.output(case)
    if context.spec is None:
        context.check_enough()


def check_forward_types(context: Context) -> None:
    """The forward pass answers a plain array in the precision of its arguments, and always of the same shape."""
    due = context.output(context.cases[0]).shape if context.spec is None else context.spec.shape
    for case in context.judged()[: 1 if context.pattern.is_large else None]:
        value = context.subject.answer(context.subject.forward, case.args)
        _check_form("forward", value, due, (context.dtype,), asked(case.args))


def check_gradient_answers(context: Context) -> None:
    """The vjp answers a tuple with one gradient for each argument."""
    given = context.cases[0]
    context.gradient_function(given)(context.cotangents(given)[0], *context.pattern.floats(given.args))


def check_gradient_types(context: Context, number: int) -> None:
    """A gradient has the shape and the precision of its argument; that of whole numbers is None or 0."""
    name = f"gradient[{number}]"
    if number in context.constant:
        context.note(fact("argument constant", number=number))
    for case in context.judged()[: 1 if context.pattern.is_large else None]:
        cotangent, argument = context.cotangents(case)[0], case.args[number]
        words = asked(case.args, cotangent)
        context.run_forward(case.args)
        try:
            answer = context.subject.answer(context.subject.vjp, (cotangent, *case.args), words)
        except Violation:
            if case is context.cases[0]:
                raise
            continue  # the check of its values tells of that
        value = context.subject.parts(answer, words)[number]
        if argument.dtype.kind == "f" and (number in context.pattern.differentiable or value is not None):
            _check_form(name, value, argument.shape, (argument.dtype, context.dtype), words)
        elif value is not None and (np.shape(value) != argument.shape or np.any(value)):
            due = fact("no derivative", what=name, shape=argument.shape)
            raise Violation(due, fact("value", value=np.asarray(value).tolist()), counterexample=words)


def check_not_judged(context: Context, number: int) -> None:
    """The gradient of an argument that is held as given is not judged."""
    raise NotApplicable(fact("argument constant" if number in context.constant else "argument held", number=number))


def check_inputs_unchanged(context: Context, part: str) -> None:
    """The call leaves its arguments as they were."""
    for function, args, words in _calls(context, part, _some(context)):
        given = [lay_out(array, "C") for array in args]
        _call(part, function, given, words)
        pairs = zip(_names(part, args), args, given, strict=True)
        changed = [name for name, before, after in pairs if before.tobytes() != after.tobytes()]
        promises.check_unchanged(changed, _blame(words))


def check_result_is_its_own(context: Context, part: str) -> None:
    """Later calls do not change the answer; where that is asked, it is no view of an argument or a gradient."""
    kept: list[tuple[list[Array], list[Array], dict[str, Any]]] = []
    for function, args, words in _calls(context, part, _some(context)):
        given = [lay_out(array, "C") for array in args]
        answers = _arrays(_call(part, function, given, words))
        kept.append((answers, [answer.copy() for answer in answers], words))
        if not context.owns:
            continue
        pairs = zip(_names(part, args), given, strict=True)
        aliases = [name for name, array in pairs if any(np.shares_memory(answer, array) for answer in answers)]
        promises.check_memory(aliases, altered=False, blame=_blame(words))
        if any(np.shares_memory(one, two) for k, one in enumerate(answers) for two in answers[:k]):
            raise Violation(fact("gradients with memory"), fact("gradients share memory"), counterexample=words)
    for answers, copies, words in kept:
        altered = any(now.tobytes() != then.tobytes() for now, then in zip(answers, copies, strict=True))
        promises.check_memory((), altered=altered, blame=_blame(words))


def check_no_state(context: Context, part: str) -> None:
    """The answer depends on the arguments alone: the same twice, whatever was called in between."""
    here, there = context.cases[0], _some(context)[-1]
    context.run_forward(here.args)
    first, again = _values(context, part, here), _values(context, part, here)
    bounds = _repeated(first)
    try:
        _check_same(context, part, first, again, bounds, here)
    except Violation as violation:
        raise promises.twice(violation) from violation.__cause__
    others = []
    if not (part == "forward" and context.pattern.is_large):  # the call below is the same one
        context.run_forward(there.args)
        others.append(_values(context, part, here))
    _values(context, part, there)
    others.append(_values(context, part, here))
    try:
        for other in others:
            _check_same(context, part, first, other, bounds, here)
    except Violation as violation:
        if _is_scattered(context, part, here, bounds):
            raise promises.twice(violation) from violation.__cause__
        raise promises.after_any_call(violation) from violation.__cause__


def _is_scattered(context: Context, part: str, case: Case, bounds: list[Array]) -> bool:
    """Whether further calls, one after the other, differ among themselves: chance may have hidden that from two."""
    answers = [_values(context, part, case) for _ in range(_FURTHER_CALLS)]
    try:
        for other in answers[1:]:
            _check_same(context, part, answers[0], other, bounds, case)
    except Violation:
        return True
    return False


def check_layouts(context: Context, part: str) -> None:
    """The same numbers in another memory layout give the same answer: Fortran order, strides, reversed, read-only."""
    ordinary = _some(context)[-1]
    equal_rows = tuple(np.array(laid(array, "broadcast")) for array in ordinary.args)
    layouts = ("strided", "read-only") if context.pattern.is_large else _LAYOUTS[:-1]
    cases: list[tuple[Case, tuple[Layout, ...]]] = [(ordinary, layouts)]
    if not context.pattern.is_large:
        cases.append((Case("equal rows", equal_rows, ordinary.seed), _LAYOUTS[-1:]))
    for case, layouts in cases:
        if case is not ordinary and not context.is_legal(case):
            continue
        _forward_first(context, part, case)
        plain = _values(context, part, case)
        granted = _granted(context, part, case)
        bounds = [one.reshape(two.shape) + two for one, two in zip(granted, _repeated(plain), strict=True)]
        for layout in layouts:
            _check_layout(context, part, case, layout, plain, bounds)


def _check_layout(
    context: Context, part: str, case: Case, layout: Layout, plain: list[Array], bounds: list[Array]
) -> None:
    """Raise a violation unless the answer in a memory layout is the plain one but for rounding."""
    try:
        _forward_first(context, part, case)
        _check_same(context, part, plain, _values(context, part, case, layout), bounds, case)
    except Violation as violation:
        raise promises.in_layout(violation, layout) from violation.__cause__


def _forward_first(context: Context, part: str, case: Case) -> None:
    """Call ``forward``, on whose memory a vjp may rely, unless calls are counted."""
    if part == "vjp" and not context.pattern.is_large:
        context.run_forward(case.args)


def _check_form(name: str, value: Any, shape: tuple[int, ...], dtypes: tuple[Any, ...], words: dict[str, Any]) -> None:
    """Raise a violation unless it is a plain array, or a number, of that shape and of one of these dtypes."""
    as_array(name, value, words)
    blame = _blame(words)
    if isinstance(value, np.ndarray) and type(value) is not np.ndarray:
        raise blame(fact("array of", what=name), fact("type", name=type(value).__name__), "wrong-type")
    if isinstance(value, np.ndarray | np.generic) and value.dtype not in dtypes:
        due = fact("dtype of arguments", what=name, dtype=str(dtypes[0]))
        raise blame(due, fact("dtype", dtype=str(value.dtype)), "wrong-dtype")
    if np.shape(value) != shape:
        due, came = fact("shape of", what=name, shape=shape), fact("shape", shape=np.shape(value))
        raise blame(due, came, "wrong-shape")


def _blame(words: dict[str, Any]) -> promises.Blame:
    """Makes violations with these arguments as their counterexample."""
    return lambda due, came, mistake: Violation(due, came, counterexample=words, mistake=mistake)


def _some(context: Context) -> list[Case]:
    """A few judged cases without extreme numbers, the last one ordinary."""
    calm = context.calm()
    ordinary = [case for case in calm if case.kind in {"ordinary numbers", "short numbers"}]
    return [*calm[: 1 if context.pattern.is_large else 3], *(ordinary[-1:] or context.cases[:1])]


def _calls(context: Context, part: str, cases: Sequence[Case]) -> Iterator[Call]:
    for case in cases:
        if part == "forward":
            yield context.subject.forward, case.args, asked(case.args)
        else:
            cotangent = context.cotangents(case)[0]
            yield context.subject.vjp, (cotangent, *case.args), asked(case.args, cotangent)


def _call(part: str, function: Callable[..., Any], given: Sequence[Array], words: dict[str, Any]) -> Any:
    """The answer of a function that is given these very arrays, uncopied."""
    try:
        return function(*given)
    except (Exception, SystemExit) as error:  # whatever foreign code raises is an answer
        raise crash(part, error, words) from error


def _values(context: Context, part: str, case: Case, layout: Layout = "C") -> list[Array]:
    """Copies of the arrays in an answer that are for arguments of floating point."""
    ((function, args, words),) = _calls(context, part, [case])
    given = [laid(array, layout) for array in args]
    if part == "vjp" and layout == "broadcast":
        given[0] = lay_out(args[0], "C")  # a cotangent with equal rows would show less
    answer = _call(part, function, given, words)
    if part == "forward":
        return [as_array(part, answer, words)]
    parts = context.subject.parts(answer, words)
    return [as_array(f"gradient[{number}]", parts[number], words) for number in context.pattern.differentiable]


def _check_same(
    context: Context, part: str, first: list[Array], again: list[Array], bounds: list[Array], case: Case
) -> None:
    """Raise a violation unless two answers are equal but for rounding; NaN equals NaN here."""
    words = asked(case.args) if part == "forward" else asked(case.args, context.cotangents(case)[0])
    names = ["forward"] if part == "forward" else [f"gradient[{number}]" for number in context.pattern.differentiable]
    for name, one, two, bound in zip(names, first, again, bounds, strict=True):
        if one.shape != two.shape:
            shapes = fact("shape of", what=name, shape=one.shape), fact("shape", shape=two.shape)
            raise Violation(*shapes, counterexample=words)
        same = (one == two) | (np.isnan(one) & np.isnan(two))
        due, came = np.where(same, 0.0, one), np.where(same, 0.0, two)
        if not np.isfinite(due).all():  # nothing is held against what is no number; that is held against the other
            due, came = came, due
        compare(name, came, due, 2 * bound.reshape(one.shape), words)


def _repeated(answers: list[Array]) -> list[Array]:
    """How far two sums of the same terms may be apart, since several threads add in any order."""
    return [
        np.full(
            each.shape, tolerances.REPEATED_ULPS * float(np.finfo(each.dtype if each.dtype.kind == "f" else float).eps)
        )
        * np.abs(each.astype(np.float64)).max(initial=0.0)
        for each in answers
    ]


def _granted(context: Context, part: str, case: Case) -> list[Array]:
    """The rounding bound of each part of the answer."""
    if part == "forward" and context.pattern.is_large:  # measuring it takes calls
        return _repeated([context.output(case)])
    if part == "forward":
        return [context.forward_bound(case, context.output(case))]
    _, bounds = context.gradients(case, context.cotangents(case)[0])
    return bounds


def _names(part: str, args: Sequence[Array]) -> list[str]:
    names = [f"args[{number}]" for number in range(len(args))]
    return names if part == "forward" else ["cotangent", *names[:-1]]


def _arrays(answer: Any) -> list[Array]:
    """The arrays in an answer; numbers share no memory."""
    parts = answer if isinstance(answer, tuple | list) else [answer]
    return [part if isinstance(part, np.ndarray) else np.array(part) for part in parts if part is not None]
