"""A function whose every expression can be given another value: compiled once, for all edits of expressions."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.applied import transposed
from reference.gradients.repair.building import GIVEN, NUMPY, TRANSPOSED, is_module, names_in
from reference.gradients.repair.sources import NoSourceError, Source

#: Stands in the code for the object that decides.
_STATE = "\0state of repairs"
#: Numbers of an array of which a copy is kept.
_MOST_KEPT = 20_000


#: How often the values of an expression in a loop are kept.
MOST_TURNS = 8


class EndlessError(Exception):
    """A loop runs much longer than that of the code as it was written."""


@dataclass(eq=False)
class State:
    """What instrumented code asks.

    Attributes
    ----------
    at
        The number of the expression that is replaced; -1 for none.
    code
        What stands there instead.
    values, scopes
        While ``recording``: the first value of each expression, and what names meant where it first stood.
    given, turn
        What is added to the replaced expression, for each time that it is computed, and how often it has been.
    turns, turn_scopes
        While recording: as ``values`` and ``scopes``, for the first few times.
    ticks, most_ticks
        How often loops have begun again, and how often they may.
    """

    at: int = -1
    code: CodeType | None = None
    names: dict[str, Any] = field(default_factory=dict)
    values: dict[int, Any] = field(default_factory=dict)
    scopes: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    visits: dict[int, int] = field(default_factory=dict)
    given: Any = None
    turn: int = 0
    turns: dict[int, list[Any]] = field(default_factory=dict)
    turn_scopes: dict[int, list[Mapping[str, Any]]] = field(default_factory=dict)
    ticks: int = 0
    most_ticks: int = 10**9

    def new(self, scope: dict[str, Any]) -> Any:
        """What the replaced expression is, where names mean this."""
        if self.code is None:
            raise LookupError("no expression is replaced")
        return eval(self.code, self.names, scope)  # noqa: S307 - a part of the writer's own code

    def record(self, number: int, value: Any) -> Any:
        """Keep the value of an expression."""
        self.visits[number] = self.visits.get(number, 0) + 1
        if self.visits[number] <= MOST_TURNS:
            self.turns.setdefault(number, []).append(kept(value))
            self.values.setdefault(number, self.turns[number][0])
        return value

    def next_given(self) -> Any:
        """What is added this time."""
        self.turn += 1
        return self.given[self.turn - 1] if self.turn <= len(self.given) else 0.0

    def see(self, number: int, scope: dict[str, Any]) -> None:
        """Keep what names mean at a statement."""
        known = self.turn_scopes.setdefault(number, [])
        if len(known) < MOST_TURNS:
            known.append({name: kept(value) for name, value in scope.items()})
            self.scopes[number] = known[0]

    def tick(self) -> None:
        """A loop begins again.

        Raises
        ------
        EndlessError
            It has done so too often.
        """
        self.ticks += 1
        if self.ticks > self.most_ticks:
            raise EndlessError


def kept(value: Any) -> Any:
    """A copy of an array, and of the arrays in a tuple or list."""
    if isinstance(value, np.ndarray):
        return value.copy() if value.size <= _MOST_KEPT else value
    if type(value) is tuple:
        return tuple(kept(each) for each in value)
    if isinstance(value, list):
        return [kept(each) for each in value]
    return value


def filled(code: CodeType, state: State) -> CodeType:
    """The code with the object, numpy and functions in place of the constants that stand for them."""
    return code.replace(co_consts=tuple(_filled(each, state) for each in code.co_consts))


def _filled(constant: Any, state: State) -> Any:
    if isinstance(constant, str):
        known = {_STATE: state, NUMPY: np, GIVEN: state.next_given, TRANSPOSED: transposed}
        return known.get(constant, constant)
    return filled(constant, state) if isinstance(constant, CodeType) else constant


class Sites:
    """The expressions of a function that edits replace, by number.

    Parameters
    ----------
    source
        The function.
    first
        The number of the first of them.
    """

    def __init__(self, source: Source, first: int) -> None:
        self.source = source
        self.first = first
        self.expressions: dict[int, ast.expr] = {}
        self.numbers: dict[ast.AST, int] = {}
        self.statements: dict[int, ast.stmt] = {}
        self.statement_of: dict[ast.AST, int] = {}
        self.nested: set[ast.AST] = set()
        #: By a statement of the outermost block: the names of arrays that it changes, each as it is behind it.
        self.afters: dict[ast.stmt, list[ast.Name]] = {}
        for statement in source.tree.body:
            self._visit(statement, first, nested=False)
        self.next = first + len(self.numbers) + len(self.statements)
        for statement, names in _changes(source).items():
            self.afters[statement] = [self._after(statement, name) for name in names]

    def _after(self, statement: ast.stmt, name: str) -> ast.Name:
        """A place for the value of a name behind a statement."""
        node = ast.copy_location(b.name(name), statement)
        self.expressions[self.next] = node
        self.numbers[node] = self.next
        self.statement_of[node] = self.next + 1
        self.source.parents[node] = statement, "after", None
        self.next += 2
        return node

    def _visit(self, node: ast.AST, statement: int, *, nested: bool) -> None:
        if isinstance(node, ast.pattern):
            return  # what a case is compared with has to stay a literal
        if isinstance(node, ast.stmt):
            if not nested:
                statement = self.first + len(self.numbers) + len(self.statements)
                self.statements[statement] = node
                self.statement_of[node] = statement
            nested = nested or isinstance(node, ast.ClassDef | ast.AsyncFunctionDef)
        elif isinstance(node, ast.expr):
            self.statement_of[node] = statement
            if _is_site(node):
                number = self.first + len(self.numbers) + len(self.statements)
                self.expressions[number] = node
                self.numbers[node] = number
            if nested:
                self.nested.add(node)
            nested = nested or isinstance(
                node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
            )
        for child in ast.iter_child_nodes(node):
            self._visit(child, statement, nested=nested)

    def code(self, state: State, *, recording: bool = False) -> CodeType:
        """The function with a choice at each expression, or with a note of each value.

        Raises
        ------
        NoSourceError
            It cannot be compiled so.
        """
        tree = _Choices(self, recording=recording).visit_function(self.source.tree)
        try:
            return filled(self.source.compiled(tree), state)
        except (SyntaxError, ValueError, TypeError) as error:
            raise NoSourceError(self.source.tree.name) from error

    def edited(self, state: State, replaced: Mapping[ast.AST, Any]) -> CodeType:
        """The function with other nodes in the place of some."""
        tree = _Choices(self, replaced=replaced).visit_function(self.source.tree)
        return filled(self.source.compiled(tree), state)


def _changes(source: Source) -> dict[ast.stmt, dict[str, None]]:
    """By a statement of the outermost block: the names whose values it changes, or that are read next behind it."""
    given = source.tree.args
    bound = {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
    body = [each for each in source.tree.body if not isinstance(each, ast.FunctionDef | ast.ClassDef)]
    found: dict[ast.stmt, dict[str, None]] = {each: {} for each in body}
    changed: dict[str, int] = {}
    for number, statement in enumerate(body):
        names = dict.fromkeys(_changed_by(statement, bound))
        for name in names_in(statement):
            if changed.pop(name, number) < number - 1 and name not in names:
                found[body[number - 1]][name] = None  # by now the code has more at hand
        found[statement] = names
        new = _bound_by(statement)
        bound |= new
        changed |= dict.fromkeys([*names, *new], number)
    return found


def _changed_by(statement: ast.stmt, bound: set[str]) -> list[str]:
    """The names, of those that are bound before it, whose values a statement changes, but for a plain assignment."""
    found: dict[str, None] = {}
    is_block = isinstance(statement, ast.For | ast.While | ast.If)
    for node in ast.walk(statement):
        targets: list[ast.expr] = []
        if isinstance(node, ast.AugAssign):
            targets = [node.target]
        elif isinstance(node, ast.Assign):
            targets = [each for each in node.targets if is_block or isinstance(each, ast.Subscript)]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            function = node.value.func
            targets = node.value.args[:1] if isinstance(function, ast.Attribute) and function.attr == "at" else []
        found |= dict.fromkeys(_base(each) for each in targets)
    return [each for each in found if each in bound]


def _base(node: ast.expr) -> str:
    """The name of the array of which something is an entry, or which it is; empty where it has none."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _bound_by(statement: ast.stmt) -> set[str]:
    """The names that a statement certainly gives a value."""
    if not isinstance(statement, ast.Assign):
        return set()
    names = {each for target in statement.targets for each in ast.walk(target)}
    return {each.id for each in names if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _is_site(node: ast.expr) -> bool:
    if isinstance(node, ast.Slice | ast.Starred | ast.JoinedStr | ast.FormattedValue | ast.Lambda | ast.NamedExpr):
        return False
    if isinstance(node, ast.Tuple) and any(isinstance(each, ast.Slice | ast.Starred) for each in node.elts):
        return False
    return not hasattr(node, "ctx") or isinstance(node.ctx, ast.Load)


def _state_call(name: str, *args: ast.expr) -> ast.expr:
    return b.called(b.attribute(ast.Constant(value=_STATE), name), *args)


def _scope() -> ast.expr:
    return b.called(b.name("locals"))


class _Choices:
    """Copies a definition, with what decides built in."""

    def __init__(self, sites: Sites, *, recording: bool = False, replaced: Mapping[ast.AST, Any] | None = None) -> None:
        self._sites = sites
        self._recording = recording
        self._replaced = replaced

    def visit_function(self, tree: ast.FunctionDef) -> ast.FunctionDef:
        body = [found for each in tree.body for found in self._statement(each)]
        copied = copy(tree)
        copied.body = body
        return copied

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:
        if self._replaced is not None and node in self._replaced:
            new = self._replaced[node]
            return list(new) if isinstance(new, list) else [new]
        copied = self._fields(node)
        if isinstance(node, ast.For | ast.While):
            copied.body = [ast.Expr(_state_call("tick")), *copied.body]
        number = self._sites.statement_of.get(node)
        afters = [found for each in self._sites.afters.get(node, ()) for found in self._behind(each)]
        if self._recording and number is not None and number in self._sites.statements:
            return [self._seen(number), copied, *afters]
        return [copied, *afters]

    @staticmethod
    def _seen(number: int) -> ast.stmt:
        return ast.Expr(_state_call("see", ast.Constant(value=number), _scope()))

    def _behind(self, node: ast.Name) -> list[ast.stmt]:
        """What stands behind a statement for the value of a name that it changes."""
        if self._replaced is not None:
            return []
        chosen = ast.Assign([ast.Name(node.id, ast.Store())], self._visit(node))
        return [self._seen(self._sites.statement_of[node]), chosen] if self._recording else [chosen]

    def _fields(self, node: Any) -> Any:
        changed = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.stmt):
                changed[name] = self._statement(value)
            elif isinstance(value, ast.AST):
                changed[name] = self._visit(value)
            elif isinstance(value, list):
                copied: list[Any] = []
                for each in value:
                    if isinstance(each, ast.stmt):
                        copied += self._statement(each)
                    else:
                        copied.append(self._visit(each) if isinstance(each, ast.AST) else each)
                changed[name] = copied
            else:
                changed[name] = value
        return ast.copy_location(type(node)(**changed), node)

    def _visit(self, node: ast.AST) -> Any:
        if self._replaced is not None:
            return self._replaced[node] if node in self._replaced else self._fields(node)
        copied = self._fields(node)
        number = self._sites.numbers.get(node)
        if number is None:
            return copied
        chosen = self._chosen(node, number, copied)
        return _state_call("record", ast.Constant(value=number), chosen) if self._recording else chosen

    def _chosen(self, node: ast.AST, number: int, copied: Any) -> Any:
        if node in self._sites.nested or _is_called(node, self._sites.source):
            return copied
        is_here = ast.Compare(b.attribute(ast.Constant(value=_STATE), "at"), [ast.Eq()], [ast.Constant(value=number)])
        return ast.IfExp(is_here, _state_call("new", _scope()), copied)


def _is_called(node: ast.AST, source: Source) -> bool:
    """Whether an expression is a function that is called there, or a module."""
    parent, name, _ = source.parents[node]
    return (isinstance(parent, ast.Call) and name == "func") or is_module(node)
