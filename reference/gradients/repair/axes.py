"""Edits of axes: of sums over them, of their order and of the order along them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, Place, called_name
from reference.gradients.repair.view import View

_REDUCTIONS = ("sum", "mean", "max", "min", "prod")
#: Axes of an array whose orders are all tried.
_MOST_AXES = 4


def other_axes(view: View) -> Iterator[Edit]:
    """Another axis than the one along which something runs."""
    for place in view.places:
        if place.role != "axis" or isinstance(place.parent, ast.Tuple | ast.UnaryOp):
            continue
        call = _call_around(view, place)
        ndim = _MOST_AXES if call is None else call
        now = place.value
        choices: list[int | tuple[int, ...] | None] = [None, *range(ndim)]
        choices += [pair for count in (2, 3) for pair in combinations(range(ndim), count)]
        if isinstance(now, tuple) and len(now) == ndim:
            choices += list(permutations(range(ndim)))
        for choice in choices:
            if choice != now and not (isinstance(now, int) and now < 0 and choice == now + ndim):
                yield Edit(place, "wrong-axis", 1.0, b.numbers(choice))


def _call_around(view: View, place: Place) -> int | None:
    """The number of axes of the array of a call that takes an axis."""
    at: ast.AST = place.node
    parents = place.sites.source.parents
    while at in parents and not isinstance(at, ast.Call):
        at = parents[at][0]
    if not isinstance(at, ast.Call):
        return None
    arrays = [*([at.func.value] if isinstance(at.func, ast.Attribute) else []), *at.args]
    for each in arrays:
        found = view.of_node.get(each)
        if found is not None and found.is_number and found.shape:
            return len(found.shape)
    return None


def reductions(view: View) -> Iterator[Edit]:
    """A mean for a sum, a largest for a smallest, an axis that is named in none, and dimensions that are kept."""
    for place in view.places:
        node = place.node
        name = called_name(node)
        if name == "trace" and isinstance(node, ast.Call) and node.args:
            yield Edit(place, "jacobian-diagonal-only", 1.0, b.numpy("sum", node.args[0]))
        if name not in _REDUCTIONS or not isinstance(node, ast.Call):
            continue
        is_method = isinstance(node.func, ast.Attribute) and (
            (found := view.of_node.get(node.func.value)) is not None and found.is_number
        )
        array = node.func.value if is_method and isinstance(node.func, ast.Attribute) else node.args[0]
        rest = node.args if is_method else node.args[1:]
        for other in {"sum": ("mean",), "mean": ("sum",), "max": ("min",), "min": ("max",)}.get(name, ()):
            word = "scaled" if other in {"sum", "mean"} else "wrong-function"
            yield Edit(place, word, 1.0, ast.Call(b.numpy(other).func, [array, *rest], node.keywords))  # type: ignore[attr-defined]
        inner = view.of_node.get(array)
        if name == "sum" and inner is not None and len(inner.shape) == 2 and len(set(inner.shape)) == 1:
            yield Edit(place, "extra-term", 1.1, b.numpy("trace", array))
        if name == "mean" and inner is not None:
            yield from _weighted(view, place, inner, ast.Call(b.numpy("sum").func, [array, *rest], node.keywords))  # type: ignore[attr-defined]
        if inner is not None:
            yield Edit(place, "extra-term", 1.5, array)
            if not rest and not any(each.arg == "axis" for each in node.keywords):
                for axis in range(len(inner.shape)):
                    for kept in (True, False):
                        keywords = {"axis": b.number(axis), "keepdims": b.number(kept)}
                        yield Edit(place, "wrong-axis", 1.1, b.numpy(name, array, **keywords))
        kept_now = next((each for each in node.keywords if each.arg == "keepdims"), None)
        others = [each for each in node.keywords if each.arg != "keepdims"]
        if name in _REDUCTIONS and (rest or others):
            toggled = others if kept_now is not None else [*others, ast.keyword("keepdims", b.number(True))]
            yield Edit(place, "wrong-axis", 1.1, ast.Call(node.func, node.args, toggled))


def _weighted(view: View, place: Place, inner: Place, total: ast.Call) -> Iterator[Edit]:
    """A mean with weights instead of a plain one."""
    for part in view.parts(place):
        if part.is_plain and part.shape == inner.shape and inner.shape:
            array = b.times(total.args[0], part.node)
            yield Edit(place, "factor-missing", 1.3, ast.Call(total.func, [array, *total.args[1:]], total.keywords))


def reshapes(view: View) -> Iterator[Edit]:
    """Entries that are laid out in groups in another order."""
    for place in view.places:
        node = place.node
        if called_name(node) != "reshape" or not isinstance(node, ast.Call) or len(place.shape) < 2:
            continue
        array = node.args[0]
        if isinstance(node.func, ast.Attribute) and view.of_node.get(node.func.value) is not None:
            array = node.func.value
        for one, two in combinations(range(len(place.shape)), 2):
            shape = list(place.shape)
            shape[one], shape[two] = shape[two], shape[one]
            changed = b.numpy("reshape", array, b.numbers(tuple(shape)))
            yield Edit(place, "transposed", 1.0, b.numpy("swapaxes", changed, b.number(one), b.number(two)))
        outer = place.parent
        if isinstance(outer, ast.Attribute):  # a transpose behind it
            around = view.of_node.get(place.sites.source.parents[outer][0])
            if around is not None and around.shape:
                new = b.numpy("reshape", array, b.numbers(around.shape))
                yield Edit(around, "transposed", 1.0, new)


def sums(view: View) -> Iterator[Edit]:
    """A sum over an axis that is missing."""
    for place in view.places:
        if not place.is_floating or not place.shape or place.role != "value":
            continue
        node = place.expression
        ndim = len(place.shape)
        axes: list[int | tuple[int, ...] | None] = [*range(ndim), None]
        axes += [pair for pair in combinations(range(ndim), 2) if ndim > 2]
        for axis in axes:
            for kept in (True, False):
                keywords = {"axis": b.numbers(axis), "keepdims": b.number(kept)}
                yield Edit(place, "not-summed", 1.5, b.numpy("sum", node, **keywords))


def orders(view: View) -> Iterator[Edit]:
    """An array whose axes, or whose entries along an axis, are in another order."""
    for place in view.places:
        node = place.node
        if isinstance(node, ast.Attribute) and node.attr == "T":
            yield Edit(place, "transposed", 1.0, node.value)
        if isinstance(node, ast.Call) and called_name(node) in {
            "swapaxes",
            "transpose",
            "flip",
            "fliplr",
            "flipud",
            "rot90",
        }:
            array = node.args[0] if node.args else None
            if isinstance(node.func, ast.Attribute) and view.of_node.get(node.func.value) is not None:
                array = node.func.value
            if array is not None:
                word = "transposed" if called_name(node) in {"swapaxes", "transpose"} else "flipped"
                yield Edit(place, word, 1.0, array)
        if isinstance(node, ast.Subscript):
            yield from _without_steps(place, node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield Edit(place, "transposed", 1.1, ast.BinOp(node.right, node.op, node.left))
        if not isinstance(place.value, np.ndarray) or place.role not in {"value", "compared", "index"}:
            continue
        assert isinstance(node, ast.expr)
        ndim = len(place.shape)
        for one, two in combinations(range(ndim), 2):
            cost = 1.05 if place.shape[one] == place.shape[two] else 1.15
            yield Edit(place, "transposed", cost, b.numpy("swapaxes", node, b.number(one), b.number(two)))
        if isinstance(node, ast.Attribute) and node.attr == "T":
            continue
        for axis in range(ndim):
            if place.shape[axis] > 1:
                cost = 1.2 if isinstance(node, ast.Name | ast.Subscript) else 1.3
                yield Edit(place, "flipped", cost, b.backwards(node, axis))
        if ndim > 1 and min(place.shape) > 1:
            both = b.numpy("flip", node, axis=b.numbers(tuple(range(ndim - 2, ndim))))
            yield Edit(place, "flipped", 1.3, both)
        for axis in range(ndim):
            if place.shape[axis] > 1:
                for step in (1, -1):
                    rolled = b.numpy("roll", node, b.number(step), axis=b.number(axis))
                    yield Edit(place, "shifted", 1.6, rolled)


def _without_steps(place: Place, node: ast.Subscript) -> Iterator[Edit]:
    """Without each ``::-1``."""
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    backward = [
        number
        for number, each in enumerate(parts)
        if isinstance(each, ast.Slice)
        and each.lower is None
        and each.upper is None
        and isinstance(each.step, ast.UnaryOp)
    ]
    for chosen in [[each] for each in backward] + ([backward] if len(backward) > 1 else []):
        new = [ast.Slice() if number in chosen else each for number, each in enumerate(parts)]
        index = ast.Tuple(new, ast.Load()) if isinstance(node.slice, ast.Tuple) else new[0]
        yield Edit(place, "flipped", 1.0, ast.Subscript(node.value, index, ast.Load()))


def conjugated(view: View) -> Iterator[Edit]:
    """A running sum in the other direction."""
    for place in view.places:
        node = place.node
        if called_name(node) not in {"cumsum", "cumprod"} or not isinstance(node, ast.Call):
            continue
        array: ast.expr
        if isinstance(node.func, ast.Attribute) and view.of_node.get(node.func.value) is not None:
            array = node.func.value
        elif node.args:
            array = node.args[0]
        else:
            continue
        for axis in range(len(place.shape)):
            run = b.numpy(called_name(node), b.backwards(array, axis), axis=b.number(axis))
            yield Edit(place, "flipped", 1.0, b.backwards(run, axis))
        yield Edit(place, "term-missing", 1.3, array)


def letters(view: View) -> Iterator[Edit]:
    """Another order of the letters in Einstein's notation."""
    for place in view.places:
        text = place.value
        if not isinstance(text, str) or called_name(place.parent) != "einsum" or "->" not in text:
            continue
        terms = text.replace(" ", "")
        left, out = terms.split("->")
        groups = [*left.split(","), out]
        for number, group in enumerate(groups):
            if len(group) > _MOST_AXES:
                continue
            for order in permutations(group):
                new = "".join(order)
                if new != group:
                    yield Edit(place, "transposed", 1.0, ast.Constant(value=_joined(groups, number, new)))
            for at, letter in enumerate(group):
                for other in sorted(set("".join(groups)) - set(group)):
                    new = group[:at] + other + group[at + 1 :]
                    yield Edit(place, "wrong-axis", 1.2, ast.Constant(value=_joined(groups, number, new)))
                if number < len(groups) - 1:
                    continue
                yield Edit(
                    place, "not-summed", 1.2, ast.Constant(value=_joined(groups, number, group[:at] + group[at + 1 :]))
                )


def _joined(groups: list[str], number: int, new: str) -> str:
    changed = [new if each == number else old for each, old in enumerate(groups)]
    return ",".join(changed[:-1]) + "->" + changed[-1]
