"""From two functions to findings: `check_vjp`, and the checks that it makes, in order of dependency."""

from __future__ import annotations

import math
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from reference.engine import Check, Effort, Examination, checked_options, first_sentence, select
from reference.engine.promises import shows_in_one_call
from reference.findings import Finding, Findings, Violation
from reference.gradients import arguments, diagnosis, formula, kinks, promises, values
from reference.gradients.context import Context
from reference.gradients.script import script_of
from reference.gradients.smaller import smaller
from reference.gradients.specification import Specification
from reference.gradients.subject import Subject, constants
from reference.gradients.swapped import other_argument
from reference.wording import Fact, fact


def check_vjp(
    forward: Callable[..., Any],
    vjp: Callable[..., Any],
    *args: Any,
    spec: Callable[..., Any] | None = None,
    domain: Sequence[tuple[float, float] | None] | None = None,
    legal: Callable[..., Any] | None = None,
    fixed: Sequence[int] = (),
    draw: Callable[..., Any] | None = None,
    owns: bool = False,
    seed: int = 0,
    effort: Effort = "normal",
    only: str = "*",
    budget: float | None = None,
    progress: Callable[[int, int, str], Any] | None = None,
    takes_cotangent: bool = True,
    repairs: Callable[..., Sequence[Any]] | None = None,
) -> Findings:
    """Judge functions of arrays alone; `reference.gradients.doors` has the public name, and takes every other shape.

    Parameters
    ----------
    forward
        ``forward(*args) -> array``.
    vjp
        ``vjp(cotangent, *args)``: for a cotangent of the output's shape, a tuple with the gradient of
        <cotangent, forward(*args)> for each argument, in the argument's shape and dtype.
    args
        The pattern, as in `reference.check_vjp`: arrays of float64, float32 or whole numbers.
    spec, domain, legal, fixed, draw, owns, seed, effort, only, budget, progress
        As in `reference.gradients.doors.options.Options`.
    takes_cotangent
        As in `reference.gradients.subject.Subject`.
    repairs
        As in `reference.gradients.context.Context`.

    Returns
    -------
    Findings
        As of `reference.check_vjp`.

    Raises
    ------
    TypeError, ValueError
        As `reference.check_vjp`.
    """
    seed, effort = checked_options(seed, effort)
    arguments.check_callable("forward", forward)
    arguments.check_callable("vjp", vjp)
    if spec is not None:
        arguments.check_callable("spec", spec)
    if progress is not None:
        arguments.check_callable("progress", progress)
    deadline = _deadline(budget)
    pattern = arguments.pattern(args, domain, fixed=fixed, legal=legal, draw=draw)
    # What numpy has to say of overflows and the like is no verdict; the answers are.
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        constant = constants(Subject(forward, vjp, pattern))
        subject = Subject(forward, vjp, replace(pattern, fixed=pattern.fixed | constant), takes_cotangent)
        definition = None if spec is None else Specification(spec, subject.pattern)
        context = Context(subject, definition, seed, effort, owns=owns, constant=constant, repairs=repairs)
        return Findings(GradientExamination(context, only, deadline, progress))


class GradientExamination(Examination):
    """The findings about a function and its gradient.

    Parameters
    ----------
    context
        What checks work with.
    only, progress
        As in `check_vjp`.
    deadline
        When no further check is begun, by `time.monotonic`.
    """

    context: Context

    def __init__(
        self,
        context: Context,
        only: str = "*",
        deadline: float = math.inf,
        progress: Callable[[int, int, str], Any] | None = None,
    ) -> None:
        super().__init__(select(only, list(_all_checks(context))), context)
        self._deadline = deadline
        self._progress = progress or (lambda *_: None)

    def __iter__(self) -> Iterator[Finding]:
        for number, each in enumerate(self.checks):
            self._progress(number, len(self.checks), each.id)
            yield self.finding(each.id)
        self._progress(len(self.checks), len(self.checks), "")

    def reason_to_skip(self, check: Check) -> Fact | None:
        """As for every examination, and that the time is over."""
        over = time.monotonic() > self._deadline
        return super().reason_to_skip(check) or (fact("out of time") if over else None)

    def explained(self, check: Check, violation: Violation) -> tuple[Violation, str | None]:
        """With a counterexample of smaller arrays, where one fails in the same way, and a script that shows it."""
        told = smaller(self.context, check, violation) or violation
        # What is true of all answers is true of those at the given shapes.
        named = self._named(check, violation)
        told = told.but(came=replace(told.came, more=named.came.more), mistake=named.mistake, mistakes=named.mistakes)
        number = _argument_of(check)
        other = None if number is None else other_argument(self.context, number)
        if other is not None:
            told = told.but(came=told.came.and_("swapped", other=f"args[{other}]"), mistake="swapped", mistakes=())
        script = script_of(self.context.subject, told.counterexample, check.id) if shows_in_one_call(told) else None
        return told.but(evidence=violation.evidence, repro=script), None

    def _named(self, check: Check, violation: Violation) -> Violation:
        """The violation with the mistake that explains all answers, where there is one."""
        try:
            return diagnosis.explained(self.context, check.id, violation)
        except (Exception, SystemExit):  # that the promise is broken is certain, whatever becomes of its explanation
            return violation


def _deadline(budget: float | None) -> float:
    if budget is None:
        return math.inf
    if isinstance(budget, bool) or not isinstance(budget, int | float | np.integer | np.floating):
        raise TypeError(f"budget: expected a number of seconds, got {budget!r}")
    if not budget > 0:
        raise ValueError(f"budget: expected a number of seconds above 0, got {budget}")
    return time.monotonic() + float(budget)


def _all_checks(context: Context) -> Iterator[Check]:
    forward, vjp = arguments.name_of(context.subject.forward, "forward"), arguments.name_of(context.subject.vjp, "vjp")
    answers, gradients = "vjp.forward.answers", "vjp.gradient.answers"
    yield _check(answers, forward, promises.check_forward_answers)
    yield _check("vjp.forward.types", forward, promises.check_forward_types, (answers,))
    yield _check("vjp.forward.values", forward, values.check_forward_values, (answers,))
    yield from _of_form(forward, "forward", answers)
    # With a specification the forward pass is not needed to judge the vjp.
    yield _check(gradients, vjp, promises.check_gradient_answers, (answers,) if context.spec is None else ())
    types, judged = [], []
    for number, array in enumerate(context.pattern.args):
        name = f"vjp.gradient[{number}]"
        types.append(f"{name}.types")
        yield _check(types[-1], vjp, partial(promises.check_gradient_types, number=number), (gradients,))
        if array.dtype.kind == "f":
            judged += [f"{name}.values", f"{name}.consistent"]
            # A wrong dtype does not hide wrong numbers.
            run, judge = values.check_gradient_values, values.check_gradient_consistent
            if number not in context.pattern.differentiable:
                run = judge = promises.check_not_judged
            yield _check(f"{name}.values", vjp, partial(run, number=number), (gradients,))
            yield _check(f"{name}.consistent", vjp, partial(judge, number=number), (gradients,))
    yield _check("vjp.gradient.ties", vjp, kinks.check_ties, (gradients,), tuple(judged))
    yield from _of_form(vjp, "gradient", gradients)
    if context.subject.takes_cotangent:
        yield _check("vjp.gradient.linear", vjp, values.check_linear, (gradients, *types, "vjp.gradient.no_state"))
    yield _check("vjp.gradient.formula", vjp, formula.check_formula, (gradients,), ("vjp.gradient.no_state",))


def _of_form(subject: str, part: str, answers: str) -> Iterator[Check]:
    function = "forward" if part == "forward" else "vjp"
    prefix = f"vjp.{part}"
    for check in (promises.check_inputs_unchanged, promises.check_result_is_its_own, promises.check_no_state):
        name = f"{prefix}.{check.__name__.removeprefix('check_')}"
        yield _check(name, subject, partial(check, part=function), (answers,))
    layouts = partial(promises.check_layouts, part=function)
    yield _check(f"{prefix}.layouts", subject, layouts, (answers, f"{prefix}.no_state"))


def _argument_of(check: Check) -> int | None:
    """The number of the argument of whose gradient's values a check is."""
    found = re.fullmatch(r"vjp\.gradient\[(\d+)\]\.(values|consistent)", check.id)
    return None if found is None else int(found[1])


def _check(
    name: str,
    subject: str,
    run: Callable[[Context], None],
    depends_on: tuple[str, ...] = (),
    excuses: tuple[str, ...] = (),
) -> Check:
    return Check(name, subject, first_sentence(run), run, depends_on, excuses)
