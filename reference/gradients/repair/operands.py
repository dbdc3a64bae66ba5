"""What a missing term or factor can be made of: parts of the code, laid along the axes of the place that lacks it."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, product
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair import building as b
from reference.gradients.repair.view import Part
from reference.numerics.shapes import broadcasts

Array = NDArray[Any]
#: The number of a run, and how often the statement had been run before in it.
Case = tuple[int, int]
#: Operands of a place; what is made of two parts is made of so many of them.
_MOST, _MOST_OF_PAIRS, _MOST_OF_SHAPE = 600, 28, 8
_PLANE = 2


@dataclass(frozen=True)
class Operand:
    """An array that can be a factor of a missing term.

    Attributes
    ----------
    node
        The code for it.
    values
        Its values in some cases.
    cost
        How much code it takes, in parts.
    varies
        Whether it depends on the arguments or the cotangent.
    degree
        How often the cotangent stands in it: 1 where it doubles with the cotangent, else 0.
    """

    node: ast.expr
    values: tuple[Array, ...]
    cost: float
    varies: bool
    degree: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its value."""
        return self.values[0].shape

    def made(self, node: ast.expr, function: Callable[[Array], Any], cost: float) -> Operand | None:
        """Another one that is made of it."""
        values = _all(function, self.values)
        if values is None:
            return None
        return Operand(node, values, self.cost + cost, self.varies, self.degree)


def _all(function: Callable[..., Any], *columns: Sequence[Any]) -> tuple[Array, ...] | None:
    """What a function makes of the values in each case; None where that is no array of one shape and finite."""
    try:
        found = tuple(np.asarray(function(*row), dtype=np.float64) for row in zip(*columns, strict=True))
    except (ValueError, TypeError, IndexError):
        return None
    return found if all(np.isfinite(each).all() and each.shape == found[0].shape for each in found) else None


@dataclass(frozen=True)
class Operands:
    """All that a term or a factor of a place can be made of.

    Attributes
    ----------
    all
        The operands.
    simple
        How many of them are parts as they stand, which come first.
    arrays
        The entries of each in all cases, laid along the shape of the place.
    """

    all: list[Operand]
    simple: int
    arrays: Array


def operands(parts: Sequence[Part], cases: Sequence[Case], shape: tuple[int, ...], degree: int) -> Operands:
    """What reaches the shape of a place; ``degree`` is how often the cotangent stands in what is made of two parts."""
    known = list(_given(parts, cases))
    indices = list(_indices(parts))
    known += list(_by_indices(known, indices, shape))
    known += [replace(each, values=each.values * len(cases)) for each in _places(indices, shape)]
    simple = [laid for each in known for laid in _laid(each, shape)]
    more = [laid for each in _functions(known) for laid in _laid(each, shape, sums=False)]
    pairs = [
        laid for each in _of_pairs(_for_pairs(known, shape), shape, degree) for laid in _laid(each, shape, sums=False)
    ]
    simple, rest = _different(simple, []), [*more, *pairs]
    found = [*simple, *_different(rest, simple)][:_MOST]
    arrays = np.empty((len(found), len(cases), *shape))
    for number, each in enumerate(found):
        arrays[number] = [np.broadcast_to(value, shape) for value in each.values]
    return Operands(found, len(simple), arrays.reshape(len(found), len(cases) * math.prod(shape)))


def _for_pairs(known: Sequence[Operand], shape: tuple[int, ...]) -> list[Operand]:
    """The first operands, and some more that have the shape of the place: their products are summed the soonest."""
    rest = [each for each in known[_MOST_OF_PAIRS:] if each.shape == shape]
    return [*known[:_MOST_OF_PAIRS], *rest[:_MOST_OF_SHAPE]]


def _different(found: Sequence[Operand], known: Sequence[Operand]) -> list[Operand]:
    """The operands whose values no other has; of those that are the same, the first."""
    seen = {_key(each) for each in known}
    kept = []
    for each in found:
        key = _key(each)
        if key not in seen and not _is_constant(each):
            seen.add(key)
            kept.append(each)
    return kept


def _is_constant(operand: Operand) -> bool:
    first = operand.values[0].flat[0] if operand.values[0].size else 0.0
    return all((each == first).all() for each in operand.values)


def _key(operand: Operand) -> bytes:
    array = np.array(operand.values)
    size = float(np.abs(array).max(initial=0.0)) or 1.0
    return np.asarray(operand.shape).tobytes() + np.round(array / size, 9).tobytes()


def _given(parts: Sequence[Part], cases: Sequence[Case]) -> Iterator[Operand]:
    for part in parts:
        if (not part.shape and not part.varies) or np.asarray(part.value).dtype.kind == "c":
            continue  # a constant is found besides
        values = _all(part.at, *zip(*cases, strict=True))
        if values is not None and any(each.any() for each in values):
            cost = 1.0 if part.is_plain else 1.2
            yield Operand(part.node, values, cost, part.varies, int(part.is_of_cotangent))


def _indices(parts: Sequence[Part]) -> Iterator[Part]:
    """Arrays of indices, the same in all cases."""
    for part in parts:
        if part.is_plain and not part.varies and np.asarray(part.value).dtype.kind in "iu" and len(part.shape) == 1:
            yield part


def _by_indices(known: Sequence[Operand], indices: Sequence[Part], shape: tuple[int, ...]) -> Iterator[Operand]:
    """Parts whose entries are added up by an index, or taken by one."""
    for index, operand in product(indices, known):
        if not operand.shape or not index.value.size or index.value.min() < 0:
            continue
        most = int(index.value.max())
        if operand.shape[0] == index.shape[0] and operand.shape[1:] == shape[1:] and shape and shape[0] > most:
            rows = np.eye(shape[0])[index.value].T
            unit = b.numpy("eye", b.number(shape[0]))
            node = b.attribute(b.entry(unit, index.node), "T")
            added = ast.BinOp(node, ast.MatMult(), operand.node)
            made = operand.made(added, partial(np.matmul, rows), 0.5)
            if made is not None:
                yield made
        if operand.shape[0] > most and shape and shape[0] == index.shape[0]:
            taken = b.entry(operand.node, index.node)
            made = operand.made(taken, itemgetter(index.value), 0.3)
            if made is not None:
                yield made


def _places(known: Sequence[Part], shape: tuple[int, ...]) -> Iterator[Operand]:
    """1 at the entry of each row that an index tells, and 0 elsewhere: where the code stores into these entries."""
    for index in known:
        values = index.value
        if (
            len(shape) == _PLANE
            and index.shape == shape[:1]
            and len(values)
            and 0 <= values.min() <= values.max() < shape[1]
        ):
            node = b.entry(b.numpy("eye", b.number(shape[1])), index.node)
            # As simple as an array at hand: it is a way to write where a term goes.
            yield Operand(node, (np.eye(shape[1])[values],), 1.0, varies=False)


#: Functions of a part that a formula may need: the derivatives of elementary functions among them.
_FUNCTIONS: tuple[tuple[str, Callable[[Array], Any], float], ...] = (
    ("cos", np.cos, 0.5),
    ("sin", np.sin, 0.5),
    ("exp", np.exp, 0.5),
    ("tanh", np.tanh, 0.5),
    ("log", np.log, 0.6),
    ("cosh", np.cosh, 0.7),
    ("sign", np.sign, 0.6),
)


def _functions(known: Sequence[Operand]) -> Iterator[Operand]:
    for each in known:
        if each.degree:
            continue
        one = b.number(1)
        made = [
            each.made(b.minus(one, each.node), lambda array: 1 - array, 0.3),
            each.made(b.plus(one, each.node), lambda array: 1 + array, 0.5),
            each.made(b.minus(one, b.power(each.node, 2)), lambda array: 1 - array**2, 0.5),
            each.made(b.plus(one, b.power(each.node, 2)), lambda array: 1 + array**2, 0.7),
        ]
        made += [each.made(b.numpy(name, each.node), function, cost) for name, function, cost in _FUNCTIONS]
        yield from (found for found in made if found is not None)


def _laid(operand: Operand, shape: tuple[int, ...], *, sums: bool = True) -> Iterator[Operand]:
    """The operand as it can stand beside an array of a shape: as it is, transposed, with new axes, or summed."""
    if broadcasts(operand.shape, shape):
        yield operand
    count = len(operand.shape)
    if count == _PLANE and operand.shape[::-1] == shape:
        turned = operand.made(b.attribute(operand.node, "T"), np.transpose, 0.2)
        if turned is not None:
            yield turned
    if 0 < count < len(shape):
        for axes in combinations(range(len(shape)), count):
            if axes[0] + count != len(shape) and all(
                operand.shape[n] in {1, shape[axis]} for n, axis in enumerate(axes)
            ):
                yield from _spread(operand, axes, len(shape))
    if sums:
        yield from _summed(operand, shape)


def _spread(operand: Operand, axes: tuple[int, ...], count: int) -> Iterator[Operand]:
    index = [ast.Slice() if axis in axes else ast.Constant(value=None) for axis in range(count)]
    node = b.entry(operand.node, b.tuple_of(index))
    taken = tuple(slice(None) if axis in axes else None for axis in range(count))
    made = operand.made(node, itemgetter(taken), 0.1)
    if made is not None:
        yield made


def _summed(operand: Operand, shape: tuple[int, ...]) -> Iterator[Operand]:
    """Sums over one or two axes that reach the shape."""
    count = len(operand.shape)
    if count == 0 or max(operand.shape) == 1:
        return
    axes: list[tuple[int, ...]] = [(axis,) for axis in range(count)]
    axes += combinations(range(count), 2)
    for each in axes:
        left = tuple(1 if n in each else size for n, size in enumerate(operand.shape))
        kept = broadcasts(left, shape)
        if not kept:
            left = tuple(size for n, size in enumerate(operand.shape) if n not in each)
        if broadcasts(left, shape):
            node = b.numpy("sum", operand.node, axis=b.numbers(each), keepdims=b.number(kept))
            made = operand.made(node, partial(np.sum, axis=each, keepdims=kept), 0.5)
            if made is not None:
                yield made


def _of_pairs(known: Sequence[Operand], shape: tuple[int, ...], degree: int) -> Iterator[Operand]:
    """Matrix products, and products that are summed, as far as they can reach the shape."""
    for one, two in product(known, repeat=2):
        if one.degree + two.degree != degree:
            continue
        for left, right in product(_turned(one), _turned(two)):
            if _product_shape(left.shape, right.shape) in {shape, shape[1:], shape[:1]}:
                made = _joined(left, right, ast.MatMult(), np.matmul)
                if made is not None and made.shape != ():
                    yield made
    for one, two in combinations(known, 2):
        if one.shape and one.shape == two.shape and one.degree + two.degree == degree:
            made = _joined(one, two, ast.Mult(), np.multiply)
            if made is not None:
                yield from _summed(made, shape)


def _turned(operand: Operand) -> list[Operand]:
    if len(operand.shape) != _PLANE:
        return [operand] if len(operand.shape) == 1 else []
    turned = operand.made(b.attribute(operand.node, "T"), np.transpose, 0.1)
    return [operand] if turned is None else [operand, turned]


def _product_shape(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...] | None:
    return (*one[:-1], *two[1:]) if one[-1] == two[0] else None


def _joined(
    one: Operand, two: Operand, operator: ast.operator, function: Callable[[Array, Array], Any]
) -> Operand | None:
    values = _all(function, one.values, two.values)
    if values is None:
        return None
    cost, degree = one.cost + two.cost, one.degree + two.degree
    return Operand(ast.BinOp(one.node, operator, two.node), values, cost, one.varies or two.varies, degree)
