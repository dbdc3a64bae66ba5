"""As `tests.question_saboteurs`, for how a method is used: sizes, magnitudes, dtypes, orders, many calls."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.spoiling import Given, Make, Method, Predicate, Saboteur, rows, where, wrong_after

#: One message of each class, and each of a linear layer.
_MESSAGES = (
    "linear.forward", "linear.delta", "linear.grad", "relu.forward", "relu.delta", "softmax.forward", "softmax.delta",
    "cross_entropy.forward", "cross_entropy.delta", "logits.forward", "logits.delta",
)  # fmt: skip


def _in_rows(first: int, answer: Any) -> Any:
    """A thousandth more in the rows from some row on."""
    array = answer[0] if isinstance(answer, list) else answer
    array[first:] *= 1.001
    return answer


def _last_chunk(size: int) -> Make:
    """Wrong in the last, partial chunk of samples."""
    return where(
        lambda g: len(g.first) > size and len(g.first) % size > 0,
        lambda answer: _in_rows(len(answer) - len(answer) % size, answer),
    )


#: Large and in between, along each axis.
SIZES = [
    *(
        Saboteur(f"{n} samples or more", message, "any_size", where(lambda g, n=n: len(g.first) >= n))
        for message in _MESSAGES
        for n in (9, 64, 1000)
    ),
    *(
        Saboteur(f"{k} classes or more", message, "any_size", where(lambda g, k=k: g.first.shape[1] >= k))
        for message in ("softmax.forward", "softmax.delta", "cross_entropy.forward", "cross_entropy.delta",
                        "logits.forward", "logits.delta")
        for k in (10, 11, 500)
    ),
    *(
        row
        for message in ("linear.forward", "linear.delta", "linear.grad")
        for row in rows(message, "any_size", {
            "more than 64 units": lambda g: g.W.shape[1] > 64,
            "more than 256 units": lambda g: g.W.shape[1] >= 256,
            "500 inputs or more": lambda g: g.W.shape[0] >= 500,
            "more than 64 of each": lambda g: min(len(g.first), *g.W.shape) > 64,
        })
    ),
    *(
        Saboteur(f"the last chunk of {n}", message, "any_size", _last_chunk(n))
        for message in ("linear.forward", "softmax.forward", "logits.delta")
        for n in (32, 100)
    ),
    Saboteur(
        "a counter of eight bits", "linear.grad", "any_size",
        where(lambda g: len(g.X) > 127, lambda answer: [each * -1.0 for each in answer]),
    ),
]  # fmt: skip


def _clipped(most: float) -> Callable[[Any], Any]:
    return lambda answer: (
        [_clipped(most)(each) for each in answer] if isinstance(answer, list) else np.clip(answer, -most, most)
    )


def _with_threshold(epsilon: float) -> Make:
    """A mask that takes outputs up to epsilon for 0."""

    def make(method: Method) -> Method:
        @functools.wraps(method)
        def wrong(self: Any, Y: Any, delta_next: Any) -> Any:
            return method(self, Y=np.where(np.less_equal(Y, epsilon), 0, Y), delta_next=delta_next)

        return wrong

    return make


def _has_zero(name: str, *, minus: bool) -> Predicate:
    def test(g: Given) -> bool:
        array = vars(g)[name]
        return bool(((array == 0) & (np.signbit(array) == minus)).any())

    return test


MAGNITUDES = [
    *(
        Saboteur(f"clipped at {most:g}", message, "any_magnitude", where(lambda g: True, _clipped(most)))
        for message, sizes in (
            ("relu.forward", (1e9, 1e20, 1e100, 1e299)), ("relu.delta", (1e8, 1e20, 1e299)),
            ("linear.forward", (1e20, 1e30)), ("linear.delta", (1e20, 1e30)), ("linear.grad", (1e20, 1e30)),
            ("softmax.delta", (1e6, 1e20)),
        )
        for most in sizes
    ),
    *(
        Saboteur(f"on above {epsilon:g}", "relu.delta", "any_magnitude", _with_threshold(epsilon))
        for epsilon in (1e-15, 1e-100, 1e-300, 1e-322)
    ),
    *(
        Saboteur(f"{'minus ' * minus}0 in {name}", message, "any_magnitude", where(_has_zero(name, minus=minus)))
        for message, names in (("linear.forward", "X W b"), ("linear.delta", "W delta_next"),
                               ("linear.grad", "X delta_next"))
        for name in names.split()
        for minus in (False, True)
    ),
]  # fmt: skip


def _raises(answer: Any) -> Any:
    raise TypeError("float32 and float64")


def _rounded(answer: Any) -> Any:
    """The answer with the digits of single precision, in double."""
    if isinstance(answer, list):
        return [_rounded(each) for each in answer]
    return answer.astype(np.float32).astype(np.float64)


def _as_in_the_lab(g: Given) -> bool:
    """Inputs or targets in single precision, all else in double."""
    single = {name for name, array in vars(g).items() if getattr(array, "dtype", None) == np.float32}
    double = {name for name, array in vars(g).items() if getattr(array, "dtype", None) == np.float64}
    return bool(single & {"X", "T"}) and bool(double - {"numbers"})


def _scaled(answer: Any, factor: float) -> Any:
    return [each * factor for each in answer] if isinstance(answer, list) else answer * factor


def _single(answer: Any) -> Any:
    return [_single(each) for each in answer] if isinstance(answer, list) else answer.astype(np.float32)


DTYPES = [
    Saboteur(name, message, "lab_dtypes", where(_as_in_the_lab, change))
    for message in ("linear.forward", "linear.grad", "cross_entropy.forward", "cross_entropy.delta", "logits.forward",
                    "logits.delta")
    for name, change in (
        ("raises for mixed dtypes", _raises),
        ("half as much again for mixed dtypes", lambda answer: _scaled(answer, 1.5)),
        ("the other sign for mixed dtypes", lambda answer: _scaled(answer, -1.0)),
        ("rounds to single precision", _rounded),
        ("answers in single precision", _single),
    )
]  # fmt: skip


def _takes_first(name: str) -> Make:
    """The arguments in the other order, without their names."""

    def make(method: Method) -> Method:
        if name == "Y":

            def backwards(self: Any, delta_next: Any, Y: Any) -> Any:
                return method(self, Y=Y, delta_next=delta_next)

            return backwards
        if name == "T":

            def targets_first(self: Any, T: Any, X: Any) -> Any:
                return method(self, X=X, T=T)

            return targets_first

        def delta_first(self: Any, delta_next: Any, X: Any) -> Any:
            return method(self, X=X, delta_next=delta_next)

        return delta_first

    return make


ORDERS = [
    Saboteur("its arguments in the other order", message, "by_position", _takes_first(name))
    for message, name in (
        ("linear.delta", "Y"), ("linear.grad", "X"), ("relu.delta", "Y"), ("softmax.delta", "Y"),
        ("cross_entropy.forward", "T"), ("cross_entropy.delta", "T"), ("logits.forward", "T"), ("logits.delta", "T"),
    )
]  # fmt: skip


def _remembers(key: Callable[[Any], Any], *, only_last: bool = False) -> Make:
    """Gives the answer again that it gave to the first arguments of the same key, or to the last ones of all."""

    def make(method: Method) -> Method:
        @functools.wraps(method)
        def wrong(self: Any, **arguments: Any) -> Any:
            given = tuple(key(array) for array in arguments.values())
            answers = vars(self).setdefault("answers", {})
            if given not in answers:
                if only_last:
                    answers.clear()
                answers[given] = method(self, **arguments)
            answer = answers[given]
            return [each.copy() for each in answer] if isinstance(answer, list) else answer.copy()

        return wrong

    return make


def _after(calls: int) -> Callable[[Sequence[Given], Given], bool]:
    return lambda before, given: len(before) >= calls


def _stale(name: str) -> Make:
    """Uses the parameter that it saw first."""

    def make(method: Method) -> Method:
        @functools.wraps(method)
        def wrong(self: Any, **arguments: Any) -> Any:
            now = getattr(self, name)
            vars(self).setdefault("first", now.copy())
            setattr(self, name, self.first)
            try:
                return method(self, **arguments)
            finally:
                setattr(self, name, now)

        return wrong

    return make


USES = [
    *(Saboteur("cached by shape", message, "no_state long_use", _remembers(np.shape)) for message in _MESSAGES),
    *(Saboteur("cached by identity", message, "long_use", _remembers(id)) for message in _MESSAGES),
    *(Saboteur("the last one kept by identity", message, "long_use", _remembers(id, only_last=True))
      for message in _MESSAGES),
    *(
        Saboteur("cached by its first sample", message, "long_use",
                 _remembers(lambda array: (array.shape, array[0].tobytes())))
        for message in _MESSAGES
    ),
    *(
        Saboteur("cached by its sum", message, "long_use",
                 _remembers(lambda array: (array.shape, round(float(array.sum()), 9))))
        for message in ("linear.forward", "linear.delta", "relu.forward", "relu.delta", "softmax.forward")
    ),
    *(Saboteur(f"wrong after {n} calls", message, "long_use", wrong_after(_after(n)))
      for message in _MESSAGES for n in (10, 14)),
    Saboteur("weights as they were at first", "linear.forward", "long_use", _stale("W")),
    Saboteur("biases as they were at first", "linear.forward", "long_use", _stale("b")),
    Saboteur("weights as they were at first", "linear.delta", "long_use", _stale("W")),
]  # fmt: skip

SABOTEURS = [*SIZES, *MAGNITUDES, *DTYPES, *ORDERS, *USES]
