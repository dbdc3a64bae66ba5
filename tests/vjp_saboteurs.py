"""As `tests.question_saboteurs`, for what `check_vjp` asks: 3 x and its gradient, right except on one kind of input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.engine import Effort
from tests.spoiling import LAYOUTS, multiples, size, up_to

Kind = Callable[[Any], Any]
#: Like no drawn numbers: beyond the short ones, and close together. So many that the largest drawn are near the most.
GIVEN = 7 + np.arange(48.0).reshape(6, 8) / 32


@dataclass(frozen=True)
class Inputs:
    """A kind of input.

    Attributes
    ----------
    name
        In words.
    kind
        Whether an input is of that kind.
    effort
        The least effort with which it is asked.
    args
        What is given: the last is asked of.
    domain
        Of each argument.
    caught
        The checks that see a wrong gradient, where that of its values is not alone: equal numbers and zeros have one of
        their own.
    """

    name: str
    kind: Kind
    effort: Effort = "quick"
    args: tuple[Any, ...] = (GIVEN,)
    domain: tuple[Any, ...] | None = None
    caught: str | None = None


@dataclass(frozen=True)
class Calls:
    """A wrong pair of functions, and the checks that must see it."""

    name: str
    forward: Callable[..., Any]
    vjp: Callable[..., Any]
    caught: str
    effort: Effort = "quick"
    args: tuple[Any, ...] = (GIVEN,)


def _short(x: Any) -> bool:
    return multiples(x, 1 / 8) and size(x) <= 2 and bool((x != 0).all())


def _ahead(lead: float) -> Kind:
    def kind(x: Any) -> bool:
        first, others = np.split(np.atleast_2d(x), [1], axis=1)
        return bool((np.abs(first - lead) <= 2).all()) and bool((np.abs(others) <= 2).all())

    return kind


def _all_sizes(x: Any) -> bool:
    return bool((x != 0).all()) and size(x) > 5e3 and float(np.abs(x).min()) < 1e-4


def _as_given(x: Any) -> bool:
    return bool((np.abs(x - GIVEN.mean()) < 1).all())


_SINGLE = GIVEN.astype(np.float32)
_INSIDE, _ABOVE, _BELOW = (0.0, 1.0), (1.0, np.inf), (-np.inf, -1.0)
INPUTS = [
    Inputs("as given", _as_given),
    Inputs("short numbers", lambda x: _short(x) and len(set(x.flat)) > 2),
    Inputs("ties", lambda x: set(x.flat) == {-0.5, 1.0}, caught="gradient.ties"),
    Inputs(
        "some zeros",
        lambda x: multiples(x, 1 / 8) and size(x) <= 2 and 0 < (x == 0).sum() < x.size,
        caught="gradient.ties",
    ),
    Inputs("nothing but zeros", lambda x: not x.any(), "normal", caught="gradient.ties"),
    Inputs("ordinary numbers", lambda x: not multiples(x, 1 / 16) and 0.5 < size(x) < 6),
    *(Inputs(f"numbers up to {most:g}", up_to(most)) for most in (30.0, 745.0, 1e300)),
    *(
        Inputs(f"numbers up to {most:g}", up_to(most, 0.75), "normal")
        for most in (1e-100, 1e-8, 1e-3, 1e3, 1e4, 1e8, 1e30, 1e100)
    ),
    Inputs("one entry ahead by 36", _ahead(36)),
    *(Inputs(f"one entry ahead by {lead}", _ahead(lead), "normal") for lead in (20, 500)),
    Inputs("numbers of all sizes", _all_sizes, "normal"),
    Inputs("short numbers of a second argument", _short, args=(GIVEN, GIVEN + 2)),
    Inputs("a second argument up to 1e300", up_to(1e300), args=(GIVEN, GIVEN)),
    Inputs("single precision up to 1e18", up_to(1.01e18, 0.98), args=(_SINGLE,)),
    Inputs("single precision up to 1e-18", up_to(1.01e-18, 0.98), "normal", args=(_SINGLE,)),
    Inputs("single precision ahead by 36", _ahead(36), args=(_SINGLE,)),
    Inputs("a short number without axes", _short, args=(7.5,)),
    Inputs("a number without axes ahead by 36", _ahead(36), args=(7.5,)),
    Inputs("a huge number without axes", lambda x: size(x) > 1e290, args=(7.5,)),
    Inputs("the lower edge of (0, 1)", lambda x: x.min() < 1e-300, args=(1 / GIVEN,), domain=(_INSIDE,)),
    Inputs("the upper edge of (0, 1)", lambda x: x.max() > 1 - 1e-15, args=(1 / GIVEN,), domain=(_INSIDE,)),
    Inputs(
        "the middle of (0, 1)", lambda x: (x == 0.5).any(), args=(1 / GIVEN,), domain=(_INSIDE,), caught="gradient.ties"
    ),
    Inputs("the edge of (1, inf)", lambda x: x.min() < 1 + 1e-15, "normal", domain=(_ABOVE,)),
    Inputs("the far end of (1, inf)", lambda x: x.max() > 1e299, domain=(_ABOVE,)),
    Inputs("the edge of (-inf, -1)", lambda x: x.max() > -1 - 1e-15, "normal", args=(-GIVEN,), domain=(_BELOW,)),
    Inputs("the far end of (-inf, -1)", lambda x: x.min() < -1e299, args=(-GIVEN,), domain=(_BELOW,)),
]


def triple(*args: Any) -> Any:
    """Three times the last argument, and the sum of the others."""
    return sum(args[:-1], start=3 * args[-1])


def tripled(c: Any, *args: Any) -> tuple[Any, ...]:
    """The gradient of `triple`."""
    return (*(1 * c for _ in args[:-1]), 3 * c)


def definition(*args: Any) -> Any:
    """`triple`, for numpy's arrays alone."""
    return sum((np.positive(each) for each in args[:-1]), start=np.multiply(args[-1], 3))


def off_where(kind: Kind) -> Callable[..., Any]:
    """`triple`, a thousandth more where the last argument is of a kind."""
    return lambda *args: triple(*args) * _factor(kind, args[-1], args[-1]) + (_factor(kind, args[-1], args[-1]) - 1)


def off_gradient_where(kind: Kind) -> Callable[..., tuple[Any, ...]]:
    """`tripled`, the last gradient a thousandth more where the last argument is of a kind."""
    return lambda c, *args: (*tripled(c, *args)[:-1], 3 * c * _factor(kind, args[-1], c))


def _factor(kind: Kind, argument: Any, like: Any) -> Any:
    return np.asarray(1.001 if kind(argument) else 1, like.dtype)


def _cotangent(name: str, kind: Kind, caught: str, effort: Effort = "quick", least: float = 0.0) -> Calls:
    """Wrong for cotangents of a kind."""
    return Calls(name, triple, lambda c, x: (3 * c * _factor(kind, c, c) + least * kind(c),), caught, effort)


COTANGENTS = [
    _cotangent("short cotangents", _short, "gradient[0].values gradient.linear"),
    _cotangent(
        "cotangents with all 53 bits",
        lambda c: not multiples(c, 1 / 16) and size(c) > 1e-3,
        "gradient[0].values",
        "normal",
    ),
    _cotangent("sums of cotangents", lambda c: multiples(c, 1 / 16) and not multiples(c, 1 / 8), "gradient.linear"),
    _cotangent("small cotangents", lambda c: 0 < size(c) < 1e-6, "gradient.linear"),
    _cotangent("large cotangents", lambda c: size(c) > 1e6, "gradient.linear"),
    _cotangent("cotangents of 0", lambda c: not c.any(), "gradient.linear", least=1e-3),
    *(
        Calls(
            f"clips cotangents {name}",
            triple,
            lambda c, x, kind=kind: (3 * (c.clip(-1e6, 1e6) if kind(x) else c),),
            "gradient.linear",
        )
        for name, kind in {
            "of what is given": _as_given,
            "of short numbers": _short,
            "of ordinary numbers": lambda x: not multiples(x, 1 / 16) and 0.5 < size(x) < 6,
        }.items()
    ),
]

IN_MEMORY = [
    *(Calls(f"forward, {name}", off_where(f), tripled, "forward.layouts") for name, f in LAYOUTS.items()),
    *(Calls(f"gradient, {name}", triple, off_gradient_where(f), "gradient.layouts") for name, f in LAYOUTS.items()),
    *(
        _cotangent(f"cotangent, {name}", f, "gradient.layouts")
        for name, f in LAYOUTS.items()
        if name != "one row repeated"
    ),
]


def _writes(kind: Kind) -> Callable[..., Any]:
    """`triple`, which writes into its argument where that is of a kind and may be written to."""

    def forward(x: Any) -> Any:
        answer = triple(x)
        if kind(x) and x.flags.writeable:
            x += 1
        return answer

    return forward


def _writes_back(kind: Kind) -> Callable[..., Any]:
    def vjp(c: Any, x: Any) -> tuple[Any]:
        if kind(x) and c.flags.writeable:
            answer = 3 * c
            c += 1
            return (answer,)
        return (3 * c,)

    return vjp


def _one_memory(kind: Kind) -> Callable[..., Any]:
    """`triple`, whose answers to inputs of a kind are one array."""
    memory = np.empty(GIVEN.shape)

    def forward(x: Any) -> Any:
        if not (kind(x) and x.dtype == memory.dtype):
            return triple(x)
        memory[...] = triple(x)
        return memory

    return forward


_CALM = {
    "what is given": _as_given,
    "short numbers": lambda x: _short(x) and len(set(x.flat)) > 2,
    "ties": lambda x: set(x.flat) == {-0.5, 1.0},
    "ordinary numbers": lambda x: not multiples(x, 1 / 16) and 0.5 < size(x) < 6,
}
FORMS = [
    *(
        Calls(f"forward writes into {name}", _writes(kind), tripled, "forward.inputs_unchanged")
        for name, kind in _CALM.items()
    ),
    *(
        Calls(f"gradient writes into cotangents of {name}", triple, _writes_back(kind), "gradient.inputs_unchanged")
        for name, kind in _CALM.items()
    ),
    Calls(
        "one memory for short numbers and ordinary ones",
        _one_memory(lambda x: not _as_given(x)),
        tripled,
        "forward.result_is_its_own",
    ),
]

CALLS = [*COTANGENTS, *IN_MEMORY, *FORMS]
