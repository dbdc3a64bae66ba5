"""Performs the steps of a request on the submission's classes, and replies with copies of the results."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product, starmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import crashes, generators, standins
from .copies import arrays_in, as_plain, copied, kind_of, still_equals
from .protocol import (
    DONE,
    Call,
    Define,
    Descend,
    Get,
    Grey,
    Keep,
    Laid,
    New,
    Put,
    Ref,
    Reply,
    Rows,
    Seed,
    Step,
    Unusable,
    lay_out,
    own,
)

# These names are bound before foreign code runs, which may replace attributes of numpy later.
_array, _shares_memory, _array_equal, _isnan, _ndarray = (
    np.array,
    np.shares_memory,
    np.array_equal,
    np.isnan,
    np.ndarray,
)
_errstate, _catch_warnings, _simplefilter = np.errstate, warnings.catch_warnings, warnings.simplefilter
#: What `_passing_for` has made, with the class that it passes for.
_PASSING: dict[tuple[type, int], tuple[type, type]] = {}
_MOST_PASSING = 32
_PLAIN = frozenset({str, int, float, bool, type(None)})
#: Causes of an exception that stay, whatever stand-ins the code has computed with before.
_CERTAIN = ("name", "module", "refused")


def perform(classes: Mapping[str, type], steps: Sequence[Step], base: str | None = None) -> list[Reply]:
    """Perform steps in order on new objects; returns one reply for each. An error in one does not end the others.

    Parameters
    ----------
    classes
        Maps the contract's names to the classes.
    steps
        What to do.
    base
        The submission's folder, relative to which the place of an exception is told; None: the folder of the classes.
    """
    objects = _Objects(classes, base)
    standins.used.clear()
    with _without_warnings():
        # No name leads to the list before it is done: foreign code may reach the names of its callers.
        replies = list(map(objects.perform, steps))
    for place, (reply, result) in enumerate(zip(replies, objects.results, strict=True)):
        if not _is_unchanged(reply.value, result):  # a later step has changed the object that was returned
            replies[place] = replace(reply, altered=True)
    return replies


def objects_after(classes: Mapping[str, type], steps: Sequence[Step]) -> Mapping[str, Any]:
    """The objects by name after these steps; those that could not be made are not there."""
    objects = _Objects(classes, None)
    with _without_warnings():
        for step in steps:
            objects.perform(step)
    return objects.objects


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Suppress warnings, of overflows for instance: the verdict depends on the values alone."""
    with _errstate(all="ignore"), _catch_warnings():
        _simplefilter("ignore")
        yield


class _Objects:
    """The objects that the steps of one request make, and the results of these steps."""

    def __init__(self, classes: Mapping[str, type], base: str | None) -> None:
        self.submitted = self.classes = classes
        self.base = base
        self.objects: dict[str, Any] = {}
        self.generators: dict[int, np.random.RandomState] = {}
        self.results: list[Any] = []

    def perform(self, step: Step) -> Reply:
        reply, result = DONE, None
        try:
            match step:
                case Call():
                    reply, result = self._call(step)
                case Descend():
                    reply, result = self._descend(step)
                case Get():
                    result = getattr(self.objects[step.name], step.attribute)
                    reply = _reply(result)
                case New():
                    self.objects[step.name] = _called(self.classes[step.cls], self._arguments(step), step)
                case Define():
                    self.classes = {**self.classes, **_disguised(_defined(step.source), self.classes)}
                case Keep():
                    self._keep(step.name, step.array)
                case Put():
                    self._put(self.objects[step.name], step.attribute, step.value)
        except (Exception, SystemExit) as error:  # whatever foreign code raises becomes a reply
            reply, result = self._error_reply(error, step), None
        self.results.append(result)
        used = standins.used
        if standins.used_by_import and _has_nan(result):  # the number of a stand-in is NaN
            used = used | standins.used_by_import
        return replace(reply, stand_ins=tuple(used)) if used else reply

    def _error_reply(self, error: BaseException, step: Step) -> Reply:
        modules = {str(each.__module__) for each in self.submitted.values()}
        cause, place = crashes.cause_of(error), crashes.place_of(error, modules, self.base)
        if isinstance(error, AttributeError) and isinstance(step, Call) and error.name == step.method:
            cause = "absent"
        elif isinstance(error, TypeError) and isinstance(step, New | Call) and crashes.file_of(error) == __file__:
            if isinstance(step, New):
                called = self.classes.get(step.cls)
            else:
                called = getattr(self.objects[step.name], step.method, None)
            # Nothing of the called function has run.
            cause, place = "arguments", crashes.definition_of(called, modules, self.base)
        elif isinstance(step, Put) and cause != "refused":
            cause = "not set"
        elif standins.used and cause not in _CERTAIN:
            cause = "stand-in"
        kind = "memory" if crashes.is_full(error) else type(error).__name__
        return Reply(error=crashes.describe_error(error), error_kind=kind, cause=cause, place=place)

    def _descend(self, step: Descend) -> tuple[Reply, Any]:
        given = {"X": step.X, "T": step.T}
        reply, gradient = self._call(Call(step.name, "gradient", given, by_position=True))
        for name in step.layers:
            self.objects[name].update_params([-step.rate * part for part in gradient[name]])
        return reply, gradient

    def _call(self, step: Call) -> tuple[Reply, Any]:
        given = self._arguments(step)
        before = list(map(copied, given.values()))
        result = _called(getattr(self.objects[step.name], step.method), given, step)
        changed, aliases = [], []
        arrays = list(arrays_in(result))
        for (name, value), copy in zip(given.items(), before, strict=True):
            if not still_equals(copy, value):
                changed.append(name)
            if any(starmap(_shares_memory, product(arrays, arrays_in(value)))):
                aliases.append(name)
        return _reply(result, tuple(changed), tuple(aliases)), result

    def _arguments(self, step: New | Call) -> dict[str, Any]:
        """The objects that the arguments of a step stand for, by name."""
        given = {}
        for name, value in step.arguments.items():
            given[name] = self._given(value)
        return given

    def _given(self, value: Any) -> Any:  # noqa: PLR0911 - a case each
        """The object that an argument of a step stands for."""
        if type(value) in _PLAIN:
            return value
        match value:
            case Ref():
                return self.objects[value.name]
            case Rows():
                return self.objects[value.name][value.start : value.stop]
            case Seed():
                if value.value not in self.generators:
                    self.generators[value.value] = generators.seeded(value.value)
                return self.generators[value.value]
            case Laid():
                return lay_out(value.array, value.layout)
            case _ndarray():
                return _array(value, order="C")
            case list():
                return [self._given(item) for item in value]
            case _:
                return value

    def _keep(self, name: str, value: NDArray[Any] | Grey) -> None:
        """Keep an array: in the array of that name, if there is one that it fits into."""
        if isinstance(value, Grey):
            self.objects[name] = value.standardised()
            return
        present: Any = self.objects.get(name)
        if _is_like(present, value):
            present[...] = value
        else:
            self.objects[name] = _array(value)

    def _put(self, target: Any, attribute: str, value: NDArray[Any]) -> None:
        """Write into the array that an attribute holds, or set the attribute; whichever works, as what it gives tells.

        A property without a setter may give the array that the layer computes with, or a copy of it, which tells
        nobody what was written into it.
        """
        ways = [_write, _assign] if _is_like(getattr(target, attribute, None), value) else [_assign, _write]
        refusal: Exception | None = None
        for way in ways:
            try:
                way(target, attribute, value)
            except Exception as error:  # a setter, or the lack of one
                refusal = refusal or error
            else:
                if _holds(getattr(target, attribute, None), value):
                    return
        present = getattr(target, attribute, None)
        raise refusal or crashes.NotSetError(f"{attribute} then gives {_described(present)} other than what was set")


def _has_nan(result: Any) -> bool:
    return any(array.dtype.kind == "f" and bool(_isnan(array).any()) for array in arrays_in(result))


def _is_like(present: Any, value: NDArray[Any]) -> bool:
    return type(present) is _ndarray and present.shape == value.shape and present.dtype == value.dtype


def _write(target: Any, attribute: str, value: NDArray[Any]) -> None:
    present: Any = getattr(target, attribute, None)
    if not issubclass(type(present), _ndarray) or present.shape != value.shape:
        raise crashes.NotSetError(f"{attribute} gives {_described(present)}, into which nothing of that shape fits")
    as_plain(present)[...] = value


def _assign(target: Any, attribute: str, value: NDArray[Any]) -> None:
    setattr(target, attribute, _array(value))


def _holds(present: Any, value: NDArray[Any]) -> bool:
    """Whether what an attribute gives has these numbers, be it in another type that holds them."""
    if not issubclass(type(present), _ndarray):
        return False
    found = as_plain(present)
    if found.shape != value.shape or found.dtype.kind not in "fiu":
        return False
    # Nearly always there is no NaN, and to look for it would take most of the time.
    return bool(_array_equal(found, value)) or bool(_array_equal(found, value, equal_nan=True))


def _described(present: Any) -> str:
    if not issubclass(type(present), _ndarray):
        return kind_of(present)
    plain = as_plain(present)
    return f"an array of shape {plain.shape} and dtype {plain.dtype}"


def _called(function: Any, arguments: Mapping[str, Any], step: New | Call) -> Any:
    return function(*arguments.values()) if step.by_position else function(**arguments)


@lru_cache(maxsize=4)
def _defined(source: str) -> dict[str, type]:
    """The classes that the examiner's own source text defines, by their names."""
    namespace: dict[str, Any] = {"__name__": "bp_own"}
    exec(compile(source, "<the examiner's own classes>", "exec"), namespace)  # noqa: S102 - no foreign code
    return {name: each for name, each in namespace.items() if isinstance(each, type)}


def _disguised(ours: Mapping[str, type], theirs: Mapping[str, type]) -> dict[str, type]:
    """The examiner's own classes by the names under which `New` knows them; each passes for the submission's.

    A network may ask ``isinstance(layer, LinearLayer)``, which looks at ``__class__`` where the type is another one.
    """
    return {own(name): _passing_for(each, theirs[name]) if name in theirs else each for name, each in ours.items()}


def _passing_for(ours: type, theirs: type) -> type:
    """A class like ours whose objects say that they are of theirs; made once, since each network needs several."""
    known = _PASSING.get((ours, id(theirs)))  # by its number, since a hash could be foreign code
    if known is None or known[1] is not theirs:
        if len(_PASSING) >= _MOST_PASSING:
            _PASSING.clear()
        known = type(ours.__name__, (ours,), {"__class__": property(lambda _: theirs)}), theirs
        _PASSING[ours, id(theirs)] = known
    return known[0]


def _reply(result: Any, changed: tuple[str, ...] = (), aliases: tuple[str, ...] = ()) -> Reply:
    value = copied(result)
    kind = value.kind if type(value) is Unusable else kind_of(result)
    return Reply(value, kind, changed=changed, aliases=aliases)


def _is_unchanged(value: Any, result: Any) -> bool:
    try:
        return still_equals(value, result)
    except Exception:  # an object that can no longer be copied has changed
        return False
