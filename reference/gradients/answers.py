"""The cases at which a function is judged, what it answers there, and the rounding that its answers are granted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import engine
from reference.engine import Effort
from reference.findings import Violation
from reference.gradients.arguments import Pattern
from reference.gradients.cases import Case, cases, cotangents, expected_number, near_given
from reference.gradients.specification import Specification, doubles
from reference.gradients.subject import Subject
from reference.gradients.tolerance import estimated, granted, size_of_gradient, unit_roundoff
from reference.wording import Fact, fact

Array = NDArray[Any]


class FunctionAnswers(engine.Context):
    """What a function and its gradient answer at the cases inside the contract, and the rounding they are granted.

    Parameters
    ----------
    subject
        The two functions.
    spec
        What they ought to be, where that is given.
    seed, effort
        Of what is drawn.
    """

    def __init__(self, subject: Subject, spec: Specification | None, seed: int, effort: Effort) -> None:
        self.subject = subject
        self.pattern: Pattern = subject.pattern
        self.spec = spec
        self.effort = effort
        self.seed = seed
        self.oracles = []
        self.cases = cases(self.pattern, seed, effort)
        self.dtype = np.result_type(*self.pattern.floats(self.pattern.args))
        self.largest = float(np.finfo(self.dtype).max)
        self.unit = unit_roundoff(self.pattern.floats(self.pattern.args))
        self._outputs: dict[tuple[str, int], Array | Violation] = {}
        self._answers: dict[tuple[str, int, bytes], tuple[tuple[Array, ...], list[Array]]] = {}
        self._estimates: dict[tuple[str, int, bytes], list[Array]] = {}
        self._shape: tuple[int, ...] | None = None
        self._judged: list[Case] | None = None
        self._drawn = expected_number(self.pattern, effort)
        self._near: Fact | None = None
        self._last_case: tuple[Array, ...] | None = None

    def output(self, case: Case) -> Array:
        """The output of ``forward`` for a case.

        Raises
        ------
        Violation
            It raised an exception, or that is no array of real numbers.
        """
        key = (case.kind, case.seed)
        if key not in self._outputs:
            try:
                self._outputs[key] = self.subject.output(case.args)
            except Violation as violation:
                self._outputs[key] = violation
        found = self._outputs[key]
        if isinstance(found, Violation):
            raise found
        return found

    def judged(self) -> list[Case]:
        """The cases inside the contract.

        With a specification, it is finite there in this precision. Without one, ``forward`` answers and is finite. What
        is given has to be legal: an exception of ``forward`` there is raised.

        Raises
        ------
        Violation
            ``forward`` fails where nothing excuses it.
        """
        if self._judged is None:
            self._judged = [case for case in self.cases if self.is_inside(case)]
            self._stay_near()
        return self._judged

    def _stay_near(self) -> None:
        """Ask around the given arguments instead, where most of what is drawn freely is not legal."""
        judged, drawn = list(self._judged or []), self._drawn
        left = drawn - sum(case is not self.cases[0] for case in judged)
        if left <= drawn / 2 or self.pattern.draw is not None or not any(case is self.cases[0] for case in judged):
            return
        near = near_given(self.pattern, self.seed, self.effort)
        inside = [case for case in near if self.is_inside(case)]
        if len(inside) > len(near) / 2:
            self.cases = [*judged, *near]
            self._judged = [*judged, *inside]
            self._drawn = drawn - left + len(near)
            self._near = fact("near given", left=left, drawn=drawn, count=len(inside))

    def is_inside(self, case: Case) -> bool:
        """Whether a case is inside the contract, as `judged` says."""
        if self.spec is not None:
            truth = self.spec.value(case.args)
            return truth is not None and bool((np.abs(truth.value) <= self.largest).all())
        try:
            return bool(np.isfinite(self.output(case)).all())
        except Violation as violation:
            raised = violation.__cause__
            if raised is None or (case is self.cases[0] and not isinstance(raised, ArithmeticError)):
                raise
            return False

    def is_legal(self, case: Case) -> bool:
        """Whether a case that was made of another one is inside the contract, and ``forward`` answers it."""
        try:
            return self.pattern.is_legal(case.args) and self.is_inside(case) and self.output(case) is not None
        except Violation:
            return False

    def generic(self) -> list[Case]:
        """The judged cases without equal numbers on purpose."""
        return [case for case in self.judged() if not case.tied]

    def calm(self) -> list[Case]:
        """The judged cases without extreme numbers."""
        return [case for case in self.judged() if case.ordinary or case.kind == "ordinary numbers"]

    def cotangents(self, case: Case) -> list[Array]:
        """Cotangents for one case, in the shape and precision of the output."""
        if not self.subject.takes_cotangent:
            return [np.ones(self.shape, self.dtype)]
        return cotangents(case, self.shape, self.dtype, self.effort)

    def gradients(self, case: Case, cotangent: Array) -> tuple[tuple[Array, ...], list[Array]]:
        """The gradients that ``vjp`` answers, float64, and their rounding bounds; ``forward`` is called before.

        Raises
        ------
        Violation
            It raised an exception, or does not have the form of an answer.
        """
        key = (case.kind, case.seed, cotangent.tobytes())
        if key not in self._answers:
            compute = self.gradient_function(case)
            inputs = (cotangent, *self.pattern.floats(case.args))
            found = compute(*inputs)
            sizes = self.sizes(case, cotangent)
            self._answers[key] = doubles(found), self._granted(compute, inputs, found, sizes)
        return self._answers[key]

    def estimated_bounds(self, case: Case, cotangent: Array) -> list[Array]:
        """The rounding bounds of the gradients by an estimate, as of `tolerance.estimated`."""
        key = (case.kind, case.seed, cotangent.tobytes())
        if key not in self._estimates:
            inputs = (cotangent, *self.pattern.floats(case.args))
            (answers, _), compute = self.gradients(case, cotangent), self.gradient_function(case)
            sizes = self.sizes(case, cotangent)
            self._estimates[key] = estimated(compute, inputs, answers, sizes, self.followed_gradient)
        return self._estimates[key]

    def _granted(self, compute: Any, inputs: Any, found: Any, sizes: Any) -> list[Array]:
        """What rounding is granted; of many numbers no wider type is asked, whose products take minutes."""
        if self.pattern.is_large:
            return estimated(compute, inputs, found, sizes)
        return granted(compute, inputs, found, sizes, self.followed_gradient)

    def sizes(self, case: Case, cotangent: Array) -> list[Array]:
        """For each gradient, how large the numbers are that it may have been subtracted from."""
        output = self._size(case)
        return [size_of_gradient(cotangent, output, array) for array in self.pattern.floats(case.args)]

    def _size(self, case: Case) -> Array:
        """The outputs that the specification gives, or else those of ``forward``; only their size is used."""
        truth = None if self.spec is None else self.spec.value(case.args)
        output = self.output(case) if truth is None else truth.value
        return output.reshape(self.shape)

    def gradient_function(self, case: Case) -> Callable[..., tuple[Array, ...]]:
        """``vjp`` as a function of the cotangent and the arguments of floating point."""

        def compute(cotangent: Array, *floats: Array) -> tuple[Array, ...]:
            args = self.pattern.with_floats(floats)
            if self.pattern.is_large and self._last_case is case.args:  # its calls are counted
                return self.subject.gradients(cotangent, args)
            self._last_case = case.args
            # That vjp relies on the last forward pass is a mistake with a check of its own.
            self.run_forward(args)
            return self.subject.gradients(cotangent, args)

        return compute

    def run_forward(self, args: Sequence[Array]) -> None:
        """Call ``forward`` and ignore its answer and its exceptions."""
        if self.pattern.is_large and args is self._last_case:
            return
        try:
            self.subject.answer(self.subject.forward, args)
        except Violation:
            return

    def forward_bound(self, case: Case, output: Array) -> Array:
        """The rounding bound of an output, entry by entry."""
        compute, *given = self.rounded_forward(case, output)
        if self.pattern.is_large:
            return estimated(compute, *given[:3])[0]
        return granted(compute, *given)[0]

    def rounded_forward(self, case: Case, output: Array) -> tuple[Any, ...]:
        """What `granted` and `estimated` are given of the forward pass."""
        size = float(np.abs(output).max(initial=0.0))
        return (
            lambda *arrays: (self.subject.output(self.pattern.with_floats(arrays)),),
            self.pattern.floats(case.args),
            [output],
            [size / 8],
            lambda *arrays: (self.subject.forward(*self.pattern.with_floats(arrays)),),
        )

    def followed_gradient(self, cotangent: Array, *floats: Array) -> tuple[Array, ...]:
        """``vjp`` and ``forward`` before it, without copies, which would end what follows their operations."""
        args = self.pattern.with_floats(floats)
        with suppress(Exception):
            self.subject.forward(*args)
        answer = self.subject.vjp(cotangent, *args)
        return tuple(answer[number] for number in self.pattern.differentiable)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of cotangents, which is that of the output of ``forward``.

        A forward pass that is wrong, or answers in a wrong shape, must not make a right vjp fail. So it is the shape of
        the specification where the number of entries differs, or where ``vjp`` cannot do with the other.
        """
        if self._shape is None:
            self._shape = self._find_shape()
        return self._shape

    def _find_shape(self) -> tuple[int, ...]:
        given = self.cases[0]
        if self.spec is None:
            return self.output(given).shape
        due = self.spec.shape
        try:
            own = self.output(given).shape
            if own != due and int(np.prod(own)) == int(np.prod(due)):
                self.run_forward(given.args)
                self.subject.gradients(cotangents(given, own, self.dtype, self.effort)[0], given.args)
                return own
        except Violation:
            return due
        return due
