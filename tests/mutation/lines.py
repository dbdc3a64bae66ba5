"""Which statements with mutants a test reaches.

A mutant is met by the tests that run the statement it changes: what is said of a failure, say, by those that fail
somebody, of the thousand that come through the function. The lines are those of the copy in ``mutants/``, where a
function and its mutants stand below each other with the same lines.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from types import CodeType

assert sys.version_info >= (3, 12)  # events for single lines, each told once, cost next to nothing

_TOOL = sys.monitoring.COVERAGE_ID
#: File, and line.
Line = tuple[str, int]
#: The lines of one statement, of which a test that runs it reaches some.
Statement = frozenset[Line]

#: What has been reached since `forget`.
reached: set[Statement] = set()
_statements: dict[Line, list[Statement]] = defaultdict(list)


def watch(statements: Mapping[Statement, CodeType]) -> None:
    """From now on `reached` tells of these, each in the function with this code."""
    for statement in statements:
        for line in statement:
            _statements[line].append(statement)
    events = sys.monitoring.events
    sys.monitoring.use_tool_id(_TOOL, "mutation")
    sys.monitoring.register_callback(_TOOL, events.LINE, _reach)
    sys.monitoring.register_callback(_TOOL, events.PY_START, lambda code, _: _reach(code, code.co_firstlineno))
    for each in {each for code in statements.values() for each in _with_nested(code)}:
        sys.monitoring.set_local_events(_TOOL, each, events.LINE | events.PY_START)


def forget() -> None:
    """As if nothing had been reached yet."""
    reached.clear()
    sys.monitoring.restart_events()


def _reach(code: CodeType, line: int) -> object:
    reached.update(_statements.get((code.co_filename, line), ()))
    return sys.monitoring.DISABLE


def _with_nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_nested(constant)


def changed(original: CodeType, mutant: CodeType) -> Statement:
    """The original's statement that the mutant has otherwise; what is in the ``def`` counts as its first line."""
    file, first = original.co_filename, original.co_firstlineno
    lines, statements = _source(original)
    for offset in range(statements[0][0], len(lines)):
        if linecache.getline(mutant.co_filename, mutant.co_firstlineno + offset) != lines[offset]:
            # The innermost, which is the last of those that begin before.
            around = [(start, end) for start, end in statements if start <= offset <= end]
            start, end = around[-1] if around else (offset, offset)
            return frozenset((file, first + each) for each in range(start, end + 1))
    return frozenset({(file, first)})


@cache
def _source(code: CodeType) -> tuple[list[str], list[tuple[int, int]]]:
    """Its lines, and from which to which its statements are; of a compound one, what is above its body."""
    lines, _ = inspect.getsourcelines(code)
    (function,) = ast.parse(textwrap.dedent("".join(lines))).body
    statements = []
    for node in ast.walk(function):
        if node is not function and isinstance(node, ast.stmt | ast.ExceptHandler):
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body else node.end_lineno
            statements.append((node.lineno - 1, max(node.lineno, end or 0) - 1))
    return lines, sorted(statements)
