"""What a divisor is by the code for it: the size of a batch, or the exponential of a parameter."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from reference.gradients.repair.definitions import Definitions, factors
from reference.gradients.repair.roles import called_name


def is_batch_size(node: ast.expr, tree: ast.AST) -> bool:
    """Whether an expression of a function is the length of an array's first axis, or a name for it."""
    if isinstance(node, ast.Name) and _is_first_of_shape(node.id, tree):
        return True
    meant = Definitions(tree).of(node) if isinstance(node, ast.Name) else node
    if isinstance(meant, ast.Call) and isinstance(meant.func, ast.Name) and len(meant.args) == 1:
        inner = meant.args[0]
        return meant.func.id == "len" or (meant.func.id in {"float", "int"} and is_batch_size(inner, tree))
    return isinstance(meant, ast.Subscript) and _is_shape(meant.value) and _is_zero(meant.slice)


def _is_first_of_shape(name: str, tree: ast.AST) -> bool:
    """Whether a name is the first one that the shape of an array is unpacked to."""
    unpacked = [
        each.targets[0].elts
        for each in ast.walk(tree)
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Tuple) and _is_shape(each.value)
    ]
    return any(names and isinstance(names[0], ast.Name) and names[0].id == name for names in unpacked)


def _is_shape(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "shape"


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def is_exponential(node: ast.expr, trees: Iterable[ast.AST]) -> bool:
    """Whether a name stands for an exponential times a constant in one of some functions.

    With respect to its logarithm such a parameter has itself as its derivative.
    """
    if not isinstance(node, ast.Name):
        return False
    values = [
        each.value
        for tree in trees
        for each in ast.walk(tree)
        if isinstance(each, ast.Assign) and any(isinstance(t, ast.Name) and t.id == node.id for t in each.targets)
    ]
    return len(values) > 0 and all(any(called_name(part) == "exp" for _, part in factors(each)) for each in values)
