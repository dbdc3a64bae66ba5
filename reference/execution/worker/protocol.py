"""The steps that the examiner has an implementation perform, the replies to them, and the interface of an executor.

A request is a list of steps: make an object, set an attribute, call a method, get an attribute, keep an array, take a
step of gradient descent, define classes of the examiner's own. Steps and replies hold nothing but names, numbers,
arrays and source text, so that the implementation may run in another process, where no expected value is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

#: How the entries of an array lie in memory: see `lay_out`.
Layout = Literal["C", "Fortran", "strided", "reversed", "read-only", "broadcast"]
#: A piece of the examiner's own work.
Work = Callable[[], object]


@dataclass(frozen=True)
class Ref:
    """As an argument: the object or the array of that name, which an earlier step has made or kept."""

    name: str


@dataclass(frozen=True)
class Rows:
    """As an argument: the rows from ``start`` to ``stop`` of the array that a `Keep` has stored as ``name``, a view."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class Seed:
    """As an argument: a ``RandomState`` with that seed. Equal seeds in one request are one shared generator."""

    value: int


@dataclass(frozen=True)
class Laid:
    """As an argument: an array that the callee gets in a certain memory layout."""

    array: NDArray[Any]
    layout: Layout


@dataclass(frozen=True)
class New:
    """Step: make an object of class ``cls`` and store it as ``name``.

    The arguments are passed by keyword, or in their order where ``by_position`` is true.
    """

    name: str
    cls: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    by_position: bool = False


@dataclass(frozen=True)
class Define:
    """Step: run the examiner's own source text; `New` then also knows its classes, as ``own("LinearLayer")`` and so on.

    They take the place of the submission's classes where a network is judged by itself. The worker gets the text only
    with the request that needs it, which comes after the questions about the submission's own classes: what could be
    found there before would be the solution of the lab.
    """

    source: str


def own(cls: str) -> str:
    """What `New` calls a class of that name which a `Define` has defined."""
    return f"own:{cls}"


@dataclass(frozen=True)
class Put:
    """Step: set an array attribute of the object ``name``, in place if it has the same shape and dtype."""

    name: str
    attribute: str
    value: NDArray[Any]


@dataclass(frozen=True)
class Call:
    """Step: call a method of the object ``name``.

    The arguments are passed by keyword, or in their order where ``by_position`` is true.
    """

    name: str
    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    by_position: bool = False


@dataclass(frozen=True)
class Get:
    """Step: get an attribute of the object ``name``."""

    name: str
    attribute: str


@dataclass(frozen=True)
class Grey:
    """As the array of a `Keep`: many grey images, which take a quarter of the bytes that their numbers take.

    Attributes
    ----------
    levels
        From 0 to 255; a row for each image.
    mean, deviation
        Of each pixel, in single precision.
    """

    levels: NDArray[Any]
    mean: NDArray[Any]
    deviation: NDArray[Any]

    def standardised(self) -> NDArray[Any]:
        """The numbers, in single precision: brightness from 0 to 1, minus the mean, divided by the deviation."""
        X = self.levels.astype(np.float32)
        X /= np.float32(255)
        X -= self.mean
        X /= self.deviation
        return X


@dataclass(frozen=True)
class Keep:
    """Step: keep an array as ``name``, for `Ref` and `Rows` to pass it to calls.

    If an array of that name, shape and dtype is kept already, the values are written into it: so a later call gets the
    same array object with other contents.
    """

    name: str
    array: NDArray[Any] | Grey


@dataclass(frozen=True)
class Descend:
    """Step: one step of gradient descent, as the lab's trainer takes it.

    The network ``name`` is asked for ``gradient(X, T)``, and each of the layers gets ``update_params`` with minus
    ``rate`` times the arrays that the gradient has under the layer's name. The reply is that to ``gradient``.
    """

    name: str
    layers: Sequence[str]
    X: Any
    T: Any
    rate: float


Step = New | Put | Call | Get | Define | Keep | Descend


@dataclass(frozen=True)
class Unusable:
    """Stands in a reply for a result that is not an array of numbers, a number, a string, None or a container of these.

    Attributes
    ----------
    kind
        A description of the result: the name of its type, or what is wrong with an array.
    problem
        What is wrong with it: "type", for an array "dtype" or "shape", or "stand-in" for what came from a module that
        is not here.
    """

    kind: str
    problem: str = "type"


PROBLEMS = frozenset({"type", "dtype", "shape", "stand-in"})
#: Why a step raised an exception, where that is known. The call itself: "arguments": the function does not take them;
#: "absent": the object has no method of that name; "not set": an attribute does not take the value. In the called code:
#: "name": a variable is not defined; "module": a module cannot be imported; "attribute", "index", "key": an object, a
#: sequence or a dict lacks one; "call": it calls a function with other arguments than that function takes; "shapes":
#: the shapes of arrays do not fit; "division": by 0; "recursion": without end; "stand-in": it has computed with what
#: takes the place of a module that is not here; "refused": the system refused something, such as a thread or a file.
CAUSES = frozenset({
    "arguments", "absent", "not set", "name", "module", "attribute", "index", "key", "call", "shapes", "division",
    "recursion", "stand-in", "refused",
})  # fmt: skip
#: Why a class is missing, where its name is not simply absent: its file ended before it came to the class, by itself or
#: because the system refused something.
LOAD_CAUSES = frozenset({"not run", "refused"})


@dataclass(frozen=True)
class Place:
    """A place in the submission's own files.

    Attributes
    ----------
    file
        The path of the file, relative to the submission's folder.
    line
        The number of the line, from 1.
    source
        The expression there, or the line; empty where the file cannot be read.
    """

    file: str
    line: int
    source: str


@dataclass(frozen=True)
class Reply:
    """The outcome of one step.

    Attributes
    ----------
    value
        The result of `Call` and `Get`: an array, a number, a string, None, or lists, tuples and dicts of these, copied
        as soon as the step had ended; `Unusable` for anything else.
    kind
        The name of the type of the result.
    error
        The type and message of the exception that the step has raised; None if it has raised none.
    error_kind
        The name of the exception's type, or of the way in which the process ended.
    cause
        One of `CAUSES`, or None.
    changed
        The names of the arguments that the call wrote into.
    aliases
        The names of the arguments whose memory the result shares.
    altered
        Whether a later step of the same request changed the object that this step had returned.
    place
        Where the exception was raised: the innermost call in the submission's own files. Where the call did not take
        the arguments, the definition of what was called.
    stand_ins
        The names of absent modules whose stand-ins have given a value, such as a number or a truth value, in this step
        or in an earlier one of the same request.
    """

    value: Any = None
    kind: str = "NoneType"
    error: str | None = None
    error_kind: str | None = None
    cause: str | None = None
    changed: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    altered: bool = False
    place: Place | None = None
    stand_ins: tuple[str, ...] = ()


#: The reply to a step that returned nothing and changed nothing. It is one object, so that it is recognised quickly.
DONE = Reply()


class Executor(Protocol):
    """Where the code of an implementation runs: in this process or in a sandbox.

    Attributes
    ----------
    stand_ins
        Names of the absent modules whose stand-ins have given a value to any call, in the order of their use. Whoever
        wants to know those of certain calls clears it before.
    """

    stand_ins: dict[str, None]

    def missing(self) -> Mapping[str, str]:
        """Names of the contract's classes that the implementation lacks, each with the reason."""

    def causes(self) -> Mapping[str, str]:
        """Of the missing names: one of `LOAD_CAUSES`, where it is known."""

    def modules(self) -> Mapping[str, str]:
        """Names of classes, each with the module that a script can import it from, as far as that is known."""

    def spent(self) -> float:
        """Seconds of processor time that the implementation has used so far; only differences have a meaning."""

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        """Perform steps in order on new objects; one reply for each. An error in one does not end the others."""

    def run_all(self, requests: Iterable[Sequence[Step]], meanwhile: Iterable[Work] = ()) -> Iterator[list[Reply]]:
        """`run` for each of several requests, of which many may be sent at a time; yields their replies in order.

        Parameters
        ----------
        requests
            Lists of steps.
        meanwhile
            Work that needs none of the replies, such as computing expected values: one piece for each request. It may
            be done while replies are awaited, or not at all. Its exceptions are suppressed; whoever needs the results
            of the work does it again and sees them.
        """


def lay_out(array: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """A copy of an array with the same values in another memory layout.

    Parameters
    ----------
    array
        Of any shape; at least one-dimensional for "broadcast".
    layout
        "C" and "Fortran": contiguous in that order. "strided": every second entry, along each axis, of an array that is
        NaN elsewhere. "reversed": negative strides. "read-only": not writeable. "broadcast": the first row, repeated
        with stride 0, so it is for arrays whose rows are equal.
    """
    match layout:
        case "C":
            return np.array(array, order="C")
        case "Fortran":
            return np.array(array, order="F")
        case "strided":
            # The NaNs between the entries show up in the result of code that reads them.
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
