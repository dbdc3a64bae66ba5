"""Tells at little cost where the mistake cannot be, and by which constant a value would have to be multiplied."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair import building as b
from reference.gradients.repair.asked import Sample
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.running import Answers, Running, is_right
from reference.gradients.repair.view import View
from reference.numerics import likeness

Array = NDArray[Any]
#: Steps of an estimate of a constant.
_STEPS = 8


class Influence:
    """What comes of each place being twice as large.

    Parameters
    ----------
    running, view, sample
        The code, its places, and a case.
    wrong, right
        The arguments whose gradients are wrong in some case, and the others.
    """

    def __init__(
        self,
        running: Running,
        view: View,
        sample: Sample,
        wrong: Sequence[int],
        right: Sequence[int],
    ) -> None:
        self._running = running
        self._sample = sample
        self._wrong = [n for n in wrong if not is_right(sample, n, sample.answers[n])]
        self._right = right
        #: Places on which the gradient does not depend: no edit there can repair it.
        self.excluded: set[ast.AST] = set()
        #: Places on which another gradient depends that is right. Most edits there would spoil it, but not all: it may
        #: not depend on what tells the right array from the wrong one.
        self.shared: set[ast.AST] = set()
        #: Edits that multiply a place by a constant.
        self.scalings: list[Edit] = []
        for place in view.places:
            if running.work.is_over(likeness.REPAIR_STEPS):
                return
            if place.is_floating and not place.is_nested and place.role != "compared":
                self._try(place)

    def _try(self, place: Place) -> None:
        answers = self._run(place, b.times(place.expression, b.number(2.0)))
        if answers is None or not np.any(place.value):
            return
        now = self._sample.answers
        if any(one.shape != two.shape for one, two in zip(now, answers, strict=True)):
            return
        if any(not is_right(self._sample, n, answers[n]) for n in self._right):
            self.shared.add(place.node)
            return
        if self._are_same(answers):
            if self._has_no_effect(place):
                self.excluded.add(place.node)
            return
        if any(now[n].shape != self._sample.truths[n].shape for n in self._wrong):
            return
        groups = [self._wrong, *([n] for n in self._wrong)] if len(self._wrong) > 1 else [self._wrong]
        for positions in groups:
            self._scale(place, answers, positions)

    def _has_no_effect(self, place: Place) -> bool:
        """Whether the gradients do not change with a place of which twice as much leaves them as they are."""
        node = place.expression
        # What is divided by its own sum may be twice as large; the place of the largest entry has another order too.
        others = (b.plus(node, b.number(1.0)), b.negative(node)) if place.shape else ()
        for new in others:
            answers = self._run(place, new)
            if answers is not None and not self._are_same(answers):
                return False
        return True

    def _are_same(self, answers: Answers) -> bool:
        """Whether the wrong gradients are what they were."""
        return all(np.array_equal(self._sample.answers[n], answers[n], equal_nan=True) for n in self._wrong)

    def _run(self, place: Place, new: ast.expr) -> Answers | None:
        with self._running.edited(Edit(place, "scaled", 1.0, new)) as done:
            return self._running.answers(self._sample) if done else None

    def _scale(self, place: Place, answers: Answers, positions: Sequence[int]) -> None:
        node = place.expression
        moved = _flat([answers[n] - self._sample.answers[n] for n in positions])
        due = _flat([self._sample.truths[n] - self._sample.answers[n] for n in positions])
        if moved.shape != due.shape or not moved.any() or not np.isfinite(moved).all():
            return
        part = float(moved @ due / (moved @ moved))
        if not np.allclose(part * moved, due, rtol=0, atol=likeness.SAME_CONSTANT * float(np.abs(due).max())):
            return
        factor = part + 1
        if abs(factor) < likeness.SAME_CONSTANT:
            self.scalings.append(Edit(place, "extra-term", 1.3, b.times(node, b.number(0.0))))
        elif abs(factor + 1) < likeness.SAME_CONSTANT:
            self.scalings.append(Edit(place, "sign", 1.2, b.negative(node)))
        else:
            cost = 1.3 if isinstance(node, ast.Name | ast.BinOp) else 1.35
            self.scalings.append(Edit(place, "scaled", cost, b.times(node, b.number(factor))))

    def constants(self, view: View) -> Iterator[Edit]:
        """Numbers of the code with other values, which are estimated."""
        for place in view.places:
            # A fraction of constants has an effect of its own where a loop makes powers of it.
            is_plain = isinstance(place.node, ast.Constant | ast.Name | ast.Attribute | ast.BinOp)
            is_constant = place.is_floating and not place.varies and not place.shape
            if (
                is_plain
                and is_constant
                and not place.is_nested
                and not self._running.work.is_over(likeness.REPAIR_STEPS)
            ):
                value = self._estimate(place)
                if value is not None:
                    yield Edit(place, "scaled", 1.4, b.number(value))

    def _with(self, place: Place, value: float) -> Answers | None:
        """The answers with another number; None where they are none, or of another shape than the truth."""
        answers = self._run(place, b.number(value))
        are_like = answers is not None and all(answers[n].shape == self._sample.truths[n].shape for n in self._wrong)
        return answers if are_like else None

    def _estimate(self, place: Place) -> float | None:
        """The value with which the gradient is right, by Newton's method; None where that does not get there."""
        value = float(place.value)
        left = np.inf
        for _ in range(_STEPS):
            answers = self._with(place, value)
            if answers is not None and all(is_right(self._sample, n, answers[n]) for n in self._wrong):
                return value
            step = likeness.SHORT_STEP * max(abs(value), likeness.LARGE_STEP)
            moved = self._with(place, value + step)
            if answers is None or moved is None:
                return None
            due = _flat([self._sample.truths[n] - answers[n] for n in self._wrong])
            if not float(np.linalg.norm(due)) < likeness.NEARER * left:
                return None  # another value of this constant does not bring the truth nearer
            left = float(np.linalg.norm(due))
            slope = _flat([moved[n] - answers[n] for n in self._wrong]) / step
            if not np.isfinite(slope).all() or not slope.any():
                return None
            value += float(slope @ due / (slope @ slope))
        return None


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([each.ravel() for each in arrays])
