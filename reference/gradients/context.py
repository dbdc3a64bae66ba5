"""What the checks of a function work with: its answers, where the truth comes from, and what may be judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine import Effort
from reference.findings import NotApplicable, Violation
from reference.gradients import certain, ties
from reference.gradients.answers import FunctionAnswers
from reference.gradients.cases import Case
from reference.gradients.differences import Differences, contracted
from reference.gradients.known import KnownForward
from reference.gradients.specification import Specification, doubles
from reference.gradients.subject import Subject
from reference.numerics import function_tolerances, tolerances
from reference.numerics.sampling import seeded
from reference.wording import fact

Array = NDArray[Any]


class Context(FunctionAnswers):
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
        super().__init__(subject, spec, seed, effort)
        self.repairs = repairs
        self.owns = owns
        self.constant = constant
        self._kinked: list[Case] = []
        #: Whether ball arithmetic has shown at some case that the formula is not the derivative.
        self.formula_is_wrong = False
        self._ties: dict[tuple[str, int, bytes], ties.Verdict] = {}
        domain = tuple(self.pattern.domain[number] for number in self.pattern.differentiable)
        self.known = KnownForward(self)
        self.differences = Differences(self._own, domain, analysed=self._rounding_on_balls)

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

    def is_excused(self, case: Case, cotangent: Array, answers: Sequence[Array], bounds: Sequence[Array]) -> bool:
        """Whether an answer that seems wrong is at a kink, where `reference.gradients.ties` judges it.

        Where it is NaN, it is excused where ``forward`` is not finite, and if the definition's own automatic
        differentiation answers NaN as well, unless the definition meets nothing there that explains it.
        """
        strange = [np.isnan(each) for each in answers]
        if any(each.any() for each in strange):
            own = None if self.spec is None else self.spec.autograd(cotangent, case.args)
            if not np.isfinite(self.output(case)).all():
                return True
            alike = own is not None and all((np.isnan(a) | ~nan).all() for a, nan in zip(own, strange, strict=True))
            if self.spec is not None and alike:
                return not self.spec.rigorous.is_ordinary(case.args)
        if certain.surely_wrong(self.known, case, cotangent, answers, bounds, at_kinks=False) is not None:
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
            self._ties[key] = ties.judge(self.place_of(case, cotangent), tuple(answers), tuple(bounds), rng)
        return self._ties[key]

    def entries(self, array: Array) -> list[tuple[int, ...]]:
        """The indices of the entries that are judged one by one; the effort limits their number."""
        everything = list(np.ndindex(array.shape))
        most = tolerances.ENTRIES[self.effort]
        if len(everything) <= most:
            return everything
        chosen = seeded(self.seed % 2**32).choice(len(everything), most, replace=False)
        return [everything[number] for number in sorted(chosen)]

    def _rounding_on_balls(self, *floats: Array) -> Array | None:
        """How far rounding may take the outputs, where the forward pass runs in ball arithmetic."""
        found = self.known.rigorous.rounding(self.pattern.with_floats(floats))
        return None if found is None else np.ravel(found) if found.ndim else found

    def _own(self, *floats: Array) -> Array:
        """``forward`` as differences call it: NaN where it raises an exception; unusual arrays are passed on."""
        args = self.pattern.with_floats(floats)
        if any(
            array.dtype.kind == "c" or (type(array) is not np.ndarray and not isinstance(array, np.generic))
            for array in floats
        ):
            return np.asanyarray(self.subject.forward(*args))
        try:
            output = self.subject.output(args)
        except Violation:
            return np.full(self.shape, np.nan)
        return output if output.shape == self.shape else np.full(self.shape, np.nan)

    def place_of(self, case: Case, cotangent: Array) -> ties.Place:
        """A case with the number <cotangent, forward> and its gradients nearby, for `reference.gradients.ties`."""
        oracle = self.differences if self.spec is None else self.spec.differences
        weights = cotangent.astype(np.float64)

        def value(floats: ties.Arrays) -> float | None:
            if not self.pattern.is_legal(self.pattern.with_floats(floats)):
                return None
            output = np.asarray(oracle.function(*doubles(floats)))
            return float((weights.reshape(output.shape) * output).sum())

        def slope(directions: ties.Arrays) -> tuple[float, float]:
            found = contracted(weights, oracle.jointly(doubles(self.pattern.floats(case.args)), directions))
            return float(found.value), float(found.error)

        def outputs() -> Iterator[ties.Place]:
            for number in np.flatnonzero(cotangent):
                alone = np.zeros_like(cotangent)
                alone.flat[number] = cotangent.flat[number]
                yield self.place_of(case, alone)

        gradients = partial(self._gradients_at, cotangent)
        return ties.Place(self.pattern.floats(case.args), value, gradients, slope, outputs)

    def _gradients_at(self, cotangent: Array, floats: ties.Arrays) -> ties.Arrays | None:
        """The gradients at arguments near a case: the definition's, or else what ``vjp`` answers."""
        args = self.pattern.with_floats(floats)
        if not self.pattern.is_legal(args):
            return None
        if self.spec is not None and self.spec.is_differentiated:
            coarse = [np.full(each.shape, function_tolerances.TIE_RELATIVE) for each in floats]
            found = self.spec.gradient(cotangent, args, coarse)
            return tuple(each.value for each in found) if all(np.isfinite(e.error).all() for e in found) else None
        try:
            self.run_forward(args)
            return doubles(self.subject.gradients(cotangent, args))
        except Violation:
            return None
