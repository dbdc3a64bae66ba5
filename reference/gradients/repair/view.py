"""All places of the writer's code, and what can be put into them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from types import ModuleType
from typing import Any

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.building import names_in
from reference.gradients.repair.instrument import Sites, State
from reference.gradients.repair.places import Place, doubles, is_mask, is_number, varies

#: Parts of code that can stand for others: no more of them are tried in a place.
_MOST_PARTS = 90
#: Numbers of an array that is put into other places.
_LARGE = 20_000


@dataclass(eq=False)
class Part:
    """Something that the code has at hand: a name, or a part of an expression.

    Attributes
    ----------
    node
        The code for it.
    values
        As of a `Place`.
    varies
        Whether it depends on the arguments or the cotangent.
    is_of_cotangent
        Whether it doubles with the cotangent.
    is_cotangent
        Whether it is the cotangent itself.
    is_plain
        Whether it is a name, or an entry of a tuple or dict.
    turns
        Its values for the first few times that the statement is run, as ``values``; empty where that is not known.
    """

    node: ast.expr
    values: tuple[Any, ...]
    varies: bool
    is_of_cotangent: bool
    is_cotangent: bool = False
    is_plain: bool = True
    turns: tuple[Sequence[Any], ...] = ()

    def at(self, run: int, turn: int) -> Any:
        """Its value in a run, the so-manieth time."""
        if self.turns and turn < len(self.turns[run]):
            return self.turns[run][turn]
        return self.values[run] if turn == 0 else None

    @property
    def value(self) -> Any:
        """Its value, as asked."""
        return self.values[0]

    @cached_property
    def is_mask(self) -> bool:
        """Whether it is an array of zeros and ones, or of constants: zeros and one other number."""
        return np.asarray(self.value).dtype.kind == "b" or is_mask(self.value, varies=self.varies)

    @cached_property
    def is_nothing(self) -> bool:
        """Whether it is 0 in all runs."""
        return not any(np.any(each) for each in self.values)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of its value."""
        return np.shape(self.value)

    @cached_property
    def text(self) -> str:
        """Its code."""
        return ast.unparse(self.node)


class View:
    """The places of all functions, as they are in three runs.

    Parameters
    ----------
    functions
        The functions' places by number.
    runs
        What was recorded: as asked, for twice the cotangent, for another case, and for another cotangent.
    cotangent
        Of the first run.
    given
        Code of the forward pass that may be missing, and the names of constants that it uses.
    """

    def __init__(
        self, functions: Sequence[Sites], runs: Sequence[State], cotangent: Any, given: Sequence[ast.expr] = ()
    ) -> None:
        self.functions = functions
        self._runs = runs
        self._cotangent = np.asarray(cotangent)
        self._given = given
        self.places: list[Place] = []
        #: The values of names behind statements that change them.
        self.afters: list[Place] = []
        self.of_node: dict[ast.AST, Place] = {}
        self._parts: dict[int, list[Part]] = {}
        first = runs[0]
        for sites in functions:
            for number, node in sites.expressions.items():
                if number not in first.values or isinstance(first.values[number], ModuleType):
                    continue
                values = tuple(run.values.get(number) for run in runs)
                scope = first.scopes[sites.statement_of[node]]
                turns = tuple(run.turns.get(number, ()) for run in runs)
                place = Place(sites, number, node, values, scope, first.visits[number], turns)
                is_after = place.field == "after"
                (self.afters if is_after else self.places).append(place)
                self.of_node[node] = place

    def statements(self) -> Iterator[Place]:
        """The statements that were run, those of inner functions among them."""
        for sites in self.functions:
            for number, node in sites.statements.items():
                if number in self._runs[0].scopes:
                    yield Place(sites, number, node, (None,), self._runs[0].scopes[number])

    def simple_statements(self) -> Iterator[Place]:
        """Those that store something, or are a call: they hold no other statement."""
        return (each for each in self.statements() if isinstance(each.node, ast.Assign | ast.AugAssign | ast.Expr))

    def around(self, nodes: Collection[ast.AST]) -> Place | None:
        """The smallest expression that holds all of some nodes, where there is one."""
        place = self.of_node.get(next(iter(nodes)))
        while place is not None and not set(nodes) <= set(ast.walk(place.node)):
            place = self.of_node.get(place.parent)
        return place

    def computed(self, node: ast.expr, place: Place) -> list[list[Any]]:
        """The values of an expression at a place, by run and time; None where it cannot be computed there."""
        statement = place.sites.statement_of[place.node]
        return [
            [_evaluated(node, place.sites, scope) for scope in run.turn_scopes.get(statement, ())] for run in self._runs
        ]

    def parts(self, place: Place) -> list[Part]:
        """What is at hand at a place, names first."""
        statement = place.sites.statement_of[place.node]
        if statement not in self._parts:
            self._parts[statement] = list(islice(self._parts_at(place, statement), _MOST_PARTS))
        return self._parts[statement]

    def _parts_at(self, place: Place, statement: int) -> Iterator[Part]:
        seen: set[str] = set()
        scopes = [run.scopes.get(statement, {}) for run in self._runs]
        code = place.sites.source.function.__code__
        constants = self._constants(place.sites, code.co_names)
        for name, value in {**constants, **scopes[0]}.items():
            if is_number(value) and np.size(value) <= _LARGE:
                others = [scope.get(name, constants.get(name)) for scope in scopes[1:]]
                turns = tuple(
                    [scope.get(name, constants.get(name)) for scope in run.turn_scopes.get(statement, ())]
                    for run in self._runs
                )
                yield self._part(b.name(name), (value, *others), turns)
                seen.add(name)
        known = {*scopes[0], *place.sites.source.function.__globals__}
        composed = [each for each in self.places if each.sites is place.sites and each.is_number]
        composed.sort(key=lambda each: not _is_plain(each.node))
        for each in composed:
            text = ast.unparse(each.node)
            if text in seen or isinstance(each.node, ast.Name | ast.Constant) or np.size(each.value) > _LARGE:
                continue
            if known.issuperset(names_in(each.node)):
                seen.add(text)
                yield self._part(each.expression, each.values, each.turns, is_plain=_is_plain(each.node))
        for node in self._given:
            text = ast.unparse(node)
            if text not in seen and known.issuperset(names_in(node)):
                seen.add(text)
                found = [_evaluated(node, place.sites, scope) for scope in scopes]
                if is_number(found[0]) and np.size(found[0]) <= _LARGE:
                    yield self._part(node, tuple(found), (), is_plain=False)

    def _part(
        self, node: ast.expr, values: tuple[Any, ...], turns: tuple[Sequence[Any], ...], *, is_plain: bool = True
    ) -> Part:
        value = values[0]
        is_cotangent = np.shape(value) == self._cotangent.shape and bool(np.array_equal(value, self._cotangent))
        return Part(node, values, varies(values, turns), doubles(values, turns), is_cotangent, is_plain, turns)

    def _constants(self, sites: Sites, names: Sequence[str]) -> Mapping[str, Any]:
        known = sites.source.function.__globals__
        given = {each.id for each in self._given if isinstance(each, ast.Name)}
        found = {name: known[name] for name in (*names, *given) if name in known}
        return {name: value for name, value in found.items() if is_number(value)}


def _is_plain(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return _is_plain(node.value) and node.attr not in {"T", "size", "ndim"}
    if isinstance(node, ast.Subscript):
        return _is_plain(node.value) and isinstance(node.slice, ast.Constant)
    return isinstance(node, ast.Name)


def _evaluated(node: ast.expr, sites: Sites, scope: Mapping[str, Any]) -> Any:
    try:
        code = compile(ast.fix_missing_locations(ast.Expression(node)), "<part>", "eval")
        return eval(code, sites.source.function.__globals__, dict(scope))  # noqa: S307 - a part of the writer's own code
    except Exception:  # whatever foreign code raises: it is not at hand here
        return None
