"""Turns a Jupyter notebook into a Python module: its code cells in order, without what only a notebook understands."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

#: What a notebook has by itself. All of it does nothing here.
_HEADER = '''\
class _InNotebook:
    """Does nothing, whatever is called."""
    def __getattr__(self, name): return _InNotebook()
    def __call__(self, *args, **kwargs): return None
get_ipython = lambda: _InNotebook()
display = lambda *args, **kwargs: None
def _cell(source, number):
    """Run a cell as a notebook does: if it fails, the next ones are run all the same."""
    try:
        exec(compile(source, f"<cell {number}>", "exec"), globals())
    except Exception as error:
        print(f"cell {number} ended with {type(error).__name__}: {error}")
'''
#: Cell magics whose cell is Python all the same.
_PYTHON_CELLS = {"%%time", "%%timeit", "%%capture", "%%prun", "%%python", "%%python3"}
#: A line that is a magic, a command of the system, or a question for help.
_MAGIC = re.compile(r"^(\s*)(?:[%!?].*|[\w.]+\?{1,2}\s*)$")
#: An assignment of what a magic or a command of the system gives.
_ASSIGNED = re.compile(r"^(\s*[\w, .\[\]]+=\s*)[%!].*$")
_FUTURE = re.compile(r"^from __future__ import .*$", re.MULTILINE)
#: Statements that define something, and hardly ever fail.
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


class NotebookError(Exception):
    """The file is no notebook with code; the message says why and has the file as its subject."""


def modules_of(notebook: bytes, name: str) -> dict[str, str]:
    """The Python source in a notebook, by the path of the module that it makes.

    A cell that begins with ``%%writefile NAME.py`` is a module of its own, since it writes one. All other code cells
    make the module ``name``. Definitions and imports stand there as they are. What is between them, such as
    experiments, is run piece by piece, so that one that fails does not cost what comes after it.

    Parameters
    ----------
    notebook
        The contents of the ``.ipynb`` file.
    name
        The path of the module for all cells that have none of their own.

    Raises
    ------
    NotebookError
        It is no JSON of a notebook, or has no code cell.
    """
    modules: dict[str, str] = {}
    parts: list[str] = []
    for number, source in enumerate(_cells(notebook), start=1):
        written = _written_file(source)
        if written is not None:
            path, body = written
            modules[path] = body
        else:
            parts.append(_as_python(source, number))
    if not parts and not modules:
        raise NotebookError("is a notebook without code")
    # Last, so that no cell overwrites it.
    return modules | ({name: _module("\n".join(parts))} if parts else {})


def _module(body: str) -> str:
    """The module of these cells; imports from the future have to come first."""
    future = "".join(f"{line}\n" for line in dict.fromkeys(_FUTURE.findall(body)))
    return f"{future}{_HEADER}{_FUTURE.sub('', body)}\n"


def _cells(notebook: bytes) -> list[str]:
    try:
        content: Any = json.loads(notebook)  # from bytes, so that its encoding is found out
    except (ValueError, RecursionError) as error:
        raise NotebookError(f"is no notebook that can be read: {error}") from error
    sheets = content.get("worksheets") if isinstance(content, dict) else None  # until version 3 of the format
    first = sheets[0] if isinstance(sheets, list) and sheets else content
    cells = first.get("cells") if isinstance(first, dict) else None
    if not isinstance(cells, list):
        raise NotebookError("is no notebook that can be read: it has no cells")
    return [_source(each) for each in cells if isinstance(each, dict) and each.get("cell_type") == "code"]


def _source(cell: dict[str, Any]) -> str:
    """The text of a cell, which is one string or a list of lines."""
    text = cell.get("source", cell.get("input", ""))
    lines = text if isinstance(text, list) else [text]
    return "".join(each for each in lines if isinstance(each, str))


def _written_file(source: str) -> tuple[str, str] | None:
    """The path and the text of the Python file that a cell writes; None for any other cell."""
    head, _, body = source.lstrip().partition("\n")
    words = head.split()
    if not words or words[0] not in {"%%writefile", "%%file"} or not words[-1].endswith(".py"):
        return None
    path = PurePosixPath(words[-1].replace("\\", "/"))
    # No system has a file whose name holds a null character.
    return None if path.is_absolute() or ".." in path.parts or "\0" in words[-1] else (str(path), body)


def _as_python(source: str, number: int) -> str:
    head, _, rest = source.lstrip().partition("\n")
    if head.startswith("%%"):
        if head.split()[0] not in _PYTHON_CELLS:
            return f"# cell {number} is no Python"
        source = rest
    code = "\n".join(map(_without_magic, source.splitlines()))
    return f"# cell {number}\n" + "\n".join(_parts(code, number))


def _parts(code: str, number: int) -> Iterator[str]:
    """The definitions of a cell as they are, and what stands between them as calls of ``_cell``."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield _call(code, number)
        return
    lines = code.split("\n")
    for is_definition, group in groupby(body, _is_definition):
        statements = list(group)
        text = "\n".join(lines[_first_line(statements[0]) - 1 : statements[-1].end_lineno])
        yield text if is_definition else _call(text, number)


def _call(code: str, number: int) -> str:
    return f"_cell({code!r}, {number})"


def _is_definition(statement: ast.stmt) -> bool:
    return isinstance(statement, _DEFINITIONS)


def _first_line(statement: ast.stmt) -> int:
    """The line on which a statement begins, its decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _without_magic(line: str) -> str:
    found = _ASSIGNED.match(line)
    if found:
        return f"{found[1]}None"
    found = _MAGIC.match(line)
    return f"{found[1]}pass" if found else line
