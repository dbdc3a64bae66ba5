"""Edits of what runs along axes: along another one, another kind of sum, or none where one is due."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations, product

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.roles import called_name
from reference.gradients.repair.view import View

_REDUCTIONS = ("sum", "mean", "max", "min", "prod")
_OTHERS = {"sum": ("mean",), "mean": ("sum",), "max": ("min",), "min": ("max",)}
_PLANE = 2
#: What writers call a parameter that is an axis.
_AXIS_NAMES = frozenset({"axis", "axes", "ax", "dim"})
#: Axes of an array whose orders are all tried.
_MOST_AXES = 4


def other_axes(view: View) -> Iterator[Edit]:
    """Another axis than the one along which something runs."""
    for place in view.places:
        is_axis = place.role == "axis" or _is_axis_of_writer(place)
        if not is_axis or isinstance(place.parent, ast.Tuple | ast.UnaryOp):
            continue
        call = _call_around(view, place)
        ndim = _MOST_AXES if call is None else call
        now = _named(place.value)
        choices: list[int | tuple[int, ...] | None] = [None, *range(ndim)]
        choices += [pair for count in (2, 3) for pair in combinations(range(ndim), count)]
        if isinstance(now, tuple) and len(now) == ndim:
            choices += list(permutations(range(ndim)))
        for choice in dict.fromkeys(choices):
            if choice != now and not (isinstance(now, int) and now < 0 and choice == now + ndim):
                yield Edit(place, "wrong-axis", 1.0, b.numbers(choice))


def _named(axes: object) -> object:
    """The axes that a value names: arrays and lists of them name what a tuple does."""
    found = axes.tolist() if isinstance(axes, np.ndarray | np.integer) else axes
    return tuple(found) if isinstance(found, list) else found


def _is_axis_of_writer(place: Place) -> bool:
    """Whether a constant is the axis that one of the writer's functions takes."""
    call, number = place.parent, place.sites.source.parents[place.node][2]
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or place.field != "args":
        return False
    known = place.scope.get(call.func.id, place.sites.source.function.__globals__.get(call.func.id))
    code = getattr(known, "__code__", None)
    names = () if code is None else code.co_varnames[: code.co_argcount]
    is_known = number is not None and number < len(names) and isinstance(place.value, int)
    return is_known and names[number or 0] in _AXIS_NAMES


def _call_around(view: View, place: Place) -> int | None:
    """The number of axes of the array of a call that takes an axis."""
    at, parents = place.parent, place.sites.source.parents
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
        if not isinstance(node, ast.Call) or not (node.args or isinstance(node.func, ast.Attribute)):
            continue
        name = called_name(node)
        if name == "trace" and node.args:
            yield Edit(place, "jacobian-diagonal-only", 1.0, b.numpy("sum", node.args[0]))
        if name in _REDUCTIONS:
            array = array_of(view, node)
            yield from _other_reductions(view, place, node, array)
            yield from _other_options(view, place, node, array)


def array_of(view: View, node: ast.Call) -> ast.expr:
    """The array that a function or method is called for."""
    if isinstance(node.func, ast.Attribute):
        found = view.of_node.get(node.func.value)
        if found is not None and found.is_number:
            return node.func.value
    return node.args[0] if node.args else node


def _other_reductions(view: View, place: Place, node: ast.Call, array: ast.expr) -> Iterator[Edit]:
    name = called_name(node)
    rest = [each for each in node.args if each is not array]
    inner = view.of_node.get(array)
    is_mean_of_batch = name == "mean" and _axis(node, rest) == 0
    for other in _OTHERS.get(name, ()):
        word = "scaled" if other in {"sum", "mean"} else "wrong-function"
        word = "averaged-over-batch" if is_mean_of_batch and other == "sum" else word
        yield Edit(place, word, 1.0, ast.Call(b.function(other), [array, *rest], node.keywords))
    if inner is None:
        return
    yield Edit(place, "averaged-over-batch" if is_mean_of_batch else "extra-term", 1.5, array)
    if name == "sum" and len(inner.shape) == _PLANE and len(set(inner.shape)) == 1:
        yield Edit(place, "extra-term", 1.1, b.numpy("trace", array))
    for part in view.parts(place) if name == "mean" and inner.shape else ():
        if part.is_plain and part.shape == inner.shape:
            weighted = ast.Call(b.function("sum"), [b.times(array, part.node), *rest], node.keywords)
            yield Edit(place, "factor-missing", 1.3, weighted)


def _other_options(view: View, place: Place, node: ast.Call, array: ast.expr) -> Iterator[Edit]:
    rest = [each for each in node.args if each is not array]
    inner = view.of_node.get(array)
    if inner is not None and not rest and not any(each.arg == "axis" for each in node.keywords):
        for axis, kept in product(range(len(inner.shape)), (True, False)):
            keywords = {"axis": b.number(axis), "keepdims": b.number(kept)}
            yield Edit(place, "wrong-axis", 1.1, b.numpy(called_name(node), array, **keywords))
    others = [each for each in node.keywords if each.arg != "keepdims"]
    if rest or others:
        is_kept = len(others) < len(node.keywords)
        toggled = others if is_kept else [*others, ast.keyword("keepdims", b.number(True))]
        yield Edit(place, "wrong-axis", 1.1, ast.Call(node.func, node.args, toggled))


def _axis(node: ast.Call, rest: Sequence[ast.expr]) -> object:
    """The one axis that a call names as a constant; None where it does not."""
    named = [each.value for each in node.keywords if each.arg == "axis"]
    found = [*rest[:1], *named]
    return found[0].value if len(found) == 1 and isinstance(found[0], ast.Constant) else None


def unreduced(view: View) -> Iterator[Edit]:
    """An array itself, where its mean or sum along an axis gets axes of length 1, or loses entries."""
    for place in view.places:
        node = place.node
        if not isinstance(node, ast.Subscript) or called_name(node.value) not in {"mean", "sum"}:
            continue
        call = node.value
        if not isinstance(call, ast.Call) or any(each.arg == "keepdims" for each in call.keywords):
            continue
        array = array_of(view, call)
        axis = _axis(call, [each for each in call.args if each is not array])
        parts = b.index_parts(node)
        if not isinstance(axis, int) or not 0 <= axis <= len(parts):
            continue
        word = "averaged-over-batch" if axis == 0 and called_name(call) == "mean" else "extra-term"
        index = b.tuple_of([*parts[:axis], ast.Slice(), *parts[axis:]])
        yield Edit(place, word, 1.2, b.entry(array, index))


def sums(view: View) -> Iterator[Edit]:
    """A sum over an axis that is missing."""
    for place in view.places:
        if not place.is_floating or not place.shape or place.role != "value":
            continue
        node = place.expression
        ndim = len(place.shape)
        axes: list[int | tuple[int, ...] | None] = [*range(ndim), None]
        axes += [several for count in range(_PLANE, ndim) for several in combinations(range(ndim), count)]
        word = "jacobian-diagonal-only" if _is_diagonal(view, place) else "not-summed"
        for axis in axes:
            for kept in (True, False):
                keywords = {"axis": b.numbers(axis), "keepdims": b.number(kept)}
                yield Edit(place, word, 1.5, b.numpy("sum", node, **keywords))


def _is_diagonal(view: View, place: Place) -> bool:
    """Whether a product with the cotangent is multiplied by the same array again, as by the diagonal of a matrix."""
    node, parent = place.node, place.parent
    if not (isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult) and place.is_of_cotangent):
        return False
    other = parent.right if parent.left is node else parent.left
    found = view.of_node.get(other)
    is_like = found is not None and found.shape == place.shape
    return is_like and ast.dump(other) in {ast.dump(each) for each in ast.walk(node)}
