"""The two functions under examination, and what is made of their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.perform import describe_error
from reference.execution.worker.protocol import Layout, lay_out
from reference.findings import Violation
from reference.gradients.arguments import Pattern

Array = NDArray[Any]


@dataclass(frozen=True)
class Subject:
    """Somebody's ``forward`` and ``vjp``; what goes wrong in them is a `Violation`."""

    forward: Callable[..., Any]
    vjp: Callable[..., Any]
    pattern: Pattern

    def output(self, args: Sequence[Array]) -> Array:
        """``forward(*args)`` as an array that nobody else has.

        Raises
        ------
        Violation
            It raised an exception (which is the cause of the violation), or the answer is no array of real numbers.
        """
        return as_array("forward", self.answer(self.forward, args), asked(args))

    def gradients(self, cotangent: Array, args: Sequence[Array]) -> tuple[Array, ...]:
        """Of the arguments of floating point, in the shapes of the arguments.

        Raises
        ------
        Violation
            As for `output`, or there is not one gradient for each argument, or one has another number of entries.
        """
        question = asked(args, cotangent)
        parts = self.parts(self.answer(self.vjp, (cotangent, *args), question), question)
        found = []
        for number in self.pattern.differentiable:
            array = as_array(f"gradient[{number}]", parts[number], question)
            if array.size != args[number].size:
                raise Violation(
                    f"gradient[{number}] of shape {args[number].shape}, as the argument has",
                    f"shape {array.shape}",
                    counterexample=question,
                    mistake="wrong-shape",
                )
            found.append(array.reshape(args[number].shape))
        return tuple(found)

    def parts(self, answer: Any, question: dict[str, Any]) -> Sequence[Any]:
        """The gradients in an answer of ``vjp``, one for each argument.

        Raises
        ------
        Violation
            It is no tuple (or list) of that many.
        """
        count = len(self.pattern.args)
        due = f"a tuple of {count} gradient{'s' if count > 1 else ''}, one for each argument"
        if not isinstance(answer, tuple | list):
            what = f"an array of shape {answer.shape}" if isinstance(answer, np.ndarray) else type(answer).__name__
            raise Violation(due, f"{what}, not in a tuple", counterexample=question, mistake="wrong-type")
        if len(answer) != count:
            raise Violation(
                due, f"a {type(answer).__name__} of {len(answer)}", counterexample=question, mistake="wrong-type"
            )
        return answer

    def answer(self, function: Callable[..., Any], args: Sequence[Array], question: Any = None) -> Any:
        """What a function answers to copies of the arguments.

        Raises
        ------
        Violation
            It raised an exception, which is the violation's cause.
        """
        name = "vjp" if function is self.vjp else "forward"
        try:
            return function(*(lay_out(array, "C") for array in args))
        except (Exception, SystemExit) as error:  # whatever foreign code raises is an answer
            raise crash(name, error, question or asked(args)) from error


def crash(name: str, error: BaseException, question: dict[str, Any]) -> Violation:
    """The violation that an exception is."""
    mistake = {"NotImplementedError": "not-implemented", "SystemExit": "exits"}.get(type(error).__name__, "crash")
    return Violation(f"{name} to answer", describe_error(error), counterexample=question, mistake=mistake)


def as_array(name: str, value: Any, question: dict[str, Any]) -> Array:
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
        came = f"an array of dtype {array.dtype}"
    else:
        came = type(value).__name__
    raise Violation(f"{name} to be an array of real numbers", came, counterexample=question, mistake="wrong-type")


def asked(args: Sequence[Array], cotangent: Array | None = None) -> dict[str, Any]:
    """A question as nested lists."""
    weights = {} if cotangent is None else {"cotangent": cotangent.tolist()}
    return {**weights, **{f"args[{number}]": array.tolist() for number, array in enumerate(args)}}


def laid(array: Array, layout: Layout) -> Array:
    """A copy of the array in that layout where it can have one: whole numbers and arrays without axes stay plain."""
    has_layouts = array.dtype.kind == "f" and array.ndim > 0
    return lay_out(array, layout if has_layouts or layout == "read-only" else "C")
