"""Finds out whether code has an alternative to a module that it imports, for where the module is absent.

``try: import cupy as np`` with ``except ImportError: import numpy as np`` is right wherever it runs, if the absence of
the module is told. A stand-in for the module would keep the code from its own alternative.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

#: The types of exceptions that an absent module raises, or that include it.
_CAUGHT = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def has_alternative(source: bytes, line: int, module: str) -> bool:
    """Whether the import on a line stands in a ``try`` whose handler gives one of its names another meaning.

    Parameters
    ----------
    source
        The file.
    line
        The number of the line that imports the module.
    module
        The first name of the absent module; to import that again is no alternative.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0):
            names = set(_bound(node.body, ""))
            handlers = (each.body for each in node.handlers if _catches(each.type))
            if any(not names.isdisjoint(_bound(body, module)) for body in handlers):
                return True
    return False


def _catches(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(each is None or (isinstance(each, ast.Name) and each.id in _CAUGHT) for each in kinds)


def _bound(body: Iterable[ast.stmt], absent: str) -> Iterator[str]:
    """The names that statements bind, but for those that they import from the absent module."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                yield from (_name_of(each) for each in node.names if each.name.partition(".")[0] != absent)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] != absent:
                yield from (each.asname or each.name for each in node.names)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield node.name
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def _name_of(imported: ast.alias) -> str:
    return imported.asname or imported.name.partition(".")[0]
