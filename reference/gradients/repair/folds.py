"""Edits of what happens at the border of an array: what is cut off, or pushed out, comes in elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.view import View

_MODES = ("reflect", "edge", "wrap", "symmetric")
#: Entries of an array of which each is written down where it belongs.
_MOST_ENTRIES = 5_000


def folds(view: View) -> Iterator[Edit]:
    """A border that is cut off, where it belongs to entries inside."""
    for place in view.places:
        node = place.node
        if not isinstance(node, ast.Subscript) or not place.is_floating or place.visits > 1:
            continue
        array = view.of_node.get(node.value)
        if array is None or not array.is_floating or np.size(array.value) > _MOST_ENTRIES:
            continue
        widths = _widths(node, array.shape, place.shape)
        if widths is not None:
            modes = [mode for mode in _MODES if _can(mode, widths, place.shape)]
            for entries in dict.fromkeys(_entries(widths, place.shape, mode) for mode in modes):
                yield Edit(place, "term-missing", 1.0, _folded(array, entries, place.shape))


def _widths(node: ast.Subscript, shape: Sequence[int], left: Sequence[int]) -> tuple[tuple[int, int], ...] | None:
    """By axis how many entries a subscript cuts off at each end; None where it does something else, or nothing."""
    parts = b.index_parts(node)
    others = [b.text_of(each) for each in parts if not isinstance(each, ast.Slice) or each.step is not None]
    if 0 in left or len(shape) != len(left) or others not in ([], ["..."]):
        return None
    at_end = next((n for n, each in enumerate(parts) if not isinstance(each, ast.Slice)), len(parts))
    slices: list[ast.expr | None] = [None] * len(shape)
    slices[:at_end] = parts[:at_end]
    rest = parts[at_end + 1 :]
    if rest:
        slices[len(shape) - len(rest) :] = rest
    found = []
    for part, size, kept in zip(slices, shape, left, strict=True):
        lower = part.lower if isinstance(part, ast.Slice) else None
        if size == kept:
            found.append((0, 0))
        elif lower is None:
            found.append((0, size - kept))
        elif isinstance(part, ast.Slice) and part.upper is None:
            found.append((size - kept, 0))
        else:
            start = lower.value if isinstance(lower, ast.Constant) else (size - kept) // 2
            if not isinstance(start, int):
                return None
            found.append((start, size - kept - start))
    return tuple(found) if any(map(any, found)) and all(min(each) >= 0 for each in found) else None


def _can(mode: str, widths: Sequence[tuple[int, int]], shape: Sequence[int]) -> bool:
    """Whether so wide a border can be made of so many entries at once."""
    less = 1 if mode == "reflect" else 0
    return all(mode == "edge" or max(each) <= size - less for each, size in zip(widths, shape, strict=True))


def _entries(widths: tuple[tuple[int, int], ...], shape: tuple[int, ...], mode: str) -> tuple[int, ...]:
    """Of which entry each one was made when a border was put around an array."""
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    return tuple(np.pad(numbers, widths, mode=mode).ravel().tolist())  # type: ignore[call-overload]


def _folded(array: Place, entries: tuple[int, ...], shape: tuple[int, ...]) -> ast.expr:
    """The sum of all entries of an array that were made of the same entry."""
    index = ast.parse(repr([*entries]), mode="eval").body
    flat = b.numpy("ravel", array.expression)
    added = b.numpy("bincount", index, flat, b.number(int(np.prod(shape))))
    return b.numpy("reshape", added, b.numbers(shape))


def rolls(view: View) -> Iterator[Edit]:
    """What is pushed out of an array at one end, where it comes in again at the other one."""
    for statement in view.simple_statements():
        node = statement.node
        if not (isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript)):
            continue
        target = b.index_parts(node.target)
        for inner in ast.walk(node.value):
            if isinstance(inner, ast.Subscript) and len(b.index_parts(inner)) <= len(target):
                yield from _rolled(view, statement, node, inner)


def _rolled(view: View, statement: Place, node: ast.AugAssign, inner: ast.Subscript) -> Iterator[Edit]:
    target = node.target
    array = view.of_node.get(inner.value)
    if not isinstance(target, ast.Subscript) or array is None or not array.shape:
        return
    parts, others = b.index_parts(inner), b.index_parts(target)
    for axis, (one, two) in enumerate(zip(others, parts, strict=False)):
        step = _step(one, two)
        if step is None:
            continue
        rolled = b.numpy("roll", array.expression, step, axis=b.number(axis))
        new: dict[ast.AST, ast.expr] = {
            one: ast.Slice(),
            inner: b.subscript(
                b.entry(rolled, inner.slice),
                [ast.Slice() if each is two else each for each in parts],
            ),
        }
        yield Edit(statement, "term-missing", 1.1, None, new)


def _step(one: ast.expr, two: ast.expr) -> ast.expr | None:
    """By how much entries are moved from the second slice to the first one; None where that is not known."""
    if not (isinstance(one, ast.Slice) and isinstance(two, ast.Slice)) or one.step or two.step:
        return None
    if one.lower and not one.upper and two.upper and not two.lower:
        return one.lower
    if one.upper and not one.lower and two.lower and not two.upper:
        return b.negative(two.lower)
    return None
