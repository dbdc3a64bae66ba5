"""Where exactly two expressions differ, and what is said by names that stand for one expression alone."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

#: Names that are read by their definitions, one inside the other.
_DEEPEST = 4


class Definitions:
    """What the names of a function were given as their values.

    Parameters
    ----------
    tree
        The function.
    """

    def __init__(self, tree: ast.AST) -> None:
        self._values: dict[str, list[ast.expr]] = {}
        self._stores: Counter[str] = Counter()
        self._reads: Counter[str] = Counter()
        for each in ast.walk(tree):
            if isinstance(each, ast.Name):
                (self._reads if isinstance(each.ctx, ast.Load) else self._stores)[each.id] += 1
            if isinstance(each, ast.Assign) and len(each.targets) == 1:
                self._note(each.targets[0], each.value)

    def _note(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._values.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for one, two in zip(target.elts, value.elts, strict=True):
                self._note(one, two)

    def of(self, node: ast.expr) -> ast.expr:
        """What a name was given as its value, where that happens once; else the node itself."""
        for _ in range(_DEEPEST):
            found = self._values.get(node.id, ()) if isinstance(node, ast.Name) else ()
            if not isinstance(node, ast.Name) or len(found) != 1 or self._stores[node.id] != 1:
                break
            node = found[0]
        return node

    def of_alias(self, node: ast.expr) -> ast.expr:
        """The same for a name that is read once: whoever writes it means its definition."""
        return self.of(node) if isinstance(node, ast.Name) and self._reads[node.id] <= 1 else node


@dataclass(frozen=True)
class Difference:
    """The smallest parts of two expressions outside of which they are the same.

    Attributes
    ----------
    wrong, right
        The parts.
    """

    wrong: ast.expr
    right: ast.expr


def difference(wrong: ast.expr, right: ast.expr, known: Definitions) -> Difference:
    """The smallest parts in which two expressions differ, where names may be read by their definitions."""
    found = _deepest(Difference(wrong, right))
    for _ in range(_DEEPEST):
        meant = Difference(known.of_alias(found.wrong), known.of(found.right))
        if meant == found:
            break
        found = _deepest(meant)
    return found


def _deepest(found: Difference) -> Difference:
    while True:
        pairs = list(_parts(found))
        others = [each for each in pairs if not is_same(each.wrong, each.right)]
        if not pairs or len(others) != 1:
            return found
        found = others[0]


def _parts(found: Difference) -> Iterator[Difference]:
    """The parts of two expressions of one form, in pairs; none where their forms differ."""
    one, two = found.wrong, found.right
    if isinstance(one, ast.BinOp) and isinstance(two, ast.BinOp) and type(one.op) is type(two.op):
        yield Difference(one.left, two.left)
        yield Difference(one.right, two.right)
    elif isinstance(one, ast.UnaryOp) and isinstance(two, ast.UnaryOp) and type(one.op) is type(two.op):
        yield Difference(one.operand, two.operand)
    elif isinstance(one, ast.Call) and isinstance(two, ast.Call) and _are_of_one_form(one, two):
        yield Difference(one.func, two.func)
        for first, second in zip(_arguments(one), _arguments(two), strict=True):
            yield Difference(first, second)
    elif _are_read_alike(one, two):
        yield Difference(one.value, two.value)  # type: ignore[attr-defined]


def _are_read_alike(one: ast.expr, two: ast.expr) -> bool:
    """Whether the same attribute, or the same entries, are read of both."""
    if isinstance(one, ast.Attribute) and isinstance(two, ast.Attribute):
        return one.attr == two.attr
    return isinstance(one, ast.Subscript) and isinstance(two, ast.Subscript) and is_same(one.slice, two.slice)


def _are_of_one_form(one: ast.Call, two: ast.Call) -> bool:
    keywords = [[each.arg for each in call.keywords] for call in (one, two)]
    return len(one.args) == len(two.args) and keywords[0] == keywords[1]


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(each.value for each in call.keywords)]


def is_same(one: ast.AST, two: ast.AST) -> bool:
    """Whether two expressions are the same code."""
    return one is two or ast.dump(one) == ast.dump(two)


def terms(node: ast.expr, *, is_positive: bool = True) -> Iterator[tuple[str, ast.expr]]:
    """What an expression adds up, each with its sign and its code."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield from terms(node.left, is_positive=is_positive)
        yield from terms(node.right, is_positive=is_positive == isinstance(node.op, ast.Add))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield from terms(node.operand, is_positive=not is_positive)
    else:
        yield ("+" if is_positive else "-") + ast.dump(node), node


def factors(node: ast.expr, *, divides: bool = False) -> Iterator[tuple[str, ast.expr]]:
    """What an expression multiplies, each with whether it divides and its code."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        yield from factors(node.left, divides=divides)
        yield from factors(node.right, divides=divides != isinstance(node.op, ast.Div))
    else:
        yield ("/" if divides else "*") + ast.dump(node), node
