"""What the checks of a function work with: cases, answers, and the rounding that answers are granted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import engine
from reference.engine import Effort
from reference.findings import NotApplicable, Violation
from reference.gradients import certain, places, ties
from reference.gradients.arguments import Pattern
from reference.gradients.cases import Case, cases, cotangents, expected_number, near_given
from reference.gradients.differences import Differences
from reference.gradients.known import KnownForward
from reference.gradients.specification import Specification, doubles
from reference.gradients.subject import Subject, as_array, asked
from reference.gradients.tolerance import estimated, granted, size_of_gradient, unit_roundoff
from reference.numerics import tolerances
from reference.numerics.generators import seeded
from reference.wording import Fact, fact

Array = NDArray[Any]


class Context(engine.Context):
    """What the checks of a function and its gradient work with.

    Parameters
    ----------
    subject
        The two functions.
    spec
        What they ought to be, where that is given.
    seed, effort
        Of what is drawn.
    owns
        Whether a view as an answer is a fault.
    constant
        The places of arguments for which ``vjp`` answers None: it takes them for constant.
    repairs
        Looks for edits that make the gradients right, from this and all samples; None: the search of this process.
    """

    def __init__(
        self,
        subject: Subject,
        spec: Specification | None,
        seed: int,
        effort: Effort,
        *,
        owns: bool = False,
        constant: frozenset[int] = frozenset(),
        repairs: Callable[..., Sequence[Any]] | None = None,
    ) -> None:
        self.subject = subject
        self.repairs = repairs
        self.pattern: Pattern = subject.pattern
        self.spec = spec
        self.effort = effort
        self.seed = seed
        self.oracles = []
        self.owns = owns
        self.constant = constant
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
        self._kinked: list[Case] = []
        #: Whether ball arithmetic has shown at some case that the formula is not the derivative.
        self.formula_is_wrong = False
        self._ties: dict[tuple[str, int, bytes], ties.Verdict] = {}
        domain = tuple(self.pattern.domain[number] for number in self.pattern.differentiable)
        self.known = KnownForward(self)
        self.differences = Differences(self._own, domain, analysed=self._rounding_on_balls)

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

    def tied(self) -> list[Case]:
        """The judged cases in which a function may have a kink: equal numbers, zeros, and where a kink was met."""
        floats = self.pattern.floats(self.pattern.args)
        found = [case for case in self.judged() if case.tied or (case is self.cases[0] and ties.coincident(floats))]
        return [*found, *(case for case in self._kinked if not any(case is each for each in found))]

    def require_shape(self, number: int) -> None:
        """Whether the gradient of an argument has its shape, without which its values cannot be judged.

        Raises
        ------
        NotApplicable
            It has another one, or is not judged at all.
        """
        given = self.cases[0]
        cotangent = self.cotangents(given)[0]
        self.run_forward(given.args)
        answer = self.subject.parts(self.subject.answer(self.subject.vjp, (cotangent, *given.args)), {})[number]
        if np.shape(answer) != given.args[number].shape:
            raise NotApplicable(fact("depends", names=(f"vjp.gradient[{number}].types",)))

    def check_enough(self) -> None:
        """Note how many of the drawn inputs were left out.

        Raises
        ------
        NotApplicable
            More than half of them were.
        """
        judged, drawn = self.judged(), self._drawn
        left = drawn - sum(case is not self.cases[0] for case in judged)
        if self._near is not None:
            self.note(self._near)
        if left > drawn / 2:
            raise NotApplicable(fact("mostly left out", left=left, drawn=drawn))
        if left:
            self.note(fact("left out", left=left, drawn=drawn))

    def is_excused(
        self,
        case: Case,
        cotangent: Array,
        answers: Sequence[Array],
        bounds: Sequence[Array],
        index: tuple[int, ...] | None = None,
    ) -> bool:
        """Whether an answer that seems wrong is at a kink, where `reference.gradients.ties` judges it.

        Where it is NaN, it is excused where ``forward`` is not finite, and if the definition's own automatic
        differentiation answers NaN as well, unless the definition meets nothing there that explains it.
        """
        strange = [np.isnan(each) for each in answers]
        if any(each.any() for each in strange):
            own = None if self.spec is None else self.spec.autograd(cotangent, case.args)
            if not np.isfinite(self.output(case)).all():
                return True
            if own is not None and all((np.isnan(one) | ~nan).all() for one, nan in zip(own, strange, strict=True)):
                return self.spec is None or not self.spec.rigorous.is_ordinary(case.args)
        if certain.surely_wrong(self, case, cotangent, answers, bounds, at_kinks=False) is not None:
            return False
        if not self.at_tie(case, cotangent, answers, bounds).kinked:
            return False
        if not any(case is each for each in self._kinked):
            self._kinked.append(case)
        return True

    def at_tie(self, case: Case, cotangent: Array, answers: Sequence[Array], bounds: Sequence[Array]) -> ties.Verdict:
        """What is said of gradients at a point that may be a kink."""
        key = (case.kind, case.seed, cotangent.tobytes())
        if key not in self._ties:
            rng = seeded(case.seed)
            self._ties[key] = ties.judge(places.place_of(self, case, cotangent), tuple(answers), tuple(bounds), rng)
        return self._ties[key]

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

    def _rounding_on_balls(self, *floats: Array) -> Array | None:
        """How far rounding may take the outputs, where the forward pass runs in ball arithmetic."""
        found = self.known.rigorous.rounding(self.pattern.with_floats(floats))
        return None if found is None else np.ravel(found) if found.ndim else found

    def entries(self, array: Array) -> list[tuple[int, ...]]:
        """The indices of the entries that are judged one by one; the effort limits their number."""
        everything = list(np.ndindex(array.shape))
        most = tolerances.ENTRIES[self.effort]
        if len(everything) <= most:
            return everything
        chosen = seeded(self.seed % 2**32).choice(len(everything), most, replace=False)
        return [everything[number] for number in sorted(chosen)]

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

    def _size(self, case: Case) -> Array:
        """The outputs that the specification gives, or else those of ``forward``; only their size is used."""
        truth = None if self.spec is None else self.spec.value(case.args)
        output = self.output(case) if truth is None else truth.value
        return output.reshape(self.shape)

    def _own(self, *floats: Array) -> Array:
        """``forward`` as differences call it: NaN where it raises an exception; unusual arrays are passed on."""
        args = self.pattern.with_floats(floats)
        if any(
            array.dtype.kind == "c" or (type(array) is not np.ndarray and not isinstance(array, np.generic))
            for array in floats
        ):
            return np.asanyarray(self.subject.forward(*args))
        try:
            value = self.subject.answer(self.subject.forward, args)
            output = as_array("forward", value, asked(args))
        except Violation:
            return np.full(self.shape, np.nan)
        return output if output.shape == self.shape else np.full(self.shape, np.nan)
