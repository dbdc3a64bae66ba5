"""From two functions to findings: `check_vjp`, and the checks that it makes, in order of dependency."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from reference.findings import Finding, Violation, failure, finding, outcome
from reference.gradients import arguments, promises, values
from reference.gradients.context import Examination
from reference.gradients.specification import Specification
from reference.gradients.subject import Subject
from reference.lab.context import Effort

#: What to think about, by mistake.
_HINTS = {
    "aliases-input": "Whoever changes the answer in place changes the argument too. What makes a new array?",
    "crash": "Call the function with the counterexample and read the traceback.",
    "exits": "A function must answer or raise, and never end the program.",
    "layout-dependent": "Which line reads memory in the order in which it lies, rather than by index?",
    "mutates-input": "Which line writes into an array that the caller still needs?",
    "not-implemented": "Nothing is computed yet: is the body still `raise NotImplementedError`?",
    "nondeterministic": "What does the answer depend on besides the arguments?",
    "scaled": "Which factor does the formula have that the code has not, or the other way round?",
    "sign": "Follow the minus signs through the derivation.",
    "stateful": "What is remembered from one call to the next?",
    "wrong-dtype": "Which line makes an array without saying of which type?",
    "wrong-shape": "A gradient says for each entry of its argument what that entry does: one number each.",
    "wrong-type": "A tuple of one has a comma: (gradient,).",
}


@dataclass(frozen=True)
class _Check:
    """A promise, and how to see whether it is kept; see `reference.findings.Finding`."""

    id: str
    subject: str
    run: Callable[[Examination], None]
    depends_on: tuple[str, ...] = ()

    @property
    def rationale(self) -> str:
        run = self.run.func if isinstance(self.run, partial) else self.run
        return (run.__doc__ or "").split("\n\n")[0].strip()


def check_vjp(
    forward: Callable[..., Any],
    vjp: Callable[..., Any],
    *args: Any,
    spec: Callable[..., Any] | None = None,
    domain: Sequence[tuple[float, float] | None] | None = None,
    seed: int = 0,
    effort: Effort = "normal",
    **unknown: Any,
) -> list[Finding]:
    """Judge a numpy function and its hand-written gradient.

    Parameters
    ----------
    forward
        ``forward(*args) -> array``.
    vjp
        ``vjp(cotangent, *args)``: for a cotangent of the output's shape, a tuple with the gradient of
        <cotangent, forward(*args)> for each argument, in the argument's shape and dtype.
    args
        The pattern: arrays of float64 or float32, of the shapes that the functions are for. They are asked about first;
        further inputs of the same shapes are drawn. Whole numbers, such as class labels, are passed on as given and
        have no gradient (None or zeros).
    spec
        The definition to hold both functions against, each on its own: on torch tensors, or on numpy arrays, which is
        found out by trying. An input at which it is not finite is outside the contract. Without it the forward pass is
        taken for right, and the gradient is held against differences of its values.
    domain
        For each argument None, or the open interval ``(low, high)`` in which its elements are legal.
    seed
        The same seed asks the same questions.
    effort
        How many questions: quick, normal or exhaustive.

    Returns
    -------
    list of Finding
        One for each promise, in order of dependency. Where nothing could be judged a finding is "skipped", never
        "passed".

    Raises
    ------
    TypeError
        ``forward``, ``vjp`` or ``spec`` is no function, an argument is no array of numbers, an option is unknown.
    ValueError
        There is no argument to differentiate, one is outside its domain, the domain is not legal, ``effort`` is
        none of those above, or ``spec`` fails on tensors and arrays alike.

    Examples
    --------
    >>> def tanh_delta(delta_next, X):
    ...     return (delta_next * (1 - np.tanh(X)),)  # where is the square?
    >>> findings = check_vjp(np.tanh, tanh_delta, np.array([0.5, 2.0]))
    >>> print(*(finding.check for finding in findings if finding.status == "failed"))
    vjp.gradient[0].consistent
    """
    arguments.check_options(seed, effort, unknown)
    arguments.check_callable("forward", forward)
    arguments.check_callable("vjp", vjp)
    if spec is not None:
        arguments.check_callable("spec", spec)
    subject = Subject(forward, vjp, arguments.pattern(args, domain))
    # What numpy has to say of overflows and the like is no verdict; the answers are.
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        definition = None if spec is None else Specification(spec, subject.pattern)
        context = Examination(subject, definition, int(seed), effort)
        status: dict[str, str] = {}
        findings = []
        for each in _all_checks(context):
            findings.append(_outcome(each, context, status))
            status[each.id] = findings[-1].status
    return findings


def _all_checks(context: Examination) -> Iterator[_Check]:
    forward, vjp = arguments.name_of(context.subject.forward, "forward"), arguments.name_of(context.subject.vjp, "vjp")
    answers, gradients = "vjp.forward.answers", "vjp.gradient.answers"
    yield _Check(answers, forward, promises.check_forward_answers)
    yield _Check("vjp.forward.types", forward, promises.check_forward_types, (answers,))
    yield _Check("vjp.forward.values", forward, values.check_forward_values, (answers,))
    yield from _of_form(forward, "forward", answers)
    # With a specification the forward pass is not needed to judge the vjp.
    yield _Check(gradients, vjp, promises.check_gradient_answers, (answers,) if context.spec is None else ())
    types = []
    for number, array in enumerate(context.pattern.args):
        name = f"vjp.gradient[{number}]"
        types.append(f"{name}.types")
        yield _Check(types[-1], vjp, partial(promises.check_gradient_types, number=number), (gradients,))
        if array.dtype.kind == "f":
            needs = (gradients, types[-1])
            yield _Check(f"{name}.values", vjp, partial(values.check_gradient_values, number=number), needs)
            yield _Check(f"{name}.consistent", vjp, partial(values.check_gradient_consistent, number=number), needs)
    yield from _of_form(vjp, "gradient", gradients)
    yield _Check("vjp.gradient.linear", vjp, values.check_linear, (gradients, *types, "vjp.gradient.no_state"))


def _of_form(subject: str, part: str, answers: str) -> Iterator[_Check]:
    function = "forward" if part == "forward" else "vjp"
    prefix = f"vjp.{part}"
    for check in (promises.check_inputs_unchanged, promises.check_result_is_its_own, promises.check_no_state):
        name = f"{prefix}.{check.__name__.removeprefix('check_')}"
        yield _Check(name, subject, partial(check, part=function), (answers,))
    layouts = partial(promises.check_layouts, part=function)
    yield _Check(f"{prefix}.layouts", subject, layouts, (answers, f"{prefix}.no_state"))


def _outcome(each: _Check, context: Examination, status: dict[str, str]) -> Finding:
    broken = [name for name in each.depends_on if status[name] != "passed"]
    if broken:
        return finding(each, "skipped", actual=f"depends on {', '.join(broken)}, which did not pass")

    def failed(violation: Violation) -> Finding:
        return failure(each, violation, _HINTS.get(violation.mistake or ""))

    return outcome(each, partial(each.run, context), failed)
