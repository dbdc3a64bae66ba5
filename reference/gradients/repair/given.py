"""Parts of the forward pass that a gradient may lack: its constants, and its expressions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reference.gradients.repair.asked import Asked
from reference.gradients.repair.sources import NoSourceError, sources_of

#: Expressions of the forward pass that are tried.
_MOST = 40
_KINDS = (ast.Name, ast.BinOp, ast.Call, ast.UnaryOp, ast.Subscript, ast.Compare)


def given_by(context: Asked) -> list[ast.expr]:
    """Names and expressions of the forward pass, each once."""
    args = context.pattern.args
    try:
        found = sources_of(lambda: context.run_forward(args))
    except NoSourceError:
        return []
    nodes: dict[str, ast.expr] = {}
    for source in found:
        for node in _parts(source.tree):
            nodes.setdefault(ast.unparse(node), node)
    names = [node for node in nodes.values() if isinstance(node, ast.Name)]
    others = [node for node in nodes.values() if not isinstance(node, ast.Name)]
    return [*names, *others[:_MOST]]


def _parts(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, _KINDS) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            yield node
