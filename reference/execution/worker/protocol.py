"""What the examiner says to an implementation, and what it hears back.

An examination is a list of steps: make an object, put an attribute, call a method, get an attribute. Steps and replies
hold nothing but names, numbers and arrays, so that the code under examination may as well live in another process: the
examiner keeps the truth to itself and compares here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Layout = Literal["C", "Fortran", "strided", "reversed", "read-only", "broadcast"]
Work = Callable[[], object]


@dataclass(frozen=True)
class Ref:
    """An object made by an earlier step, by its name."""

    name: str


@dataclass(frozen=True)
class Seed:
    """A ``RandomState`` of that seed; equal seeds in one examination are one shared generator."""

    value: int


@dataclass(frozen=True)
class Laid:
    """An array that is to arrive in a certain memory layout."""

    array: NDArray[Any]
    layout: Layout


@dataclass(frozen=True)
class New:
    """Make an object of class ``cls`` and call it ``name``; arguments go by keyword."""

    name: str
    cls: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Put:
    """Give an object's array attribute new values, in place if it has the right shape."""

    name: str
    attribute: str
    value: NDArray[Any]


@dataclass(frozen=True)
class Call:
    """Call a method by keyword."""

    name: str
    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Get:
    """Look at an attribute."""

    name: str
    attribute: str


Step = New | Put | Call | Get


@dataclass(frozen=True)
class Unusable:
    """In the place of what is no array of numbers, plain number, text or container of these.

    Attributes
    ----------
    kind
        What it was, in words: its type's name, and for an array what is wrong with it.
    problem
        What is wrong with it: "type", for an array "dtype" or "shape", or "stand-in" for what came from a module that
        is not here.
    """

    kind: str
    problem: str = "type"


PROBLEMS = frozenset({"type", "dtype", "shape", "stand-in"})
#: Why a step raised an exception, where that is known: the call does not take these arguments; the object has no
#: attribute of the method's name; the system refused something, such as a thread or a file.
CAUSES = frozenset({"arguments", "absent", "refused"})
#: Why a class is missing, where its name is not simply absent: its file ended before it came to the class, by itself or
#: because the system refused something.
LOAD_CAUSES = frozenset({"not run", "refused"})


@dataclass(frozen=True)
class Reply:
    """What came of one step.

    Attributes
    ----------
    value
        For `Call` and `Get`: an array, a number, a string, None, or lists, tuples and dicts of these; copied at the
        moment of the answer; `Unusable` for anything else.
    kind
        Name of the type of what came back.
    error
        None, or what was raised: its type and message.
    error_kind
        Name of the exception's type.
    cause
        One of `CAUSES`, or None.
    changed
        Names of the arguments that the call wrote into.
    aliases
        Names of the arguments whose memory the answer shares.
    altered
        Whether later steps changed the answer that this step had given.
    """

    value: Any = None
    kind: str = "NoneType"
    error: str | None = None
    error_kind: str | None = None
    cause: str | None = None
    changed: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    altered: bool = False


class Executor(Protocol):
    """Somewhere that an implementation's code runs."""

    def missing(self) -> Mapping[str, str]:
        """Names of the contract's classes that are not there, and why not."""

    def causes(self) -> Mapping[str, str]:
        """Of the missing names: one of `LOAD_CAUSES`, where it is known."""

    def modules(self) -> Mapping[str, str]:
        """Names of classes and of the modules that a script can import them from, where that is known."""

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        """Do the steps one after the other with fresh objects; an error in one does not end the others."""

    def run_all(self, questions: Iterable[Sequence[Step]], meanwhile: Iterable[Work] = ()) -> Iterator[list[Reply]]:
        """`run` for each of several lists of steps, perhaps many at a time.

        ``meanwhile`` is work that needs no answers, a piece for each question. It may be done while they are awaited,
        or not at all; what goes wrong in it is passed over, and shows to whoever needs what should come of it.
        """


def lay_out(array: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """A copy of ``array`` with the same values in another memory layout.

    "broadcast" repeats the first row with stride 0, so it is for arrays whose rows are equal.
    """
    match layout:
        case "C":
            return np.array(array, order="C")
        case "Fortran":
            return np.array(array, order="F")
        case "strided":
            # Every second entry of a larger array, whose other entries must not enter any result.
            wide = np.full(tuple(2 * n for n in array.shape), np.nan, array.dtype)
            wide[tuple(slice(None, None, 2) for _ in array.shape)] = array
            return wide[tuple(slice(None, None, 2) for _ in array.shape)]
        case "reversed":
            backwards = tuple(slice(None, None, -1) for _ in array.shape)
            return np.array(array[backwards], order="C")[backwards]
        case "read-only":
            copy = np.array(array, order="C")
            copy.flags.writeable = False
            return copy
        case "broadcast":
            return np.broadcast_to(np.array(array[:1], order="C"), array.shape)
