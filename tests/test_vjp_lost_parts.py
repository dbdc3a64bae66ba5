"""What excuses one entry of a gradient as lost to rounding: each reason by itself, where the formula's words are given.

Ball arithmetic is not asked here: what it would say of the formula stands in a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import formula, lost
from reference.gradients.arguments import Pattern, pattern
from reference.gradients.cases import Case
from reference.numerics import ball_tolerances, function_tolerances
from reference.wording import fact

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
#: The entry is (1, 0) of the second gradient, that of args[2]: args[1] holds whole numbers.
POSITION, NUMBER, INDEX = 1, 2, (1, 0)
COTANGENT = np.array([0.5, -2.0])
UNIT = 2.0**-53


@dataclass
class Entry:
    """An entry that seems wrong, and what the formula, the bounds and the forward pass say of it.

    Attributes
    ----------
    came, due
        What was answered, and what the right formula is there; None: it is not known to be right.
    largest
        The largest number of the arguments.
    analysed, estimated
        What the two analyses of roundings grant.
    stays
        Whether the formula stays in doubles if nothing is rounded.
    """

    came: float = 1.0 + 1e-6
    due: float | None = 1.0
    largest: float = 1.0
    ordinary: bool = False
    is_large: bool = False
    is_wrong: bool = False
    analysed: Any = None
    estimated: float = 0.0
    stays: bool = False
    spec: Any = None
    forward: Any = np.add
    notes: tuple[Any, ...] = ()
    case: Case = field(init=False)

    def __post_init__(self) -> None:
        args = np.array([0.5]), np.array([7]), np.array([[-self.largest], [0.25]])
        self.case = Case("numbers of size 30", args, 3, self.ordinary)

    @property
    def context(self) -> Any:
        """As the checks have one."""
        given = Pattern(pattern(self.case.args, None).args, ((-np.inf, np.inf),) * 3)
        answers = (np.zeros(1), np.array([[0.0], [self.came]]))
        estimates = [np.full(1, np.inf), np.array([[np.inf], [self.estimated]])]
        return SimpleNamespace(
            formula_is_wrong=self.is_wrong, largest=1e300, unit=UNIT, spec=self.spec, notes=list(self.notes),
            pattern=SimpleNamespace(is_large=self.is_large, floats=given.floats, differentiable=given.differentiable),
            subject=SimpleNamespace(forward=lambda x, n, y: self.forward(x, y)),
            gradients=self.expecting((answers, None), self.case, COTANGENT),
            estimated_bounds=self.expecting(estimates, self.case, COTANGENT),
        )  # fmt: skip

    @staticmethod
    def expecting(answer: Any, *due: Any) -> Any:
        """A function that answers if it is asked for that."""

        def asked(*given: Any) -> Any:
            assert all(one is other or one == other for one, other in zip(given, due, strict=True))
            return answer

        return asked

    def outcome(self, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, list[Any]]:
        """Whether the entry is excused, and what is noted."""
        context = self.context
        context.note = context.notes.append
        asked = (context, self.case, COTANGENT)
        monkeypatch.setattr(formula, "right_at", self.expecting(self.due, *asked, NUMBER, INDEX))
        monkeypatch.setattr(formula, "rounding", self.expecting(self.analysed, *asked, POSITION))
        monkeypatch.setattr(formula, "stays_in_doubles", self.expecting(self.stays, *asked))
        return lost.is_lost(context, self.case, COTANGENT, POSITION, INDEX), context.notes


def overflowing(x: Array, y: Array) -> Array:
    return np.exp(1e3 * np.abs(y)) * 0 + x


def raising(x: Array, y: Array) -> Array:
    raise ValueError("no")


def exact(off: float) -> Any:
    """What a running analysis grants, by entries: to no other entry anything."""
    return np.array([[0.0], [off]])


#: What lost digits may be off beside the cotangent: a few units of the sum of its sizes.
BESIDE = function_tolerances.LOST_UNITS * UNIT * 2.5
ENTRIES: dict[str, tuple[Entry, bool]] = {
    "off by more than all bounds": (Entry(estimated=1e-9), False),
    "within what is analysed": (Entry(analysed=exact(1e-5)), True),
    "within what is analysed, as one number": (Entry(analysed=np.asarray(1e-5)), True),
    "exactly what is analysed": (Entry(came=1.5, analysed=exact(0.5)), True),
    "beyond what is analysed": (Entry(analysed=exact(1e-7)), False),
    "below what is due, within what is analysed": (Entry(came=1.0 - 1e-6, analysed=exact(1e-5)), True),
    "below what is due, beyond all bounds": (Entry(came=1.0 - 1e-6), False),
    "within what roundings at random do": (Entry(estimated=1e-5), True),
    "exactly what roundings at random do": (Entry(came=1.5, estimated=0.5), True),
    "small beside the cotangent": (Entry(came=BESIDE * 1.99, due=BESIDE), True),
    "not small beside the cotangent": (Entry(came=BESIDE * 2.01, due=BESIDE), False),
    "ordinary, within what is analysed": (Entry(ordinary=True, analysed=exact(1e-5)), True),
    "ordinary, within an estimate alone": (Entry(ordinary=True, estimated=1e-5), False),
    "of a formula that is wrong elsewhere": (Entry(is_wrong=True, analysed=exact(1e-5)), False),
    "of a formula that is not known": (Entry(due=None, analysed=exact(1e-5), estimated=1.0), False),
    "one of many numbers, ordinary": (Entry(ordinary=True, is_large=True, analysed=exact(1e-5)), False),
    "one of many numbers, extreme": (Entry(is_large=True, analysed=exact(1e-5)), True),
    "no number, of a formula that stays in doubles": (Entry(came=np.nan, stays=True), True),
    "infinite, of a formula that stays in doubles": (Entry(came=np.inf, stays=True), True),
    "no number, of a formula that leaves doubles": (Entry(came=np.nan, analysed=exact(np.inf)), False),
    "no number, ordinary": (Entry(came=np.nan, ordinary=True, stays=True), False),
    "anything where squares overflow": (Entry(came=7.0, largest=1.1e150), True),
    "anything where squares do not overflow": (Entry(came=7.0, largest=0.9e150), False),
    "no number where squares overflow": (Entry(came=np.nan, largest=1.1e150), True),
    "no number, on a way that overflows": (Entry(np.nan, None, 1.1e150, forward=overflowing), True),
    "a number, on a way that overflows": (Entry(1.0, None, 1.1e150, forward=overflowing), False),
    "no number, on a way that overflows among small ones": (Entry(np.nan, None, forward=overflowing), False),
    "no number, on a way without overflow": (Entry(np.nan, None, 1.1e150), False),
    "no number, on a way that ends": (Entry(np.nan, None, 1.1e150, forward=raising), False),
    "no number, where a definition judges": (Entry(np.nan, None, 1.1e150, forward=overflowing, spec="given"), False),
    "no number, ordinary, on a way that overflows": (
        Entry(np.nan, None, 1.1e150, ordinary=True, forward=overflowing), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", ENTRIES)
def test_an_entry_is_lost_for_a_reason(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alone is enough, and where there is none the entry is wrong; what is noted is noted of lost ones alone."""
    entry, is_lost = ENTRIES[which]
    with np.errstate(all="ignore"):
        found, notes = entry.outcome(monkeypatch)
    assert found is is_lost
    assert bool(notes) is (is_lost and entry.due is not None)


@pytest.mark.parametrize(
    ("came", "digits"), [(1.0 + 1e-6, 9), (1.0 + 1e-12, ball_tolerances.DIGITS_TOLD), (np.nan, 16)]
)
def test_lost_digits_are_noted_once(came: float, digits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many they are, no less than are worth telling, and where; not beside another note."""
    entry = Entry(came=came, analysed=exact(1e-5), stays=True)
    _, (note,) = entry.outcome(monkeypatch)
    assert note == fact(
        "digits lost", digits=digits, inputs="drawn inputs (numbers of size 30)", what="gradient[2]", index=INDEX
    )
    entry.notes = (fact("noisy", noise=0.5),)
    found, notes = entry.outcome(monkeypatch)
    assert found
    assert notes == list(entry.notes)


def test_the_forward_pass_is_asked_with_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it writes into its arguments, on its way to an overflow or not, changes nothing."""

    def writing(x: Array, y: Array) -> Array:
        y[:] = 0.0
        return x

    entry = Entry(np.nan, None, 1.1e150, forward=writing)
    before = entry.case.args[2].copy()
    assert not entry.outcome(monkeypatch)[0]
    assert np.array_equal(entry.case.args[2], before)
