"""For each kind of question about a layer or a loss: a coding that is right on all questions but those.

Every row says which of the message's checks must see the coding; all its other checks must pass it. So whoever weakens
a question, or drops it, fails a test that has its name; and so does who asks it in another check as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.spoiling import (
    LAYOUTS,
    Given,
    Saboteur,
    answers_with_its_argument,
    at,
    keeps_its_memory,
    mixes_rows,
    multiples,
    rows,
    shape,
    size,
    sizes,
    up_to,
    weighs_by_place,
    where,
    writes_into,
    wrong_after,
)  # fmt: skip

#: N, D, U of the questions that most checks ask, and of those of checks that begin with small ones.
_N, _D, _U = 3, 2, 4
_UPWARDS = ((1, 1, 2), (2, 1, 2), (2, 2, 2), (_N, _D, _U))


def _words(axes: tuple[int, int, int]) -> str:
    return f"{axes[0]} x {axes[1]} inputs, {axes[2]} units"


_CAUGHT_BY_SIZE = {
    "small_sizes": ((1, 1, 1), (1, 1, 2), (1, 1, 3), (1, 2, 1), (1, 2, 2), (1, 3, 4), (2, 1, 1), (2, 1, 2), (2, 1, 3),
                    (3, 2, 1), (3, 3, 3), (4, 4, 4), (5, 3, 2)),
    "small_sizes layouts": ((2, 2, 2),),
    "values": ((5, 4, 3), (2, 5, 7), (8, 6, 5)),
    "values single_precision layouts no_state large_inputs long_use": ((_N, _D, _U),),
}  # fmt: skip
SIZES = [
    Saboteur(_words(axes), "linear.forward", caught, where(sizes(*axes)))
    for caught, every in _CAUGHT_BY_SIZE.items()
    for axes in every
]


def _one_class(g: Given) -> bool:
    """All targets are the same; rows that are one row repeated are for another check."""
    return bool((g.T[0] == g.T).all()) and g.T.flags.c_contiguous


#: Ordinary questions are made of short numbers, of ordinary ones, and of all sizes; small ones of the first two.
NUMBERS = [
    *rows("linear.forward", "values", {
        "short numbers, 8 samples": lambda g: len(g.X) == 8 and multiples(g.numbers, 1 / 8),
        "all 53 bits, 8 samples": lambda g: len(g.X) == 8 and not multiples(g.X, 1 / 8) and size(g.numbers) < 10,
        "numbers below 1e-8 among others": lambda g: bool((np.abs(g.numbers) < 1e-8).any()),
        "numbers from 1e4 to 1e7": lambda g: 1e4 < size(g.numbers) < 1e7,
    }),
    *rows("softmax.forward", "values", {"logits between 15 and 30": at((8, 5), up_to(30))}),
    *rows("logits.forward", "values", {"logits between 15 and 30": at((8, 5), up_to(30))}),
    *rows("softmax.delta", "values", {"cotangents between 15 and 30": lambda g: up_to(30)(g.delta_next)}),
    *rows("cross_entropy.delta", "values", {"probabilities below 1e-10": at((8, 5), lambda P: P.min() < 1e-10)}),
    *rows("linear.forward", "small_sizes", {
        "one sample of short numbers": lambda g: len(g.X) == 1 and multiples(g.numbers, 1 / 8),
        "one sample with all 53 bits": lambda g: len(g.X) == 1 and not multiples(g.numbers, 1 / 8),
    }),
    *rows("linear.forward", "single_precision lab_dtypes", {
        "inputs in single precision": lambda g: g.X.dtype == np.float32,
    }),
    *rows("linear.forward", "single_precision", {
        "biases in single precision": lambda g: g.b.dtype == np.float32,
    }),
    *rows("linear.delta", "single_precision", {"weights in single precision": lambda g: g.W.dtype == np.float32}),
    *rows("linear.grad", "single_precision", {"cotangents in single": lambda g: g.delta_next.dtype == np.float32}),
    *rows("logits.delta", "single_precision lab_dtypes", {
        "targets in single precision": lambda g: g.T.dtype == np.float32,
    }),
    *rows("cross_entropy.forward", "one_class", {
        "two samples of one class": lambda g: g.X.shape == (2, 2) and _one_class(g),
    }, perhaps="samples_independent"),  # among strangers a sample may be of their class
    *rows("logits.delta", "one_class", {
        "three samples of one class": lambda g: g.X.shape == (_N, _U) and _one_class(g),
    }),
    *rows("linear.grad", "averaged", {"each sample twice": lambda g: len(g.X) == 2 * _N}),
]  # fmt: skip


#: What an answer looks like, and whose memory it is.
FORMS = [
    Saboteur(
        f"no answer to {_words((_N, _D, _U))}", "linear.forward",
        "answers types repeatable values single_precision layouts no_state large_inputs long_use",
        where(sizes(_N, _D, _U), lambda answer: None),
    ),
    *(
        Saboteur(f"{name} {_words(axes)}", "linear.forward", caught, make)
        for axes in _UPWARDS
        for name, caught, make in (
            ("answers flat to", "types", where(sizes(*axes), np.ravel)),
            ("writes into", "inputs_unchanged", writes_into("X", sizes(*axes))),
            ("one memory for answers to", "result_is_its_own", keeps_its_memory(sizes(*axes))),
        )
    ),
    *(
        Saboteur(f"writes into {name}", message, "inputs_unchanged", writes_into(name, lambda g: True))
        for name, message in (("Y", "softmax.delta"), ("delta_next", "relu.delta"), ("T", "cross_entropy.delta"))
    ),
    Saboteur(
        "one memory for answers with zeros in them", "relu.forward", "result_is_its_own",
        keeps_its_memory(at((_N, _U), lambda X: X.min() < 0)),
    ),
    Saboteur(
        "gives positive inputs back", "relu.forward", "result_is_its_own", answers_with_its_argument(shape(_N, _U))
    ),
]  # fmt: skip

IN_MEMORY = [
    *(
        Saboteur(
            f"{name}, {n} samples", "linear.forward", "layouts", where(lambda g, n=n, f=f: len(g.X) == n and f(g.X))
        )
        for name, f in LAYOUTS.items()
        for n in (2, _N)
    ),
    *(
        Saboteur(f"delta_next, {name}", "relu.delta", "layouts", where(lambda g, f=f: f(g.delta_next)))
        for name, f in LAYOUTS.items()
    ),
    *rows("logits.forward", "layouts", {"targets in Fortran order": lambda g: LAYOUTS["Fortran order"](g.T)}),
]

#: Wrong codings of forward that delta and grad, being right, must not belong to.
OWN_FORWARD = [
    *(
        Saboteur(f"forward of {_words(axes)}", message, "derivative_of_own_forward", where(sizes(*axes)), "forward")
        for message in ("linear.delta", "linear.grad")
        for axes in ((1, 1, 2), (2, 2, 2), (_N, _D, _U))
    ),
    *(
        Saboteur("forward", message, "derivative_of_own_forward", where(shape(_N, _U)), "forward")
        for message in ("relu.delta", "softmax.delta", "cross_entropy.delta", "logits.delta")
    ),
]


def _another_of_that_size(before: Sequence[Given], given: Given) -> bool:
    last = before[-1] if before else given
    of_that_size = last.method == "delta" and last.first.shape == given.first.shape
    return of_that_size and bool((last.first != given.first).any())


def _the_same(before: Sequence[Given], given: Given) -> bool:
    return any(np.array_equal(each.first, given.first) for each in before)


def _forward_of(n: int) -> Callable[[Sequence[Given], Given], bool]:
    return lambda before, _: bool(before) and before[-1].method == "forward" and len(before[-1].X) == n


def _larger(before: Sequence[Given], given: Given) -> bool:
    return any(each.method == "delta" and len(each.first) > _N for each in before)


#: What the answer to a sample must not depend on: other samples, their order, what was asked before.
BATCHES = [
    Saboteur("another batch of that size before", "softmax.delta", "no_state", wrong_after(_another_of_that_size)),
    Saboteur("the same batch before", "linear.grad", "no_state", wrong_after(_the_same)),
    Saboteur("a larger batch before", "linear.delta", "no_state", wrong_after(_larger)),
    *(
        Saboteur(f"forward of {n} samples before", "relu.delta", "no_state", wrong_after(_forward_of(n)))
        for n in (_N, _N + 1)
    ),
    *(
        Saboteur(f"sample {row} of {_words(axes)}", "linear.forward", caught, mixes_rows(row, sizes(*axes)))
        for caught, row, axes in (
            ("samples_independent small_sizes", 0, (2, 1, 2)), ("samples_independent", 1, (2, 2, 3)),
            ("samples_independent order_of_samples", 0, (4, 3, 5)),
            ("samples_independent order_of_samples", 3, (4, 3, 5)),
        )
    ),
    Saboteur("the order of samples", "linear.forward", "order_of_samples", weighs_by_place("X", sizes(4, 3, 5))),
    Saboteur("the order of samples", "linear.grad", "order_of_samples", weighs_by_place("delta_next", sizes(4, 3, 5))),
    *(
        Saboteur(
            "a sum of cotangents", message, "linear_in_delta_next",
            where(lambda g: len(g.first) == _N and size(g.delta_next) > 2 and multiples(g.delta_next, 1 / 8)),
        )
        for message in ("linear.delta", "linear.grad", "relu.delta", "softmax.delta")
    ),
]  # fmt: skip

SABOTEURS = [*SIZES, *NUMBERS, *FORMS, *IN_MEMORY, *OWN_FORWARD, *BATCHES]
