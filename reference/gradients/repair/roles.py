"""What an expression is for, by where it stands."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from reference.gradients.repair.building import is_module

#: By a node: the node around it, the field that holds it, and its place there.
Parents = Mapping[ast.AST, tuple[ast.AST, str, int | None]]

#: Functions whose numbers behind the array are axes.
AXIS_FUNCTIONS = frozenset({
    "sum", "mean", "max", "min", "amax", "amin", "prod", "var", "std", "cumsum", "cumprod", "argmax", "argmin",
    "argsort", "sort", "any", "all", "median", "norm", "flip", "concatenate", "stack", "expand_dims", "squeeze",
    "repeat", "take", "take_along_axis", "softmax", "logsumexp", "diff", "roll", "nansum", "average", "split",
    "array_split", "argpartition", "swapaxes", "moveaxis", "transpose", "ptp", "count_nonzero", "put_along_axis",
})  # fmt: skip
_SIZES = frozenset({"zeros", "ones", "empty", "full", "reshape", "eye", "broadcast_to", "tile"})
#: Those whose first argument is an array.
_OF_ARRAYS = frozenset({"reshape", "broadcast_to", "tile"})
#: Functions that choose an entry by comparing all of them.
_CHOICES = frozenset({"argmax", "argmin", "nanargmax", "nanargmin"})
_KEYWORDS = {"axis": "axis", "axes": "axis", "axis1": "axis", "axis2": "axis", "keepdims": "option", "dtype": "option"}


def called_name(node: ast.AST) -> str:
    """The last part of the name of a function that is called; empty where it has none."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def role_of(node: ast.AST, parents: Parents) -> str:
    """``index``, ``range``, ``shift``, ``axis``, ``option``, ``size``, ``exponent``, ``compared``, or a ``value``."""
    at = node
    while at in parents:
        parent, name, number = parents[at]
        found = _role_in(at, parent, name, number)
        if found is not None:
            return found
        at = parent
    return "value"


def _role_in(node: ast.AST, parent: ast.AST, name: str, number: int | None) -> str | None:
    """What a node is for in the one around it; None where that is for the same as the other."""
    if isinstance(parent, ast.stmt):
        return "range" if isinstance(parent, ast.For) and name == "iter" else "value"
    if isinstance(parent, ast.Slice) or (isinstance(parent, ast.Subscript) and name == "slice"):
        return "index"
    if isinstance(parent, ast.keyword):
        return _KEYWORDS.get(parent.arg or "")
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and name == "right":
        return "exponent"
    if isinstance(parent, ast.Compare) or (isinstance(parent, ast.Attribute) and parent.attr in _CHOICES):
        return "compared"
    return _role_of_argument(node, parent, number) if isinstance(parent, ast.Call) and name == "args" else None


def _role_of_argument(node: ast.AST, call: ast.Call, number: int | None) -> str | None:
    called = called_name(call)
    if called in {"range", "arange"}:
        return "range"
    is_function = not isinstance(call.func, ast.Attribute) or is_module(call.func.value)
    if called in _SIZES:
        is_entry = (called == "full" and number != 0) or (called in _OF_ARRAYS and is_function and number == 0)
        return None if is_entry else "size"
    if called in _CHOICES and number == 0 and not isinstance(node, ast.Constant):
        return "compared"
    first = 1 if is_function else 0
    if called == "roll" and number == first:
        return "shift"
    is_plain = isinstance(node, ast.Constant | ast.UnaryOp | ast.Tuple)
    return "axis" if called in AXIS_FUNCTIONS and is_plain and number is not None and number >= first else None
