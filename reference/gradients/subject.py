"""The function and the gradient that are judged: called, and their answers turned into arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.crashes import describe_error
from reference.execution.worker.protocol import Layout, lay_out
from reference.findings import Violation
from reference.gradients.arguments import Pattern
from reference.numerics import function_tolerances
from reference.wording import fact

Array = NDArray[Any]


@dataclass(frozen=True)
class Subject:
    """A ``forward`` and a ``vjp``; what goes wrong in a call is raised as a `Violation`.

    Attributes
    ----------
    takes_cotangent
        False where ``vjp`` answers the gradient of a number that ``forward`` gives, whatever its cotangent.
    """

    forward: Callable[..., Any]
    vjp: Callable[..., Any]
    pattern: Pattern
    takes_cotangent: bool = True

    def output(self, args: Sequence[Array]) -> Array:
        """``forward(*args)`` as an array of its own.

        Raises
        ------
        Violation
            It raised an exception (which is the cause of the violation), or the answer is no array of real numbers.
        """
        return as_array("forward", self.answer(self.forward, args), asked(args))

    def gradients(self, cotangent: Array, args: Sequence[Array]) -> tuple[Array, ...]:
        """The gradients of the arguments of floating point, in the shapes of the arguments.

        Raises
        ------
        Violation
            As for `output`, or there is not one gradient for each argument, or one has another number of entries.
        """
        case = asked(args, cotangent)
        parts = self.parts(self.answer(self.vjp, (cotangent, *args), case), case)
        found = []
        for number in self.pattern.differentiable:
            array = as_array(f"gradient[{number}]", parts[number], case)
            if array.size != args[number].size:
                due = fact("shape of argument", what=f"gradient[{number}]", shape=args[number].shape)
                came = fact("shape", shape=array.shape)
                raise Violation(due, came, counterexample=case, mistake="wrong-shape")
            found.append(array.reshape(args[number].shape))
        return tuple(found)

    def parts(self, answer: Any, case: dict[str, Any]) -> Sequence[Any]:
        """The gradients in an answer of ``vjp``, one for each argument.

        Raises
        ------
        Violation
            It is no tuple (or list) of that many.
        """
        count = len(self.pattern.args)
        due = fact("gradients", count=count) if count > 1 else fact("gradient alone")
        if not isinstance(answer, tuple | list):
            what = f"an array of shape {answer.shape}" if isinstance(answer, np.ndarray) else type(answer).__name__
            raise Violation(due, fact("not in a tuple", name=what), counterexample=case, mistake="wrong-type")
        if len(answer) != count:
            came = fact("several", name=type(answer).__name__, count=len(answer))
            raise Violation(due, came, counterexample=case, mistake="wrong-type")
        return answer

    def answer(self, function: Callable[..., Any], args: Sequence[Array], case: Any = None) -> Any:
        """The answer of a function to copies of the arguments.

        Raises
        ------
        Violation
            It raised an exception, which is the violation's cause.
        """
        name = "vjp" if function is self.vjp else "forward"
        try:
            return function(*(lay_out(array, "C") for array in args))
        except (Exception, SystemExit) as error:  # whatever foreign code raises is an answer
            raise crash(name, error, case or asked(args)) from error


def constants(subject: Subject) -> frozenset[int]:
    """The arguments of floating point for which ``vjp`` answers None, unless it does for all of them."""
    places = subject.pattern.differentiable
    try:
        output = subject.output(subject.pattern.args)
        cotangent = np.ones(output.shape, np.result_type(*subject.pattern.floats(subject.pattern.args)))
        answer = subject.answer(subject.vjp, (cotangent, *subject.pattern.args))
        parts = subject.parts(answer, {})
    except Violation:  # the checks tell of that
        return frozenset()
    found = frozenset(number for number in places if parts[number] is None)
    return found if len(found) < len(places) else frozenset()


def crash(name: str, error: BaseException, case: dict[str, Any]) -> Violation:
    """The violation that an exception is."""
    if isinstance(error, Violation):  # of the structure of an answer, which an adapter has seen
        return error.but(counterexample=case)
    mistake = {"NotImplementedError": "not-implemented", "SystemExit": "exits"}.get(type(error).__name__, "crash")
    came = fact("raised", error=type(error).__name__, said=describe_error(error))
    return Violation(fact("answers", what=name), came, counterexample=case, mistake=mistake)


def as_array(name: str, value: Any, case: dict[str, Any]) -> Array:
    """A copy of an answer; a number counts as an array without axes.

    Raises
    ------
    Violation
        It is no array of real numbers.
    """
    if isinstance(value, np.ndarray | np.generic | int | float):
        array = np.array(value)
        if array.dtype.kind in "fiub":
            return array
        came, cause = f"an array of dtype {array.dtype}", "complex" if array.dtype.kind == "c" else None
    else:
        came, cause = (
            type(value).__name__,
            "several answers" if name == "forward" and isinstance(value, tuple | list) else None,
        )
    due = fact("real numbers", what=name)
    raise Violation(due, fact("type", name=came, cause=cause), counterexample=case, mistake="wrong-type")


def asked(args: Sequence[Array], cotangent: Array | None = None) -> dict[str, Any]:
    """The arguments of a case as nested lists, by name; nobody reads many thousands of numbers."""
    size = sum(each.size for each in args)
    if size > function_tolerances.LARGE:
        return {"inputs": f"arrays of {size} numbers"}
    weights = {} if cotangent is None else {"cotangent": cotangent.tolist()}
    return {**weights, **{f"args[{number}]": array.tolist() for number, array in enumerate(args)}}


def laid(array: Array, layout: Layout) -> Array:
    """A copy of the array in that memory layout; whole numbers and arrays without axes keep the plain one."""
    has_layouts = array.dtype.kind == "f" and array.ndim > 0
    return lay_out(array, layout if has_layouts or layout == "read-only" else "C")
