"""What the inverse of an edit is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair import building
from reference.gradients.repair.definitions import is_same
from reference.gradients.repair.places import Edit, Place, kind_of
from reference.gradients.repair.roles import AXIS_FUNCTIONS, called_name, role_of
from reference.numerics import likeness

if TYPE_CHECKING:
    from reference.gradients.repair.view import Part

#: Words of mistakes in numbers, which have others for a constant.
_OF_VALUES = frozenset(
    {"factor-missing", "extra-term", "term-missing", "wrong-argument", "wrong-function", "scaled", "sign"}
)

#: Entries that are not in reverse order by chance.
_ENOUGH = 3
#: Those that say less than that entries come from another place, where the number is an index.
_OF_INDICES = frozenset({"factor-missing", "extra-factor", "extra-term", "term-missing", "scaled"})


def final(edit: Edit) -> str:
    """The word for an edit, by what the place is for."""
    place, word = edit.place, edit.word
    if not isinstance(place.node, ast.expr) or word not in _OF_VALUES:
        return word
    if place.role == "compared":
        return "mask-wrong-threshold" if not place.shape else "mask-from-other"
    if word in _OF_INDICES and _is_of_index(place):
        return "flipped" if place.field == "step" else "shifted"
    if (word == "term-missing" and _is_nothing(place)) or (word == "sign" and isinstance(place.node, ast.UnaryOp)):
        return word
    is_choice = isinstance(place.value, bool | np.bool_)
    if place.role == "value" and place.is_number and not is_choice and not place.shape and not place.varies:
        return of_constant(place)
    return word


def _is_of_index(place: Place) -> bool:
    """Whether a whole number is an index, or is part of a name that is nothing but an index."""
    if place.shape or kind_of(place.value) not in {"i", "u"}:
        return False
    parents = place.sites.source.parents
    at = place.node
    while isinstance(parents.get(at, (None, "", None))[0], ast.BinOp):
        at = parents[at][0]
    read = _read_as(place, at)
    return place.role in {"index", "shift"} if read is None else bool(read) and read <= {"index", "compared"}


def _is_compared(place: Place) -> bool:
    """Whether a value is given a name that stands in comparisons alone."""
    return _read_as(place, place.node) == {"compared"}


def _read_as(place: Place, node: ast.AST) -> set[str] | None:
    """What the name that an expression is given is for; None where it is given none."""
    parents = place.sites.source.parents
    statement, *_ = parents.get(node, (None, "", None))
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return None
    read = [
        each
        for each in ast.walk(place.sites.source.tree)
        if isinstance(each, ast.Name) and each.id == statement.targets[0].id and isinstance(each.ctx, ast.Load)
    ]
    return {role_of(each, parents) for each in read}


def of_constant(place: Place) -> str:
    """The word for a number that has to be another one."""
    value = float(np.asarray(place.value))
    is_term = isinstance(place.parent, ast.BinOp) and isinstance(place.parent.op, ast.Add | ast.Sub)
    if isinstance(place.node, ast.BinOp):
        return "scaled"
    return "other-epsilon" if is_epsilon(value, is_term=is_term) else "scaled"


def is_epsilon(value: float, *, is_term: bool) -> bool:
    """Whether a constant is there to keep something from 0: a small one, or a term that is no whole number."""
    return 0 < abs(value) <= likeness.SMALL_CONSTANT or (is_term and bool(value % 1))


def _is_nothing(place: Place) -> bool:
    return isinstance(place.node, ast.Constant) and place.value == 0


def of_exchange(one: Place | None, two: Place | None) -> str:
    """The word for two values that stand in each other's place, but for two arguments of a function."""
    if one is None or two is None:
        return "wrong-argument"
    if {one.role, two.role} == {"index"} or {_kind(one), _kind(two)} <= {"i", "u"}:
        return "transposed"
    return "swapped" if one.is_of_cotangent and two.is_of_cotangent else "wrong-argument"


def _kind(place: Place) -> str:
    """The kind of numbers of an array; empty for anything else."""
    is_list = isinstance(place.value, list) and all(isinstance(each, int) for each in place.value)
    return np.asarray(place.value).dtype.kind if is_list or (place.is_number and place.shape) else ""


def of_replacement(place: Place, part: Part) -> str:
    """The word for a value that stands where a part is due."""
    if place.role in {"index", "range", "shift"}:
        return "shifted" if isinstance(place.parent, ast.Slice) else "wrong-argument"
    if _is_nothing(place) and part.varies:
        return "term-missing"
    if place.role == "compared" or np.asarray(place.value).dtype.kind == "b":
        is_delta = place.is_of_cotangent and not part.is_of_cotangent
        return "mask-wrong-threshold" if not place.shape else "mask-from-delta" if is_delta else "mask-from-other"
    if part.is_cotangent and not place.is_of_cotangent:
        return "delta-next-ignored"
    if not place.shape and not place.varies and not part.shape:
        return of_constant(place)
    return _of_value(place, part)


def is_renamed(place: Place, new: ast.expr | None) -> bool:
    """Whether the name of another array of the forward pass stands in a place."""
    are_names = isinstance(place.node, ast.Name) and isinstance(new, ast.Name)
    return are_names and bool(place.shape) and place.varies and not place.is_of_cotangent


def _of_value(place: Place, part: Part) -> str:
    are_names = isinstance(place.node, ast.Name) and isinstance(part.node, ast.Name)
    by_ratio = _by_ratio(place, part) if place.visits == 1 or are_names else None
    if by_ratio == "scaled" and is_renamed(place, part.node):
        return "wrong-argument"
    if by_ratio in {"scaled", "sign"}:
        return by_ratio
    made = _around(place, part) or of_entries(place.node, part.node) or _of_axes(place, part.node)
    if made is None:
        made = _inside(place.node, part.node)
    return made if made is not None else by_ratio or "wrong-argument"


def _meant(place: Place, node: ast.expr) -> ast.expr:
    """What a name was given as its value in the place of which an expression stands; else the node itself."""
    if not isinstance(node, ast.Name) or isinstance(place.node, ast.Name):
        return node
    assigned = [
        each.value
        for each in ast.walk(place.sites.source.tree)
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name) and each.targets[0].id == node.id
    ]
    return assigned[0] if len(assigned) == 1 else node


def _around(place: Place, part: Part) -> str | None:
    """What it is called where a part is made of what it stands for, by a factor or a term; None where it is not."""
    new, text = _meant(place, part.node), ast.dump(place.node)
    if not isinstance(new, ast.BinOp) or text not in {ast.dump(new.left), ast.dump(new.right)}:
        return None
    if isinstance(new.op, ast.Mult | ast.Div):
        return "factor-missing" if part.varies or part.shape or place.shape else "scaled"
    if not isinstance(new.op, ast.Add | ast.Sub):
        return None
    is_constant = new is not part.node and _is_constant(place, new.right)
    return "other-epsilon" if is_constant else "term-missing"


def _is_constant(place: Place, node: ast.expr) -> bool:
    """Whether an expression has no other names than those of numbers of the module."""
    known = place.sites.source.function.__globals__
    return all(isinstance(known.get(name), int | float) for name in building.names_in(node))


def _counts_down(index: ast.AST, other: ast.AST) -> bool:
    """Whether an index is the other one taken off from something: it goes the other way."""
    if not isinstance(index, ast.BinOp) or not isinstance(index.op, ast.Sub) or not isinstance(other, ast.Name):
        return False
    return is_same(index.right, other)


def _of_axes(place: Place, new: ast.AST) -> str | None:
    """What it is called where one of the writer's functions is due along another axis."""
    node = place.node
    if not (isinstance(node, ast.Call) and isinstance(new, ast.Call) and len(node.args) == len(new.args)):
        return None
    others = [n for n, (one, two) in enumerate(zip(node.args, new.args, strict=True)) if not is_same(one, two)]
    if not is_same(node.func, new.func) or len(others) != 1 or not isinstance(node.func, ast.Name):
        return None
    code = getattr(place.sites.source.function.__globals__.get(node.func.id), "__code__", None)
    names = () if code is None else code.co_varnames[: code.co_argcount]
    return "wrong-axis" if names[others[0] : others[0] + 1] in {("axis",), ("axes",), ("dim",)} else None


def of_entries(node: ast.AST, new: ast.AST) -> str | None:
    """What it is called where other entries of the same array are due; None where it is another array."""
    while isinstance(node, ast.Attribute) and isinstance(new, ast.Attribute) and node.attr == new.attr == "T":
        node, new = node.value, new.value
    if not (isinstance(node, ast.Subscript) and isinstance(new, ast.Subscript)):
        return None
    if not is_same(node.value, new.value):
        return None
    one, two = (sorted(map(ast.dump, building.index_parts(each))) for each in (node, new))
    if len(one) > 1 and one == two:
        return "transposed"
    pairs = zip(*(building.index_parts(each) for each in (node, new)), strict=False)
    others = [(left, right) for left, right in pairs if not is_same(left, right)]
    if others and all(_counts_down(left, right) or _counts_down(right, left) for left, right in others):
        return "flipped"
    is_key = any(isinstance(each.slice, ast.Constant) and isinstance(each.slice.value, str) for each in (node, new))
    return None if is_key else "shifted"


def _inside(node: ast.AST, new: ast.AST) -> str | None:
    """What it is called where a part of a product or sum is due alone."""
    wanted, at = ast.dump(new), node
    word: str | None = None
    while isinstance(at, ast.BinOp):
        if isinstance(at.op, ast.Mult | ast.Div):
            word = word or "extra-factor"
        elif isinstance(at.op, ast.Add | ast.Sub):
            word = word or "extra-term"
        else:
            return None
        if wanted in {ast.dump(at.left), ast.dump(at.right)}:
            return word
        at = at.left
    return None


def _by_ratio(place: Place, part: Part) -> str | None:
    """What it is called where the part is the value times a constant, or times a factor without the cotangent."""
    ratios = _ratios(place, part)
    if ratios is None:
        return None
    flat = [each[np.isfinite(each)] for each in ratios]
    if all((each == 1).all() for each in flat):
        return None  # the two are the same the first time, and only then
    first = float(flat[0].flat[0])
    if first not in {0.0, 1.0} and all(np.allclose(each, first, rtol=likeness.SAME_FACTOR, atol=0) for each in flat):
        return "sign" if np.isclose(first, -1) else "scaled"
    are_of_cotangent = part.is_of_cotangent and place.is_of_cotangent
    if not are_of_cotangent or ratios[0].shape != ratios[3].shape:
        return None
    is_same = np.allclose(ratios[0], ratios[3], rtol=likeness.SAME_FACTOR, equal_nan=True)
    return "factor-missing" if is_same else None


def _ratios(place: Place, part: Part) -> list[NDArray[Any]] | None:
    """The part by the value in each run; None where they are not 0 in the same entries, or not comparable."""
    found = []
    for one, two in zip(place.values, part.values, strict=True):
        old, new = np.asarray(one), np.asarray(two)
        if old.dtype.kind != "f" or new.dtype.kind not in "fiu" or old.shape != new.shape:
            return None
        if not np.array_equal(old == 0, new == 0) or not old.any():
            return None
        with np.errstate(all="ignore"):
            found.append(np.asarray(new / old))
    return found if all(np.isfinite(each).any() for each in found) else None


def of_factor(place: Place, part: Part) -> str:
    """The word for a factor or divisor that is missing."""
    if part.is_mask and part.shape:
        return "mask-missing"
    if part.is_of_cotangent and not place.is_of_cotangent:
        return "delta-next-ignored"
    return "factor-missing" if part.varies or part.shape else "scaled"


def of_divisor(place: Place, part: Part) -> str:
    """The word for a divisor that is missing; where a name stands for a product with it, that name is the wrong one."""
    at: ast.AST = place.node
    while _is_product(place.sites.source.parents.get(at, (at, "", None))[0]):
        at = place.sites.source.parents[at][0]
    names = {each.id for each in _factors(at) if isinstance(each, ast.Name)}
    assigned = [each for each in ast.walk(place.sites.source.tree) if isinstance(each, ast.Assign)]
    made_of = {
        ast.dump(factor)
        for each in assigned
        if isinstance(each.targets[0], ast.Name) and each.targets[0].id in names
        for factor in _factors(each.value)
    }
    return "wrong-argument" if ast.dump(part.node) in made_of else of_factor(place, part)


def _is_product(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)


def _factors(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and _is_product(node):
        yield from _factors(node.left)
        yield from _factors(node.right)
    else:
        yield node


def of_term(place: Place, part: Part) -> str:
    """The word for a term that is missing."""
    if place.role == "compared" or (not part.varies and not part.shape and _is_compared(place)):
        return "mask-wrong-threshold"
    if is_same(place.node, part.node):
        return "scaled"
    if not part.varies and not part.shape and float(np.asarray(part.value)) % 1:
        return "other-epsilon"
    is_sum = isinstance(place.node, ast.BinOp) and isinstance(place.node.op, ast.Add | ast.Sub)
    is_asked = isinstance(place.parent, ast.Call) and not is_sum and called_name(place.parent) not in AXIS_FUNCTIONS
    return "wrong-argument" if is_asked and not place.is_of_cotangent and part.varies else "term-missing"


def are_reversed(pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> bool:
    """Whether each answer is the truth with its entries in reverse order along an axis."""
    return all(
        any(
            one.shape == two.shape and np.allclose(one, np.flip(two, axis), rtol=likeness.SAME_FACTOR, atol=0)
            for axis in range(two.ndim)
            if two.shape[axis] >= _ENOUGH
        )
        for one, two in pairs
    )


def of_one_place(errors: Sequence[NDArray[Any]]) -> str | None:
    """The word for errors that are all in one entry or in one row of each gradient; None where they are not."""
    words = set()
    for each in errors:
        wrong = np.argwhere(np.abs(each) > likeness.NO_EFFECT * float(np.abs(each).max(initial=0.0)))
        if not len(wrong):
            continue
        rows = [axis for axis in range(each.ndim) if len(set(wrong[:, axis])) == 1]
        if not rows:
            return None
        is_last = 0 in rows and wrong[0, 0] == len(each) - 1 and each.ndim > 1
        words.add(
            "entry-wrong" if len(wrong) == 1 and each.ndim == 1 else "last-sample-wrong" if is_last else "row-wrong"
        )
    return words.pop() if len(words) == 1 else "row-wrong" if words else None
