"""Edits that put other names in the place of several names at once: by one rule, throughout an expression."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import takewhile

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.view import View

#: Names of an expression, and names at hand, of which pairs tell a rule.
_MOST_USED, _MOST_KNOWN = 8, 40
Nodes = Mapping[str, list[ast.Name]]
Shapes = Mapping[str, tuple[int, ...]]


def families(view: View) -> Iterator[Edit]:
    """Names that all belong to another family: ``x1`` and ``x2`` where ``y1`` and ``y2`` are due."""
    for used, known, place in _units(view):
        told: list[dict[str, str]] = []
        for one in list(used)[:_MOST_USED]:
            for other in list(known)[:_MOST_KNOWN]:
                new = _of_rule(used, one, other) if one != other and known.get(one) == known[other] else {}
                if len(new) > 1 and new not in told and all(known.get(a) == known.get(z) for a, z in new.items()):
                    told.append(new)
                    yield from _renamed(view, place, "wrong-argument", used, new)


def steps(view: View) -> Iterator[Edit]:
    """Names with numbers that are all one off: ``u`` and ``u1`` where ``u1`` and ``u2`` are due."""
    for used, known, place in _units(view):
        stems: dict[str, dict[int, str]] = {}
        for name in known:
            stem, number = _numbered(name)
            stems.setdefault(stem, {})[number] = name
        for names in stems.values():
            here = {number: name for number, name in names.items() if name in used}
            for step in (1, -1):
                new = {name: names.get(number + step, "") for number, name in here.items()}
                if len(new) > 1 and all(known[a] == known.get(z) for a, z in new.items()):
                    yield from _renamed(view, place, "shifted", used, new)


def _units(view: View) -> Iterator[tuple[Nodes, Shapes, Place]]:
    """The names of arrays and numbers in each expression that is stored or given back, and those at hand there."""
    for statement in view.statements():
        node = statement.node
        value = node.value if isinstance(node, ast.Assign | ast.AugAssign | ast.Return | ast.Expr) else None
        for each in value.elts if isinstance(value, ast.Tuple | ast.List) else [value]:
            place = None if each is None else view.of_node.get(each)
            used: dict[str, list[ast.Name]] = {}
            for inner in () if place is None else ast.walk(place.node):
                if isinstance(inner, ast.Name) and inner in view.of_node and view.of_node[inner].is_number:
                    used.setdefault(inner.id, []).append(inner)
            if place is not None and len(used) > 1:
                parts = [part for part in view.parts(place) if isinstance(part.node, ast.Name)]
                yield used, {part.text: part.shape for part in parts}, place


def _of_rule(used: Nodes, one: str, other: str) -> dict[str, str]:
    """The names that begin, or end, as one does where it differs from another one; each with its counterpart."""
    head = _common(one, other)
    tail = _common(one[::-1], other[::-1])[::-1]
    old, new = one[len(head) :], other[len(head) :]
    if head and not tail:
        return {name: name.removesuffix(old) + new for name in used if name.endswith(old)}
    old, new = one.removesuffix(tail), other.removesuffix(tail)
    return {name: new + name.removeprefix(old) for name in used if name.startswith(old)} if tail else {}


def _common(one: str, other: str) -> str:
    """What two names begin with."""
    return one[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))]


def _numbered(name: str) -> tuple[str, int]:
    """What a name ends with, and what is before it: the first of several has no number, or 0."""
    found = re.fullmatch(r"(.*?)_?(\d+)", name)
    return (name, 0) if found is None else (found[1], int(found[2]))


def _renamed(view: View, place: Place, word: str, used: Nodes, new: Mapping[str, str]) -> Iterator[Edit]:
    nodes: dict[ast.AST, ast.expr] = {node: b.name(new[name]) for name in new for node in used[name]}
    around = view.around(nodes) or place
    yield Edit(around, word, 1.15, b.substituted(around.expression, nodes))
