"""Forward passes and vjps that answer oddly, now and then or always: a finding in kept words, and never a fault."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference import check_vjp
from tests.gradients import drawn
from tests.words import assert_kept

pytestmark = [pytest.mark.outside, pytest.mark.catalogue]

Array = NDArray[Any]
#: Given the right answer and the arguments, the odd one.
Odd = Callable[..., Any]

ARGS = (drawn(2, 3), drawn(3))


def forward(A: Array, b: Array) -> Array:
    """tanh(A) b, rows by a row."""
    return np.tanh(A) * b


def vjp(c: Array, A: Array, b: Array) -> tuple[Array, Array]:
    """Its gradient."""
    return c * b * (1 - np.tanh(A) ** 2), (c * np.tanh(A)).sum(axis=0)


def raising(kind: type[BaseException], *words: str) -> Odd:
    def odd(*_: Any) -> Any:
        raise kind(*words)

    return odd


def when(condition: Callable[..., bool], odd: Odd) -> Odd:
    """Odd for some arguments alone."""
    return lambda right, *args: odd(right, *args) if condition(*args) else right


def sometimes(odd: Odd) -> Odd:
    """Odd at every third call."""
    calls = itertools.count(1)
    return lambda right, *args: odd(right, *args) if next(calls) % 3 == 0 else right


def kept() -> Odd:
    """All answers in one place."""
    place: list[Any] = []

    def odd(right: Any, *_: Any) -> Any:
        if not place:
            place.append(right)
        for old, new in zip(
            place[0] if isinstance(right, tuple) else place, right if isinstance(right, tuple) else [right], strict=True
        ):
            old[...] = new
        return place[0]

    return odd


def spoils(number: int) -> Odd:
    def odd(right: Any, *args: Array) -> Any:
        args[number][...] = 0
        return right

    return odd


def has_zeros(*args: Array) -> bool:
    return any(not array.all() for array in args)


def is_large(*args: Array) -> bool:
    return any(float(np.abs(array).max()) > 100 for array in args)


def is_strided(*args: Array) -> bool:
    return any(not array.flags.c_contiguous for array in args)


ANYWHERE: dict[str, Odd] = {
    "nothing": lambda right, *_: None,
    "a text": lambda right, *_: "right",
    "a set": lambda right, *_: {1.5},
    "raises": raising(ValueError, "shapes do not fit"),
    "is not implemented": raising(NotImplementedError),
    "leaves": raising(SystemExit, "3"),
    "raises at zeros": when(has_zeros, raising(ZeroDivisionError, "division by zero")),
    "raises at large numbers": when(is_large, raising(FloatingPointError, "overflow")),
    "raises in another layout": when(is_strided, raising(BufferError, "not contiguous")),
    "raises at times": sometimes(raising(RuntimeError, "again")),
    "spoils its first argument": spoils(0),
    "spoils its last argument": spoils(-1),
    "one place for all answers": kept(),
}


def array(change: Callable[[Array], Any]) -> Odd:
    return lambda right, *_: change(right)


FORWARD: dict[str, Odd] = {
    **ANYWHERE,
    "lists": array(lambda Y: Y.tolist()),
    "a tuple": array(lambda Y: (Y,)),
    "a sum": array(lambda Y: Y.sum()),
    "a Python number": array(lambda Y: float(Y.sum())),
    "whole numbers": array(lambda Y: np.rint(Y).astype(int)),
    "complex numbers": array(lambda Y: Y + 0j),
    "objects": array(lambda Y: Y.astype(object)),
    "single precision": array(lambda Y: Y.astype(np.float32)),
    "a matrix": array(lambda Y: Y.view(np.matrix)),
    "transposed": array(np.transpose),
    "not a number": array(lambda Y: Y * np.nan),
    "not a number at zeros": when(has_zeros, array(lambda Y: Y * np.nan)),
    "another shape at zeros": when(has_zeros, array(np.ravel)),
    "infinite at large numbers": when(is_large, array(lambda Y: Y + np.inf)),
    "other numbers at times": sometimes(array(lambda Y: Y + 1e-3)),
    "other numbers in another layout": when(is_strided, array(lambda Y: 2 * Y)),
    "twice too large": array(lambda Y: 2 * Y),
    "a view of the first argument": lambda Y, A, b: A[:],
    "a view of the last argument": lambda Y, A, b: np.broadcast_to(b, A.shape),
}


def first(change: Callable[[Array], Any]) -> Odd:
    return lambda right, *_: (change(right[0]), right[1])


def second(change: Callable[[Array], Any]) -> Odd:
    return lambda right, *_: (right[0], change(right[1]))


VJP: dict[str, Odd] = {
    **ANYWHERE,
    "a list": lambda right, *_: list(right),
    "a bare array": lambda right, *_: right[0],
    "one gradient": lambda right, *_: right[:1],
    "three gradients": lambda right, *_: (*right, right[1]),
    "swapped": lambda right, *_: right[::-1],
    "none for the last": second(lambda db: None),
    "a text for the first": first(lambda dA: "dA"),
    "lists for the last": second(lambda db: db.tolist()),
    "transposed": first(np.transpose),
    "flat": first(np.ravel),
    "a row": second(lambda db: db[None]),
    "not summed": lambda right, c, A, b: (right[0], c * np.tanh(A)),
    "a mean": second(lambda db: db / 2),
    "minus": first(lambda dA: -dA),
    "zeros": first(np.zeros_like),
    "whole numbers": second(lambda db: np.rint(db).astype(int)),
    "complex numbers": second(lambda db: db + 0j),
    "single precision": first(lambda dA: dA.astype(np.float32)),
    "a matrix": first(lambda dA: dA.view(np.matrix)),
    "not a number": second(lambda db: db * np.nan),
    "not a number at zeros": when(has_zeros, second(lambda db: db * np.nan)),
    "infinite at large numbers": when(is_large, first(lambda dA: dA + np.inf)),
    "another shape at zeros": when(has_zeros, first(np.ravel)),
    "another shape in another layout": when(is_strided, first(np.ravel)),
    "other numbers at times": sometimes(first(lambda dA: dA + 1e-3)),
    "other numbers in another layout": when(is_strided, second(lambda db: 2 * db)),
    "a little off": first(lambda dA: dA * (1 + 1e-7)),
    "a little off at large numbers": when(is_large, second(lambda db: db * (1 + 1e-3))),
    "without the cotangent": lambda right, c, A, b: vjp(np.ones(c.shape), A, b),
    "with the cotangent squared": lambda right, c, A, b: vjp(c * np.abs(c), A, b),
    "a view of the cotangent": lambda right, c, A, b: (c[:], right[1]),
    "a view of an argument": lambda right, c, A, b: (right[0], b[:]),
    "two views of one": lambda right, c, A, b: (right[0], right[0][0]),
}


#: A list is as good as a tuple.
RIGHT_AFTER_ALL = {"a list"}
#: Without a specification a forward pass is right where it answers; the gradient of a sum has the same formula.
DOMAINS = {
    "raises at zeros", "raises at large numbers", "infinite at large numbers", "not a number", "not a number at zeros",
    "a sum", "a Python number",
}  # fmt: skip


def told(part: str, name: str, **options: Any) -> list[Any]:
    """What is said of the two functions, one of them odd."""

    def odd(right: Callable[..., Any], change: Odd) -> Callable[..., Any]:
        return lambda *args: change(right(*(array.copy() for array in args)), *args)

    changes = FORWARD[name] if part == "forward" else VJP[name]
    functions = (odd(forward, changes), vjp) if part == "forward" else (forward, odd(vjp, changes))
    with np.errstate(all="ignore"):
        found = check_vjp(*functions, *ARGS, effort="quick", **options)
    assert not [each for each in found if each.status == "error"], found
    return [each for each in found if each.status != "passed"]


@pytest.mark.parametrize("with_spec", [False, True])
@pytest.mark.parametrize(("part", "name"), [("forward", name) for name in FORWARD] + [("vjp", name) for name in VJP])
def test_odd_functions_are_told(part: str, name: str, with_spec: bool) -> None:
    """Something fails, unless it is right after all; with a specification a wrong forward pass is blamed alone."""
    found = told(part, name, spec=forward if with_spec else None)
    failures = [each for each in found if each.status == "failed"]
    assert_kept("odd gradients", f"{part}: {name}{', with a specification' if with_spec else ''}", found)
    assert bool(failures) != (name in RIGHT_AFTER_ALL or (part == "forward" and not with_spec and name in DOMAINS))
    if with_spec and part == "forward":
        assert {each.check.split(".")[1] for each in failures} == {"forward"}


def test_right_functions_are_told_nothing() -> None:
    """The same two functions, undisturbed."""
    for spec in (None, forward):
        assert [
            each for each in check_vjp(forward, vjp, *ARGS, spec=spec, effort="quick") if each.status == "failed"
        ] == []
