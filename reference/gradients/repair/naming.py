"""What the inverse of an edit is called."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair.places import AXIS_FUNCTIONS, Edit, Place, called_name
from reference.numerics import likeness

if TYPE_CHECKING:
    from reference.gradients.repair.view import Part

#: Words of mistakes in numbers, which have others for a constant.
_OF_VALUES = frozenset(
    {"factor-missing", "extra-term", "term-missing", "wrong-argument", "wrong-function", "scaled", "sign"}
)


def final(edit: Edit) -> str:
    """The word for an edit, by what the place is for."""
    place, word = edit.place, edit.word
    if not isinstance(place.node, ast.expr) or word not in _OF_VALUES:
        return word
    if place.role == "compared":
        return "mask-wrong-threshold" if not place.shape else "mask-from-other"
    if place.role == "index" and place.field == "step":
        return "flipped"
    if place.role == "value" and place.is_number and not place.shape and not place.varies:
        return of_constant(place)
    return word


def of_constant(place: Place) -> str:
    """The word for a number that has to be another one."""
    value = float(np.asarray(place.value))
    is_term = isinstance(place.parent, ast.BinOp) and isinstance(place.parent.op, ast.Add | ast.Sub)
    if 0 < abs(value) <= likeness.SMALL_CONSTANT or (is_term and value % 1):
        return "other-epsilon"
    return "scaled"


def of_replacement(place: Place, part: Part) -> str:
    """The word for a value that stands where a part is due."""
    old = np.asarray(place.value)
    if place.role in {"index", "range", "shift"}:
        return "shifted" if isinstance(place.parent, ast.Slice) else "wrong-argument"
    if place.role == "compared" or old.dtype.kind == "b":
        if not place.shape:
            return "mask-wrong-threshold"
        return "mask-from-delta" if place.is_of_cotangent and not part.is_of_cotangent else "mask-from-other"
    if part.is_of_cotangent and part.is_cotangent and not place.is_of_cotangent:
        return "delta-next-ignored"
    if old.ndim == 0 and not place.varies and not part.shape:
        return of_constant(place)
    is_first_telling = place.visits == 1 or (isinstance(place.node, ast.Name) and isinstance(part.node, ast.Name))
    by_ratio = _by_ratio(place, part) if is_first_telling else None
    around = _around(place.node, part.node)
    if around is not None:
        return by_ratio or around(place, part)
    inside = _inside(place.node, part.node)
    return by_ratio or ("wrong-argument" if inside is None else inside)


def _around(node: ast.AST, new: ast.AST) -> Any:
    """How a part is made of what it stands for: by a factor, or by a term; None if it is not."""
    if not isinstance(new, ast.BinOp):
        return None
    text = ast.dump(node)
    if text not in {ast.dump(new.left), ast.dump(new.right)}:
        return None
    if isinstance(new.op, ast.Mult | ast.Div):
        return lambda place, part: (
            "factor-missing" if part.varies or part.shape != place.shape or place.shape else "scaled"
        )
    return (lambda *_: "term-missing") if isinstance(new.op, ast.Add | ast.Sub) else None


def _inside(node: ast.AST, new: ast.AST) -> str | None:
    """What it is called where a part of a product or sum is due alone."""
    wanted, at = ast.dump(new), node
    word: str | None = None
    while isinstance(at, ast.BinOp):
        if isinstance(at.op, ast.Mult | ast.Div):
            word = word if word is not None else ("" if isinstance(at.op, ast.Mult) else "factor-missing")
        elif isinstance(at.op, ast.Add | ast.Sub):
            word = word if word is not None else "extra-term"
        else:
            return None
        if wanted in {ast.dump(at.left), ast.dump(at.right)}:
            return word
        at = at.left
    return None


def _by_ratio(place: Place, part: Part) -> str | None:
    """What it is called where the part is the value times a constant, or times a factor without the cotangent."""
    pairs = list(zip(place.values, part.values, strict=True))
    if not all(isinstance(each, float | np.ndarray | np.generic) for pair in pairs for each in pair):
        return None
    if any(np.shape(one) != np.shape(two) for one, two in pairs):
        return None
    with np.errstate(all="ignore"):
        ratios = [np.asarray(two, dtype=float) / np.asarray(one, dtype=float) for one, two in pairs]
        if not all(np.array_equal(np.asarray(one) == 0, np.asarray(two) == 0) for one, two in pairs):
            return None
    flat = [each[np.isfinite(each)] for each in ratios]
    if any(each.size == 0 for each in flat) or any(np.asarray(one).dtype.kind not in "f" for one, _ in pairs):
        return None
    one = flat[0].flat[0]
    if one not in {0, 1} and all(np.allclose(each, one, rtol=likeness.SAME_FACTOR, atol=0) for each in flat):
        return "sign" if np.isclose(one, -1) else "scaled"
    if part.is_of_cotangent and place.is_of_cotangent and np.allclose(ratios[0], ratios[3], rtol=1e-7, equal_nan=True):
        return "factor-missing"
    return None


def of_factor(place: Place, part: Part) -> str:
    """The word for a factor or divisor that is missing."""
    if part.is_mask and part.shape:
        return "mask-missing"
    if part.is_of_cotangent and not place.is_of_cotangent:
        return "delta-next-ignored"
    return "factor-missing" if part.varies or part.shape else "scaled"


def of_term(place: Place, part: Part) -> str:
    """The word for a term that is missing."""
    if place.role == "compared":
        return "mask-wrong-threshold"
    if ast.dump(place.node) == ast.dump(part.node):
        return "scaled"
    if not part.varies and not part.shape and float(np.asarray(part.value)) % 1:
        return "other-epsilon"
    is_asked = isinstance(place.parent, ast.Call) and called_name(place.parent) not in AXIS_FUNCTIONS
    return "wrong-argument" if is_asked and not place.is_of_cotangent and part.varies else "term-missing"


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
