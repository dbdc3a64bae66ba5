"""Makes pieces of code: each function is named after the expression that it gives."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any, TypeVar, cast

Item = TypeVar("Item")

#: Stands in code for numpy, whatever the writer calls it.
NUMPY = "\0numpy"
#: Stands in code for the function that gives an array that is no part of it.
GIVEN = "\0given"
#: Stands in code for `applied.transposed`.
TRANSPOSED = "\0transposed"

_LOAD = ast.Load()


def number(value: float | bool | None) -> ast.expr:
    """A constant."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(value=-value))
    return ast.Constant(value=value)


def numbers(values: int | tuple[int, ...] | None) -> ast.expr:
    """A number, a tuple of numbers, or None."""
    if isinstance(values, tuple):
        return tuple_of([number(each) for each in values])
    return number(values)


def function(name: str) -> ast.expr:
    """A function of numpy; its name may have dots."""
    found: ast.expr = ast.Constant(value=NUMPY)
    for part in name.split("."):
        found = attribute(found, part)
    return found


def numpy(name: str, *args: ast.expr, **keywords: ast.expr) -> ast.expr:
    """A call of a function of numpy."""
    return ast.Call(function(name), list(args), [ast.keyword(key, value) for key, value in keywords.items()])


def called(function: ast.expr, *args: ast.expr) -> ast.expr:
    """The call of a function with arguments by position."""
    return ast.Call(function, list(args), [])


def name(text: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(text, _LOAD)


def attribute(node: ast.expr, name: str) -> ast.expr:
    """An attribute that is read."""
    return ast.Attribute(node, name, _LOAD)


def entry(array: ast.expr, index: ast.expr) -> ast.Subscript:
    """An entry, or several, that are read."""
    return ast.Subscript(array, index, _LOAD)


def tuple_of(parts: Sequence[ast.expr]) -> ast.expr:
    """A tuple that is read."""
    return ast.Tuple(list(parts), _LOAD)


def times(left: ast.expr, right: ast.expr) -> ast.expr:
    """A product."""
    return ast.BinOp(left, ast.Mult(), right)


def over(left: ast.expr, right: ast.expr) -> ast.expr:
    """A quotient."""
    return ast.BinOp(left, ast.Div(), right)


def plus(left: ast.expr, right: ast.expr) -> ast.expr:
    """A sum."""
    return ast.BinOp(left, ast.Add(), right)


def plus_given(value: ast.expr) -> ast.expr:
    """A value and what `instrument.State` is given to add to it."""
    return plus(value, called(ast.Constant(value=GIVEN)))


def transposed(linear: ast.expr, array: ast.expr) -> ast.expr:
    """What the transpose of a linear function makes of an array."""
    return called(ast.Constant(value=TRANSPOSED), linear, array)


def minus(left: ast.expr, right: ast.expr) -> ast.expr:
    """A difference."""
    return ast.BinOp(left, ast.Sub(), right)


def taken_from_one(node: ast.AST) -> ast.expr | None:
    """What is taken off from 1; None where an expression is no such difference."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub):
        return None
    return node.right if isinstance(node.left, ast.Constant) and node.left.value == 1 else None


def negative(operand: ast.expr) -> ast.expr:
    """The negative."""
    return ast.UnaryOp(ast.USub(), operand)


def power(base: ast.expr, exponent: float) -> ast.expr:
    """A power."""
    return ast.BinOp(base, ast.Pow(), number(exponent))


def backwards(array: ast.expr, axis: int) -> ast.expr:
    """An array with the entries along an axis in reverse order."""
    return numpy("flip", array, axis=number(axis))


def index_parts(node: ast.Subscript) -> list[ast.expr]:
    """What a subscript says for each axis."""
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def subscript(node: ast.Subscript, parts: Sequence[ast.expr]) -> ast.Subscript:
    """The subscript with other parts: a tuple where it was one."""
    index = tuple_of(parts) if isinstance(node.slice, ast.Tuple) else parts[0]
    return ast.Subscript(node.value, index, node.ctx)


def exchanged(items: Sequence[Item], one: int, two: int) -> list[Item]:
    """The items, two of them in each other's place."""
    changed = list(items)
    changed[one], changed[two] = changed[two], changed[one]
    return changed


def is_module(node: ast.AST) -> bool:
    """Whether an expression is the usual name of a module of mathematics."""
    return isinstance(node, ast.Name) and node.id in {"np", "numpy", "scipy", "math", "torch", "jnp"}


def names_in(node: ast.AST) -> Iterator[str]:
    """The names that an expression reads."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield each.id


def text_of(node: ast.AST) -> str:
    """The code for an expression, which is the same whether it is read or stored into."""
    return ast.unparse(node)


def substituted(node: ast.expr, new: Mapping[ast.AST, ast.expr]) -> ast.expr:
    """An expression with others in the place of some of its parts."""
    return cast("ast.expr", _substituted(node, new))


def _substituted(item: Any, new: Mapping[ast.AST, ast.expr]) -> Any:
    if isinstance(item, list):
        return [_substituted(each, new) for each in item]
    if not isinstance(item, ast.AST):
        return item
    if item in new:
        return new[item]
    made = copy(item)
    for name, value in ast.iter_fields(item):
        setattr(made, name, _substituted(value, new))
    return made
