"""Edits that copy an array which has two names, one of which is changed in place."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.roles import called_name
from reference.gradients.repair.view import View

#: Methods and functions whose answer may share the memory of the array.
_VIEWS = frozenset({"reshape", "ravel", "transpose", "swapaxes", "asarray", "squeeze", "atleast_1d", "atleast_2d"})


def copies(view: View) -> Iterator[Edit]:
    """A copy where an array gets a second name, and one of the two is changed in place."""
    changed = {id(sites): _changed(sites.source.tree) for sites in view.functions}
    for statement in view.simple_statements():
        words = changed[id(statement.sites)]
        node = statement.node
        if isinstance(node, ast.Assign):
            yield from _of_targets(view, statement, node, words)
        for each in ast.walk(node):
            if isinstance(each, ast.Call) and called_name(each) in {"append", "insert"}:
                yield from _copied(view, each.args[-1:], words)
            if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Mult) and isinstance(each.left, ast.List):
                place = view.of_node.get(each)
                inner = view.of_node.get(each.left.elts[0]) if len(each.left.elts) == 1 else None
                if place is not None and inner is not None and inner.shape:
                    each_copied = b.called(b.name("map"), b.function("copy"), each)
                    as_list = b.called(b.name("list"), each_copied)
                    yield Edit(place, "extra-term", 1.0, as_list)


def _of_targets(view: View, statement: Place, node: ast.Assign, words: Mapping[str, str]) -> Iterator[Edit]:
    names = [each.id for each in node.targets if isinstance(each, ast.Name)]
    told = [words[each] for each in (*names, _base(node.value)) if each in words]
    if len(names) == len(node.targets) > 1 and told and not isinstance(node.value, ast.Constant):
        first = b.name(names[0])
        more: list[ast.stmt] = [ast.Assign([each], b.numpy("copy", first)) for each in node.targets[1:]]
        yield Edit(statement, told[0], 1.0, None, {node: [ast.Assign(node.targets[:1], node.value), *more]})
    elif told and _base(node.value):
        yield from _copied(view, [node.value], dict.fromkeys((*words, _base(node.value)), told[0]))


def _copied(view: View, nodes: list[ast.expr], words: Mapping[str, str]) -> Iterator[Edit]:
    for each in nodes:
        place = view.of_node.get(each)
        if place is not None and place.is_floating and place.shape and _base(each) in words:
            yield Edit(place, words[_base(each)], 1.0, b.numpy("copy", each))


def _base(node: ast.AST) -> str:
    """The name of the array whose memory an expression may share; empty where it has its own."""
    while True:
        if isinstance(node, ast.Subscript) or (isinstance(node, ast.Attribute) and node.attr == "T"):
            node = node.value
        elif isinstance(node, ast.Call) and called_name(node) in _VIEWS:
            is_method = isinstance(node.func, ast.Attribute) and not b.is_module(node.func.value)
            if is_method:
                node = node.func.value if isinstance(node.func, ast.Attribute) else node
            elif node.args:
                node = node.args[0]
            else:
                return ""
        else:
            return node.id if isinstance(node, ast.Name) else ""


def _changed(tree: ast.AST) -> dict[str, str]:
    """The names of what a function changes in place, each with the word for a value that is changed with it."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.AugAssign):
            is_sum = isinstance(node.op, ast.Add | ast.Sub)
            found[_base(node.target)] = "extra-term" if is_sum else "extra-factor"
        elif isinstance(node, ast.Assign):
            for each in node.targets:
                if isinstance(each, ast.Subscript):
                    found.setdefault(_base(each), "wrong-argument")
        elif isinstance(node, ast.Call) and called_name(node) == "at" and node.args:
            found[_base(node.args[0])] = "extra-term"
    found.pop("", None)
    return found
