"""The forward pass in ball arithmetic, where it runs there and means what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.answers import FunctionAnswers
from reference.gradients.cases import Case
from reference.gradients.rigorous import Rigorous
from reference.gradients.specification import unknown
from reference.gradients.tolerance import followed_error, unfollowed_error
from reference.numerics import ball_tolerances, tolerances
from reference.numerics.estimate import Estimate

Array = NDArray[Any]


class KnownForward:
    """The forward pass in ball arithmetic, where it runs there.

    Parameters
    ----------
    function
        What the forward pass answers in doubles.
    """

    def __init__(self, function: FunctionAnswers) -> None:
        self.function = function
        self.rigorous = Rigorous(function.subject.forward, "numpy", function.pattern.differentiable)
        self._known: dict[tuple[str, int], bool] = {}
        self._is_the_same: bool | None = None

    def is_known(self, case: Case) -> bool:
        """Whether the forward pass means what it answers, but for rounding, at what is given and in this case.

        Code may ask for the types of its arguments, or keep state between calls, so that on balls it does something
        else than on doubles.
        """
        if self._is_the_same is None:
            self._is_the_same = any(
                self._is_near(each) for each in self.function.calm()[: ball_tolerances.PLACES_TRIED]
            )
        return self._is_the_same and all(map(self._means_what_it_answers, (self.function.cases[0], case)))

    def gradient(
        self, cotangent: Array, args: Sequence[Array], resolutions: Sequence[Any] | None = None
    ) -> tuple[Estimate, ...]:
        """The gradient of <cotangent, forward>; infinite errors where it is not known."""
        found = self.rigorous.gradient(cotangent, args, resolutions)
        return unknown(self.function.pattern.floats(args)) if found is None else found

    def around(self, cotangent: Array, case: Case) -> tuple[Estimate, ...] | None:
        """As of `Rigorous`, where the forward pass is known in this case."""
        return self.rigorous.around(cotangent, case.args) if self.is_known(case) else None

    def _is_near(self, case: Case) -> bool:
        """Whether the two are one number but for the last digits, somewhere: no rounding excuses another function."""
        truth, output = self.rigorous.value(case.args), self.function.output(case).astype(np.float64)
        if truth is None or truth.value.shape != output.shape:
            return False
        allowed = truth.error + tolerances.READINGS_AGREE * np.maximum(1.0, np.abs(output))
        return bool((np.abs(truth.value - output) <= allowed).all())

    def _means_what_it_answers(self, case: Case) -> bool:
        key = (case.kind, case.seed)
        if key not in self._known:
            truth = self.rigorous.value(case.args)
            self._known[key] = truth is not None and self._agrees(case, truth)
        return self._known[key]

    def _agrees(self, case: Case, truth: Estimate) -> bool:
        output = self.function.output(case)
        if truth.value.shape != output.shape:
            return False
        off = np.abs(truth.value - output.astype(np.float64)) - truth.error
        if not (off <= tolerances.READINGS_AGREE * np.abs(output)).all() and self._leaves_doubles(case):
            return False
        if (off <= self.function.forward_bound(case, output)).all():
            return True
        pattern, subject = self.function.pattern, self.function.subject
        floats = pattern.floats(case.args)
        found = followed_error(lambda *moved: (subject.forward(*pattern.with_floats(moved)),), floats, [output])
        if found is None:  # the answer may be a number of Python's, or an exception, elsewhere
            found = unfollowed_error(lambda *moved: (subject.output(pattern.with_floats(moved)),), floats, [output])
            analysed = self.rigorous.rounding(case.args)
            found = found if analysed is None else [np.fmax(found[0], analysed)]
        return bool((off <= found[0]).all())

    def _leaves_doubles(self, case: Case) -> bool:
        """Whether numbers overflow on the way to an answer, which then need not be what is meant, by no bound."""
        beyond = self.rigorous.beyond_doubles(case.args)
        return beyond is not None and any(each.any() for each in beyond)
