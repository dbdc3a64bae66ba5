"""Forward passes and vjps that answer oddly, now and then or always: told by the right check, never a fault."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference import check_vjp
from tests.gradients import drawn
from tests.wording import assert_well_said

pytestmark = [pytest.mark.outside, pytest.mark.catalogue, pytest.mark.usefixtures("short_search")]

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
    """Odd at every second call."""
    calls = itertools.count(1)
    return lambda right, *args: odd(right, *args) if next(calls) % 2 == 0 else right


def in_one_place() -> Odd:
    """All answers of a kind in the arrays of the first."""
    first: list[Any] = []

    def odd(right: Any, *_: Any) -> Any:
        if not first:
            first.append(right)
        for old, new in zip(_arrays(first[0]), _arrays(right), strict=True):
            old[...] = new
        return first[0]

    return odd


def _arrays(answer: Any) -> Any:
    return answer if isinstance(answer, tuple) else (answer,)


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


def array(change: Callable[[Array], Any]) -> Odd:
    return lambda right, *_: change(right)


def first(change: Callable[[Array], Any]) -> Odd:
    return lambda right, *_: (change(right[0]), right[1])


def second(change: Callable[[Array], Any]) -> Odd:
    return lambda right, *_: (right[0], change(right[1]))


def of_forward() -> dict[str, tuple[Odd, str, str]]:
    """Odd forward passes; by which check and in which word they are told of, without a specification and with one.

    Without one they are right where they are finite, and what is wrong with the numbers is the vjp's; "" where it is
    nothing: for an exception there are domains, and the gradient of a sum has the same formula.
    """
    return {
        "nothing": (lambda right, *_: None, *["forward.answers: wrong-type"] * 2),
        "a text": (lambda right, *_: "right", *["forward.answers: wrong-type"] * 2),
        "a set": (lambda right, *_: {1.5}, *["forward.answers: wrong-type"] * 2),
        "lists": (array(lambda Y: Y.tolist()), *["forward.answers: wrong-type"] * 2),
        "a tuple": (array(lambda Y: (Y,)), *["forward.answers: wrong-type"] * 2),
        "complex numbers": (array(lambda Y: Y + 0j), *["forward.answers: wrong-type"] * 2),
        "objects": (array(lambda Y: Y.astype(object)), *["forward.answers: wrong-type"] * 2),
        "raises": (raising(ValueError, "shapes do not fit"), *["forward.answers: crash"] * 2),
        "is not implemented": (raising(NotImplementedError), *["forward.answers: not-implemented"] * 2),
        "leaves": (raising(SystemExit, "3"), *["forward.answers: exits"] * 2),
        "raises at zeros": (when(has_zeros, raising(ZeroDivisionError, "by zero")), "", "forward.answers: crash"),
        "raises at large numbers": (
            when(is_large, raising(FloatingPointError, "overflow")), "", "forward.answers: crash",
        ),
        "raises at times": (
            sometimes(raising(RuntimeError, "again")), "forward.types: crash", "forward.answers: crash",
        ),
        "raises in another layout": (
            when(is_strided, raising(BufferError, "no")), *["forward.layouts: layout-dependent"] * 2,
        ),
        "whole numbers": (array(lambda Y: np.rint(Y).astype(int)), *["forward.types: wrong-dtype"] * 2),
        "single precision": (array(lambda Y: Y.astype(np.float32)), *["forward.types: wrong-dtype"] * 2),
        "a matrix": (array(lambda Y: Y.view(np.matrix)), *["forward.types: wrong-type"] * 2),
        "a sum": (array(lambda Y: Y.sum()), "", "forward.types: wrong-shape"),
        "a Python number": (array(lambda Y: float(Y.sum())), "", "forward.types: wrong-shape"),
        "transposed": (array(np.transpose), "gradient.answers: crash", "forward.types: wrong-shape"),
        "another shape at zeros": (when(has_zeros, array(np.ravel)), *["forward.types: wrong-shape"] * 2),
        "not a number": (array(lambda Y: Y * np.nan), "", "forward.values"),
        "not a number at zeros": (when(has_zeros, array(lambda Y: Y * np.nan)), "", "forward.values"),
        "infinite at large numbers": (when(is_large, array(lambda Y: Y + np.inf)), "", "forward.values"),
        "twice too large": (array(lambda Y: 2 * Y), "gradient[0].consistent: scaled", "forward.values: scaled"),
        "spoils its first argument": (spoils(0), *["forward.inputs_unchanged: mutates-input"] * 2),
        "spoils its last argument": (spoils(-1), *["forward.inputs_unchanged: mutates-input"] * 2),
        "in one place": (in_one_place(), *["forward.result_is_its_own: stateful"] * 2),
        "a view of the first argument": (
            lambda Y, A, b: A[:], "gradient[0].consistent: extra-factor", "forward.values",
        ),
        "a view of the last argument": (
            lambda Y, A, b: np.broadcast_to(b, A.shape), "gradient[0].consistent", "forward.values",
        ),
        "other numbers at times": (
            sometimes(array(lambda Y: Y + 1e-3)), *["forward.no_state: nondeterministic"] * 2,
        ),
        "other numbers in another layout": (
            when(is_strided, array(lambda Y: 2 * Y)), *["forward.layouts: layout-dependent"] * 2,
        ),
    }  # fmt: skip


def of_vjp() -> dict[str, tuple[Odd, str]]:
    """Odd vjps, and by which check and in which word they are told of; "" of nothing, for a list is as good as a tuple.

    With a specification ``values`` takes the place of ``consistent``.
    """
    return {
        "a list": (lambda right, *_: list(right), ""),
        "nothing": (lambda right, *_: None, "gradient.answers: wrong-type"),
        "a text": (lambda right, *_: "right", "gradient.answers: wrong-type"),
        "a set": (lambda right, *_: {1.5}, "gradient.answers: wrong-type"),
        "a bare array": (lambda right, *_: right[0], "gradient.answers: wrong-type"),
        "one gradient": (lambda right, *_: right[:1], "gradient.answers: wrong-type"),
        "three gradients": (lambda right, *_: (*right, right[1]), "gradient.answers: wrong-type"),
        "none for the last": (second(lambda db: None), ""),
        "a text for the first": (first(lambda dA: "dA"), "gradient.answers: wrong-type"),
        "lists for the last": (second(lambda db: db.tolist()), "gradient.answers: wrong-type"),
        "complex numbers": (second(lambda db: db + 0j), "gradient.answers: wrong-type"),
        "swapped": (lambda right, *_: right[::-1], "gradient.answers: swapped"),
        "not summed": (lambda right, c, A, b: (right[0], c * np.tanh(A)), "gradient.answers: not-summed"),
        "raises": (raising(ValueError, "shapes do not fit"), "gradient.answers: crash"),
        "is not implemented": (raising(NotImplementedError), "gradient.answers: not-implemented"),
        "leaves": (raising(SystemExit, "3"), "gradient.answers: exits"),
        "raises at zeros": (when(has_zeros, raising(ZeroDivisionError, "by zero")), "gradient.ties: crash"),
        "raises at large numbers": (
            when(is_large, raising(FloatingPointError, "overflow")), "gradient[0].consistent: crash",
        ),
        "raises at times": (sometimes(raising(RuntimeError, "again")), "gradient.answers: crash"),
        "raises in another layout": (
            when(is_strided, raising(BufferError, "no")), "gradient.layouts: layout-dependent",
        ),
        "transposed": (first(np.transpose), "gradient[0].types: transposed"),
        "flat": (first(np.ravel), "gradient[0].types: wrong-shape"),
        "a row": (second(lambda db: db[None]), "gradient[1].types: wrong-shape"),
        "another shape at zeros": (when(has_zeros, first(np.ravel)), "gradient[0].types: wrong-shape"),
        "whole numbers": (second(lambda db: np.rint(db).astype(int)), "gradient[1].types: wrong-dtype"),
        "single precision": (first(lambda dA: dA.astype(np.float32)), "gradient[0].types: wrong-dtype"),
        "a matrix": (first(lambda dA: dA.view(np.matrix)), "gradient[0].types: wrong-type"),
        "minus": (first(lambda dA: -dA), "gradient[0].consistent: sign"),
        "a little off": (first(lambda dA: dA * (1 + 1e-3)), "gradient[0].consistent: scaled"),
        "a mean": (second(lambda db: db / 2), "gradient[1].consistent: scaled"),
        "zeros": (first(np.zeros_like), "gradient[0].consistent: term-missing"),
        "a little off at large numbers": (
            when(is_large, second(lambda db: db * (1 + 1e-3))), "gradient[1].consistent",
        ),
        "not a number": (second(lambda db: db * np.nan), "gradient[1].consistent"),
        "not a number at zeros": (when(has_zeros, second(lambda db: db * np.nan)), "gradient.ties"),
        "infinite at large numbers": (when(is_large, first(lambda dA: dA + np.inf)), "gradient[0].consistent"),
        "without the cotangent": (
            lambda right, c, A, b: vjp(np.ones(c.shape), A, b), "gradient[0].consistent: delta-next-ignored",
        ),
        "with the cotangent squared": (lambda right, c, A, b: vjp(c * np.abs(c), A, b), "gradient[0].consistent"),
        "a view of the cotangent": (lambda right, c, A, b: (c[:], right[1]), "gradient[0].consistent: factor-missing"),
        "a view of an argument": (
            lambda right, c, A, b: (right[0], b[:]), "gradient[1].consistent: delta-next-ignored",
        ),
        "two views of one": (lambda right, c, A, b: (right[0], right[0][0]), "gradient[1].consistent"),
        "spoils its first argument": (spoils(0), "gradient.inputs_unchanged: mutates-input"),
        "spoils its last argument": (spoils(-1), "gradient.inputs_unchanged: mutates-input"),
        "in one place": (in_one_place(), "gradient.result_is_its_own: stateful"),
        "other numbers at times": (
            sometimes(first(lambda dA: dA + 1e-3)), "gradient.no_state: nondeterministic",
        ),
        "another shape in another layout": (
            when(is_strided, first(np.ravel)), "gradient.layouts: layout-dependent",
        ),
        "other numbers in another layout": (
            when(is_strided, second(lambda db: 2 * db)), "gradient.layouts: layout-dependent",
        ),
    }  # fmt: skip


def failures(functions: tuple[Callable[..., Any], Callable[..., Any]], **options: Any) -> dict[str, str]:
    """By check, in order: the words for what is wrong."""
    with np.errstate(all="ignore"):
        found = check_vjp(*functions, *ARGS, effort="quick", **options)
    assert_well_said(found)
    return {
        each.check.removeprefix("vjp."): f": {each.mistake}" if each.mistake else ""
        for each in found
        if each.status == "failed"
    }


def odd_function(right: Callable[..., Any], change: Odd) -> Callable[..., Any]:
    return lambda *args: change(right(*(array.copy() for array in args)), *args)


def first_of(failed: dict[str, str]) -> str:
    return "".join(next(iter(failed.items()), ()))


@pytest.mark.parametrize("with_spec", [False, True])
@pytest.mark.parametrize("name", of_forward())
def test_odd_forward_passes_are_told(name: str, with_spec: bool) -> None:
    """By the first check that can see it; with a specification the forward pass is blamed alone."""
    change, *due = of_forward()[name]
    failed = failures((odd_function(forward, change), vjp), spec=forward if with_spec else None)
    assert first_of(failed) == due[with_spec]
    if with_spec:
        assert {check.partition(".")[0] for check in failed} == {"forward"}


@pytest.mark.parametrize("with_spec", [False, True])
@pytest.mark.parametrize("name", of_vjp())
def test_odd_vjps_are_told(name: str, with_spec: bool) -> None:
    """By the first check that can see it; the forward pass is never blamed."""
    change, due = of_vjp()[name]
    failed = failures((forward, odd_function(vjp, change)), spec=forward if with_spec else None)
    assert first_of(failed) == (due.replace("consistent", "values") if with_spec else due)
    assert {check.partition(".")[0].partition("[")[0] for check in failed} <= {"gradient"}


def test_right_functions_are_told_nothing() -> None:
    """The same two functions, undisturbed."""
    for spec in (None, forward):
        assert failures((forward, vjp), spec=spec) == {}
