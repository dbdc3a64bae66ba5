"""Other arithmetic with what a method is given: a term or a factor too many, or another formula of the same arrays.

A coefficient is estimated from the answers. What is found here gives every answer that it is held to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from reference.lab.contract import Message
from reference.lab.mistakes import scales
from reference.lab.mistakes.departures import SMALL, Array, Departure, Formula, Given, Parts, sigmoid, sums
from reference.lab.mistakes.plain import softmax
from reference.lab.mistakes.samples import with_empty_row
from reference.numerics.shapes import broadcasts

#: How exactly the coefficient of a term is known, and how near to a formula the numbers of one answer are.
_EXACT, _NEAR = 1e-8, 1e-9
#: How many formulas are held to all answers, at most: a choice of time.
_MOST = 20
_TERM = "Which terms does the formula add up, and which one stands in the code besides?"
_FACTOR = "Which factors has the formula, and which are another's?"
_FUNCTION = "Compare the code with the definition, operation by operation: which function is this?"
_SIGN = "Which sign has each factor of the formula, and where does it get lost?"
_COLUMNS = "Where does the loop over the columns begin, and where does it end?"
_ARGUMENT = "Which array does each step of the formula take?"
#: An answer, and what was given.
Case = tuple[Given, Parts]
Unary = Callable[[Array], Array]


def _of_the_largest(A: Array) -> Array:
    return np.asarray(np.eye(A.shape[1])[A.argmax(axis=1)])


def _of_the_smallest(A: Array) -> Array:
    return np.asarray(np.eye(A.shape[1])[A.argmin(axis=1)])


def _ones(A: Array) -> Array:
    return np.ones_like(A)


#: What is done to one array, entry by entry or row by row.
_UNARY: tuple[Unary, ...] = (
    *(lambda A: A, np.square, lambda A: np.sqrt(np.abs(A)), np.abs, np.sign, lambda A: 1.0 * (A > 0)),
    *(lambda A: 1.0 * (A <= 0), np.exp, lambda A: np.exp(-A), np.log, lambda A: 1 / A, lambda A: 1 - A),
    *(lambda A: A * (1 - A), lambda A: 1 - A**2, lambda A: np.maximum(A, 0), np.tanh, sigmoid),
    *(softmax, _of_the_largest, sums, lambda A: 1 / sums(A), _ones),
)
_BINARY: tuple[Callable[[Array, Array], Array], ...] = (
    *(np.multiply, np.add, np.subtract, lambda A, B: B - A, np.maximum, np.minimum),
)
#: What is made of an argument before the formula takes it.
_MADE: tuple[Unary, ...] = (
    *(lambda A: A, softmax, _of_the_largest, _of_the_smallest, sigmoid, np.tanh, np.exp, np.abs, np.square, np.sign),
    *(lambda A: np.maximum(A, 0), lambda A: np.sqrt(np.abs(A)), lambda A: 1 - A, lambda A: A * (1 - A), np.log),
)
#: What is done to a whole answer.
_ON_TOP: tuple[Unary, ...] = (
    *(np.tanh, sigmoid, np.exp, lambda A: np.exp(-A), np.square, lambda A: np.sqrt(np.abs(A))),
    *(lambda A: np.maximum(A, 0), softmax, np.sign, lambda A: 1 / A, np.log, np.log1p, np.expm1),
)
#: What is taken of one argument for a term, and how it is told.
_TERMS: tuple[tuple[str, Unary], ...] = (
    *(("{}", lambda A: A), ("the sign of {}", np.sign), ("the size of {}", np.abs), ("{} squared", np.square)),
)


@dataclass(frozen=True)
class _Basis:
    """An array made of what is given, of which arguments, and how it is told."""

    names: frozenset[str]
    of: Callable[[Given], Array]
    told: str = ""


def _single(name: str, of: Unary, told: str = "{}") -> _Basis:
    return _Basis(frozenset({name}), lambda given: of(given[name]), told.format(name))


def _terms(names: Sequence[str]) -> Iterator[_Basis]:
    for name in names:
        for told, of in _TERMS:
            yield _single(name, of, told)
            if name != "b":
                yield _single(name, lambda A, of=of: sums(of(A)), f"the sum of each row of {told}")  # type: ignore[misc]
                yield _single(name, lambda A, of=of: of(A).sum(axis=0), f"the sum of each column of {told}")  # type: ignore[misc]
            yield _single(name, lambda A, of=of: np.asarray(of(A).sum()), f"the sum of {told}")  # type: ignore[misc]
    yield _Basis(frozenset(), lambda given: np.ones(()), "1")


def _coefficient(basis: _Basis, number: int, cases: Sequence[tuple[Given, Array, Array]]) -> scales.Scale | None:
    """How often a term is added to one part of all answers; None if it is not, or not so often in each."""
    ratios, sizes = [], []
    for given, off, part in cases:
        term = basis.of(given)
        if not broadcasts(term.shape, part.shape) or not np.isfinite(term).all():
            return None
        term = np.broadcast_to(term, part.shape)
        at = np.unravel_index(int(np.argmax(np.abs(term))), term.shape)
        if not np.isfinite(off).all() or term[at] == 0 or off[at] == 0:
            return None
        ratio = float(off[at] / term[at])
        if not (np.abs(off - ratio * term) <= _NEAR * (np.abs(part).max() + np.abs(off).max())).all():
            return None
        ratios.append(ratio)
        sizes.append(scales.sizes_of(given))
    found = scales.fitting(ratios, sizes, within=_EXACT)
    if found is None or (not basis.names and abs(found.constant) < SMALL):
        return None
    return found


def by_arithmetic(
    message: Message, right: Formula, cases: Sequence[Case], wrong: Sequence[bool]
) -> Iterator[list[Departure]]:
    """What explains these answers, one kind after the other; ``wrong`` tells which are not right."""
    names = tuple(name for name in cases[0][0] if name in message.arguments)
    chosen = [case for case, is_wrong in zip(cases, wrong, strict=True) if is_wrong]
    if not chosen:
        return
    yield list(_extra_terms(right, chosen, tuple(cases[0][0])))
    if len(message.parts) > 1:
        yield list(_extra_factors_of_parts(right, cases, tuple(cases[0][0])))
        return
    yield list(_extra_factors(right, cases, names))
    if message.subject == "LinearLayer.delta":
        of_outputs = _instead("wrong-argument", _ARGUMENT, lambda g: right({**g, "delta_next": g["Y"]})[0], cases)
        yield [] if of_outputs is None else [of_outputs]
    if message.cls != "LinearLayer":
        yield list(_other_formulas(right, cases, names, loss=message.parts == ("loss",)))


def _extra_terms(right: Formula, cases: Sequence[Case], names: Sequence[str]) -> Iterator[Departure]:
    """The departure that adds something to the answer, or to a part of it, if there is one."""
    rights = [right(given) for given, _ in cases]
    added: list[tuple[_Basis, scales.Scale] | None] = []
    for number in range(len(cases[0][1])):
        off = [
            (given, parts[number] - np.reshape(due[number], parts[number].shape), parts[number])
            for (given, parts), due in zip(cases, rights, strict=True)
        ]
        clear = [each for each in off if np.abs(each[1]).max(initial=0) > _NEAR * np.abs(each[2]).max(initial=0)]
        if not clear:
            added.append(None)
            continue
        found = ((basis, _coefficient(basis, number, clear)) for basis in _terms(names))
        first = next(((basis, scale) for basis, scale in found if scale is not None), None)
        if first is None:
            return
        added.append(first)

    def change(formula: Formula) -> Formula:
        def changed(given: Given) -> Parts:
            sizes = scales.sizes_of(given)
            return tuple(
                part if each is None else part + each[1].of(sizes) * each[0].of(given)
                for part, each in zip(formula(given), added, strict=True)
            )

        return changed

    told = {f"coefficient of {each[0].told}": str(each[1]) for each in added if each is not None}
    if told:
        yield Departure("extra-term", _TERM, change, told, specific=True)


def _scaled(of: Callable[[Given], Array], cases: Sequence[Case]) -> scales.Scale | None:
    """The factor by which a formula differs from all answers, of one part; None if there is none."""
    ratios, sizes = [], []
    for given, (answer, *_) in cases:
        try:
            found = np.asarray(of(given), dtype=np.float64)
        except (ValueError, IndexError, np.linalg.LinAlgError):
            return None
        if not broadcasts(found.shape, answer.shape):
            return None
        found = np.broadcast_to(found, answer.shape)
        finite = np.isfinite(found) & np.isfinite(answer)
        clear = finite & (found != 0)
        if not clear.any():
            continue
        at = np.unravel_index(int(np.argmax(np.where(clear, np.abs(found), -1))), found.shape)
        ratio = float(answer[at] / found[at])
        if ratio == 0 or not (np.abs(answer - ratio * found)[finite] <= _NEAR * np.abs(answer[at])).all():
            return None
        ratios.append(ratio)
        sizes.append(scales.sizes_of(given))
    return scales.fitting(ratios, sizes, within=_NEAR) if ratios else None


def _instead(word: str, hint: str, of: Callable[[Given], Array], cases: Sequence[Case]) -> Departure | None:
    scale = _scaled(of, cases)
    if scale is None:
        return None
    told = {} if scale.is_one else {"factor": str(scale)}

    def formula(given: Given) -> Parts:
        return (scale.of(scales.sizes_of(given)) * of(given),)

    return Departure(word, hint, lambda _: formula, told, specific=True)


def _extra_factors(right: Formula, cases: Sequence[Case], names: Sequence[str]) -> Iterator[Departure]:
    """The right answer times something of what is given, or another function of it."""
    for name, of in product(names, _UNARY):
        factor = _single(name, of).of
        found = _instead(
            *(("sign", _SIGN) if of is np.sign else ("wrong-function", _FACTOR)),
            lambda given, factor=factor: right(given)[0] * factor(given),  # type: ignore[misc]
            cases,
        )
        if found is not None:
            yield found
    for of in _ON_TOP:
        found = _instead("wrong-function", _FUNCTION, lambda given, of=of: of(right(given)[0]), cases)  # type: ignore[misc]
        if found is not None:
            yield found


def _extra_factors_of_parts(right: Formula, cases: Sequence[Case], names: Sequence[str]) -> Iterator[Departure]:
    """The right answer with a factor too many in one of its parts."""
    for number in range(len(cases[0][1])):
        of_part = [(given, (parts[number],)) for given, parts in cases]
        if _scaled(lambda given, number=number: right(given)[number], of_part) is not None:  # type: ignore[misc]
            continue
        others = [
            ("wrong-function", _FACTOR, _times(number, right, _single(*each).of)) for each in product(names, _UNARY)
        ]
        others += [("wrong-argument", _ARGUMENT, _of_other_delta(number, right, of)) for of in _OUTPUTS]
        for word, hint, formula in others:
            scale = _scaled(formula, of_part)
            if scale is not None:
                told = {} if scale.is_one else {"factor": str(scale)}
                yield Departure(word, hint, _with_part(number, formula, scale), told, specific=True)


#: What stands beside the gradient that comes from the next layer, and may be taken for it.
_OUTPUTS: tuple[Callable[[Given], Array], ...] = (
    *(lambda g: g["X"] @ g["W"] + g["b"], lambda g: g["X"] @ g["W"]),
    lambda g: g["delta_next"] - g["X"] @ g["W"] - g["b"],
)


def _times(number: int, right: Formula, factor: Callable[[Given], Array]) -> Callable[[Given], Array]:
    return lambda given: np.asarray(right(given)[number] * factor(given))


def _of_other_delta(number: int, right: Formula, of: Callable[[Given], Array]) -> Callable[[Given], Array]:
    return lambda given: right({**given, "delta_next": of(given)})[number]


def _with_part(number: int, of: Callable[[Given], Array], scale: scales.Scale) -> Callable[[Formula], Formula]:
    """Another formula in the place of one part of an answer."""

    def change(formula: Formula) -> Formula:
        def changed(given: Given) -> Parts:
            its = scale.of(scales.sizes_of(given)) * of(given)
            return tuple(its if n == number else part for n, part in enumerate(formula(given)))

        return changed

    return change


def _atoms(given: Given, names: Sequence[str]) -> Mapping[str, Array]:
    found = {name: given[name] for name in names}
    if "T" in given and given["X"].min() < 0:  # logits
        found["probabilities"] = softmax(given["X"])
    return found


def _pairs(
    names: Sequence[str], case: Case, *, loss: bool
) -> Iterator[tuple[frozenset[str], Callable[[Given], Array]]]:
    """Every operation on two arrays that gives one answer, but for a factor; of a loss, the sum over its rows."""
    given, (answer, *_) = case
    atoms = _atoms(given, names)
    made = {(name, n): np.asarray(of(array)) for name, array in atoms.items() for n, of in enumerate(_UNARY)}
    for (one, n), (other, m) in product(made, made):
        if one == other:
            continue
        for operation in _BINARY:
            found = operation(made[one, n], made[other, m])
            found = sums(found) if loss else found
            if found.shape == answer.shape and _is_multiple(found, answer):
                yield frozenset({one, other}), _pair(names, (one, n), (other, m), operation, loss=loss)


def _is_multiple(found: Array, answer: Array) -> bool:
    at = np.unravel_index(int(np.argmax(np.abs(answer))), answer.shape)
    if not np.isfinite(found).all() or found[at] == 0 or answer[at] == 0:
        return False
    return bool((np.abs(answer - answer[at] / found[at] * found) <= _NEAR * np.abs(answer[at])).all())


def _pair(
    names: Sequence[str],
    one: tuple[str, int],
    other: tuple[str, int],
    operation: Callable[[Array, Array], Array],
    *,
    loss: bool,
) -> Callable[[Given], Array]:
    def of(given: Given) -> Array:
        atoms = _atoms(given, names)
        found = operation(_UNARY[one[1]](atoms[one[0]]), _UNARY[other[1]](atoms[other[0]]))
        return sums(found) if loss else found

    return of


def _other_formulas(right: Formula, cases: Sequence[Case], names: Sequence[str], *, loss: bool) -> Iterator[Departure]:
    """Another formula of the same arguments: one operation on what is made of each, or exchanged arguments."""
    exchanged = [
        _instead(word, hint, lambda given, change=change: right(change(given))[0], cases)  # type: ignore[misc]
        for word, hint, change in _exchanged(names)
    ]
    if any(exchanged):
        yield from (each for each in exchanged if each is not None)
        return
    whole = [case for case in cases if np.isfinite(case[1][0]).all()]
    if not whole or len(names) < 2:  # noqa: PLR2004 - two arrays are combined
        return
    telling = max(whole, key=lambda case: len(np.unique(case[1][0])))
    for number, (_, of) in enumerate(_pairs(names, telling, loss=loss)):
        if number == _MOST:
            return
        found = _instead("wrong-function", _FUNCTION, of, cases)
        if found is not None:
            yield found


def _exchanged(names: Sequence[str]) -> Iterator[tuple[str, str, Callable[[Given], Given]]]:
    """Words, hints, and how the arguments are changed: exchanged, one taken for another, or made something else."""
    one, *others = names
    for other in others:
        yield "arguments-swapped", _ARGUMENT, lambda g, o=other: {**g, one: g[o], o: g[one]}  # type: ignore[misc]
        if other == "T":
            yield "wrong-argument", _ARGUMENT, lambda g: {**g, "T": softmax(g["T"])}
    for name, other in permutations(names, 2):
        # Without delta_next it is one that is ignored.
        for of in _MADE if name != "delta_next" else ():
            yield "wrong-argument", _ARGUMENT, lambda g, n=name, o=other, of=of: {**g, n: of(g[o])}  # type: ignore[misc]
    for name in names:
        for of in _MADE[1:]:
            word = "wrong-argument" if name == "T" else "sign" if of is np.abs else "wrong-function"
            yield word, _FUNCTION, lambda g, n=name, of=of: {**g, n: of(g[n])}  # type: ignore[misc]
    if "delta_next" in names and "Y" in names:
        for operation in _BINARY:
            yield "wrong-function", _FUNCTION, lambda g, o=operation: {**g, "delta_next": o(g["delta_next"], g["Y"])}  # type: ignore[misc]
    for name, column in product({"T", "delta_next"} & set(names), (-1, 0)):
        yield "term-missing", _COLUMNS, lambda g, n=name, c=column: {**g, n: with_empty_row(g[n].T, c).T}  # type: ignore[misc]
